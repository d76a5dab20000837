"""Sessions of checks, each in its own environment.

``nox`` runs the checks that a change has to pass, except the long ones; ``nox -l`` lists all. With
``--no-venv --no-install`` they run in the current environment, as in ``.ci/run``.
"""

import os
import re

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["lint", "types", "docs", "tests"]
nox.options.reuse_venv = "yes"

WORKERS = ("-n", "2")

SWEEPS = ("tests/promises/test_parity.py", "tests/promises/test_estimator_checks.py")
"""Slow tests that compile more programs than one process can hold."""

CLUSTERS = ("tests/promises/test_clusters.py", "tests/cluster", "tests/dask")
"""Slow tests that start workers of their own."""

RELEASES = [
    nox.param("~=2.20.0", id="2.20"),
    nox.param("~=2.21.0", id="2.21"),
    nox.param("==2.22.0rc0", id="2.22rc"),
]
"""Releases of TensorFlow that were tried, in the form that pip takes."""


def oldest_dependencies():
    """Return the requirements of `pyproject.toml`, each at its oldest allowed release."""
    project = nox.project.load_toml("pyproject.toml")["project"]
    return [requirement.replace(">=", "==") for requirement in project["dependencies"]]


def readme_command():
    """Return the arguments of the README's test command."""
    with open("README.md", encoding="utf-8") as readme:
        return re.search(r"python -m pytest (.*)", readme.read())[1].split()


@nox.session
def lint(session):
    """Check formatting, style, and the files of the hosted checks."""
    session.install("-e", ".[dev]")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("zizmor", "--offline", "--quiet", ".github")


@nox.session
def types(session):
    """Check types."""
    session.install("-e", ".[dev]")
    session.run("mypy")


@nox.session
def docs(session):
    """Check docstrings, run the documentation's examples, build the pages, and check them."""
    session.install("-e", ".[docs,test]")
    session.run("python", "-m", "pytest", "-q", "tests/promises/test_docstrings.py")
    pages = [f"docs/{name}" for name in sorted(os.listdir("docs")) if name.endswith(".rst")]
    session.run("python", "-m", "doctest", *pages)
    options = ["-W", "--keep-going", "-q", "-b", "html"]
    session.run("python", "-m", "sphinx", *options, "docs", "docs/_build/html")
    session.run("python", "docs/check_pages.py", "docs/_build/html")


@nox.session
def tests(session):
    """Run the tests as in the README, or with the arguments after ``--``."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", *(session.posargs or readme_command()))


@nox.session
def clusters(session):
    """Run searches on loky, threads, Dask and Ray, and one network on Dask, one after another.

    Each starts workers of its own, and gives up if they take too long.
    """
    session.install("-e", ".[test,dask,ray]")
    session.run("python", "-m", "pytest", "-q", "skmlp/dask")
    session.run("python", "-m", "pytest", "-q", "-m", "slow", *CLUSTERS)


@nox.session
def compiled(session):
    """Run tests of `uncompiled` programs compiled: all of them, or those after ``--``."""
    session.install("-e", ".[test]")
    uncompiled = "uncompiled and not compiled and not slow and not exhaustive"
    pytest = ("python", "-m", "pytest", "-q", *WORKERS, "--compiled", "-m", uncompiled)
    session.run(*pytest, *session.posargs)


@nox.session
def slow(session):
    """Run the sweeps over many configurations, except those on clusters."""
    session.install("-e", ".[test]")
    pytest = ("python", "-m", "pytest", "-q", *WORKERS, "-m", "slow")
    for part in SWEEPS:
        session.run(*pytest, part)
    session.run(*pytest, "tests", *(f"--ignore={path}" for path in (*SWEEPS, *CLUSTERS)))


@nox.session
def exhaustive(session):
    """Run the rest of the largest sweep, in parts."""
    session.install("-e", ".[test]")
    pytest = ("python", "-m", "pytest", "-q", *WORKERS, "-m", "exhaustive", SWEEPS[0])
    for activation in ("identity", "logistic", "tanh", "relu"):
        session.run(*pytest, "-k", activation)


@nox.session(python="3.11")
def oldest(session):
    """Run the tests with the oldest allowed releases of all requirements."""
    session.install("-e", ".[test]", *oldest_dependencies())
    session.run("python", "-m", "pytest", *(session.posargs or readme_command()))


@nox.session
@nox.parametrize("release", RELEASES)
def tensorflow(session, release):
    """Run the tests with one release of TensorFlow."""
    session.install("-e", ".[test]", f"tensorflow{release}")
    session.run("python", "-m", "pytest", *(session.posargs or readme_command()))
