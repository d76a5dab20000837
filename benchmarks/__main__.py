"""Measure skmlp beside its peers, and its other costs, in one run.

Run it from the root of the repository, with nothing else running, and quote the ratios, not the
times::

    python -m pip install ".[bench]"
    SKMLP_MNIST=path/to/mnist.npz python -m benchmarks --out results

The run prints tables, and writes them and a picture to the folder of ``--out``. ``--quick`` has
less data, fewer rounds and fewer measurements, and takes less than two and a half minutes. Its
figures only show that everything works. Peers that are not installed are left out, and named.

Tables are fitted in three splits; ``SKMLP_TABULAR`` names a folder of more, as ``.npz`` files. With
pytabkit this takes hours; ``--only "tabular: wine"`` fits a single table.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks import against_peers, costs, tabular
from skmlp._tensorflow.cache_directory import ENVIRONMENT_VARIABLE
from skmlp.datasets import MNIST_ENVIRONMENT_VARIABLE

PEERS_HEAD = """
Ratio = time / ours, so that above 1 skmlp is faster.

| workload | library | seconds | ratio | spread | target | accuracy |
|---|---|---|---|---|---|---|
"""
COSTS_HEAD = """
| what | median | spread | target |
|---|---|---|---|
"""


def measure_costs(is_quick, only, n_rounds):
    """Return the figures of all costs whose names contain a text."""
    figures = {}
    for name in costs.COSTS:
        needs_mnist = name in costs.NEED_MNIST
        if (is_quick and (name in costs.SLOW or needs_mnist)) or only not in name:
            continue
        if needs_mnist and MNIST_ENVIRONMENT_VARIABLE not in os.environ:
            continue
        figures |= costs.measure(name, n_rounds)
        print("\n".join(costs.table(figures)[-4:]), file=sys.stderr)
    return figures


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one round of short measurements")
    parser.add_argument("--only", default="", help="text that the names of measurements must have")
    parser.add_argument("--out", type=Path, help="folder for table.md and ratios.png")
    arguments = parser.parse_args()
    n_rounds = 1 if arguments.quick else arguments.rounds
    with tempfile.TemporaryDirectory() as kept:
        os.environ[ENVIRONMENT_VARIABLE] = kept  # nothing depends on an earlier run
        measured = against_peers.compare(arguments.quick, arguments.only, n_rounds)
    rows = [row for name in measured for row in against_peers.table(name, measured[name])]
    of_tables = tabular.compare(arguments.quick, arguments.only)
    figures = measure_costs(arguments.quick, arguments.only, n_rounds)
    text = f"{against_peers.describe_machine()}; medians of {n_rounds} interleaved rounds.\n"
    text += PEERS_HEAD + "\n".join(rows) + "\n" if rows else ""
    text += "\n".join(tabular.table(of_tables)) + "\n" if of_tables else ""
    text += COSTS_HEAD + "\n".join(costs.table(figures)) + "\n" if figures else ""
    print(text)
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "table.md").write_text(text)
        if measured:
            against_peers.draw(measured, arguments.out / "ratios.png")


if __name__ == "__main__":
    main()
