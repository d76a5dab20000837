"""Replaces features by random mixtures of random cosines."""

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state, gen_batches
from sklearn.utils.validation import check_is_fitted, validate_data

from skmlp._sklearn import Interval, check_feature_names_in, fit_context

_DTYPES = [np.float64, np.float32]
_CELLS_A_PART = 2**16
"""Cells transformed at a time: the temporary arrays of a part stay in the processor's cache.

On Zen 5, 100,000 rows of 20 columns took 199, 74, 66 and 63 ms in parts of 2**11, 2**14, 2**16 and
2**18 cells, and 23, 23, 27 and 33 MB (``python -m benchmarks.sweeps``). No bit depends on it.
"""


class PeriodicFeatures(TransformerMixin, BaseEstimator):
    """Replace each feature by a few random mixtures of its cosines.

    A feature x becomes ``W cos(2 pi (f x + b)) + c``. `fit` draws the frequencies f, phases b,
    weights W and offsets c for each feature; they are not trained. A network that receives these
    outputs beside the feature learns functions that change faster with the feature.

    Scale the features first, so that most values are a few units from zero.

    Parameters
    ----------
    n_components : int, default=3
        Number of outputs for each feature.

    n_frequencies : int, default=16
        Number of cosines that are mixed in each output.

    frequency_scale : float, default=0.1
        Standard deviation of the frequencies, which are normal with mean zero.

    random_state : int, RandomState instance or None, default=None
        Determines the random numbers. Pass an int to draw the same numbers in every call.

    Attributes
    ----------
    frequencies_ : ndarray of shape (n_features, n_frequencies)
        The frequencies f.

    phases_ : ndarray of shape (n_features, n_frequencies)
        The phases b, uniform between -1/2 and 1/2.

    weights_ : ndarray of shape (n_features, n_components, n_frequencies)
        The weights W, uniform between plus and minus ``1 / sqrt(n_frequencies)``.

    offsets_ : ndarray of shape (n_features, n_components)
        The offsets c, from the same distribution as the weights.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen in `fit`. Defined only if all of them are strings.

    See Also
    --------
    RobustSmoothScaler : Scales features and clips outliers.
    sklearn.kernel_approximation.RBFSampler : Cosines of random mixtures of all features.

    Notes
    -----
    The computation is in the type of `X`, float32 or float64. The outputs of a sample do not depend
    on other samples. Samples are transformed in parts, which need little memory beside the result.

    References
    ----------
    .. [1] Yury Gorishniy, Ivan Rubachev, Artem Babenko (2022). "On Embeddings for Numerical
       Features in Tabular Deep Learning". :arxiv:`2203.05556`
    .. [2] David Holzmüller, Léo Grinsztajn, Ingo Steinwart (2024). "Better by Default: Strong
       Pre-Tuned MLPs and Boosted Trees on Tabular Data". :arxiv:`2407.04491`

    Examples
    --------
    >>> from skmlp.preprocessing import PeriodicFeatures
    >>> X = [[-1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]
    >>> periodic = PeriodicFeatures(n_components=2, random_state=0).fit(X)
    >>> periodic.transform(X).shape
    (3, 4)
    >>> periodic.get_feature_names_out()
    array(['x0_periodic0', 'x0_periodic1', 'x1_periodic0', 'x1_periodic1'],
          dtype=object)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "n_frequencies": [Interval(Integral, 1, None, closed="left")],
        "frequency_scale": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        n_components: int = 3,
        n_frequencies: int = 16,
        frequency_scale: float = 0.1,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.n_frequencies = n_frequencies
        self.frequency_scale = frequency_scale
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Draw the frequencies, phases, weights and offsets.

        Only the number of features of `X` matters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        y : None
            Ignored.

        Returns
        -------
        PeriodicFeatures
            The fitted transformer.

        See Also
        --------
        PeriodicFeatures.transform : Compute the mixtures of cosines.

        Examples
        --------
        >>> from skmlp.preprocessing import PeriodicFeatures
        >>> PeriodicFeatures(random_state=0).fit([[1.0, 2.0]]).frequencies_.shape
        (2, 16)
        """
        X = validate_data(self, X, dtype=_DTYPES)
        random_state = check_random_state(self.random_state)
        n_features, n_frequencies = X.shape[1], self.n_frequencies
        shape, n_components = (n_features, n_frequencies), self.n_components
        bound = n_frequencies**-0.5
        self.frequencies_ = random_state.normal(scale=self.frequency_scale, size=shape)
        self.phases_ = random_state.uniform(-0.5, 0.5, shape)
        self.weights_ = random_state.uniform(
            -bound, bound, (n_features, n_components, n_frequencies)
        )
        self.offsets_ = random_state.uniform(-bound, bound, (n_features, n_components))
        return self

    def transform(self, X: Any) -> Any:
        """Compute the mixtures of cosines.

        Each feature gives `n_components` outputs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_features * n_components)
            The outputs of the first feature, then of the second feature, and so on, in float32 if
            `X` is float32, otherwise in float64.

        See Also
        --------
        PeriodicFeatures.get_feature_names_out : Names of the outputs.

        Examples
        --------
        >>> import numpy as np
        >>> from skmlp.preprocessing import PeriodicFeatures
        >>> periodic = PeriodicFeatures(random_state=0).fit([[1.0]])
        >>> periodic.transform(np.ones((5, 1), np.float32)).dtype
        dtype('float32')
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=_DTYPES)
        n_samples, n_features = X.shape
        mixed = np.empty((n_samples, n_features, self.weights_.shape[1]), X.dtype)
        for rows in gen_batches(n_samples, max(1, _CELLS_A_PART // n_features)):
            self._mix(np.ascontiguousarray(X[rows].T), mixed[rows])
        return mixed.reshape(n_samples, -1)

    def _mix(self, columns: np.ndarray, mixed: np.ndarray) -> None:
        """Write the outputs of some samples, whose features are the rows of `columns`.

        The sums are elementwise: in a matrix product, the rounding of a sample would depend on the
        number of other samples.
        """
        weights = self.weights_.astype(columns.dtype)
        offsets = self.offsets_.T.astype(columns.dtype)[:, :, np.newaxis]
        sums = np.repeat(offsets, columns.shape[1], axis=2)
        for index, cosines in enumerate(self._cosines(columns)):
            for component, total in enumerate(sums):
                total += weights[:, component, index, np.newaxis] * cosines
        mixed[:] = sums.T

    def _cosines(self, columns: np.ndarray) -> Any:
        """Yield the cosines of each frequency, all in the same array."""
        dtype = columns.dtype
        frequencies, phases = self.frequencies_.astype(dtype), self.phases_.astype(dtype)
        bound = np.finfo(dtype).max / (2 * max(1, np.abs(frequencies).max()))
        columns = np.clip(columns, -bound, bound)  # no product overflows
        turns, whole = np.empty_like(columns), np.empty_like(columns)
        for frequency, phase in zip(frequencies.T, phases.T, strict=True):
            np.multiply(columns, frequency[:, np.newaxis], out=turns)
            turns += phase[:, np.newaxis]
            turns -= np.rint(turns, out=whole)  # cosines of small angles are exact and fast
            turns *= dtype.type(2 * np.pi)
            yield np.cos(turns, out=turns)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the outputs.

        The names are ``x0_periodic0``, ``x0_periodic1`` and so on.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features. None takes `feature_names_in_`, or ``x0``, ``x1`` and so on.

        Returns
        -------
        ndarray of str objects
            The names.

        See Also
        --------
        PeriodicFeatures.transform : Compute the mixtures of cosines.

        Examples
        --------
        >>> from skmlp.preprocessing import PeriodicFeatures
        >>> PeriodicFeatures(n_components=1).fit([[1.0]]).get_feature_names_out(["age"])
        array(['age_periodic0'], dtype=object)
        """
        check_is_fitted(self)
        names = check_feature_names_in(self, input_features)
        components = range(self.weights_.shape[1])
        return np.array([f"{name}_periodic{i}" for name in names for i in components], object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


PeriodicFeatures.__module__ = "skmlp.preprocessing"  # files use this name
__test__ = {"PeriodicFeatures": PeriodicFeatures}  # doctest looks for the examples here
