"""MNIST: the split, the sources, and files that are not MNIST."""

import hashlib
import sys
import types

import numpy as np
import pytest

from skmlp import datasets
from skmlp._tensorflow import loading as _tensorflow
from skmlp.datasets import MNIST_ENVIRONMENT_VARIABLE, load_mnist


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Write a file like MNIST, with 300 and 100 images, and make load_mnist accept it."""
    rng = np.random.RandomState(0)
    arrays = {}
    for name, n_images in (("train", 300), ("test", 100)):
        arrays[f"x_{name}"] = rng.randint(256, size=(n_images, 28, 28)).astype(np.uint8)
        arrays[f"y_{name}"] = (np.arange(n_images) % 10).astype(np.uint8)
    monkeypatch.setattr(datasets, "_N_IMAGES", {"train": 300, "test": 100})
    digests = {}
    for name in ("train", "test"):
        digest = hashlib.sha256(arrays[f"x_{name}"].tobytes() + arrays[f"y_{name}"].tobytes())
        digests[name] = digest.hexdigest()
    monkeypatch.setattr(datasets, "_DIGESTS", digests)
    monkeypatch.setattr(datasets, "N_VALIDATION", 25)
    monkeypatch.delenv(MNIST_ENVIRONMENT_VARIABLE, raising=False)
    path = tmp_path / "mnist.npz"
    np.savez_compressed(path, **arrays)
    return path, arrays


def test_the_first_images_validate(fake):
    """Check the split, the scale, the types and the shapes."""
    path, arrays = fake
    mnist = load_mnist(path)
    pixels = arrays["x_train"].reshape(300, 784)
    assert mnist.X_train.dtype == np.float32
    assert mnist.y_train.dtype == np.int64
    np.testing.assert_allclose(mnist.X_val * 255, pixels[:25], atol=1e-4)
    np.testing.assert_allclose(mnist.X_train * 255, pixels[25:], atol=1e-4)
    np.testing.assert_allclose(mnist.X_test * 255, arrays["x_test"].reshape(100, 784), atol=1e-4)
    np.testing.assert_array_equal(mnist.y_val, arrays["y_train"][:25])
    np.testing.assert_array_equal(mnist.y_train, arrays["y_train"][25:])
    np.testing.assert_array_equal(mnist.y_test, arrays["y_test"])
    assert mnist.X_train.max() == 1.0
    assert mnist.X_train.min() == 0.0


def test_pairs_instead_of_a_bunch(fake):
    """Check return_X_y."""
    path, _ = fake
    mnist = load_mnist(path)
    pairs = load_mnist(path, return_X_y=True)
    for name, (X, y) in zip(("train", "val", "test"), pairs, strict=True):
        np.testing.assert_array_equal(X, mnist[f"X_{name}"])
        np.testing.assert_array_equal(y, mnist[f"y_{name}"])


def test_the_environment_variable_names_the_file(fake, monkeypatch):
    """Check the second source, and that a path comes before it."""
    path, _ = fake
    monkeypatch.setenv(MNIST_ENVIRONMENT_VARIABLE, str(path))
    assert load_mnist().X_train.shape == (275, 784)
    monkeypatch.setenv(MNIST_ENVIRONMENT_VARIABLE, "nowhere.npz")
    assert load_mnist(path).X_train.shape == (275, 784)
    with pytest.raises(FileNotFoundError, match=f"nowhere.npz.*{MNIST_ENVIRONMENT_VARIABLE}"):
        load_mnist()


def test_keras_is_the_last_source(fake, monkeypatch):
    """Check that its arrays are used unchanged, and that its failure is explained."""
    _, arrays = fake
    a = arrays
    load_data = lambda: ((a["x_train"], a["y_train"]), (a["x_test"], a["y_test"]))  # noqa: E731
    mnist = types.SimpleNamespace(load_data=load_data)
    keras = types.SimpleNamespace(datasets=types.SimpleNamespace(mnist=mnist))
    monkeypatch.setattr(datasets, "load_keras", lambda: keras)
    assert load_mnist().X_val.shape == (25, 784)

    def no_network():
        raise Exception("URL fetch failure")

    mnist.load_data = no_network
    with pytest.raises(OSError, match=f"URL fetch failure.*{MNIST_ENVIRONMENT_VARIABLE}"):
        load_mnist()


def test_keras_is_reached_under_its_name():
    """Check that the real Keras has the function that is called."""
    assert callable(_tensorflow.load_keras().datasets.mnist.load_data)
    assert "keras" in sys.modules


def test_a_missing_file_is_named(tmp_path):
    """Check path and directory."""
    for path in (tmp_path / "no.npz", tmp_path):
        with pytest.raises(FileNotFoundError, match=r"given by the path; expected mnist\.npz"):
            load_mnist(path)


def test_a_path_of_another_type_is_named():
    """Check that numbers are not taken for file descriptors."""
    with pytest.raises(TypeError, match="path must be a str or a path-like object, got 3"):
        load_mnist(3)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_named(fake, share):
    """Check files cut at several places, also at the start."""
    path, _ = fake
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"mnist\.npz.* truncated"):
        load_mnist(path)


def test_a_corrupted_file_is_named(fake):
    """Check bytes that were changed in the middle."""
    path, _ = fake
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = bytes(2000)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="truncated"):
        load_mnist(path)


def change(arrays, name, value):
    return arrays | {name: value}


WRONG = {
    "a missing array": lambda a: {k: v for k, v in a.items() if k != "y_test"},
    "other arrays": lambda a: {"images": a["x_train"]},
    "fewer images": lambda a: change(a, "x_train", a["x_train"][:-1]),
    "other pixels": lambda a: change(a, "x_train", a["x_train"][:, :27]),
    "fewer labels": lambda a: change(a, "y_test", a["y_test"][:-1]),
    "floats": lambda a: change(a, "x_test", a["x_test"] / 255),
    "text": lambda a: change(a, "y_train", a["y_train"].astype(str)),
    "other labels": lambda a: change(a, "y_train", np.zeros(300, np.uint8)),
    "other order": lambda a: change(a, "x_train", a["x_train"][::-1]),
    "other images": lambda a: change(a, "x_train", 255 - a["x_train"]),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_file_is_named(fake, wrong):
    """Check npz files that are not MNIST."""
    path, arrays = fake
    np.savez(path, **WRONG[wrong](arrays))
    with pytest.raises(ValueError, match="not MNIST"):
        load_mnist(path)


@pytest.mark.parametrize("content", [b"hello", b"\x93NUMPY", b"PK\x03\x04"])
def test_another_kind_of_file_is_named(tmp_path, content):
    """Check files in other formats than npz."""
    path = tmp_path / "mnist.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"not mnist\.npz"):
        load_mnist(path)


def test_a_single_array_is_named(tmp_path):
    """Check an npy file."""
    path = tmp_path / "mnist.npy"
    np.save(path, np.zeros(3))
    with pytest.raises(ValueError, match=r"not mnist\.npz"):
        load_mnist(path)


def test_mnist_itself(mnist_path):
    """Check sizes, scale and label counts of the real file."""
    mnist = load_mnist(mnist_path)
    assert mnist.X_train.shape == (55000, 784)
    assert mnist.X_val.shape == (5000, 784)
    assert mnist.X_test.shape == (10000, 784)
    labels = np.concatenate([mnist.y_val, mnist.y_train])
    expected = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    np.testing.assert_array_equal(np.bincount(labels), expected)
    assert list(labels[:8]) == [5, 0, 4, 1, 9, 2, 1, 3]
    assert (mnist.X_test.min(), mnist.X_test.max()) == (0.0, 1.0)
