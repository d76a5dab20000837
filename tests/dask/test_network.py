"""Training on two machines, one of which is cut off. Network namespaces act as the machines."""

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest

from skmlp import TFMLPClassifier
from skmlp.dask import DaskTFMLPClassifier
from tests.dask.test_faults import NET, At, X, Y, assert_same_numbers, chunked
from tests.helpers import fit_quietly

distributed = pytest.importorskip("distributed", reason='pip install "skmlp[dask]"')

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Batches of"),
]

NAME = f"skmlp-{os.getpid()}"
NEAR, FAR = "10.213.77.1", "10.213.77.2"
LINK = f"sk{os.getpid()}"


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@contextmanager
def another_machine():
    """Make a namespace with its own address, and a link between this namespace and the new one."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs the right to make network namespaces")
    try:
        ip("netns", "add", NAME)
    except subprocess.CalledProcessError:
        pytest.skip("needs the right to make network namespaces")
    try:
        ip("link", "add", LINK, "type", "veth", "peer", "name", f"{LINK}b", "netns", NAME)
        ip("addr", "add", f"{NEAR}/30", "dev", LINK)
        ip("link", "set", LINK, "up")
        for command in (
            ("addr", "add", f"{FAR}/30", "dev", f"{LINK}b"),
            ("link", "set", f"{LINK}b", "up"),
            ("link", "set", "lo", "up"),
        ):
            ip("-n", NAME, *command)
        yield
    finally:
        subprocess.run(["ip", "link", "delete", LINK], capture_output=True, check=False)
        ip("netns", "delete", NAME)


def start_worker(address, host, directory, *prefix):
    """Start a Dask worker that other machines reach at `host`."""
    command = [sys.executable, "-W", "ignore", "-m", "distributed.cli.dask_worker", address]
    options = ["--host", host, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    return subprocess.Popen(
        [*prefix, *command, *options, "--local-directory", str(directory)],
        stderr=subprocess.DEVNULL,
    )


def test_a_machine_that_is_cut_off_is_left_behind(tmp_path):
    """Check the numbers of a fit during which the link goes down."""
    plain = fit_quietly(TFMLPClassifier(**NET), X, Y)
    with ExitStack() as stack:
        stack.enter_context(another_machine())
        cluster = stack.enter_context(
            distributed.LocalCluster(n_workers=0, host=NEAR, dashboard_address=f"{NEAR}:0")
        )
        client = stack.enter_context(distributed.Client(cluster))
        address = cluster.scheduler_address
        for host, prefix in ((NEAR, []), (FAR, ["ip", "netns", "exec", NAME])):
            worker = start_worker(address, host, tmp_path, *prefix)
            stack.callback(worker.wait)
            stack.callback(worker.kill)
        client.wait_for_workers(2, timeout=120)
        ours = DaskTFMLPClassifier(**NET, client=client)
        ours.set_callbacks(At(3, lambda: ip("link", "set", LINK, "down")))
        fit_quietly(ours, chunked(X), chunked(Y))
        assert_same_numbers(ours, plain)
