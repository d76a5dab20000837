"""L-BFGS-B of SciPy over a compiled loss and gradient."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from sklearn.utils.optimize import _check_optimize_result

from skmlp._history import History, Trained
from skmlp._log import TrainingLog
from skmlp._metrics import mean_loss, score
from skmlp._network import Architecture, Parameters, forward
from skmlp._samples import Samples


class LBFGS:
    """Minimises an objective from a start, and records each iteration.

    Parameters
    ----------
    objective : callable
        Returns loss and gradient for a vector of all weights and then all biases.
    architecture : Architecture
        The network that the vector holds the parameters of.
    samples : Samples
        What is validated on, if anything.
    log : TrainingLog
        Prints a line an iteration.
    scorer : callable, default=None
        Scores parameters on the validation set; None is accuracy or R2.
    """

    def __init__(
        self,
        objective: Callable[[np.ndarray], tuple[float, np.ndarray]],
        architecture: Architecture,
        samples: Samples,
        log: TrainingLog,
        scorer: Callable[[Parameters], float] | None = None,
    ):
        self._objective = objective
        self._architecture = architecture
        self._validation = samples.validation() if len(samples.validation_rows) else None
        self._log = log
        self._scorer = scorer
        self._history = History()

    def run(self, start: Parameters, *, max_iter: int, max_fun: int, tol: float) -> Trained:
        """Minimise; `tol` bounds the largest element of the projected gradient."""
        result = minimize(
            self._objective,
            start.ravel().astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=self._record,
            options={"maxfun": max_fun, "maxiter": max_iter, "gtol": tol},
        )
        return Trained(
            self._unpack(result.x),
            self._history,
            loss=float(result.fun),
            n_iter=min(result.nit, max_iter),
            warn=partial(_check_optimize_result, "lbfgs", result, max_iter),
        )

    def _record(self, intermediate_result: OptimizeResult) -> None:
        """Append an iteration to the history, and print it."""
        history = self._history
        history.loss_curve.append(float(intermediate_result.fun))
        if self._validation is not None:
            self._validate(self._unpack(intermediate_result.x), *self._validation)
        self._log.epochs(history, 1)

    def _validate(
        self, parameters: Parameters, X: Any, targets: np.ndarray, weight: np.ndarray
    ) -> None:
        outputs = forward(X, parameters, self._architecture)
        loss = mean_loss(targets, outputs, weight, self._architecture)
        if self._scorer is not None:
            value = self._scorer(parameters)
        elif self._log.scores_loss:
            value = -loss
        else:
            value = score(targets, outputs, weight, self._architecture)
        self._history.validation_loss_curve.append(loss)
        self._history.validation_scores.append(value)

    def _unpack(self, vector: np.ndarray) -> Parameters:
        return Parameters.from_vector(vector.copy(), self._architecture)
