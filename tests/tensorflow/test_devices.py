"""Devices: a fit computes on the CPU, and uses no GPU of TensorFlow."""

import shutil
import subprocess
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from skmlp._engine.compiling import Program, Way
from skmlp._tensorflow.releases import release
from tests.helpers import run_python

SOURCE = Path(__file__).with_name("fake_gpu.c")


def test_a_program_is_called_on_the_cpu():
    """Check the first call and a later call, on systems that can't imitate a GPU too."""
    devices = []
    tensorflow = SimpleNamespace(
        device=lambda name: devices.append(name) or nullcontext(),
        errors=SimpleNamespace(OpError=OSError),
    )
    program = Program(tensorflow, iter([lambda: Way(len)]))
    assert [program("a"), program("ab"), devices] == [1, 2, ["CPU:0", "CPU:0"]]


@pytest.fixture(scope="module")
def fake_gpu(tmp_path_factory):
    """Return a TensorFlow plugin with a device that prints every request."""
    if (release() or "").startswith("2.22"):
        pytest.skip("this release does not export the functions that plugins call")
    compiler = shutil.which("cc")
    include = Path(find_spec("tensorflow").submodule_search_locations[0]) / "include"
    if compiler is None or not include.is_dir():
        pytest.skip("a C compiler and the headers of TensorFlow are needed")
    library = tmp_path_factory.mktemp("plugin") / "libfakegpu.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-I", include, SOURCE, "-o", library]
    subprocess.run(command, check=True, capture_output=True)
    return library


FITS = """
import os, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
from scipy.sparse import csr_array
from sklearn.datasets import load_iris
from skmlp import TabularMLPClassifier, TFMLPClassifier
from skmlp._engine import capacity, compiling, program_cache
X, y = load_iris(return_X_y=True)
params = {"hidden_layer_sizes": 5, "max_iter": 3, "random_state": 0}

def fit_all():
    losses = [
        TFMLPClassifier(**params, solver=solver, **more).fit(data, y).loss_
        for solver in ("adam", "sgd", "lbfgs")
        for data in (X, csr_array(X))
        for more in ({}, {"early_stopping": True, "scoring": "neg_log_loss"})
    ]
    losses.append(TFMLPClassifier(**params).partial_fit(X, y, classes=[0, 1, 2]).loss_)
    losses.append(TabularMLPClassifier(**params, n_networks=2).fit(X, y).loss_)
    return losses

def say(line):
    sys.stderr.flush()
    os.write(2, line.encode() + b"\\n")
"""

ON_THE_CPU = """
losses = fit_all()
compiling._Compiled.count = compiling.MAX_COMPILED  # whatever comes now is not compiled
program_cache.PROGRAMS._programs.clear()
np.testing.assert_allclose(fit_all(), losses, rtol=1e-5)
import tensorflow as tf
with tf.device("GPU:0"):
    assert fit_all() == fit_all()
say("of the user:")
assert tf.config.list_logical_devices("GPU")
print(tf.constant([1.0, 2.0]).device)
"""


@pytest.mark.tensorflow_internals
def test_no_gpu_is_computed_on(fake_gpu):
    """Check that no fit asks for GPU memory, and that the user can still use the GPU."""
    done = run_python(FITS + ON_THE_CPU, TF_PLUGGABLE_DEVICE_LIBRARY_PATH=str(fake_gpu))
    assert done.returncode == 0, done.stderr
    fits, _, user = done.stderr.partition("of the user:\n")
    assert fits == "fake GPU: create device\n"
    assert "fake GPU: allocate" in user
    assert done.stdout.endswith("device:GPU:0\n")


HIDDEN = """
import tensorflow as tf
tf.config.set_visible_devices([], "GPU")
fit_all()
"""


@pytest.mark.slow
def test_a_gpu_that_the_user_has_hidden_is_not_started(fake_gpu):
    """Check the advice for processes that should leave the GPU alone."""
    done = run_python(FITS + HIDDEN, TF_PLUGGABLE_DEVICE_LIBRARY_PATH=str(fake_gpu))
    assert done.returncode == 0, done.stderr
    assert "fake GPU" not in done.stderr
