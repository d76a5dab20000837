"""The rules that parameters of the estimators keep, as scikit-learn checks them at `fit`."""

from functools import cache
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer_names

from skmlp._model.activations import HIDDEN_ACTIVATIONS
from skmlp._sklearn import Interval, Options, StrOptions


class ParameterConstraints:
    """A class attribute with the rules, made when a fit first asks for them.

    The rules of a solver's parameters stand with the solver, which a process that only predicts
    does not import. A class adds rules of its own as `_own_constraints`.
    """

    def __get__(self, estimator: Any, cls: type) -> dict[str, list[Any]]:
        return _constraints_of(cls)


@cache
def _constraints_of(cls: Any) -> dict[str, list[Any]]:
    return {**_shared_constraints(), **cls._own_constraints}


def _shared_constraints() -> dict[str, list[Any]]:
    from skmlp._program.schedules import SCHEDULES
    from skmlp._program.solvers import SOLVERS

    return {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(HIDDEN_ACTIVATIONS))],
        "solver": [StrOptions(set(SOLVERS))],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions(set(SCHEDULES)), callable],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [
            Interval(Real, 0, 1, closed="neither"),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "init": [StrOptions({"glorot_uniform", "truncated_normal"})],
        "scoring": [StrOptions({"loss", *get_scorer_names()}), callable, None],
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "dtype": [StrOptions({"float32", "float64"}), None],
        **{name: rule for solver in SOLVERS.values() for name, rule in solver.parameters.items()},
    }
