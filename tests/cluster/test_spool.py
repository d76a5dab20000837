"""Files of samples without a name, and the messages to the process that reads them."""

import io
import os
import threading

import numpy as np
import pytest

from skmlp._cluster import spool
from skmlp._cluster.frames import read_frame, write_frame
from skmlp._data import disk


def test_rows_come_back_as_they_were_appended(tmp_path):
    """Check the values, the places, and that the directory stays empty."""
    parts = [np.random.RandomState(i).rand(n, 3) for i, n in enumerate([4, 0, 1])]
    file = spool.Spool(str(tmp_path))
    places = [file.append(part) for part in parts]
    assert places == [0, 4, 4]
    described = file.file()
    opened = spool.SpoolFile(
        os.dup(described.descriptor), described.dtype, described.n_rows, described.n_features
    ).open()
    np.testing.assert_array_equal(opened, np.concatenate(parts))
    assert list(tmp_path.iterdir()) == []
    file.close()
    np.testing.assert_array_equal(opened, np.concatenate(parts))  # while the file is mapped


def test_threads_append_at_once(tmp_path):
    """Check that no thread overwrites the part of another."""
    file = spool.Spool(str(tmp_path))
    places = {}

    def append(number):
        places[number] = file.append(np.full((50 + number, 2), float(number), np.float32))

    threads = [threading.Thread(target=append, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    described = file.file()
    X = spool.SpoolFile(
        os.dup(described.descriptor), described.dtype, described.n_rows, described.n_features
    ).open()
    for number, place in places.items():
        assert (X[place : place + 50 + number] == number).all()
    file.close()


def test_a_full_disk_is_an_error_that_names_the_directory(tmp_path, monkeypatch):
    """Check that the error names the directory and the room that is needed."""

    def no_room(descriptor, start, n_bytes):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk.os, "posix_fallocate", no_room)
    file = spool.Spool(str(tmp_path), n_bytes=5_000_000)
    with pytest.raises(OSError, match=rf"{tmp_path}: about 5.0 MB are needed.*local_directory"):
        file.append(np.ones((10, 2)))
    file.close()


def test_room_is_looked_for_before_anything_is_written(tmp_path):
    """Check a request for more room than any disk has."""
    with pytest.raises(OSError, match=r"about 1000000000000.0 MB are needed, .* MB are free. Buy"):
        disk.check_room(str(tmp_path), 10**18, "Buy a disk")
    disk.check_room(str(tmp_path), 1, "")


def test_messages_come_as_they_were_sent():
    """Check objects, and bytes that were pickled before sending."""
    stream = io.BytesIO()
    write_frame(stream, ("done", [1, 2]))
    write_frame(stream, b"\x80\x04N.")  # None, pickled
    stream.seek(0)
    assert read_frame(stream) == ("done", [1, 2])
    assert read_frame(stream) is None
    with pytest.raises(EOFError, match="closed"):
        read_frame(stream)
