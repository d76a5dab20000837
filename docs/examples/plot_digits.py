"""
Watching a network learn digits
===============================

A network learns scikit-learn's digits, images of 8 x 8 pixels. A part of the training set is held
out and scored after every epoch. Training stops when that score has not improved for a while, and
the best weights are kept.
"""

# %%
# The data
# --------
# Pixels are whole numbers from 0 to 16. Between 0 and 1 a network learns better.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.2, stratify=y, random_state=0
)

# %%
# Training
# --------
# ``validation_fraction=0.15`` holds out 15 % of the training set, and ``early_stopping=True``
# stops by the accuracy on it.

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

import matplotlib.pyplot as plt
import numpy as np

epochs = np.arange(1, clf.n_iter_ + 1)
best = epochs[np.argmax(clf.validation_scores_)]
fig, (ax_loss, ax_accuracy) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
ax_loss.plot(epochs, clf.loss_curve_, label="training")
ax_loss.plot(epochs, clf.validation_loss_curve_, label="validation")
ax_loss.set(xlabel="epoch", ylabel="loss", yscale="log")
ax_loss.legend()
ax_accuracy.plot(epochs, clf.validation_scores_, color="C1")
ax_accuracy.axvline(best, color="grey", linestyle=":", label=f"weights kept: epoch {best}")
ax_accuracy.set(xlabel="epoch", ylabel="validation accuracy")
ax_accuracy.legend()
plt.show()

# %%
# The test
# --------

y_pred = clf.predict(X_test)
print(f"Accuracy on {len(y_test)} test images: {clf.score(X_test, y_test):.1%}")

# %%
# The first test images with their predictions, then those that are misclassified.

from skmlp.plotting import plot_example_errors, plot_images

plot_images(X_test, y_test, y_pred, title="Test images")
plt.show()

# %%

plot_example_errors(X_test, y_test, y_pred)
plt.show()
