"""L-BFGS-B of SciPy over a compiled loss and gradient."""

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from sklearn.utils.optimize import _check_optimize_result

from skmlp._data.samples import Samples
from skmlp._model.network import Architecture, Parameters
from skmlp._training.evaluation import evaluate
from skmlp._training.history import History, Trained
from skmlp._training.log import TrainingLog
from skmlp._training.observer import Tasks


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
    tasks : Tasks, default=None
        Is told of every iteration, and may end training.
    """

    def __init__(
        self,
        objective: Callable[[np.ndarray], tuple[float, np.ndarray]],
        architecture: Architecture,
        samples: Samples,
        log: TrainingLog,
        scorer: Callable[[Parameters], float] | None = None,
        tasks: Tasks | None = None,
    ):
        self._objective = objective
        self._architecture = architecture
        self._samples = samples
        self._log = log
        self._scorer = scorer
        self._history = History()
        self._tasks = tasks
        self._halted = False

    def run(self, start: Parameters, *, max_iter: int, max_fun: int, tol: float) -> Trained:
        """Minimise; `tol` bounds the largest element of the projected gradient."""
        result = minimize(
            self._evaluate,
            start.ravel().astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=self._record,
            options={"maxfun": max_fun, "maxiter": max_iter, "gtol": tol},
        )
        if self._tasks is not None:
            self._tasks.close()
        self._log.stop(stopped=False, halted=self._halted)
        warn = partial(_check_optimize_result, "lbfgs", result, max_iter)
        return Trained(
            self._unpack(result.x),
            self._history,
            loss=float(result.fun),
            n_iter=min(result.nit, max_iter),
            warn=None if self._halted else warn,
        )

    def _evaluate(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """Return loss and gradient. The first evaluation after an iteration begins the next."""
        if self._tasks is not None:
            self._tasks.begin()
        return self._objective(vector)

    def _record(self, intermediate_result: OptimizeResult) -> None:
        """Append an iteration to the history, print it, and stop if a callback asks for it."""
        history = self._history
        history.loss_curve.append(float(intermediate_result.fun))
        if len(self._samples.validation_rows):
            self._validate(self._unpack(intermediate_result.x))
        self._log.epochs(history, 1)
        if self._tasks is not None:
            parameters = self._unpack(intermediate_result.x)
            self._halted = self._tasks.end(history, parameters)
        if self._halted:
            raise StopIteration

    def _validate(self, parameters: Parameters) -> None:
        loss, value = evaluate(self._samples, self._architecture, parameters)
        if self._scorer is not None:
            value = self._scorer(parameters)
        elif self._log.scores_loss:
            value = -loss
        self._history.validation_loss_curve.append(loss)
        self._history.validation_scores.append(value)

    def _unpack(self, vector: np.ndarray) -> Parameters:
        return Parameters.from_vector(vector.copy(), self._architecture)
