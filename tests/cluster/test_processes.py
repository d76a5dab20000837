"""Training processes without Dask: a process receives a job, and sends weights."""

import itertools
import os
import socket
from dataclasses import replace

import numpy as np
import pytest

from skmlp import TFMLPClassifier
from skmlp._cluster import session
from skmlp._cluster.job import Extent, Job
from skmlp._cluster.process import ProcessLostError, TrainingProcess
from skmlp._cluster.spool import Spool
from skmlp._data.elsewhere import FeaturesElsewhere
from skmlp._estimators.base import Call
from skmlp._tensorflow.loading import eagerly
from skmlp._tensorflow.loading import load as load_tensorflow
from skmlp._training.together import train_together
from tests.helpers import fit_quietly, load

pytestmark = pytest.mark.slow

X, Y = (array[:300] for array in load("digits"))
NET = {"hidden_layer_sizes": 20, "max_iter": 3, "batch_size": 50, "random_state": 0}


def reserve_ports(n_ports):
    """Return sockets that hold ports, and their addresses."""
    holders = []
    for _ in range(n_ports):
        holder = socket.socket()
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        holders.append(holder)
    return holders, [f"127.0.0.1:{holder.getsockname()[1]}" for holder in holders]


def make_jobs(addresses, directory, **params):
    """Return a plan whose rows are dealt out to processes, and the job of each process."""
    plan = TFMLPClassifier(**NET, **params)._make_plan(Call(X, Y, None), None)
    features = FeaturesElsewhere(X.shape, X.dtype)
    plan = replace(plan, samples=replace(plan.samples, X=[features]))
    bounds = np.linspace(0, len(X), len(addresses) + 1).astype(int)
    spools, jobs = [], []
    for rank, (start, stop) in enumerate(itertools.pairwise(bounds)):
        spools.append(Spool(str(directory)))
        spools[-1].append(X[start:stop])
        extents = [[Extent(int(start), 0, int(stop - start))]]
        jobs.append(Job(plan, addresses, rank, [spools[-1].file()], extents))
    return spools, jobs


def outcome_of(process):
    """Return the last message of a process."""
    message = None
    while message is None or message[0] in ("line", "met"):
        message = process.receive(1)
    return message


def test_processors_that_round_differently(tmp_path):
    """Check processors of two kinds: all processes take the leader's weights each epoch."""
    holders, addresses = reserve_ports(2)
    spools, jobs = make_jobs(addresses, tmp_path)
    processes = [TrainingProcess(1, [job.files[0].descriptor]) for job in jobs]
    try:
        for kind, process, job in zip(("old", "new"), processes, jobs, strict=True):
            process.send(replace(job, processor=kind))
        outcomes = [outcome_of(process) for process in processes]
    finally:
        for each in processes:
            each.end()
        for each in [*holders, *spools]:
            each.close()
    assert [outcome[0] for outcome in outcomes] == ["done", "done"], outcomes
    plain = fit_quietly(TFMLPClassifier(**NET), X, Y)
    for actual, expected in zip(outcomes[0][1].parameters.coefs, plain.coefs_, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_batch_that_grows_takes_more_room(dropout, monkeypatch, tmp_path):
    """Check batches with more rows here than the program for the likely numbers has room for."""
    monkeypatch.setattr(session, "likely_counts", lambda *args: [16])
    spools, (job,) = make_jobs(["127.0.0.1:1"], tmp_path, dropout=dropout)
    (file,) = job.files
    own = replace(file, descriptor=os.dup(file.descriptor))  # training closes it
    try:
        with eagerly():
            trained = train_together(replace(job, files=[own]), load_tensorflow())
    finally:
        for each in spools:
            each.close()
    plain = fit_quietly(TFMLPClassifier(**NET, dropout=dropout), X, Y)
    for actual, expected in zip(trained.parameters.coefs, plain.coefs_, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(trained.history.loss_curve, plain.loss_curve_, rtol=0, atol=1e-10)


def test_a_port_that_is_taken_is_named(tmp_path):
    """Check the error of a process that can't listen on its port."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        addresses = [f"127.0.0.1:{holder.getsockname()[1]}", "127.0.0.1:1"]
        spools, (job, _) = make_jobs(addresses, tmp_path)
        process = TrainingProcess(1, [job.files[0].descriptor])
        try:
            process.send(job)
            kind, message = outcome_of(process)
        finally:
            process.end()
            for each in spools:
                each.close()
    assert kind == "taken"
    assert f"can't listen on {addresses[0]}" in message


def test_a_process_that_can_not_read_its_job_says_so():
    """Check the answer to a message that is not a job."""
    process = TrainingProcess(1, [])
    try:
        process.send(b"no pickle")
        kind, error, _ = outcome_of(process)
    finally:
        process.end()
    assert kind == "error"
    assert "Unpickling" in str(error)


def test_a_process_that_ends_is_lost():
    """Check the reason that is given for the loss."""
    process = TrainingProcess(1, [])
    process._process.kill()
    with pytest.raises(ProcessLostError, match="killed by SIGKILL"):
        outcome_of(process)
    process.end()
