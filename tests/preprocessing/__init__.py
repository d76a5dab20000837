"""Tests of `skmlp.preprocessing`."""
