"""Forms a cluster of processes that add up tensors, and recognises the loss of a process.

TensorFlow documents `tf.distribute.MultiWorkerMirroredStrategy` for this purpose. The strategy
takes 5 ms for each sum from Python, and must be created before any operation runs. The private
functions that the strategy calls have neither fault. All calls of private functions for clusters
are in this module. The operation that adds up tensors is public.
"""

import importlib
import logging
from typing import Any

from skmlp._tensorflow.forks import CONTEXT

JOB = "skmlp"

_PROTOBUF = "tensorflow.core.protobuf"

_REUSE_PORT = "TF_GRPC_REUSE_PORT"
"""Environment variable: lets the server listen on a port that our socket still holds."""


class PortTakenError(RuntimeError):
    """The server can't listen on the port of this process."""


def settings() -> dict[str, str]:
    """Return the environment variables to set before a process imports TensorFlow."""
    return {_REUSE_PORT: "1"}


def form_cluster(tensorflow: Any, addresses: list[str], rank: int) -> None:
    """Make this process a member of a cluster, and start the server to which its peers talk.

    Parameters
    ----------
    tensorflow : module
        TensorFlow, as `loading.load` returns it.
    addresses : list of str
        The host and port of every process. The first process leads.
    rank : int
        Index of this process in `addresses`.

    Raises
    ------
    PortTakenError
        If the server can't listen on the port of this process.
    """
    context = importlib.import_module(CONTEXT).context()
    cluster_pb2, config_pb2, server_pb2 = (
        importlib.import_module(f"{_PROTOBUF}.{name}")
        for name in ("cluster_pb2", "config_pb2", "tensorflow_server_pb2")
    )
    job = cluster_pb2.JobDef(name=JOB, tasks=dict(enumerate(addresses)))
    config = config_pb2.ConfigProto()
    config.CopyFrom(context.config)
    config.experimental.collective_group_leader = _task(0)
    server = server_pb2.ServerDef(
        cluster=cluster_pb2.ClusterDef(job=[job]),
        job_name=JOB,
        task_index=rank,
        protocol="grpc",
        default_session_config=config,
    )
    # TensorFlow warns of tensors that exist already. None of them is used afterwards.
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        context.enable_collective_ops(server)
        context.ensure_initialized()
    except tensorflow.errors.OpError as error:
        raise PortTakenError(
            f"TensorFlow's server can't listen on {addresses[rank]}, which another process may "
            f"have taken: {error.message}"
        ) from error
    finally:
        logger.setLevel(level)


def check_peer(rank: int, milliseconds: int) -> str | None:
    """Return None if another process answers within `milliseconds`, otherwise the reason."""
    context = importlib.import_module(CONTEXT).context()
    try:
        context.check_collective_ops_peer_health(_task(rank), timeout_in_ms=milliseconds)
    except Exception as error:  # an OpError, or the exception that pybind makes of a status
        return str(error)
    return None


def abort(message: str) -> None:
    """Make the sums for which this process waits fail with UnavailableError."""
    context = importlib.import_module(CONTEXT).context()
    context.abort_collective_ops(14, message)  # UNAVAILABLE


def is_loss_of_peer(tensorflow: Any, error: BaseException) -> bool:
    """Tell whether an error of an operation means that another process is lost, or is late."""
    errors = tensorflow.errors
    return isinstance(
        error,
        errors.UnavailableError
        | errors.AbortedError
        | errors.CancelledError
        | errors.DeadlineExceededError
        | errors.FailedPreconditionError,
    ) or (isinstance(error, errors.InternalError) and "peer" in error.message.lower())


def _task(rank: int) -> str:
    return f"/job:{JOB}/replica:0/task:{rank}"
