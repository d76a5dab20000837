"""The classifier for tables."""

from typing import Any, ClassVar

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.base import ClassifierMixin
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skmlp._data.checks import ValidationSet
from skmlp._data.class_weight import class_factors
from skmlp._data.labels import as_labels
from skmlp._estimators.held_out import score_classification
from skmlp._estimators.tabular import BaseTabularMLP
from skmlp._model.activations import ACTIVATIONS
from skmlp._sklearn import Interval, StrOptions, fit_context
from numbers import Real


class TabularMLPClassifier(ClassifierMixin, BaseTabularMLP):
    """DOCSTRING."""

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **BaseTabularMLP._parameter_constraints,
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "calibrate": ["boolean"],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        hidden_layer_sizes=(128, 128, 128),
        activation="mish",
        *,
        n_networks=4,
        max_iter=40,
        learning_rate_init=0.08,
        dropout=0.15,
        weight_decay=0.02,
        label_smoothing=0.1,
        batch_size="auto",
        n_best_epochs=5,
        calibrate=True,
        categorical_features="from_dtype",
        class_weight=None,
        scoring=None,
        verbose=False,
        random_state=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.n_networks = n_networks
        self.max_iter = max_iter
        self.learning_rate_init = learning_rate_init
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.batch_size = batch_size
        self.n_best_epochs = n_best_epochs
        self.calibrate = calibrate
        self.categorical_features = categorical_features
        self.class_weight = class_weight
        self.scoring = scoring
        self.verbose = verbose
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """DOCSTRING."""
        self._fit(X, y, sample_weight, ValidationSet(X_val, y_val, sample_weight_val))
        return self

    def predict(self, X):
        """DOCSTRING."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X):
        """DOCSTRING."""
        return self._mean_outputs(X)

    def predict_log_proba(self, X):
        """DOCSTRING."""
        y_prob = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(y_prob, out=y_prob)

    def _learn_targets(self, y: Any) -> tuple[np.ndarray, np.ndarray | None]:
        y = self._as_labels(y, "y")
        self.classes_, numbers = np.unique(y, return_inverse=True)
        return np.eye(len(self.classes_), dtype=np.float32)[numbers], numbers

    def _as_labels(self, y: Any, name: str) -> np.ndarray:
        """Return labels that were checked."""
        y = check_array(y, ensure_2d=False, dtype=None, input_name=name)
        y = as_labels(column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y)
        check_classification_targets(y)
        if y.ndim > 1 or type_of_target(y).startswith("multi") and y.ndim > 1:
            raise ValueError(
                f"{name} is an indicator matrix, expected one label for each row: "
                f"{type(self).__name__} does not support multilabel targets. Fit one estimator a "
                "label, with sklearn.multioutput.MultiOutputClassifier."
            )
        return y

    def _encode_targets(self, y: Any, name: str) -> np.ndarray:
        y = self._as_labels(y, name)
        unseen = set(np.unique(y).tolist()) - set(self.classes_.tolist())
        if unseen:
            raise ValueError(
                f"{name} has labels that y does not have: {sorted(unseen, key=str)}; y has "
                f"{self.classes_}."
            )
        numbers = np.searchsorted(self.classes_, y)
        return np.eye(len(self.classes_), dtype=np.float32)[numbers]

    def _weigh_classes(self, y: np.ndarray | None, sample_weight: np.ndarray) -> np.ndarray:
        if self.class_weight is None:
            return sample_weight
        labels = self.classes_[y]
        factors = class_factors(self.class_weight, self.classes_, labels, sample_weight)
        weight = (sample_weight * factors).astype(np.float32)
        if not weight.any():
            raise ValueError(
                f"class_weight={self.class_weight!r} leaves no sample with a weight above 0."
            )
        return weight

    def _label_smoothing(self) -> float:
        return self.label_smoothing

    def _loss(self) -> str:
        return "cross_entropy"

    def _out_activation(self) -> str:
        return "softmax"

    def _activate(self, sums: np.ndarray, temperature: float) -> np.ndarray:
        flat = sums.reshape(-1, sums.shape[-1]).astype(np.float64) / temperature
        ACTIVATIONS["softmax"].apply(flat)
        return flat.reshape(sums.shape)

    def _choose_temperature(self, plan: Any, trained: Any) -> float:
        """Return the temperature with the least log-loss out of fold (Guo et al., 2017)."""
        weight = plan.sample_weight[trained.held_out]
        if not self.calibrate or not weight.any():
            return 1.0
        targets = plan.targets[trained.held_out]

        def log_loss(log_temperature: float) -> float:
            temperature = np.exp(log_temperature)
            outputs = np.mean([self._activate(sums, temperature) for sums in trained.sums], axis=0)
            return _log_loss(outputs, targets, weight)

        found = minimize_scalar(log_loss, bounds=np.log([0.2, 5.0]), method="bounded")
        return float(np.exp(found.x))

    def _evaluate(
        self, outputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray
    ) -> tuple[float, float]:
        loss = _log_loss(outputs, targets, sample_weight)
        if self.scoring == "loss":
            return loss, -loss
        y_true = targets.argmax(axis=1)
        if self.scoring is None:
            is_correct = outputs.argmax(axis=1) == y_true
            return loss, float(np.average(is_correct, weights=sample_weight))
        labels = self.classes_[y_true]
        return loss, score_classification(
            self.scoring, labels, outputs, self.classes_, sample_weight
        )


def _log_loss(outputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray) -> float:
    """Return the mean of minus the logarithms of the probabilities of the true classes."""
    of_class = np.clip((outputs * targets).sum(axis=-1), 1e-15, 1)
    return float(np.average(-np.log(of_class), weights=sample_weight))


TabularMLPClassifier.__module__ = "skmlp"  # files know it by this name, wherever the class moves
__test__ = {"TabularMLPClassifier": TabularMLPClassifier}  # doctest looks for the examples here
