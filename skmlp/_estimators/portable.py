"""Export of a fitted network: a smaller pickle, and a model of Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from sklearn.utils.validation import check_is_fitted

from skmlp._estimators.versioned import VersionedEstimator
from skmlp._model.network import Parameters

if TYPE_CHECKING:
    import keras

    from skmlp._model.records import Optimizer


class PortableEstimator(VersionedEstimator):
    """Base class that adds `drop_optimizer` and `to_keras`, and the version in pickled states."""

    _optimizer: Optimizer | None

    def drop_optimizer(self) -> Self:
        """Forget the state of the solver, which `partial_fit` goes on with, to save space.

        Adam keeps two moments of every weight: without them a pickle takes a third of the space.
        SGD keeps one velocity of every weight, and L-BFGS keeps nothing. Predictions and all
        fitted attributes stay as they are. A later `partial_fit` goes on from the weights with a
        new optimizer, made with the parameters at that time. `fit` always makes a new optimizer.

        Returns
        -------
        TFMLPClassifier or TFMLPRegressor
            The same estimator.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.

        See Also
        --------
        skmlp.TFMLPClassifier.partial_fit : Goes on with the state of the solver.

        Examples
        --------
        >>> import pickle
        >>> from copy import copy
        >>> from sklearn.datasets import load_iris
        >>> from skmlp import TFMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = TFMLPClassifier(learning_rate_init=0.01, random_state=0).fit(X, y)
        >>> small = copy(clf).drop_optimizer()  # clf itself keeps its optimizer
        >>> len(pickle.dumps(small)) < len(pickle.dumps(clf)) / 2
        True
        """
        check_is_fitted(self)
        self._optimizer = None
        return self

    def to_keras(self) -> keras.Sequential:
        """Return the fitted network as a Keras model.

        The model holds copies of `coefs_` and `intercepts_`, in their type. It is not compiled:
        call ``compile`` to train it further. Keras can export it, see ``model.save`` and
        ``model.export``.

        Returns
        -------
        keras.Sequential
            From X of shape (n_samples, `n_features_in_`) to outputs of shape
            (n_samples, `n_outputs_`), never to labels:

            - for three classes or more, the probabilities, as from `predict_proba`;
            - for two classes, one column with the probability of ``classes_[1]``;
            - for multilabel targets, a column for each label, as from `predict_proba`;
            - for a regressor, the predicted values, as a column even for a single target.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        RuntimeError
            If the backend of Keras is not TensorFlow, or if the process was forked after
            TensorFlow had run.

        See Also
        --------
        skmlp.onnx.register_converters : Conversion to ONNX, without Keras.

        Notes
        -----
        ``model(X)`` computes in the type of `coefs_`. ``model.predict(X)`` first converts X to
        ``keras.config.floatx()``, float32 unless set otherwise.

        This imports Keras and TensorFlow.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from skmlp import TFMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = TFMLPClassifier(learning_rate_init=0.01, random_state=0).fit(X, y)
        >>> model = clf.to_keras()
        >>> np.allclose(model(X), clf.predict_proba(X), rtol=0, atol=1e-12)
        True
        """
        from skmlp._estimators.to_keras import sequential  # not needed to predict

        check_is_fitted(self)
        parameters = Parameters(self.coefs_, self.intercepts_)
        return sequential(parameters, self.activation, self.out_activation_)
