"""The switch that turns all tricks off: a fit works, with the same numbers up to rounding."""

import pytest

from tests.helpers import run_python

FIT = """
import warnings; warnings.simplefilter("ignore")
import numpy as np
from scipy.sparse import csr_array
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.datasets import load_iris
from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp._engine import feed
X, y = load_iris(return_X_y=True)
for pair in ((MLPClassifier, TFMLPClassifier), (MLPRegressor, TFMLPRegressor)):
    for data in (X, csr_array(X)):
        for own in ({}, {"early_stopping": True}, {"solver": "lbfgs"}):
            params = {"hidden_layer_sizes": 7, "random_state": 0, "max_iter": 20, "batch_size": 32}
            one, other = (
                cls(**params, **own).fit(data, y)
                for cls in pair
            )
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
def test_a_fit_without_shared_memory_has_the_same_bits(rows):
    """Check one block of samples, and several, which another thread gathers ahead."""
    code = f"""
import warnings; warnings.simplefilter("ignore")
import numpy as np
from skmlp import TFMLPClassifier
from skmlp._engine import capacity
from skmlp._tensorflow import sharing
from skmlp._tensorflow.loading import load
capacity._BLOCK_BYTES = 2**16
load(); assert sharing.works()
X = np.random.RandomState(0).normal(size=({rows}, 10)); y = X.sum(axis=1) > 0
def fit(): return TFMLPClassifier(5, max_iter=4, random_state=0, batch_size=50).fit(X, y)
shared = fit()
sharing._State.works = False
copied = fit()
for a, b in zip(shared.coefs_, copied.coefs_, strict=True): assert (a == b).all()
assert shared.loss_curve_ == copied.loss_curve_
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr
