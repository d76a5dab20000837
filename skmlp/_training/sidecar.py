"""The training process: reads a job from standard input, trains, and writes the outcome.

The training process ends when its standard input is closed. It therefore never outlives the process
that started it.
"""

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from queue import SimpleQueue
from typing import Any, BinaryIO

from skmlp._cluster.frames import read_frame, write_frame
from skmlp._cluster.job import Job
from skmlp._model.records import History, TrainingState
from skmlp._tensorflow import collectives
from skmlp._tensorflow.loading import eagerly, load
from skmlp._training.together import PeerLostError, train_together

SECONDS_BETWEEN_SIGNS = 1.0
"""Seconds between the messages that say that the process is alive."""


class Parent:
    """The process that started this process, at the other end of the pipes.

    Parameters
    ----------
    stdin, stdout : binary files
        The pipes to receive messages from and to send messages to.
    """

    def __init__(self, stdin: BinaryIO, stdout: BinaryIO):
        self._stdin, self._stdout = stdin, stdout
        self._lock = threading.Lock()
        self._messages: SimpleQueue[Any] = SimpleQueue()

    def listen(self) -> None:
        """Receive messages, and send signs of life, until this process ends."""
        threading.Thread(target=self._receive, daemon=True).start()
        threading.Thread(target=self._give_signs, daemon=True).start()

    def send(self, *message: Any) -> None:
        """Send a message."""
        with self._lock:
            write_frame(self._stdout, message)

    def receive(self) -> Any:
        """Return the next message. If it could not be read, raise the error."""
        message = self._messages.get()
        if isinstance(message, Exception):
            raise message
        return message

    def met(self) -> None:
        """Tell that all processes have met; see `together.Told`."""
        self.send("met")

    def begin(self) -> float | None:
        """Tell that an epoch begins; see `together.Told`."""
        self.send("begin")
        return self.receive()

    def end(self, history: History, state: Callable[[], TrainingState]) -> bool:
        """Tell that an epoch has ended; see `together.Told`."""
        self.send("end", history)
        while (answer := self.receive()) == "state":
            self.send("state", state())
        return answer

    def _receive(self) -> None:
        try:
            while True:
                self._messages.put(read_frame(self._stdin))
        except (EOFError, OSError):
            os._exit(1)
        except Exception as error:  # a message that can't be unpickled here
            self._messages.put(error)

    def _give_signs(self) -> None:
        try:
            while True:
                self.send("alive")
                time.sleep(SECONDS_BETWEEN_SIGNS)
        except OSError:
            os._exit(1)


class _Lines:
    """A stream that sends the lines printed to it to the parent."""

    def __init__(self, parent: Parent):
        self._parent = parent
        self._rest = ""

    def write(self, text: str) -> int:
        """Send the complete lines; keep an incomplete line."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._parent.send("line", line)
        return len(text)

    def flush(self) -> None:
        """Do nothing: an incomplete line is sent once it is complete."""


def main() -> None:
    """Receive a job, train, and send the outcome."""
    # Messages take the place of standard output. Other output goes to standard error instead, so
    # that it never comes between messages.
    stdout = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    parent = Parent(sys.stdin.buffer, stdout)
    sys.stdout = _Lines(parent)
    parent.listen()
    parent.send(*_run(parent))
    parent.receive()  # waits until the parent ends this process


def _run(parent: Parent) -> tuple[Any, ...]:
    """Receive a job, train, and return the message with the outcome."""
    try:
        job: Job = parent.receive()
        if job.plan is None:
            plan, state = parent.receive()
            job = replace(job, plan=plan, state=state)
        tensorflow = load()
        with eagerly():
            trained = train_together(job, tensorflow, parent)
    except PeerLostError as error:
        return "lost", error.state, str(error)
    except collectives.PortTakenError as error:
        return "taken", str(error)
    except Exception as error:
        return "error", _picklable(error), traceback.format_exc()
    state = job.plan.random_state.get_state()
    return ("done", trained, state) if job.rank == 0 else ("done", None, None)


def _picklable(error: Exception) -> Exception:
    """Return an error that the parent can unpickle: other types become RuntimeError."""
    known = (ValueError, MemoryError, OSError, RuntimeError, TypeError)
    return error if type(error) in known else RuntimeError(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
