"""Checks images and their labels."""

from dataclasses import dataclass
from math import isqrt
from numbers import Integral
from typing import Any, Self

import numpy as np


def as_pictures(images: Any, image_shape: tuple[int, ...] | None) -> np.ndarray:
    """Return the images as an array of pictures."""
    images = np.asarray(images)
    if images.dtype.kind not in "biuf" or images.ndim not in (2, 3, 4) or 0 in images.shape[1:]:
        raise ValueError(
            "images must be numbers of the shape (n_images, n_pixels), (n_images, height, width) "
            "or (n_images, height, width, n_channels), got the type "
            f"{images.dtype} and the shape {images.shape}."
        )
    n_pixels = int(np.prod(images.shape[1:]))
    shape = check_image_shape(image_shape, images.shape[1:], n_pixels)
    if len(shape) == 3 and shape[2] not in (1, 3, 4):
        raise ValueError(f"images must have 1, 3 or 4 channels, got {shape[2]} of {shape}.")
    return images.reshape(len(images), *shape)


def check_labels(name: str, labels: Any, n_images: int) -> np.ndarray:
    """Return labels as an array, one for each image."""
    labels = np.asarray(labels)
    if labels.shape != (n_images,):
        raise ValueError(
            f"{name} must have one label for each of the {n_images} images, got the shape "
            f"{labels.shape}."
        )
    return labels


def check_comparable(y_true: np.ndarray, y_pred: np.ndarray) -> None:
    """Raise ValueError if no label of one array can equal a label of the other."""
    kinds = [_kinds_of(labels) for labels in (y_true, y_pred)]
    if all(kinds) and not kinds[0] & kinds[1]:
        names = [" and ".join(sorted(names)) for names in kinds]
        raise ValueError(
            "y_true and y_pred must be labels of one kind to be compared, got "
            f"{names[0]} of type {y_true.dtype}, and {names[1]} of type {y_pred.dtype}."
        )


def _kinds_of(labels: np.ndarray) -> set[str]:
    """Return the kinds of labels in an array; labels of different kinds are never equal."""
    types = (
        {type(label) for label in labels.flat} if labels.dtype == object else {labels.dtype.type}
    )
    names = {
        "text" if issubclass(each, str) else "bytes" if issubclass(each, bytes) else "numbers"
        for each in types
    }
    return names if labels.size else set()


def check_grid(n_rows: int, n_cols: int) -> None:
    """Raise ValueError if a grid can't have this size."""
    for name, n in (("n_rows", n_rows), ("n_cols", n_cols)):
        if not isinstance(n, Integral) or isinstance(n, bool) or n < 1:
            raise ValueError(f"{name} must be an int of at least 1, got {n!r}.")


def check_image_shape(
    image_shape: tuple[int, ...] | None, shape: tuple[int, ...], n_pixels: int
) -> tuple[int, ...]:
    """Check and return the shape of a picture; None keeps `shape`, or makes it square."""
    if image_shape is None:
        side = isqrt(n_pixels)
        image_shape = shape if len(shape) > 1 else (side, side)
    is_shape = isinstance(image_shape, tuple | list) and len(image_shape) in (2, 3)
    if not is_shape or not all(isinstance(n, Integral) and n > 0 for n in image_shape):
        raise ValueError(
            "image_shape must be (height, width) or (height, width, n_channels), got "
            f"{image_shape!r}."
        )
    if np.prod(image_shape) != n_pixels:
        raise ValueError(
            f"images have {n_pixels} pixels each, which do not fit image_shape="
            f"{tuple(image_shape)}; pass image_shape=(height, width) if they are not square."
        )
    return tuple(image_shape)


@dataclass(frozen=True)
class ImageLabels:
    """The labels and the confidence of images."""

    y_true: np.ndarray
    y_pred: np.ndarray | None
    confidence: np.ndarray | None

    @classmethod
    def check(cls, n_images: int, y_true: Any, y_pred: Any, confidence: Any) -> Self:
        """Check that there is one label, and one confidence, for each image."""
        optional = {"y_pred": y_pred, "confidence": confidence}
        return cls(
            check_labels("y_true", y_true, n_images),
            **{
                name: None if values is None else check_labels(name, values, n_images)
                for name, values in optional.items()
            },
        )

    def at(self, rows: np.ndarray) -> Self:
        """Return the labels of some images."""
        return type(self)(
            self.y_true[rows],
            None if self.y_pred is None else self.y_pred[rows],
            None if self.confidence is None else self.confidence[rows],
        )

    def are_wrong(self) -> np.ndarray:
        """Return a mask of wrong predictions."""
        if self.y_pred is None:
            raise ValueError("errors_only=True needs y_pred, got None.")
        check_comparable(self.y_true, self.y_pred)
        return self.y_true != self.y_pred

    def order_by_confidence(self, rows: np.ndarray) -> np.ndarray:
        """Return the order of some images by confidence, largest first."""
        if self.confidence is None:
            raise ValueError("sort_by_confidence=True needs confidence, got None.")
        return np.argsort(-self.confidence[rows], kind="stable")

    def caption(self, number: int) -> str:
        """Return the caption below an image."""
        text = f"True: {self.y_true[number]}"
        if self.y_pred is not None:
            text += f", Pred: {self.y_pred[number]}"
        return text if self.confidence is None else f"{text}\n{self.confidence[number]:.0%} sure"
