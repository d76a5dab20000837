"""Turns the arguments of a user into samples: checks, labels, weights, the validation set."""
