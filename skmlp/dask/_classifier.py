"""A classifier that the workers of a Dask cluster train together."""

from typing import Any, ClassVar

from skmlp._data.checks import ValidationSet
from skmlp._estimators.base import Call
from skmlp._estimators.classifier import TFMLPClassifier
from skmlp._sklearn import fit_context
from skmlp.dask._base import DaskFitMixin
from skmlp.dask._docstring import with_parameters_of


@with_parameters_of(TFMLPClassifier)
class DaskTFMLPClassifier(DaskFitMixin, TFMLPClassifier):
    """Multi-layer perceptron classifier that the workers of a Dask cluster train together.

    Each worker holds a part of the samples. For every batch each worker computes the gradients of
    the rows that it holds. The gradients are added up over all workers, and every worker makes the
    same update. In float64 the fitted numbers equal those of `TFMLPClassifier` up to rounding, for
    the same parameters and the same samples in the same order. The number of workers does not
    matter.

    The class has the parameters of `TFMLPClassifier` and two more. `solver` must be 'adam' or
    'sgd', and `scoring` must be None or 'loss'. ``verbose=2`` prints the same lines as
    ``verbose=1``.

    Parameters
    ----------
    client : distributed.Client, default=None
        The client of the cluster. None takes the client that was created last. The client is not
        pickled.

    on_worker_loss : {'continue', 'raise'}, default='continue'
        What `fit` does when a worker is lost. 'continue' goes on with the other workers, from the
        last completed epoch. 'raise' raises WorkerLostError.

    Attributes
    ----------
    client_ : distributed.Client
        The client that is used. All other attributes are those of `TFMLPClassifier`.

    See Also
    --------
    skmlp.TFMLPClassifier : Trains on one machine.
    DaskTFMLPRegressor : The regressor for Dask.

    Notes
    -----
    The workers write `X` once to files in their `local_directory`, partition by partition. No
    process holds the whole of `X`. The client and every training process hold `y` and the weights.
    A partition that is in memory stays on its worker. Other partitions are spread evenly.

    The training processes talk to each other by TensorFlow's server, which has no passwords and no
    encryption.

    Examples
    --------
    .. code-block:: python

        import dask.array as da
        from dask.distributed import Client, LocalCluster
        from skmlp.dask import DaskTFMLPClassifier

        if __name__ == "__main__":  # the workers are new processes, and import this file
            with LocalCluster(n_workers=2, threads_per_worker=1) as cluster, Client(cluster):
                X = da.random.default_rng(0).random((100_000, 20), chunks=(10_000, 20))
                y = (X[:, 0] > 0.5).astype(int)
                model = DaskTFMLPClassifier(batch_size=1024, random_state=0).fit(X, y)
                print(model.score(X, y))
    """

    _plain = TFMLPClassifier
    _own_constraints: ClassVar[dict[str, list[Any]]] = {
        **TFMLPClassifier._own_constraints,
        **DaskFitMixin._own_dask_constraints,
    }

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
        client=None,
        on_worker_loss="continue",
    ):
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
            class_weight=class_weight,
            scoring=scoring,
            init=init,
            dtype=dtype,
            weight_decay=weight_decay,
            label_smoothing=label_smoothing,
            dropout=dropout,
        )
        self.client = client
        self.on_worker_loss = on_worker_loss

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train the network.

        The workers first write the samples to their disks. Then each worker starts a training
        process, which imports TensorFlow and ends with the fit.

        Parameters
        ----------
        X : dask array or DataFrame of shape (n_samples, n_features)
            Training samples, which must be numbers. The chunks may have different or unknown sizes.

        y : dask array, Series or DataFrame of shape (n_samples,) or (n_samples, n_labels)
            Class labels; or an indicator matrix for multilabel classification.

        sample_weight : dask array or Series of shape (n_samples,), default=None
            Weights of the samples, not negative and not all zero. None gives all samples the same
            weight.

        X_val : dask array or DataFrame of shape (n_val_samples, n_features), default=None
            Validation samples, scored after every epoch. If they are given, no training samples are
            held out.

        y_val : dask array, Series or DataFrame of shape (n_val_samples,), default=None
            Labels of the validation samples, or a column for each label.

        sample_weight_val : dask array or Series of shape (n_val_samples,), default=None
            Weights of the validation samples in their loss and score.

        Returns
        -------
        DaskTFMLPClassifier
            The fitted estimator.

        Raises
        ------
        TypeError
            If an array is not a Dask collection.
        ValueError
            If a parameter or an array is not as described. The estimator is then as it was before.
        OSError
            If the disk of a worker has no room for its samples.
        WorkerLostError
            If a worker was lost and ``on_worker_loss="raise"``, or if none is left.

        Warns
        -----
        ConvergenceWarning
            If training ran for `max_iter` epochs without stopping.

        See Also
        --------
        skmlp.TFMLPClassifier.fit : Trains on one machine.

        Examples
        --------
        >>> import dask.array as da
        >>> from skmlp.dask import DaskTFMLPClassifier
        >>> X = da.ones((100, 3), chunks=(50, 3))
        >>> model = DaskTFMLPClassifier().fit(X, X[:, 0])  # doctest: +SKIP
        """
        self._fit(Call(X, y, sample_weight, ValidationSet(X_val, y_val, sample_weight_val)))
        return self

    def predict(self, X):
        """Predict the classes of samples.

        Each partition is predicted on the worker that holds it.

        Parameters
        ----------
        X : {dask array, dask DataFrame, array-like} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        dask array of shape (n_samples,) or (n_samples, n_labels)
            Predictions, computed when their values are asked for. If `X` is not a Dask collection,
            an ndarray.

        See Also
        --------
        skmlp.TFMLPClassifier.predict : Predicts on one machine.

        Examples
        --------
        >>> import dask.array as da
        >>> from skmlp.dask import DaskTFMLPClassifier
        >>> X = da.ones((100, 3), chunks=(50, 3))
        >>> model = DaskTFMLPClassifier().fit(X, X[:, 0])  # doctest: +SKIP
        >>> model.predict(X).compute()  # doctest: +SKIP
        """
        return self._lazily("predict", X)

    def predict_proba(self, X):
        """Estimate the probabilities of the classes.

        Each partition is predicted on the worker that holds it.

        Parameters
        ----------
        X : {dask array, dask DataFrame, array-like} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        dask array of shape (n_samples, n_classes)
            Probabilities, computed when their values are asked for. If `X` is not a Dask
            collection, an ndarray.

        See Also
        --------
        skmlp.TFMLPClassifier.predict_proba : Predicts on one machine.

        Examples
        --------
        >>> import dask.array as da
        >>> from skmlp.dask import DaskTFMLPClassifier
        >>> X = da.ones((100, 3), chunks=(50, 3))
        >>> model = DaskTFMLPClassifier().fit(X, X[:, 0])  # doctest: +SKIP
        >>> model.predict_proba(X).compute()  # doctest: +SKIP
        """
        return self._lazily("predict_proba", X)

    def predict_log_proba(self, X):
        """Return the logarithms of `predict_proba`.

        Each partition is predicted on the worker that holds it.

        Parameters
        ----------
        X : {dask array, dask DataFrame, array-like} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        dask array of shape (n_samples, n_classes)
            Natural logarithms, computed when their values are asked for. If `X` is not a Dask
            collection, an ndarray.

        See Also
        --------
        skmlp.TFMLPClassifier.predict_log_proba : Predicts on one machine.

        Examples
        --------
        >>> import dask.array as da
        >>> from skmlp.dask import DaskTFMLPClassifier
        >>> X = da.ones((100, 3), chunks=(50, 3))
        >>> model = DaskTFMLPClassifier().fit(X, X[:, 0])  # doctest: +SKIP
        >>> model.predict_log_proba(X).compute()  # doctest: +SKIP
        """
        return self._lazily("predict_log_proba", X)

    def score(self, X, y, sample_weight=None):
        """Return the accuracy of the predictions.

        The client collects all predictions, `y` and the weights.

        Parameters
        ----------
        X : {dask array, dask DataFrame, array-like} of shape (n_samples, n_features)
            Samples.

        y : {dask array, dask Series, dask DataFrame, array-like} of shape (n_samples,)
            Labels of the samples, or a column for each label.

        sample_weight : {dask array, dask Series, array-like} of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        float
            The accuracy.

        See Also
        --------
        skmlp.TFMLPClassifier.score : Scores on one machine.

        Examples
        --------
        >>> import dask.array as da
        >>> from skmlp.dask import DaskTFMLPClassifier
        >>> X = da.ones((100, 3), chunks=(50, 3))
        >>> model = DaskTFMLPClassifier().fit(X, X[:, 0])  # doctest: +SKIP
        >>> model.score(X, X[:, 0])  # doctest: +SKIP
        """
        return self._score(X, y, sample_weight)

    def to_local(self) -> Any:
        """Return the same model as an estimator for one machine, which needs no Dask.

        The estimator can be pickled, exported and used where Dask is not installed.

        Returns
        -------
        TFMLPClassifier
            An estimator with the same parameters and fitted attributes. It predicts the same bits.

        See Also
        --------
        skmlp.TFMLPClassifier : The class of the result.

        Examples
        --------
        >>> import dask.array as da
        >>> from skmlp.dask import DaskTFMLPClassifier
        >>> X = da.ones((100, 3), chunks=(50, 3))
        >>> model = DaskTFMLPClassifier().fit(X, X[:, 0])  # doctest: +SKIP
        >>> model.to_local()  # doctest: +SKIP
        TFMLPClassifier()
        """
        return self._as_plain()
