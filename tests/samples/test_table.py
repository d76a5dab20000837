"""Tables without preparation, and the matrix into which they are encoded."""

import datetime
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import QuantileTransformer, RobustScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlp._data.quantiles import learn_quantiles, normal_scores
from skmlp._data.table import TableEncoder
from tests.preprocessing.test_preprocessing import cosines_of

N_VIEWS = 5
ROBUST = N_VIEWS - 1

rng = np.random.RandomState(0)
NUMBERS = rng.standard_normal((500, 3)) * [1, 1e-9, 1e80] + [0, 1, 0]


def encode(table, new=None, **params):
    """Return the encoder's outputs for a table, or for a new table after a fit to the first."""
    encoder = TableEncoder(random_state=0, **params).fit(table)
    outputs = encoder.transform(table if new is None else new)
    assert outputs.dtype == np.float32
    assert np.isfinite(outputs).all()
    assert outputs.shape[1] == encoder.n_features_out_ == len(encoder.get_feature_names_out())
    return outputs


def column(values, dtype=object):
    return pd.DataFrame({"a": pd.Series(values, dtype=dtype)})


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")  # the array API
@parametrize_with_checks(
    [TableEncoder(random_state=0), TableEncoder(categorical_features=None, random_state=0)]
)
def test_scikit_learn_estimator_checks(estimator, check):
    """Check what scikit-learn asks of every transformer; nothing is expected to fail."""
    check(estimator)


# Numbers


@pytest.mark.parametrize("n_samples", [1, 2, 3, 50, 700, 40000])
@pytest.mark.parametrize("ties", [False, True])
def test_scores_are_those_of_scikit_learn(n_samples, ties):
    """Check training samples, and values between, beyond and at their ends."""
    generator = np.random.RandomState(n_samples)
    X = generator.standard_normal((n_samples, 3)) * [1, 1e-3, 1e5]
    X = X.round() if ties else X
    quantiles = learn_quantiles(X, np.random.RandomState(0))
    oracle = QuantileTransformer(
        n_quantiles=len(quantiles), output_distribution="normal", subsample=None
    ).fit(X)
    np.testing.assert_array_equal(quantiles, oracle.quantiles_)
    ends = [X.min(axis=0), X.max(axis=0), X.min(axis=0) + 1e-8, X[0] * 0, X[0] * 50, X[0] * -50]
    new = np.vstack([X, X * 0.999 + 1e-5, ends])
    np.testing.assert_allclose(normal_scores(new, quantiles), oracle.transform(new), atol=1e-12)


@pytest.mark.parametrize(("n_samples", "expected"), [(7, 7), (100, 10), (1500, 50), (50000, 1000)])
def test_number_of_quantiles(n_samples, expected):
    """Check clip(n // 30, 10, 1000), and that there are never more quantiles than samples."""
    X = np.arange(n_samples, dtype=float)[:, np.newaxis]
    assert len(learn_quantiles(X, np.random.RandomState(0))) == expected


def test_views_of_numbers_by_their_formulas():
    """Check the five outputs of columns of very different scales."""
    encoder = TableEncoder(random_state=0).fit(NUMBERS)
    outputs = encoder.transform(NUMBERS)
    z = RobustScaler().fit_transform(NUMBERS)
    np.testing.assert_allclose(outputs[:, ROBUST::N_VIEWS], z / np.sqrt(1 + (z / 3) ** 2), 2e-6)
    oracle = QuantileTransformer(n_quantiles=16, output_distribution="normal").fit(z)
    inside = np.abs(z).max(axis=1) < 1.5
    scores = outputs[:, ::N_VIEWS]
    np.testing.assert_allclose(scores[inside], oracle.transform(z)[inside], atol=0.02)
    periodic = np.delete(outputs, [*range(0, 15, N_VIEWS), *range(4, 15, N_VIEWS)], axis=1)
    expected = cosines_of(encoder._numbers.periodic, scores.astype(float))
    np.testing.assert_allclose(periodic, expected, atol=2e-5)


def test_noise_does_not_hide_most_numbers_behind_a_huge_one():
    """Check that scores are evenly spread beside a huge number."""
    X = np.append(np.arange(300.0), 1e30)[:, np.newaxis]
    scores = encode(X)[:-1, 0]
    assert (np.diff(scores) >= 0).all()
    assert len(np.unique(scores)) > 250


def test_equal_numbers_get_scores_that_differ_little():
    """Check a column of few different numbers, in order."""
    X = np.repeat(np.arange(5.0), 60)[:, np.newaxis]
    scores = encode(X)[:, 0].reshape(5, 60)
    assert (np.ptp(scores, axis=1) == 0).all()
    assert (np.diff(scores[:, 0]) > 0.3).all()


@pytest.mark.parametrize("dtype", ["int64", "uint64", "Int64", "UInt64"])
@pytest.mark.parametrize("start", [0, 2**24, 2**53, 2**60])
def test_differences_of_huge_integers_survive(dtype, start):
    """Check integers whose differences float32 or float64 would lose."""
    small = pd.DataFrame({"a": pd.Series(range(300), dtype=dtype)})
    np.testing.assert_array_equal(encode(small + start), encode(small))


def test_differences_of_huge_integers_survive_in_other_tables():
    """Check polars, lists with None, negative ones, and floats at predict time."""
    expected = encode(np.arange(300)[:, np.newaxis])
    huge = [2**60 + index for index in range(300)]
    np.testing.assert_array_equal(encode(pl.DataFrame({"a": huge})), expected)
    np.testing.assert_array_equal(encode(np.array(huge)[:, np.newaxis] - 2**61), expected)
    with_none = encode([[None], *([each] for each in huge)])[1:]
    np.testing.assert_array_equal(with_none[:, ROBUST], expected[:, ROBUST])
    even = np.array(huge)[::256, np.newaxis]
    integers, floats = (encode(np.array(huge)[:, np.newaxis], new) for new in (even, even * 1.0))
    np.testing.assert_array_equal(integers, floats)


@pytest.mark.parametrize("values", [[1e300, -1e300, 0, 5e299], [1e308, -1e308, 1.7e308, 0]])
def test_numbers_beyond_float32(values):
    """Check that they keep their order."""
    outputs = encode(np.sort(values)[:, np.newaxis])
    assert (np.diff(outputs[:, ROBUST]) > 0).all()


MISSING_NUMBERS = {
    "numpy": np.array([[1.0], [np.nan], [2], [4], [8]]),
    "lists": [[1], [None], [2], [4], [8]],
    "pandas": column([1, np.nan, 2, 4, 8], float),
    "Int64": column([1, None, 2, 4, 8], "Int64"),
    "UInt8": column([1, None, 2, 4, 8], "UInt8"),
    "Float32": column([1, None, 2, 4, 8], "Float32"),
    "objects": column([1, None, 2, 4.0, 8]),
    "NA in objects": column([1, pd.NA, 2, 4.0, 8]),
    "sparse": column(pd.arrays.SparseArray([1, np.nan, 2, 4, 8]), "Sparse[float]"),
    "polars": pl.DataFrame({"a": [1, None, 2, 4, 8]}),
    "polars floats": pl.DataFrame({"a": [1.0, None, 2, 4, 8]}),
    "polars NaN": pl.DataFrame({"a": [1.0, float("nan"), 2, 4, 8]}),
    "polars decimals": pl.DataFrame({"a": pl.Series([1, None, 2, 4, 8]).cast(pl.Decimal(9, 2))}),
    "polars 128 bits": pl.DataFrame({"a": pl.Series([1, None, 2, 4, 8]).cast(pl.Int128)}),
}


@pytest.mark.parametrize("kind", MISSING_NUMBERS)
def test_missing_numbers_are_medians_with_an_indicator(kind):
    """Check the median of the present numbers, 3, and all kinds of NaN."""
    outputs = encode(MISSING_NUMBERS[kind])
    np.testing.assert_array_equal(outputs[:, N_VIEWS], [0, 1, 0, 0, 0])
    z = (np.array([1, 3, 2, 4, 8]) - 3) / 3.25  # the quartiles of 1, 2, 4 and 8 are 1.75 and 5
    np.testing.assert_allclose(outputs[:, ROBUST], z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-6)
    np.testing.assert_array_equal(outputs, encode(MISSING_NUMBERS["numpy"]))


def test_numbers_that_are_missing_at_predict_time_only_are_medians():
    """Check that no output says that they are missing."""
    outputs = encode([[1.0], [2], [3]], [[np.nan], [2.0]])
    assert outputs.shape == (2, N_VIEWS)
    np.testing.assert_array_equal(outputs[0], outputs[1])


@pytest.mark.parametrize(
    "table",
    [
        [[1.0, 7.0], [2.0, 7.0], [3.0, 7.0]],
        pd.DataFrame({"a": [1, 2, 3], "b": ["x"] * 3}),
        pd.DataFrame({"a": [1, 2, 3], "b": [None] * 3}),
        pd.DataFrame({"a": [1, 2, 3], "b": [np.nan] * 3}),
        pd.DataFrame({"a": [1, 2, 3], "b": pd.Categorical([None] * 3)}),
        pl.DataFrame({"a": [1, 2, 3], "b": [None] * 3}),
    ],
)
def test_constant_and_missing_columns_have_no_outputs(table):
    """Check that the other columns are encoded as without them."""
    np.testing.assert_array_equal(encode(table), encode([[1], [2], [3]]))


def test_a_column_that_is_constant_or_missing_has_one_output():
    """Check numbers and categories in a table of one column."""
    np.testing.assert_array_equal(encode([[5.0], [np.nan], [5.0]]), [[0], [1], [0]])
    np.testing.assert_array_equal(encode(column(["x", None, "x"])), [[-1], [1], [-1]])


def test_a_table_of_constants_has_one_output_of_zero():
    """Check that a network gets an input, even from a single sample."""
    for table in ([[1.0, 2.0]], [[1, "a"]] * 3, pd.DataFrame({"a": [None, None]})):
        np.testing.assert_array_equal(encode(table), np.zeros((len(table), 1)))
    encoder = TableEncoder().fit([[1.0]])
    assert encoder.get_feature_names_out().tolist() == ["constant"]
    assert encoder.is_categorical_ is None


def test_duplicated_columns_have_the_same_views():
    """Check all outputs but the periodic ones, which are random for each, and noise."""
    X = NUMBERS[:, [0, 0]]
    outputs = encode(X)
    np.testing.assert_array_equal(outputs[:, ROBUST], outputs[:, N_VIEWS + ROBUST])
    inside = np.abs(outputs[:, 0]) < 2
    np.testing.assert_allclose(outputs[inside, 0], outputs[inside, N_VIEWS], atol=0.01)


# Categories

CATEGORIES = {
    "strings": ["u", "v", "u", "w"],
    "empty strings": ["", "v", "", "w"],
    "numbers": [3, 5, 3, 7],
    "mixed": [1, "a", 1, "b"],
    "tuples": [(1, 2), (3, 1), (1, 2), (4, 5)],
}
ONE_HOT = [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize("kind", CATEGORIES)
@pytest.mark.parametrize("dtype", [object, "category"])
def test_categories_are_one_hot(kind, dtype):
    """Check each kind of column in pandas, by type and by declaration."""
    params = {} if kind != "numbers" or dtype == "category" else {"categorical_features": [0]}
    outputs = encode(column(CATEGORIES[kind], dtype), **params)
    np.testing.assert_array_equal(outputs, ONE_HOT)


@pytest.mark.parametrize(
    "table",
    [
        column(CATEGORIES["strings"], "string"),
        column(CATEGORIES["strings"], "str"),
        pl.DataFrame({"a": CATEGORIES["strings"]}),
        pl.DataFrame({"a": pl.Series(CATEGORIES["strings"], dtype=pl.Categorical)}),
        pl.DataFrame({"a": pl.Series(CATEGORIES["strings"], dtype=pl.Enum(list("wuvz")))}),
        np.array(CATEGORIES["strings"])[:, np.newaxis],
        np.array(CATEGORIES["strings"], object)[:, np.newaxis],
        [[each] for each in CATEGORIES["strings"]],
    ],
)
def test_strings_are_one_hot_in_every_table(table):
    """Check all types of strings."""
    np.testing.assert_array_equal(encode(table), ONE_HOT)


@pytest.mark.parametrize(
    "table",
    [
        column([False, True, True], bool),
        column([False, True, True], "boolean"),
        column([False, True, True]),
        column(["n", "y", "y"], "category"),
        np.array([[False], [True], [True]]),
        pl.DataFrame({"a": [False, True, True]}),
    ],
)
@pytest.mark.parametrize("categorical_features", ["from_dtype", [0]])
def test_two_categories_have_one_output(table, categorical_features):
    """Check -1 and 1, for booleans and others."""
    outputs = encode(table, categorical_features=categorical_features)
    np.testing.assert_array_equal(outputs, [[-1], [1], [1]])


def test_booleans_are_not_numbers_without_a_declaration():
    """Check a boolean column beside a column of numbers."""
    table = pd.DataFrame({"a": [1, 2, 3], "b": [True, False, True]})
    for params in ({"categorical_features": None}, {"categorical_features": ["b"]}):
        np.testing.assert_array_equal(encode(table, **params), encode(table))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_missing_categories(missing):
    """Check their own category if fit had some, and zeros otherwise."""
    seen = column(["u", missing, "v"])
    np.testing.assert_array_equal(encode(seen), [[1, 0, 0], [0, 0, 1], [0, 1, 0]])
    np.testing.assert_array_equal(encode(column(["u", "v", "w"]), seen)[1], [0, 0, 0])
    np.testing.assert_array_equal(encode(column(["u", "v"]), seen)[1], [0])


def test_missing_categories_by_type():
    """Check the types that have missing values of their own kind."""
    expected = [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    for table in (
        column(["u", None, "v"], "category"),
        column(["u", None, "v"], "string"),
        column([False, None, True], "boolean"),
        pl.DataFrame({"a": ["u", None, "v"]}),
        pl.DataFrame({"a": [False, None, True]}),
        pl.DataFrame({"a": pl.Series(["u", None, "v"], dtype=pl.Categorical)}),
    ):
        np.testing.assert_array_equal(encode(table), expected)
    codes = np.array([[1.0], [np.nan], [2.0]])
    np.testing.assert_array_equal(encode(codes, categorical_features=[True]), expected)


def test_unseen_categories_are_zeros():
    """Check many categories and two."""
    assert not encode(column(["u", "v", "w"]), column(["x", ""])).any()
    assert not encode(column(["u", "v"]), column(["x"])).any()
    assert not encode(column([1, 2, 3]), column([4]), categorical_features=[0]).any()


def test_rare_categories_share_an_output():
    """Check frequent, rare and unseen categories, and those seen once."""
    values = ["a"] * 5 + ["b"] * 4 + ["c"] * 3 + ["d"] * 2 + ["e"]
    new = column(["a", "b", "c", "d", "e", "new"])
    for max_categories, expected in (
        (5, [0, 1, 2, 3, 4, None]),
        (4, [0, 1, 2, 3, 3, 3]),
        (3, [0, 1, 2, 2, 2, 2]),
    ):
        outputs = encode(column(values), new, max_categories=max_categories)
        shown = [int(row.argmax()) if row.any() else None for row in outputs]
        assert shown == expected
        assert outputs.shape[1] == max_categories
    names = TableEncoder(max_categories=3).fit(column(values)).get_feature_names_out()
    assert names.tolist() == ["a_a", "a_b", "a_rare"]


def test_the_number_of_outputs_is_bounded():
    """Check names and keys, which get none, and categories that are frequent enough."""
    keys = pd.DataFrame({"key": [f"u{index}" for index in range(400)], "n": range(400)})
    assert encode(keys).shape[1] == N_VIEWS
    many = column([f"u{index % 200}" for index in range(1000)] + [None])
    assert encode(many).shape[1] == 101
    assert encode(many, max_categories=10).shape[1] == 11


def test_order_of_rows_does_not_matter_for_categories():
    """Check which of several equally frequent categories get outputs."""
    values = [f"u{index % 50}" for index in range(200)]
    first = TableEncoder(max_categories=9).fit(column(values))
    second = TableEncoder(max_categories=9).fit(column(values[::-1]))
    assert first.get_feature_names_out().tolist() == second.get_feature_names_out().tolist()


@pytest.mark.parametrize(
    ("seen", "new"),
    [
        ([1, 2, 3], [1.0, 2.0, 3.0]),
        ([1, 2, 3], ["1", "2.0", "3"]),
        ([1.0, 2.5, 3.0], ["1", "2.5", "3"]),
        (["1", "2", "3"], [1, 2.0, 3]),
        (["1.5", "2", "3"], [1.5, 2.0, 3]),
        ([0, 1], [False, True]),
        ([False, True], [0, 1.0]),
    ],
)
def test_categories_of_another_type_at_predict_time(seen, new):
    """Check numbers and strings that mean the same."""
    same = encode(column(seen), categorical_features=[0])
    np.testing.assert_array_equal(encode(column(seen), column(new), categorical_features=[0]), same)


@pytest.mark.parametrize("new", [[1.0, 2.0], ["1", " 2"], [True, 2], pd.Categorical(["1", "2"])])
def test_numbers_of_another_type_at_predict_time(new):
    """Check strings of digits in a column of numbers."""
    seen = column([1, 2, 3], int)
    np.testing.assert_array_equal(encode(seen, column(new, None)), encode(seen)[:2])


# Which columns are of categories

MIXED = pd.DataFrame({"n": [1.5, 2, 3], "c": pd.Categorical([4, 5, 4]), "i": [7, 8, 9]})


@pytest.mark.parametrize(
    "features",
    ["from_dtype", None, ["c"], ["c", "i"], [1], [0, 2], [], [True, False, True], [False] * 3],
)
def test_categorical_features_are_those_of_gradient_boosting(features):
    """Check is_categorical_ for masks, indices and names, in pandas and polars."""
    codes = pl.Series(["4", "5", "4"], dtype=pl.Categorical)
    for table in (MIXED, pl.DataFrame({"n": [1.5, 2, 3], "c": codes, "i": [7, 8, 9]})):
        theirs = HistGradientBoostingClassifier(categorical_features=features, max_iter=1)
        theirs.fit(table, [0, 1, 0])
        ours = TableEncoder(categorical_features=features).fit(table)
        np.testing.assert_array_equal(ours.is_categorical_, theirs.is_categorical_)


def test_strings_need_no_declaration():
    """Check that strings are categories, and the error if only other columns are declared."""
    table = pd.DataFrame({"n": [1, 2, 3], "s": ["u", "v", "w"]})
    encoder = TableEncoder().fit(table)
    assert encoder.is_categorical_.tolist() == [False, True]
    assert [each.tolist() for each in encoder.categories_] == [["u", "v", "w"]]
    for features in (None, ["n"], [0]):
        with pytest.raises(ValueError, match=r"'s' must hold numbers.*categorical_features"):
            TableEncoder(categorical_features=features).fit(table)


@pytest.mark.parametrize("features", ["other", [5], ["z"], [0.5], [True]])
def test_bad_categorical_features(features):
    """Check words, indices, names, types and lengths."""
    with pytest.raises(ValueError, match="categorical_features"):
        TableEncoder(categorical_features=features).fit(MIXED)


# What is refused

DAY = datetime.date(2020, 1, 1)


@pytest.mark.parametrize(
    "times",
    [
        pd.Series(pd.date_range("2020", periods=2)),
        pd.Series(pd.date_range("2020", periods=2, tz="UTC")),
        pd.Series(pd.to_timedelta([1, 2])),
        pd.Series(pd.period_range("2020", periods=2)),
        pd.Series([DAY, None], dtype=object),
        pd.Series(pd.Categorical(pd.date_range("2020", periods=2))),
        pl.Series([DAY, None]),
        pl.Series([datetime.datetime(2020, 1, 1), None]),
        pl.Series([datetime.timedelta(1), None]),
        pl.Series([datetime.time(1), None]),
    ],
)
def test_times_are_refused(times):
    """Check that the error names the column and says what to do, in fit and later."""
    make = pd.DataFrame if isinstance(times, pd.Series) else pl.DataFrame
    words = "'when' holds dates, times.*such as the year"
    for features in ("from_dtype", ["when"], None):
        with pytest.raises(TypeError, match=words):
            TableEncoder(categorical_features=features).fit(make({"when": times}))
    for seen in (["u", "v"], [1, 2]):
        encoder = TableEncoder().fit(make({"when": seen}))
        with pytest.raises((TypeError, ValueError), match="Column 'when'"):
            encoder.transform(make({"when": times}))


def test_times_of_numpy_are_refused():
    """Check fit, and transform after numbers."""
    times = np.array([["2020-01-01"]], dtype="datetime64[ns]")
    with pytest.raises(TypeError, match="Column 0 holds dates"):
        TableEncoder().fit(times)
    with pytest.raises(TypeError, match="Column 0 holds dates"):
        TableEncoder().fit([[1.0], [2.0]]).transform(times)


@pytest.mark.parametrize(
    ("table", "error", "words"),
    [
        (csr_array(np.eye(3)), TypeError, "toarray"),
        (np.array([[1j]]), ValueError, "Complex"),
        (pd.DataFrame({"a": [1.0], "b": [np.inf]}), ValueError, "Column 'b' contains infinity"),
        (pl.DataFrame({"b": [1.0, -np.inf]}), ValueError, "Column 'b' contains infinity"),
        (np.array([[1.0, -np.inf]]), ValueError, "Column 1 contains infinity"),
        (column([10**400, 1]), ValueError, "Column 'a' .*too large"),
        (column([[1], [2]]), TypeError, "Column 'a' holds a list"),
        (column([{}, 1]), TypeError, "Column 'a' holds a dict"),
        (pl.DataFrame({"a": [[1], [2]]}), TypeError, "Column 'a' holds a list"),
        (pl.DataFrame({"a": [{"x": 1}]}), TypeError, "Column 'a' holds a dict"),
        (np.zeros((2, 2), "V4"), TypeError, "Column 0 has type"),
        (pd.DataFrame({"a": []}), ValueError, "0 sample"),
        (pd.DataFrame(index=[0, 1]), ValueError, "0 feature"),
        (pd.Series([1, 2]), ValueError, "2-dimensional"),
        ([[1], [1, 2]], ValueError, "inhomogeneous"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), ValueError, "unique column names"),
        (pd.DataFrame([[1, 2]], columns=["a", 1]), TypeError, "string names"),
    ],
)
def test_what_is_refused(table, error, words):
    """Check that errors name the column."""
    with pytest.raises(error, match=words):
        TableEncoder().fit(table)


@pytest.mark.parametrize(
    ("seen", "new", "error", "words"),
    [
        ([1, 2], ["1", ""], ValueError, "Column 'a' must hold numbers.*''"),
        ([1, 2], ["1", "u"], ValueError, "Column 'a' must hold numbers.*'u'"),
        ([1, 2], [1, np.inf], ValueError, "Column 'a' contains infinity"),
        (["u", "v"], [["u"], "v"], TypeError, "Column 'a' .*unhashable"),
    ],
)
def test_what_is_refused_at_predict_time(seen, new, error, words):
    """Check values that fit would have encoded in another way."""
    with pytest.raises(error, match=words):
        TableEncoder().fit(column(seen)).transform(column(new))


def test_columns_are_told_by_their_names():
    """Check other orders and other names; scikit-learn's error is raised."""
    encoder = TableEncoder().fit(MIXED)
    with pytest.raises(ValueError, match="same order"):
        encoder.transform(MIXED[["c", "n", "i"]])
    with pytest.raises(ValueError, match="unseen at fit time"):
        encoder.transform(MIXED.rename(columns={"n": "m"}))
    with pytest.raises(ValueError, match="features"):
        TableEncoder().fit(NUMBERS).transform(NUMBERS[:, :2])


def test_names_that_are_not_strings():
    """Check that they do not count as names, as in scikit-learn."""
    encoder = TableEncoder().fit(pd.DataFrame([[1, "u"], [2, "v"], [3, "w"]]))
    assert not hasattr(encoder, "feature_names_in_")
    names = encoder.get_feature_names_out().tolist()
    assert names == [*(f"x0_{view}" for view in VIEWS), "x1_u", "x1_v", "x1_w"]


VIEWS = ["quantile", "periodic0", "periodic1", "periodic2", "robust"]


def test_names_of_outputs():
    """Check numbers with and without missing values, two categories, and given names."""
    table = pd.DataFrame({"n": [1, np.nan, 3], "b": [True, False, True], "k": 1})
    encoder = TableEncoder().fit(table)
    names = [*(f"n_{view}" for view in VIEWS), "n_missing", "b_True"]
    assert encoder.get_feature_names_out().tolist() == names
    with pytest.raises(ValueError, match="input_features"):
        encoder.get_feature_names_out(["x", "y", "z"])


# The whole


@pytest.mark.parametrize("n_samples", [2, 3, 5, 10, 31, 100, 500])
def test_small_tables(n_samples):
    """Check numbers and categories together."""
    generator = np.random.RandomState(n_samples)
    table = pd.DataFrame(
        {
            "n": generator.standard_normal(n_samples),
            "i": generator.randint(0, 3, n_samples),
            "c": generator.choice(list("uvw"), n_samples),
        }
    )
    outputs = encode(table)
    np.testing.assert_array_equal(encode(table, table[:1]), outputs[:1])


VALUES = {
    "float": st.floats(allow_infinity=False),
    "small": st.floats(-1e-300, 1e-300),
    "int": st.integers(-(2**63), 2**63 - 1),
    "code": st.integers(0, 3),
    "bool": st.booleans(),
    "text": st.text(max_size=2),
    "mixed": st.one_of(st.text(max_size=1), st.integers(), st.floats(), st.none()),
}


@st.composite
def tables(draw):
    """Draw a DataFrame of some of the kinds, with missing values in some columns."""
    n_samples = draw(st.integers(1, 40))
    columns = {}
    for index, kind in enumerate(
        draw(st.lists(st.sampled_from([*VALUES]), min_size=1, max_size=5))
    ):
        values = VALUES[kind] if draw(st.booleans()) else st.one_of(st.none(), VALUES[kind])
        drawn = draw(st.lists(values, min_size=n_samples, max_size=n_samples))
        has_numbers = kind != "mixed" or any(isinstance(each, str) for each in drawn)
        columns[f"{kind}{index}"] = pd.Series(
            drawn if has_numbers else [None] * n_samples,
            dtype=None if draw(st.booleans()) and kind != "mixed" else object,
        )
    return pd.DataFrame(columns)


@given(table=tables(), seed=st.integers(0, 100), data=st.data())
def test_any_table(table, seed, data):
    """Check finite outputs, the same bits twice, and samples that do not affect one another."""
    encoder = TableEncoder(random_state=seed, max_categories=5).fit(table)
    outputs = encoder.transform(table)
    assert outputs.dtype == np.float32
    assert outputs.shape == (len(table), len(encoder.get_feature_names_out()))
    assert outputs.shape[1] <= 6 * table.shape[1]
    assert np.isfinite(outputs).all()
    np.testing.assert_array_equal(clone(encoder).fit(table).transform(table), outputs)
    rows = data.draw(st.lists(st.integers(0, len(table) - 1), min_size=1))
    np.testing.assert_array_equal(encoder.transform(table.iloc[rows]), outputs[rows])


def test_samples_do_not_affect_one_another_in_large_tables():
    """Check arrays with more samples than one part holds."""
    X = np.random.RandomState(1).standard_normal((9001, 8))
    encoder = TableEncoder(random_state=0).fit(X)
    outputs = encoder.transform(X)
    for rows in (np.s_[:1], np.s_[8999:], np.s_[100:9000:7], np.s_[::-1]):
        np.testing.assert_array_equal(encoder.transform(X[rows]), outputs[rows])


def test_random_state_determines_outputs():
    """Check other seeds, which change the periodic features."""
    first, same = (TableEncoder(random_state=0).fit_transform(NUMBERS) for _ in range(2))
    np.testing.assert_array_equal(first, same)
    assert (TableEncoder(random_state=1).fit_transform(NUMBERS) != first).any()


def test_pickles_transform_to_the_same_bits():
    """Check all parts of the encoder."""
    encoder = TableEncoder(random_state=0).fit(MIXED)
    copy = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(copy.transform(MIXED), encoder.transform(MIXED))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_output_of_a_dataframe(library):
    """Check its column names, and that the setting does not reach the encoder's parts."""
    expected = TableEncoder(random_state=0).fit_transform(MIXED)
    with config_context(transform_output=library):
        encoder = TableEncoder(random_state=0).fit(MIXED)
        frame = encoder.transform(MIXED)
    assert list(frame.columns) == encoder.get_feature_names_out().tolist()
    np.testing.assert_array_equal(frame.to_numpy(), expected)
