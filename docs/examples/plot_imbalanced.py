"""
Imbalanced classes: class weights and a score to stop by
========================================================

If one class is rare, a network that never predicts this class is right most of the time. This
example shows how ``class_weight`` and ``scoring`` of :class:`~skmlp.TFMLPClassifier` change this.
"""

# %%
# One sample in twenty is positive, and the classes overlap.

import numpy as np
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score, precision_score, recall_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import TFMLPClassifier

X, y = make_classification(
    4000, n_features=10, n_informative=6, weights=[0.95], flip_y=0.02, random_state=0
)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# There are three networks: one with the defaults, one with balanced class weights, and one that
# stops by the average precision on the samples that are held out, instead of their accuracy.

common = {"hidden_layer_sizes": 20, "learning_rate_init": 0.003, "random_state": 0, "alpha": 1}
networks = {
    "as it is": TFMLPClassifier(early_stopping=True, **common),
    "balanced": TFMLPClassifier(early_stopping=True, class_weight="balanced", **common),
    "stopped by\naverage precision": TFMLPClassifier(
        early_stopping=True, scoring="average_precision", **common
    ),
}
scores = {"recall": recall_score, "precision": precision_score}
scores["balanced accuracy"] = balanced_accuracy_score
results = {}
for name, network in networks.items():
    y_pred = make_pipeline(StandardScaler(), network).fit(X_train, y_train).predict(X_test)
    results[name] = [score(y_test, y_pred) for score in scores.values()]

# %%
# Class weights trade precision for recall: the network finds more of the rare class, and is wrong
# more often. Stopping by the average precision chooses another epoch, but does not change this
# trade-off.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
positions = np.arange(len(networks))
for number, score in enumerate(scores):
    heights = [result[number] for result in results.values()]
    ax.bar(positions + 0.27 * (number - 1), heights, width=0.25, label=score)
ax.set(xticks=positions, xticklabels=list(networks), ylim=(0, 1))
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
plt.show()

# %%
# What to read next
# -----------------
# :doc:`/user_guide` explains scores and weights. To see what a network has learnt, read :ref:`What
# hidden units look for <sphx_glr_auto_examples_plot_weights.py>`.
