"""The network in NumPy, which is enough to predict."""
