"""Tests of `skmlp._estimators`."""
