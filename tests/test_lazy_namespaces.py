"""TensorFlow with lazy namespaces: what is not executed, and that it is once it is used."""

import os
from textwrap import dedent

import pytest

from tests.helpers import run_python, without_log

LOAD = """
import sys
from skmlp._tensorflow.loading import load
load()
import tensorflow as tf
def is_executed(*names):
    return {f"tensorflow.python.{name}" in sys.modules for name in names}
INSIDE = "profiler.profiler_client", "ops.signal.dct_ops"
assert is_executed(*INSIDE) == {False}
assert "_LazyFinder" not in [type(finder).__name__ for finder in sys.meta_path]
"""

FACTS = """
print(dir(tf), sorted(tf.__all__), tf.__path__, tf._tf_uses_legacy_keras, tf.lite)
"""

FAKE = {
    "__init__.py": "from tensorflow._api.v2 import data, math, nn\nfile = data.__file__\nnn.relu",
    "_api/__init__.py": "",
    "_api/v2/__init__.py": "",
    "_api/v2/data/__init__.py": "from tensorflow._api.v2.data import experimental; size = 3",
    "_api/v2/data/experimental/__init__.py": "",
    "_api/v2/math/__init__.py": "pi = 3",
    "_api/v2/nn/__init__.py": "relu = abs",
}
"""Something like TensorFlow, which uses one of its namespaces while it is imported."""


def run(code):
    """Return what code prints; a namespace lets TensorFlow log when it is executed."""
    done = run_python(dedent(code))
    assert (done.returncode, without_log(done.stderr)) == (0, "")
    return done.stdout


def run_with(files, folder, code):
    """Run code where TensorFlow consists of these files."""
    for name, text in files.items():
        path = folder / "tensorflow" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    start = f"""
    import sys
    sys.path.insert(0, {str(folder)!r})
    from skmlp._tensorflow.lazy_namespaces import lazy_namespaces
    finders = list(sys.meta_path)
    def is_lazy(name):
        return type(sys.modules["tensorflow._api.v2." + name]) is not type(sys)
    """
    return run(dedent(start) + dedent(code))


def test_all_is_as_in_a_whole_import():
    """Check what is in it, before one is used and after, and if the user has imported it."""
    ours = LOAD + FACTS + "tf.sets.size\nassert is_executed(*INSIDE) == {True}" + FACTS
    ours += "assert all(hasattr(tf, name) for name in tf.__all__)\n"
    ours += "assert {type(getattr(tf, name)) is type(sys) for name in ('nn', 'bitwise')} == {True}"
    theirs = (
        "import tensorflow as tf; before = dict(vars(tf))"
        + FACTS
        + "from skmlp._tensorflow.loading import load; load(); assert vars(tf) == before"
        + FACTS
    )
    assert run(ours) == run(theirs) != ""


WAYS = [
    "from tensorflow import data; assert data is tf.data and tf.data.Dataset.range(3)",
    "from tensorflow.compat import *; assert tf.lite.TFLiteConverter and tf.compat.v1.nn",
    "from tensorflow.keras.layers import Dense; assert Dense is tf.keras.layers.Dense",
    "assert 'relu' in dir(tf.nn) and 'relu' in vars(tf.nn) and 'nn' in tf.nn.__doc__",
]

MORE_WAYS = [
    "from tensorflow.data import Dataset; assert Dataset is tf.data.Dataset",
    "import tensorflow.nn; assert tf.nn.relu(-1.0) == 0",
    "from tensorflow import *; assert nn.relu(-1.0) == 0 and lite.TFLiteConverter",
    "from tensorflow.lite.python import *; assert tf.lite.TFLiteConverter and tf.compat.v1.nn",
    "from tensorflow.compat import v1; assert v1.nn.relu and tf.compat.v1 is v1",
    "from tensorflow.keras import layers; assert layers is tf.keras.layers",
    "tf.nn.relu = 7; assert tf.nn.relu == 7 and tf.nn.elu",
    "del tf.nn.relu; assert not hasattr(tf.nn, 'relu') and tf.nn.elu",
]


@pytest.mark.parametrize(
    "code", [*WAYS, *(pytest.param(code, marks=pytest.mark.slow) for code in MORE_WAYS)]
)
def test_each_way_to_a_namespace_works(code):
    assert run(LOAD + code) == ""


@pytest.mark.parametrize("package", ["lite.python.lite", "distribute.experimental.rpc"])
def test_packages_do_not_take_the_place_of_namespaces_with_their_names(package):
    code = f"""
    import importlib
    importlib.import_module("tensorflow.{package}")
    assert tf.lite.TFLiteConverter and tf.distribute.MirroredStrategy
    """
    assert run(LOAD + dedent(code)) == ""


def test_what_is_inside_can_be_imported_first():
    """Check a module that imports past a namespace, and one whose registration others need."""
    code = """
    from tensorflow.python.distribute.experimental.rpc.rpc_ops import Client
    from tensorflow.python.ops.numpy_ops import np_config
    tf.get_logger().setLevel("ERROR")
    np_config.enable_numpy_behavior(dtype_conversion_mode="all")
    assert Client is tf.distribute.experimental.rpc.Client
    assert (tf.constant([1.0], tf.float32) + 1.0).dtype == tf.float32
    """
    assert run(LOAD + dedent(code)) == ""


def test_what_is_not_in_a_namespace_works_without():
    """Check registered gradients, dispatch to ragged tensors, a traced function, a pickled one."""
    code = """
    import pickle
    from joblib import wrap_non_picklable_objects
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.sort(x) ** 2 + tf.cumsum(x))
    assert tape.gradient(y, x).numpy().tolist() == [4.0, 5.0]
    ragged = tf.RaggedTensor.from_row_lengths([1, 2, 3], [1, 2])
    assert tf.concat([ragged, ragged + 1], axis=1).to_list() == [[1, 2], [2, 3, 3, 4]]
    assert tf.function(lambda x: tf.map_fn(lambda v: v + 1, x))(x).numpy().tolist() == [2.0, 3.0]
    try:
        tf.nothing
    except AttributeError as error:
        assert str(error) == "module 'tensorflow' has no attribute 'nothing'"
    else:
        raise AssertionError
    nn = tf.nn
    wrapped = pickle.dumps(wrap_non_picklable_objects(lambda: (tf.constant(1), nn)))
    number, namespace = pickle.loads(wrapped)()
    assert number == 1 and namespace is nn
    assert is_executed(*INSIDE) == {False}
    """
    assert run(LOAD + dedent(code)) == ""


def test_threads_can_use_them_at_once():
    code = """
    from concurrent.futures import ThreadPoolExecutor
    names = ["data", "nn", "lite", "linalg", "compat", "train", "signal", "raw_ops"] * 2
    whole = {"data": "Dataset", "nn": "relu", "lite": "Interpreter", "linalg": "svd",
             "compat": "v1", "train": "Checkpoint", "signal": "fft", "raw_ops": "Abs"}
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda name: getattr(getattr(tf, name), whole[name]), names))
    assert all(getattr(getattr(tf, n), whole[n]) is thing for n, thing in zip(names, found))
    """
    assert run(LOAD + dedent(code)) == ""


def test_one_is_executed_during_the_import_and_all_afterwards(tmp_path):
    code = """
    with lazy_namespaces():
        import tensorflow
    assert sys.meta_path == finders and tensorflow.file
    assert [is_lazy(name) for name in ("data", "math", "nn")] == [True, False, False]
    data = tensorflow.data
    assert "size" not in object.__getattribute__(data, "__dict__") and repr(data)
    assert data.size == 3 and data is sys.modules["tensorflow._api.v2.data"]
    assert not is_lazy("data") and data.experimental
    """
    assert run_with(FAKE, tmp_path, code) == ""


def test_a_module_below_can_be_imported_first(tmp_path):
    """Check that it does not execute its namespace, and is what is then found there."""
    code = """
    with lazy_namespaces():
        import tensorflow
    from importlib import import_module
    below = import_module("tensorflow._api.v2.data.experimental")
    assert is_lazy("data")
    assert tensorflow.data.experimental is below and tensorflow.data.size == 3
    """
    assert run_with(FAKE, tmp_path, code) == ""


def test_an_import_can_go_past_a_namespace_and_keep_it(tmp_path):
    uses = (
        "import tensorflow._api.v2.data.experimental\nfrom tensorflow._api.v2 import data as kept"
    )
    code = """
    with lazy_namespaces():
        import tensorflow
    assert tensorflow.kept.experimental.__name__ == "tensorflow._api.v2.data.experimental"
    assert tensorflow.kept is sys.modules["tensorflow._api.v2.data"]
    """
    assert run_with(FAKE | {"__init__.py": uses}, tmp_path, code) == ""


def test_a_thread_that_imports_below_does_not_wait_for_one_that_executes():
    """Check a deadlock of the lock of an import with that of the execution."""
    code = """
    from threading import Thread
    from importlib import import_module
    below = ["data.experimental", "compat.v1", "io.gfile", "lite.experimental"]
    threads = [Thread(target=lambda: tf.nn.relu, daemon=True)]
    for name in below:
        module = "tensorflow._api.v2." + name
        threads.append(Thread(target=import_module, args=(module,), daemon=True))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert tf.data.experimental.cardinality and tf.compat.v1.nn and tf.io.gfile.exists
    """
    assert run(LOAD + dedent(code)) == ""


def test_a_failed_execution_is_tried_again(tmp_path):
    """Check that it fails as long as its cause, and not when another namespace is used."""
    files = FAKE | {
        "_api/v2/data/__init__.py": "import fuel; size = 3",
        "_api/v2/strings/__init__.py": "letter = 'a'",
    }
    files["__init__.py"] = "from tensorflow._api.v2 import data, strings"
    code = """
    with lazy_namespaces():
        import tensorflow
    assert tensorflow.strings.letter == "a"
    for name in ("size", "size"):
        try:
            getattr(tensorflow.data, name)
        except ModuleNotFoundError as error:
            assert error.name == "fuel"
        else:
            raise AssertionError
    sys.modules["fuel"] = sys
    assert tensorflow.data.size == 3
    assert not is_lazy("strings") and not is_lazy("data")
    """
    assert run_with(files, tmp_path, code) == ""


def test_it_can_be_reloaded_before_it_is_used(tmp_path):
    code = """
    from importlib import reload
    with lazy_namespaces():
        import tensorflow
    assert reload(tensorflow.data) is tensorflow.data
    assert tensorflow.data.size == 3 and not is_lazy("data")
    """
    assert run_with(FAKE, tmp_path, code) == ""


def test_a_failed_import_can_be_repeated(tmp_path):
    fails = FAKE["__init__.py"] + "\nimport fuel"
    code = """
    try:
        with lazy_namespaces():
            import tensorflow
    except ModuleNotFoundError as error:
        assert error.name == "fuel"
    assert sys.meta_path == finders
    sys.modules["fuel"] = sys
    import tensorflow
    assert tensorflow.data.experimental and tensorflow.math.pi == 3
    """
    assert run_with(FAKE | {"__init__.py": fails}, tmp_path, code) == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_meanwhile_leaves_the_child_whole(tmp_path):
    """Check that a child can use a namespace that a thread of its parent was executing."""
    slow = "import started, time; started.event.set(); time.sleep(0.3); size = 3"
    code = """
    import os, signal, threading
    from types import SimpleNamespace
    sys.modules["started"] = started = SimpleNamespace(event=threading.Event())
    with lazy_namespaces():
        import tensorflow
    thread = threading.Thread(target=lambda: tensorflow.data.size)
    thread.start()
    started.event.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        os._exit(tensorflow.data.size)
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    """
    assert run_with(FAKE | {"_api/v2/data/__init__.py": slow}, tmp_path, code) == ""
