"""Tests of `skmlp._program`."""
