"""Programs on disk: a later process trains by them, with the same bits, and survives their loss."""

import shutil
from contextlib import nullcontext
from textwrap import dedent
from types import SimpleNamespace

import pytest

from skmlp._engine.compiling import Program, Way
from tests.helpers import run_python, without_log

FIT = """
import sys
import warnings
from sklearn.datasets import load_iris
from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp._engine import compiling
from skmlp._tensorflow import cache_directory, kept_programs
from skmlp._tensorflow.loading import load

warnings.simplefilter("ignore")
traced = []
trace = compiling._trace_program
X, y = load_iris(return_X_y=True)

def count(tf, spec, compiles):
    traced.append(compiles)
    return trace(tf, spec, compiles)

compiling._trace_program = count

def fit(solver, **params):
    clf = TFMLPClassifier(5, solver=solver, max_iter=7, random_state=0, **params).fit(X, y)
    print(solver, params, clf.coefs_[0].tobytes().hex(), clf.loss_)

def fit_all(*solvers):
    for solver in solvers:
        fit(solver)
    fit("adam", early_stopping=True)

def names():
    return sorted(path.name for path in kept_programs.directory().iterdir())
"""

ALL = FIT + "fit_all('adam', 'lbfgs')"
N_ALL = 3


def run(code, **environment):
    """Return the output of code; its last line says how its programs came about."""
    done = run_python(code + "\nprint(traced)", **environment)
    assert (done.returncode, without_log(done.stderr)) == (0, "")
    *lines, last = done.stdout.splitlines()
    return lines, last


@pytest.fixture(scope="module")
def trained():
    """Return the result of training without kept programs."""
    lines, traced = run(ALL, SKMLP_CACHE_DIR="")
    assert traced == str([True] * N_ALL)
    return lines


@pytest.fixture(scope="module")
def kept(trained, tmp_path_factory):
    """Return a directory in which a process has kept its programs."""
    directory = tmp_path_factory.mktemp("kept")
    assert run(ALL, SKMLP_CACHE_DIR=str(directory)) == (trained, str([True] * N_ALL))
    return directory


@pytest.fixture
def copy(kept, tmp_path):
    """Return a copy of the directory of kept programs."""
    return shutil.copytree(kept, tmp_path / "a copy")  # a flag has to quote this name


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.rglob("*.*")}


def test_a_second_process_traces_and_compiles_nothing(trained, copy):
    """Check its bits against the first process, and one that keeps nothing.

    Nothing is printed either, with JAX's log level, which lets errors through.
    """
    before = contents(copy)
    functions = [content for name, content in before.items() if name.endswith(".functions")]
    assert len(functions) == N_ALL
    level = {"TF_CPP_MIN_LOG_LEVEL": "1"}
    unset = "\nimport os\nassert 'TF_XLA_FLAGS' not in os.environ"
    assert run(ALL + unset, SKMLP_CACHE_DIR=str(copy), **level) == (trained, "[]")
    after = contents(copy)
    assert after.keys() == before.keys()
    changed = [name for name in before if after[name] != before[name]]
    assert len(changed) <= 1  # compiled in every process, so that XLA reads its flags
    assert not any(name.encode() in content for name in changed for content in functions)


@pytest.mark.tensorflow_internals
def test_a_program_is_found_whatever_went_before(copy, tmp_path):
    """Check a process that has traced other functions; TensorFlow counts them."""
    others = """
    tf = load()
    for i in range(3):
        tf.function(lambda x: tf.while_loop(lambda x: x < 9, lambda x: x + 1, [x]))(i)
    fit_all('lbfgs', 'adam')
    """
    names = contents(copy).keys()
    assert run(FIT + dedent(others), SKMLP_CACHE_DIR=str(copy))[1] == "[]"
    assert contents(copy).keys() == names
    path = tmp_path / "other"
    assert run(FIT + dedent(others), SKMLP_CACHE_DIR=str(path))[1] == str([True] * N_ALL)
    functions = [sorted(file.name for file in p.rglob("*.functions")) for p in (path, copy)]
    assert functions[0] == functions[1]


@pytest.mark.tensorflow_internals
@pytest.mark.parametrize("suffix", [".pb", ".functions"])
def test_a_damaged_file_is_replaced(suffix, trained, copy):
    """Check that a fit has the same bits, and that a later process finds all programs."""
    for path in copy.rglob("*" + suffix):
        path.write_bytes(path.read_bytes()[:1000])
    assert run(ALL, SKMLP_CACHE_DIR=str(copy)) == (trained, str([True] * N_ALL))
    assert run(ALL, SKMLP_CACHE_DIR=str(copy)) == (trained, "[]")


@pytest.mark.tensorflow_internals
def test_nothing_is_printed_when_a_program_is_read(copy):
    """Check a user who imports TensorFlow first, with a level that lets errors through."""
    code = "import tensorflow" + ALL + "\nimport sys\nprint('mine', file=sys.stderr)"
    done = run_python(code, SKMLP_CACHE_DIR=str(copy))
    assert (done.returncode, without_log(done.stderr)) == (0, "mine\n")


@pytest.mark.tensorflow_internals
def test_code_that_nobody_has_checked_may_be_damaged(trained, copy):
    """Check a process that was killed before it kept its functions."""
    for path in copy.rglob("*.functions"):
        path.unlink()
    for path in copy.rglob("*.pb"):
        path.write_bytes(path.read_bytes()[:1000])
    lines, _ = run(ALL, SKMLP_CACHE_DIR=str(copy))
    assert lines == trained
    for _ in range(2):  # the next process has clean files again
        lines, traced = run(ALL, SKMLP_CACHE_DIR=str(copy))
        assert lines == trained
    assert traced == "[]"


@pytest.mark.tensorflow_internals
def test_threads_share_a_program_that_cannot_be_read(trained, copy):
    """Check concurrent first fits: one finds the damage for all."""
    code = """
    import os
    from concurrent.futures import ThreadPoolExecutor

    def find(directory, name):  # without checking anything
        return (directory / f"{name}.functions").read_bytes().partition(b"\\n")[2]

    cache_directory.find = find
    load()
    for path in kept_programs.directory().glob("*.pb"):
        path.write_bytes(path.read_bytes()[:1000])

    def train(n):
        return TFMLPClassifier(5, max_iter=7, random_state=0).fit(X, y).loss_

    with ThreadPoolExecutor(4) as pool:
        print(*set(pool.map(train, range(4))))
    print(os.readlink('/proc/self/fd/2').startswith('pipe:'))
    """
    lines, traced = run(FIT + dedent(code), SKMLP_CACHE_DIR=str(copy), TF_CPP_MIN_LOG_LEVEL="1")
    assert lines == [trained[0].split()[-1], "True"]
    assert traced == "[True]"


@pytest.mark.tensorflow_internals
def test_a_directory_that_is_gone_is_made_again(tmp_path):
    """Check a cache that is removed while a process trains."""
    code = """
    import shutil
    fit('adam')
    shutil.rmtree(kept_programs.directory())
    fit('sgd')
    fit('adam')
    print(len(names()))
    """
    lines, _ = run(FIT + dedent(code), SKMLP_CACHE_DIR=str(tmp_path))
    assert lines[0] == lines[2]
    assert lines[-1] == "2"


@pytest.mark.tensorflow_internals
def test_nothing_is_printed_when_a_program_is_compiled(tmp_path):
    """Check a user who imports TensorFlow first, with the lowest log level."""
    code = FIT + "import tensorflow, os\nos.write(2, b'mine\\n')\nfit_all('adam', 'lbfgs')"
    done = run_python(code, SKMLP_CACHE_DIR=str(tmp_path), TF_CPP_MIN_LOG_LEVEL="0")
    assert (done.returncode, done.stderr.partition("mine\n")[2]) == (0, "")
    assert contents(tmp_path)


@pytest.mark.tensorflow_internals
@pytest.mark.parametrize("first", ["pass", "import tensorflow"])
def test_what_cannot_be_kept_is_not_compiled(first, trained, tmp_path):
    """Check a disk that became full: TensorFlow fails to compile, and logs that."""
    code = """
    import os
    import shutil
    import numpy as np
    FIRST
    os.write(2, b"mine\\n")
    load()
    path = kept_programs.directory()
    shutil.rmtree(path)
    path.touch()
    clf = TFMLPClassifier(5, max_iter=7, random_state=0).fit(X, y)
    reference = np.frombuffer(bytes.fromhex(BITS))
    np.testing.assert_allclose(clf.coefs_[0].ravel(), reference, rtol=1e-10)
    """
    bits = trained[0].split()[2]
    code = FIT + dedent(code).replace("BITS", repr(bits)).replace("FIRST", first) + "print(traced)"
    done = run_python(code, SKMLP_CACHE_DIR=str(tmp_path))
    assert (done.returncode, done.stderr.partition("mine\n")[2]) == (0, "")
    assert done.stdout == "[True, True, False]\n"


@pytest.mark.tensorflow_internals
def test_flags_of_the_user_come_first(tmp_path):
    """Check that no program is kept, and that the user's flags are there after a fit."""
    code = FIT + "import os\nfit('adam')\nprint(os.environ.get('TF_XLA_FLAGS'))"
    flags = "--tf_xla_auto_jit=0"
    lines, _ = run(code, SKMLP_CACHE_DIR=str(tmp_path), TF_XLA_FLAGS=flags)
    assert lines[1] == flags
    assert not contents(tmp_path)


@pytest.mark.tensorflow_internals
def test_workers_share_what_is_kept(tmp_path):
    """Check processes that write the same files at the same time, and then read them."""
    code = """
    from sklearn.model_selection import cross_val_score
    clf = TFMLPClassifier(5, max_iter=7, random_state=0)
    print(cross_val_score(clf, X, y, n_jobs=2).tolist())
    print(cross_val_score(clf, X, y).tolist())
    """
    for _ in range(2):
        lines, _ = run(FIT + dedent(code), SKMLP_CACHE_DIR=str(tmp_path))
        assert lines[0] == lines[1]


class FakeError(Exception):
    """An error in place of TensorFlow's."""


FAKE_TENSORFLOW = SimpleNamespace(
    errors=SimpleNamespace(OpError=FakeError), device=lambda name: nullcontext()
)


def failing(*args):
    raise FakeError("of " + " ".join(args))


def test_the_first_way_that_does_not_fail_is_used():
    """Check that later ways are not tried; the work afterwards is done once."""
    tried = []

    def way(name, function):
        return lambda: Way(tried.append(name) or function, lambda: tried.append(f"after {name}"))

    ways = [way("a", failing), way("b", failing), way("c", len), way("d", len)]
    program = Program(FAKE_TENSORFLOW, iter(ways))
    assert [program("one"), program("three"), tried] == [3, 5, ["a", "b", "c", "after c"]]


def test_the_failure_of_the_last_way_is_raised():
    """Check that a program that has worked before raises its error at once."""

    def way(function):
        return lambda: Way(function)

    program = Program(FAKE_TENSORFLOW, iter([way(failing)] * 2))
    with pytest.raises(FakeError, match="of x"):
        program("x")
    program = Program(FAKE_TENSORFLOW, iter([way(len), way(failing)]))
    program("x")
    with pytest.raises(TypeError):
        program(1)
