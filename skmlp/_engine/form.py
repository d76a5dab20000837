"""Finds the arrays of weights and biases in the joined arrays of a program."""

from functools import lru_cache
from math import prod

import numpy as np

from skmlp._program.layout import layout_of
from skmlp._program.products import is_transposed
from skmlp._program.spec import ProgramSpec


class Form:
    """Finds the arrays of an estimator in the joined arrays of a program; see `Layout`.

    Parameters
    ----------
    spec : ProgramSpec
        The program.
    """

    def __init__(self, spec: ProgramSpec):
        layout = layout_of(spec)
        shapes = [*layout.coef_shapes, *layout.intercept_shapes]
        self.shapes = layout.shapes
        """Shapes of the joined arrays."""
        n_layers = len(layout.coef_shapes)
        transposed = [is_transposed(spec, layer) for layer in range(n_layers)]
        self._is_transposed = transposed + [False] * n_layers
        self._large = layout.large
        self._small = []
        start = 0
        for number in layout.small:
            end = start + prod(shapes[number])
            self._small.append((number, start, end, shapes[number]))
            start = end

    def views(self, joined: list[np.ndarray]) -> list[np.ndarray]:
        """Return the weights and then the biases as views of the joined arrays."""
        views = dict(zip(self._large, joined, strict=False))
        for number, start, end, shape in self._small:
            views[number] = joined[-1][start:end].reshape(shape)
        return [
            views[number].T if transposed else views[number]
            for number, transposed in enumerate(self._is_transposed)
        ]


@lru_cache(maxsize=256)
def form_of(spec: ProgramSpec) -> Form:
    """Return the form of the weights and biases of a program."""
    return Form(spec)
