"""The estimators that a user calls, and the fit that they share."""
