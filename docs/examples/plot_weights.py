"""
What hidden units look for
==========================

A hidden unit of the first layer has a weight for each pixel, so its weights form an image too.
:class:`~skmlp.plotting.WeightsDisplay` draws one image for each unit. Red pixels excite the unit,
blue pixels inhibit it, and white pixels do not affect it.
"""

# %%
# Two networks learn scikit-learn's digits, one without and one with a penalty on the weights. Both
# start from small weights, drawn by ``init="truncated_normal"``.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skmlp import TFMLPClassifier
from skmlp.plotting import WeightsDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)

fig, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for ax, alpha in zip(axes, (0, 2), strict=True):
    clf = TFMLPClassifier(
        hidden_layer_sizes=25,
        activation="tanh",
        init="truncated_normal",
        alpha=alpha,
        learning_rate_init=0.003,
        max_iter=1000,
        tol=1e-3,
        random_state=0,
    )
    clf.fit(X_train, y_train)
    WeightsDisplay.from_estimator(clf, ax=ax)
    ax.set_title(f"alpha={alpha}: test accuracy {clf.score(X_test, y_test):.1%}")
plt.show()

# %%
# Without a penalty neighbouring pixels often have weights of different signs. With a penalty the
# weights are smaller and smoother: they look for a stroke, and for empty space beside the stroke.

# %%
# What to read next
# -----------------
# :ref:`regularisation` shows other ways to reduce overfitting. If your data arrive little by
# little, read :ref:`Learning from a stream <sphx_glr_auto_examples_plot_stream.py>`.
