"""Tests of `skmlp._tensorflow`."""
