"""The docstrings of public objects, as numpydoc judges them."""

import importlib
import inspect
import pkgutil

import pytest

import skmlp

numpydoc = pytest.importorskip("numpydoc.validate", reason='pip install "skmlp[docs]"')

CALLED_BY_FIT = ("setup", "on_fit_task_begin", "on_fit_task_end", "teardown", "load_snapshot")
"""Methods of callbacks. Users do not call them, and need no examples and no references."""


def public_modules():
    """Yield the package and its modules whose names have no underscore in front."""
    yield skmlp
    for info in pkgutil.walk_packages(skmlp.__path__, "skmlp."):
        is_public = not any(part.startswith("_") for part in info.name.split("."))
        if is_public and info.name != "skmlp.saved":  # names for files, not for users to call
            yield importlib.import_module(info.name)


def is_ours(value):
    return (getattr(value, "__module__", None) or "").split(".")[0] == "skmlp"


def public_members(cls):
    """Yield the names of methods and properties that skmlp defines for a class."""
    for name, member in inspect.getmembers_static(cls):
        function = getattr(member, "fget", getattr(member, "__func__", member))
        is_documented = (
            callable(function) or hasattr(member, "fn") or inspect.isdatadescriptor(member)
        )
        if (
            not name.startswith("_")
            and is_documented
            and is_ours(getattr(function, "fn", function))
        ):
            yield name


def public_objects():
    """Return the names of the classes, functions, methods and properties that are public."""
    names = {}
    for module in public_modules():
        for name in module.__all__:
            value = getattr(module, name)
            if name.startswith("_") or not is_ours(value) or not callable(value):
                continue
            names[value] = path = f"{module.__name__}.{name}"
            if inspect.isclass(value):
                members = public_members(value)
                names.update({(value, member): f"{path}.{member}" for member in members})
    return sorted(names.values())


@pytest.mark.parametrize("name", public_objects())
def test_docstrings_are_valid(name):
    """Check all that numpydoc checks; only methods that no user calls may lack two sections."""
    optional = {"SA01", "EX01"} if name.split(".")[-1] in CALLED_BY_FIT else set()
    errors = numpydoc.validate(name)["errors"]
    assert [error for error in errors if error[0] not in optional] == []


def test_public_objects_are_found():
    """Check methods, class methods, and methods that exist only under conditions."""
    found = {name.removeprefix("skmlp.") for name in public_objects()}
    assert {
        "TFMLPClassifier.fit",
        "TFMLPClassifier.partial_fit",
        "TFMLPRegressor.predict",
        "datasets.load_mnist",
        "plotting.LossCurveDisplay.from_estimator",
        "plotting.plot_images",
    } <= found
    assert not any("set_params" in name or "BaseTFMLP" in name for name in found)
