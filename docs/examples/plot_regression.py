"""
Regression: a network and a linear model
========================================

:class:`~skmlp.TFMLPRegressor` predicts numbers. In this example a linear model can't represent
how the numbers depend on the features.
"""

# %%
# Friedman's first problem has the target
# :math:`10 \sin(\pi x_0 x_1) + 20 (x_2 - 0.5)^2 + 10 x_3 + 5 x_4`, with noise of standard deviation
# 1, and five more features that do not matter.

from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_friedman1
from sklearn.linear_model import RidgeCV
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import TFMLPRegressor

X, y = make_friedman1(3000, noise=1.0, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# %%
# A network starts with predictions near 0, so the targets are scaled as well as the features. A
# tenth of the samples is held out. Training stops when the score on this tenth no longer improves.

network = TFMLPRegressor(
    hidden_layer_sizes=(50, 50),
    learning_rate_init=0.003,
    alpha=0.01,
    early_stopping=True,
    random_state=0,
)
models = {
    "linear model": make_pipeline(StandardScaler(), RidgeCV()),
    "network": make_pipeline(
        StandardScaler(), TransformedTargetRegressor(network, transformer=StandardScaler())
    ),
}
for name, model in models.items():
    model.fit(X_train, y_train)
    error = root_mean_squared_error(y_test, model.predict(X_test))
    print(f"{name:12}: error {error:.2f}, R2 {model.score(X_test, y_test):.3f}")

# %%
# The errors of the network are little more than the noise. The errors of the linear model have a
# pattern: the linear model predicts too little at both ends.

import matplotlib.pyplot as plt
from sklearn.metrics import PredictionErrorDisplay

fig, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    PredictionErrorDisplay.from_estimator(
        model, X_test, y_test, kind="actual_vs_predicted", ax=ax, scatter_kwargs={"s": 10}
    )
    ax.set_title(name)
plt.show()

# %%
# The loss curves show how the network was trained. :class:`~skmlp.plotting.LossCurveDisplay` finds
# the network in the pipeline, inside the estimator that transforms the target.

from skmlp.plotting import LossCurveDisplay

LossCurveDisplay.from_estimator(models["network"])
plt.show()

# %%
# What to read next
# -----------------
# :doc:`/user_guide` explains the loss for counts, and several targets. For rare classes read
# :ref:`Imbalanced classes <sphx_glr_auto_examples_plot_imbalanced.py>`.
