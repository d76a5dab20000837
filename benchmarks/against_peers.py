"""Time fits and whole processes of skmlp and its peers, in interleaved rounds.

To time fits, each peer runs in its own process, which has fitted once before, so imports and
compilations are not timed. The time of a whole process includes everything: the import, 10 epochs
of MNIST, and the predictions of 10,000.
"""

import json
import os
import platform
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from statistics import median

from benchmarks.peers import PEERS, VERSIONS
from benchmarks.workloads import NARROW, PART_OF_MNIST
from skmlp._tensorflow.cache_directory import ENVIRONMENT_VARIABLE
from skmlp.datasets import MNIST_ENVIRONMENT_VARIABLE

NEEDS = {"JAX": "optax", "PyTorch": "torch", "SciKeras": "scikeras", "skorch": "skorch"}
WHOLE_NAME = "MNIST, float32, 10 epochs, the whole process"
NOTHING_KEPT = ", nothing kept"
PAIR = ("skmlp", "scikit-learn, 1 thread", "scikit-learn, 2 threads")

WHOLE = """
import sys, warnings
warnings.simplefilter("ignore")
from benchmarks.peers import PEERS
from benchmarks.workloads import make_task, test_set
X, y = test_set(sys.argv[2])
predict = PEERS[sys.argv[1]](make_task(sys.argv[2]))
print((predict(X).ravel() == y).mean())
"""


class Worker:
    """A process that runs one peer."""

    def __init__(self, peer):
        self._peer = peer
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
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
    """Return the peers whose packages are installed."""
    found = [
        peer for peer in peers if find_spec(NEEDS.get(peer.split(",")[0].split()[0], "sklearn"))
    ]
    if missing := sorted(set(peers) - set(found)):
        print("not installed, so left out:", ", ".join(missing), file=sys.stderr)
    return found


def measure_fits(workload, peers, n_rounds):
    """Return the answers of each peer, round by round."""
    workers = {peer: Worker(peer) for peer in peers}
    with ThreadPoolExecutor(2) as pool:  # this fit imports and compiles, and is not timed
        list(pool.map(lambda worker: worker.fit(workload), workers.values()))
    rounds = [
        {peer: worker.fit(workload) for peer, worker in workers.items()} for _ in range(n_rounds)
    ]
    for worker in workers.values():
        worker.close()
    return rounds


def measure_processes(workload, peers, n_rounds):
    """Return the time of a whole process of each peer, round by round."""

    def run(name):
        start = time.perf_counter()
        peer = name.removesuffix(NOTHING_KEPT)
        command = [sys.executable, "-c", WHOLE, peer, workload.rpartition(", ")[0]]
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        environment |= {ENVIRONMENT_VARIABLE: ""} if peer != name else {}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        accuracy = float(done.stdout.split()[-1])
        return {"seconds": time.perf_counter() - start, "accuracy": accuracy}

    run("skmlp")  # this process keeps its program on disk
    names = ["skmlp" + NOTHING_KEPT, *peers]
    return [{name: run(name) for name in names} for _ in range(n_rounds)]


def with_better_scikit_learn(rounds):
    """Return the rounds with one scikit-learn: the faster number of threads in each round."""
    merged = []
    for answers in rounds:
        theirs = [answers[peer] for peer in PAIR[1:] if peer in answers]
        others = {peer: answer for peer, answer in answers.items() if peer not in PAIR[1:]}
        best = min(theirs, key=lambda answer: answer["seconds"])
        merged.append({"scikit-learn": best} | others)
    return merged


def table(workload, rounds):
    """Return the rows of a table: median seconds, and ratios to skmlp with their spread."""
    rows = []
    for peer in sorted(rounds[0], key=lambda name: median(r[name]["seconds"] for r in rounds)):
        ratios = [answers[peer]["seconds"] / answers["skmlp"]["seconds"] for answers in rounds]
        seconds = median(answers[peer]["seconds"] for answers in rounds)
        accuracy = median(answers[peer]["accuracy"] for answers in rounds)
        rows.append(
            f"| {workload} | {peer} | {seconds:.3f} | {median(ratios):.2f} "
            f"| {min(ratios):.2f} to {max(ratios):.2f} | {target(workload, peer)} "
            f"| {accuracy:.1%} |"
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
    """Draw the ratios of each workload, with their spread."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    heights = [len(rounds[0]) + 1 for rounds in measured.values()]  # bars, and a gap
    figure, axes = plt.subplots(
        len(measured),
        1,
        figsize=(7.5, 0.27 * sum(heights)),
        height_ratios=heights,
        sharex=True,
        layout="constrained",
        squeeze=False,
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
        ax.set_title(workload, fontsize="medium")
    axes[-1, 0].set_xlabel("time, as a multiple of skmlp's")
    figure.savefig(path, dpi=120)


TARGETS = {
    WHOLE_NAME: {"scikit-learn": 1 / 0.7, "Keras fit": 2.0, "skorch": 2.0},
    "MNIST, float32": {
        "scikit-learn": 2.6,
        "JAX, lax.scan": 1.0,
        "PyTorch loop": 1.6,
        "Keras fit": 4.0,
        "skorch": 4.0,
    },
    "MNIST, float64": {"scikit-learn": 2.0},
    "MNIST with": {"scikit-learn": 1.5},
    "iris": {"scikit-learn": 5.0},
    "breast cancer": {"scikit-learn": 5.0},
    "digits": {"scikit-learn": 3.0},
}
"""The lowest acceptable ratios, by the start of a workload's name; the first match counts."""


def target(workload, peer):
    """Return the lowest acceptable ratio as text, or an empty text."""
    ratios = next((r for name, r in TARGETS.items() if workload.startswith(name)), {})
    return f">= {ratios[peer]:.2g}" if peer in ratios else ""


def plan(is_quick):
    """Return the workloads, with their peers and the function that measures them."""
    workloads = {}
    if MNIST_ENVIRONMENT_VARIABLE in os.environ:
        if is_quick:
            workloads[f"{PART_OF_MNIST}, float32, 2 epochs"] = list(PEERS), measure_fits
        else:
            workloads["MNIST, float32, 6 epochs"] = list(PEERS), measure_fits
            workloads["MNIST, float64, 6 epochs"] = list(PAIR), measure_fits
            for problem in NARROW:
                workloads[f"{problem}, float64, 6 epochs"] = list(PAIR), measure_fits
            workloads[WHOLE_NAME] = list(PEERS), measure_processes
    else:
        print(f"{MNIST_ENVIRONMENT_VARIABLE} is not set: no MNIST", file=sys.stderr)
    n_epochs = 20 if is_quick else 200
    for problem in ("iris", "breast cancer", "digits"):
        for dtype in ("float32",) if is_quick else ("float32", "float64"):
            workloads[f"{problem}, {dtype}, {n_epochs} epochs"] = list(PAIR), measure_fits
    return workloads


def compare(is_quick, only, n_rounds):
    """Return the rounds of all workloads whose names contain a text."""
    measured = {}
    for workload, (peers, measure) in plan(is_quick).items():
        if only in workload:
            rounds = measure(workload, installed(peers), n_rounds)
            measured[workload] = with_better_scikit_learn(rounds)
            print("\n".join(table(workload, measured[workload])), file=sys.stderr)
    return measured
