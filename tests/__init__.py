"""Tests of skmlp."""
