"""What changed between two observations of a plant."""
