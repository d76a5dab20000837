"""The classifier: labels, their targets and their probabilities."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_array
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skmlp._data.checks import ValidationSet, naming_errors
from skmlp._data.class_weight import class_factors
from skmlp._data.labels import (
    as_labels,
    binarize,
    check_known_labels,
    check_same_labels,
    check_validation_labels,
    plain_binarizer,
    plain_labels,
)
from skmlp._estimators.base import BaseTFMLP, Call
from skmlp._sklearn import Interval, StrOptions, check_partial_fit_first_call, fit_context


class TFMLPClassifier(ClassifierMixin, BaseTFMLP):
    r"""Multi-layer perceptron classifier, trained by a compiled TensorFlow program.

    The parameters, the fitted attributes and, in float64, the numbers are those of
    :class:`sklearn.neural_network.MLPClassifier`: the same `random_state` gives the same weights
    up to rounding. The Notes list the differences.

    Training minimises, over the weights :math:`W_l` and biases :math:`b_l` of the layers, the
    weighted mean of the cross-entropies of the samples and an L2 penalty,

    .. math::

        \frac{1}{\sum_i s_i} \Big( \sum_i s_i \, \ell(y_i, f(x_i; W, b))
        + \frac{\alpha}{2} \sum_l \| W_l \|_F^2 \Big),

    where :math:`i` runs over the samples of a batch, with weights :math:`s_i`. The network
    :math:`f` ends in a softmax; for two classes and for multilabel targets, it ends in a logistic
    function.

    Parameters
    ----------
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
        validation loss and accuracy. Only 2 also prints, every 100 batches, the loss and the
        accuracy of a batch after its update.

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
        MLPClassifier is 0.1, a tenth. None holds out a tenth, but at least 2 samples, if
        ``early_stopping=True`` and `fit` receives no `X_val`; otherwise it holds out nothing. 0
        holds out nothing. The hold-out is stratified for two classes, as in scikit-learn.

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

    class_weight : dict, list of dict, 'balanced' or None, default=None
        Factor for the weight of each sample, by its class. 'balanced' is
        ``sum(sample_weight) / (n_classes * sum(sample_weight[y == label]))``. For multilabel
        targets, a list with a dict ``{0: weight, 1: weight}`` for each label; the factors of a
        sample's labels are multiplied. A hold-out is weighed by these factors too, but `X_val`
        only by `sample_weight_val`.

    scoring : str, callable or None, default=None
        Score of the validation set. None is the accuracy, and "loss" is minus the cross-entropy.
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

    label_smoothing : float, default=0.0
        The share :math:`s` of each target, in [0, 1), that training spreads over all :math:`K`
        classes [11]_: the target is :math:`1 - s + s / K` for the class of the sample, and
        :math:`s / K` for the other classes. For two classes and for multilabel targets, the
        targets of each label are :math:`1 - s / 2` and :math:`s / 2`. `loss_curve_` has the loss
        of smoothed targets; `validation_loss_curve_` has the loss of the targets themselves.

    dropout : float or array-like of float of shape (n_layers - 2,), default=0.0
        The share :math:`p` of units that a step of 'adam' or 'sgd' drops [12]_, one number for all
        hidden layers or one for each. For each sample, the value of a unit is zero with
        probability :math:`p`, and divided by :math:`1 - p` otherwise. Predictions and validation
        scores drop nothing. The losses in `loss_curve_` are those with dropout. Not for
        solver='lbfgs'.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.

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
        Mean cross-entropy on the validation set after each epoch, without the penalty. None if
        there is no validation set.

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
        Number of outputs of the network: 1 for two classes.

    out_activation_ : {'softmax', 'logistic'}
        Activation function of the output layer. If you set another one after a fit, predictions,
        `partial_fit` and warm starts use it.

    See Also
    --------
    TFMLPRegressor : The same network for regression.
    sklearn.neural_network.MLPClassifier : The same model, trained by NumPy.

    Notes
    -----
    Differences from MLPClassifier, all on purpose:

    - `validation_fraction` is None by default. If it is given, `fit` holds out a validation set
      with or without early stopping.
    - An int as `validation_fraction`, `X_val` and `y_val` in `fit`, `validation_loss_curve_`,
      `class_weight`, `scoring`, `init`, `dtype`, `weight_decay`, `label_smoothing` and `dropout`
      are new.
    - NaN as a score or a loss is no improvement. MLPClassifier takes it for one.
    - solver='lbfgs' has a `loss_curve_` and a `best_loss_`. It computes in float64, but its
      weights for float32 input are float32.
    - A batch whose weights are all zero changes nothing. MLPClassifier divides by zero.
    - A `fit` that fails, or is interrupted before its first epoch is complete, leaves the
      estimator as it was.
    - A warm start with ``early_stopping=True`` that finds nothing better ends with the best weights
      of the earlier fits. MLPClassifier ends with the last weights, as it then trains the arrays in
      which it keeps the best weights.
    - `predict_log_proba` gives ``-inf`` without a warning where a probability is 0.

    TensorFlow is imported by the first `fit` in a process, and never to predict.

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
    .. [11] Szegedy, C., Vanhoucke, V., Ioffe, S., Shlens, J. and Wojna, Z. (2016). "Rethinking the
       inception architecture for computer vision." :arxiv:`1512.00567`
    .. [12] Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I. and Salakhutdinov, R. (2014).
       "Dropout: A simple way to prevent neural networks from overfitting." JMLR 15.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skmlp import TFMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = TFMLPClassifier(learning_rate_init=0.01, random_state=0).fit(X, y)
    >>> clf.predict(X[:2])
    array([0, 0])
    >>> clf.predict_proba(X[:2]).shape
    (2, 3)
    >>> clf.score(X, y) > 0.95
    True
    """

    _own_constraints: ClassVar[dict[str, list[Any]]] = {
        "class_weight": [StrOptions({"balanced"}), dict, list, None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    }
    classes_: np.ndarray
    _label_binarizer: LabelBinarizer

    def __init__(
        self,
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
        class_weight=None,
        scoring=None,
        init="glorot_uniform",
        dtype=None,
        weight_decay=0.0,
        label_smoothing=0.0,
        dropout=0.0,
    ):
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
        self.class_weight = class_weight
        self.scoring = scoring
        self.init = init
        self.dtype = dtype
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
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

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels of any type; or an indicator matrix for multilabel classification.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative and not all zero. None weighs them equally.

        X_val : {array-like, sparse matrix} of shape (n_val_samples, n_features), default=None
            Validation samples, scored after every epoch. With them nothing is held out.

        y_val : array-like of shape (n_val_samples,) or (n_val_samples, n_labels), default=None
            Labels of the validation samples, all of them in `y`.

        sample_weight_val : array-like of shape (n_val_samples,), default=None
            Weights of the validation samples in their loss and score.

        Returns
        -------
        TFMLPClassifier
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
        TFMLPClassifier.partial_fit : Train for one epoch on some samples.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skmlp import TFMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = TFMLPClassifier(learning_rate_init=0.01, tol=0.01, random_state=0)
        >>> clf = clf.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
        >>> len(clf.validation_scores_) == clf.n_iter_
        True
        """
        self._fit(Call(X, y, sample_weight, ValidationSet(X_val, y_val, sample_weight_val)))
        return self

    @available_if(lambda self: self._can_go_on() and self._check_class_weight())
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train for one epoch on some samples, going on from the previous call.

        The solver goes on with its state, such as Adam's moments, and with its hyper-parameters: a
        change of `learning_rate_init` takes effect in the next `fit`. Nothing is held out.

        Not available for solver='lbfgs'; for class_weight='balanced', as the classes of later
        samples are not known; and for a `learning_rate` that follows the share of a fit that is
        done, as the length of training is not known.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples.

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels; or an indicator matrix for multilabel classification.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, not negative and not all zero. None weighs them equally.

        classes : array-like of shape (n_classes,), default=None
            All labels that any call may have. Required in the first call, optional in others.

        Returns
        -------
        TFMLPClassifier
            The estimator.

        Raises
        ------
        ValueError
            As for `fit`. Also if the first call has no `classes`, if `classes` are not those of the
            first call, if `y` has other labels, or after a `fit` with ``early_stopping=True``.

        See Also
        --------
        skmlp.TFMLPClassifier.fit : Train until nothing improves any more.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skmlp import TFMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = TFMLPClassifier(learning_rate_init=0.01, random_state=0)
        >>> for epoch in range(100):
        ...     clf = clf.partial_fit(X, y, classes=[0, 1, 2])
        >>> clf.score(X, y) > 0.9
        True
        """
        self._fit(Call(X, y, sample_weight, is_incremental=True, classes=classes))
        return self

    def predict(self, X):
        """Predict the classes of samples.

        The predicted class has the highest probability. For multilabel targets, the predicted
        labels have probabilities above 0.5. TensorFlow is not needed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Predicted labels, or indicators for multilabel targets, sparse if `y` of `fit` was.

        See Also
        --------
        TFMLPClassifier.predict_proba : Probabilities of the classes.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skmlp import TFMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = TFMLPClassifier(learning_rate_init=0.01, random_state=0).fit(X, y)
        >>> clf.predict(X[::50])
        array([0, 1, 2])
        """
        outputs = self._forward(X)
        if self._label_binarizer.y_type_ == "multiclass":
            return self.classes_[outputs.argmax(axis=1)]
        if self.n_outputs_ == 1:
            outputs = outputs.ravel()
        return self._label_binarizer.inverse_transform(outputs)

    def predict_proba(self, X):
        """Estimate the probabilities of the classes.

        The probabilities are the outputs of the network. TensorFlow is not needed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, with the classes in the order of `classes_`. For multilabel targets,
            each column is the probability of a label, and rows need not sum to 1.

        See Also
        --------
        TFMLPClassifier.predict : The classes themselves.
        TFMLPClassifier.predict_log_proba : Logarithms of the probabilities.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skmlp import TFMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = TFMLPClassifier(learning_rate_init=0.01, random_state=0).fit(X, y)
        >>> clf.predict_proba(X[:1]).round(2)
        array([[1., 0., 0.]])
        """
        outputs = self._forward(X)
        return np.hstack([1 - outputs, outputs]) if self.n_outputs_ == 1 else outputs

    def predict_log_proba(self, X):
        """Return the logarithms of `predict_proba`.

        A probability of 0 causes no warning.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Natural logarithms of the probabilities; ``-inf`` where a probability is 0.

        See Also
        --------
        TFMLPClassifier.predict_proba : The probabilities.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skmlp import TFMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = TFMLPClassifier(learning_rate_init=0.01, random_state=0).fit(X, y)
        >>> clf.predict_log_proba(X[:1]).shape
        (1, 3)
        """
        y_prob = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(y_prob, out=y_prob)

    def score(self, X, y, sample_weight=None):
        """Return the accuracy of the predictions.

        For multilabel targets, a sample is right if all its labels are right.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Labels of the samples.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        float
            Weighted share of the samples that are predicted right.

        See Also
        --------
        sklearn.metrics.accuracy_score : The accuracy of given predictions.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skmlp import TFMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = TFMLPClassifier(learning_rate_init=0.01, random_state=0).fit(X, y)
        >>> clf.score(X, y) > 0.95
        True
        """
        if getattr(getattr(y, "dtype", None), "kind", None) == "O":
            y = as_labels(np.asarray(y))
        return super().score(X, y, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _check_class_weight(self) -> bool:
        """Return True, or raise AttributeError if partial_fit can't weigh the classes."""
        parts = self.class_weight if isinstance(self.class_weight, list) else [self.class_weight]
        if any(isinstance(part, str) for part in parts):
            raise AttributeError(
                "partial_fit is not available for class_weight='balanced': the frequencies of "
                "classes in later samples are not known; expected a dict or None."
            )
        return True

    def _encode_targets(self, y: Any, call: Call, is_warm: bool) -> np.ndarray:
        # A LabelBinarizer that is fitted to sparse indicators also predicts sparse ones.
        indicators = y if scipy.sparse.issparse(y) else None
        with naming_errors("y"), np.errstate(invalid="ignore"):
            y = as_labels(y)
            labels = plain_labels(y)
            if labels is None:
                check_classification_targets(y)
        if call.is_incremental:
            self._learn_classes(y, call.classes, indicators)
        elif is_warm:
            check_same_labels(self._label_binarizer, self.classes_, y)
        else:
            with naming_errors("y"):
                self._label_binarizer = (
                    LabelBinarizer().fit(y if indicators is None else indicators)
                    if labels is None
                    else plain_binarizer(labels)
                )
            self.classes_ = self._label_binarizer.classes_
        return binarize(self._label_binarizer, y)

    def _learn_classes(self, y: np.ndarray, classes: Any, indicators: Any) -> None:
        """Learn all labels in the first call of partial_fit, and check y."""
        if classes is not None:
            with naming_errors("classes"):
                classes = as_labels(np.asarray(classes), "classes")
                if hasattr(self, "classes_") and np.array_equal(classes, self.classes_):
                    classes = None  # nothing new
                else:
                    check_classification_targets(classes)
        if check_partial_fit_first_call(self, classes):
            labels = self.classes_
            if type_of_target(y).startswith("multilabel"):
                labels = y if indicators is None else indicators
            self._label_binarizer = LabelBinarizer().fit(labels)
        check_known_labels(self._label_binarizer, self.classes_, y)

    def _encode_validation_targets(self, y: Any) -> np.ndarray:
        y = check_array(y, accept_sparse="csr", ensure_2d=False, dtype=None, input_name="y_val")
        y = as_labels(y, "y_val")
        check_validation_labels(self._label_binarizer, self.classes_, y)
        return binarize(self._label_binarizer, y)

    def _decode_targets(self, targets: np.ndarray) -> np.ndarray:
        y = self._label_binarizer.inverse_transform(targets.astype(int))
        return y.toarray() if scipy.sparse.issparse(y) else y

    def _weigh_classes(self, targets: np.ndarray, sample_weight: np.ndarray) -> np.ndarray:
        if self.class_weight is None:
            return sample_weight
        y = self._decode_targets(targets)
        factors = class_factors(self.class_weight, self.classes_, y, sample_weight)
        weight = (sample_weight * factors).astype(sample_weight.dtype)
        if not weight.any():
            raise ValueError(
                f"class_weight={self.class_weight!r} leaves no sample with a weight above 0."
            )
        return weight

    def _choose_output(self) -> dict[str, Any]:
        is_multiclass = self._label_binarizer.y_type_ == "multiclass"
        return {
            "loss": "cross_entropy" if is_multiclass else "binary_cross_entropy",
            "threshold": 0.5 if len(self.classes_) > 1 else np.inf,
        }

    def _stratifies(self, targets: np.ndarray) -> bool:
        return targets.shape[1] == 1


TFMLPClassifier.__module__ = "skmlp"  # files use this name, wherever the class moves
__test__ = {"TFMLPClassifier": TFMLPClassifier}  # doctest looks for the examples here
