"""Tests of `skmlp.plotting`."""
