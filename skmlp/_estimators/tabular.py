"""Base class of the tabular estimators: encode the table, train networks, choose epochs."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from joblib import cpu_count
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skmlp._data.checks import (
    ValidationSet,
    check_names_of_validation_set,
    check_number_of_features,
    naming_errors,
    unchanged_on_error,
)
from skmlp._data.columns import as_table
from skmlp._data.table import TableEncoder
from skmlp._estimators.constraints import check_scoring_name
from skmlp._estimators.versioned import VersionedEstimator
from skmlp._lines import LinePrinter
from skmlp._model.activations import HIDDEN_ACTIVATIONS
from skmlp._model.members import Members, mean_outputs
from skmlp._model.network import check_hidden_layer_sizes
from skmlp._sklearn import CallbackSupportMixin, Interval, StrOptions, check_sample_weight
from skmlp._tensorflow.forks import check_not_forked

if TYPE_CHECKING:
    from skmlp._training.members import MembersPlan, TrainedMembers


class BaseTabularMLP(CallbackSupportMixin, VersionedEstimator, ABC):
    """Base class of the tabular estimators. Use the derived classes instead."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(HIDDEN_ACTIVATIONS))],
        "n_networks": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "n_best_epochs": [Interval(Integral, 1, None, closed="left")],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "scoring": [str, callable, None],  # `check_scoring_name` looks at the str
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    @abstractmethod
    def _learn_targets(
        self, y: Any, sample_weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Learn from y; return targets (n_samples, n_outputs), and each sample's class number."""

    @abstractmethod
    def _encode_targets(self, y: Any, name: str) -> np.ndarray:
        """Return the targets of the y of a validation set."""

    @abstractmethod
    def _loss(self) -> str:
        """Return the name of the loss."""

    @abstractmethod
    def _evaluate(
        self, outputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray
    ) -> tuple[float, float]:
        """Return the loss and the score of outputs; all arrays have n_samples rows."""

    def _weigh_classes(self, y: np.ndarray | None, sample_weight: np.ndarray) -> np.ndarray:
        """Return the weights of rows, multiplied by the weights of their classes, if any."""
        return sample_weight

    def _label_smoothing(self) -> float:
        return 0.0

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation: ValidationSet) -> None:
        """Encode, train, choose epochs and publish; a failure leaves the estimator unchanged."""
        check_not_forked()
        from skmlp._estimators.fit_callbacks import set_up_callbacks
        from skmlp._tensorflow.loading import eagerly
        from skmlp._training.members import train_members

        # Before the block: after a failure scikit-learn still needs the attributes that this sets,
        # to tear the callbacks down.
        callbacks = set_up_callbacks(self, X, y, sample_weight)
        with unchanged_on_error(self):
            if callbacks is not None:
                callbacks.begin_fit()
            plan = self._make_plan(X, y, sample_weight, validation)
            listener = None
            if callbacks is not None:
                listener = callbacks.tasks("epoch", partial(self._describe, plan))
            with eagerly():
                trained = train_members(plan, partial(self._after_epoch, LinePrinter()), listener)
            for name, value in self._fitted_attributes(plan, trained).items():
                setattr(self, name, value)
            if callbacks is not None:
                callbacks.end_fit()

    def _describe(
        self, plan: MembersPlan, train_so_far: Callable[[], TrainedMembers]
    ) -> dict[str, Any]:
        """Return the fitted attributes as if training had ended after this epoch."""
        return self._fitted_attributes(plan, train_so_far())

    def _make_plan(
        self, X: Any, y: Any, sample_weight: Any, validation: ValidationSet
    ) -> MembersPlan:
        """Check everything, and encode the table."""
        from skmlp._training.members import MembersPlan

        hidden_layer_sizes = check_hidden_layer_sizes(self.hidden_layer_sizes)
        check_scoring_name(self)
        validation.check_complete()
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y "
                "is None."
            )
        random_state = check_random_state(self.random_state)
        encoder = TableEncoder(
            categorical_features=self.categorical_features,
            random_state=random_state.randint(2**31),
        )
        table = as_table(self, X)
        self._learn_columns(encoder.fit(table))
        encoded = encoder.encode(table)
        with naming_errors("X and y"):
            check_consistent_length(encoded, y)
        if len(encoded) < 2:
            raise ValueError(
                f"Found array with {len(encoded)} sample(s) while a minimum of 2 is required."
            )
        weight = self._check_weight(sample_weight, encoded, "sample_weight")
        with naming_errors("y"):
            targets, classes = self._learn_targets(y, weight)
        weight = self._weigh_classes(classes, weight)
        n_train = len(encoded)
        if validation.X is not None:
            added = self._encode_validation(validation)
            encoded, targets, weight = (
                np.concatenate(pair) for pair in zip((encoded, targets, weight), added, strict=True)
            )
        return MembersPlan(
            settings=self._settings(hidden_layer_sizes),
            loss=self._loss(),
            X=encoded,
            targets=targets,
            sample_weight=weight.astype(np.float32),
            n_train=n_train,
            classes=classes,
            evaluate=self._evaluate_sums,
            random_state=random_state,
        )

    def _settings(self, hidden_layer_sizes: tuple[int, ...]) -> Any:
        from skmlp._training.members import MembersSettings

        return MembersSettings(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=self.activation,
            n_networks=self.n_networks,
            max_iter=self.max_iter,
            learning_rate_init=self.learning_rate_init,
            dropout=self.dropout,
            weight_decay=self.weight_decay,
            label_smoothing=self._label_smoothing(),
            batch_size=self.batch_size,
            n_best_epochs=self.n_best_epochs,
        )

    def _learn_columns(self, encoder: TableEncoder) -> None:
        """Set the fitted attributes about columns."""
        self._encoder = encoder
        self.n_features_in_ = encoder.n_features_in_
        self.is_categorical_ = encoder.is_categorical_
        self.categories_ = encoder.categories_
        self.__dict__.pop("feature_names_in_", None)
        if hasattr(encoder, "feature_names_in_"):
            self.feature_names_in_ = encoder.feature_names_in_

    def _check_weight(self, sample_weight: Any, X: np.ndarray, name: str) -> np.ndarray:
        """Return weights in float64, divided by the largest, as only their ratios matter."""
        if sample_weight is None:
            return np.ones(len(X))
        with naming_errors(name), np.errstate(over="ignore"):
            weight = check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
            if not np.isfinite(weight.sum()):
                raise ValueError("the sum is too large for float64, expected smaller weights.")
        return weight / weight.max()

    def _encode(self, X: Any) -> np.ndarray:
        """Check and encode a table with the columns of `fit`."""
        table = as_table(self, X)
        validate_data(self, table, reset=False, skip_check_array=True)
        return self._encoder.encode(table)

    def _encode_validation_features(self, X_val: Any) -> np.ndarray:
        """Check and encode the table of a validation set."""
        with naming_errors("X_val"):
            table = as_table(self, X_val, "X_val")
            check_names_of_validation_set(self, table)
            check_number_of_features(table, self.n_features_in_)
            return self._encoder.encode(table)

    def _encode_validation(
        self, validation: ValidationSet
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the features, targets and weights of the user's validation set."""
        X = self._encode_validation_features(validation.X)
        with naming_errors("y_val"):
            targets = self._encode_targets(validation.y, "y_val")
            check_consistent_length(X, targets)
        return X, targets, self._check_weight(validation.sample_weight, X, "sample_weight_val")

    def _evaluate_sums(
        self, sums: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray
    ) -> tuple[float, float]:
        """Return the loss and the score on held-out rows, given the sums of the last layer."""
        outputs = self._activate(sums, 1.0)
        flat = (array.reshape(-1, *array.shape[2:]) for array in (outputs, targets, sample_weight))
        return self._evaluate(*flat)

    def _after_epoch(
        self, printer: LinePrinter, epoch: int, loss: float, validation: tuple[float, float]
    ) -> None:
        """Print the losses and the score of an epoch, if the user asks for it."""
        if self.verbose:
            from skmlp._training.log import short

            printer.print(
                f"Epoch: {epoch:3d}, training loss: {short(loss)}, validation loss: "
                f"{short(validation[0])}, validation score: {short(validation[1])}"
            )

    def _fitted_attributes(self, plan: MembersPlan, trained: TrainedMembers) -> dict[str, Any]:
        """Return the fitted attributes that training determines."""
        loss_curves = np.array(trained.loss_curves)
        loss_curve = loss_curves.mean(axis=1).tolist()
        temperature = self._choose_temperature(plan, trained)
        outputs, rows = self._outputs_held_out(plan, trained, temperature)
        score = float("nan")
        if plan.sample_weight[rows].any():
            _, score = self._evaluate(outputs, plan.targets[rows], plan.sample_weight[rows])
        return {
            "coefs_": trained.members.coefs,
            "intercepts_": trained.members.intercepts,
            "n_iter_": len(trained.scores),
            "best_epochs_": trained.best_epochs,
            "loss_curves_": loss_curves,
            "loss_curve_": loss_curve,
            "loss_": loss_curve[-1],
            "validation_loss_curve_": trained.losses,
            "validation_scores_": trained.scores,
            "temperature_": temperature,
            "validation_score_": score,
        }

    def _outputs_held_out(
        self, plan: MembersPlan, trained: TrainedMembers, temperature: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the outputs for held-out rows, averaged over the best epochs, and the rows.

        If all networks hold out the same rows, outputs are averaged over networks too.
        """
        first, *others = trained.sums
        outputs = self._activate(first, temperature)
        for sums in others:  # one epoch at a time, as a large validation set takes much memory
            outputs = outputs + self._activate(sums, temperature)
        outputs = outputs / len(trained.sums)
        if plan.has_own_validation:
            return outputs.mean(axis=0), trained.held_out[0]
        return outputs.reshape(-1, outputs.shape[-1]), trained.held_out.ravel()

    def _choose_temperature(self, plan: MembersPlan, trained: TrainedMembers) -> float:
        return 1.0

    @abstractmethod
    def _activate(self, sums: np.ndarray, temperature: float) -> np.ndarray:
        """Return the outputs for the weighted sums of the last layer."""

    def _mean_outputs(self, X: Any) -> np.ndarray:
        """Return the outputs for new rows of a table, averaged over all networks."""
        check_is_fitted(self)
        return mean_outputs(
            self._encode(X),
            Members(self.coefs_, self.intercepts_),
            self.activation,
            self._out_activation(),
            self.temperature_,
            _n_threads(),
        )

    @abstractmethod
    def _out_activation(self) -> str: ...

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


def _n_threads() -> int:
    """Return the number of cores to predict with; joblib tells each worker its share."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return min(cpu_count(), max(int(told), 1)) if told.isdecimal() else cpu_count()
