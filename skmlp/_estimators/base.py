"""Base class of TFMLPClassifier and TFMLPRegressor: validate, initialise, train, publish."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.utils.validation import check_is_fitted, validate_data

from skmlp._data import samples as sample_sets
from skmlp._data.checks import (
    NO_VALIDATION_SET,
    ValidationSet,
    are_ready_to_train,
    as_csr_array,
    check_fits,
    check_validation_features,
    check_weight,
    is_ready_to_predict,
    is_too_large_to_convert,
    name_of_bad_array,
    naming_errors,
    refuse_dask,
    training_dtype,
    unchanged_on_error,
)
from skmlp._data.hints import explaining_targets, explaining_text
from skmlp._data.random_state import make_random_state
from skmlp._data.samples import Samples, SampleSet
from skmlp._estimators.combinations import check_combinations, check_partial_fit, dropout_by_layer
from skmlp._estimators.constraints import ParameterConstraints, check_scoring_name
from skmlp._estimators.portable import PortableEstimator
from skmlp._estimators.subclasses import (
    check_out_activation,
    initial_parameters,
    warn_of_methods_never_called,
)
from skmlp._model.network import (
    Architecture,
    Parameters,
    check_hidden_layer_sizes,
    forward,
    initialise_layer,
)
from skmlp._sklearn import CallbackSupportMixin
from skmlp._tensorflow.forks import check_not_forked

if TYPE_CHECKING:
    from skmlp._estimators.fit_callbacks import FitCallbacks
    from skmlp._training.plan import Plan, Settings


@dataclass(frozen=True)
class Call:
    """The arguments of fit or partial_fit, unchecked."""

    X: Any
    y: Any
    sample_weight: Any
    validation: ValidationSet = NO_VALIDATION_SET
    is_incremental: bool = False
    classes: Any = None


class BaseTFMLP(CallbackSupportMixin, PortableEstimator, ABC):
    """Base class of the estimators. Use the derived classes instead."""

    _parameter_constraints = ParameterConstraints()
    _own_constraints: ClassVar[dict[str, list[Any]]] = {}
    _random_state: np.random.RandomState

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        warn_of_methods_never_called(cls)

    @abstractmethod
    def _encode_targets(self, y: Any, call: Call, is_warm: bool) -> np.ndarray:
        """Check y, learn from it, and return the targets of shape (n_samples, n_outputs)."""

    @abstractmethod
    def _encode_validation_targets(self, y: Any) -> np.ndarray:
        """Check the y of a validation set and return its targets."""

    @abstractmethod
    def _decode_targets(self, targets: np.ndarray) -> np.ndarray:
        """Return the labels or numbers that targets encode."""

    @abstractmethod
    def _choose_output(self) -> dict[str, Any]:
        """Return the loss of the network and, for a classifier, the threshold of an output."""

    @abstractmethod
    def _stratifies(self, targets: np.ndarray) -> bool:
        """Tell whether a hold-out keeps the proportions of the targets."""

    def _weigh_classes(self, targets: np.ndarray, sample_weight: np.ndarray) -> np.ndarray:
        """Return the weights of samples, multiplied by the weights of their classes, if any."""
        return sample_weight

    def _fit(self, call: Call) -> None:
        """Validate, initialise, train and publish; a failure leaves the estimator unchanged."""
        check_not_forked()
        # Imported here, as a process that only predicts does not need the code of training.
        from skmlp._estimators.fit_callbacks import set_up_callbacks
        from skmlp._tensorflow.loading import eagerly
        from skmlp._training.attributes import fitted_attributes
        from skmlp._training.fit import train

        # Before the block: after a failure scikit-learn still needs the attributes that this sets,
        # to tear the callbacks down.
        callbacks = (
            None
            if call.is_incremental
            else set_up_callbacks(self, call.X, call.y, call.sample_weight)
        )
        with unchanged_on_error(self):
            if callbacks is not None:
                callbacks.begin_fit()
            plan = self._make_plan(call, callbacks)
            with eagerly():
                trained = train(plan, callbacks)
            self._publish(fitted_attributes(plan, trained))
            if callbacks is not None:
                callbacks.end_fit()
        if trained.warn is not None:
            trained.warn()

    def _make_plan(self, call: Call, callbacks: FitCallbacks | None) -> Plan:
        """Check everything, and draw the initial parameters and the hold-out."""
        from skmlp._training.plan import Plan

        hidden_layer_sizes = self._check_parameters(call)
        is_warm = hasattr(self, "coefs_") and (self.warm_start or call.is_incremental)
        train = self._check_training_set(call, is_warm)
        validation = self._check_validation_set(call.validation, train)
        random_state = self._make_random_state(callbacks)
        drawn_from = {} if callbacks is None else dict(random_state.get_state(legacy=False))
        units = (train.X.shape[1], *hidden_layer_sizes, train.targets.shape[1])
        architecture = self._architecture(units, is_warm)
        start = self._initial_parameters(architecture, random_state, train.dtype, is_warm)
        if call.is_incremental:
            samples = sample_sets.without_validation(train)
        else:
            samples = self._split(train, validation, random_state)
        settings = self._settings(call, len(hidden_layer_sizes))
        seed = _draw_seed(random_state) if settings.regularisation.is_random else None
        class_weight = getattr(self, "class_weight", None)
        weights = (call.sample_weight, call.validation.sample_weight, class_weight)
        is_weighted = any(weight is not None for weight in weights)
        return Plan(
            settings=settings,
            architecture=architecture,
            start=start,
            samples=samples,
            random_state=random_state,
            is_incremental=call.is_incremental,
            is_weighted=is_weighted,
            scorer=self._make_scorer(architecture, samples, is_weighted),
            before=dict(vars(self)) if is_warm else {},
            identity={} if callbacks is None else self._identity(),
            drawn_from=drawn_from,
            seed=seed,
        )

    def _identity(self) -> dict[str, Any]:
        """Return the parameters and the class name, which a checkpoint compares."""
        return self.get_params(deep=False) | {"estimator": type(self).__name__}

    def _settings(self, call: Call, n_hidden: int) -> Settings:
        """Return the settings of training, from the parameters of the estimator."""
        from skmlp._program.regularisers import Regularisation
        from skmlp._program.schedules import class_of
        from skmlp._program.solvers import SOLVERS
        from skmlp._training.plan import SCORING, Settings

        names = ("learning_rate_init", "power_t", *SOLVERS[self.solver].parameters)
        is_served = self.solver in class_of(self.learning_rate).solvers
        return Settings(
            solver=self.solver,
            schedule=self.learning_rate if is_served else "constant",
            hyper={name: float(getattr(self, name)) for name in names},
            alpha=self.alpha,
            batch_size=self.batch_size,
            max_iter=self.max_iter,
            max_fun=self.max_fun,
            tol=self.tol,
            n_iter_no_change=self.n_iter_no_change,
            stops_early=self._stops_early() and not call.is_incremental,
            shuffle=self.shuffle,
            scoring=SCORING.get(self.scoring, "scorer"),
            verbose=int(self.verbose),
            regularisation=Regularisation(
                weight_decay=float(self.weight_decay),
                label_smoothing=float(getattr(self, "label_smoothing", 0.0)),
                dropout=dropout_by_layer(self.dropout, n_hidden),
            ),
        )

    def _make_scorer(self, architecture: Architecture, samples: Samples, is_weighted: bool) -> Any:
        """Return a function of parameters that scores the validation set, if `scoring` needs it."""
        if self.scoring in (None, "loss") or not len(samples.validation_rows):
            return None
        from skmlp._estimators.scorer import ValidationScorer

        X, targets, weight = samples.validation()
        y = self._decode_targets(targets)
        return ValidationScorer(self, architecture, X, y, weight if is_weighted else None)

    def _make_random_state(self, callbacks: FitCallbacks | None) -> np.random.RandomState:
        """Return the random numbers of the fit; a resumed fit draws the same ones again.

        If the user passed a RandomState, that object itself is set back.
        """
        if callbacks is None or callbacks.snapshot is None:
            return make_random_state(self.random_state)
        is_own = isinstance(self.random_state, np.random.RandomState)
        random_state = self.random_state if is_own else np.random.RandomState()
        random_state.set_state(callbacks.snapshot.random_state)
        return random_state

    def _check_parameters(self, call: Call) -> tuple[int, ...]:
        """Check combinations of parameters; return the sizes of the hidden layers."""
        fitted_early = hasattr(self, "coefs_") and getattr(self, "best_loss_", None) is None
        if call.is_incremental and self.early_stopping and fitted_early:
            raise ValueError(
                "partial_fit does not support early_stopping=True after fit: the weights come from "
                "the best epoch, but the state of the solver comes from the last epoch."
            )
        hidden_layer_sizes = check_hidden_layer_sizes(self.hidden_layer_sizes)
        check_combinations(self, len(hidden_layer_sizes))
        check_scoring_name(self)
        call.validation.check_complete()
        if call.validation.X is not None and self.validation_fraction:
            raise ValueError(
                "Both X_val and validation_fraction were given; expected one of them, got "
                f"validation_fraction={self.validation_fraction}."
            )
        return hidden_layer_sizes

    def _accepted_dtype(self) -> Any:
        return (np.float64, np.float32) if self.dtype is None else np.dtype(self.dtype).type

    def _check_training_set(self, call: Call, is_warm: bool) -> SampleSet:
        validation = call.validation
        given = {"X": call.X, "y": call.y, "X_val": validation.X, "y_val": validation.y}
        refuse_dask(given, type(self).__name__)
        goes_on = is_warm and call.is_incremental
        dtype = self.coefs_[0].dtype if goes_on else self._accepted_dtype()
        X, y = call.X, call.y
        if not are_ready_to_train(self, X, y, dtype, reset=not is_warm):
            X, y = self._convert(X, y, dtype, is_warm)
        X = as_csr_array(X)
        dtype = training_dtype(X, dtype)
        check_fits(X, dtype)
        return self._make_training_set(call, X, y, dtype, is_warm)

    def _convert(self, X: Any, y: Any, dtype: Any, is_warm: bool) -> tuple[Any, Any]:
        """Return X and y as arrays, or say what the fault is."""
        is_converted = not is_too_large_to_convert(X, dtype)
        try:
            # A value that overflows float32 raises an error; a warning of NumPy adds nothing.
            with np.errstate(over="ignore"):
                return validate_data(
                    self,
                    X,
                    y,
                    accept_sparse="csr",
                    multi_output=True,
                    y_numeric=self.__sklearn_tags__().estimator_type != "classifier",
                    dtype=dtype if is_converted else "numeric",
                    reset=not is_warm,
                )
        except (OverflowError, TypeError, ValueError):
            name = name_of_bad_array(X, y)
            explaining = explaining_targets() if name == "y" else explaining_text(X, self)
            with explaining, naming_errors(name, "X", "y", "feature names"):
                raise

    def _make_training_set(
        self, call: Call, X: Any, y: Any, dtype: np.dtype, is_warm: bool
    ) -> SampleSet:
        """Return checked samples with encoded targets and weights."""
        targets = self._encode_targets(y, call, is_warm)
        weight = check_weight(call.sample_weight, X, dtype, "sample_weight")
        if not np.issubdtype(targets.dtype, np.bool_):
            targets = _as_dtype(targets, dtype, "y")
        return SampleSet(X, targets, self._weigh_classes(targets, weight))

    def _check_validation_set(
        self, validation: ValidationSet, train: SampleSet
    ) -> SampleSet | None:
        if validation.X is None:
            return None
        with explaining_text(validation.X, self):
            X = self._check_validation_features(validation.X, train)
        with naming_errors("y_val"):
            targets = self._encode_validation_targets(validation.y)
            if len(targets) != X.shape[0]:
                raise ValueError(
                    f"y_val has {len(targets)} samples, expected {X.shape[0]} as in X_val."
                )
            if targets.shape[1] != train.targets.shape[1]:
                raise ValueError(
                    f"y_val has {targets.shape[1]} columns, expected {train.targets.shape[1]} as "
                    "in y."
                )
            if targets.dtype != bool:
                targets = _as_dtype(targets, train.dtype, "y_val")
        weight = check_weight(validation.sample_weight, X, train.dtype, "sample_weight_val")
        return SampleSet(X, targets, weight)

    def _architecture(self, units: tuple[int, ...], is_warm: bool) -> Architecture:
        """Return the architecture, with an `out_activation_` that the user set after a fit."""
        architecture = Architecture(units, self.activation, **self._choose_output())
        own = getattr(self, "out_activation_", None) if is_warm else None
        if own in (None, architecture.out_activation):
            return architecture
        return replace(architecture, own_out_activation=check_out_activation(own))

    def _init_coef(
        self, fan_in: int, fan_out: int, dtype: np.dtype
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw the initial weights and biases of a layer from `_random_state`.

        The name is scikit-learn's, as subclasses of its networks override the method.
        """
        return initialise_layer(
            fan_in, fan_out, self.activation, self.init, self._random_state, dtype
        )

    def _check_validation_features(self, X_val: Any, train: SampleSet) -> Any:
        """Check and return the features of a validation set."""
        return check_validation_features(self, X_val, train.X, train.dtype)

    def _initial_parameters(
        self,
        architecture: Architecture,
        random_state: np.random.RandomState,
        dtype: np.dtype,
        is_warm: bool,
    ) -> Parameters:
        """Draw initial parameters; a warm start takes the parameters of the last fit."""
        if not is_warm:
            return initial_parameters(self, architecture, random_state, dtype)
        shapes = [coef.shape for coef in self.coefs_]
        if shapes != architecture.coef_shapes:
            raise ValueError(
                "warm_start and partial_fit can only be used with the layers of the previous call: "
                f"coefs_ have the shapes {shapes}, hidden_layer_sizes="
                f"{self.hidden_layer_sizes} asks for {architecture.coef_shapes}."
            )
        return Parameters(self.coefs_, self.intercepts_).astype(dtype)

    def _stops_early(self) -> bool:
        """Tell whether the validation score can stop fit. L-BFGS ignores it, as in scikit-learn."""
        return self.early_stopping and self.solver != "lbfgs"

    def _split(
        self, train: SampleSet, validation: SampleSet | None, random_state: np.random.RandomState
    ) -> Samples:
        """Decide which samples train and which validate."""
        if validation is not None:
            return sample_sets.with_validation(train, validation)
        if not self.validation_fraction and not self._stops_early():
            return sample_sets.without_validation(train)
        stratify = self._stratifies(train.targets)
        return sample_sets.with_hold_out(train, self.validation_fraction, stratify, random_state)

    def _publish(self, attributes: dict[str, Any]) -> None:
        """Set all fitted attributes."""
        self.__dict__.pop("_training_state", None)  # of a model that was read from a checkpoint
        for name, value in attributes.items():
            setattr(self, name, value)

    def _forward(self, X: Any) -> np.ndarray:
        """Return the outputs of the network for new samples."""
        if not hasattr(self, "coefs_"):
            check_is_fitted(self)
        if not is_ready_to_predict(self, X, self._accepted_dtype()):
            with (
                explaining_text(X, self),
                naming_errors("X", "feature names"),
                np.errstate(over="ignore"),
            ):
                X = validate_data(
                    self, X, accept_sparse=["csr", "csc"], dtype=self._accepted_dtype(), reset=False
                )
        parameters = Parameters(self.coefs_, self.intercepts_)
        return forward(X, parameters, self.activation, check_out_activation(self.out_activation_))

    def _can_go_on(self) -> bool:
        """Return True, or raise AttributeError with the reason why partial_fit is missing."""
        if self.solver == "lbfgs":
            raise AttributeError(
                "partial_fit is only available for the stochastic solvers 'adam' and 'sgd', got "
                "solver='lbfgs'."
            )
        check_partial_fit(self.learning_rate)
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _draw_seed(random_state: np.random.RandomState) -> int:
    return int(random_state.randint(2**32, dtype=np.uint64))


def _as_dtype(targets: np.ndarray, dtype: np.dtype, name: str) -> np.ndarray:
    """Return targets in the type of X; raise ValueError if the type can't hold one."""
    with np.errstate(over="ignore"):
        converted = targets.astype(dtype)
    if not np.isfinite(converted).all():
        raise ValueError(f"{name} contains NaN, infinity or a value too large for {dtype}.")
    return converted
