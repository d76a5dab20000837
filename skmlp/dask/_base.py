"""The fit, the predictions and the pickles that both estimators for Dask share."""

import copy
import uuid
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmlp._cluster.parts import SpoolOrder
from skmlp._data.checks import (
    training_dtype,
    unchanged_on_error,
)
from skmlp._estimators.base import Call
from skmlp._estimators.elsewhere import ElsewhereMixin, as_spooled
from skmlp._extras import import_extra
from skmlp._sklearn import StrOptions
from skmlp._warn import warn_user
from skmlp.dask._attempts import Attempts
from skmlp.dask._collections import collect_parts, is_collection
from skmlp.dask._predicting import lazily, score_of
from skmlp.dask._pulse import Pulse
from skmlp.dask._spooling import SpooledBlock

_OWN_PARAMETERS = ("client", "on_worker_loss")


class DaskFitMixin(ElsewhereMixin):
    """Trains on a Dask cluster. A subclass names this base before the plain estimator."""

    client: Any
    on_worker_loss: str

    _own_dask_constraints: ClassVar[dict[str, list[Any]]] = {
        "client": [object],
        "on_worker_loss": [StrOptions({"continue", "raise"})],
    }
    _plain: ClassVar[type]

    @property
    def client_(self) -> Any:
        """The client of the cluster.

        This is the parameter `client`. If the parameter is None, this is the client that was
        created last.

        Returns
        -------
        distributed.Client
            The client.

        See Also
        --------
        DaskTFMLPClassifier.to_local : Returns an estimator that needs no client.

        Examples
        --------
        >>> from skmlp.dask import DaskTFMLPClassifier
        >>> DaskTFMLPClassifier().client_  # doctest: +SKIP
        <Client: 'tcp://127.0.0.1:8786' processes=2 threads=2, memory=8.00 GiB>
        """
        if self.client is not None:
            return self.client
        distributed = import_extra("distributed", "dask", "skmlp.dask")
        try:
            return distributed.get_client()
        except ValueError as error:
            raise ValueError(
                "client is None, and there is no client of a Dask cluster. Expected the parameter "
                "client, or a dask.distributed.Client that was created before."
            ) from error

    def _as_plain(self) -> Any:
        """Return a plain estimator, for one machine, with the same parameters and attributes."""
        params = self.get_params(deep=False)
        own = {name: value for name, value in params.items() if name not in _OWN_PARAMETERS}
        local = self._plain(**own)
        for name, value in vars(copy.copy(self)).items():
            if name not in params:
                setattr(local, name, value)
        return local

    def _fit(self, call: Call) -> None:
        """Spool, validate, initialise, train and publish. An error changes nothing."""
        from skmlp._estimators.fit_callbacks import set_up_callbacks
        from skmlp._training.attributes import fitted_attributes
        from skmlp._training.fit import warn_of_clipping

        self._check_what_is_served(call)
        client = self.client_
        callbacks = set_up_callbacks(self, call.X, call.y, call.sample_weight)
        with unchanged_on_error(self):
            if callbacks is not None:
                callbacks.begin_fit()
            fit = uuid.uuid4().hex
            pulse, keeps_state = Pulse(client), callbacks is not None and callbacks.keeps_state
            blocks = self._spool(client, pulse, fit, call, keeps_state)
            try:
                known = [(block.parts.example, block.known) for block in blocks]
                plan = self._make_plan(as_spooled(call, known), callbacks)
                warn_of_clipping(plan)
                _warn_of_small_batches(plan, blocks[0].known.workers, client.nthreads())
                goes_on = self.on_worker_loss == "continue"
                attempts = Attempts(client, fit, blocks, pulse, goes_on)
                trained, random_state = self._train(attempts, plan, callbacks)
            finally:
                for block in blocks:
                    block.release()
            if isinstance(self.random_state, np.random.RandomState):
                self.random_state.set_state(random_state)
            self._publish(fitted_attributes(plan, trained))
            if callbacks is not None:
                callbacks.end_fit()
        if trained.warn is not None:
            trained.warn()

    def _train(self, attempts: Attempts, plan: Any, callbacks: Any) -> tuple[Any, Any]:
        from skmlp.dask._telling import make_listener

        listener, state = make_listener(plan, callbacks)
        attempts = replace(
            attempts,
            listener=listener,
            is_told=callbacks is not None,
        )
        return attempts.run(plan, state)

    def _spool(
        self, client: Any, pulse: Pulse, fit: str, call: Call, is_checked: bool
    ) -> list[SpooledBlock]:
        """Write the samples to files on the workers."""
        given = [("", (call.X, call.y, call.sample_weight))]
        if call.validation.X is not None:
            validation = call.validation
            given.append(("_val", (validation.X, validation.y, validation.sample_weight)))
        dtype, blocks = None, []
        goes_on = self.on_worker_loss == "continue"
        for number, (suffix, arrays) in enumerate(given):
            parts = collect_parts(client, *arrays, suffix)
            if dtype is None:
                dtype = training_dtype(parts, self._accepted_dtype())
            n_bytes = None
            if parts.n_rows is not None:
                n_bytes = parts.n_rows * parts.example.shape[1] * dtype.itemsize
                n_bytes //= max(1, len(client.nthreads()))
            order = SpoolOrder(fit, number, dtype, n_bytes, is_checked)
            blocks.append(SpooledBlock(client, parts, order, pulse, goes_on))
        try:
            for block in blocks:
                block.spool()
        except BaseException:
            for block in blocks:
                block.release()
            raise
        return blocks

    def _make_plan(self, call: Call, callbacks: Any) -> Any:
        plan = super()._make_plan(call, callbacks)
        before = {name: value for name, value in plan.before.items() if name != "client"}
        return replace(plan, before=before)

    def _identity(self) -> dict[str, Any]:
        identity = super()._identity()
        return {name: each for name, each in identity.items() if name not in _OWN_PARAMETERS}

    def _can_go_on(self) -> bool:
        raise AttributeError(
            f"{type(self).__name__} has no partial_fit. to_local() returns an estimator that has "
            "partial_fit."
        )

    def _lazily(self, method: str, X: Any) -> Any:
        """Return the result of a method of the plain estimator. It is lazy if X is a collection."""
        check_is_fitted(self)
        local = self._as_plain()
        return lazily(local, method, X) if is_collection(X) else getattr(local, method)(X)

    def _score(self, X: Any, y: Any, sample_weight: Any) -> float:
        check_is_fitted(self)
        local = self._as_plain()
        if not is_collection(X):
            return local.score(X, y, sample_weight)
        return score_of(local, X, y, sample_weight)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "client": None}

    def __sklearn_clone__(self) -> Any:
        bare = copy.copy(self)  # leaves out the client, which can't be copied
        cloned = super(DaskFitMixin, bare).__sklearn_clone__()
        cloned.client = self.client
        return cloned

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[no-untyped-call]
        tags.input_tags.sparse = False
        return tags


def _warn_of_small_batches(plan: Any, workers: list[str], n_threads: dict[str, int]) -> None:
    """Warn if a step is likely to take longer on all workers than on one worker alone."""
    from skmlp._cluster.cost import least_batch_that_pays, seconds_a_step

    n_cores = min(n_threads.get(worker, 1) for worker in workers)
    network = plan.architecture, plan.samples.dtype.itemsize
    together, alone = (
        1e3 * seconds_a_step(network[0], plan.batch_size, network[1], n_workers, n_cores)
        for n_workers in (len(workers), 1)
    )
    if together > alone:
        least = least_batch_that_pays(*network, len(workers), n_cores)
        warn_user(
            f"Batches of {plan.batch_size} samples are small for {len(workers)} workers: a step is "
            f"estimated to take {together:.1f} ms, and {alone:.1f} ms on one worker alone. Several "
            f"workers pay from a batch_size of about {least}, or if the samples do not fit one "
            "machine."
        )
