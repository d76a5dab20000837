"""Where programs are kept: whose directory, for which machine, and how much of it."""

import os
import time
from collections import namedtuple
from pathlib import Path

import pytest

from skmlp import _cache_directory


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv(_cache_directory.ENVIRONMENT_VARIABLE, str(tmp_path / "programs"))
    return tmp_path / "programs"


def test_the_directory_is_the_same_for_the_same_settings_only(root):
    """Check that it exists, for its user alone."""
    directory = _cache_directory.prepare(["a", "b"])
    assert directory.parent == root
    assert directory.stat().st_mode & 0o777 == 0o700
    assert _cache_directory.prepare(["a", "b"]) == directory
    assert _cache_directory.prepare(["a", "c"]) != directory
    assert _cache_directory.prepare(["ab"]) != directory


@pytest.mark.parametrize("name", _cache_directory._NAMES_THREADS)
def test_another_number_of_threads_has_another_directory(name, root, monkeypatch):
    """Check what a program may be compiled for, but which it does not say itself."""
    monkeypatch.delenv(name, raising=False)
    directory = _cache_directory.prepare([])
    monkeypatch.setenv(name, "3")
    assert _cache_directory.prepare([]) != directory


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
    assert _cache_directory.prepare([]) is None  # unknown


def test_the_user_may_want_none(monkeypatch):
    """Check an empty variable."""
    monkeypatch.setenv(_cache_directory.ENVIRONMENT_VARIABLE, "")
    assert _cache_directory.prepare([]) is None


def test_without_a_variable_it_is_where_the_system_has_caches(tmp_path, monkeypatch):
    """Check a relative path, too, which is another once the process has changed its directory."""
    monkeypatch.delenv(_cache_directory.ENVIRONMENT_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert _cache_directory.prepare([]).parent == tmp_path / "skmlp"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(_cache_directory.ENVIRONMENT_VARIABLE, "here")
    assert _cache_directory.prepare([]).parent == tmp_path / "here"


def test_a_directory_that_others_can_write_to_is_not_used(root):
    """Check that no code is executed that somebody else may have put there."""
    directory = _cache_directory.prepare([])
    directory.chmod(0o770)
    assert _cache_directory.prepare([]) is None


def test_a_directory_of_somebody_else_is_not_used(root, monkeypatch):
    """Check its owner."""
    assert _cache_directory.prepare([]) is not None
    monkeypatch.setattr(_cache_directory.os, "getuid", lambda: os.geteuid() + 1)
    assert _cache_directory.prepare([]) is None


def test_where_nothing_can_be_written_nothing_is_kept(root, tmp_path, monkeypatch):
    """Check a path below a file, a full disk, and a name that a flag can't have."""
    (tmp_path / "file").touch()
    monkeypatch.setenv(_cache_directory.ENVIRONMENT_VARIABLE, str(tmp_path / "file" / "below"))
    assert _cache_directory.prepare([]) is None
    monkeypatch.setenv(_cache_directory.ENVIRONMENT_VARIABLE, str(tmp_path / 'a"b'))
    assert _cache_directory.prepare([]) is None
    monkeypatch.setenv(_cache_directory.ENVIRONMENT_VARIABLE, str(root))
    assert _cache_directory.prepare([]) is not None
    usage = namedtuple("usage", "free")(2**20)
    monkeypatch.setattr(_cache_directory.shutil, "disk_usage", lambda path: usage)
    assert _cache_directory.prepare([]) is None


def test_past_the_room_the_oldest_half_goes(root, monkeypatch):
    """Check files of several directories, by their age."""
    monkeypatch.setattr(_cache_directory, "MAX_BYTES", 1000)
    first, second = _cache_directory.prepare(["a"]), _cache_directory.prepare(["b"])
    now = time.time()
    for age in range(10):
        path = (first, second)[age % 2] / str(age)
        path.write_bytes(bytes(100))
        os.utime(path, (now - age, now - age))
    _cache_directory.prepare(["a"])
    assert len(_names(root)) == 10
    (first / "new").write_bytes(b"1")
    _cache_directory.prepare(["a"])
    assert _names(root) == ["0", "1", "2", "3", "new"]


def _names(root):
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def test_a_damaged_file_is_no_file(tmp_path):
    """Check a file that is missing, whole, cut short at any place, or changed in one bit."""
    path = tmp_path / "a.functions"
    assert _cache_directory.read(path) is None
    _cache_directory.write(path, b"content")
    assert _names(tmp_path) == ["a.functions"]
    assert _cache_directory.read(path) == b"content"
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert _cache_directory.read(path) is None
    for place in (0, -1):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        assert _cache_directory.read(path) is None


def test_a_file_that_cannot_be_written_is_left_out(tmp_path):
    """Check a directory that is gone."""
    _cache_directory.write(tmp_path / "gone" / "a.functions", b"content")
    assert not (tmp_path / "gone").exists()


def test_clear_removes_files(tmp_path):
    """Check a directory that is gone, too."""
    (tmp_path / "a").touch()
    _cache_directory.clear(tmp_path)
    assert not _names(tmp_path)
    _cache_directory.clear(Path(tmp_path / "gone"))
