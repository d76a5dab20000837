"""Tests of `skmlp.dask`."""
