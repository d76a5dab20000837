"""The regressor for tables."""

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from skmlp._data.checks import ValidationSet, naming_errors
from skmlp._data.hints import explaining_targets
from skmlp._data.labels import without_column
from skmlp._data.targets import as_numbers
from skmlp._estimators.held_out import score_regression
from skmlp._estimators.tabular import BaseTabularMLP
from skmlp._sklearn import fit_context


class TabularMLPRegressor(RegressorMixin, BaseTabularMLP):
    """Regressor for tables as they come: several small networks, trained at once.

    Numbers of any scale, missing values, booleans, strings and categories need no preprocessing.
    Four networks are trained side by side in one compiled program, by the method of RealMLP [1]_.
    A number enters as its quantile, as periodic features of the quantile [2]_, and as a robustly
    scaled value; a category enters as an indicator. Each network holds out its own fold. The
    networks of the epochs with the best scores out of fold are kept, and their predictions are
    averaged.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(128, 128, 128)
        Number of units of each hidden layer.

    activation : {'identity', 'logistic', 'tanh', 'relu', 'leaky_relu', 'elu', 'selu', 'silu', \
            'gelu', 'mish'}, default='mish'
        Activation function of the hidden layers.

    n_networks : int, default=4
        Number of networks. Each network holds out its own fold, an eighth of the rows.

    max_iter : int, default=60
        Number of epochs. Training does not stop earlier, as the learning rate follows a schedule
        over all epochs.

    learning_rate_init : float, default=0.08
        Largest learning rate of Adam. It is divided by the root of a layer's number of inputs for
        weights, multiplied by 6 for the scales of the inputs, and multiplied by 0.1 for biases.

    dropout : float, default=0.0
        Share of the values of hidden layers that are set to zero in training [5]_, in [0, 1). It
        falls to 0 in the second half of the epochs.

    weight_decay : float, default=0.02
        Decoupled decay of the weights [6]_: each step multiplies them by 1 minus the learning rate
        times the decay, which falls to 0 in the second half of the epochs.

    batch_size : int or 'auto', default='auto'
        Number of rows of a batch. 'auto' is the power of two near a 35th of the training rows, but
        from 32 to 256.

    n_best_epochs : int, default=5
        Number of epochs, with the best scores out of fold, whose networks are kept. Predictions are
        averaged over these networks.

    categorical_features : array-like of {bool, int, str}, 'from_dtype' or None, \
            default='from_dtype'
        The columns of categories, as in
        :class:`sklearn.ensemble.HistGradientBoostingRegressor`: a mask, indices or names, or None
        if there are none. 'from_dtype' takes columns of strings, of categories, and of objects that
        are not all numbers. Columns of booleans are always categories.

    scoring : str, callable or None, default=None
        Score out of fold, which chooses the epochs. None is R2, and "loss" is minus the squared
        error. Any other str is a name of :func:`sklearn.metrics.get_scorer_names`. A callable
        takes ``(estimator, X, y)``, and `sample_weight` if it has such a parameter; the estimator
        predicts the held-out rows, whatever `X` is.

    verbose : int or bool, default=False
        Whether to print a line for each epoch.

    random_state : int, RandomState instance or None, default=None
        Draws the folds, the initial weights, the shuffles, the masks of dropout and the periodic
        features. An int makes results reproducible.

    Attributes
    ----------
    n_outputs_ : int
        Number of targets.

    validation_score_ : float
        Score out of fold of the averaged outputs of the best epochs, with the weights of the rows:
        an estimate of the score on new data. It may be too high for fewer than about 200 rows, as
        the same rows have chosen the epochs. With `X_val`, it is the score of the predictions for
        `X_val`. NaN if no row could be held out, and for R2 if only one was.

    validation_scores_ : list of float
        Mean over all networks of the score out of fold, after each epoch.

    validation_loss_curve_ : list of float
        Half the mean squared error, of targets with variance 1, out of fold after each epoch.

    best_epochs_ : list of int
        Numbers of the epochs whose networks are kept, from 1.

    loss_curve_ : list of float
        Mean over all networks of the training loss, for each epoch.

    loss_curves_ : ndarray of shape (`n_iter_`, n_networks)
        Training loss of each network in each epoch.

    loss_ : float
        Training loss of the last epoch.

    n_iter_ : int
        Number of epochs.

    coefs_ : list of ndarray of shape (n_networks * n_best_epochs, fan_in, fan_out)
        Weights of each layer of all kept networks. The weights of the first layer include the
        scales of the inputs.

    intercepts_ : list of ndarray of shape (n_networks * n_best_epochs, fan_out)
        Biases of each layer.

    is_categorical_ : ndarray of bool of shape (`n_features_in_`,) or None
        The columns that are encoded as categories. None if there are none.

    categories_ : list of ndarray
        The categories with their own input, for each column of categories.

    n_features_in_ : int
        Number of columns seen by `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns. Defined only if all of them are strings.

    See Also
    --------
    TabularMLPClassifier : The same method for classification.
    TFMLPRegressor : A single network with the interface and the numbers of MLPRegressor.
    sklearn.ensemble.HistGradientBoostingRegressor : Trees for the same tables.

    Notes
    -----
    The steps, in order:

    1. A number becomes five inputs: its quantile, mapped to a normal distribution; three periodic
       features of this value, drawn once; and its distance from the median in units of the
       interquartile range, clipped smoothly. A missing number becomes the median. If numbers were
       missing in `fit`, one more input marks missing numbers. Two categories become -1 and 1, and
       more categories become one indicator each. A category that `fit` has not seen becomes zeros.
       See :mod:`skmlp.preprocessing`.
    2. The rows are split into eight folds. Network i holds out fold i.
    3. Adam trains all networks at once, with a trained scale of each input, dropout, decoupled
       decay of the weights. The learning rate rises and falls four times, ever more slowly.
    4. Each network is scored on its own fold after every epoch. The networks of the `n_best_epochs`
       best epochs are kept. Of epochs with equal scores, the later is better.
    5. Predictions of all networks are averaged, and clipped to the range of the targets in `fit`.

    Members of an ensemble that share weights, as in TabM [3]_, were less accurate in this setting
    than independent ones.

    Columns are scaled in float64, and networks are trained in float32. Sparse matrices, dates and
    times raise an error. Callbacks are told of each epoch; only
    :class:`skmlp.callbacks.Checkpoint` is refused. TensorFlow is imported by the first `fit` in a
    process, and never to predict.

    References
    ----------
    .. [1] Holzmüller, D., Grinsztajn, L. and Steinwart, I. (2024). "Better by default: Strong
       pre-tuned MLPs and boosted trees on tabular data." NeurIPS. :arxiv:`2407.04491`
    .. [2] Gorishniy, Y., Rubachev, I. and Babenko, A. (2022). "On embeddings for numerical features
       in tabular deep learning." NeurIPS. :arxiv:`2203.05556`
    .. [3] Gorishniy, Y., Kotelnikov, A. and Babenko, A. (2025). "TabM: Advancing tabular deep
       learning with parameter-efficient ensembling." ICLR. :arxiv:`2410.24210`
    .. [4] Guo, C., Pleiss, G., Sun, Y. and Weinberger, K. Q. (2017). "On calibration of modern
       neural networks." ICML. :arxiv:`1706.04599`
    .. [5] Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I. and Salakhutdinov, R. (2014).
       "Dropout: A simple way to prevent neural networks from overfitting." JMLR 15.
    .. [6] Loshchilov, I. and Hutter, F. (2019). "Decoupled weight decay regularization." ICLR.
       :arxiv:`1711.05101`

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skmlp import TabularMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> reg = TabularMLPRegressor(random_state=0).fit(X[:350], y[:350])
    >>> reg.score(X[350:], y[350:]) > 0.4
    True
    """

    def __init__(
        self,
        hidden_layer_sizes=(128, 128, 128),
        activation="mish",
        *,
        n_networks=4,
        max_iter=60,
        learning_rate_init=0.08,
        dropout=0.0,
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
        """Train the networks.

        A fit that fails leaves the estimator as it was. Ctrl-C ends training early; the best epochs
        until then are kept.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Table: a DataFrame of pandas or polars, or an array.

        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target values.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative and not all zero. None weighs them equally.

        X_val : DataFrame or array-like of shape (n_validation_samples, n_features), default=None
            A validation set of your own, on which all networks are scored. None holds out folds.

        y_val : array-like of shape (n_validation_samples,), default=None
            Target values of the validation set; needed with `X_val`.

        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            Weights of the validation set.

        Returns
        -------
        TabularMLPRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter, the table, the targets or the weights are not as described.
        TypeError
            If the table is sparse, or has dates, times or other objects.
        RuntimeError
            If the process was forked after TensorFlow had run.

        See Also
        --------
        TabularMLPRegressor.predict : Predict target values.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skmlp import TabularMLPRegressor
        >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
        >>> est = TabularMLPRegressor(random_state=0).fit(X, y)
        >>> len(est.validation_scores_) == est.n_iter_
        True
        """
        self._fit(X, y, sample_weight, ValidationSet(X_val, y_val, sample_weight_val))
        return self

    def predict(self, X):
        """Predict the target values of rows.

        TensorFlow is not needed.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Table with the columns of `fit`, in the same order.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predicted target values.

        See Also
        --------
        sklearn.metrics.r2_score : R2 of the predictions, which `score` returns.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from skmlp import TabularMLPRegressor
        >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
        >>> est = TabularMLPRegressor(random_state=0).fit(X, y)
        >>> est.predict(X[:2]).shape
        (2,)
        """
        return self._decode(self._mean_outputs(X))

    def _decode(self, outputs: np.ndarray) -> np.ndarray:
        """Return numbers on the scale of y, clipped to the range of the training targets."""
        return self._from_standard(outputs, self._range)

    def _from_standard(
        self, numbers: np.ndarray, limits: tuple[np.ndarray, np.ndarray]
    ) -> np.ndarray:
        y = np.clip(numbers * self._scale + self._mean, *limits)
        return y[:, 0] if self._is_single else y

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _learn_targets(
        self, y: Any, sample_weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        y = self._as_table(y, "y")
        self.n_outputs_ = y.shape[1]
        trained = sample_weight > 0
        seen, weight = y[trained], sample_weight[trained]
        with np.errstate(over="ignore", invalid="ignore"):
            self._mean = np.average(seen, axis=0, weights=weight)
            scale = np.sqrt(np.average((seen - self._mean) ** 2, axis=0, weights=weight))
        if not np.isfinite(scale).all():
            raise ValueError("y has values whose squares are too large for float64.")
        self._scale = np.where(scale > 0, scale, 1.0)
        self._range = seen.min(axis=0), seen.max(axis=0)
        self._range_of_all = y.min(axis=0), y.max(axis=0)
        return self._standardise(y), None

    def _as_table(self, y: Any, name: str) -> np.ndarray:
        with explaining_targets(), naming_errors(name):
            y = as_numbers(y, name).astype(np.float64, copy=False)
        if name == "y":
            self._is_single = y.ndim == 1 or y.shape[1] == 1
        return without_column(y, name).reshape(len(y), -1)

    def _standardise(self, y: np.ndarray) -> np.ndarray:
        largest = np.finfo(np.float32).max  # rows that do not train may be too large for float32
        with np.errstate(over="ignore"):
            standard = (y - self._mean) / self._scale
        return np.clip(standard, -largest, largest).astype(np.float32)

    def _encode_targets(self, y: Any, name: str) -> np.ndarray:
        y = self._as_table(y, name)
        if y.shape[1] != self.n_outputs_:
            raise ValueError(f"{name} has {y.shape[1]} columns, expected {self.n_outputs_}.")
        least, most = self._range_of_all
        self._range_of_all = np.minimum(least, y.min(axis=0)), np.maximum(most, y.max(axis=0))
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
        # Clipped, as float32 may have rounded a target of 0 to a negative number.
        y_true, y_pred = self._from_standard(targets, self._range_of_all), self._decode(outputs)
        if self.scoring is None:
            if len(y_true) < 2:
                return loss, float("nan")
            return loss, float(r2_score(y_true, y_pred, sample_weight=sample_weight))
        return loss, score_regression(self.scoring, y_true, y_pred, sample_weight)


TabularMLPRegressor.__module__ = "skmlp"  # files use this name, wherever the class moves
__test__ = {"TabularMLPRegressor": TabularMLPRegressor}  # doctest looks for the examples here
