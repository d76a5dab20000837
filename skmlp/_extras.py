"""Imports optional libraries late, with an error that says how to install them."""

import importlib
from typing import Any


def import_extra(module: str, extra: str, purpose: str) -> Any:
    """Return a module of a library that an extra of the package installs.

    Parameters
    ----------
    module : str
        Full name of the module, as in an import statement.
    extra : str
        The extra that installs the library.
    purpose : str
        The feature that needs the library, as the subject of the error's sentence.

    Raises
    ------
    ImportError
        If the module cannot be imported. The message has the command that installs the library.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        raise ImportError(
            f"{purpose} needs {library}, which cannot be imported ({error}). Install it with: "
            f'python -m pip install "skmlp[{extra}]"'
        ) from error
