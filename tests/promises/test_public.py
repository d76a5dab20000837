"""Promises to users who import the package: public names and types."""

import importlib
import inspect
import pkgutil
from importlib.metadata import distribution
from importlib.resources import files

import pytest

import skmlp

MODULES = [
    "skmlp",
    *(
        module.name
        for module in pkgutil.walk_packages(skmlp.__path__, "skmlp.")
        if not any(part.startswith("_") for part in module.name.split("."))
    ),
]


@pytest.mark.parametrize("name", MODULES)
def test_public_modules_list_their_names(name):
    """Check that __all__ is sorted, and that all of its names exist."""
    module = importlib.import_module(name)
    assert list(module.__all__) == sorted(set(module.__all__))
    for each in module.__all__:
        assert hasattr(module, each), each
    assert module.__doc__


@pytest.mark.parametrize("name", MODULES)
def test_public_functions_have_types(name):
    """Check parameters and results; estimators' methods have scikit-learn's signatures."""
    module = importlib.import_module(name)
    functions = [getattr(module, each) for each in module.__all__]
    for function in filter(inspect.isfunction, functions):
        signature = inspect.signature(function)
        annotations = [each.annotation for each in signature.parameters.values()]
        assert inspect.Signature.empty not in [*annotations, signature.return_annotation], function


def test_the_package_says_that_it_has_types():
    """Check the marker of PEP 561, in the sources and in the installed package."""
    assert (files("skmlp") / "py.typed").is_file()
    installed = {str(path) for path in distribution("skmlp").files}
    assert "skmlp/py.typed" in installed or "skmlp/__init__.py" not in installed
