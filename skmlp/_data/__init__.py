"""From the arguments of a user to samples: checks, labels, weights, the validation set."""
