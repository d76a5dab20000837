"""Time skmlp beside its peers, in one run, in interleaved rounds.

Run it from the root of the repository, with nothing else running, and quote the ratios::

    python -m pip install ".[bench]"
    SKMLP_MNIST=path/to/mnist.npz python -m benchmarks.against_peers

It prints a table, and writes it and a picture to the folder that ``--out`` names. ``--quick`` has
fewer epochs and rounds and takes less than two minutes; its figures only show that all works. A
peer that is not installed is left out, and named.

Each peer is a process of its own, which has fitted once before, so that imports and compilations
are not timed; ``--whole`` times whole processes instead: import, 10 epochs of MNIST, predict
10,000.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from benchmarks.peers import PEERS, VERSIONS
from skmlp.datasets import MNIST_ENVIRONMENT_VARIABLE

NEEDS = {"JAX": "optax", "PyTorch": "torch", "SciKeras": "scikeras", "skorch": "skorch"}
PAIR = ("skmlp", "scikit-learn, 1 thread", "scikit-learn, 2 threads")

WHOLE = """
import sys, warnings
warnings.simplefilter("ignore")
from benchmarks.peers import PEERS
from benchmarks.workloads import make_task, test_set
predict = PEERS[sys.argv[1]](make_task(sys.argv[2]))
predict(test_set(sys.argv[2])[0])
"""


class Worker:
    """A process with one peer."""

    def __init__(self, peer):
        self._peer = peer
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if "-v" not in sys.argv else None,
            text=True,
            env=environment,
        )

    def fit(self, workload):
        """Return the seconds of a fit and its accuracy."""
        print(json.dumps([self._peer, workload]), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._peer}: {self._process.communicate()[1][-2000:]}")
        return json.loads(answer)

    def close(self):
        """End the process."""
        self._process.stdin.close()
        self._process.wait()


def installed(peers):
    """Return the peers that can be run."""
    found = [
        peer for peer in peers if find_spec(NEEDS.get(peer.split(",")[0].split()[0], "sklearn"))
    ]
    if missing := sorted(set(peers) - set(found)):
        print("not installed, so left out:", ", ".join(missing), file=sys.stderr)
    return found


def measure_fits(workload, peers, n_rounds):
    """Return the answers of each peer, a round after the other."""
    workers = {peer: Worker(peer) for peer in peers}
    for worker in workers.values():
        worker.fit(workload)
    rounds = [
        {peer: worker.fit(workload) for peer, worker in workers.items()} for _ in range(n_rounds)
    ]
    for worker in workers.values():
        worker.close()
    return rounds


def measure_processes(workload, peers, n_rounds):
    """Return how long a whole process of each peer takes, a round after the other."""

    def run(peer):
        start = time.perf_counter()
        command = [sys.executable, "-c", WHOLE, peer, workload]
        subprocess.run(command, check=True, capture_output=True)
        return {"seconds": time.perf_counter() - start, "accuracy": float("nan")}

    return [{peer: run(peer) for peer in peers} for _ in range(n_rounds)]


def with_better_scikit_learn(rounds):
    """Return the rounds with scikit-learn once, with the faster number of threads in each."""
    merged = []
    for answers in rounds:
        theirs = [answers[peer] for peer in PAIR[1:] if peer in answers]
        others = {peer: answer for peer, answer in answers.items() if peer not in PAIR[1:]}
        best = min(theirs, key=lambda answer: answer["seconds"])
        merged.append({"scikit-learn": best} | others)
    return merged


def table(workload, rounds):
    """Return the rows of a table, of median seconds and ratios to ours with their spread."""
    rows = []
    for peer in sorted(rounds[0], key=lambda name: median(r[name]["seconds"] for r in rounds)):
        ratios = [answers[peer]["seconds"] / answers["skmlp"]["seconds"] for answers in rounds]
        seconds = median(answers[peer]["seconds"] for answers in rounds)
        accuracy = median(answers[peer]["accuracy"] for answers in rounds)
        rows.append(
            f"| {workload} | {peer} | {seconds:.3f} | {median(ratios):.2f} "
            f"| {min(ratios):.2f} to {max(ratios):.2f} | {accuracy:.1%} |"
        )
    return rows


def describe_machine():
    """Return a line of versions and cores."""
    names = sorted({name for packages in VERSIONS.values() for name in packages})
    versions = [f"Python {platform.python_version()}"]
    for name in names:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(versions) + f"; {os.cpu_count()} cores, {platform.machine()}"


def draw(measured, path):
    """Draw the ratios of each workload, on a logarithmic axis."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        len(measured), 1, figsize=(7, 1 + 2.2 * len(measured)), layout="constrained", squeeze=False
    )
    for ax, (workload, rounds) in zip(axes[:, 0], measured.items(), strict=True):
        ratios = {
            peer: [r[peer]["seconds"] / r["skmlp"]["seconds"] for r in rounds] for peer in rounds[0]
        }
        names = sorted(ratios, key=lambda peer: median(ratios[peer]), reverse=True)
        middles = [median(ratios[name]) for name in names]
        low = [m - min(ratios[n]) for m, n in zip(middles, names, strict=True)]
        high = [max(ratios[n]) - m for m, n in zip(middles, names, strict=True)]
        colors = ["tab:blue" if name == "skmlp" else "tab:gray" for name in names]
        ax.barh(names, middles, xerr=[low, high], color=colors)
        ax.axvline(1, color="black", linewidth=0.8)
        ax.set(title=workload, xlabel="time, as a multiple of skmlp's")
    figure.savefig(path, dpi=120)


def plan(arguments):
    """Return the workloads with their peers."""
    workloads = {}
    if MNIST_ENVIRONMENT_VARIABLE in os.environ:
        n_epochs = 10 if arguments.whole else 2 if arguments.quick else 6
        workloads[f"MNIST, float32, {n_epochs} epochs"] = list(PEERS)
        if not (arguments.quick or arguments.whole):
            workloads[f"MNIST, float64, {n_epochs} epochs"] = list(PAIR)
    else:
        print(f"{MNIST_ENVIRONMENT_VARIABLE} is not set: no MNIST", file=sys.stderr)
    n_epochs = 20 if arguments.quick else 200
    for problem in () if arguments.whole else ("iris", "breast cancer", "digits"):
        for dtype in ("float32",) if arguments.quick else ("float32", "float64"):
            workloads[f"{problem}, {dtype}, {n_epochs} epochs"] = list(PAIR)
    return {name: peers for name, peers in workloads.items() if arguments.only in name}


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two rounds of short fits")
    parser.add_argument("--whole", action="store_true", help="whole processes on MNIST")
    parser.add_argument("--only", default="", help="text that the names of workloads must have")
    parser.add_argument("--out", type=Path, help="folder for table.md and ratios.png")
    parser.add_argument("-v", action="store_true", help="show what the libraries print")
    arguments = parser.parse_args()
    n_rounds = 2 if arguments.quick else arguments.rounds
    measure = measure_processes if arguments.whole else measure_fits
    measured, rows = {}, []
    for workload, peers in plan(arguments).items():
        rounds = with_better_scikit_learn(measure(workload, installed(peers), n_rounds))
        measured[workload] = rounds
        rows += table(workload, rounds)
        print("\n".join(table(workload, rounds)), file=sys.stderr)
    head = [
        f"{describe_machine()}; medians of {n_rounds} interleaved rounds, ratio = time / ours.",
        "",
        "| workload | library | seconds | ratio | spread | accuracy |",
        "|---|---|---|---|---|---|",
    ]
    print("\n".join(head + rows))
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "table.md").write_text("\n".join(head + rows) + "\n")
        draw(measured, arguments.out / "ratios.png")


if __name__ == "__main__":
    main()
