"""show_versions: its output, and that it imports little."""

import os
import re
from importlib.metadata import packages_distributions, version

import skmlp
from skmlp import _show_versions
from tests.helpers import run_python


def test_versions_are_printed_without_importing_the_libraries():
    """Check the four blocks in a separate process."""
    done = run_python(
        "import sys, skmlp; skmlp.show_versions()\n"
        "assert not {'tensorflow', 'keras', 'skl2onnx', 'onnxruntime'} & set(sys.modules)"
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = dict(re.findall(r"^ *(\w+): (\S+)", done.stdout, flags=re.MULTILINE))
    assert found["skmlp"] == skmlp.__version__
    names = {"tensorflow": "tensorflow", "sklearn": "scikit-learn"}
    names["keras"] = packages_distributions()["keras"][0]  # keras-nightly, for a candidate
    for shown, package in (names | {"numpy": "numpy", "scipy": "scipy"}).items():
        assert found[shown] == version(package), shown
    assert found["xla_flags"] == "on"
    assert found["kept_programs"].startswith(os.environ["SKMLP_CACHE_DIR"])
    assert {"python", "executable", "machine", "user_api"} <= found.keys()


def test_a_library_may_come_in_a_distribution_of_another_name(monkeypatch, capsys):
    """Check the line of the module `sklearn`, of scikit-learn."""
    monkeypatch.setattr(_show_versions, "_LIBRARIES", ("sklearn",))
    skmlp.show_versions()
    line = f"sklearn: {version('scikit-learn')}\n"
    assert capsys.readouterr().out.count(line) == 2  # and in scikit-learn's own lines


def test_libraries_that_are_not_installed_are_none(monkeypatch, capsys):
    """Check the line of a missing library."""
    monkeypatch.setattr(_show_versions, "_LIBRARIES", ("skmlp-has-no-such-extra",))
    skmlp.show_versions()
    assert "skmlp-has-no-such-extra: None\n" in capsys.readouterr().out
