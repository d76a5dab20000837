"""A process that runs one peer, and fits on command.

Each line of standard input is a JSON list of peer and workload. The answer is a line of JSON too.
Each peer has its own process, as for a user, so that no library's threads get in another's
way.
"""

import contextlib
import json
import os
import sys
import time
import warnings


def main():
    """Answer commands until standard input ends."""
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
