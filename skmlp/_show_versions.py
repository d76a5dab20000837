"""Prints the versions of the package and its dependencies, for bug reports."""

from importlib.metadata import PackageNotFoundError, packages_distributions, version

import sklearn

from skmlp._version import __version__

_LIBRARIES = ("tensorflow", "keras", "skops", "skl2onnx", "onnx", "onnxruntime")
"""Libraries that are not in scikit-learn's own list."""


def show_versions() -> None:
    """Print the versions of skmlp, TensorFlow, Python and the other libraries.

    The lines after the version of skmlp list its tricks: uses of TensorFlow that are not
    documented, most of them for speed. Each trick is on, or off for a reason. The environment
    variable ``SKMLP_PLAIN_TENSORFLOW=1`` turns all tricks off, to find out whether a fault is one
    of TensorFlow. The last lines are those of :func:`sklearn.show_versions`: the system, the Python
    dependencies, and the libraries that compute in threads. TensorFlow is not imported.

    See Also
    --------
    sklearn.show_versions : The versions of the dependencies of scikit-learn.

    Examples
    --------
    >>> import skmlp
    >>> skmlp.show_versions()  # doctest: +SKIP
    """
    from skmlp._tensorflow.status import describe_tricks

    print("\nskmlp:")
    _print_rows(_versions())
    print("\nTricks with TensorFlow:")
    _print_rows(describe_tricks())
    sklearn.show_versions()


def _print_rows(rows: dict[str, str | None]) -> None:
    width = max(13, *map(len, rows))
    for name, text in rows.items():
        print(f"{name:>{width}}: {text}")


def _versions() -> dict[str, str | None]:
    """Return the versions in the metadata of installed packages; None if not installed."""
    versions: dict[str, str | None] = {"skmlp": __version__}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    if None in versions.values():
        # Another one may bring the module: tensorflow-cpu, or keras-nightly with TensorFlow 2.22rc.
        packages = packages_distributions()
        for name in (name for name in versions if versions[name] is None and name in packages):
            versions[name] = version(packages[name][0])
    return versions
