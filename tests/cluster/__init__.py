"""Tests of `skmlp._engine`."""
