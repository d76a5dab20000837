"""The network in NumPy: all that predicting needs."""
