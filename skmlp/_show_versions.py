"""Versions of what the package stands on, for reports of bugs."""

from importlib.metadata import PackageNotFoundError, version

import sklearn

from skmlp._version import __version__

_LIBRARIES = ("tensorflow", "keras", "skops", "skl2onnx", "onnx", "onnxruntime")
"""What scikit-learn's own list does not have."""


def show_versions() -> None:
    """Print the versions of skmlp, TensorFlow, Python and the other libraries.

    After the lines of skmlp come those of :func:`sklearn.show_versions`: the system, its Python
    dependencies, and the libraries that compute in threads. TensorFlow is not imported.

    See Also
    --------
    sklearn.show_versions : The versions of what scikit-learn stands on.

    Examples
    --------
    >>> import skmlp
    >>> skmlp.show_versions()  # doctest: +SKIP
    """
    print("\nskmlp:")
    for name, found in _versions().items():
        print(f"{name:>13}: {found}")
    sklearn.show_versions()


def _versions() -> dict[str, str | None]:
    """Return the versions by the metadata of the installed packages; None if not installed."""
    versions: dict[str, str | None] = {"skmlp": __version__}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return versions
