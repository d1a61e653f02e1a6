"""Years of observations as Parquet, by site, sensor and day: written once, never changed, chained by hashes, asked with SQL."""
