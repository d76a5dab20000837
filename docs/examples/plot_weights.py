"""
What hidden units look for
==========================

A hidden unit of the first layer has a weight for each pixel, so that its weights are an image too.
:class:`~skmlp.plotting.WeightsDisplay` draws one for each unit: red pixels excite it, blue ones
inhibit it, white ones it ignores.
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
# Without a penalty neighbouring pixels often have weights of different signs. With one the weights
# are smaller and smoother: strokes that are there, between strokes that are not.

# %%
# What to read next
# -----------------
# Other ways against overfitting: :ref:`regularisation`. Data that do not come at once:
# :ref:`Learning from a stream <sphx_glr_auto_examples_plot_stream.py>`.
