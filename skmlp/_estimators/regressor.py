"""The regressor: targets that are numbers."""

from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if

from skmlp._data.checks import ValidationSet
from skmlp._data.hints import explaining_targets
from skmlp._data.labels import without_column
from skmlp._data.targets import as_numbers, check_numbers
from skmlp._estimators.base import BaseTFMLP, Call
from skmlp._model.losses import LOSSES, REGRESSION_LOSSES
from skmlp._sklearn import StrOptions, fit_context


class TFMLPRegressor(RegressorMixin, BaseTFMLP):
    r"""Multi-layer perceptron regressor, trained by a compiled TensorFlow program.

    The parameters, the fitted attributes and, in float64, the numbers are those of
    :class:`sklearn.neural_network.MLPRegressor`: the same `random_state` gives the same weights
    up to rounding. The Notes list the differences.

    Training minimises, over the weights :math:`W_l` and biases :math:`b_l` of the layers, the
    weighted mean of the losses of the samples and an L2 penalty,

    .. math::

        \frac{1}{\sum_i s_i} \Big( \sum_i s_i \, \ell(y_i, f(x_i; W, b))
        + \frac{\alpha}{2} \sum_l \| W_l \|_F^2 \Big),

    where :math:`i` runs over the samples of a batch, with weights :math:`s_i`. The network
    :math:`f` ends in the identity, or for loss='poisson' in the exponential function.

    Parameters
    ----------
    loss : {'squared_error', 'poisson'}, default='squared_error'
        Loss of a sample: half the squared error, averaged over the outputs; or half the Poisson
        deviance, summed over the outputs. For 'poisson', targets must not be negative, and
        predictions are positive.

    hidden_layer_sizes : int or array-like of int of shape (n_layers - 2,), default=(100,)
        Number of units of each hidden layer.

    activation : str, default='relu'
        Activation function of the hidden layers. Four are those of scikit-learn: 'identity', x;
        'logistic', 1 / (1 + exp(-x)); 'tanh', tanh(x); 'relu', max(0, x). The others are:

        - 'leaky_relu': x above 0, 0.2 x below;
        - 'elu' [3]_: x above 0, exp(x) - 1 below;
        - 'selu' [4]_: 1.0507 times x above 0, 1.7581 times exp(x) - 1 below;
        - 'silu': x / (1 + exp(-x)), also known as swish;
        - 'gelu' [5]_: :math:`\frac x 2 (1 + \tanh(\sqrt{2 / \pi} (x + 0.044715 x^3)))`, which is
          near x times the normal distribution function;
        - 'mish' [6]_: x tanh(log(1 + exp(x))).

    solver : {'lbfgs', 'sgd', 'adam'}, default='adam'
        Method that minimises the objective. 'adam' is the method of Kingma and Ba [1]_, and 'sgd'
        is stochastic gradient descent with momentum; both go batch by batch. 'lbfgs' is L-BFGS-B
        of SciPy on all samples at once, which suits small data.

    alpha : float, default=0.0001
        Strength of the L2 penalty on the weights. Biases are not penalised.

    batch_size : int or 'auto', default='auto'
        Number of samples of a batch; "auto" is ``min(200, n_samples)``. The last batch of an
        epoch may be smaller.

    learning_rate : str or callable, default='constant'
        Schedule of the learning rate. 'constant' keeps `learning_rate_init`. Two schedules are
        only used by solver='sgd', as in scikit-learn: 'invscaling' is
        ``learning_rate_init / (t + 1) ** power_t`` after `t` samples, updated every epoch;
        'adaptive' divides the rate by 5 whenever training would otherwise stop, until the rate
        is at most 1e-6. The other schedules multiply `learning_rate_init`, before each batch, by
        a factor. It depends on :math:`t`, the share of the `max_iter` epochs done, from 0 to 1:

        - 'cosine' [8]_: :math:`(1 + \cos \pi t) / 2`, which falls to 0;
        - 'coslog' [9]_: :math:`(1 - \cos(2 \pi \log_2(1 + 15 t))) / 2`, four cycles, each
          twice as long as the one before;
        - a callable: the number that it returns for :math:`t`, finite and not negative.

        Schedules of :math:`t` are for 'adam' and 'sgd', not for 'lbfgs' or `partial_fit`. A warm
        start begins them again.

    learning_rate_init : float, default=0.001
        Learning rate that training starts with. Not used by solver='lbfgs'.

    power_t : float, default=0.5
        Exponent of learning_rate='invscaling'. Only used by solver='sgd'.

    max_iter : int, default=200
        Maximum number of epochs, each of which uses every sample once. For solver='lbfgs', the
        maximum number of iterations.

    shuffle : bool, default=True
        Whether to shuffle the samples before every epoch.

    random_state : int, RandomState instance or None, default=None
        Draws, in this order, the initial weights and biases, the hold-out if there is one, a seed
        for `dropout` if there is any, and a shuffle for each epoch. Pass an int for reproducible
        results.

    tol : float, default=1e-4
        An epoch counts as an improvement if the loss, or with early stopping the validation
        score, improves by at least `tol`. solver='lbfgs' stops when no element of the gradient
        is larger than `tol`.

    verbose : bool or int, default=False
        True or an int above 0 prints a line for each epoch, or for each iteration of
        solver='lbfgs'. The line has the training loss and, if there is a validation set, the
        validation loss and R2. Only 2 also prints, every 100 batches, the loss of a batch after
        its update.

    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the previous call. The optimiser starts anew,
        and the curves grow by the new epochs.

    momentum : float, default=0.9
        Momentum, between 0 and 1. Only used by solver='sgd'.

    nesterovs_momentum : bool, default=True
        Whether to use Nesterov's momentum. Only used by solver='sgd'.

    early_stopping : bool, default=False
        Whether the score on a validation set decides when training stops, instead of the training
        loss, and which epoch the fitted weights come from: the best one. See `scoring`. Not used
        by solver='lbfgs'.

    validation_fraction : float, int or None, default=None
        Samples to hold out as a validation set, which is scored after every epoch, with or without
        early stopping: a fraction between 0 and 1, or a number of samples. The default of
        MLPRegressor is 0.1, a tenth. None holds out a tenth, but at least 2 samples, if
        ``early_stopping=True`` and `fit` receives no `X_val`; otherwise it holds out nothing. 0
        holds out nothing.

    beta_1 : float, default=0.9
        Decay rate of Adam's first moments, in [0, 1).

    beta_2 : float, default=0.999
        Decay rate of Adam's second moments, in [0, 1).

    epsilon : float, default=1e-8
        Number added to Adam's denominator, outside the root, to keep it from zero.

    n_iter_no_change : int or inf, default=10
        Training stops after more than `n_iter_no_change` epochs in a row without an improvement.

    max_fun : int, default=15000
        Maximum number of evaluations of the loss. Only used by solver='lbfgs'.

    scoring : str, callable or None, default=None
        Score of the validation set. None is R2, and "loss" is minus the loss.
        Any other str is a name of :func:`sklearn.metrics.get_scorer_names`. A callable takes
        ``(estimator, X, y)``, and ``sample_weight`` if it can and samples have weights. NaN is no
        improvement. Scorers run in Python after every epoch; None and "loss" cost little.

    init : {'glorot_uniform', 'truncated_normal'}, default='glorot_uniform'
        Distribution of the initial weights. 'glorot_uniform' is uniform within
        :math:`\pm\sqrt{6 / (n_{in} + n_{out})}` (2 in place of 6 for activation='logistic') [2]_,
        for biases too, as in scikit-learn. Activations that scikit-learn does not have use the
        bound of their authors, and biases of zero: the bound is :math:`\pm\sqrt{6 / n_{in}}`
        [7]_, with 5.77 in place of 6 for 'leaky_relu', and 3 for 'selu' [4]_. 'truncated_normal'
        is normal with standard deviation 0.01, cut at two standard deviations; biases are zero.

    dtype : {'float32', 'float64'} or None, default=None
        Type in which to train and to predict. None keeps float32 input as it is and converts any
        other input to float64, as scikit-learn does.

    weight_decay : float, default=0.0
        Decoupled decay of the weights, as in AdamW [10]_: before each step of 'adam' or 'sgd', the
        weights are multiplied by :math:`1 - \eta_t \lambda`, where :math:`\eta_t` is the
        scheduled learning rate and :math:`\lambda` is `weight_decay`. Biases do not decay. Unlike
        the penalty of `alpha`, the decay is no part of the loss, and Adam does not rescale it. Not
        for solver='lbfgs'.

    dropout : float or array-like of float of shape (n_layers - 2,), default=0.0
        The share :math:`p` of units that a step of 'adam' or 'sgd' drops [11]_, one number for all
        hidden layers or one for each. For each sample, the value of a unit is zero with
        probability :math:`p`, and divided by :math:`1 - p` otherwise. Predictions and validation
        scores drop nothing. The losses in `loss_curve_` are those with dropout. Not for
        solver='lbfgs'.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (fan_in, fan_out), of length n_layers - 1
        Weights of each layer.

    intercepts_ : list of ndarray of shape (fan_out,), of length n_layers - 1
        Biases of each layer.

    loss_ : float
        Loss of the last epoch: the mean over its batches, each before its own update.

    best_loss_ : float or None
        Smallest loss of an epoch. None if ``early_stopping=True``, except for solver='lbfgs'.

    loss_curve_ : list of float
        Loss of each epoch. For solver='lbfgs', the loss after each iteration.

    validation_scores_ : list of float or None
        Score of the validation set after each epoch, see `scoring`. None if there is no
        validation set.

    validation_loss_curve_ : list of float or None
        Mean loss on the validation set after each epoch, without the penalty. None if there is
        no validation set.

    best_validation_score_ : float or None
        Largest of `validation_scores_`, -inf if all are NaN. None if there is no validation set.

    n_iter_ : int
        Number of epochs or iterations that the last `fit` or `partial_fit` ran.

    t_ : int
        Number of samples used by all epochs of all calls. solver='lbfgs' does not count them.

    n_features_in_ : int
        Number of features seen by `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features. Defined only if `X` has names that are all strings.

    n_layers_ : int
        Number of layers, input and output included.

    n_outputs_ : int
        Number of targets.

    out_activation_ : {'identity', 'exp'}
        Activation function of the output layer. If you set another one after a fit, predictions,
        `partial_fit` and warm starts use it.

    See Also
    --------
    TFMLPClassifier : The same network for classification.
    sklearn.neural_network.MLPRegressor : The same model, trained by NumPy.

    Notes
    -----
    The differences from MLPRegressor are those of :class:`TFMLPClassifier` from MLPClassifier,
    where they apply. loss='poisson' refuses negative targets, which MLPRegressor turns into NaN.

    For loss='squared_error' and several targets, the loss is the mean over the targets, but
    training follows the gradient of the sum, as in scikit-learn.

    References
    ----------
    .. [1] Kingma, D. P. and Ba, J. (2014). "Adam: A method for stochastic optimization."
       :arxiv:`1412.6980`
    .. [2] Glorot, X. and Bengio, Y. (2010). "Understanding the difficulty of training deep
       feedforward neural networks." AISTATS.
    .. [3] Clevert, D.-A., Unterthiner, T. and Hochreiter, S. (2016). "Fast and accurate deep
       network learning by exponential linear units (ELUs)." :arxiv:`1511.07289`
    .. [4] Klambauer, G., Unterthiner, T., Mayr, A. and Hochreiter, S. (2017). "Self-normalizing
       neural networks." :arxiv:`1706.02515`
    .. [5] Hendrycks, D. and Gimpel, K. (2016). "Gaussian error linear units (GELUs)."
       :arxiv:`1606.08415`
    .. [6] Misra, D. (2019). "Mish: A self regularized non-monotonic activation function."
       :arxiv:`1908.08681`
    .. [7] He, K., Zhang, X., Ren, S. and Sun, J. (2015). "Delving deep into rectifiers: Surpassing
       human-level performance on ImageNet classification." :arxiv:`1502.01852`
    .. [8] Loshchilov, I. and Hutter, F. (2017). "SGDR: Stochastic gradient descent with warm
       restarts." :arxiv:`1608.03983`
    .. [9] Holzmüller, D., Grinsztajn, L. and Steinwart, I. (2024). "Better by default: Strong
       pre-tuned MLPs and boosted trees on tabular data." :arxiv:`2407.04491`
    .. [10] Loshchilov, I. and Hutter, F. (2019). "Decoupled weight decay regularization."
       :arxiv:`1711.05101`
    .. [11] Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I. and Salakhutdinov, R. (2014).
       "Dropout: A simple way to prevent neural networks from overfitting." JMLR 15.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skmlp import TFMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = TFMLPRegressor(solver="lbfgs", hidden_layer_sizes=5, max_iter=60, tol=0.1)
    >>> reg = reg.set_params(random_state=0, activation="tanh")
    >>> from sklearn.preprocessing import scale
    >>> reg.fit(X, scale(y)).predict(X[:2]).shape
    (2,)
    """

    _own_constraints: ClassVar[dict[str, list[Any]]] = {
        "loss": [StrOptions(set(REGRESSION_LOSSES))],
    }

    def __init__(
        self,
        loss="squared_error",
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=None,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        scoring=None,
        init="glorot_uniform",
        dtype=None,
        weight_decay=0.0,
        dropout=0.0,
    ):
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.scoring = scoring
        self.init = init
        self.dtype = dtype
        self.weight_decay = weight_decay
        self.dropout = dropout

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train the network.

        The first call in a process imports TensorFlow, and the first call for a network of its
        kind compiles a program, which takes seconds. Later calls use the compiled program.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values, not negative for loss='poisson'.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative and not all zero. None weighs them equally.

        X_val : {array-like, sparse matrix} of shape (n_val_samples, n_features), default=None
            Validation samples, scored after every epoch. With them nothing is held out.

        y_val : array-like of shape (n_val_samples,) or (n_val_samples, n_outputs), default=None
            Target values of the validation samples.

        sample_weight_val : array-like of shape (n_val_samples,), default=None
            Weights of the validation samples in their loss and score.

        Returns
        -------
        TFMLPRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or an array is not as described, if the solver does not support the
            parameters, or if training produced weights that are not finite. The estimator then
            stays as it was.
        RuntimeError
            If the process was forked after TensorFlow had run: training would hang.

        Warns
        -----
        ConvergenceWarning
            If training ran for `max_iter` epochs without stopping.

        See Also
        --------
        TFMLPRegressor.partial_fit : Train for one epoch on some samples.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.preprocessing import scale
        >>> from skmlp import TFMLPRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> y = scale(y)
        >>> reg = TFMLPRegressor(learning_rate_init=0.01, tol=0.01, random_state=0)
        >>> reg = reg.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
        >>> len(reg.validation_scores_) == reg.n_iter_
        True
        """
        self._fit(Call(X, y, sample_weight, ValidationSet(X_val, y_val, sample_weight_val)))
        return self

    @available_if(lambda self: self._can_go_on())
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch on some samples, going on from the previous call.

        The solver goes on with its state, such as Adam's moments, and with its hyper-parameters: a
        change of `learning_rate_init` takes effect in the next `fit`. Nothing is held out.

        Not available for solver='lbfgs', and for a `learning_rate` that follows the share of a fit
        that is done, as the length of training is not known.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values, not negative for loss='poisson'.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative and not all zero. None weighs them equally.

        Returns
        -------
        TFMLPRegressor
            The estimator.

        Raises
        ------
        ValueError
            As for `fit`. Also after a `fit` with ``early_stopping=True``.

        See Also
        --------
        skmlp.TFMLPRegressor.fit : Train until nothing improves any more.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.preprocessing import scale
        >>> from skmlp import TFMLPRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> y = scale(y)
        >>> reg = TFMLPRegressor(learning_rate_init=0.01, random_state=0)
        >>> for epoch in range(100):
        ...     reg = reg.partial_fit(X, y)
        >>> reg.score(X, y) > 0.4
        True
        """
        self._fit(Call(X, y, sample_weight, is_incremental=True))
        return self

    def predict(self, X):
        """Predict the targets of samples.

        The predictions are the outputs of the network. TensorFlow is not needed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predicted values.

        See Also
        --------
        TFMLPRegressor.fit : Train the network.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.preprocessing import scale
        >>> from skmlp import TFMLPRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> y = scale(y)
        >>> reg = TFMLPRegressor(learning_rate_init=0.01, tol=0.01, random_state=0).fit(X, y)
        >>> reg.predict(X[:3]).shape
        (3,)
        """
        outputs = self._forward(X)
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        loss = LOSSES.get(self.loss)  # None for a wrong parameter, which fit refuses
        tags.target_tags.positive_only = loss is not None and loss.smallest_target >= 0
        return tags

    def _encode_targets(self, y: Any, call: Call, is_warm: bool) -> np.ndarray:
        return self._as_targets(y, "y")

    def _encode_validation_targets(self, y: Any) -> np.ndarray:
        with explaining_targets():
            return self._as_targets(as_numbers(y, "y_val"), "y_val")

    def _as_targets(self, y: Any, name: str) -> np.ndarray:
        """Return targets as a matrix; raise ValueError if the loss does not accept them."""
        check_numbers(y, name)
        y = without_column(y, name)
        if y.min() < (smallest := LOSSES[self.loss].smallest_target):
            values = "negative values" if smallest == 0 else f"values below {smallest}"
            raise ValueError(
                f"{name} has {values}, expected none for loss={self.loss!r}; the smallest is "
                f"{y.min()}."
            )
        targets = y.reshape(-1, 1) if y.ndim == 1 else y
        return targets.astype(np.float64) if targets.dtype == bool else targets

    def _decode_targets(self, targets: np.ndarray) -> np.ndarray:
        return targets.ravel() if targets.shape[1] == 1 else targets

    def _choose_output(self) -> dict[str, Any]:
        return {"loss": self.loss}

    def _stratifies(self, targets: np.ndarray) -> bool:
        return False


TFMLPRegressor.__module__ = "skmlp"  # files use this name, wherever the class moves
__test__ = {"TFMLPRegressor": TFMLPRegressor}  # doctest looks for the examples here
