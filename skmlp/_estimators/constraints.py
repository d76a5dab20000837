"""The constraints of the estimators' parameters, which scikit-learn checks at `fit`."""

import re
from difflib import get_close_matches
from functools import cache
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer_names

from skmlp._model.activations import HIDDEN_ACTIVATIONS
from skmlp._sklearn import Interval, Options, StrOptions


class ParameterConstraints:
    """A class attribute with the constraints, made when a fit first reads it.

    The constraints of a solver's parameters stand with the solver, which a process that only
    predicts does not import. A class adds its own constraints as `_own_constraints`.
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
            Interval(Real, 0, 1, closed="left"),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "init": [StrOptions({"glorot_uniform", "truncated_normal"})],
        "scoring": [str, callable, None],  # `check_scoring_name` looks at the str
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "dtype": [StrOptions({"float32", "float64"}), None],
        **{name: rule for solver in SOLVERS.values() for name, rule in solver.parameters.items()},
    }


def check_scoring_name(estimator: Any) -> None:
    """Check that a `scoring` which is a str is the name of a scorer, or "loss".

    Raises
    ------
    ValueError
        If it is not. The message has the nearest names, as the list of all is too long to read.
    """
    scoring = estimator.scoring
    if not isinstance(scoring, str):
        return
    names = ["loss", *get_scorer_names()]
    if scoring in names:
        return
    nearest = _nearest(scoring, names)
    advice = f" Did you mean {' or '.join(map(repr, nearest))}?" if nearest else ""
    raise ValueError(
        f"The 'scoring' parameter of {type(estimator).__name__} must be None, a callable, 'loss' "
        f"or the name of a scorer. Got {scoring!r} instead.{advice} "
        "sklearn.metrics.get_scorer_names() lists all names."
    )


def _nearest(text: str, names: list[str]) -> list[str]:
    """Return up to three names that begin with a text, resemble it or are abbreviated by it."""
    wanted = re.sub(r"[\s-]+", "_", text.strip().lower()).removesuffix("_score")
    spellings: dict[str, list[str]] = {}
    for name in names:
        plain = name.removeprefix("neg_").removesuffix("_score")
        initials = "".join(word[0] for word in plain.split("_"))
        for spelling in {name, plain, initials if len(initials) > 2 else plain}:
            spellings.setdefault(spelling, []).append(name)
    begins = sorted((name for name in names if wanted and name.startswith(wanted)), key=len)
    like = get_close_matches(wanted, spellings, n=8, cutoff=0.5)
    found = [*begins, *(name for spelling in like for name in sorted(spellings[spelling]))]
    return list(dict.fromkeys(found))[:3]
