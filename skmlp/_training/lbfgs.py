"""L-BFGS-B of SciPy over a compiled loss and gradient."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from sklearn.exceptions import ConvergenceWarning

from skmlp._blas import single_threaded
from skmlp._model.network import Architecture, Parameters
from skmlp._model.records import History
from skmlp._training.log import TrainingLog
from skmlp._training.loop import TaskListener
from skmlp._training.plan import Trained
from skmlp._warn import warn_user

_MANY_PARAMETERS = 10_000
"""Above this number OpenBLAS sums a vector in several threads, with other last bits.

OpenBLAS shares the matrices of L-BFGS-B, 20 x 20, among threads at any number of parameters.
"""


class LBFGS:
    """Minimises an objective from a start, and records each iteration.

    Parameters
    ----------
    objective : callable
        Returns loss and gradient for a vector of all weights and then all biases.
    architecture : Architecture
        The network whose parameters the vector holds.
    log : TrainingLog
        Prints a line for each iteration.
    evaluate : callable, default=None
        Returns loss and score of parameters on the validation set, if there is one.
    listener : TaskListener, default=None
        Object that is told of every iteration, and may end training.
    """

    def __init__(
        self,
        objective: Callable[[np.ndarray], tuple[float, np.ndarray]],
        architecture: Architecture,
        log: TrainingLog,
        evaluate: Callable[[Parameters], tuple[float, float]] | None = None,
        listener: TaskListener | None = None,
    ):
        self._objective = objective
        self._architecture = architecture
        self._log = log
        self._evaluate = evaluate
        self._history = History()
        self._listener = listener
        self._halted = False

    def run(self, start: Parameters, *, max_iter: int, max_fun: int, tol: float) -> Trained:
        """Minimise, until no element of the projected gradient is larger than `tol`."""
        with self._threads_of_blas():
            result = minimize(
                self._minimised,
                start.ravel().astype(np.float64),
                method="L-BFGS-B",
                jac=True,
                callback=self._record,
                options={"maxfun": max_fun, "maxiter": max_iter, "gtol": tol},
            )
        if self._listener is not None:
            self._listener.close()
        self._log.stop(stopped=False, halted=self._halted)
        has_converged = result.status == 0
        warn = partial(_warn_of_end, result, max_iter)
        return Trained(
            self._unpack(result.x),
            self._history,
            loss=float(result.fun),
            n_iter=min(result.nit, max_iter),
            warn=None if self._halted or has_converged else warn,
        )

    def _threads_of_blas(self) -> AbstractContextManager[None]:
        """Keep SciPy to one thread for few parameters: a second thread only spins.

        60 iterations with 100 parameters take 1.5 ms of processor time in one thread, and 7 ms in
        two (SciPy 1.17, 2 cores of an AMD EPYC). The bits are the same.
        """
        is_small = self._architecture.n_parameters <= _MANY_PARAMETERS
        return single_threaded() if is_small else nullcontext()

    def _minimised(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """Return loss and gradient; tell the listener that an iteration begins.

        The first evaluation after an iteration begins the next iteration.
        """
        if self._listener is not None:
            self._listener.begin()
        return self._objective(vector)

    def _record(self, intermediate_result: OptimizeResult) -> None:
        """Append an iteration to the history, print it, and stop if a callback asks for it."""
        history = self._history
        history.loss_curve.append(float(intermediate_result.fun))
        if self._evaluate is not None:
            loss, score = self._evaluate(self._unpack(intermediate_result.x))
            history.validation_loss_curve.append(loss)
            history.validation_scores.append(score)
        self._log.epochs(history, 1)
        if self._listener is not None:
            parameters = self._unpack(intermediate_result.x)
            self._halted = self._listener.end(history, parameters)
        if self._halted:
            raise StopIteration

    def _unpack(self, vector: np.ndarray) -> Parameters:
        return Parameters.from_vector(vector.copy(), self._architecture)


def _warn_of_end(result: OptimizeResult, max_iter: int) -> None:
    """Warn that L-BFGS has not converged, with the text of scikit-learn's warning.

    scikit-learn's own function would point at a line of skmlp instead of the user's line.
    """
    n_iter = min(result.nit, max_iter)
    advice = (
        f"\nIncrease the number of iterations to improve the convergence (max_iter={max_iter})."
    )
    warn_user(
        f"lbfgs failed to converge after {n_iter} iteration(s) (status={result.status}):\n"
        f"{result.message}\n{advice if n_iter == max_iter else ''}"
        "\nYou might also want to scale the data as shown in:\n"
        "    https://scikit-learn.org/stable/modules/preprocessing.html",
        ConvergenceWarning,
    )
