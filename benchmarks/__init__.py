"""Measurements of the speed and memory of skmlp, beside its peers."""
