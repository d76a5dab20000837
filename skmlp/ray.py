"""Trains one network on all workers of a Ray cluster together."""

import pickle
import tempfile
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np

from skmlp._cluster.job import Extent, Job
from skmlp._cluster.parts import Record, Records, SpoolOrder, write_part
from skmlp._cluster.ports import hold_port
from skmlp._cluster.process import ProcessLostError, TrainingProcess
from skmlp._cluster.processor import describe_processor
from skmlp._cluster.spool import Spool, SpoolFile
from skmlp._data.checks import ValidationSet, training_dtype, unchanged_on_error
from skmlp._estimators.base import Call
from skmlp._estimators.classifier import TFMLPClassifier
from skmlp._estimators.elsewhere import ElsewhereMixin, as_spooled
from skmlp._estimators.regressor import TFMLPRegressor
from skmlp._extras import import_extra
from skmlp._sklearn import callbacks_of
from skmlp.exceptions import WorkerLostError

__all__ = ["fit"]


class _Classifier(ElsewhereMixin, TFMLPClassifier):
    """Plans the fit of a classifier."""


class _Regressor(ElsewhereMixin, TFMLPRegressor):
    """Plans the fit of a regressor."""


_SECONDS_FOR_OTHERS = 8.0
"""How long to wait for the other workers after one has failed: another one may be the cause."""

_PLANNERS: dict[type, type] = {TFMLPClassifier: _Classifier, TFMLPRegressor: _Regressor}


def fit(
    estimator: Any,
    X: Sequence[Any],
    y: Sequence[Any],
    sample_weight: Sequence[Any] | None = None,
    *,
    n_workers: int,
    num_cpus: int = 1,
    X_val: Sequence[Any] | None = None,
    y_val: Sequence[Any] | None = None,
    sample_weight_val: Sequence[Any] | None = None,
    directory: str | None = None,
) -> Any:
    """Fit an estimator to samples on a Ray cluster, whose workers train one network together.

    The fitted numbers equal those of ``estimator.fit`` on the same samples in the same order, up to
    rounding. The number of workers and the number of partitions do not matter.

    Parameters
    ----------
    estimator : TFMLPClassifier or TFMLPRegressor
        The estimator to fit. `solver` must be 'adam' or 'sgd', and `scoring` must be None or
        'loss'. The estimator must have no callbacks.

    X : sequence of array-likes or references
        The features, partition by partition. A partition is an array of shape
        (n_rows, n_features), or a reference to an array, which `ray.put` or a task returns. The
        samples have the order of the partitions.

    y : sequence of array-likes or references
        The targets, in the same partitions.

    sample_weight : sequence of array-likes or references, default=None
        The weights, in the same partitions.

    n_workers : int
        Number of workers. Ray spreads them over its machines.

    num_cpus : int, default=1
        Number of CPUs that each worker takes, and of threads that it computes with.

    X_val, y_val, sample_weight_val : sequences of array-likes or references, default=None
        Validation samples, as for ``estimator.fit``.

    directory : str, default=None
        A directory that exists on each machine. A worker writes its share of `X` to files in this
        directory. None takes the directory for temporary files.

    Returns
    -------
    TFMLPClassifier or TFMLPRegressor
        The estimator itself, fitted.

    Raises
    ------
    TypeError
        If `estimator` is of another class, even of a subclass.
    ValueError
        If a parameter or an array is not as described. The estimator is then as it was before.
    WorkerLostError
        If a worker or its training process is lost. Training does not go on without the worker.

    See Also
    --------
    skmlp.dask.DaskTFMLPClassifier : Trains on Dask, and goes on when a worker is lost.

    Notes
    -----
    Each partition is checked and written once to a file on the disk of a worker. The training
    processes talk to each other by TensorFlow's server, which has no passwords and no encryption.

    Examples
    --------
    .. code-block:: python

        import numpy as np
        import ray
        import skmlp.ray
        from skmlp import TFMLPClassifier

        ray.init(num_cpus=2)
        X = np.random.default_rng(0).random((100_000, 20))
        y = (X[:, 0] > 0.5).astype(int)
        parts = [[ray.put(part) for part in np.array_split(each, 10)] for each in (X, y)]
        model = TFMLPClassifier(batch_size=8192, random_state=0)
        skmlp.ray.fit(model, *parts, n_workers=2)
        print(model.score(X, y))
        ray.shutdown()
    """
    from skmlp._training.attributes import fitted_attributes
    from skmlp._training.fit import warn_of_clipping

    ray = import_extra("ray", "ray", "skmlp.ray")
    planner = _planner_of(estimator)
    call = Call(X, y, sample_weight, ValidationSet(X_val, y_val, sample_weight_val))
    call.validation.check_complete()
    planner._check_what_is_served(call)
    actors = _start_actors(ray, n_workers, num_cpus, directory)
    try:
        with unchanged_on_error(planner):
            blocks = _spool(ray, planner, actors, call)
            plan = planner._make_plan(as_spooled(call, blocks), None)
            warn_of_clipping(plan)
            trained, random_state = _train(ray, actors, plan, [known for _, known in blocks])
            planner._publish(fitted_attributes(plan, trained))
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    finally:
        for actor in actors.values():
            ray.kill(actor)
    if isinstance(estimator.random_state, np.random.RandomState):
        estimator.random_state.set_state(random_state)
    params = estimator.get_params(deep=False)
    vars(estimator).update({n: each for n, each in vars(planner).items() if n not in params})
    if trained.warn is not None:
        trained.warn()
    return estimator


def _planner_of(estimator: Any) -> Any:
    """Return an estimator that plans the fit, with the same parameters and attributes."""
    kind = next((each for each in _PLANNERS if type(estimator) is each), None)
    if kind is None:
        raise TypeError(
            f"estimator must be a TFMLPClassifier or a TFMLPRegressor, got "
            f"{type(estimator).__name__}."
        )
    if callbacks_of(estimator):
        raise ValueError("estimator has callbacks, expected none. skmlp.dask calls callbacks.")
    planner = _PLANNERS[kind]()
    vars(planner).update(vars(estimator))
    return planner


def _start_actors(ray: Any, n_workers: int, num_cpus: int, directory: str | None) -> dict[str, Any]:
    """Start the workers, and return a dict of the workers by their names."""
    start = ray.remote(num_cpus=num_cpus, scheduling_strategy="SPREAD")(_Worker).remote
    actors = [start(num_cpus, directory) for _ in range(n_workers)]
    addresses = ray.get([actor.address.remote() for actor in actors])
    return {
        f"{at} ({i})": actor for i, (at, actor) in enumerate(zip(addresses, actors, strict=True))
    }


def _spool(
    ray: Any, planner: Any, actors: dict[str, Any], call: Call
) -> list[tuple[np.ndarray, Records]]:
    """Write the samples to files. Return a made-up sample and the records of each set."""
    validation, fit = call.validation, uuid.uuid4().hex
    given = [(call.X, call.y, call.sample_weight)]
    if validation.X is not None:
        given.append((validation.X, validation.y, validation.sample_weight))
    dtype, blocks, names = None, [], list(actors)
    for number, columns in enumerate(given):
        suffix = "_val" if number else ""
        parts = _parts(columns, suffix)
        n_features, kind = ray.get(actors[names[0]].describe.remote(f"X{suffix}", parts[0][0]))
        example = np.zeros((1, n_features), kind)
        if dtype is None:
            dtype = training_dtype(example, planner._accepted_dtype())
        order = SpoolOrder(fit, number, dtype, None, False)
        by_worker: dict[str, list[int]] = {}
        for i in range(len(parts)):
            by_worker.setdefault(names[i * len(names) // len(parts)], []).append(i)
        tasks = {
            name: [actors[name].spool.remote(order, i, name, *parts[i]) for i in own]
            for name, own in by_worker.items()
        }
        records = [record for own in _get(ray, tasks).values() for record in own]
        known = Records(records, order)
        known.check()
        blocks.append((example, known))
    return blocks


def _parts(columns: tuple[Any, ...], suffix: str) -> list[tuple[Any, Any, Any]]:
    """Return the arrays of each partition. The weights may be None."""
    names = [f"{name}{suffix}" for name in ("X", "y", "sample_weight")]
    n_parts = len(columns[0])
    for name, column in zip(names, columns, strict=True):
        if column is not None and (not n_parts or len(column) != n_parts):
            raise ValueError(
                f"{name} has {len(column)} partitions, expected {max(1, n_parts)} as in {names[0]}."
            )
    X, y, weight = columns
    return list(zip(X, y, [None] * n_parts if weight is None else weight, strict=True))


def _train(ray: Any, actors: dict[str, Any], plan: Any, blocks: list[Records]) -> tuple[Any, Any]:
    """Train on the workers that have samples; return the result and the random numbers' state."""
    names = list(dict.fromkeys(name for known in blocks for name in known.workers))
    addresses = _get(ray, {name: actors[name].reserve_port.remote() for name in names})
    content = ray.put(pickle.dumps((plan, None)))
    dtype = blocks[0].order.dtype
    left = {}
    for rank, name in enumerate(names):
        shares = [(known.n_features, known.extents(name)) for known in blocks]
        task = actors[name].train.remote(list(addresses.values()), rank, dtype, shares, content)
        left[task] = name
    outcomes: dict[str, tuple[Any, ...]] = {}
    patience = None  # no limit until a worker has failed
    while left:
        done, _ = ray.wait(list(left), num_returns=1, timeout=patience)
        if not done:
            break
        name = left.pop(done[0])
        try:
            outcomes[name] = ray.get(done[0])
        except ray.exceptions.RayActorError as error:
            outcomes[name] = "died", f"the worker has ended: {error}"
        if outcomes[name][0] != "done":
            patience = _SECONDS_FOR_OTHERS
    return _result_of(outcomes, list(left.values()))


def _result_of(outcomes: dict[str, tuple[Any, ...]], silent: list[str]) -> tuple[Any, Any]:
    """Return the result of the leading process, or raise an error that says why there is none."""
    for kind, *values in outcomes.values():
        if kind == "error":
            raise values[0]
    if {outcome[0] for outcome in outcomes.values()} == {"done"}:
        _, trained, random_state = next(each for each in outcomes.values() if each[1] is not None)
        return trained, random_state
    lost = {name: values[-1] for name, (kind, *values) in outcomes.items() if kind == "died"}
    lost = lost or dict.fromkeys(silent, "the worker has not answered")
    lost = lost or {name: values[-1] for name, (kind, *values) in outcomes.items()}
    described = "; ".join(f"{name}: {reason}" for name, reason in lost.items())
    raise WorkerLostError(f"Training has lost workers: {described}", list(lost))


def _get(ray: Any, tasks: dict[str, Any]) -> dict[str, Any]:
    """Return the result of each worker's task."""
    values = {}
    for name, task in tasks.items():
        try:
            values[name] = ray.get(task)
        except ray.exceptions.RayActorError as error:
            raise WorkerLostError(f"A worker was lost: {name}: {error}", [name]) from error
    return values


class _Worker:
    """The actor of a worker: holds a share of the samples, and starts a training process.

    Parameters
    ----------
    n_threads : int
        Number of threads that the training process computes with.
    directory : str or None
        The directory for files. None takes the directory for temporary files.
    """

    def __init__(self, n_threads: int, directory: str | None):
        self._n_threads = n_threads
        self._directory = directory
        self._spools: dict[int, Spool] = {}
        self._holder: Any = None

    def address(self) -> str:
        """Return the address of this machine."""
        return str(import_extra("ray", "ray", "skmlp.ray").util.get_node_ip_address())

    def describe(self, name: str, X: Any) -> tuple[int, np.dtype]:
        """Return the number of features and the type of the features; errors have the name of X."""
        X = np.asarray(X)
        if X.ndim != 2:
            raise ValueError(f"{name} has {X.ndim} dimensions, expected 2: samples and features.")
        return X.shape[1], X.dtype

    def spool(self, order: SpoolOrder, part: int, name: str, X: Any, y: Any, weight: Any) -> Record:
        """Write a part of the samples to a file, and return the record of the part."""

        def get_spool() -> Spool:
            if order.block not in self._spools:
                self._spools[order.block] = Spool(self._directory or tempfile.gettempdir())
            return self._spools[order.block]

        return write_part(get_spool, order, part, name, X, y, weight)

    def reserve_port(self) -> str:
        """Reserve a port; return the address at which the training process is to listen."""
        self._holder, address = hold_port(self.address())
        return address

    def train(
        self,
        addresses: list[str],
        rank: int,
        dtype: np.dtype,
        shares: list[tuple[int, list[Extent]]],
        content: bytes,
    ) -> tuple[Any, ...]:
        """Train together with the other workers, and return the outcome of the training process."""
        files = [self._file(block, dtype, n) for block, (n, _) in enumerate(shares)]
        extents = [each for _, each in shares]
        job = Job(None, addresses, rank, files, extents, processor=describe_processor())
        process = TrainingProcess(self._n_threads, [f.descriptor for f in files if f.n_rows])
        try:
            process.send(job)
            process.send(content)
            return _outcome_of(process)
        except ProcessLostError as error:
            return "died", str(error)
        finally:
            process.end()
            self._holder.close()

    def _file(self, block: int, dtype: np.dtype, n_features: int) -> SpoolFile:
        if block not in self._spools:
            return SpoolFile(-1, dtype, 0, n_features)
        return self._spools[block].file()


def _outcome_of(process: TrainingProcess) -> tuple[Any, ...]:
    """Wait for the outcome of a training process. Print its lines: Ray shows them at the driver."""
    while True:
        message = process.receive(1.0)
        if message is None or message[0] == "met":
            continue
        if message[0] != "line":
            return message
        print(message[1], flush=True)
