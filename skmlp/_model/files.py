"""The name by which files know a class, wherever the class moves."""

from typing import TypeVar

_Class = TypeVar("_Class", bound=type)


def named_by_files(record: _Class) -> _Class:
    """Make `skmlp.saved`, which exports the class, the module that pickle and skops write down."""
    record.__module__ = "skmlp.saved"
    return record
