"""
Loss curves: comparing learning rates
=====================================

:class:`~skmlp.plotting.LossCurveDisplay` draws the records of a network's training: the training
loss, and the loss and the score of the validation set.
"""

# %%
# One network
# -----------
# A tenth of scikit-learn's digits is held out, and the accuracy on this tenth decides when to stop.
# The dotted line marks the epoch with the highest accuracy. The weights of this epoch are kept.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from skmlp import TFMLPClassifier
from skmlp.plotting import LossCurveDisplay

X, y = load_digits(return_X_y=True)
X = X / 16

clf = TFMLPClassifier(50, learning_rate_init=0.003, early_stopping=True, random_state=0)
LossCurveDisplay.from_estimator(clf.fit(X, y))
plt.show()

# %%
# Several networks
# ----------------
# To compare networks, draw them on the same axes, each with a name. These networks differ only in
# the learning rate, so all of them share one compiled program. With the smallest rate the network
# could still learn more after 40 epochs. With the largest rate the training loss goes on falling
# when the validation loss no longer does: the network memorises the images.
#
# The losses span orders of magnitude, so their axis is logarithmic.

import warnings

from sklearn.exceptions import ConvergenceWarning

fig, ax = plt.subplots(figsize=(8, 5), layout="constrained")
for rate in (0.0005, 0.005, 0.05):
    clf = TFMLPClassifier(
        50,
        learning_rate_init=rate,
        max_iter=40,
        validation_fraction=0.2,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 40 epochs are enough here
        clf.fit(X, y)
    LossCurveDisplay.from_estimator(clf, name=f"rate {rate}", ax=ax)
ax.set_yscale("log")
plt.show()

# %%
# What to read next
# -----------------
# To choose more than the learning rate, :ref:`use a search
# <sphx_glr_auto_examples_plot_grid_search.py>`. :doc:`/displays` shows all displays.
