"""The lines of a fit on any standard output, and that no fit is lost because of its log."""

import io
import os
import sys
import warnings
from contextlib import suppress

import numpy as np
import pytest

from skmlp import TabularMLPClassifier, TFMLPClassifier
from skmlp._lines import LinePrinter
from tests.helpers import fit_quietly, load

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

FITS = {
    "adam": (TFMLPClassifier, {"hidden_layer_sizes": 5, "max_iter": 3, "verbose": 2}),
    "lbfgs": (
        TFMLPClassifier,
        {"hidden_layer_sizes": 5, "max_iter": 3, "verbose": 1, "solver": "lbfgs"},
    ),
    "tables": (
        TabularMLPClassifier,
        {"hidden_layer_sizes": 5, "max_iter": 3, "verbose": 1, "n_networks": 2},
    ),
}


def make_closed():
    stream = io.StringIO()
    stream.close()
    return stream


def make_full():
    return open("/dev/full", "w")


def make_broken_pipe():
    reading, writing = os.pipe()
    os.close(reading)
    return open(writing, "w")


class Failing:
    """A stream of a window that was closed."""

    def write(self, text):
        raise SystemError("the window is gone")


class WriteOnly:
    """The stream of a logger, with which many programs replace standard output."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


def fit_on(monkeypatch, stream, kind):
    estimator, params = FITS[kind]
    monkeypatch.setattr(sys, "stdout", stream)
    try:
        return fit_quietly(estimator(random_state=0, **params), *load("iris"))
    finally:
        monkeypatch.undo()
        with suppress(Exception):
            stream.close()


@pytest.mark.parametrize("kind", FITS)
@pytest.mark.parametrize("make", [make_closed, make_full, make_broken_pipe, Failing])
def test_a_fit_goes_on_without_its_log(monkeypatch, kind, make):
    """Check one warning with the reason, and the numbers of a fit with a log."""
    if make is make_full and not os.path.exists("/dev/full"):
        pytest.skip("this system has no full device")
    expected = fit_on(monkeypatch, WriteOnly(), kind)
    with pytest.warns(UserWarning, match=r"can't be printed, .* sys.stdout raised") as caught:
        model = fit_on(monkeypatch, make(), kind)
    assert len(caught) == 1
    assert model.loss_curve_ == expected.loss_curve_
    np.testing.assert_array_equal(model.coefs_[0], expected.coefs_[0])


@pytest.mark.parametrize("kind", FITS)
def test_a_stream_needs_no_flush(monkeypatch, capsys, kind):
    """Check that a stream without `flush` gets the same lines as one with it."""
    stream = WriteOnly()
    fit_on(monkeypatch, stream, kind)
    estimator, params = FITS[kind]
    fit_quietly(estimator(random_state=0, **params), *load("iris"))
    assert stream.text == capsys.readouterr().out
    assert stream.text.count("\n") >= 3


def test_no_stream_at_all_is_silence(monkeypatch, capfd):
    """Check a program without a console, whose standard output is None."""
    fit_on(monkeypatch, None, "adam")
    assert capfd.readouterr() == ("", "")


def test_each_line_is_printed_at_once():
    """Check that a stream is flushed line by line."""
    written = []

    class Buffered(WriteOnly):
        def flush(self):
            written.append(self.text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", Buffered())
        printer = LinePrinter()
        printer.print("a")
        printer.print("b")
    assert written == ["a\n", "a\nb\n"]


def test_a_stream_that_works_again_is_printed_to(monkeypatch):
    """Check a pipe that is full for a moment; the warning comes once."""

    class Stuttering(WriteOnly):
        def write(self, text):
            if text in "ac":
                raise BlockingIOError("try again")
            super().write(text)

    stream = Stuttering()
    monkeypatch.setattr(sys, "stdout", stream)
    printer = LinePrinter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for line in "abcd":
            printer.print(line)
    assert stream.text == "b\nd\n"
    assert len(caught) == 1


def test_ctrl_c_is_not_swallowed(monkeypatch):
    class Interrupted:
        def write(self, text):
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdout", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        LinePrinter().print("a")
