"""The map of the plant: zones as columns, Purdue levels as rows, laid out in integers; the same plant gives the same drawing."""
