"""The public transformers, against the formulas that define them."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.preprocessing import RobustScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import skmlp
from skmlp.preprocessing import PeriodicFeatures, RobustSmoothScaler
from tests.helpers import run_python

rng = np.random.RandomState(0)
NUMBERS = rng.standard_normal((200, 4)) * [1, 50, 1e-6, 1e9] + [0, 3, 0, -1e9]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")  # the array API
@parametrize_with_checks(
    [RobustSmoothScaler(), RobustSmoothScaler(max_abs=None), PeriodicFeatures(random_state=0)]
)
def test_scikit_learn_estimator_checks(estimator, check):
    """Check what scikit-learn asks of every transformer; nothing is expected to fail."""
    check(estimator)


def test_the_package_imports_them_when_asked():
    """Check that importing skmlp does not import the transformers."""
    assert skmlp.preprocessing.PeriodicFeatures is PeriodicFeatures
    code = """
import sys, skmlp
assert "skmlp.preprocessing" not in sys.modules
assert skmlp.preprocessing.RobustSmoothScaler
assert not {"tensorflow", "polars"} & {*sys.modules}  # scikit-learn imports pandas if it can
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr


def test_scaler_is_scikit_learns_before_it_clips():
    """Check median and interquartile range."""
    ours, theirs = RobustSmoothScaler(max_abs=None).fit(NUMBERS), RobustScaler().fit(NUMBERS)
    np.testing.assert_allclose(ours.center_, theirs.center_, rtol=1e-12)
    np.testing.assert_allclose(ours.scale_, theirs.scale_, rtol=1e-12)
    np.testing.assert_allclose(
        ours.transform(NUMBERS), theirs.transform(NUMBERS), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("max_abs", [3.0, 0.5, 100.0])
def test_scaler_clips_by_its_formula(max_abs):
    """Check z / sqrt(1 + (z / max_abs)**2)."""
    z = RobustScaler().fit_transform(NUMBERS)
    scaled = RobustSmoothScaler(max_abs=max_abs).fit_transform(NUMBERS)
    expected = z / np.sqrt(1 + (z / max_abs) ** 2)
    np.testing.assert_allclose(scaled, expected, rtol=1e-12, atol=1e-12)
    assert np.abs(scaled).max() < max_abs


def test_scaler_without_interquartile_range_takes_half_the_range():
    """Check a feature that is mostly one value."""
    X = np.array([[5.0]] * 8 + [[9.0], [4.0]])
    scaler = RobustSmoothScaler(max_abs=None).fit(X)
    assert scaler.scale_ == [2.5]
    assert scaler.transform([[10.0]]) == [[2.0]]


def test_scaler_makes_constant_features_zero():
    """Check the training value and other values, and a feature of only NaN."""
    scaler = RobustSmoothScaler().fit([[7.0, np.nan], [7.0, np.nan]])
    np.testing.assert_array_equal(
        scaler.transform([[7.0, 1.0], [9.0, np.nan]]), [[0, 0], [0, np.nan]]
    )


def test_scaler_ignores_nan():
    """Check that statistics ignore NaN, and that NaN stays NaN."""
    holes = NUMBERS.copy()
    holes[::3, 1] = np.nan
    scaled = RobustSmoothScaler().fit_transform(holes)
    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(holes))
    others = np.delete(NUMBERS[:, [1]], np.s_[::3], axis=0)
    alone = RobustSmoothScaler().fit_transform(others)
    np.testing.assert_array_equal(np.delete(scaled[:, [1]], np.s_[::3], axis=0), alone)


@pytest.mark.parametrize("values", [[1e308, -1e308, 0, 1.7e308, 5], [0, 1e-310, 2e-310, 1, 1e300]])
@pytest.mark.parametrize("max_abs", [None, 3.0, 1e-200])
def test_scaler_is_finite_and_in_order_for_extreme_numbers(values, max_abs):
    """Check numbers whose differences or quotients overflow."""
    X = np.sort(np.array(values, float))[:, np.newaxis]
    scaled = RobustSmoothScaler(max_abs=max_abs).fit_transform(X)
    assert np.isfinite(scaled).all()
    assert (np.diff(scaled, axis=0) >= 0).all()
    assert scaled[0] < scaled[-1]


def test_scaler_keeps_float32():
    """Check that the result equals the rounded float64 result."""
    X = NUMBERS.astype(np.float32)
    scaled = RobustSmoothScaler().fit_transform(X)
    assert scaled.dtype == np.float32
    expected = RobustSmoothScaler().fit_transform(X.astype(np.float64)).astype(np.float32)
    np.testing.assert_array_equal(scaled, expected)


def cosines_of(transformer, X):
    """Return the outputs by their formula, with one axis for the terms of a sum."""
    t = transformer
    turns = X[:, :, np.newaxis] * t.frequencies_ + t.phases_
    mixed = np.einsum("sfk,fck->sfc", np.cos(2 * np.pi * turns), t.weights_) + t.offsets_
    return mixed.reshape(len(X), -1)


@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-12), (np.float32, 2e-5)])
@pytest.mark.parametrize(("n_components", "n_frequencies", "scale"), [(3, 16, 0.1), (1, 5, 2.0)])
def test_periodic_features_by_their_formula(dtype, atol, n_components, n_frequencies, scale):
    """Check W cos(2 pi (f x + b)) + c, in more samples than one part has."""
    X = np.random.RandomState(1).standard_normal((7000, 3)).astype(dtype)
    transformer = PeriodicFeatures(
        n_components=n_components,
        n_frequencies=n_frequencies,
        frequency_scale=scale,
        random_state=0,
    )
    mixed = transformer.fit_transform(X)
    assert mixed.dtype == dtype
    np.testing.assert_allclose(mixed, cosines_of(transformer, X.astype(float)), atol=atol)


def test_periodic_features_are_drawn_from_their_distributions():
    """Check bounds, and means and deviations within five standard errors."""
    t = PeriodicFeatures(n_components=8, random_state=0).fit(np.zeros((1, 2000)))
    assert t.frequencies_.std() == pytest.approx(0.1, rel=0.02)
    assert abs(t.frequencies_.mean()) < 5 * 0.1 / 32000**0.5
    for drawn, bound in ((t.phases_, 0.5), (t.weights_, 0.25), (t.offsets_, 0.25)):
        assert np.abs(drawn).max() <= bound
        assert drawn.std() == pytest.approx(bound / 3**0.5, rel=0.03)


def test_periodic_features_are_independent_of_other_features():
    """Check that an output changes with its own feature alone, and that features have their own."""
    transformer = PeriodicFeatures(random_state=0).fit(NUMBERS)
    changed = NUMBERS.copy()
    changed[:, 1] += 1
    differs = transformer.transform(NUMBERS) != transformer.transform(changed)
    np.testing.assert_array_equal(differs.any(axis=0), np.repeat([0, 1, 0, 0], 3).astype(bool))
    assert len(np.unique(transformer.frequencies_)) == transformer.frequencies_.size


@pytest.mark.parametrize("transformer", [RobustSmoothScaler(), PeriodicFeatures(random_state=0)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_do_not_affect_one_another(transformer, dtype):
    """Check the bits of some samples, alone and among others."""
    X = np.random.RandomState(2).standard_normal((9001, 3)).astype(dtype)
    whole = clone(transformer).fit(X)
    for rows in (np.s_[:1], np.s_[5:8], np.s_[100:9000:7], np.s_[:]):
        np.testing.assert_array_equal(whole.transform(X[rows]), whole.transform(X)[rows])


def test_random_state_determines_periodic_features():
    """Check the same seed, another one, and a generator that goes on."""
    first, same, other = (
        PeriodicFeatures(random_state=seed).fit_transform(NUMBERS) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    generator = np.random.RandomState(0)
    drawn = [PeriodicFeatures(random_state=generator).fit_transform(NUMBERS) for _ in range(2)]
    np.testing.assert_array_equal(drawn[0], first)
    assert (drawn[1] != first).any()


def test_periodic_features_are_finite_for_extreme_numbers():
    """Check products that would overflow."""
    for dtype in (np.float32, np.float64):
        X = np.array([[np.finfo(dtype).max], [-np.finfo(dtype).max]], dtype)
        mixed = PeriodicFeatures(frequency_scale=100.0, random_state=0).fit_transform(X)
        assert np.isfinite(mixed).all()


def test_names_of_outputs():
    """Check names from fit, names from the call, and no names."""
    frame = pd.DataFrame(NUMBERS[:, :2], columns=["a", "b"])
    names = PeriodicFeatures(n_components=2).fit(frame).get_feature_names_out()
    assert names.tolist() == ["a_periodic0", "a_periodic1", "b_periodic0", "b_periodic1"]
    assert RobustSmoothScaler().fit(frame).get_feature_names_out().tolist() == ["a", "b"]
    unnamed = PeriodicFeatures(n_components=1).fit(NUMBERS[:, :2])
    assert unnamed.get_feature_names_out(["u", "v"]).tolist() == ["u_periodic0", "v_periodic0"]
    with pytest.raises(ValueError, match="input_features"):
        unnamed.get_feature_names_out(["u"])


@pytest.mark.parametrize("transformer", [RobustSmoothScaler(), PeriodicFeatures(n_components=1)])
def test_set_output(transformer):
    """Check pandas and polars, by the method and by the configuration."""
    frame = pd.DataFrame(NUMBERS[:, :2], columns=["a", "b"], index=range(5, 205))
    out = clone(transformer).set_output(transform="pandas").fit_transform(frame)
    assert out.index.equals(frame.index)
    assert len(out.columns) == 2
    with config_context(transform_output="polars"):
        assert clone(transformer).fit_transform(frame).shape == (200, 2)


@pytest.mark.parametrize("transformer", [RobustSmoothScaler(), PeriodicFeatures()])
def test_what_is_refused(transformer):
    """Check sparse X, infinity and parameters out of range."""
    with pytest.raises(TypeError, match="toarray"):
        clone(transformer).fit(csr_array(NUMBERS))
    with pytest.raises(ValueError, match="infinity"):
        clone(transformer).fit([[np.inf], [1.0]])
    name = next(iter(transformer.get_params()))
    with pytest.raises(ValueError, match=name):
        clone(transformer).set_params(**{name: 0}).fit(NUMBERS)


@pytest.mark.parametrize("transformer", [RobustSmoothScaler(), PeriodicFeatures(random_state=0)])
def test_pickles_transform_to_the_same_bits(transformer):
    """Check a pickle of the fitted transformer."""
    fitted = clone(transformer).fit(NUMBERS)
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.transform(NUMBERS), fitted.transform(NUMBERS))
