"""Memory that NumPy and TensorFlow share: the check, and the copy if it fails."""

import ctypes
from types import SimpleNamespace

import numpy as np
import pytest

from skmlp._engine import memory
from skmlp._engine.memory import SharedArray, aligned_empty, aligned_zeros, to_tensor, zeros_tensor
from skmlp._tensorflow import sharing
from skmlp._tensorflow.loading import load


@pytest.fixture(scope="module")
def tf():
    return load()


@pytest.fixture(params=["shared", "copied"])
def works(request, tf, monkeypatch):
    """Return whether memory is shared; and share it."""
    assert sharing.works()  # memory is shared on all systems where the tests run
    monkeypatch.setattr(sharing._State, "works", request.param == "shared")
    return request.param == "shared"


SHAPES = [(), (0, 3), (7,), (5, 3, 2)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int32", "int64", "uint8"])
def test_a_tensor_has_the_present_values(shape, dtype, tf, works):
    """Check changes; a tensor from before sees them only if memory is shared."""
    shared = SharedArray(tf, aligned_zeros(shape, np.dtype(dtype)))
    before = shared.tensor()
    shared.array[...] = np.arange(shared.array.size).reshape(shape) + 1
    tensor = shared.tensor()
    assert (tensor.dtype.name, tuple(tensor.shape)) == (dtype, shape)
    np.testing.assert_array_equal(tensor.numpy(), shared.array)
    if shared.array.size:
        assert np.array_equal(before.numpy(), shared.array) == works
        assert (tensor is before) == works
        kept = shared.array.copy()
        shared.array[...] = 0
        assert np.array_equal(tensor.numpy(), kept) != works


def test_a_compiled_function_sees_changes(tf, works):
    """Check a function that is called again with other values, as in training."""
    shared = SharedArray(tf, aligned_empty((4, 2), np.dtype(np.float64)))
    double = tf.function(lambda x: 2 * x, jit_compile=True, autograph=False)
    for i in range(3):
        shared.array[...] = i
        np.testing.assert_array_equal(double(shared.tensor()).numpy(), np.full((4, 2), 2.0 * i))


def test_tensors_of_arrays_that_do_not_change(tf, works):
    """Check that a later change of the array does not reach the tensor."""
    array = np.arange(6.0).reshape(2, 3)
    tensor = to_tensor(tf, array)
    array[...] = 0
    np.testing.assert_array_equal(tensor.numpy(), np.arange(6.0).reshape(2, 3))
    assert not zeros_tensor(tf, (3,), np.dtype(np.float32)).numpy().any()


@pytest.mark.parametrize("make", [aligned_zeros, aligned_empty])
@pytest.mark.parametrize("shape", SHAPES)
def test_arrays_are_aligned_and_can_be_written_to(make, shape):
    for _ in range(5):
        array = make(shape, np.dtype(np.float64))
        assert array.ctypes.data % 64 == 0
        assert array.flags.writeable
        assert array.flags.c_contiguous


def with_dlpack(from_dlpack):
    return SimpleNamespace(
        experimental=SimpleNamespace(dlpack=SimpleNamespace(from_dlpack=from_dlpack))
    )


def fail(capsule):
    raise ValueError("this device has no memory to share")


@pytest.mark.parametrize(
    "tensorflow",
    [with_dlpack(lambda capsule: np.zeros(8)), with_dlpack(fail), SimpleNamespace()],
    ids=["a copy", "an error", "no such function"],
)
def test_the_check_finds_a_tensorflow_that_does_not_share(tensorflow, monkeypatch):
    monkeypatch.setattr(sharing._State, "works", True)
    monkeypatch.setattr(sharing._State, "why_not", None)
    sharing.check(tensorflow)
    assert not sharing.works()
    assert sharing.why_not() == "a tensor did not see a change of its array"


def test_the_switch_turns_it_off(tf, monkeypatch):
    monkeypatch.setattr(sharing._State, "works", True)
    monkeypatch.setattr(sharing._State, "why_not", None)
    monkeypatch.setenv("SKMLP_PLAIN_TENSORFLOW", "1")
    sharing.check(tf)
    assert not sharing.works()
    assert "SKMLP_PLAIN_TENSORFLOW" in sharing.why_not()
    monkeypatch.delenv("SKMLP_PLAIN_TENSORFLOW")
    sharing.check(tf)
    assert sharing.works()
    assert sharing.why_not() is None


@pytest.mark.parametrize("error", [AttributeError, OSError, TypeError])
def test_another_c_library_keeps_its_memory(error, monkeypatch):
    """Check that a missing `malloc_trim` is no error."""

    def fail(name):
        raise error

    monkeypatch.setattr(ctypes, "CDLL", fail)
    assert memory.trim_memory() is None
