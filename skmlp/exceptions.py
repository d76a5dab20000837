"""Warnings and errors of the package."""

from collections.abc import Sequence

__all__ = ["InconsistentVersionWarning", "WorkerLostError"]


class InconsistentVersionWarning(UserWarning):
    """Warning that an estimator was saved by a newer major version of skmlp.

    Loading a file of pickle, joblib or skops gives the warning. Files of an older version, and of
    the same major version, load without a warning.

    Parameters
    ----------
    estimator_name : str
        Name of the class of the estimator.

    current_skmlp_version : str
        Version of skmlp that loads the estimator.

    original_skmlp_version : str
        Version of skmlp that saved the estimator.

    See Also
    --------
    sklearn.exceptions.InconsistentVersionWarning : The same for estimators of scikit-learn,
        including those within an estimator of skmlp.

    Examples
    --------
    >>> from skmlp.exceptions import InconsistentVersionWarning
    >>> warning = InconsistentVersionWarning(
    ...     estimator_name="TFMLPClassifier",
    ...     current_skmlp_version="1.2.0",
    ...     original_skmlp_version="2.0.0",
    ... )
    >>> print(warning)
    TFMLPClassifier was saved by skmlp 2.0.0 and is loaded by the older skmlp 1.2.0, which may not \
understand all of it: predictions may fail or be wrong. Install skmlp 2.0.0 or newer, or fit the \
estimator again.
    """

    def __init__(
        self, *, estimator_name: str, current_skmlp_version: str, original_skmlp_version: str
    ) -> None:
        self.estimator_name = estimator_name
        self.current_skmlp_version = current_skmlp_version
        self.original_skmlp_version = original_skmlp_version

    def __str__(self) -> str:
        return (
            f"{self.estimator_name} was saved by skmlp {self.original_skmlp_version} and is loaded "
            f"by the older skmlp {self.current_skmlp_version}, which may not understand all of it: "
            f"predictions may fail or be wrong. Install skmlp {self.original_skmlp_version} or "
            "newer, or fit the estimator again."
        )


class WorkerLostError(RuntimeError):
    """Error that workers of a cluster were lost while they trained a network together.

    It is raised if training can't go on without the workers, or should not.

    Parameters
    ----------
    message : str
        The lost workers, and the known reasons.

    workers : sequence of str, default=()
        Addresses of the lost workers.

    See Also
    --------
    skmlp.dask.DaskTFMLPClassifier : Trains on a cluster. Its parameter `on_worker_loss` decides
        whether training goes on without a worker.

    Examples
    --------
    >>> from skmlp.exceptions import WorkerLostError
    >>> error = WorkerLostError("Training has lost workers", ["tcp://10.0.0.2:34567"])
    >>> error.workers
    ['tcp://10.0.0.2:34567']
    """

    def __init__(self, message: str, workers: Sequence[str] = ()) -> None:
        super().__init__(message, list(workers))  # both arguments, so that it can be pickled
        self.workers = list(workers)

    def __str__(self) -> str:
        return str(self.args[0])
