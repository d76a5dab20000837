"""The tabular estimators in separate processes: compiled programs have the same bits."""

import numpy as np
import pytest

from skmlp import TabularMLPClassifier, TabularMLPRegressor
from tests.estimators.test_tabular import TABLE, outputs_of, small, target_of
from tests.helpers import run_python

IN_A_PROCESS = """
import sys, numpy as np
from tests.estimators.test_tabular import *
for estimator in (TabularMLPClassifier, TabularMLPRegressor):
    est = small(estimator).fit(TABLE, target_of(estimator))
    np.save(f"{sys.argv[-1]}/{estimator.__name__}.npy", outputs_of(est))
"""


@pytest.mark.parametrize("n_threads", [pytest.param(None, marks=pytest.mark.slow), "1"])
def test_another_process_has_the_same_bits(n_threads, tmp_path):
    """Check all cores and one: threads share rows and columns, never the terms of a sum."""
    code = IN_A_PROCESS.replace("sys.argv[-1]", repr(str(tmp_path)))
    done = run_python(code, OMP_NUM_THREADS=n_threads)
    assert done.returncode == 0, done.stderr
    for estimator in (TabularMLPClassifier, TabularMLPRegressor):
        est = small(estimator).fit(TABLE, target_of(estimator))
        outputs = np.load(tmp_path / f"{estimator.__name__}.npy")
        np.testing.assert_array_equal(outputs, outputs_of(est))
