"""Networks that the workers of a Dask cluster train together. No machine has to hold all samples.

The classes follow the estimators for Dask of LightGBM and XGBoost. Dask and TensorFlow are imported
only when they are needed. TensorFlow runs in training processes, which start and end with a fit.
"""

from skmlp.dask._classifier import DaskTFMLPClassifier
from skmlp.dask._regressor import DaskTFMLPRegressor

__all__ = ["DaskTFMLPClassifier", "DaskTFMLPRegressor"]
