"""Alerts: what a rule found, with its evidence, aggregated into incidents."""
