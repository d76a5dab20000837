"""TensorFlow stays out of the way: when it is imported, what it prints, and forks."""

import os
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from skmlp._tensorflow import loading as _tensorflow
from tests.helpers import run_python, without_log

FIT = """
import warnings
warnings.simplefilter("ignore")
import numpy as np
from skmlp import TFMLPClassifier
X, y = np.random.RandomState(0).normal(size=(50, 3)), np.arange(50) % 3
clf = TFMLPClassifier(hidden_layer_sizes=5, max_iter=3, random_state=0)
"""

NO_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = None  # importing it raises ImportError
"""


def pickled_fit(path):
    code = FIT + f"import pickle; pickle.dump(clf.fit(X, y), open({str(path)!r}, 'wb'))"
    assert run_python(code).returncode == 0
    return (
        "import pickle, sys, numpy as np; X = np.random.RandomState(0).normal(size=(50, 3))\n"
        f"clf = pickle.load(open({str(path)!r}, 'rb'))\n"
        "assert clf.predict(X).shape == (50,)\n"
        "assert clf.predict_proba(X).shape == (50, 3)\n"
        "assert clf.predict_log_proba(X).shape == (50, 3)\n"
        "assert 0 <= clf.score(X, np.arange(50) % 3) <= 1\n"
    )


def test_import_and_predict_do_not_import_tensorflow(tmp_path):
    """Check sys.modules after an import, an unpickling and all predictions."""
    code = pickled_fit(tmp_path / "clf.pkl")
    check = "assert not any(name.split('.')[0] == 'tensorflow' for name in sys.modules)"
    done = run_python("import skmlp, sys\n" + check + "\n" + code + check)
    assert (done.returncode, done.stderr) == (0, "")


def test_predict_works_where_tensorflow_cannot_be_imported(tmp_path):
    """Check a machine without TensorFlow."""
    done = run_python(NO_TENSORFLOW + pickled_fit(tmp_path / "clf.pkl"))
    assert (done.returncode, done.stderr) == (0, "")


def test_fit_says_that_tensorflow_is_missing():
    """Check that the error is an ImportError, and leaves the estimator unfitted."""
    code = NO_TENSORFLOW + FIT + "\ntry:\n    clf.fit(X, y)\nexcept ImportError as e: print(e)"
    done = run_python(code + "\nassert not hasattr(clf, 'classes_')")
    assert (done.returncode, done.stderr) == (0, "")
    assert "tensorflow" in done.stdout


def test_nothing_is_printed():
    """Check both streams during the import and two fits; what was set for it is unset."""
    code = (
        FIT + "clf.fit(X, y); clf.set_params(activation='tanh').fit(X, y); import os\n"
        "assert not {'TF_CPP_MIN_LOG_LEVEL', 'TF_USE_LEGACY_KERAS'} & set(os.environ)"
    )
    done = run_python(code, TF_USE_LEGACY_KERAS=None)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_many_shapes_print_no_warning_of_retracing():
    """Check fits of more shapes than TensorFlow tolerates without a warning."""
    code = FIT + "for n in range(2, 9): clf.set_params(hidden_layer_sizes=n).fit(X, y)"
    done = run_python(code)
    assert (done.returncode, done.stderr) == (0, "")


def test_jax_is_not_imported(tmp_path):
    """Check that the first fit leaves JAX out, which TensorFlow Lite uses if it is installed."""
    (tmp_path / "jax.py").write_text("def jit(function): return 'compiled', function")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        + FIT
        + "clf.fit(X, y); assert 'jax' not in sys.modules\n"
        + "import tensorflow as tf; tf.lite.Interpreter; assert 'jax' in sys.modules\n"
    )
    done = run_python(code)
    assert (done.returncode, without_log(done.stderr)) == (0, "")


def test_keras_is_not_imported_but_can_be():
    """Check that the first fit leaves Keras out, and that tf.keras works afterwards."""
    code = (
        FIT
        + "import sys; clf.fit(X, y); assert 'keras' not in sys.modules\n"
        + "import tensorflow as tf; assert tf.keras.layers.Dense(2)(X).shape == (50, 2)"
    )
    assert run_python(code).returncode == 0


def test_fit_works_where_standard_error_is_closed():
    """Check a process without file descriptor 2, as a daemon may be."""
    code = "import os, sys; os.close(2); sys.stderr = None" + FIT + "clf.fit(X, y); print('done')"
    done = run_python(code)
    assert (done.returncode, done.stdout) == (0, "done\n")


FORK = """
import os, sys
def in_child(action):
    pid = os.fork()
    if pid == 0:
        try:
            action()
        except RuntimeError as error:
            print(error, flush=True)
            os._exit(3)
        except BaseException:
            os._exit(4)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_fit_in_a_forked_process_raises_at_once():
    """Check a real fork after a fit: fit raises, predict works, and so does the parent."""
    code = (
        FORK
        + FIT
        + "clf.fit(X, y)\n"
        + "assert in_child(lambda: clf.fit(X, y)) == 3\n"
        + "assert in_child(lambda: clf.predict(X)) == 0\n"
        + "assert in_child(lambda: in_child(lambda: clf.fit(X, y)) == 3 or os._exit(5)) == 0\n"
        + "clf.fit(X, y)"
    )
    done = run_python(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert "forked after TensorFlow had run" in done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_fit_raises_in_a_fork_after_a_user_ran_tensorflow():
    """Check TensorFlow that was run by somebody else."""
    code = (
        FORK
        + FIT
        + "import tensorflow as tf; tf.constant(1) + 1\n"
        + "assert in_child(lambda: clf.fit(X, y)) == 3"
    )
    assert run_python(code).returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_fit_raises_in_a_fork_while_tensorflow_is_imported():
    """Check a fork in the middle of another thread's first fit."""
    code = (
        FORK
        + FIT
        + "import threading, time; from skmlp._tensorflow.loading import _Fork\n"
        + "thread = threading.Thread(target=clf.fit, args=(X, y)); thread.start()\n"
        + "while not _Fork.would_tear_import: time.sleep(0.001)\n"
        + "assert in_child(lambda: TFMLPClassifier().fit(X, y)) == 3\n"
        + "thread.join(); assert clf.predict(X).shape == (50,)"
    )
    assert run_python(code).returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_fit_works_in_a_fork_before_tensorflow_ran():
    """Check that a fork as such is no reason to refuse."""
    code = FORK + FIT + "assert in_child(lambda: clf.fit(X, y)) == 0"
    assert run_python(code).returncode == 0


def test_lines_of_others_reach_standard_error(capfd):
    """Check that only TensorFlow's log lines are dropped from what is held back."""
    with _tensorflow.without_log_lines():
        os.write(2, b"I0000 00:00:1.5 1 port.cc:153] oneDNN custom operations are on.\n")
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called\n")
        os.write(2, b"a line of somebody else\n")
    assert capfd.readouterr().err == "a line of somebody else\n"


def test_held_back_lines_survive_an_error(capfd):
    """Check that what explains an error is not lost."""

    def fail():
        with _tensorflow.without_log_lines():
            os.write(2, b"why\n")
            raise OSError("no")

    with pytest.raises(OSError, match="no"):
        fail()
    assert capfd.readouterr().err == "why\n"


def test_bits_do_not_depend_on_the_process():
    """Check that the same seed gives the same bits in two processes."""
    code = FIT + "print(clf.fit(X, y).coefs_[0].tobytes().hex())"
    first, second = run_python(code), run_python(code)
    assert first.returncode == 0
    assert first.stdout == second.stdout
    assert len(first.stdout) > 100


def test_one_module_imports_tensorflow():
    """Check the sources, for what the module docstrings promise."""
    from pathlib import Path

    sources = Path(_tensorflow.__file__).parent.rglob("*.py")
    marks = ("import tensorflow", "from tensorflow", 'import_module("tensorflow')
    importers = {p.name for p in sources if any(mark in p.read_text() for mark in marks)}
    assert importers <= {"_tensorflow.py"}
    assert "tensorflow" not in np.__dict__
    assert sys.modules["skmlp._tensorflow.loading"] is _tensorflow


def test_a_graph_that_the_user_builds_is_not_touched():
    """Check fits inside of it, the first and a later one, by epochs and by L-BFGS."""
    code = """
import tensorflow as tf
with tf.Graph().as_default() as graph:
    graph.finalize()
    inside = [clf.set_params(solver=s).fit(X, y).loss_ for s in ("adam", "adam", "lbfgs")]
    assert not graph.get_operations()
outside = [clf.set_params(solver=s).fit(X, y).loss_ for s in ("adam", "adam", "lbfgs")]
assert inside == outside
"""
    done = run_python(FIT + code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"OMP_NUM_THREADS": "1"}, "1"),
        ({"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "2"}, "2"),
        ({"OMP_NUM_THREADS": "many"}, "None"),
        ({"OMP_NUM_THREADS": None}, "None"),
    ],
)
def test_a_worker_keeps_to_its_share_of_the_cores(environment, expected):
    """Check what TensorFlow is told during its import, and that nothing of it is left."""
    code = """
import os
from skmlp._tensorflow import loading as _tensorflow
name = "TF_NUM_INTRAOP_THREADS"
before = os.environ.get(name)
with _tensorflow._environment(_tensorflow._import_environment()):
    print(os.environ.get(name))
assert os.environ.get(name) == before
"""
    environment = {"TF_NUM_INTRAOP_THREADS": None} | environment
    done = run_python(code, **environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == expected


@pytest.mark.parametrize(
    "given",
    [
        None,
        pytest.param("", marks=pytest.mark.slow),
        "--xla_cpu_enable_concurrency_optimized_scheduler=true",
    ],
)
def test_flags_of_xla_are_those_of_the_user_after_a_fit(given):
    """Check the variable that XLA reads, which other libraries and child processes read too."""
    code = FIT + "clf.fit(X, y)\nimport os\nprint(repr(os.environ.get('XLA_FLAGS')))"
    done = run_python(code, XLA_FLAGS=given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == repr(given)


def test_flags_that_this_tensorflow_may_not_know_are_not_set(monkeypatch):
    """Check a later release: XLA ends the process for a flag that it does not know."""
    seen = []
    later = SimpleNamespace(__version__="2.99.0", function=lambda *a, **k: seen.append(1))
    monkeypatch.setenv("XLA_FLAGS", "--given")
    _tensorflow._set_xla_flags(later, None)
    assert not seen
    assert os.environ["XLA_FLAGS"] == "--given"


@pytest.mark.parametrize("is_kept", [True, False])
def test_flags_are_set_where_nothing_can_be_written(is_kept, tmp_path, monkeypatch):
    """Check a TensorFlow that does not compile what it can't keep; other errors are raised."""

    def function(*args, **kwargs):
        raise OSError("no space left")

    known = SimpleNamespace(
        __version__="2.21.0", function=function, errors=SimpleNamespace(OpError=OSError)
    )
    monkeypatch.setenv("XLA_FLAGS", "--given")
    monkeypatch.setattr(_tensorflow._Compiler, "multiplies_small", False)
    monkeypatch.setattr(_tensorflow._Compiler, "directory", tmp_path if is_kept else None)
    with nullcontext() if is_kept else pytest.raises(OSError, match="no space left"):
        _tensorflow._set_xla_flags(known, None)
    assert os.environ["XLA_FLAGS"] == "--given"


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [("flags : avx2 avx512f avx512_vbmi2", True), ("flags : avx2 avx512f", False), (None, False)],
)
def test_wide_vectors_are_for_processors_that_keep_their_speed(cpuinfo, expected, monkeypatch):
    """Check a processor before Ice Lake too, and a system that tells nothing of it."""

    def read_text(path):
        if cpuinfo is None:
            raise FileNotFoundError(path)
        return cpuinfo

    monkeypatch.setattr(_tensorflow.Path, "read_text", read_text)
    assert _tensorflow._has_wide_vectors() is expected
