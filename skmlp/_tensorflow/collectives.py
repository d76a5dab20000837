"""Processes that add up tensors together: forming a cluster, and the errors when it breaks.

TensorFlow's documented way, `tf.distribute.MultiWorkerMirroredStrategy`, takes 5 ms for each sum
from Python, and must exist before any operation. The private calls that it consists of don't.
Everything that makes a cluster is here; the operation which adds up is public.
"""

import importlib
import logging
from typing import Any

from skmlp._tensorflow.forks import CONTEXT

JOB = "skmlp"

_PROTOBUF = "tensorflow.core.protobuf"

_REUSE_PORT = "TF_GRPC_REUSE_PORT"
"""Lets the server listen on a port that a socket of ours holds until then."""


def settings() -> dict[str, str]:
    """Return what the environment of a process must have before TensorFlow is imported in it."""
    return {_REUSE_PORT: "1"}


def form_cluster(tensorflow: Any, addresses: list[str], rank: int) -> None:
    """Make this process a member of a cluster, and start the server that its peers talk to.

    Parameters
    ----------
    tensorflow : module
        TensorFlow, as `loading.load` returns it.
    addresses : list of str
        The host and port of every process; the first one leads.
    rank : int
        Which of them this process is.

    Raises
    ------
    RuntimeError
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
    # It warns of tensors that were made before, none of which are used afterwards.
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        context.enable_collective_ops(server)
        context.ensure_initialized()
    except tensorflow.errors.OpError as error:
        raise RuntimeError(
            f"TensorFlow's server can't listen on {addresses[rank]}, which another process may "
            f"have taken: {error.message}"
        ) from error
    finally:
        logger.setLevel(level)


def check_peer(rank: int, milliseconds: int) -> str | None:
    """Return why another process does not answer within a time, or None if it does."""
    context = importlib.import_module(CONTEXT).context()
    try:
        context.check_collective_ops_peer_health(_task(rank), timeout_in_ms=milliseconds)
    except Exception as error:  # an OpError, or what pybind makes of a status
        return str(error)
    return None


def abort(message: str) -> None:
    """Let the sums that this process waits for fail, with UnavailableError."""
    context = importlib.import_module(CONTEXT).context()
    context.abort_collective_ops(14, message)  # UNAVAILABLE


def is_loss_of_peer(tensorflow: Any, error: BaseException) -> bool:
    """Tell whether an error of an operation says that another process is gone or too late."""
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
