"""Networks that the workers of a Dask cluster train together, on data that no machine need hold.

The classes are made like those of LightGBM and XGBoost for Dask. Neither Dask nor TensorFlow is
imported before it is needed; TensorFlow runs in processes of its own, which live as long as a fit.
"""

from skmlp.dask._classifier import DaskTFMLPClassifier
from skmlp.dask._regressor import DaskTFMLPRegressor

__all__ = ["DaskTFMLPClassifier", "DaskTFMLPRegressor"]
