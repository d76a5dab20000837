"""Tests of `skmlp._training`."""
