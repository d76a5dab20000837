"""The classifier for tables."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.base import ClassifierMixin
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets

from skmlp._data.checks import ValidationSet
from skmlp._data.class_weight import class_factors
from skmlp._data.labels import as_labels
from skmlp._estimators.held_out import score_classification
from skmlp._estimators.tabular import BaseTabularMLP
from skmlp._model.activations import ACTIVATIONS
from skmlp._sklearn import Interval, StrOptions, fit_context


class TabularMLPClassifier(ClassifierMixin, BaseTabularMLP):
    """Classifier for tables as they come: several small networks, trained at once.

    Numbers of any scale, missing values, booleans, strings and categories need no preprocessing.
    Four networks are trained side by side in one compiled program, by the method of RealMLP [1]_.
    A number enters as its quantile, as periodic features of the quantile [2]_, and as a robustly
    scaled value; a category enters as an indicator. Each network holds out its own fold. The
    networks of the epochs with the best scores out of fold are kept. Their probabilities are
    averaged and calibrated.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(128, 128, 128)
        Number of units of each hidden layer.

    activation : {'identity', 'logistic', 'tanh', 'relu', 'leaky_relu', 'elu', 'selu', 'silu', \
            'gelu', 'mish'}, default='mish'
        Activation function of the hidden layers.

    n_networks : int, default=4
        Number of networks. Each network holds out its own fold, an eighth of the rows.

    max_iter : int, default=40
        Number of epochs. Training does not stop earlier, as the learning rate follows a schedule
        over all epochs.

    learning_rate_init : float, default=0.08
        Largest learning rate of Adam. It is divided by the root of a layer's number of inputs for
        weights, multiplied by 6 for the scales of the inputs, and multiplied by 0.1 for biases.

    dropout : float, default=0.15
        Share of the values of hidden layers that are set to zero in training [5]_, in [0, 1). It
        falls to 0 in the second half of the epochs.

    weight_decay : float, default=0.02
        Decoupled decay of the weights [6]_: each step multiplies them by 1 minus the learning rate
        times the decay, which falls to 0 in the second half of the epochs.

    label_smoothing : float, default=0.1
        Share of the targets that is spread evenly over the classes in training, in [0, 1).

    batch_size : int or 'auto', default='auto'
        Number of rows of a batch. 'auto' is the power of two near a 35th of the training rows, but
        from 32 to 256.

    n_best_epochs : int, default=5
        Number of epochs, with the best scores out of fold, whose networks are kept. Predictions are
        averaged over these networks.

    calibrate : bool, default=True
        Whether to divide the outputs, before the softmax, by the temperature with the smallest
        log-loss out of fold [4]_.

    categorical_features : array-like of {bool, int, str}, 'from_dtype' or None, \
            default='from_dtype'
        The columns of categories, as in
        :class:`sklearn.ensemble.HistGradientBoostingClassifier`: a mask, indices or names, or None
        if there are none. 'from_dtype' takes columns of strings, of categories, and of objects that
        are not all numbers. Columns of booleans are always categories.

    class_weight : dict, 'balanced' or None, default=None
        Factor for the weight of each row, by its class. 'balanced' is
        ``sum(sample_weight) / (n_classes * sum(sample_weight[y == label]))``.

    scoring : str, callable or None, default=None
        Score out of fold, which chooses the epochs. None is the accuracy, and "loss" is minus the
        log-loss. Any other str is a name of :func:`sklearn.metrics.get_scorer_names`. A callable
        takes ``(estimator, X, y)``, and `sample_weight` if it has such a parameter; the estimator
        predicts the held-out rows, whatever `X` is.

    verbose : int or bool, default=False
        Whether to print a line for each epoch.

    random_state : int, RandomState instance or None, default=None
        Draws the folds, the initial weights, the shuffles, the masks of dropout and the periodic
        features. An int makes results reproducible.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.

    validation_score_ : float
        Score out of fold of the averaged outputs of the best epochs, with the weights of the rows
        and of `class_weight`: an estimate of the score on new data. It is too high for few rows, as
        the same rows have chosen the epochs: an accuracy is too high by some .07 for 50 rows, and
        by .01 for 200. With `X_val`, it is the score of the predictions for `X_val`. NaN if no row
        could be held out.

    validation_scores_ : list of float
        Mean over all networks of the score out of fold, after each epoch.

    validation_loss_curve_ : list of float
        Log-loss out of fold after each epoch.

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

    temperature_ : float
        The number by which outputs are divided before the softmax.

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
    TabularMLPRegressor : The same method for regression.
    TFMLPClassifier : A single network with the interface and the numbers of MLPClassifier.
    sklearn.ensemble.HistGradientBoostingClassifier : Trees for the same tables.

    Notes
    -----
    The steps, in order:

    1. A number becomes five inputs: its quantile, mapped to a normal distribution; three periodic
       features of this value, drawn once; and its distance from the median in units of the
       interquartile range, clipped smoothly. A missing number becomes the median. If numbers were
       missing in `fit`, one more input marks missing numbers. Two categories become -1 and 1, and
       more categories become one indicator each. A category that `fit` has not seen becomes zeros.
       See :mod:`skmlp.preprocessing`.
    2. The rows are split into eight folds, which keep the proportions of the classes. Network i
       holds out fold i. A class with a single row is not held out.
    3. Adam trains all networks at once, with a trained scale of each input, dropout, decoupled
       decay of the weights and smoothed labels. The learning rate rises and falls four times, ever
       more slowly.
    4. Each network is scored on its own fold after every epoch. The networks of the `n_best_epochs`
       best epochs are kept. Of epochs with equal scores, the later is better.
    5. A temperature is chosen by the log-loss out of fold, and the probabilities of all networks
       are averaged.

    Members of an ensemble that share weights, as in TabM [3]_, were less accurate in this setting
    than independent ones.

    Columns are scaled in float64, and networks are trained in float32. Sparse matrices, multilabel
    targets, dates and times raise an error. Callbacks are told of each epoch; only
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
    >>> import pandas as pd
    >>> from skmlp import TabularMLPClassifier
    >>> table = pd.DataFrame(
    ...     {
    ...         "age": [22, 38, 26, None, 35, 54, 2, 27, 14, 58] * 10,
    ...         "sex": ["m", "f", "f", "m", "m", "m", "m", "f", "f", "f"] * 10,
    ...     }
    ... )
    >>> survived = (table["sex"] == "f").to_numpy()
    >>> clf = TabularMLPClassifier(random_state=0).fit(table, survived)
    >>> clf.predict(table[:3])
    array([False,  True,  True])
    >>> clf.validation_score_
    1.0
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
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
        """Train the networks.

        A fit that fails leaves the estimator as it was. Ctrl-C ends training early; the best epochs
        until then are kept.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Table: a DataFrame of pandas or polars, or an array.

        y : array-like of shape (n_samples,)
            Class labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative and not all zero. None weighs them equally.

        X_val : DataFrame or array-like of shape (n_validation_samples, n_features), default=None
            A validation set of your own, on which all networks are scored. None holds out folds.

        y_val : array-like of shape (n_validation_samples,), default=None
            Classes of the validation set; needed with `X_val`.

        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            Weights of the validation set.

        Returns
        -------
        TabularMLPClassifier
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
        TabularMLPClassifier.predict : Predict classes.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skmlp import TabularMLPClassifier
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> est = TabularMLPClassifier(random_state=0).fit(X, y)
        >>> len(est.validation_scores_) == est.n_iter_
        True
        """
        self._fit(X, y, sample_weight, ValidationSet(X_val, y_val, sample_weight_val))
        return self

    def predict(self, X):
        """Predict the classes of rows.

        TensorFlow is not needed.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Table with the columns of `fit`, in the same order.

        Returns
        -------
        ndarray of shape (n_samples,)
            Predicted classes.

        See Also
        --------
        TabularMLPClassifier.predict_proba : Probabilities of the classes.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skmlp import TabularMLPClassifier
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> est = TabularMLPClassifier(random_state=0).fit(X, y)
        >>> est.predict(X[:2]).shape
        (2,)
        """
        proba = self.predict_proba(X)
        return self.classes_[proba.argmax(axis=1)]

    def predict_proba(self, X):
        """Estimate the probabilities of the classes.

        The probabilities are averaged over all networks. TensorFlow is not needed.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Table with the columns of `fit`, in the same order.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, with the classes in the order of `classes_`.

        See Also
        --------
        TabularMLPClassifier.predict : The classes themselves.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skmlp import TabularMLPClassifier
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> clf = TabularMLPClassifier(random_state=0).fit(X, y)
        >>> clf.predict_proba(X[:2]).round(1)
        array([[1., 0., 0.],
               [1., 0., 0.]])
        """
        return self._mean_outputs(X)

    def predict_log_proba(self, X):
        """Return the logarithms of `predict_proba`.

        TensorFlow is not needed.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Table with the columns of `fit`, in the same order.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Natural logarithms of the probabilities; ``-inf`` where a probability is 0.

        See Also
        --------
        TabularMLPClassifier.predict_proba : The probabilities.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skmlp import TabularMLPClassifier
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> clf = TabularMLPClassifier(random_state=0).fit(X, y)
        >>> clf.predict_log_proba(X[:2]).shape
        (2, 3)
        """
        y_prob = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(y_prob, out=y_prob)

    def _learn_targets(
        self, y: Any, sample_weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        y = self._as_labels(y, "y")
        self.classes_, numbers = np.unique(y, return_inverse=True)
        return np.eye(len(self.classes_), dtype=np.float32)[numbers], numbers

    def _as_labels(self, y: Any, name: str) -> np.ndarray:
        """Check and return labels."""
        y = check_array(y, ensure_2d=False, dtype=None, input_name=name)
        y = as_labels(y, name)
        check_classification_targets(y)
        if y.ndim > 1:
            raise ValueError(
                f"{name} has shape {y.shape}, expected one label for each row: "
                f"{type(self).__name__} does not support multilabel targets. Fit one estimator a "
                "column, with sklearn.multioutput.MultiOutputClassifier."
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
        weight = sample_weight * (factors / max(factors.max(), 1))
        if not weight.any():
            raise ValueError(
                f"class_weight={self.class_weight!r} leaves no sample with a weight above 0."
            )
        return weight / weight.max()

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
        if not self.calibrate or not plan.sample_weight[trained.held_out].any():
            return 1.0

        def log_loss(log_temperature: float) -> float:
            outputs, rows = self._outputs_held_out(plan, trained, np.exp(log_temperature))
            return _log_loss(outputs, plan.targets[rows], plan.sample_weight[rows])

        found = minimize_scalar(log_loss, bounds=np.log([0.2, 5.0]), method="bounded")
        return float(np.exp(found.x))

    def _evaluate(
        self, outputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray
    ) -> tuple[float, float]:
        loss = _log_loss(outputs, targets, sample_weight)
        # scikit-learn's neg_log_loss refuses rows that do not have all classes.
        if self.scoring in ("loss", "neg_log_loss"):
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
    """Return the weighted mean of minus the logarithm of the true class's probability."""
    of_class = np.clip((outputs * targets).sum(axis=-1), 1e-15, 1)
    return float(np.average(-np.log(of_class), weights=sample_weight))


TabularMLPClassifier.__module__ = "skmlp"  # files use this name, wherever the class moves
__test__ = {"TabularMLPClassifier": TabularMLPClassifier}  # doctest looks for the examples here
