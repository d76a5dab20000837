"""The layout of the parameters in a program: large matrices alone, all others in one vector.

A small operation takes as long to start as to run, and every operation has to be compiled. Small
weight matrices and biases that lie in one vector are updated by the same operations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import Any

from skmlp._program.products import is_transposed
from skmlp._program.spec import ProgramSpec

LARGE_MATRIX = 2**12
"""A weight matrix with more elements is an array of its own.

On Zen 5, a batch of 200 rows with the layers 30, 100, 50 and 10 took 111, 97, 98 and 103 us with
2**8, 2**10, 2**12 and 2**14, and the first fit 914, 837, 732 and 603 ms (``python -m
benchmarks.sweeps``).
"""


@dataclass(frozen=True)
class Layout:
    """Joins the arrays of weights and biases, and splits the joined arrays again.

    Parameters
    ----------
    coef_shapes : tuple of tuple of int
        Shapes of the weight matrices in the program, where some are transposed.
    intercept_shapes : tuple of tuple of int
        Shapes of the bias vectors.
    """

    coef_shapes: tuple[tuple[int, ...], ...]
    intercept_shapes: tuple[tuple[int, ...], ...]

    @cached_property
    def large(self) -> list[int]:
        """Numbers of the weight matrices that are arrays of their own."""
        return [i for i, shape in enumerate(self.coef_shapes) if prod(shape) > LARGE_MATRIX]

    @cached_property
    def small(self) -> list[int]:
        """Numbers of the arrays in the vector: small weight matrices, then all biases."""
        n_arrays = len(self.coef_shapes) + len(self.intercept_shapes)
        return [i for i in range(n_arrays) if i not in self.large]

    @cached_property
    def n_small_coefs(self) -> int:
        """Number of weights in the vector. They come before the biases."""
        shapes = self.coef_shapes
        return sum(prod(shape) for i, shape in enumerate(shapes) if i not in self.large)

    @cached_property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the joined arrays, the vector last."""
        alone = [self.coef_shapes[i] for i in self.large]
        return [*alone, (sum(prod(self._shape(i)) for i in self.small),)]

    def join(
        self, arrays: list[Any], ravel: Callable[..., Any], concatenate: Callable[..., Any]
    ) -> list[Any]:
        """Join arrays, all weights and then all biases, by functions of NumPy or TensorFlow."""
        vector = concatenate([ravel(arrays[i]) for i in self.small])
        return [arrays[i] for i in self.large] + [vector]

    def split(self, joined: list[Any], reshape: Callable[..., Any]) -> list[Any]:
        """Return the arrays of all weights and then all biases; see `join`."""
        arrays: dict[int, Any] = dict(zip(self.large, joined, strict=False))
        vector, start = joined[-1], 0
        for i in self.small:
            end = start + prod(self._shape(i))
            arrays[i] = reshape(vector[start:end], self._shape(i))
            start = end
        return [arrays[i] for i in range(len(arrays))]

    def _shape(self, number: int) -> tuple[int, ...]:
        return (*self.coef_shapes, *self.intercept_shapes)[number]


@lru_cache(maxsize=256)
def layout_of(spec: ProgramSpec) -> Layout:
    """Return the layout of the weights and biases of a program."""
    shapes = spec.architecture.coef_shapes
    in_program = [s[::-1] if is_transposed(spec, layer) else s for layer, s in enumerate(shapes)]
    return Layout(tuple(in_program), tuple(spec.architecture.intercept_shapes))


def transpose_parameters(
    spec: ProgramSpec, arrays: list[Any], transpose: Callable[..., Any]
) -> list[Any]:
    """Transpose the weights that the program stores transposed.

    ``arrays`` are all weights and then all biases, as in scikit-learn or as in the program. The
    result is the other of the two. ``transpose`` is the function of NumPy or of TensorFlow.
    """
    n_layers = len(spec.architecture.coef_shapes)
    return [
        transpose(array) if i < n_layers and is_transposed(spec, i) else array
        for i, array in enumerate(arrays)
    ]
