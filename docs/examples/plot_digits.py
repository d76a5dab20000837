"""
Watching a network learn digits
===============================

A network learns scikit-learn's digits, images of 8 x 8 pixels. A part of the training set is held
out and scored after every epoch. Training stops when the score has not improved for a while, and
the best weights are kept.
"""

# %%
# The data
# --------
# Pixels are whole numbers from 0 to 16. A network learns better from numbers between 0 and 1.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.2, stratify=y, random_state=0
)

# %%
# Training
# --------
# ``validation_fraction=0.15`` holds out 15 % of the training set. With ``early_stopping=True`` the
# accuracy on this part decides when to stop.

from skmlp import TFMLPClassifier

clf = TFMLPClassifier(
    hidden_layer_sizes=100,
    batch_size=32,
    learning_rate_init=0.002,
    max_iter=100,
    early_stopping=True,
    validation_fraction=0.15,
    n_iter_no_change=20,
    random_state=0,
    verbose=1,
)
clf.fit(X_train, y_train)

# %%
# The curves
# ----------
# `loss_curve_`, `validation_loss_curve_` and `validation_scores_` have a value for each epoch.
# :class:`~skmlp.plotting.LossCurveDisplay` draws them, and a line at the epoch whose weights were
# kept.

import matplotlib.pyplot as plt

from skmlp.plotting import LossCurveDisplay

display = LossCurveDisplay.from_estimator(clf)
display.ax_.set_yscale("log")
plt.show()

# %%
# The test
# --------

print(f"Accuracy on {len(y_test)} test images: {clf.score(X_test, y_test):.1%}")

# %%
# The first picture shows the first test images with their predictions. The second picture shows
# misclassified images: the mistakes of which the network is most sure come first.

from skmlp.plotting import ImageGridDisplay

ImageGridDisplay.from_estimator(clf, X_test, y_test, title="Test images")
plt.show()

# %%

ImageGridDisplay.from_estimator(clf, X_test, y_test, errors_only=True, sort_by_confidence=True)
plt.show()

# %%
# What to read next
# -----------------
# Another example uses loss curves for :ref:`comparing learning rates
# <sphx_glr_auto_examples_plot_loss_curves.py>`. :doc:`/user_guide` explains when training stops,
# and by which score.
