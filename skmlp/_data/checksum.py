"""Checksums of arrays that lie in parts, which do not depend on how they are cut.

It is the cyclic redundancy check of zlib, of 32 bits. It finds that samples are others, of which it
misses one in four billion; it is no protection against somebody who wants to be missed.
"""

import zlib

import numpy as np

_POLYNOMIAL = 0xEDB88320
"""That of the check, without its first term; as in zlib, the highest bit is the constant term."""

_ONE = 1 << 31


def checksum(array: np.ndarray) -> int:
    """Return the checksum of the values of an array, row after row."""
    # There is a zero below zero, which is as good.
    return zlib.crc32(np.ascontiguousarray(array + array.dtype.type(0)).data)


def joined(first: int, second: int, n_bytes: int) -> int:
    """Return the checksum of two parts, one after the other.

    Parameters
    ----------
    first, second : int
        The checksum of each.
    n_bytes : int
        The length of the second.
    """
    factor, power, left = _ONE, _ONE >> 8, n_bytes  # 1, and x to the power of the bits of a byte
    while left:
        if left & 1:
            factor = _times(power, factor)
        power, left = _times(power, power), left >> 1
    return _times(factor, first) ^ second


def _times(a: int, b: int) -> int:
    """Return the product of two polynomials over the bits, modulo that of the check."""
    product, bit = 0, _ONE
    while bit:
        if a & bit:
            product ^= b
        b = (b >> 1) ^ _POLYNOMIAL if b & 1 else b >> 1
        bit >>= 1
    return product
