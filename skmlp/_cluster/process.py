"""The training process that a worker starts for a fit, and that ends with it."""

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
"""A process without a sign of life for so long is taken for dead.

It sends one a second, from a thread that goes on while training computes. While it imports
TensorFlow, which lets no other thread run, that it has used the processor is one too: at least a
hundredth of a second in five, which the system gives to each process however loaded a machine is.
"""


_KEPT_MEMORY = dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(2**30))
"""Lets the C library keep the memory of messages for the next ones.

Otherwise the system takes it back and clears it for each: sums of 7 MB took 13 ms, not 9.
"""


class ProcessLostError(Exception):
    """The training process has ended, or does not answer."""


class TrainingProcess:
    """A process that trains, from the side that has started it.

    Parameters
    ----------
    n_threads : int
        The number of threads that it may compute with.
    descriptors : list of int
        Files that it inherits.
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
            start_new_session=True,  # Ctrl-C in a terminal is for the one who asked for the fit
        )
        self._messages: SimpleQueue[Any] = SimpleQueue()
        self._last_sign = time.monotonic()
        self._last_work = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The number of the process."""
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
        """Return the next message, or None if there is none within some seconds.

        Raises
        ------
        ProcessLostError
            If the process has ended without one, or gives no sign of life.
        """
        try:
            message = self._messages.get(timeout=seconds)
        except Empty:
            self._look_for_work()
            silent = time.monotonic() - self._last_sign
            if silent < SECONDS_WITHOUT_SIGN:
                return None
            raise ProcessLostError(f"it has not answered for {silent:.0f} seconds") from None
        if message is None:
            raise ProcessLostError(self._last_words())
        return message

    def end(self) -> None:
        """End the process, whatever it does, and wait until it is gone."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout, self._stderr):
            assert stream is not None
            with suppress(OSError):  # what was not yet written to it
                stream.close()

    def _look_for_work(self) -> None:
        """Take it for a sign of life if the process has used the processor since the last look."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # not Linux, or it has ended
            return
        work = " ".join(fields[11:13])  # ticks in the program and in the system
        if work != self._last_work:
            self._last_work, self._last_sign = work, time.monotonic()

    def _read(self) -> None:
        """Receive messages, in a thread; the last one, None, says that there are no more."""
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
        """Return how the process has ended, and the last that it has written."""
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "it has closed its output"
        self._stderr.seek(0)
        text = self._stderr.read().decode(errors="replace").strip()[-2000:]
        ended = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return f"it has ended, {ended}" + (f":\n{text}" if text else "")


def _environment(n_threads: int) -> dict[str, str]:
    """Return the environment of the process: its threads, its modules, no GPU."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    return {
        **os.environ,
        **dict.fromkeys(names, str(n_threads)),
        **_KEPT_MEMORY,
        **collectives.settings(),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "CUDA_VISIBLE_DEVICES": "-1",
    }
