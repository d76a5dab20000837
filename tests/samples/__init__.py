"""Tests of `skmlp._data`; not named after it, as `tests/data` holds files."""
