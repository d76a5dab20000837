"""An estimator that is fitted to samples which lie on the disks of other machines."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skmlp._cluster.parts import Records
from skmlp._data.checks import check_validation_features, naming_errors
from skmlp._data.elsewhere import FeaturesElsewhere
from skmlp._data.samples import SampleSet
from skmlp._estimators.base import BaseTFMLP, Call


@dataclass(frozen=True)
class Elsewhere:
    """Samples that were spooled, in the place of X in a call of fit.

    Parameters
    ----------
    example : array-like of shape (1, n_features)
        A sample that is made up, with the names of the features if they have some.
    features : FeaturesElsewhere
        The features.
    """

    example: Any
    features: FeaturesElsewhere


def as_spooled(call: Call, blocks: Sequence[tuple[Any, Records]]) -> Call:
    """Return a call with what is known here of its samples.

    Parameters
    ----------
    call : Call
        The arguments of fit.
    blocks : sequence of tuple
        For the samples to train on, and perhaps a validation set, a sample that is made up, and
        what is known of all.
    """
    (example, train), *others = blocks
    validation = call.validation
    for example_val, known in others:
        X = Elsewhere(example_val, known.features())
        validation = replace(validation, X=X, y=known.targets(), sample_weight=known.weight())
    return replace(
        call,
        X=Elsewhere(example, train.features()),
        y=train.targets(),
        sample_weight=train.weight(),
        validation=validation,
    )


class ElsewhereMixin(BaseTFMLP):
    """Plans a fit to samples that are `Elsewhere`; goes before the plain estimator."""

    def _check_what_is_served(self, call: Call) -> None:
        """Raise ValueError for what can't be trained on several machines."""
        faults = {
            "solver": (self.solver == "lbfgs", "'adam' or 'sgd'"),
            "scoring": (self.scoring not in (None, "loss"), "None or 'loss'"),
        }
        for name, (is_fault, expected) in faults.items():
            if is_fault:
                raise ValueError(
                    f"Several machines can't train with {name}={getattr(self, name)!r}; expected "
                    f"{expected}. TFMLPClassifier and TFMLPRegressor can, on one machine."
                )
        self._check_parameters(call)  # before the samples are read

    def _check_training_set(self, call: Call, is_warm: bool) -> SampleSet:
        X = call.X
        validate_data(self, X.example, dtype=None, reset=not is_warm)
        with naming_errors("y"):
            y = check_array(call.y, ensure_2d=False, dtype=None, input_name="y")
        return self._make_training_set(call, X.features, y, X.features.dtype, is_warm)

    def _check_validation_features(self, X_val: Any, train: SampleSet) -> Any:
        check_validation_features(self, X_val.example, train.X, train.dtype)
        return X_val.features
