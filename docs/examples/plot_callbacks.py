"""
Watching a grid search with callbacks
=====================================

A callback of scikit-learn is told of every epoch of every fit of a grid search, in whatever thread
or process it runs.
"""

# %%
# The callback is set on the step that it is to watch. It scores the training data after each epoch.
# A :class:`~sklearn.callback.ProgressBar` would be set on the search.

import matplotlib.pyplot as plt
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from skmlp import TFMLPClassifier

X, y = load_digits(return_X_y=True)
sizes = [4, 8, 16, 64]
monitor = ScoringMonitor(scoring="accuracy")
mlp = TFMLPClassifier(learning_rate_init=0.01, max_iter=30, tol=0, random_state=0)
pipeline = Pipeline([("scale", MinMaxScaler()), ("mlp", mlp.set_callbacks(monitor))])
search = GridSearchCV(pipeline, {"mlp__hidden_layer_sizes": sizes}, cv=3)

# %%
# Thirty epochs are too few for all of these networks to converge, which is not the point here.

import warnings

from sklearn.exceptions import ConvergenceWarning

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    search.fit(X, y)

# %%
# The log has a row for each epoch, and its path tells where it was. In the first task of the search
# the third number is the fit: here three folds of each network in turn.

log = monitor.get_logs().data_as_pandas
epochs = log[log["task_name"] == "epoch"]
epochs = epochs[epochs["task_id_path"].str[1] == 0]  # 1 is the last fit, on all samples
epochs = epochs.assign(size=[sizes[path[2] // 3] for path in epochs["task_id_path"]])
spread = epochs.groupby(["size", "task_id"])["accuracy"].agg(["min", "mean", "max"])
print(spread.groupby("size").last().round(3))

# %%
# More hidden units learn faster. The bands are from the worst to the best fold.

fig, ax = plt.subplots()
for size, style in zip(sizes, ["-", "--", "-.", ":"], strict=True):
    curve = spread.loc[size]
    (line,) = ax.plot(curve.index + 1, curve["mean"], style, label=f"{size} hidden units")
    ax.fill_between(curve.index + 1, curve["min"], curve["max"], alpha=0.2, color=line.get_color())
ax.set(xlabel="epoch", ylabel="accuracy on the training folds")
ax.legend()
plt.show()

# %%
# What to read next
# -----------------
# A callback of your own, and what is called when: :doc:`/callbacks`. How fast the networks train:
# :doc:`/performance`.
