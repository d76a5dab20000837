"""The classes that a user calls: the classifier, the regressor and the fit that they share."""
