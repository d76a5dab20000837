"""
Imbalanced classes: class weights and a score to stop by
========================================================

Where one class is rare, a network that never predicts it is right most of the time. This example
shows what ``class_weight`` and ``scoring`` of :class:`~skmlp.TFMLPClassifier` change.
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
# Three networks: the first as it is, the second with balanced weights, the third stops by the
# average precision on the samples that are held out, and not by their accuracy.

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
# Weights trade precision for recall: more of the rare class is found, and more often in error. The
# average precision stops at another epoch, and leaves that trade as it was.

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
# Scores and weights in the user guide: :doc:`/user_guide`. What a network has learnt: :ref:`What
# hidden units look for <sphx_glr_auto_examples_plot_weights.py>`.
