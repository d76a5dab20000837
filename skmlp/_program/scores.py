"""The losses and scores of a batch, which are added up over batches and then divided to means."""

from typing import Any

import numpy as np

from skmlp._model.losses import LOSSES
from skmlp._model.network import Architecture
from skmlp._program.values import Batch, Tensor


def losses(
    tf: Any,
    architecture: Architecture,
    batch: Batch,
    outputs: Tensor,
    smoothing: Tensor | None = None,
) -> Tensor:
    """Return the weighted losses of the samples of a batch, of shape (batch_rows,), as float64.

    As in scikit-learn, the squared error is halved and averaged over the outputs; the cross-entropy
    and half the Poisson deviance are summed over the outputs. ``smoothing`` is the share of the
    loss that is computed with the uniform target; see `regularisers.smooth_targets`.
    """
    loss = LOSSES[architecture.loss]
    values = loss.build(tf, batch.targets, outputs)
    if smoothing is not None:
        assert loss.build_uniform is not None
        values = (1 - smoothing) * values + smoothing * loss.build_uniform(tf, outputs)
    # A sample of weight 0 must not count, even if its loss is NaN.
    weight = batch.sample_weight
    values = tf.where(weight > 0, values * weight, tf.zeros_like(values))
    total = tf.reduce_sum(values, axis=1)
    if loss.averages_outputs:
        total = total / architecture.layer_units[-1]
    return tf.cast(total, tf.float64)


def tally(tf: Any, architecture: Architecture, batch: Batch, outputs: Tensor) -> Tensor:
    """Return the sums that `score` divides, of shape (n_outputs,) or (1,), as float64.

    For a classifier, the sum is the weight of the samples whose labels are all right. For a
    regressor, it is the weighted sum of the squared errors of each output.
    """
    if architecture.is_classification:
        values = tf.cast(_is_correct(tf, architecture, batch.targets, outputs), tf.float64)
        values = values[:, tf.newaxis]
    else:
        errors = tf.cast(batch.targets, tf.float64) - tf.cast(outputs, tf.float64)
        values = errors * errors
    weight = tf.cast(batch.sample_weight, tf.float64)
    return tf.reduce_sum(tf.where(weight > 0, values * weight, tf.zeros_like(values)), axis=0)


def score(
    tf: Any, architecture: Architecture, tally: Tensor, spread: Tensor, total_weight: Tensor
) -> Tensor:
    """Return the accuracy, or R2 as in `sklearn.metrics.r2_score`, averaged over the outputs.

    ``spread`` is the weighted sum of the squared differences of each target from its mean. R2 of a
    constant target is 1 if all predictions of it are exact, otherwise 0. If a prediction is NaN or
    infinite, the score is NaN.
    """
    if architecture.is_classification:
        return tally[0] / total_weight
    zero, one = tf.zeros_like(tally), tf.ones_like(tally)
    is_constant = spread == 0
    ratio = tally / tf.where(is_constant, one, spread)
    r2 = tf.where(is_constant, tf.where(tally == 0, one, zero), one - ratio)
    r2 = tf.where(tf.math.is_finite(tally), r2, np.float64(np.nan))
    return tf.reduce_mean(r2)


def _is_correct(tf: Any, architecture: Architecture, targets: Tensor, outputs: Tensor) -> Tensor:
    """Tell for each sample whether every label is right."""
    if architecture.is_multiclass:
        return tf.argmax(targets, axis=1) == tf.argmax(outputs, axis=1)
    return tf.reduce_all((outputs > architecture.threshold) == (targets > 0), axis=1)
