"""Standard error: TensorFlow's log lines are dropped, and no other line ever is."""

import io
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

import skmlp
from skmlp._tensorflow import quiet
from skmlp._tensorflow.log_filter import LineFilter
from tests.helpers import run_python

INTERNALS = pytest.mark.tensorflow_internals

LOG_LINES = [
    b"I0000 00:00:1795782054.774679    6379 port.cc:153] oneDNN custom operations are on.\n",
    b"E0000 00:00:1795782060.811328    6407 cpu_aot_loader.cc:220] Loading, [a, b] fails.\n",
    b"2025-01-31 10:00:00.123456: W external/local_xla/xla/tsl/framework/a.cc:12] slow\n",
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n",
    b"To enable the following instructions: AVX2, rebuild TensorFlow.\n",
]

OTHER_LINES = [
    b"F0000 00:00:1795782480.535360    7321 parse_flags_from_env.cc:234] Unknown flag\n",
    b"2025-01-31 10:00:00.123456: F tensorflow/core/lib/monitoring.cc:42] Check failed\n",
    b"I0131 10:00:00.123456 140 train.py:12] a line of absl for Python\n",
    b"I0000 of mine\n",
    b"E0001\n",
    b"\xff\xfe not text\n",
    b"\r\n",
    b"\n",
]


def test_only_log_lines_of_tensorflow_are_dropped():
    """Check each line, whole and in pieces, and a line without an end."""
    written = b"".join(a + b for a in LOG_LINES for b in OTHER_LINES)
    expected = b"".join(OTHER_LINES) * len(LOG_LINES)
    for size in (1, 7, 64, len(written)):
        lines = LineFilter()
        pieces = [written[i : i + size] for i in range(0, len(written), size)]
        assert b"".join(map(lines.feed, pieces)) == expected
        assert lines.flush() == b""
    assert lines.feed(b"no end") == b""
    assert (lines.flush(), lines.flush()) == (b"no end", b"")
    # The rest of a line has the fate of its start, whatever the rest looks like.
    assert lines.feed(LOG_LINES[0] + b"next") == LOG_LINES[0]
    assert lines.flush() == b"next"
    assert lines.feed(b"\n" + LOG_LINES[0] + LOG_LINES[1][:-1]) == b"\n"
    assert lines.flush() == b""


TRACE = b"=== Source Location Trace: === \nexternal/xla/xla/cuda_status.cc:50\na/b.h:1\n\n"


def test_a_trace_below_a_log_line_is_dropped_with_it():
    """Check a trace below a fatal line, and one cut in two by other lines."""
    assert LineFilter().feed(LOG_LINES[1] + TRACE + TRACE) == TRACE
    assert LineFilter().feed(OTHER_LINES[0] + TRACE) == OTHER_LINES[0] + TRACE
    head, rest = TRACE[:32], TRACE[32:]
    assert LineFilter().feed(LOG_LINES[1] + head + b"mine\n" + rest) == b"mine\n" + rest
    assert LineFilter().feed(LOG_LINES[1] + b"\n" + TRACE) == b"\n" + TRACE


ALONE = f"""
import os, sys, types
package = sys.modules["skmlp"] = types.ModuleType("skmlp")
package.__path__ = {skmlp.__path__!r}  # without scikit-learn, which takes a second to import
"""
WRITE = ALONE + f"from skmlp._tensorflow import quiet\nLOG = {LOG_LINES[0]!r}\n"


def test_lines_of_others_come_through_in_order():
    """Check descriptor 2, `sys.stderr`, a thread, a process; before, in, after."""
    code = WRITE + (
        "import subprocess, threading\n"
        "def write(text):\n"
        "    os.write(2, LOG)\n"
        "    print(text, 1, file=sys.stderr, flush=True)\n"
        "    thread = threading.Thread(target=os.write, args=(2, f'{text} 2\\n'.encode()))\n"
        "    thread.start(); thread.join()\n"
        "    subprocess.run(['sh', '-c', f'echo {text} 3 >&2'])\n"
        "    print(text, end=' 4\\n', file=sys.stderr)\n"
        "sys.stderr.write('no end, ')\n"
        "with quiet.without_log_lines():\n"
        "    write('within')\n"
        "    with quiet.without_log_lines(): write('twice')\n"
        "    sys.stderr.write('no end either, ')\n"
        "write('after')\n"
    )
    done = run_python(code)
    lines = [f"{text} {i}\n" for text in ("within", "twice", "after") for i in (1, 2, 3, 4)]
    lines[0], lines[8] = "no end, " + lines[0], "no end either, " + LOG_LINES[0].decode() + lines[8]
    assert (done.returncode, done.stderr) == (0, "".join(lines))


def test_much_is_written_without_loss():
    """Check more output than a pipe holds, from several threads."""
    code = WRITE + (
        "import threading\n"
        "def write(name):\n"
        "    for i in range(5000): os.write(2, LOG + f'{name} {i}\\n'.encode())\n"
        "with quiet.without_log_lines():\n"
        "    threads = [threading.Thread(target=write, args=(name,)) for name in 'ab']\n"
        "    [t.start() for t in threads]; [t.join() for t in threads]\n"
    )
    done = run_python(code)
    lines = done.stderr.splitlines()
    assert sorted(lines) == sorted(f"{name} {i}" for name in "ab" for i in range(5000))
    assert [line for line in lines if line[0] == "a"] == [f"a {i}" for i in range(5000)]


@pytest.mark.parametrize(
    ("death", "code"),
    [
        ("os.abort()", -signal.SIGABRT),
        ("os._exit(1)", 1),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
    ],
)
def test_the_last_words_of_a_process_are_printed(death, code, tmp_path):
    """Check deaths during the first import, after a line of TensorFlow's log."""
    (tmp_path / "tensorflow.py").write_text(
        f"import os, signal\nos.write(2, {LOG_LINES[0]!r} + b'why\\n' + {OTHER_LINES[0]!r})\n"
        f"os.write(2, b'no end')\n{death}"
    )
    start = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    # A shell's background job ignores Ctrl-C.
    start += "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    done = run_python(ALONE + start + "from skmlp._tensorflow.loading import load\nload()")
    assert done.returncode == code
    assert done.stderr.startswith(f"why\n{OTHER_LINES[0].decode()}no end")
    assert LOG_LINES[0].decode() not in done.stderr


def test_an_error_is_raised_and_printed():
    """Check that the lines that explain an error come before it."""
    done = run_python(
        WRITE + "with quiet.without_log_lines():\n    os.write(2, b'why\\n'); raise OSError('no')"
    )
    assert done.returncode == 1
    assert done.stderr.startswith("why\nTraceback")
    assert done.stderr.endswith("OSError: no\n")


def test_nobody_waits_for_a_process_that_was_started_meanwhile():
    """Check two late writers; the filter stays until they end."""
    code = WRITE + (
        "import subprocess, time\n"
        "start = time.monotonic()\n"
        "with quiet.without_log_lines():\n"
        "    later = subprocess.Popen(['sh', '-c', 'read go; echo from the child >&2'], "
        "stdin=subprocess.PIPE)\n"
        "    reading, writing = os.pipe()\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        os.read(reading, 1); os.write(2, b'from the fork\\n'); os._exit(0)\n"
        "print('after', file=sys.stderr, flush=True)\n"
        "os.write(writing, b'!'); os.waitpid(child, 0)\n"
        "later.communicate(b'go\\n')\n"
        "try: os.wait()\n"
        "except ChildProcessError: print('no child is left')\n"
    )
    done = run_python(code)
    assert (done.returncode, done.stdout) == (0, "no child is left\n"), done.stderr
    assert done.stderr == "after\nfrom the fork\nfrom the child\n"


def test_a_prompt_is_not_held_back():
    """Check the start of a line, which is printed before the block ends."""
    code = WRITE + "with quiet.without_log_lines():\n    os.write(2, b'Password: ')\n    input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr.read(len("Password: ")) == b"Password: "
        process.stdin.write(b"\n")
        process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


FIT = """
import warnings; warnings.simplefilter("ignore")
import numpy as np
from skmlp import TFMLPClassifier
X, y = np.random.RandomState(0).normal(size=(50, 3)), np.arange(50) % 3
TFMLPClassifier(hidden_layer_sizes=5, max_iter=3, random_state=0).fit(X, y)
print("done")
"""


@pytest.mark.parametrize("does", ["log", pytest.param("fit", marks=INTERNALS)])
@pytest.mark.parametrize(
    "before",
    [
        "os.close(2); sys.stderr = None",
        "sys.stderr.close()",
        "sys.stderr = type('Logger', (), {'write': lambda self, text: None})()",
        "os.dup2(os.open('/dev/full', os.O_WRONLY), 2)",
        "r, w = os.pipe(); os.dup2(w, 2); os.close(r); os.close(w)",
        "import tempfile; tempfile._candidate_tempdir_list = lambda: ['/nowhere']",
        "sys.executable = '/nowhere/python'",
        "sys.executable = None",
        "sys.executable = '/bin/false'",
        "def fail(*args): raise BlockingIOError\nimport subprocess; subprocess._fork_exec = fail",
    ],
)
def test_a_fit_works_whatever_standard_error_is(before, does):
    """Check closed, lost, full and odd streams, and a filter that can't start.

    Check also a system without a temporary directory, where TensorFlow alone can't be imported.
    A fast process writes a log line itself, in place of TensorFlow.
    """
    code = FIT
    if does == "log":
        code = (
            WRITE + "with quiet.without_log_lines():\n"
            "    try: os.write(2, LOG)\n    except OSError: pass\n"
            "print('done')\n"
        )
    code = "import os, sys\n" + before + "\n" + code + "sys.stdout.flush(); os._exit(0)"
    done = run_python(code)  # at its end Python can't flush some of these streams
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_nothing_is_printed():
    """Check both streams in the import and two fits, and that temporary settings are undone."""
    code = FIT + (
        "TFMLPClassifier(5, activation='tanh', max_iter=3).fit(X, y); import os\n"
        "unset = {'TF_CPP_MIN_LOG_LEVEL', 'TF_USE_LEGACY_KERAS', 'XLA_FLAGS'}\n"
        "assert not unset & set(os.environ)"
    )
    done = run_python(code, TF_USE_LEGACY_KERAS=None, XLA_FLAGS=None)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


@INTERNALS
def test_many_shapes_print_no_warning_of_retracing():
    """Check more shapes than TensorFlow tolerates without a warning."""
    code = FIT + "for n in range(2, 9): TFMLPClassifier(n, max_iter=3).fit(X, y)"
    done = run_python(code, SKMLP_CACHE_DIR="")
    assert (done.returncode, done.stderr) == (0, "")


def test_threads_share_a_filter(capfd, monkeypatch):
    """Check that the last thread stops it; descriptors and child processes are as before."""
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    started = []
    real = quiet._Filter
    monkeypatch.setattr(quiet, "_Filter", lambda: started.append(1) or real())
    barrier = threading.Barrier(3)

    def write(i):
        with quiet.without_log_lines():
            barrier.wait()
            time.sleep(i / 20)
            os.write(2, LOG_LINES[0] + f"{i}\n".encode())

    threads = [threading.Thread(target=write, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert capfd.readouterr().err == "0\n1\n2\n"
    assert started == [1]
    if before:
        assert os.listdir("/proc/self/fd") == before


def test_a_filter_that_is_killed_is_not_waited_for(capfd):
    """Check that the block ends, and that standard error is restored."""
    with quiet.without_log_lines():
        quiet._State.filter._process.kill()
        quiet._State.filter._process.wait()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_a_redirection_by_another_thread_stays(capfd, tmp_path):
    """Check descriptor 2 after the block."""
    ours = os.dup(2)
    with (tmp_path / "theirs").open("w+b") as theirs:
        with quiet.without_log_lines():
            os.dup2(theirs.fileno(), 2)
        os.write(2, b"theirs\n")
        os.dup2(ours, 2)
    os.close(ours)
    assert (tmp_path / "theirs").read_bytes() == b"theirs\n"
    assert capfd.readouterr().err == ""


def test_a_filter_that_does_not_start_in_time_is_done_without(capfd, monkeypatch):
    monkeypatch.setattr(quiet, "_SECONDS_TO_START", 0.001)
    monkeypatch.setattr(quiet.pkgutil, "get_data", lambda *args: b"import time; time.sleep(60)")
    with quiet.without_log_lines():
        os.write(2, LOG_LINES[0])
        assert quiet._State.filter is None
    assert capfd.readouterr().err == LOG_LINES[0].decode()


@pytest.mark.parametrize("error", [BlockingIOError, RuntimeError])
def test_a_process_that_cannot_start_another_is_not_filtered(capfd, monkeypatch, error):
    """Check too many processes, and the exit of Python 3.12."""

    def fail(*args, **kwargs):
        raise error("can't fork at interpreter shutdown")

    monkeypatch.setattr(quiet.subprocess, "Popen", fail)
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    with quiet.without_log_lines():
        os.write(2, LOG_LINES[0])
        if before:
            assert os.listdir("/proc/self/fd") == before
    assert capfd.readouterr().err == LOG_LINES[0].decode()


@pytest.mark.parametrize(
    ("executable", "is_frozen", "expected"),
    [
        ("/usr/bin/python3.13", False, None),
        ("/usr/bin/.python3.11-wrapped", False, None),
        ("/usr/bin/uwsgi", False, "sys.executable"),
        ("/opt/python-app/app", True, "sys.executable"),
        ("", False, "sys.executable"),
        (None, False, "sys.executable"),
    ],
)
def test_no_program_but_python_is_started(executable, is_frozen, expected, monkeypatch):
    monkeypatch.setattr(sys, "executable", executable)
    monkeypatch.setattr(sys, "frozen", is_frozen, raising=False)
    assert re.match(expected, quiet.why_not()) if expected else quiet.why_not() is None


@pytest.mark.parametrize("stream", [None, object(), io.StringIO()])
def test_a_stream_that_cannot_be_flushed_is_left_alone(stream, monkeypatch):
    if isinstance(stream, io.StringIO):
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    quiet._flush()
    assert sys.stderr is stream


@pytest.mark.parametrize(
    ("level", "release", "filters"),
    [(None, "2.21.0", False), ("3", "2.21.0", True), (None, "2.20.0", True)],
)
def test_late_lines_are_dropped_where_the_level_is_not_ours(level, release, filters, monkeypatch):
    """Check a user's level, and a release that ignores the level."""
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(quiet._State, "level_is_ours", False)
    monkeypatch.setattr(quiet, "release", lambda: release)
    monkeypatch.delenv(quiet.LOG_LEVEL, raising=False)
    if level is not None:
        monkeypatch.setenv(quiet.LOG_LEVEL, level)
    quiet.log_level()
    with quiet.without_late_lines():
        assert (quiet._State.filter is not None) == filters


def test_the_switch_turns_it_off(monkeypatch):
    monkeypatch.setenv("SKMLP_PLAIN_TENSORFLOW", "1")
    assert quiet.log_level() == {}
    with quiet.without_log_lines():
        assert quiet._State.filter is None
