"""Tests of `skmlp._model`."""
