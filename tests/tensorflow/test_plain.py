"""The switch that turns all tricks off: a fit works, with the same numbers up to rounding."""

import numpy as np
import pytest
from sklearn.base import clone

from skmlp import TFMLPClassifier
from skmlp._engine import capacity
from skmlp._tensorflow import sharing
from skmlp._tensorflow.loading import load as load_tensorflow
from tests.helpers import fit_quietly, run_python

FIT = """
import warnings; warnings.simplefilter("ignore")
import numpy as np
from scipy.sparse import csr_array
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.datasets import load_iris
from skmlp import TFMLPClassifier, TFMLPRegressor
X, y = load_iris(return_X_y=True)
sparse = csr_array(X)
for theirs, ours, data, own in (
    (MLPClassifier, TFMLPClassifier, X, {"early_stopping": True}),
    (MLPClassifier, TFMLPClassifier, sparse, {"solver": "lbfgs"}),
    (MLPRegressor, TFMLPRegressor, X, {"solver": "lbfgs"}),
    (MLPRegressor, TFMLPRegressor, sparse, {}),
):
    params = {"hidden_layer_sizes": 7, "random_state": 0, "max_iter": 20, "batch_size": 32} | own
    one, other = (cls(**params).fit(data, y) for cls in (theirs, ours))
    for a, b in zip(one.coefs_ + [one.loss_], other.coefs_ + [other.loss_], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)
"""


def test_a_fit_without_any_trick_has_the_numbers_of_scikit_learn():
    """Check dense and sparse samples, by epochs and by L-BFGS."""
    code = (
        "from skmlp._tensorflow import status\n"
        + FIT
        + (
            "assert all(text.startswith('off: ') for text in status.describe_tricks().values())\n"
            "import sys; assert 'keras' in sys.modules"
        )
    )
    done = run_python(code, SKMLP_PLAIN_TENSORFLOW="1")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("rows", [150, 20000])
def test_a_fit_without_shared_memory_has_the_same_bits(rows, monkeypatch):
    """Check one block of samples, and several, gathered ahead by a thread."""
    load_tensorflow()
    assert sharing.works()
    monkeypatch.setattr(capacity, "_BLOCK_BYTES", 2**16)
    X = np.random.RandomState(0).normal(size=(rows, 10))
    clf = TFMLPClassifier(5, max_iter=4, random_state=0, batch_size=50)
    shared = fit_quietly(clone(clf), X, X.sum(axis=1) > 0)
    monkeypatch.setattr(sharing._State, "works", False)
    copied = fit_quietly(clone(clf), X, X.sum(axis=1) > 0)
    for one, other in zip(shared.coefs_, copied.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
    assert shared.loss_curve_ == copied.loss_curve_
