"""Samples of Parquet files, in arrays on disk."""

import numpy as np
import pytest

from skmlp import TFMLPClassifier
from skmlp._data import disk
from skmlp.data import from_parquet
from tests.helpers import fit_quietly, load

pa = pytest.importorskip("pyarrow", reason='pip install "skmlp[parquet]"')
pq = pytest.importorskip("pyarrow.parquet")

X, Y = load("digits")


def write(path, X, y, n_files=1, **options):
    """Write samples with named columns to a file, or to files in a directory."""
    columns = {f"x{i}": column for i, column in enumerate(X.T)}
    table = pa.table(columns | {"y": y})
    if n_files == 1:
        pq.write_table(table, path, **options)
        return
    path.mkdir()
    for number, rows in enumerate(np.array_split(np.arange(len(X)), n_files)):
        pq.write_table(table.take(rows), path / f"part-{number}.parquet", **options)


@pytest.mark.parametrize("n_files", [1, 3])
def test_samples_are_those_that_were_written(n_files, tmp_path):
    """Check values and order, and that the array is in a nameless file on disk."""
    path = tmp_path / "data"
    write(path, X, Y, n_files, row_group_size=100)
    before = sorted(tmp_path.iterdir())
    found, y = from_parquet(path, target="y", directory=tmp_path)
    np.testing.assert_array_equal(found, X)
    np.testing.assert_array_equal(y, Y)
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    assert sorted(tmp_path.iterdir()) == before


def test_fit_has_the_same_bits(tmp_path):
    """Check a fit on the array on disk against one on the array in memory."""
    write(tmp_path / "data", X, Y)
    net = TFMLPClassifier(hidden_layer_sizes=8, max_iter=3, random_state=0)
    mapped = fit_quietly(net, *from_parquet(tmp_path / "data", target="y"))
    expected = mapped.coefs_
    fit_quietly(net, X, Y)
    for actual, each in zip(net.coefs_, expected, strict=True):
        np.testing.assert_array_equal(actual, each)


def test_columns_have_the_order_that_was_asked_for(tmp_path):
    """Check some of the columns, and several targets."""
    write(tmp_path / "data", X, Y)
    found, y = from_parquet(tmp_path / "data", target=["y", "x3"], columns=["x9", "x2"])
    np.testing.assert_array_equal(found, X[:, [9, 2]])
    np.testing.assert_array_equal(y, np.column_stack([Y, X[:, 3]]))


@pytest.mark.parametrize(
    ("kind", "dtype", "expected"),
    [
        (np.float32, None, np.float32),
        (np.int16, None, np.float32),
        (np.int64, None, np.float64),
        (np.float64, "float32", np.float32),
        (bool, "float64", np.float64),
    ],
)
def test_the_type_holds_all_columns(kind, dtype, expected, tmp_path):
    """Check the common type of the columns, and a requested type."""
    values = (X[:5, 20:24] > 0.5).astype(kind)
    write(tmp_path / "data", values, Y[:5])
    found, _ = from_parquet(tmp_path / "data", target="y", dtype=dtype)
    assert found.dtype == expected
    np.testing.assert_array_equal(found, values)


def test_labels_may_be_strings(tmp_path):
    """Check that only features have to be numbers."""
    labels = np.array(["a", "b", "a"])
    write(tmp_path / "data", X[:3], labels)
    assert from_parquet(tmp_path / "data", target="y")[1].tolist() == labels.tolist()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array(["a", "b"]), r"no numbers: \{'z': 'string'\}.*TabularMLPClassifier"),
        (pa.array(["a", "b"]).dictionary_encode(), "no numbers: {'z': 'dictionary"),
        (pa.array([1.0, None]), r"missing values in the columns \['z'\]"),
    ],
)
def test_what_is_no_number_is_named(column, message, tmp_path):
    """Check strings, categories and missing values."""
    pq.write_table(pa.table({"z": column, "y": [0, 1]}), tmp_path / "data")
    with pytest.raises(ValueError, match=message):
        from_parquet(tmp_path / "data", target="y")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": "w"}, r"no columns \['w'\]; the files have \['x0', 'x1', 'y'\]"),
        ({"target": "y", "columns": ["x0", "y"]}, r"the same names: \['y'\]"),
        ({"target": "y", "columns": []}, "no columns but the target"),
        ({"target": "y", "columns": "x0"}, "sequence of names, got 'x0'"),
        ({"target": "y", "dtype": "int8"}, "'float32', 'float64' or None, got 'int8'"),
    ],
)
def test_bad_arguments_are_named(arguments, message, tmp_path):
    """Check what was expected and what was got."""
    write(tmp_path / "data", X[:3, :2], Y[:3])
    with pytest.raises(ValueError, match=message):
        from_parquet(tmp_path / "data", **arguments)


def test_a_full_disk_is_told_before_anything_is_read(tmp_path, monkeypatch):
    """Check that the error names the directory and the room that is needed."""

    def no_room(descriptor, start, n_bytes):
        raise OSError(28, "No space left on device")

    write(tmp_path / "data", X, Y)
    monkeypatch.setattr(disk.os, "posix_fallocate", no_room)
    needed = X.nbytes / 1e6
    with pytest.raises(OSError, match=rf"{tmp_path}: about {needed:.1f} MB are needed"):
        from_parquet(tmp_path / "data", target="y", directory=tmp_path)


def test_memory_is_bounded(tmp_path):
    """Check pyarrow's peak of memory against the 51 MB of all values."""
    many = np.tile(X.astype(np.float32), (112, 1))
    write(tmp_path / "data", many, np.arange(len(many)), n_files=20, row_group_size=2000)
    del many
    pool = pa.system_memory_pool()
    before, pa_before = pool.bytes_allocated(), pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        found, _ = from_parquet(tmp_path / "data", target="y")
    finally:
        pa.set_memory_pool(pa_before)
    assert found.nbytes > 50e6
    assert pool.max_memory() - before < 0.6 * found.nbytes
