"""Transformers that prepare the numbers of a table for a neural network."""

from skmlp.preprocessing._periodic_features import PeriodicFeatures
from skmlp.preprocessing._robust_smooth_scaler import RobustSmoothScaler

__all__ = ["PeriodicFeatures", "RobustSmoothScaler"]
