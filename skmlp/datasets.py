"""The data set of the examples: MNIST, with 5,000 validation samples."""

import hashlib
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from skmlp._tensorflow.loading import load_keras

__all__ = ["MNIST_ENVIRONMENT_VARIABLE", "load_mnist"]

MNIST_ENVIRONMENT_VARIABLE = "SKMLP_MNIST"
"""Environment variable with the path of the file that `load_mnist` reads."""

N_VALIDATION = 5000

_ARRAY_NAMES = ("x_train", "y_train", "x_test", "y_test")
_N_IMAGES = {"train": 60000, "test": 10000}
_N_PIXELS = 28 * 28
# SHA-256 of the pixels of a part, followed by its labels as bytes.
_DIGESTS = {
    "train": "edc0d1098aa497be14ace79ddd5171e5a3dcf9c4d196c015389203eb3ba1f59b",
    "test": "c3f9adf9c66efb572b1f9326c3a511b45910c7173b97be66ceceeeeaef6b802b",
}


def load_mnist(path: str | os.PathLike[str] | None = None, *, return_X_y: bool = False) -> Any:
    """Load MNIST with 55,000 images to train, 5,000 to validate and 10,000 to test.

    The first 5,000 of the 60,000 training images are the validation set.

    Parameters
    ----------
    path : str or path-like, default=None
        A file ``mnist.npz`` with the arrays ``x_train``, ``y_train``, ``x_test`` and ``y_test``,
        as Keras provides it. None takes the path in the environment variable ``SKMLP_MNIST``.
        If the variable is not set, Keras (with TensorFlow) is imported, downloads the file once
        and keeps it in its cache.

    return_X_y : bool, default=False
        Whether to return the pairs of arrays instead of a Bunch.

    Returns
    -------
    mnist : :class:`~sklearn.utils.Bunch`
        With the attributes `X_train` of shape (55000, 784), `y_train` of shape (55000,),
        `X_val` of shape (5000, 784), `y_val` of shape (5000,), `X_test` of shape (10000, 784)
        and `y_test` of shape (10000,). Images are flattened 28 x 28 pixels, float32 between 0
        and 1; labels are int64.

    (X_train, y_train), (X_val, y_val), (X_test, y_test) : tuple of pairs of ndarray
        If ``return_X_y=True``.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the file is truncated, or is not MNIST.
    OSError
        If the file cannot be downloaded.

    See Also
    --------
    sklearn.datasets.load_digits : Smaller images of digits, which come with scikit-learn.

    Examples
    --------
    >>> from skmlp.datasets import load_mnist
    >>> mnist = load_mnist()  # doctest: +SKIP
    >>> mnist.X_train.shape  # doctest: +SKIP
    (55000, 784)
    """
    arrays = _find_arrays(path)
    (X, y), test = (_check_part(arrays, name) for name in ("train", "test"))
    train, validation = (X[N_VALIDATION:], y[N_VALIDATION:]), (X[:N_VALIDATION], y[:N_VALIDATION])
    if return_X_y:
        return train, validation, test
    return Bunch(
        X_train=train[0],
        y_train=train[1],
        X_val=validation[0],
        y_val=validation[1],
        X_test=test[0],
        y_test=test[1],
    )


def _find_arrays(path: str | os.PathLike[str] | None) -> dict[str, np.ndarray]:
    """Return the four arrays from the path, the environment variable's file, or Keras."""
    if path is not None:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"path must be a str or a path-like object, got {path!r}.")
        return _read_file(Path(path), "path")
    variable = os.environ.get(MNIST_ENVIRONMENT_VARIABLE)
    if variable:
        return _read_file(Path(variable), f"environment variable {MNIST_ENVIRONMENT_VARIABLE}")
    return _download()


def _read_file(file: Path, source: str) -> dict[str, np.ndarray]:
    file = file.expanduser()
    if not file.is_file():
        raise FileNotFoundError(
            f"No file at {str(file)!r}, given by the {source}; expected mnist.npz as Keras "
            "provides it."
        )
    try:
        # `np.load` opens a path itself, and leaves the file open if it can't read it.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in _ARRAY_NAMES}
    except KeyError as error:
        raise ValueError(
            f"{str(file)!r} is not MNIST: expected the arrays {', '.join(_ARRAY_NAMES)}, {error}."
        ) from error
    except (ValueError, TypeError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{str(file)!r} is not mnist.npz, or is truncated: it cannot be read ({error})."
        ) from error


def _download() -> dict[str, np.ndarray]:
    """Return the arrays from Keras, which downloads the file unless it has it in its cache."""
    try:
        (x_train, y_train), (x_test, y_test) = load_keras().datasets.mnist.load_data()
    except Exception as error:  # the errors of Keras are not documented
        raise OSError(
            f"Keras could not provide MNIST ({error}). Get mnist.npz by other means, and pass its "
            f"path to load_mnist or in the environment variable {MNIST_ENVIRONMENT_VARIABLE}."
        ) from error
    return dict(zip(_ARRAY_NAMES, (x_train, y_train, x_test, y_test), strict=True))


def _check_part(arrays: dict[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the scaled images and the labels of the training or the test part."""
    images, labels = arrays[f"x_{name}"], arrays[f"y_{name}"]
    n_images = _N_IMAGES[name]
    if (
        images.size != n_images * _N_PIXELS
        or len(images) != n_images
        or labels.shape != (n_images,)
    ):
        raise ValueError(
            f"The file is not MNIST: expected {n_images} images of {_N_PIXELS} pixels in x_{name} "
            f"and as many labels in y_{name}, got the shapes {images.shape} and {labels.shape}."
        )
    if images.dtype != np.uint8 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"The file is not MNIST: expected x_{name} of type uint8 and y_{name} of an integer "
            f"type, got {images.dtype} and {labels.dtype}."
        )
    digest = hashlib.sha256(np.ascontiguousarray(images).data)
    digest.update(labels.astype(np.uint8).data)
    if digest.hexdigest() != _DIGESTS[name]:
        raise ValueError(f"The file is not MNIST: x_{name} or y_{name} has other values.")
    scaled = images.reshape(n_images, _N_PIXELS) / np.float32(255)
    return scaled, labels.astype(np.int64)
