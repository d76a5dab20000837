"""The module name that files have for a class, wherever the class moves."""

from typing import TypeVar

_Class = TypeVar("_Class", bound=type)


def named_by_files(record: _Class) -> _Class:
    """Have pickle and skops write `skmlp.saved`, which exports the class, as its module."""
    record.__module__ = "skmlp.saved"
    return record
