"""Tests of promises of the whole package."""
