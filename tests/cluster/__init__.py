"""Tests of `skmlp._cluster`."""
