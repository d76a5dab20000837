"""Fitted estimators outside the process: files, their size, versions, `drop_optimizer`."""

import copy
import io
import json
import pickle
import warnings

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning as SklearnVersionWarning
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skmlp
from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp._estimators import versioned as _versioned
from skmlp.exceptions import InconsistentVersionWarning
from tests.helpers import fit_both, fit_quietly, load, run_python, sampled_cases

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

X, Y = load("iris")
both = pytest.mark.parametrize("estimator", [TFMLPClassifier, TFMLPRegressor])


def small(estimator, **params):
    return estimator(**({"max_iter": 3, "random_state": 0, "hidden_layer_sizes": 6} | params))


def dump_joblib(estimator):
    stream = io.BytesIO()
    joblib.dump(estimator, stream)
    return stream.getvalue()


def load_skops(data):
    return skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))


FORMATS = {
    "pickle": (pickle.dumps, pickle.loads),
    "joblib": (dump_joblib, lambda data: joblib.load(io.BytesIO(data))),
    "skops": (skops.io.dumps, load_skops),
}
formats = pytest.mark.parametrize("kind", FORMATS)


@pytest.fixture(scope="module")
def fitted():
    """Return fitted estimators of every kind with a state of its own, trained on iris."""
    names = np.array(["setosa", "versicolor", "virginica"])[Y]
    cases = {
        "strings": (small(TFMLPClassifier, early_stopping=True), names),
        "float32": (small(TFMLPClassifier, dtype="float32", solver="sgd"), Y),
        "multilabel": (small(TFMLPClassifier, activation="tanh"), np.eye(3, dtype=int)[Y]),
        "random state": (small(TFMLPClassifier, random_state=np.random.RandomState(1)), Y > 0),
        "lbfgs": (small(TFMLPRegressor, solver="lbfgs", hidden_layer_sizes=(3, 4)), Y),
        "poisson": (small(TFMLPRegressor, loss="poisson", scoring="r2"), Y),
        "pipeline": (make_pipeline(StandardScaler(), small(TFMLPRegressor)), X[:, :2]),
    }
    return {name: fit_quietly(est, X, y) for name, (est, y) in cases.items()}


LOADERS = {
    "pickle": "import pickle; load = lambda f: pickle.load(open(f, 'rb'))",
    "joblib": "import joblib; load = joblib.load",
    "mapped": "import joblib; load = lambda f: joblib.load(f, mmap_mode='r')",
    "skops": "from skops.io import get_untrusted_types as types, load as read\n"
    "load = lambda f: read(f, trusted=types(file=f))",
}


def test_files_predict_the_same_bits_without_tensorflow(fitted, tmp_path):
    """Check all kinds of estimators and of files, in a process of their own."""
    for name, est in fitted.items():
        for kind, (dump, _) in FORMATS.items():
            (tmp_path / f"{name}.{kind}").write_bytes(dump(est))
        predict = est.predict_proba if hasattr(est, "predict_proba") else est.predict
        np.savez(tmp_path / f"{name}.npz", labels=est.predict(X), outputs=predict(X))
    np.save(tmp_path / "X.npy", X)
    code = f"import os, sys, numpy as np; os.chdir({str(tmp_path)!r}); X = np.load('X.npy')\n"
    for loader, imports in LOADERS.items():
        kind = "joblib" if loader == "mapped" else loader
        code += (
            f"{imports}\n"
            f"for name in {list(fitted)}:\n"
            f"    est, expected = load(name + '.{kind}'), np.load(name + '.npz')\n"
            "    predict = est.predict_proba if hasattr(est, 'predict_proba') else est.predict\n"
            f"    case = {loader!r}, name\n"
            "    assert predict(X).tobytes() == expected['outputs'].tobytes(), case\n"
            "    assert est.predict(X).tolist() == expected['labels'].tolist(), case\n"
        )
    done = run_python(code + "assert not {'tensorflow', 'keras'} & set(sys.modules)")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_every_protocol_predict_the_same_bits(protocol, fitted):
    """Check all kinds of estimators in this process."""
    for name, est in fitted.items():
        loaded = pickle.loads(pickle.dumps(est, protocol=protocol))
        np.testing.assert_array_equal(loaded.predict(X), est.predict(X), err_msg=name)


def test_skops_has_to_trust_nothing_of_others(fitted):
    """Check the types that a reader of the file has to trust."""
    for name, est in fitted.items():
        types = skops.io.get_untrusted_types(data=skops.io.dumps(est))
        assert types, name
        assert all(each.startswith("skmlp.") for each in types), (name, types)


@formats
@both
def test_a_loaded_estimator_goes_on_bit_by_bit(kind, estimator):
    """Check partial_fit after a round trip."""
    dumps, loads = FORMATS[kind]
    est = fit_quietly(small(estimator), X, Y)
    loaded = loads(dumps(est))
    for each in (est, loaded):
        each.partial_fit(X, Y).partial_fit(X[:50], Y[:50])
    np.testing.assert_array_equal(loaded.coefs_[0], est.coefs_[0])
    assert loaded.loss_curve_ == est.loss_curve_


LARGE = {
    "adam": {"solver": "adam"},
    "sgd": {"solver": "sgd", "early_stopping": True},
    "lbfgs": {"solver": "lbfgs"},
    "float32": {"dtype": "float32", "hidden_layer_sizes": (300, 300)},
}


@pytest.mark.parametrize(
    ("name", "kind", "estimator"),
    sampled_cases(LARGE, ["pickle", "joblib"], [TFMLPClassifier, TFMLPRegressor]),
)
def test_a_file_holds_little_more_than_the_arrays(name, kind, estimator):
    """Check its size against the bytes of weights and biases, with and without the optimizer."""
    data, y = load("digits")
    est = fit_quietly(small(estimator, **({"hidden_layer_sizes": (300,)} | LARGE[name])), data, y)
    n_bytes = sum(array.nbytes for array in est.coefs_ + est.intercepts_)
    n_kept = {"adam": 2, "sgd": 1, "lbfgs": 0}[est.solver]
    dumps = FORMATS[kind][0]
    assert n_bytes < len(dumps(est)) < 1.05 * (1 + n_kept) * n_bytes
    assert n_bytes < len(dumps(est.drop_optimizer())) < 1.05 * n_bytes


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@both
def test_dropping_the_optimizer_changes_nothing_else(solver, estimator):
    """Check predictions and attributes; and that a copy leaves the original as it was."""
    est = fit_quietly(small(estimator, solver=solver), X, Y)
    before, y_pred = dict(vars(est)), est.predict(X)
    lean = copy.copy(est)
    assert lean.drop_optimizer() is lean
    assert vars(est) == before
    assert vars(lean) == before | {"_optimizer": None}
    np.testing.assert_array_equal(lean.predict(X), y_pred)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@both
def test_partial_fit_goes_on_with_a_new_optimizer(solver, estimator):
    """Check against scikit-learn, with its optimizer deleted and recreated."""
    theirs, ours = fit_both(X, Y, estimator=estimator, solver=solver, max_iter=3, random_state=0)
    del theirs._optimizer
    ours.drop_optimizer()
    for each in (theirs, ours):
        each.set_params(learning_rate_init=0.01).partial_fit(X, Y).partial_fit(X, Y)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=0, atol=1e-10)


@both
def test_only_a_fitted_estimator_drops_its_optimizer(estimator):
    """Check the error, and that the estimator stays as it was."""
    est = estimator()
    with pytest.raises(NotFittedError):
        est.drop_optimizer()
    assert vars(est) == vars(estimator())


@both
def test_the_version_is_in_the_state_and_not_in_the_estimator(estimator):
    """Check pickles, copies and clones, of fitted and of new estimators."""
    for est in (estimator(), fit_quietly(small(estimator), X, Y)):
        names = list(vars(est))
        assert est.__getstate__()["_skmlp_version"] == skmlp.__version__
        for other in (pickle.loads(pickle.dumps(est)), copy.copy(est), copy.deepcopy(est)):
            assert list(vars(other)) == names
        assert list(vars(est)) == names
        assert vars(clone(est)).keys() == est.get_params().keys()


def test_the_version_can_be_read_in_a_skops_file():
    """Check that a reader can see the version without loading the estimator."""
    import zipfile

    data = skops.io.dumps(TFMLPRegressor())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = json.loads(archive.read("schema.json"))
    assert json.loads(schema["content"]["content"]["_skmlp_version"]["content"]) == (
        skmlp.__version__
    )


def written_by(version, monkeypatch, dumps, estimator):
    """Return a file as another version of skmlp would write it."""
    with monkeypatch.context() as context:
        context.setattr(_versioned, "__version__", version)
        return dumps(estimator)


@formats
def test_a_file_of_a_newer_major_version_warns(kind, monkeypatch):
    """Check the category, its attributes and the message, and that the estimator is there."""
    dumps, loads = FORMATS[kind]
    data = written_by("77.1.0", monkeypatch, dumps, TFMLPRegressor(alpha=0.5))
    with pytest.warns(InconsistentVersionWarning, match=r"saved by skmlp 77\.1\.0") as caught:
        loaded = loads(data)
    assert loaded.get_params() == TFMLPRegressor(alpha=0.5).get_params()
    (warning,) = (each.message for each in caught)
    assert warning.estimator_name == "TFMLPRegressor"
    assert warning.original_skmlp_version == "77.1.0"
    assert warning.current_skmlp_version == skmlp.__version__
    assert f"older skmlp {skmlp.__version__}" in str(warning)


@pytest.mark.parametrize("version", ["0.0.1", "3.0.0", "3.99.0rc1", "unknown"])
def test_other_versions_do_not_warn(version, monkeypatch):
    """Check older versions, newer minor versions, and a text that is no version."""
    data = written_by(version, monkeypatch, pickle.dumps, TFMLPClassifier())
    monkeypatch.setattr(_versioned, "__version__", "3.2.1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = pickle.loads(data)
    assert loaded.get_params() == TFMLPClassifier().get_params()


def test_a_state_without_a_version_is_loaded():
    """Check a state that was saved before states had a version."""
    est = fit_quietly(small(TFMLPClassifier), X, Y)
    state = est.__getstate__()
    del state["_skmlp_version"]
    loaded = TFMLPClassifier.__new__(TFMLPClassifier)
    loaded.__setstate__(state)
    np.testing.assert_array_equal(loaded.predict_proba(X), est.predict_proba(X))


def test_the_warning_of_scikit_learn_stays(monkeypatch):
    """Check a classifier, which holds a LabelBinarizer, of another scikit-learn."""
    est = fit_quietly(small(TFMLPClassifier), X, Y)
    with monkeypatch.context() as context:
        context.setattr("sklearn.base.__version__", "1.8.77")
        data = pickle.dumps(est)
    with pytest.warns(SklearnVersionWarning, match=r"LabelBinarizer from version 1\.8\.77"):
        loaded = pickle.loads(data)
    np.testing.assert_array_equal(loaded.predict(X), est.predict(X))
