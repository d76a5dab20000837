"""Files that earlier versions have written are read, and training goes on from them.

The last commit before the modules moved into folders has written ``tests/data/1``, the first
commit after it ``tests/data/2``. ``tests/data/3`` has the first checkpoints whose hashes are those
of values, whatever type held these values; see `tests.write_files`.
"""

import pickle
import pickletools
import shutil

import joblib
import numpy as np
import pytest
import skops.io

from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp.callbacks import Checkpoint
from tests.helpers import ROOT, fit_quietly, load
from tests.write_files import CHECKPOINT, N_LATER, SHARED, mixed_table

pytestmark = pytest.mark.filterwarnings(
    # A LabelBinarizer of another version of scikit-learn warns.
    "ignore::sklearn.exceptions.InconsistentVersionWarning"
)

DIRECTORIES = sorted(path for path in (ROOT / "tests" / "data").iterdir() if path.is_dir())
versions = pytest.mark.parametrize("directory", DIRECTORIES, ids=lambda path: path.name)


def load_skops(path):
    data = path.read_bytes()
    return skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))


def assert_predicts(model, expected, kind):
    """Check the weights' bits, and outputs, whose last bit may depend on the processor."""
    X, _ = load("iris")
    np.testing.assert_array_equal(model.coefs_[0], expected[f"{kind}_coef"])
    proba = model.predict_proba(X[::10])
    np.testing.assert_allclose(proba, expected[f"{kind}_proba"], rtol=1e-14)
    np.testing.assert_array_equal(model.predict(X[::10]), proba.argmax(axis=1))


@versions
@pytest.mark.parametrize("name", ["classifier.pkl", "classifier.skops"])
def test_a_saved_classifier_predicts_and_goes_on(directory, name):
    """Check predictions, and `partial_fit` with the learning rate and the velocities it had."""
    expected = np.load(directory / "expected.npz")
    read = load_skops if name.endswith(".skops") else joblib.load
    clf = read(directory / name)
    assert type(clf) is TFMLPClassifier
    assert_predicts(clf, expected, "classifier")
    for _ in range(N_LATER):
        clf.partial_fit(*load("iris"))
    np.testing.assert_allclose(clf.coefs_[0], expected["classifier_coef_later"], rtol=1e-12)
    assert clf._optimizer.hyper.keys() >= {"learning_rate_init", "momentum", "nesterovs_momentum"}


@versions
def test_a_checkpoint_predicts_and_is_resumed(directory, tmp_path):
    """Check predictions, and that training ends as it did in the old version."""
    expected = np.load(directory / "expected.npz")
    path = shutil.copy(directory / "checkpoint.joblib", tmp_path)
    model = joblib.load(path)
    assert model.n_iter_ == 5
    assert_predicts(model, expected, "checkpoint")
    est = TFMLPClassifier(**SHARED | CHECKPOINT).set_callbacks(Checkpoint(path, resume=True))
    fit_quietly(est, *load("iris"))
    np.testing.assert_allclose(est.coefs_[0], expected["checkpoint_coef_later"], rtol=1e-12)
    np.testing.assert_allclose(est.loss_curve_, expected["checkpoint_loss_curve_later"], rtol=1e-12)


@pytest.mark.parametrize("directory", [d for d in DIRECTORIES if (d / "tabular.pkl").exists()])
@pytest.mark.parametrize("name", ["tabular.pkl", "tabular.skops"])
def test_a_saved_tabular_classifier_predicts(directory, name):
    """Check probabilities for the training rows, and that there is a file."""
    read = load_skops if name.endswith(".skops") else joblib.load
    clf = read(directory / name)
    expected = np.load(directory / "expected.npz")["tabular_proba"]
    np.testing.assert_allclose(clf.predict_proba(mixed_table()[0]), expected, rtol=1e-6)


def modules_in(data):
    """Return the modules of skmlp that a pickle names."""
    strings = [arg for _, arg, _ in pickletools.genops(data) if isinstance(arg, str)]
    return {name.split(" ")[0] for name in strings if name.split(".")[0] == "skmlp"}


def test_files_name_modules_that_stay(tmp_path):
    """Check that pickles of both estimators and a checkpoint name public modules only."""
    X, y = load("iris")
    path = tmp_path / "file"
    checkpoint = Checkpoint(path)
    clf = fit_quietly(TFMLPClassifier(3, max_iter=2).set_callbacks(checkpoint), X, y)
    reg = fit_quietly(TFMLPRegressor(hidden_layer_sizes=3, max_iter=2, solver="sgd"), X, y)
    snapshot = pickle.dumps(joblib.load(path))
    found = modules_in(snapshot) | modules_in(pickle.dumps(reg))
    assert found == {"skmlp", "skmlp.saved"}
    data = skops.io.dumps(joblib.load(path))
    types = set(skops.io.get_untrusted_types(data=data))
    assert {name.rpartition(".")[0] for name in types} <= {"skmlp", "skmlp.saved"}
    assert type(clf).__module__ == type(reg).__module__ == "skmlp"
