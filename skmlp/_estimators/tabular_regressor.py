"""The regressor for tables."""

from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import check_array, column_or_1d

from skmlp._data.checks import ValidationSet
from skmlp._estimators.held_out import score_regression
from skmlp._estimators.tabular import BaseTabularMLP
from skmlp._sklearn import fit_context


class TabularMLPRegressor(RegressorMixin, BaseTabularMLP):
    """DOCSTRING."""

    def __init__(
        self,
        hidden_layer_sizes=(128, 128, 128),
        activation="mish",
        *,
        n_networks=4,
        max_iter=60,
        learning_rate_init=0.08,
        dropout=0.15,
        weight_decay=0.02,
        batch_size="auto",
        n_best_epochs=5,
        categorical_features="from_dtype",
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
        self.batch_size = batch_size
        self.n_best_epochs = n_best_epochs
        self.categorical_features = categorical_features
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
        return self._decode(self._mean_outputs(X))

    def _decode(self, outputs: np.ndarray) -> np.ndarray:
        """Return numbers on the scale of y, within the range of training."""
        y = np.clip(outputs * self._scale + self._mean, *self._range)
        return y[:, 0] if self._is_single else y

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _learn_targets(self, y: Any) -> tuple[np.ndarray, np.ndarray | None]:
        y = self._as_table(y, "y")
        self.n_outputs_ = y.shape[1]
        self._mean, scale = y.mean(axis=0), y.std(axis=0)
        if not np.isfinite(scale).all():
            raise ValueError("y has values whose squares are too large for float64.")
        self._scale = np.where(scale > 0, scale, 1.0)
        self._range = y.min(axis=0), y.max(axis=0)
        return self._standardise(y), None

    def _as_table(self, y: Any, name: str) -> np.ndarray:
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name=name)
        if name == "y":
            self._is_single = y.ndim == 1 or y.shape[1] == 1
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return y.reshape(len(y), -1)

    def _standardise(self, y: np.ndarray) -> np.ndarray:
        return ((y - self._mean) / self._scale).astype(np.float32)

    def _encode_targets(self, y: Any, name: str) -> np.ndarray:
        y = self._as_table(y, name)
        if y.shape[1] != self.n_outputs_:
            raise ValueError(f"{name} has {y.shape[1]} columns, expected {self.n_outputs_}.")
        return self._standardise(y)

    def _loss(self) -> str:
        return "squared_error"

    def _out_activation(self) -> str:
        return "identity"

    def _activate(self, sums: np.ndarray, temperature: float) -> np.ndarray:
        return sums.astype(np.float64)

    def _evaluate(
        self, outputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray
    ) -> tuple[float, float]:
        errors = ((outputs - targets) ** 2).mean(axis=1)
        loss = 0.5 * float(np.average(errors, weights=sample_weight))
        if self.scoring == "loss":
            return loss, -loss
        if not np.isfinite(outputs).all():
            return loss, float("nan")
        y_true, y_pred = self._decode(targets), self._decode(outputs)
        if self.scoring is None:
            if len(y_true) < 2:
                return loss, -loss
            return loss, float(r2_score(y_true, y_pred, sample_weight=sample_weight))
        return loss, score_regression(self.scoring, y_true, y_pred, sample_weight)


TabularMLPRegressor.__module__ = "skmlp"  # files know it by this name, wherever the class moves
__test__ = {"TabularMLPRegressor": TabularMLPRegressor}  # doctest looks for the examples here
