"""When TensorFlow is imported, with which parts, and forks."""

import ast
import os
import pickle
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import skmlp
from skmlp import TFMLPClassifier
from skmlp._engine import objective, session
from skmlp._engine.program_cache import ProgramCache
from skmlp._tensorflow import forks, loading
from tests.helpers import fit_quietly, run_python

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


@pytest.fixture(scope="module")
def predict(tmp_path_factory):
    """Return code that unpickles a classifier and predicts."""
    path = tmp_path_factory.mktemp("pickle") / "clf.pkl"
    X, y = np.random.RandomState(0).normal(size=(50, 3)), np.arange(50) % 3
    clf = fit_quietly(TFMLPClassifier(hidden_layer_sizes=5, max_iter=3, random_state=0), X, y)
    path.write_bytes(pickle.dumps(clf))
    return (
        "import pickle, sys, numpy as np; X = np.random.RandomState(0).normal(size=(50, 3))\n"
        f"clf = pickle.load(open({str(path)!r}, 'rb'))\n"
        "assert clf.predict(X).shape == (50,)\n"
        "assert clf.predict_proba(X).shape == (50, 3)\n"
        "assert clf.predict_log_proba(X).shape == (50, 3)\n"
        "assert 0 <= clf.score(X, np.arange(50) % 3) <= 1\n"
    )


def test_import_and_predict_do_not_import_tensorflow(predict):
    """Check sys.modules after an import, an unpickling and all predictions."""
    check = (
        "assert not any(name.split('.')[0] == 'tensorflow' for name in sys.modules)\n"
        "room = {name for name in sys.modules if name.startswith('skmlp._tensorflow.')}\n"
        "assert room <= {'skmlp._tensorflow.forks'}, room\n"
    )
    done = run_python("import skmlp, sys\n" + check + "\n" + predict + check)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_machine_without_tensorflow_predicts_and_says_why_it_does_not_fit(predict):
    """Check predictions, and the ImportError of fit."""
    code = (
        NO_TENSORFLOW
        + predict
        + FIT
        + "\ntry:\n    clf.fit(X, y)\nexcept ImportError as e: print(e)"
    )
    done = run_python(code + "\nassert not hasattr(clf, 'classes_')")
    assert (done.returncode, done.stderr) == (0, "")
    assert "tensorflow" in done.stdout


def test_keras_is_not_imported_but_can_be():
    """Check that the first fit does not import Keras, and that tf.keras works after it."""
    code = (
        FIT
        + "import sys; clf.fit(X, y); assert 'keras' not in sys.modules\n"
        + "import tensorflow as tf; assert tf.keras.layers.Dense(2)(X).shape == (50, 2)"
    )
    assert run_python(code).returncode == 0


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
    """Check real forks before, during and after the first fit.

    A fork before the first fit may fit, as TensorFlow has not run. The others raise instead of
    hanging, and so do their children; all of them predict, and the parent goes on.
    """
    code = (
        FORK
        + FIT
        + "assert in_child(lambda: clf.fit(X, y)) == 0\n"
        + "import threading, time; from skmlp._tensorflow.forks import _Notes\n"
        + "thread = threading.Thread(target=clf.fit, args=(X, y)); thread.start()\n"
        + "while not _Notes.is_starting: time.sleep(0.001)\n"
        + "assert in_child(lambda: TFMLPClassifier().fit(X, y)) == 3\n"
        + "thread.join(); assert clf.predict(X).shape == (50,)\n"
        + "assert in_child(lambda: clf.fit(X, y)) == 3\n"
        + "assert in_child(lambda: clf.predict(X)) == 0\n"
        + "assert in_child(lambda: in_child(lambda: clf.fit(X, y)) == 3 or os._exit(5)) == 0\n"
        + "clf.fit(X, y)"
    )
    done = run_python(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("forked after TensorFlow had run") >= 2


@pytest.mark.tensorflow_internals
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_fit_raises_in_a_fork_after_a_user_ran_tensorflow():
    """Check a fork after the user, not skmlp, has run TensorFlow."""
    code = (
        FORK
        + FIT
        + "import tensorflow as tf; tf.constant(1) + 1\n"
        + "assert in_child(lambda: clf.fit(X, y)) == 3"
    )
    assert run_python(code).returncode == 0


def imported_modules(path):
    """Yield the absolute names that the import statements of a module import."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


PACKAGE = Path(skmlp.__file__).parent
ROOM = PACKAGE / "_tensorflow"


def test_one_module_imports_tensorflow():
    """Check in the sources that only one module does."""
    for path in PACKAGE.rglob("*.py"):
        assert not any(name.split(".")[0] == "tensorflow" for name in imported_modules(path)), path
    importers = [p for p in PACKAGE.rglob("*.py") if 'import_module("tensorflow' in p.read_text()]
    assert importers == [ROOM / "loading.py"]


def test_private_parts_of_tensorflow_are_named_in_one_folder():
    """Check the sources for its modules, and for the eager context's classes."""
    marks = (
        "tensorflow.python",
        "tensorflow.core",
        "tensorflow._api",
        "eager_mode",
        "context_safe",
    )
    for path in PACKAGE.rglob("*.py"):
        if ROOM not in path.parents:
            assert not [mark for mark in marks if mark in path.read_text()], path


def test_imports_in_the_folder_go_one_way():
    """Check that a module imports only earlier ones, and none from outside the folder."""
    order = ["releases", "forks", "collectives", "signals", "log_filter"]
    order += ["without_keras", "without_collections", "quiet"]
    order += ["flags", "sharing", "named_functions", "cache_directory", "kept_programs"]
    order += ["status", "switches", "loading"]
    assert {path.stem for path in ROOM.glob("*.py")} == {*order, "__init__"}
    for path in ROOM.glob("*.py"):
        for name in imported_modules(path):
            package, folder, *names = (name + "...").split(".")[:4]
            if package == "skmlp":
                assert folder == "_tensorflow", (path, name)
                imported = next(part for part in names if part in order)
                assert order.index(imported) < order.index(path.stem), (path, name)


GRAPH = """
import tensorflow as tf
def fit():
    return [clf.set_params(solver=s).fit(X, y).loss_ for s in ("adam", "adam", "lbfgs")]
with tf.Graph().as_default() as graph:
    graph.finalize()
    inside = fit()
    assert not graph.get_operations()
assert inside == fit()
"""


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_graph_that_the_user_builds_is_not_touched(monkeypatch):
    """Check fits inside it: the first of a shape, a later one, and L-BFGS."""
    for module in (session, objective):
        monkeypatch.setattr(module, "PROGRAMS", ProgramCache(4))
    exec(FIT.replace('warnings.simplefilter("ignore")', "") + GRAPH, {})


@pytest.mark.tensorflow_internals
def test_a_graph_that_the_user_builds_is_not_touched_by_the_first_fit():
    """Check the same in a process that has not run TensorFlow."""
    done = run_python(FIT + GRAPH)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"OMP_NUM_THREADS": "1"}, "1"),
        ({"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "2"}, "2"),
        ({"OMP_NUM_THREADS": "many"}, None),
        ({}, None),
    ],
)
def test_a_worker_keeps_to_its_share_of_the_cores(environment, expected, monkeypatch):
    """Check TensorFlow's settings during its import; they are removed after it."""
    monkeypatch.setattr(loading.kept_programs, "prepare_directory", dict)
    monkeypatch.setattr(loading.quiet, "log_level", dict)
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    with loading._environment(loading._settings()):
        assert os.environ.get("TF_NUM_INTRAOP_THREADS") == expected
    assert dict(os.environ) == before


@pytest.fixture
def fake_tensorflow(monkeypatch):
    """Return a module in place of TensorFlow, of a release with which no trick was tried."""
    fake = ModuleType("tensorflow")
    fake.__version__ = "2.99.0"
    monkeypatch.setitem(sys.modules, "tensorflow", fake)
    for name in [name for name in sys.modules if name.startswith("tensorflow.")]:
        monkeypatch.delitem(sys.modules, name)
    return fake


def test_without_the_private_context_operations_run_in_the_public_scope(
    fake_tensorflow, monkeypatch
):
    """Check a missing or changed module, and the switch."""
    scope, mode = object(), object()
    fake_tensorflow.init_scope = lambda: scope
    assert loading._eager_mode(fake_tensorflow) is scope
    monkeypatch.setitem(sys.modules, forks.CONTEXT, SimpleNamespace())
    for parent in ("tensorflow.python", "tensorflow.python.eager"):
        monkeypatch.setitem(sys.modules, parent, ModuleType(parent))
    assert loading._eager_mode(fake_tensorflow) is scope
    monkeypatch.setitem(sys.modules, forks.CONTEXT, SimpleNamespace(eager_mode=lambda: mode))
    assert loading._eager_mode(fake_tensorflow) is mode
    monkeypatch.setenv("SKMLP_PLAIN_TENSORFLOW", "1")
    assert loading._eager_mode(fake_tensorflow) is scope


def test_without_the_private_context_an_imported_tensorflow_counts_as_run(
    fake_tensorflow, monkeypatch
):
    """Check forks after the import, and before it."""
    monkeypatch.setattr(forks._Notes, "was_forked_too_late", False)
    assert forks.has_run()
    monkeypatch.setitem(sys.modules, forks.CONTEXT, SimpleNamespace())
    assert forks.has_run()
    forks._take_note()
    with pytest.raises(RuntimeError, match="forked after TensorFlow had run"):
        forks.check_not_forked()
    for missing in (None, ...):
        if missing is None:  # makes importing the module an error
            monkeypatch.setitem(sys.modules, "tensorflow", None)
        else:
            monkeypatch.delitem(sys.modules, "tensorflow")
        assert not forks.has_run()


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (None, False),
        (SimpleNamespace(_context_handle=None), False),
        (SimpleNamespace(_context_handle=1), True),
        (SimpleNamespace(), True),
    ],
)
def test_the_private_context_tells_whether_tensorflow_has_run(
    context, expected, fake_tensorflow, monkeypatch
):
    module = SimpleNamespace(context_safe=lambda: context)
    monkeypatch.setitem(sys.modules, forks.CONTEXT, module)
    assert forks.has_run() is expected
