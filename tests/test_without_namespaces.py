"""TensorFlow without its public namespaces: what is left out, and that it comes when it is used."""

from textwrap import dedent

import pytest

from tests.helpers import run_python

LOAD = """
import sys
from skmlp._tensorflow import load
load()
import tensorflow as tf
LEFT_OUT = "tensorflow._api.v2.data", "tensorflow._api.v2.lite", "tensorflow._api.v2.compat"
assert not {*LEFT_OUT} & {*sys.modules}
finders = [type(finder).__name__ for finder in sys.meta_path]
assert "_Placeholders" not in finders
"""

NAMES = """
print(dir(tf), sorted(tf.__all__))
"""

FAKE = {
    "__init__.py": "from tensorflow._api.v2 import data, math, nn\nhere = nn.__file__",
    "_api/__init__.py": "",
    "_api/v2/__init__.py": "",
    "_api/v2/data/__init__.py": "from tensorflow._api.v2.data import experimental",
    "_api/v2/data/experimental/__init__.py": "",
    "_api/v2/math/__init__.py": "",
    "_api/v2/nn/__init__.py": "",
}
"""Something like TensorFlow, which looks into one of its namespaces while it is imported."""


def run(code):
    done = run_python(dedent(code))
    assert (done.returncode, done.stderr) == (0, "")
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
    from contextlib import nullcontext
    from skmlp._without_namespaces import without_namespaces
    finders = list(sys.meta_path)
    def imported():
        return {{name[19:] for name in sys.modules if name.startswith("tensorflow._api.v2.")}}
    """
    return run(dedent(start) + dedent(code))


def test_names_are_those_of_a_whole_import():
    """Check `dir` and ``__all__`` before and after all are imported, and if the user has."""
    loaded = LOAD + NAMES + "\ntf.sets\nassert {*LEFT_OUT} <= {*sys.modules}" + NAMES
    loaded += "\nassert all(hasattr(tf, name) for name in tf.__all__) and type(tf) is type(sys)"
    plain = (
        "import tensorflow as tf; before = dict(vars(tf))"
        + NAMES
        + "from skmlp._tensorflow import load; load(); assert vars(tf) == before"
        + NAMES
    )
    assert run(loaded) == run_python(plain, TF_CPP_MIN_LOG_LEVEL="3").stdout != ""


@pytest.mark.parametrize(
    "code",
    [
        "from tensorflow import data; assert data is tf.data and tf.data.Dataset.range(3)",
        "import tensorflow.nn; assert tf.nn.relu(-1.0) == 0",
        "from tensorflow import *; assert nn.relu(-1.0) == 0 and lite.TFLiteConverter",
    ],
)
def test_each_way_to_a_namespace_works(code):
    run(LOAD + code)


@pytest.mark.parametrize("package", ["lite.python", "compat"])
def test_other_packages_do_not_take_the_place_of_a_namespace(package):
    """Check imports of what lies below the name of one, which log as TensorFlow does."""
    code = f"from tensorflow.{package} import *; assert tf.lite.TFLiteConverter and tf.compat.v1.nn"
    assert run_python(LOAD + code).returncode == 0


def test_what_is_not_left_out_works_without_them():
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
    wrapped = wrap_non_picklable_objects(lambda: tf.constant(1))
    assert pickle.loads(pickle.dumps(wrapped))() == 1
    assert not {*LEFT_OUT} & {*sys.modules}
    """
    run(LOAD + dedent(code))


def test_threads_can_use_them_at_once():
    """Check first uses that meet."""
    code = """
    from concurrent.futures import ThreadPoolExecutor
    names = ["data", "nn", "lite", "linalg", "compat", "train", "signal", "distribute"] * 2
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda name: getattr(tf, name), names))
    assert all(getattr(tf, name) is module for name, module in zip(names, found))
    """
    run(LOAD + dedent(code))


def test_namespaces_that_the_import_uses_are_imported(tmp_path):
    code = """
    with without_namespaces(nullcontext):
        import tensorflow
    assert imported() == {"math", "nn"} and tensorflow.here and sys.meta_path == finders
    assert tensorflow.data.experimental and "data.experimental" in imported()
    assert type(tensorflow) is type(sys)
    """
    run_with(FAKE, tmp_path, code)


def test_placeholders_do_not_hide_what_is_in_a_namespace(tmp_path):
    """Check an import that goes past a placeholder, and one that keeps it."""
    uses = (
        "import tensorflow._api.v2.data.experimental\nfrom tensorflow._api.v2 import data as kept"
    )
    code = """
    with without_namespaces(nullcontext):
        import tensorflow
    assert tensorflow.kept.experimental.__name__ == "tensorflow._api.v2.data.experimental"
    assert tensorflow.data.experimental is tensorflow.kept.experimental
    """
    run_with(FAKE | {"__init__.py": uses}, tmp_path, code)


def test_a_failed_import_leaves_nothing(tmp_path):
    """Check that the next import starts afresh."""
    fails = FAKE["__init__.py"] + "\nimport fuel"
    code = """
    try:
        with without_namespaces(nullcontext):
            import tensorflow
    except ModuleNotFoundError as error:
        assert error.name == "fuel"
    assert "data" not in imported() and sys.meta_path == finders
    sys.modules["fuel"] = sys
    import tensorflow
    assert tensorflow.data.experimental
    """
    run_with(FAKE | {"__init__.py": fails}, tmp_path, code)


def test_placeholders_are_for_one_thread_alone(tmp_path):
    code = """
    from concurrent.futures import ThreadPoolExecutor
    from importlib import import_module
    with without_namespaces(nullcontext), ThreadPoolExecutor(1) as other:
        other.submit(import_module, "tensorflow").result()
    assert {"data", "math", "nn"} <= imported()
    """
    run_with(FAKE, tmp_path, code)
