"""Measured as ratios within one run."""
