"""The table of tricks: which are on with which release, the switch, and the README."""

import re
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import ModuleType

import pytest

from skmlp._tensorflow import flags, kept_programs, quiet, releases, sharing
from skmlp._tensorflow.releases import TRICKS, is_on, why_off
from skmlp._tensorflow.status import describe_tricks
from tests.helpers import ROOT, run_python

README = (Path(releases.__file__).parent / "README.md").read_text()
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", README, flags=re.MULTILINE))


@pytest.fixture
def installed(monkeypatch):
    """Return a function that sets the version of TensorFlow without importing it."""
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.delenv(releases.PLAIN_VARIABLE, raising=False)
    return lambda version: monkeypatch.setattr(releases, "installed_release", lambda: version)


@pytest.mark.parametrize("name", TRICKS)
@pytest.mark.parametrize("version", ["2.20.0", "2.21.1", "2.22.0rc0", "2.99.0", "2.2.0", None])
def test_a_trick_that_may_do_harm_is_on_where_it_was_tried(name, version, installed):
    installed(version)
    trick = TRICKS[name]
    tried = version is not None and version.startswith(trick.tried)
    assert is_on(name) == (tried or not trick.is_gated)
    if version == "2.99.0" and trick.is_gated:
        assert why_off(name) == "not tried with TensorFlow 2.99.0"


def test_what_can_end_a_process_or_an_import_is_gated():
    gated = {name for name, trick in TRICKS.items() if trick.is_gated}
    assert gated == {"without_keras", "xla_flags", "kept_programs"}


def test_the_imported_release_counts(installed, monkeypatch):
    """Check another distribution's TensorFlow, and a module that is not TensorFlow."""
    installed(None)
    assert releases.release() is None
    fake = ModuleType("tensorflow")
    monkeypatch.setitem(sys.modules, "tensorflow", fake)
    assert releases.release() is None
    fake.__version__ = "2.22.0-rc0"
    assert releases.release() == "2.22.0rc0"
    fake.__version__ = "2.21.0"
    assert releases.release() == "2.21.0"
    assert is_on("xla_flags")


def test_a_tensorflow_of_another_distribution_keeps_nothing(monkeypatch):
    """Check tensorflow-cpu, say, whose version is not known before its import."""

    def version(name):
        raise PackageNotFoundError(name)

    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.delenv(releases.PLAIN_VARIABLE, raising=False)
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    monkeypatch.setattr("importlib.metadata.version", version)
    assert releases.installed_release() is None
    assert kept_programs._why_nobody_may() == "no distribution named tensorflow is installed"


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("yes", True), ("", False), ("0", False)]
)
def test_one_switch_turns_all_off(value, expected, installed, monkeypatch):
    installed("2.21.0")
    monkeypatch.setenv("SKMLP_PLAIN_TENSORFLOW", value)
    monkeypatch.setattr(kept_programs._State, "is_prepared", False)  # before the first fit
    assert {is_on(name) for name in TRICKS} == {not expected}
    if expected:
        assert set(describe_tricks().values()) == {"off: switched off by SKMLP_PLAIN_TENSORFLOW"}


@pytest.mark.parametrize("name", TRICKS)
def test_a_row_of_the_readme_says_what_a_trick_rests_on(name):
    """Check its releases against the table, and that its tests exist."""
    buys, rests_on, tried, elsewhere, tests, upstream = ROWS[name].split(" | ")
    assert all([buys, rests_on, elsewhere])
    versions = [v if "rc" in v else f"{v}." for v in tried.split(", ")]
    assert tuple(versions) == TRICKS[name].tried
    assert elsewhere.startswith("off") == TRICKS[name].is_gated
    assert upstream == "none known" or "https://github.com/" in upstream
    found = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", tests)
    assert found
    for path, test in found:
        assert f"def {test}(" in (ROOT / path).read_text()


def test_the_readme_has_no_other_rows():
    assert ROWS.keys() == TRICKS.keys()


def test_reasons_are_told(installed, monkeypatch, tmp_path):
    """Check reasons that do not come from the table."""
    installed("2.21.0")
    monkeypatch.setenv("SKMLP_CACHE_DIR", str(tmp_path))
    for module, name in ((flags, "why_not"), (sharing, "why_not"), (kept_programs, "why_not")):
        monkeypatch.setattr(module._State, name, None)
    monkeypatch.setattr(kept_programs._State, "is_prepared", False)
    monkeypatch.setattr(kept_programs._State, "directory", None)
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    described = describe_tricks()
    assert described.pop("kept_programs").startswith(str(tmp_path / "skmlp"))
    assert set(described.values()) == {"on"}
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=true")
    monkeypatch.setenv("SKMLP_CACHE_DIR", "")
    monkeypatch.setattr(sys, "executable", None)
    monkeypatch.setattr(sharing._State, "why_not", "it failed")
    described = describe_tricks()
    assert described["kept_programs"] == "off: SKMLP_CACHE_DIR is empty"
    assert described["xla_flags"] == "off: XLA_FLAGS has xla_cpu_multi_thread_eigen"
    assert described["quiet"] == f"off: {quiet.why_not()}"
    assert described["shared_memory"] == "off: it failed"
    monkeypatch.setattr(flags._LOGGER, "disabled", True)
    flags.note_too_late()
    kept_programs.note_too_late()
    described = describe_tricks()
    for name in ("kept_programs", "xla_flags"):
        assert described[name].startswith("off: TensorFlow had run before the first fit")


def test_tricks_are_described_without_tensorflow(tmp_path):
    """Check that nothing is imported, created or removed."""
    code = (
        "import sys; from skmlp._tensorflow.status import describe_tricks; describe_tricks()\n"
        "assert 'tensorflow' not in sys.modules"
    )
    done = run_python(code, SKMLP_CACHE_DIR=str(tmp_path / "none"))
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "none").exists()
