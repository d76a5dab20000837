"""Prints the lines of a fit, so that a broken standard output does not stop the fit."""

import sys

from skmlp._warn import warn_user


class LinePrinter:
    """Prints lines to `sys.stdout`, and warns once if that fails."""

    def __init__(self) -> None:
        self._has_warned = False

    def print(self, line: str) -> None:
        """Print a line at once; the user's stream may have no `flush`."""
        try:
            print(line)
            flush = getattr(sys.stdout, "flush", None)
            if flush is not None:
                flush()
        except Exception as error:  # the user's stream may raise anything
            if not self._has_warned:
                self._has_warned = True
                warn_user(
                    "The log can't be printed, and training goes on without it. sys.stdout "
                    f"raised {type(error).__name__}: {error}"
                )
