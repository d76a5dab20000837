"""Systems other than Linux: parts that only Linux has make fits faster, but are not needed."""

from tests.helpers import run_python, without_log

OTHER_SYSTEM = """
import builtins, ctypes, io, os, signal, sys

for module, names in (
    (os, ("fork", "register_at_fork", "getuid", "sched_getaffinity")),
    (signal, ("pthread_sigmask", "setitimer")),
):
    for name in names:
        delattr(module, name)

real_open, real_library = io.open, ctypes.CDLL

def open_no_proc(path, *args, **kwargs):
    caller = sys._getframe(1).f_globals["__name__"]
    if str(path).startswith("/proc") and caller != "threadpoolctl":  # it asks each system its way
        raise FileNotFoundError(path)
    return real_open(path, *args, **kwargs)

class Library(real_library):
    def __init__(self, name, *args, **kwargs):
        if name is None:  # the process itself, as on Windows
            raise TypeError("no name of a library")
        super().__init__(name, *args, **kwargs)

io.open = builtins.open = open_no_proc
ctypes.CDLL = Library
"""

FIT = """
import warnings
import numpy as np
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier
import skmlp
from skmlp import TFMLPClassifier
from skmlp._tensorflow.status import describe_tricks

warnings.simplefilter("ignore")
X, y = load_iris(return_X_y=True)
for solver in ("adam", "lbfgs"):
    params = {"hidden_layer_sizes": 5, "solver": solver, "max_iter": 20, "random_state": 0}
    theirs, ours = (cls(**params).fit(X, y) for cls in (MLPClassifier, TFMLPClassifier))
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=0, atol=1e-8)
print(describe_tricks()["kept_programs"])
skmlp.show_versions()
"""


def test_a_fit_needs_nothing_that_only_linux_has(tmp_path):
    """Check the numbers without forks, users, /proc, thread signals or glibc.

    Programs are not kept, and the reason is told.
    """
    done = run_python(OTHER_SYSTEM + FIT, SKMLP_CACHE_DIR=str(tmp_path))
    assert (done.returncode, without_log(done.stderr)) == (0, "")
    assert done.stdout.startswith("off: the processor is unknown")
    assert "tensorflow" in done.stdout
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
