"""Checksums of arrays in parts."""

import zlib

import numpy as np
import pytest

from skmlp._data.checksum import checksum, joined


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cuts", [[], [3], [0, 3, 3], [1, 7, 10]])
def test_parts_have_the_checksum_of_the_whole(cuts, dtype):
    """Check them against that of zlib, for parts of which some are empty."""
    X = np.random.RandomState(0).rand(10, 5).astype(dtype)
    first, *others = np.split(X, cuts)
    total = checksum(first)
    for part in others:
        total = joined(total, checksum(part), part.nbytes)
    assert total == zlib.crc32(X.tobytes())


def test_what_differs():
    """Check a value, the order of rows, and that both zeros are one."""
    X = np.random.RandomState(0).rand(10, 5)
    X[3, 2] = 0
    other = X.copy()
    other[3, 2] = -0.0
    assert checksum(other) == checksum(X)
    other[3, 2] = 5e-324
    assert len({checksum(X), checksum(other), checksum(X[::-1]), checksum(-X)}) == 4
