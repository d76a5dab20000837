"""Training on a Dask cluster when workers, processes or the client are lost."""

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from skmlp import TFMLPClassifier
from skmlp.callbacks import Checkpoint, set_learning_rate
from skmlp.dask import DaskTFMLPClassifier
from skmlp.exceptions import WorkerLostError
from tests.helpers import Callback, fit_quietly, load
from tests.processes import training_processes, wait_until

distributed = pytest.importorskip("distributed", reason='pip install "skmlp[dask]"')
dask = pytest.importorskip("dask", reason='pip install "skmlp[dask]"')
da = pytest.importorskip("dask.array", reason='pip install "skmlp[dask]"')

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Batches of"),
]

X, Y = (array[:600] for array in load("digits"))
NET = {"hidden_layer_sizes": 20, "max_iter": 12, "batch_size": 60, "random_state": 0}


def chunked(array):
    return da.from_array(array, chunks=(100, *array.shape[1:]))


@pytest.fixture(scope="module")
def plain():
    """Return a fit in this process."""
    return fit_quietly(TFMLPClassifier(**NET), X, Y)


@contextmanager
def cluster_of(n_workers):
    """Start workers without automatic restart, and check that the fits leave nothing behind."""
    cluster = distributed.LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    )
    with cluster, distributed.Client(cluster) as client:
        yield client
        while FROZEN:
            with suppress(ProcessLookupError):  # Dask may have ended it
                end(FROZEN.pop(0), signal.SIGCONT)
        wait_until_nothing_is_left(client)


def wait_until_nothing_is_left(client):
    wait_until(lambda: not training_processes(), 15)
    wait_until(lambda: not any(client.run(open_files).values()), 15)


@pytest.fixture(scope="module")
def shared_workers():
    """Return the client of two workers, for tests that leave the workers unharmed."""
    with cluster_of(2) as client:
        yield client


@pytest.fixture
def client(shared_workers):
    """Return the same client, and check that the fits of a test leave nothing behind."""
    yield shared_workers
    wait_until_nothing_is_left(shared_workers)


def open_files():
    """Return a worker's open files and sockets that belong to fits; runs in the worker."""
    from skmlp.dask._worker import _Spools

    return [*_Spools.files, *_Spools.ports]


class At(Callback):
    """Calls a function once, at the end of an epoch."""

    def __init__(self, epoch, function):
        self.epoch, self.function = epoch, function
        self.n_ended = 0

    def on_fit_task_end(self, estimator, context):
        if context.parent is not None:
            self.n_ended += 1
            if self.n_ended == self.epoch:
                self.function()


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def leader(client):
    """Return the process id of the leading training process, which has the first partition."""
    pids = client.run(os.getpid)
    first = pids[sorted(pids)[0]]
    return next(pid for pid in training_processes() if parent_of(pid) == first)


def follower(client):
    return next(pid for pid in training_processes() if pid != leader(client))


def end(pid, sign=signal.SIGKILL):
    os.kill(pid, sign)


def freeze_machine(pid):
    """Freeze a training process and its worker, as if their machine were cut off the network."""
    end(parent_of(pid), signal.SIGSTOP)
    end(pid, signal.SIGSTOP)
    FROZEN.extend([parent_of(pid), pid])


FROZEN = []


FAULTS = {
    "a training process is killed": lambda client: end(follower(client)),
    "the leading process is killed": lambda client: end(leader(client)),
    "a training process is frozen": lambda client: end(follower(client), signal.SIGSTOP),
    "a machine is cut off": lambda client: freeze_machine(follower(client)),
    "a worker is killed": lambda client: end(parent_of(follower(client))),
    "the worker of the leading process is killed": lambda client: end(parent_of(leader(client))),
}


def assert_same_numbers(ours, plain):
    """Check weights and curves against those of an undisturbed fit."""
    for actual, expected in zip(ours.coefs_, plain.coefs_, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(ours.loss_curve_, plain.loss_curve_, rtol=0, atol=1e-10)


@pytest.mark.parametrize("fault", FAULTS)
def test_training_goes_on_without_what_was_lost(fault, plain):
    """Check that the numbers equal those of an undisturbed fit."""
    with cluster_of(3) as client:
        ours = DaskTFMLPClassifier(**NET, client=client)
        ours.set_callbacks(At(3, lambda: FAULTS[fault](client)))
        fit_quietly(ours, chunked(X), chunked(Y))
        assert_same_numbers(ours, plain)


def test_a_loss_can_be_an_error(client):
    """Check that the error names the lost worker, and that the estimator is as before."""
    ours = DaskTFMLPClassifier(**NET, client=client, on_worker_loss="raise")
    ours.set_callbacks(At(2, lambda: end(follower(client))))
    lost = sorted(client.nthreads())[1]
    with pytest.raises(WorkerLostError, match="killed by SIGKILL") as info:
        ours.fit(chunked(X), chunked(Y))
    assert info.value.workers == [lost]
    assert not hasattr(ours, "coefs_")


def test_a_process_that_does_not_come_is_left_behind(plain, client):
    """Check a process that is frozen before it has imported anything."""

    def freeze_first():
        wait_until(training_processes, 60)
        end(training_processes()[0], signal.SIGSTOP)

    thread = threading.Thread(target=freeze_first)
    thread.start()
    ours = fit_quietly(DaskTFMLPClassifier(**NET, client=client), chunked(X), chunked(Y))
    thread.join()
    assert_same_numbers(ours, plain)


def test_a_worker_that_joins_takes_no_part(plain):
    """Check the numbers of a fit during which the cluster grows."""
    with cluster_of(2) as client:

        def grow():
            client.cluster.scale(3)
            client.wait_for_workers(3, timeout=60)

        ours = DaskTFMLPClassifier(**NET, client=client).set_callbacks(At(2, grow))
        fit_quietly(ours, chunked(X), chunked(Y))
        assert_same_numbers(ours, plain)


CLIENT = """
import signal
import sys
import dask.array as da
import numpy as np
from distributed import Client
from skmlp.dask import DaskTFMLPClassifier
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job lacks the handler
client = Client(sys.argv[1])
X = da.from_array(np.random.RandomState(0).rand(600, 4), chunks=(100, 4))
net = DaskTFMLPClassifier(max_iter=100_000, tol=0, n_iter_no_change=100_000)
try:
    net.fit(X, (X[:, 0] > 0.5) * 1)
except KeyboardInterrupt:
    print("interrupted", hasattr(net, "coefs_"))
"""


@pytest.mark.parametrize(
    ("sign", "code", "says"),
    [(signal.SIGINT, 0, "interrupted False\n"), (signal.SIGKILL, -signal.SIGKILL, "")],
    ids=["Ctrl-C", "killed"],
)
def test_workers_end_a_fit_whose_client_wants_no_more(sign, code, says, client):
    """Interrupt the client in the middle of a long fit; check that its estimator is as before."""
    address = client.scheduler.address
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", CLIENT, address],
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: len(training_processes()) == 2, 120)
    time.sleep(1)
    process.send_signal(sign)
    said, _ = process.communicate(timeout=15)
    assert (process.returncode, said) == (code, says)


def take_ports(n_times):
    """Make this worker reserve a port that another program listens on, in its next calls."""
    import socket

    from skmlp.dask import _worker

    reserve_port, holder = _worker.reserve_port, socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.listen()
    given = _worker.taken_ports = []  # keeps the socket open

    def reserve_taken_port(fit, address):
        given.append(holder)
        if len(given) == n_times:
            _worker.reserve_port = reserve_port
        reserve_port(fit, address)
        return f"127.0.0.1:{holder.getsockname()[1]}"

    _worker.reserve_port = reserve_taken_port


def count_taken_ports():
    """Return how many ports were given that another program has taken; runs in the worker."""
    from skmlp.dask import _worker

    return len(_worker.taken_ports)


def test_a_port_that_is_taken_is_not_tried_again(plain):
    """Check the numbers of a fit for which the first port of one worker was taken."""
    with cluster_of(2) as client:
        worker = sorted(client.nthreads())[:1]
        client.run(take_ports, 1, workers=worker)
        ours = fit_quietly(DaskTFMLPClassifier(**NET, client=client), chunked(X), chunked(Y))
        assert_same_numbers(ours, plain)
        assert list(client.run(count_taken_ports, workers=worker).values()) == [1]


def test_two_ports_that_are_taken_are_an_error():
    """Check that the error names the worker and the port."""
    with cluster_of(2) as client:
        worker = sorted(client.nthreads())[0]
        client.run(take_ports, 2, workers=[worker])
        ours = DaskTFMLPClassifier(**NET, client=client)
        with pytest.raises(RuntimeError, match=f"{worker}.*can't listen on 127.0.0.1:"):
            ours.fit(chunked(X), chunked(Y))


def hold_still(block, path):
    """Return a block, and freeze the worker that computes it, the first time."""
    if not path.exists():
        path.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGSTOP)
    return block


def last_block_freezes(path):
    """Return the samples, of which the last block freezes its worker."""
    last = da.map_blocks(hold_still, chunked(X)[500:], path, meta=X[:0])
    return da.concatenate([chunked(X)[:500], last])


def common_task_freezes(path):
    """Return the samples, of which all blocks need the result of a task that freezes a worker."""
    whole = dask.delayed(hold_still)(X, path)
    return da.from_delayed(whole, X.shape, X.dtype).rechunk((100, X.shape[1]))


@pytest.mark.parametrize("on_worker_loss", ["continue", "raise"])
@pytest.mark.parametrize("samples", [last_block_freezes, common_task_freezes])
def test_a_worker_that_freezes_while_samples_are_written(samples, on_worker_loss, plain, tmp_path):
    """Check that another worker writes the samples, or that the error names the lost worker."""
    path = tmp_path / "frozen"
    with cluster_of(2) as client:
        pids = client.run(os.getpid)
        ours = DaskTFMLPClassifier(**NET, client=client, on_worker_loss=on_worker_loss)
        start = time.monotonic()
        try:
            if on_worker_loss == "continue":
                fit_quietly(ours, samples(path), chunked(Y))
                assert_same_numbers(ours, plain)
            else:
                with pytest.raises(WorkerLostError, match="samples were written") as info:
                    ours.fit(samples(path), chunked(Y))
                assert time.monotonic() - start < 15
                assert [str(pids[worker]) for worker in info.value.workers] == [path.read_text()]
        finally:
            FROZEN.append(int(path.read_text()))


def test_two_fits_at_once(plain, client):
    """Check the numbers of two fits on the same workers, of one thread each."""
    fits = [DaskTFMLPClassifier(**NET, client=client) for _ in range(2)]
    threads = [threading.Thread(target=each.fit, args=(chunked(X), chunked(Y))) for each in fits]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for each in fits:
        assert_same_numbers(each, plain)


def count_resources():
    return len(os.listdir("/proc/self/fd")), threading.active_count()


def test_fits_in_a_row_leave_nothing(client):
    """Check that the numbers of files, sockets and threads do not grow with each fit."""
    net = {"hidden_layer_sizes": 2, "max_iter": 1, "random_state": 0}
    arrays = chunked(X[:, 20:24]), chunked(Y)
    fit_quietly(DaskTFMLPClassifier(**net, client=client), *arrays)
    wait_until(lambda: not any(client.run(open_files).values()), 15)
    before = client.run(count_resources)
    for _ in range(6):
        fit_quietly(DaskTFMLPClassifier(**net, client=client), *arrays)
    wait_until(lambda: not any(client.run(open_files).values()), 15)
    for worker, (n_files, n_threads) in client.run(count_resources).items():
        assert n_files <= before[worker][0] + 3
        assert n_threads <= before[worker][1] + 3


def test_a_checkpoint_outlives_the_cluster(tmp_path, plain):
    """Check that new workers resume a fit, with the bits of an uninterrupted fit."""
    path = tmp_path / "checkpoint.joblib"
    with cluster_of(2) as client:
        whole = fit_quietly(DaskTFMLPClassifier(**NET, client=client), chunked(X), chunked(Y))
        cut = DaskTFMLPClassifier(**NET | {"max_iter": 5}, client=client)
        cut.set_callbacks(Checkpoint(path))
        fit_quietly(cut, chunked(X), chunked(Y))
    with cluster_of(2) as client:
        resumed = DaskTFMLPClassifier(**NET, client=client)
        resumed.set_callbacks(Checkpoint(path, resume=True))
        fit_quietly(resumed, chunked(X), chunked(Y))
        cut_otherwise = DaskTFMLPClassifier(**NET, client=client)
        cut_otherwise.set_callbacks(Checkpoint(path, resume=True))
        fit_quietly(cut_otherwise, chunked(X).rechunk((250, 64)), chunked(Y))
        other = DaskTFMLPClassifier(**NET, client=client)
        other.set_callbacks(Checkpoint(path, resume=True))
        with pytest.raises(ValueError, match="got others for: X"):
            other.fit(chunked(X[::-1]), chunked(Y))
    assert resumed.n_iter_ == whole.n_iter_
    for actual, expected in zip(resumed.coefs_, whole.coefs_, strict=True):
        np.testing.assert_array_equal(actual, expected)
    assert resumed.loss_curve_ == whole.loss_curve_
    assert_same_numbers(resumed, plain)
    assert_same_numbers(cut_otherwise, plain)


def test_progress_is_printed_at_the_client(capsys, client):
    """Check the printed lines against those of a fit in this process."""
    params = NET | {"verbose": 1, "max_iter": 3}
    fit_quietly(TFMLPClassifier(**params), X, Y)
    expected = capsys.readouterr().out
    fit_quietly(DaskTFMLPClassifier(**params, client=client), chunked(X), chunked(Y))
    assert capsys.readouterr().out == expected


def test_a_callback_changes_the_rate_and_ends_the_fit(client):
    """Check the losses and the epochs against those of a fit in this process."""

    class Slower(Callback):
        def __init__(self):
            self.n_ended = 0

        def on_fit_task_begin(self, estimator, context):
            if context.parent is not None and self.n_ended == 2:
                set_learning_rate(context, 1e-4)

        def on_fit_task_end(self, estimator, context):
            if context.parent is not None:
                self.n_ended += 1
                return self.n_ended == 5
            return False

    plain = fit_quietly(TFMLPClassifier(**NET).set_callbacks(Slower()), X, Y)
    ours = DaskTFMLPClassifier(**NET, client=client).set_callbacks(Slower())
    fit_quietly(ours, chunked(X), chunked(Y))
    assert ours.n_iter_ == plain.n_iter_ == 5
    assert_same_numbers(ours, plain)


def test_samples_of_four_times_the_memory_of_a_worker():
    """Check a fit on 1.2 GB of samples, on workers with a memory limit of 300 MB each."""
    cluster = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        memory_limit="300MB",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    )
    with cluster, distributed.Client(cluster) as client:
        pids = client.run(os.getpid)
        generator = da.random.RandomState(0)
        lazy = generator.uniform(size=(600_000, 500), chunks=(4_000, 500)).astype(np.float32)
        net = DaskTFMLPClassifier(4, batch_size=8192, max_iter=1, random_state=0, client=client)
        fit_quietly(net, lazy, (lazy[:, 0] > 0.5).astype(int))
        assert net.t_ == 600_000
        assert client.run(os.getpid) == pids  # no worker was ended for lack of memory
