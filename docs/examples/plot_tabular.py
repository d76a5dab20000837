"""
Tables: numbers, strings and gaps as they come
==============================================

:class:`~skmlp.TabularMLPClassifier` takes a table of numbers, missing numbers, strings and booleans
without preparation. This example compares it with gradient boosted trees, and shows its training
and the quality of its probabilities. :doc:`/tabular` explains the method.
"""

# %%
# Each row of the table is an hour of a bicycle hire, drawn at random. An hour is busy with a
# probability that depends on the time, the weather, the kind of day, and their combination.

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

rng = np.random.default_rng(0)
n_rows = 5000
hour = rng.integers(0, 24, n_rows)
day = rng.choice(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], n_rows)
is_holiday = rng.random(n_rows) < 0.1
temperature = rng.normal(14, 8, n_rows)
wind = rng.gamma(2, 8, n_rows)
rain = np.maximum(rng.normal(-1, 1.5, n_rows), 0) ** 2

is_free = is_holiday | np.isin(day, ["Sat", "Sun"])
commuters = 3 * np.exp(-(((hour - 8) / 1.5) ** 2)) + 3 * np.exp(-(((hour - 17.5) / 2) ** 2))
strollers = 3 * np.exp(-(((hour - 14) / 4) ** 2)) * np.exp(-(((temperature - 22) / 8) ** 2))
demand = np.where(is_free, 1.5 * strollers, commuters + 0.5 * strollers)
logit = 2 * demand - 2.5 + 0.05 * temperature - 0.04 * wind - 0.8 * rain
true_prob = 1 / (1 + np.exp(-logit))
y = rng.random(n_rows) < true_prob

table = pd.DataFrame(
    {
        "hour": hour,
        "day": day,
        "holiday": is_holiday,
        "temperature": np.where(rng.random(n_rows) < 0.1, np.nan, temperature),
        "wind": wind,
        "rain": rain,
    }
)
X_train, X_test, y_train, y_test, _, best_prob = train_test_split(
    table, y, true_prob, random_state=0
)
X_train.head()

# %%
# Both models take the table. The trees need to know which strings are categories; the networks find
# out themselves. No model can do better than the probabilities from which the table was drawn.

import time

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, log_loss

from skmlp import TabularMLPClassifier

models = {
    "networks": TabularMLPClassifier(random_state=0),
    "trees": HistGradientBoostingClassifier(categorical_features=["day"], random_state=0),
}
y_prob, seconds = {"best possible": best_prob}, {}
for name, model in models.items():
    start = time.perf_counter()
    model.fit(X_train, y_train)
    seconds[name] = f"{time.perf_counter() - start:.1f}"
    y_prob[name] = model.predict_proba(X_test)[:, 1]
results = {
    name: {
        "accuracy": round(accuracy_score(y_test, prob > 0.5), 3),
        "log-loss": round(log_loss(y_test, prob), 3),
        "seconds to fit": seconds.get(name, ""),
    }
    for name, prob in y_prob.items()
}
pd.DataFrame.from_dict(results, orient="index")

# %%
# The networks estimate their accuracy without a test set: each network predicts the rows on which
# it was not trained.

networks = models["networks"]
print(f"accuracy out of fold {networks.validation_score_:.3f}")
print(f"epochs that are kept {networks.best_epochs_}, temperature {networks.temperature_:.2f}")

# %%
# The learning rate rises and falls four times, and so do the losses. Grey lines mark the epochs
# with the best scores, which are kept. The training loss is computed with dropout.

import matplotlib.pyplot as plt

from skmlp.plotting import LossCurveDisplay

display = LossCurveDisplay.from_estimator(networks)
for epoch in networks.best_epochs_:
    display.ax_.axvline(epoch, color="0.85", zorder=0)
plt.show()

# %%
# Probabilities are good if 70 % of the hours with a predicted probability of 0.7 are busy. The
# temperature improves the probabilities of the networks.

from sklearn.calibration import CalibrationDisplay

fig, ax = plt.subplots(figsize=(5, 5), layout="constrained")
for name in models:
    CalibrationDisplay.from_predictions(
        y_test, y_prob[name], n_bins=8, strategy="quantile", name=name, ax=ax
    )
plt.show()

# %%
# What to read next
# -----------------
# :doc:`/tabular` explains the method, the figures, and when to prefer trees. To predict numbers
# instead of classes, read :ref:`Regression <sphx_glr_auto_examples_plot_regression.py>`.
