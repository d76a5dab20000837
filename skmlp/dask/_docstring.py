"""Puts the parameters of one class into the docstring of another class."""

import re
from collections.abc import Callable
from typing import TypeVar

_Class = TypeVar("_Class", bound=type)

_HEADER = "    Parameters\n    ----------\n"


def with_parameters_of(plain: type) -> Callable[[_Class], _Class]:
    """Return a decorator that puts the parameters of `plain` first in the docstring of a class.

    Parameters
    ----------
    plain : type
        The class that has the parameters. In its docstring, ``Attributes`` follow ``Parameters``.
    """

    def decorate(cls: _Class) -> _Class:
        if cls.__doc__ and plain.__doc__:  # python -OO removes docstrings
            shared = plain.__doc__.partition(_HEADER)[2].partition("    Attributes\n")[0]
            shared = re.sub(r"\s*\[\d+\]_", "", shared)  # the references are on the page of `plain`
            before, header, after = cls.__doc__.partition(_HEADER)
            cls.__doc__ = before + header + shared + after
        return cls

    return decorate
