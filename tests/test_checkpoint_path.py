"""A checkpoint that can't be written is an error before training, and damages no file."""

import os
import re
from pathlib import Path

import joblib
import pytest

from skmlp import TFMLPClassifier
from skmlp._estimators import checkpoint_file
from skmlp.callbacks import Checkpoint
from tests.helpers import fit_quietly, load

pytestmark = pytest.mark.uncompiled  # files are of the host


def make():
    return TFMLPClassifier(3, max_iter=2, random_state=0)


@pytest.fixture
def no_training(monkeypatch):
    """Make the test fail if anything gets as far as the engine."""

    def start(*args, **kwargs):
        raise AssertionError("training was started")

    monkeypatch.setattr("skmlp._training.fit.TrainingSession", start)


def in_a_file(tmp_path):
    (tmp_path / "file").write_text("text")
    return tmp_path / "file" / "model"


def a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def read_only(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("the superuser may write everywhere")
    (tmp_path / "locked").mkdir(0o500)
    return tmp_path / "locked" / "model"


def of_the_system(tmp_path):
    if not Path("/sys/kernel").exists():
        pytest.skip("there is no directory of the kernel's")
    return Path("/sys/kernel/model")


BAD_PATHS = {
    "a directory": (lambda path: path, IsADirectoryError, "it is a directory"),
    "a directory that is not there": (
        lambda path: path / "no" / "model",
        FileNotFoundError,
        "there is no directory '.*no'; make it first",
    ),
    "in a file": (in_a_file, NotADirectoryError, "file' is no directory"),
    "a name too long": (lambda path: path / ("m" * 300), OSError, "File name too long"),
    "a pipe": (a_pipe, OSError, "it is a device or a pipe"),
    "a null character": (lambda path: path / "a\0b", OSError, "null"),
    "nothing": (lambda path: "", IsADirectoryError, "it is a directory"),
    "a directory that is read-only": (read_only, PermissionError, "Permission denied"),
    "a directory of the kernel's": (of_the_system, OSError, "denied|not permitted|Read-only"),
}


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize("case", BAD_PATHS)
def test_a_path_that_can_not_be_written_is_an_error_before_training(case, tmp_path, monkeypatch):
    """Check the error's type, path and reason, and that no file is left."""
    monkeypatch.chdir(tmp_path)
    make_path, kind, reason = BAD_PATHS[case]
    path = make_path(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    est = make().set_callbacks(Checkpoint(path))
    with pytest.raises(kind, match=rf"path=.* can't be written: .*({reason})") as error:
        est.fit(*load("iris"))
    assert re.escape(repr(str(Path(path)))) in re.escape(str(error.value))
    assert sorted(tmp_path.rglob("*")) == before
    assert not hasattr(est, "coefs_")


@pytest.mark.usefixtures("no_training")
def test_a_full_disk_is_an_error_before_training(tmp_path, monkeypatch):
    """Check a disk without room for a byte, and that an earlier file is whole."""
    path = tmp_path / "model"
    path.write_text("earlier")

    def full(file_number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint_file.os, "fsync", full)
    with pytest.raises(OSError, match=r"path='.*model' can't be written: No space left"):
        make().set_callbacks(Checkpoint(path)).fit(*load("iris"))
    assert [each.name for each in tmp_path.iterdir()] == ["model"]
    assert path.read_text() == "earlier"


def test_a_disk_that_fills_in_training_is_named_too(tmp_path, monkeypatch):
    """Check the error of the second write, and that the first file is whole."""
    path = tmp_path / "model"
    replace, calls = os.replace, []

    def full(source, target):
        calls.append(source)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(checkpoint_file.os, "replace", full)
    with pytest.raises(OSError, match=r"path='.*model' can't be written: No space left"):
        fit_quietly(make().set_callbacks(Checkpoint(path)), *load("iris"))
    assert [each.name for each in tmp_path.iterdir()] == ["model"]
    assert joblib.load(path).n_iter_ == 1


@pytest.mark.parametrize("resume", [False, True])
def test_a_fit_that_fails_before_training_leaves_the_file(resume, tmp_path):
    """Check the bytes of a checkpoint after a fit of bad data."""
    X, y = load("iris")
    path = tmp_path / "model"
    fit_quietly(make().set_callbacks(Checkpoint(path)), X, y)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="inconsistent"):
        make().set_callbacks(Checkpoint(path, resume=resume)).fit(X, y[1:])
    assert [each.name for each in tmp_path.iterdir()] == ["model"]
    assert path.read_bytes() == before


def test_a_file_that_can_not_be_read_is_named(tmp_path):
    """Check a directory in place of the file to resume from, and a too long name."""
    for path, reason in [(tmp_path, "Is a directory"), (tmp_path / ("m" * 300), "too long")]:
        est = make().set_callbacks(Checkpoint(path, resume=True))
        with pytest.raises(OSError, match=rf"path=.* can't be (read|written): .*{reason}"):
            est.fit(*load("iris"))


def test_the_longest_name_that_the_system_allows_will_do(tmp_path):
    """Check a name with no room for a longer temporary name."""
    path = tmp_path / ("m" * os.pathconf(tmp_path, "PC_NAME_MAX"))
    fit_quietly(make().set_callbacks(Checkpoint(path)), *load("iris"))
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert joblib.load(path).n_iter_ == 2


class Place:
    """A path of a class that the user wrote."""

    def __init__(self, path):
        self._path = path

    def __fspath__(self):
        return str(self._path)


def test_the_home_directory_and_objects_that_are_paths(tmp_path, monkeypatch):
    """Check a tilde in strings, paths and other objects, to write and to resume."""
    monkeypatch.setenv("HOME", str(tmp_path))
    X, y = load("iris")
    for number, path in enumerate(["~/0", Path("~/1"), Place("~/2"), Place(tmp_path / "3")]):
        fit_quietly(make().set_callbacks(Checkpoint(path)), X, y)
        assert joblib.load(tmp_path / str(number)).n_iter_ == 2
        resumed = make().set_params(max_iter=3)
        fit_quietly(resumed.set_callbacks(Checkpoint(path, resume=True)), X, y)
        assert resumed.n_iter_ == 3
    assert sorted(each.name for each in tmp_path.iterdir()) == ["0", "1", "2", "3"]
