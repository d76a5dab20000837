"""The tabular estimators in separate processes: compiled programs have the same bits."""

import pickle

import numpy as np
import pytest

from skmlp import TabularMLPClassifier, TabularMLPRegressor
from tests.estimators.test_tabular import TABLE, outputs_of, small, target_of
from tests.helpers import run_python

IN_A_PROCESS = """
import os, pickle, numpy as np
os.chdir(FOLDER)
with open("fit", "rb") as file:
    est, table, y = pickle.load(file)
est.fit(table, y)
np.save("outputs.npy", est.predict_proba(table) if hasattr(est, "classes_") else est.predict(table))
"""


@pytest.mark.parametrize(
    ("estimator", "n_threads"),
    [
        (TabularMLPClassifier, "1"),
        pytest.param(TabularMLPRegressor, "1", marks=pytest.mark.slow),
        pytest.param(TabularMLPClassifier, None, marks=pytest.mark.slow),
        pytest.param(TabularMLPRegressor, None, marks=pytest.mark.slow),
    ],
)
def test_another_process_has_the_same_bits(estimator, n_threads, tmp_path):
    """Check all cores and one: threads share rows and columns out, but not the terms of a sum."""
    est, y = small(estimator), target_of(estimator)
    (tmp_path / "fit").write_bytes(pickle.dumps((est, TABLE, y)))
    done = run_python(
        IN_A_PROCESS.replace("FOLDER", repr(str(tmp_path))), OMP_NUM_THREADS=n_threads
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "outputs.npy"), outputs_of(est.fit(TABLE, y)))
