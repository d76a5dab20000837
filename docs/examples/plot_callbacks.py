"""
Watching a grid search with callbacks
=====================================

A grid search calls a callback of scikit-learn after every epoch of every fit, in any thread or
process.
"""

# %%
# Set the callback on the step that it should watch. This callback scores the training data after
# each epoch. A :class:`~sklearn.callback.ProgressBar` would be set on the search.

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
# Thirty epochs are too few for these networks to converge. They need not converge for this example.

import warnings

from sklearn.exceptions import ConvergenceWarning

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    search.fit(X, y)

# %%
# The log has a row for each epoch. The path in the row says to which fit the epoch belongs. In the
# first task of the search, the third number of the path is the number of the fit: three folds of
# the first network, then three folds of the next.

log = monitor.get_logs().data_as_pandas
epochs = log[log["task_name"] == "epoch"]
epochs = epochs[epochs["task_id_path"].str[1] == 0]  # 1 is the last fit, on all samples
epochs = epochs.assign(size=[sizes[path[2] // 3] for path in epochs["task_id_path"]])
spread = epochs.groupby(["size", "task_id"])["accuracy"].agg(["min", "mean", "max"])
print(spread.groupby("size").last().round(3))

# %%
# Networks with more hidden units learn faster. A band reaches from the worst to the best fold.

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
# :doc:`/callbacks` shows how to write your own callback, and when each method is called.
# :doc:`/performance` says how fast the networks train.
