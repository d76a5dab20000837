"""Which samples train and which validate."""

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from skmlp._data.samples import SampleSet, with_hold_out, with_validation, without_validation


def block(n_samples, n_outputs=1, weight=None):
    rng = np.random.RandomState(0)
    targets = np.arange(n_samples)[:, np.newaxis] % (n_outputs + 1) == 1
    weight = np.ones(n_samples) if weight is None else np.asarray(weight, float)
    return SampleSet(rng.normal(size=(n_samples, 2)), targets, weight)


def test_without_validation_all_train_in_order():
    """Check the rows."""
    samples = without_validation(block(5))
    np.testing.assert_array_equal(samples.train_rows, range(5))
    assert len(samples.validation_rows) == 0
    assert samples.n_rows == 5


def test_a_validation_block_follows_the_training_block():
    """Check that row numbers go on in the validation block."""
    samples = with_validation(block(5), block(3))
    np.testing.assert_array_equal(samples.train_rows, range(5))
    np.testing.assert_array_equal(samples.validation_rows, range(5, 8))
    assert samples.n_rows == 8


@pytest.mark.parametrize(
    ("fraction", "n_samples", "n_validation"),
    [(0.1, 40, 4), (0.1, 41, 5), (0.5, 4, 2), (7, 20, 7), (2, 3, 2)]
    + [(None, 40, 4), (None, 41, 5), (None, 10, 2), (None, 3, 2)],
)
def test_hold_out_counts_samples(fraction, n_samples, n_validation):
    """Check fractions (rounded up), numbers of samples, and the default."""
    samples = with_hold_out(block(n_samples), fraction, False, np.random.RandomState(0))
    assert len(samples.validation_rows) == n_validation
    rows = np.concatenate([samples.train_rows, samples.validation_rows])
    np.testing.assert_array_equal(np.sort(rows), range(n_samples))


@pytest.mark.parametrize("stratify", [True, False])
def test_hold_out_is_train_test_split(stratify):
    """Check that the rows are those that scikit-learn's MLP holds out."""
    data = block(50)
    samples = with_hold_out(data, 0.2, stratify, np.random.RandomState(3))
    train, validation = train_test_split(
        data.X,
        random_state=np.random.RandomState(3),
        test_size=0.2,
        stratify=data.targets if stratify else None,
    )
    np.testing.assert_array_equal(data.X[samples.train_rows], train)
    np.testing.assert_array_equal(data.X[samples.validation_rows], validation)


@pytest.mark.parametrize(
    ("fraction", "n_samples"), [(0.1, 10), (1, 50), (None, 2), (None, 1), (0.5, 2)]
)
def test_too_small_a_validation_set_is_refused(fraction, n_samples):
    """Check that a validation set needs two samples."""
    with pytest.raises(ValueError, match=r"The validation set is too small.*validation_fraction="):
        with_hold_out(block(n_samples), fraction, False, np.random.RandomState(0))


@pytest.mark.parametrize("fraction", [10, 11, 5000, 0.999])
def test_an_empty_training_set_is_refused(fraction):
    """Check that something is left to train on."""
    with pytest.raises(ValueError, match=r"validation_fraction=\S+ leaves nothing to train on"):
        with_hold_out(block(10), fraction, False, np.random.RandomState(0))


@pytest.mark.parametrize("part", ["training", "validation"])
def test_parts_without_weight_are_refused(part):
    """Check weights that are all zero in one part of the split."""
    split = with_hold_out(block(10), 3, False, np.random.RandomState(0))
    weight = np.ones(10)
    weight[split.train_rows if part == "training" else split.validation_rows] = 0
    with pytest.raises(ValueError, match=f"sample_weight is zero for all samples of the {part}"):
        with_hold_out(block(10, weight=weight), 3, False, np.random.RandomState(0))


def test_take_looks_rows_up():
    """Check the features, targets and weights of given rows."""
    data = block(6, weight=range(6))
    X, targets, weight = without_validation(data).take(np.array([4, 1]))
    np.testing.assert_array_equal(X, data.X[[4, 1]])
    np.testing.assert_array_equal(targets, data.targets[[4, 1]])
    np.testing.assert_array_equal(weight, [4, 1])
