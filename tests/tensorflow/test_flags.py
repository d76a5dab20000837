"""The flags of XLA: whose take precedence, when they are not set, and who is told."""

import logging
import os
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from skmlp._tensorflow import flags
from tests.helpers import run_python

FIT = """
import os, warnings
warnings.simplefilter("ignore")
import numpy as np
from skmlp import TFMLPClassifier
X, y = np.random.RandomState(0).normal(size=(50, 3)), np.arange(50) % 3
clf = TFMLPClassifier(hidden_layer_sizes=5, max_iter=3, random_state=0)
"""


@pytest.fixture(autouse=True)
def _fresh_state(monkeypatch):
    monkeypatch.setattr(flags._State, "cuts_products", False)
    monkeypatch.setattr(flags._State, "has_wide_vectors", False)
    monkeypatch.setattr(flags._State, "why_not", None)
    monkeypatch.delenv("XLA_FLAGS", raising=False)


@pytest.mark.tensorflow_internals
@pytest.mark.parametrize(
    "given", [None, "", "--xla_cpu_enable_concurrency_optimized_scheduler=true"]
)
def test_flags_of_xla_are_those_of_the_user_after_a_fit(given):
    """Check XLA's variable, which other libraries and child processes read."""
    code = FIT + "clf.fit(X, y)\nprint(repr(os.environ.get('XLA_FLAGS')))"
    done = run_python(code, XLA_FLAGS=given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == repr(given)


def test_a_flag_that_xla_does_not_know_is_named_by_xla(tmp_path):
    """Check that only the line that says why the process ends is printed."""
    done = run_python(FIT + "clf.fit(X, y)", XLA_FLAGS="--xla_typo=1")
    assert done.returncode != 0
    assert "Unknown flag in XLA_FLAGS: --xla_typo=1" in done.stderr
    assert done.stdout == ""


def fake(version, fails=False):
    def function(*args, **kwargs):
        if fails:
            raise OSError("no space left")
        return SimpleNamespace(get_concrete_function=lambda tensor: compile_it)

    def compile_it(tensor):
        seen.append(os.environ.get("XLA_FLAGS"))

    seen = []
    errors = SimpleNamespace(OpError=OSError)
    parts = {"function": function, "device": lambda name: nullcontext(), "errors": errors}
    return SimpleNamespace(__version__=version, **parts), seen


@pytest.fixture
def release(monkeypatch):
    """Return a function that sets the release of TensorFlow."""

    def set_release(version):
        monkeypatch.setattr("skmlp._tensorflow.releases.release", lambda: version)

    return set_release


def test_flags_of_the_user_come_first(release, monkeypatch):
    """Check XLA's flags; products are cut only if XLA computes small ones itself."""
    release("2.21.0")
    tensorflow, seen = fake("2.21.0")
    flags.apply_flags(tensorflow, None, may_fail=False)
    assert flags.cuts_products()
    assert flags.why_not() is None
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=true")
    flags.apply_flags(tensorflow, None, may_fail=False)
    assert not flags.cuts_products()
    assert "XLA_FLAGS has xla_cpu_multi_thread_eigen" in flags.why_not()
    assert "--xla_cpu_multi_thread_eigen=false" in seen[0]
    assert seen[1].endswith(" --xla_cpu_multi_thread_eigen=true")
    assert seen[1].count("multi_thread_eigen") == 1


@pytest.mark.parametrize("off", ["release", "switch"])
def test_flags_that_this_tensorflow_may_not_know_are_not_set(off, release, monkeypatch, caplog):
    """Check a later release: an unknown flag would end the process."""
    release("2.99.0" if off == "release" else "2.21.0")
    monkeypatch.setenv("SKMLP_PLAIN_TENSORFLOW", "1" if off == "switch" else "")
    monkeypatch.setenv("XLA_FLAGS", "--given")
    tensorflow, seen = fake("2.99.0")
    with caplog.at_level(logging.INFO, "skmlp"):
        flags.apply_flags(tensorflow, None, may_fail=False)
    assert not seen
    assert os.environ["XLA_FLAGS"] == flags.all_flags() == "--given"
    expected = {"release": ["not tried with TensorFlow 2.99.0"], "switch": []}[off]
    assert [record.args[0] for record in caplog.records] == expected
    assert {record.levelname for record in caplog.records} <= {"INFO"}  # not shown by default


@pytest.mark.parametrize("may_fail", [True, False])
def test_flags_are_set_where_nothing_can_be_written(may_fail, release, monkeypatch):
    """Check a full disk, where TensorFlow fails to compile; other errors are raised."""
    release("2.21.0")
    monkeypatch.setenv("XLA_FLAGS", "--given")
    with nullcontext() if may_fail else pytest.raises(OSError, match="no space left"):
        flags.apply_flags(fake("2.21.0", fails=True)[0], None, may_fail)
    assert os.environ["XLA_FLAGS"] == "--given"
    assert flags.cuts_products()


TOO_LATE = "TensorFlow had run before the first fit of skmlp"


@pytest.mark.parametrize(
    ("variable", "value", "is_told"),
    [
        ("XLA_FLAGS", "", True),
        ("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=true", False),
        ("SKMLP_PLAIN_TENSORFLOW", "1", False),
    ],
)
def test_who_runs_tensorflow_first_is_told(variable, value, is_told, release, monkeypatch, caplog):
    """Check that users who have switched the flags off are not told."""
    release("2.21.0")
    monkeypatch.setenv(variable, value)
    flags.note_too_late()
    assert [record.message.startswith(TOO_LATE) for record in caplog.records] == [True] * is_told
    assert flags.why_not() is not None


@pytest.mark.tensorflow_internals
def test_the_message_comes_once_and_stops_no_fit():
    """Check a process whose warnings are errors, and a silenced logger."""
    code = (
        "import tensorflow as tf; tf.constant(1.0)\n" + FIT + "warnings.simplefilter('error')\n"
        "clf.set_params(max_iter=3, tol=9.0, n_iter_no_change=1)\n"
        "clf.fit(X, y); clf.set_params(hidden_layer_sizes=4).fit(X, y)"
    )
    done = run_python(code)
    assert (done.returncode, done.stderr.count(TOO_LATE)) == (0, 1), done.stderr
    silence = "import logging; logging.getLogger('skmlp').setLevel('ERROR')\n"
    done = run_python(silence + code)
    assert (done.returncode, done.stderr.count(TOO_LATE)) == (0, 0), done.stderr


@pytest.mark.parametrize(
    ("given", "is_wide", "expected"),
    [
        ("", True, True),
        ("", False, False),
        ("--xla_cpu_prefer_vector_width=256", True, False),
        ("--xla_cpu_multi_thread_eigen=true", True, False),
    ],
)
def test_vectors_are_wide_unless_the_user_decides(given, is_wide, expected, release, monkeypatch):
    release("2.21.0")
    monkeypatch.setattr(flags, "_is_wide_processor", lambda: is_wide)
    monkeypatch.setenv("XLA_FLAGS", given)
    flags.apply_flags(fake("2.21.0")[0], None, may_fail=False)
    assert flags.has_wide_vectors() is expected


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [("flags : avx2 avx512f avx512_vbmi2", True), ("flags : avx2 avx512f", False), (None, False)],
)
def test_wide_vectors_are_for_processors_that_keep_their_speed(cpuinfo, expected, monkeypatch):
    """Check a processor before Ice Lake, and an unknown one."""

    def read_text(path):
        if cpuinfo is None:
            raise FileNotFoundError(path)
        return cpuinfo

    monkeypatch.setattr(flags.Path, "read_text", read_text)
    assert flags._is_wide_processor() is expected
