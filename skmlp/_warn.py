"""Warnings that point at the user's line, however deep in the package they are raised."""

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import joblib
import sklearn.base


def _directory_of(file: str | None) -> str:
    return f"{Path(str(file)).parent}{os.sep}"


_PACKAGE = (_directory_of(__file__), str(sklearn.base.__file__))
"""The files of the package, and of the wrapper of a decorated `fit`."""

_LIBRARIES = tuple(_directory_of(file) for file in (__file__, sklearn.__file__, joblib.__file__))
"""The files of calls between the user and a fit: pipelines, searches, `Parallel`."""

_STANDARD_LIBRARY = (_directory_of(os.__file__), "<frozen ")
_SITE_PACKAGES = ("site-packages", "dist-packages")  # subdirectories of the standard library

_MODULES = ("skmlp", "sklearn.neural_network._multilayer_perceptron")
"""The modules by which a filter may match a warning, beside the module of the user.

A script that hides warnings of scikit-learn's networks by their module also hides our warnings
after it has changed the import. A script may also name skmlp.
"""


def warn_user(message: str | Warning, category: type[Warning] = UserWarning) -> None:
    """Warn at the user's line; a filter may match the warning by any of three modules.

    The modules are the user's module, `skmlp`, and the module of scikit-learn's networks. As
    always, the first matching filter in `warnings.filters` counts.

    Parameters
    ----------
    message : str or Warning
        The text, or the warning itself.
    category : type of Warning, default=UserWarning
        The category, if `message` is a text.
    """
    frame = _user_frame(sys._getframe(1))
    kind = type(message) if isinstance(message, Warning) else category
    own = frame.f_globals.get("__name__") or "<string>"
    warnings.warn_explicit(
        message,
        kind,
        frame.f_code.co_filename,
        frame.f_lineno,
        module=_filtered_module(str(message), kind, frame.f_lineno, (own, *_MODULES)),
        registry=frame.f_globals.setdefault("__warningregistry__", {}),
    )


def _user_frame(frame: FrameType) -> FrameType:
    """Return the first frame outside of the package and of libraries that call the package.

    Workers have no frame of the user; they return the first frame outside of the package.
    """
    outside = [each for each in _outwards(frame) if not _is_in(each, _PACKAGE)]
    users = (each for each in outside if not _is_in(each, _LIBRARIES) and not _is_of_python(each))
    return next(users, outside[0] if outside else frame)


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_in(frame: FrameType, places: tuple[str, ...]) -> bool:
    return frame.f_code.co_filename.startswith(places)


def _is_of_python(frame: FrameType) -> bool:
    is_installed = any(name in frame.f_code.co_filename for name in _SITE_PACKAGES)
    return _is_in(frame, _STANDARD_LIBRARY) and not is_installed


def _filtered_module(
    text: str, category: type[Warning], line: int, modules: tuple[str, ...]
) -> str:
    """Return the module by which the first matching filter matches a warning."""
    for _, pattern, kind, module, number in _filters():
        if not issubclass(category, kind) or number not in (0, line) or not _fits(pattern, text):
            continue
        for name in modules:
            if _fits(module, name):
                return name
    return modules[0]


def _filters() -> Sequence[Any]:
    """Return the filters in effect; Python 3.14 may keep the filters of a block elsewhere."""
    in_effect = getattr(warnings, "_get_filters", None)
    return warnings.filters if in_effect is None else in_effect()


def _fits(pattern: Any, text: str) -> bool:
    """Tell whether a part of a filter matches a text: None, the text, or a regular expression."""
    if pattern is None or isinstance(pattern, str):
        return pattern is None or pattern == text
    return bool(pattern.match(text))
