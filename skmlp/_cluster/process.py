"""Starts the training process of a worker for a fit, talks to it, and ends it."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from skmlp._cluster.frames import read_frame, write_frame
from skmlp._tensorflow import collectives

MODULE = "skmlp._training.sidecar"

SECONDS_WITHOUT_SIGN = 5.0
"""A training process that gives no sign of life for this time is taken for dead.

A training process sends a sign every second, from a thread that goes on while training computes. No
other thread runs while TensorFlow is imported. Processor time that the process has used therefore
counts as a sign of life too. The smallest time that counts is a hundredth of a second in five
seconds. The system gives each process that much, however loaded the machine is.
"""

_KEPT_MEMORY = dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(2**30))
"""Environment variables that make the C library keep the memory of messages for later messages.

Otherwise the system takes the memory back after each message, and clears it for the next message.
Without Dask, sums of 7 MB then took 13 instead of 9 ms on Zen 5.
"""


class ProcessLostError(Exception):
    """The training process has ended, or does not answer."""


class TrainingProcess:
    """A training process, as seen by the process that starts it.

    Parameters
    ----------
    n_threads : int
        Number of threads that the training process computes with.
    descriptors : list of int
        Descriptors of the files that the training process inherits.
    """

    def __init__(self, n_threads: int, descriptors: list[int]):
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            pass_fds=descriptors,
            env=_environment(n_threads),
            start_new_session=True,  # keeps Ctrl-C in a terminal from the training process
        )
        self._messages: SimpleQueue[Any] = SimpleQueue()
        self._last_sign = time.monotonic()
        self._last_work = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def send(self, message: Any) -> None:
        """Send a message.

        Raises
        ------
        ProcessLostError
            If the process has ended.
        """
        assert self._process.stdin is not None
        try:
            write_frame(self._process.stdin, message)
        except OSError as error:
            raise ProcessLostError(self._last_words()) from error

    def receive(self, seconds: float) -> tuple[Any, ...] | None:
        """Return the next message, or None if no message comes within `seconds`.

        Raises
        ------
        ProcessLostError
            If the process has ended without a message, or gives no sign of life.
        """
        try:
            message = self._messages.get(timeout=seconds)
        except Empty:
            self._look_for_work()
            silent = time.monotonic() - self._last_sign
            if silent < SECONDS_WITHOUT_SIGN:
                return None
            raise ProcessLostError(
                f"the training process has given no sign of life for {silent:.0f} seconds"
            ) from None
        if message is None:
            raise ProcessLostError(self._last_words())
        return message

    def end(self) -> None:
        """Kill the process, and wait until the system has removed it."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout, self._stderr):
            assert stream is not None
            with suppress(OSError):  # buffered data can't be written any more
                stream.close()

    def _look_for_work(self) -> None:
        """Note a sign of life if the process has used processor time since the last call."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # not Linux, or the process has ended
            return
        work = " ".join(fields[11:13])  # clock ticks in the program and in the system
        if work != self._last_work:
            self._last_work, self._last_sign = work, time.monotonic()

    def _read(self) -> None:
        """Receive messages, in a thread. The message None says that no more messages come."""
        try:
            while True:
                assert self._process.stdout is not None
                message = read_frame(self._process.stdout)
                self._last_sign = time.monotonic()
                if message[0] != "alive":
                    self._messages.put(message)
        except (EOFError, OSError):
            self._messages.put(None)

    def _last_words(self) -> str:
        """Return a text that says how the process has ended, and the end of its error output."""
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "the training process has closed its output"
        self._stderr.seek(0)
        text = self._stderr.read().decode(errors="replace").strip()[-2000:]
        ended = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return f"the training process has ended, {ended}" + (f":\n{text}" if text else "")


def _environment(n_threads: int) -> dict[str, str]:
    """Return the environment variables of the process: its threads, its modules, no GPU."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    return {
        **os.environ,
        **dict.fromkeys(names, str(n_threads)),
        **_KEPT_MEMORY,
        **collectives.settings(),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "CUDA_VISIBLE_DEVICES": "-1",
    }
