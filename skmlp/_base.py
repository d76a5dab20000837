"""What the estimators share: their parameters and the flow validate, initialise, train, publish."""

import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import (
    _check_feature_names,
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from skmlp import _samples
from skmlp._engine import Session
from skmlp._history import Progress
from skmlp._log import TrainingLog
from skmlp._network import (
    Architecture,
    Parameters,
    check_hidden_layer_sizes,
    forward,
    initialise,
)
from skmlp._program import Hyper
from skmlp._samples import Block, Samples
from skmlp._tensorflow import check_not_forked
from skmlp._training import EpochOrders, Loop, Outcome, Pace

AVAILABLE_SOLVERS = ("adam",)


@dataclass(frozen=True)
class ValidationSet:
    """The validation set that a user gave to fit, unchecked."""

    X: Any
    y: Any
    sample_weight: Any


class BaseTFMLP(BaseEstimator, ABC):
    """Base class of the estimators. Use the derived classes instead."""

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({"identity", "logistic", "tanh", "relu"})],
        "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [
            Interval(Real, 0, 1, closed="neither"),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "init": [StrOptions({"glorot_uniform", "truncated_normal"})],
        "dtype": [StrOptions({"float32", "float64"}), None],
    }

    @abstractmethod
    def _encode_targets(self, y: Any, is_warm: bool) -> np.ndarray:
        """Check y, learn from it, and return the targets of shape (n_samples, n_outputs)."""

    @abstractmethod
    def _encode_validation_targets(self, y: Any) -> np.ndarray:
        """Check the y of a validation set and return its targets."""

    @abstractmethod
    def _choose_output(self) -> dict[str, Any]:
        """Return what `Architecture` needs to know of the outputs for the targets learnt."""

    @abstractmethod
    def _stratifies(self, targets: np.ndarray) -> bool:
        """Tell whether a hold-out keeps the proportions of the targets."""

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation: ValidationSet) -> None:
        """Validate, initialise, train and publish; if any of it fails, change nothing."""
        check_not_forked()
        with _unchanged_on_error(self):
            hidden_layer_sizes = self._check_parameters(validation)
            is_warm = self.warm_start and hasattr(self, "coefs_")
            train = self._check_training_set(X, y, sample_weight, is_warm)
            held_out = self._check_validation_set(validation, train.X.dtype)
            random_state = check_random_state(self.random_state)
            units = (train.X.shape[1], *hidden_layer_sizes, train.targets.shape[1])
            architecture = Architecture(units, self.activation, **self._choose_output())
            start = self._start(architecture, random_state, train.X.dtype, is_warm)
            samples = self._split(train, held_out, random_state)
            session, outcome = self._train(architecture, start, samples, random_state, is_warm)
            self._publish(architecture, session, outcome, samples, is_warm)
        self._warn_if_not_converged(outcome)

    def _check_parameters(self, validation: ValidationSet) -> tuple[int, ...]:
        """Check what the declared constraints can't; return the sizes of the hidden layers."""
        if self.solver not in AVAILABLE_SOLVERS:
            raise ValueError(
                f"solver={self.solver!r} is not implemented yet, expected one of "
                f"{AVAILABLE_SOLVERS}."
            )
        if (validation.X is None) != (validation.y is None):
            given, missing = ("X_val", "y_val") if validation.y is None else ("y_val", "X_val")
            raise ValueError(f"{given} was given without {missing}; expected both or neither.")
        if validation.X is None and validation.sample_weight is not None:
            raise ValueError("sample_weight_val was given without X_val and y_val.")
        if validation.X is not None and self.validation_fraction is not None:
            raise ValueError(
                "Both X_val and validation_fraction were given; expected one of them, got "
                f"validation_fraction={self.validation_fraction}."
            )
        return check_hidden_layer_sizes(self.hidden_layer_sizes)

    def _accepted_dtype(self) -> Any:
        return (np.float64, np.float32) if self.dtype is None else np.dtype(self.dtype).type

    def _check_training_set(self, X: Any, y: Any, sample_weight: Any, is_warm: bool) -> Block:
        X, y = validate_data(
            self, X, y, multi_output=True, dtype=self._accepted_dtype(), reset=not is_warm
        )
        targets = self._encode_targets(y, is_warm)
        return Block(X, targets, _check_weight(sample_weight, X, "sample_weight"))

    def _check_validation_set(self, validation: ValidationSet, dtype: np.dtype) -> Block | None:
        if validation.X is None:
            return None
        # A value that overflows float32 is an error, so need not be a warning too.
        with _errors_name("X_val"), np.errstate(over="ignore"):
            _check_feature_names(self, validation.X, reset=False)
            X = check_array(validation.X, dtype=dtype, input_name="X_val")
            if X.shape[1] != self.n_features_in_:
                raise ValueError(
                    f"X_val has {X.shape[1]} features, expected {self.n_features_in_} as in X."
                )
        with _errors_name("y_val"):
            targets = self._encode_validation_targets(validation.y)
            if len(targets) != len(X):
                raise ValueError(
                    f"y_val has {len(targets)} samples, expected {len(X)} as in X_val."
                )
        weight = _check_weight(validation.sample_weight, X, "sample_weight_val")
        return Block(X, targets, weight)

    def _start(
        self,
        architecture: Architecture,
        random_state: np.random.RandomState,
        dtype: np.dtype,
        is_warm: bool,
    ) -> Parameters:
        """Draw initial parameters, or take those of the last fit."""
        if not is_warm:
            return initialise(architecture, self.init, random_state, dtype)
        shapes = [coef.shape for coef in self.coefs_]
        if shapes != architecture.coef_shapes:
            raise ValueError(
                "warm_start can only be used with the layers of the previous call to fit: "
                f"coefs_ have the shapes {shapes}, hidden_layer_sizes="
                f"{self.hidden_layer_sizes} asks for {architecture.coef_shapes}."
            )
        return Parameters(
            [coef.astype(dtype) for coef in self.coefs_],
            [intercept.astype(dtype) for intercept in self.intercepts_],
        )

    def _split(
        self, train: Block, validation: Block | None, random_state: np.random.RandomState
    ) -> Samples:
        """Decide which samples train and which validate."""
        if validation is not None:
            return _samples.with_validation(train, validation)
        if self.validation_fraction is None and not self.early_stopping:
            return _samples.without_validation(train)
        stratify = self._stratifies(train.targets)
        return _samples.with_hold_out(train, self.validation_fraction, stratify, random_state)

    def _train(
        self,
        architecture: Architecture,
        start: Parameters,
        samples: Samples,
        random_state: np.random.RandomState,
        is_warm: bool,
    ) -> tuple[Session, Outcome]:
        """Run the epochs."""
        n_train = len(samples.train_rows)
        batch_size = self._clip_batch_size(n_train)
        hyper = Hyper(
            learning_rate=self.learning_rate_init,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            alpha=self.alpha,
            tol=self.tol,
            n_iter_no_change=self.n_iter_no_change,
        )
        progress = self._progress() if is_warm else Progress()
        session = Session(
            architecture, batch_size, samples, hyper, self.early_stopping, start, progress
        )
        log = TrainingLog(int(self.verbose), samples, architecture, batch_size)
        loop = Loop(
            session,
            EpochOrders(samples.train_rows, self.shuffle, random_state),
            Pace(6.0 * batch_size * architecture.n_parameters),
            -(-n_train // batch_size),
            self.max_iter,
            log,
        )
        outcome = loop.run()
        log.stop(outcome.stopped, self.early_stopping, self.tol, self.n_iter_no_change)
        return session, outcome

    def _clip_batch_size(self, n_train: int) -> int:
        if self.batch_size == "auto":
            return min(200, n_train)
        if self.batch_size > n_train:
            warnings.warn(
                f"Got batch_size={self.batch_size}, larger than the {n_train} training samples. "
                "It is going to be clipped.",
                stacklevel=6,
            )
        return min(int(self.batch_size), n_train)

    def _progress(self) -> Progress:
        """Return where the stopping rule of the last fit stood, for a warm start."""
        # best_loss_ is None after early stopping. Only then are coefs_ those of the best score.
        loss, score = self.best_loss_, self.best_validation_score_
        restored = loss is None
        return Progress(
            np.inf if loss is None else loss,
            -np.inf if score is None or restored != self.early_stopping else score,
            self._no_improvement_count,
        )

    def _publish(
        self,
        architecture: Architecture,
        session: Session,
        outcome: Outcome,
        samples: Samples,
        is_warm: bool,
    ) -> None:
        """Set the fitted attributes, all together."""
        parameters = session.best_parameters() if self.early_stopping else session.parameters()
        if not parameters.are_finite():
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed."
            )
        history, progress = outcome.history, session.progress()
        is_scored = len(samples.validation_rows) > 0
        before = vars(self) if is_warm else {}
        self.n_layers_ = len(architecture.layer_units)
        self.n_outputs_ = architecture.layer_units[-1]
        self.out_activation_ = architecture.out_activation
        self.coefs_ = parameters.coefs
        self.intercepts_ = parameters.intercepts
        self.n_iter_ = history.n_epochs
        self.t_ = before.get("t_", 0) + history.n_epochs * len(samples.train_rows)
        self.loss_ = history.loss_curve[-1]
        self.loss_curve_ = before.get("loss_curve_", []) + history.loss_curve
        self.best_loss_ = None if self.early_stopping else progress.best_loss
        scores = (before.get("validation_scores_") or []) + history.validation_scores
        losses = (before.get("validation_loss_curve_") or []) + history.validation_loss_curve
        self.validation_scores_ = scores if is_scored else None
        self.validation_loss_curve_ = losses if is_scored else None
        self.best_validation_score_ = progress.best_score if is_scored else None
        self._no_improvement_count = progress.no_improvement_count

    def _warn_if_not_converged(self, outcome: Outcome) -> None:
        if not outcome.stopped and not outcome.interrupted:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
                "optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=5,
            )

    def _forward(self, X: Any) -> np.ndarray:
        """Return the outputs of the network for new samples."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=self._accepted_dtype(), reset=False)
        parameters = Parameters(self.coefs_, self.intercepts_)
        units = (X.shape[1], *(len(b) for b in self.intercepts_))
        return forward(X, parameters, Architecture(units, self.activation, self.out_activation_))


def _check_weight(sample_weight: Any, X: np.ndarray, name: str) -> np.ndarray:
    """Return the weights in the type of X, ones if there are none."""
    if sample_weight is None:
        return np.ones(len(X), X.dtype)
    with _errors_name(name), np.errstate(over="ignore"):
        weight = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
        if not np.isfinite(weight.sum()):
            raise ValueError(f"the sum is too large for {X.dtype}, expected smaller weights.")
        return weight


@contextmanager
def _errors_name(name: str) -> Iterator[None]:
    """Put the name of an array before errors that do not have it."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if re.search(rf"\b{name}\b", str(error)):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name}: {error}") from error


@contextmanager
def _unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Put the attributes of an estimator back as they were if the block raises."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
