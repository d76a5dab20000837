"""The directory of kept programs: its owner, its machines, and its size."""

import os
import shutil
import sys
import time
from collections import namedtuple

import pytest

from skmlp._tensorflow import cache_directory as _cache_directory
from skmlp._tensorflow import kept_programs
from skmlp._tensorflow.cache_directory import CannotKeepError


def refuses(match):
    """Check that nothing can be kept, for a given reason."""
    return pytest.raises(CannotKeepError, match=match)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv(_cache_directory.ENVIRONMENT_VARIABLE, str(tmp_path / "programs"))
    return tmp_path / "programs" / "skmlp"


def test_the_directory_is_the_same_for_the_same_settings_only(root):
    """Check that it exists, and that only its user can use it."""
    directory = _cache_directory.prepare(["a", "b"])
    assert directory.parent == root
    assert directory.stat().st_mode & 0o777 == 0o700
    assert _cache_directory.prepare(["a", "b"]) == directory
    assert _cache_directory.prepare(["a", "c"]) != directory
    assert _cache_directory.prepare(["ab"]) != directory


@pytest.fixture
def prepare(root, monkeypatch):
    """Return a function that prepares the directory as the first fit does, and returns it."""
    for name in ("is_prepared", "directory", "why_not"):
        monkeypatch.setattr(kept_programs._State, name, None)
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)

    def prepare():
        flags = kept_programs.prepare_directory()
        directory = kept_programs.directory()
        assert (directory is None) == (flags == {})
        assert directory is None or f'="{directory}" ' in flags["TF_XLA_FLAGS"]
        return directory

    return prepare


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_ENABLE_X"])
def test_another_number_of_threads_has_another_directory(name, root, prepare, monkeypatch):
    """Check a setting that the text of a program lacks."""
    monkeypatch.delenv(name, raising=False)
    directory = prepare()
    monkeypatch.setenv(name, "3")
    assert prepare() != directory
    monkeypatch.delenv(name)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    assert prepare() == directory
    assert directory.parent == root


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        ("a user's flags", "TF_XLA_FLAGS is set by the user"),
        ("another release", "not tried with TensorFlow 2.99.0"),
        ("another distribution", "no distribution named tensorflow"),
        ("the switch", "switched off by SKMLP_PLAIN_TENSORFLOW"),
    ],
)
def test_where_nothing_was_tried_nothing_is_kept(failure, reason, prepare, monkeypatch):
    """Check untried releases, user flags and the switch, and the told reason."""
    assert str(prepare()) == kept_programs.describe()
    if failure == "a user's flags":
        monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_auto_jit=0")
    elif failure == "the switch":
        monkeypatch.setenv("SKMLP_PLAIN_TENSORFLOW", "1")
    else:
        found = "2.99.0" if failure == "another release" else None
        monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
        monkeypatch.setattr("skmlp._tensorflow.releases.installed_release", lambda: found)
        monkeypatch.setattr("skmlp._tensorflow.kept_programs.installed_release", lambda: found)
    assert prepare() is None
    assert kept_programs.describe().startswith(f"off: {reason}")
    assert kept_programs.find(NAME) is None
    kept_programs.keep(NAME, b"")  # does nothing
    kept_programs.forget(NAME)


def test_before_the_first_fit_the_directory_is_told_and_not_made(root, prepare):
    assert kept_programs.describe().startswith(str(root))
    assert not root.exists()
    assert kept_programs.describe() == str(prepare())


def test_another_processor_has_another_directory(root, tmp_path, monkeypatch):
    """Check a home that machines share: code for one may end a process on another."""
    info = tmp_path / "cpuinfo"
    monkeypatch.setattr(_cache_directory, "_CPU_INFO", info)
    text = "processor : 0\nmodel name : A\ncpu MHz : {}\nflags : {}\n"
    directories = []
    for mhz, flags in ((2000, "avx2"), (2100, "avx2"), (2000, "avx2 avx512f")):
        info.write_text(text.format(mhz, flags))
        directories.append(_cache_directory.prepare([]))
    assert directories[0] == directories[1] != directories[2]
    info.unlink()
    with refuses("the processor is unknown"):
        _cache_directory.prepare([])


@pytest.mark.parametrize("name", ["getuid", "sched_getaffinity"])
def test_a_system_without_such_a_thing_keeps_nothing(name, root, monkeypatch):
    """Check systems without each thing that Linux has."""
    monkeypatch.delattr(os, name)
    with refuses(name):
        _cache_directory.prepare([])


def test_the_user_may_want_none(monkeypatch):
    """Check an empty environment variable."""
    monkeypatch.setenv(_cache_directory.ENVIRONMENT_VARIABLE, "")
    with refuses("SKMLP_CACHE_DIR is empty"):
        _cache_directory.prepare([])


def test_without_a_variable_it_is_where_the_system_has_caches(tmp_path, monkeypatch):
    """Check also a relative path, and a process that changes directory."""
    name = _cache_directory.ENVIRONMENT_VARIABLE
    monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert _cache_directory.prepare([]).parent == tmp_path / "skmlp"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for given, expected in (("here", "here"), ("~/there", "home/there")):
        monkeypatch.setenv(name, given)
        assert _cache_directory.prepare([]).parent == tmp_path / expected / "skmlp"


def test_without_a_home_nothing_is_kept(monkeypatch):
    """Check a container whose system does not know the user."""

    def fail(*args):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv(_cache_directory.ENVIRONMENT_VARIABLE)
    monkeypatch.setattr("platformdirs.user_cache_path", fail)
    with refuses("no place for a cache: could not determine"):
        _cache_directory.prepare([])


@pytest.mark.parametrize("level", [0, 1])
def test_a_directory_that_others_can_write_to_is_not_used(level, root):
    """Check that no code is run that others could have put there."""
    directory = _cache_directory.prepare([])
    (directory, root)[level].chmod(0o770)
    with refuses("others can write"):
        _cache_directory.prepare([])


def test_a_link_is_not_used(root, tmp_path):
    """Check a link to another directory of the user, whose files would be removed."""
    directory = _cache_directory.prepare([])
    directory.rmdir()
    (tmp_path / "other").mkdir(mode=0o700)
    directory.symlink_to(tmp_path / "other")
    with refuses("not a directory of this user"):
        _cache_directory.prepare([])


def test_sources_that_are_not_those_imported_have_no_directory(root, monkeypatch):
    """Check an upgrade of the package while a process runs."""
    monkeypatch.setattr(_cache_directory, "_IMPORTED", 0.0)
    with refuses("changed since it was imported"):
        _cache_directory.prepare([])


def test_without_sources_there_is_no_directory(root, tmp_path, monkeypatch):
    """Check an installation with compiled modules only."""
    monkeypatch.setattr(_cache_directory, "__file__", str(tmp_path / "package" / "module.pyc"))
    with refuses("can't be read"):
        _cache_directory.prepare([])


def test_a_directory_of_somebody_else_is_not_used(root, monkeypatch):
    """Check a directory with another owner."""
    assert _cache_directory.prepare([]) is not None
    monkeypatch.setattr(_cache_directory.os, "getuid", lambda: os.geteuid() + 1)
    with refuses("not a directory of this user"):
        _cache_directory.prepare([])


def test_where_nothing_can_be_written_nothing_is_kept(root, tmp_path, monkeypatch):
    """Check a path below a file, a full disk, and a name unfit for a flag."""
    (tmp_path / "file").touch()
    monkeypatch.setenv(_cache_directory.ENVIRONMENT_VARIABLE, str(tmp_path / "file" / "below"))
    with refuses("can't be used"):
        _cache_directory.prepare([])
    monkeypatch.setenv(_cache_directory.ENVIRONMENT_VARIABLE, str(tmp_path / 'a"b'))
    with refuses("can't hold the path"):
        _cache_directory.prepare([])
    monkeypatch.setenv(_cache_directory.ENVIRONMENT_VARIABLE, str(root))
    assert _cache_directory.prepare([]) is not None
    with monkeypatch.context() as patch:
        patch.setattr(_cache_directory.os, "access", lambda path, mode: False)
        with refuses("can't be written to"):
            _cache_directory.prepare([])
    usage = namedtuple("usage", "free")(2**20)
    monkeypatch.setattr(_cache_directory.shutil, "disk_usage", lambda path: usage)
    with refuses("less than 256 MB are free"):
        _cache_directory.prepare([])


def test_past_the_room_what_was_used_long_ago_goes(root, monkeypatch):
    """Check that the oldest files go, in all directories, and no others."""
    monkeypatch.setattr(_cache_directory, "MAX_BYTES", 1000)
    first, second = _cache_directory.prepare(["a"]), _cache_directory.prepare(["b"])
    for path in (root / "xla_compile_cache__1.pb", first / "thesis", root / "other" / "a.tmp"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(5000))
    now = time.time()
    for age in range(10):
        path = (first, second)[age % 2] / f"skmlp_{age:032x}.functions"
        path.write_bytes(bytes(100))
        os.utime(path, (now - age, now - age))
    before = _names(root)
    _cache_directory.prepare(["a"])
    assert _names(root) == before
    (first / "new.tmp").write_bytes(b"1")
    _cache_directory.prepare(["a"])
    gone = {f"skmlp_{age:032x}.functions" for age in range(4, 10)}
    assert set(_names(root)) == {*before, "new.tmp"} - gone


def _names(root):
    return sorted(path.name for path in root.rglob("*") if path.is_file())


NAME = "skmlp_" + "0" * 32


@pytest.fixture
def kept(tmp_path):
    """Return a directory with one whole program, and one of which only the code was written."""
    code = tmp_path / "xla_compile_cache__1__2.pb"
    code.write_bytes(f"code of {NAME}".encode())
    _cache_directory.keep(tmp_path, NAME, b"functions\n")
    (tmp_path / "xla_compile_cache__3__4.pb").write_bytes(b"code of another")
    return tmp_path


FILES = [f"{NAME}.functions", "xla_compile_cache__1__2.pb", "xla_compile_cache__3__4.pb"]


def test_what_is_kept_is_found(kept):
    """Check that finding a program counts as using it."""
    assert _names(kept) == FILES
    for name in FILES[:2]:
        os.utime(kept / name, (0, 0))
    assert _cache_directory.find(kept, NAME) == b"functions\n"
    assert all((kept / name).stat().st_mtime > 1e9 for name in FILES[:2])
    assert _cache_directory.find(kept, NAME[:-1] + "1") is None
    assert _names(kept) == FILES


@pytest.mark.parametrize("name", FILES[:2])
def test_what_is_damaged_is_not_found_but_removed(name, kept):
    """Check files cut short anywhere, with a changed bit, or missing."""
    whole = {path.name: path.read_bytes() for path in kept.iterdir()}
    damaged = [whole[name][:size] for size in range(len(whole[name]))]
    for place in (0, 70, -1):
        changed = bytearray(whole[name])
        changed[min(place, len(changed) - 1)] ^= 1
        damaged.append(bytes(changed))
    for content in damaged:
        for other in FILES:
            (kept / other).write_bytes(whole[other])
        (kept / name).write_bytes(content)
        assert _cache_directory.find(kept, NAME) is None
        assert name not in _names(kept)
        assert FILES[2] in _names(kept)
        assert _cache_directory.find(kept, NAME) is None


def test_functions_without_code_are_not_kept(tmp_path):
    """Check a TensorFlow that writes no code, and a missing directory."""
    _cache_directory.keep(tmp_path, NAME, b"functions")
    assert not _names(tmp_path)
    _cache_directory.keep(tmp_path / "gone", NAME, b"functions")
    assert not (tmp_path / "gone").exists()


def test_a_file_that_cannot_be_written_leaves_nothing(kept, monkeypatch):
    """Check a full disk."""

    def fail(descriptor):
        raise OSError("no space left")

    monkeypatch.setattr(_cache_directory.os, "fsync", fail)
    _cache_directory.keep(kept, NAME, b"others")
    assert _names(kept) == FILES
    assert _cache_directory.find(kept, NAME) == b"functions\n"


def test_forget_removes_one_program(kept):
    """Check that the next process removes its code; also check a missing directory."""
    (kept / "mine").touch()
    _cache_directory.forget(kept, NAME)
    assert _names(kept) == ["mine", *FILES[1:]]
    _cache_directory.forget(kept / "gone", NAME)


def test_code_that_was_not_checked_goes(kept, root):
    """Check code with and without a checksum, and code of forgotten functions."""
    directory = _cache_directory.prepare([])
    for path in kept.glob("*.*"):
        shutil.copy(path, directory)
    (directory / "mine.pb").touch()
    _cache_directory.prepare([])
    assert _names(directory) == ["mine.pb", *FILES[:2]]
    assert _cache_directory.find(directory, NAME) == b"functions\n"
    _cache_directory.forget(directory, NAME)
    _cache_directory.prepare([])
    assert _names(directory) == ["mine.pb"]
