"""Measurements: what the speed and the memory of skmlp are, beside those of its peers."""
