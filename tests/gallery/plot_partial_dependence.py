"""Partial dependence: how predictions of the progress of diabetes depend on single features."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.inspection import PartialDependenceDisplay, permutation_importance
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler

X, y = load_diabetes(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
model = make_pipeline(
    QuantileTransformer(n_quantiles=100),
    TransformedTargetRegressor(
        MLPRegressor(
            hidden_layer_sizes=(30, 15),
            learning_rate_init=0.01,
            early_stopping=True,
            random_state=0,
        ),
        transformer=StandardScaler(),
    ),
).fit(X_train, y_train)

importance = permutation_importance(model, X_test, y_test, n_repeats=5, random_state=0)
features = ["bmi", "s5", ("bmi", "s5")]
display = PartialDependenceDisplay.from_estimator(
    model, X_train, features, grid_resolution=15, n_cols=3, kind="average"
)
results = {
    "score": model.score(X_test, y_test),
    "importances": importance.importances_mean,
    "dependence": np.concatenate([each.average.ravel() for each in display.pd_results]),
}
plt.show()
