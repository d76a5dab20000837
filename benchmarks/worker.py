"""A process with one peer in it, which fits when it is told to.

Each line of standard input is a list of JSON, peer and workload; the answer is a line of JSON too.
A peer has a process of its own, as a user would have it, so that no library's threads are in
another's way.
"""

import contextlib
import json
import os
import sys
import time
import warnings


def main():
    """Answer commands until there are none."""
    from benchmarks.workloads import make_task, test_set

    answers = os.fdopen(os.dup(1), "w")
    tasks = {}
    for line in sys.stdin:
        peer, workload = json.loads(line)
        if workload not in tasks:
            tasks[workload] = make_task(workload), test_set(workload)
        task, (X, y) = tasks[workload]
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = _fit(peer, task, X, y)
        print(json.dumps(answer), file=answers, flush=True)


def _fit(peer, task, X, y):
    from benchmarks.peers import PEERS

    start = time.perf_counter()
    predict = PEERS[peer](task)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "accuracy": float((predict(X).ravel() == y).mean())}


if __name__ == "__main__":
    main()
