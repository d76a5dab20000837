"""
Tutorial: a two-layer network on MNIST
======================================

A network with one hidden layer learns to read handwritten digits, in 10 epochs of a few tenths of
a second each. The script shows all that one does with such a network: load and split the data,
train with a log, score on the test set, and look at what it gets right and wrong.

.. only:: not mnist

   .. note::

      These pages were built without the MNIST data, so this script was **not run**. If there is
      output below, an earlier build left it. Set the environment variable ``SKMLP_MNIST`` to the
      path of ``mnist.npz`` and build again.
"""

# %%
# The data
# --------
# MNIST has 70,000 images of 28 x 28 pixels, flattened here to 784 numbers between 0 and 1. Of the
# 60,000 training images the first 5,000 validate and the other 55,000 train; 10,000 are for the
# test. :func:`~skmlp.datasets.load_mnist` reads the file that the environment variable
# ``SKMLP_MNIST`` names. If it is not set, Keras downloads the file.

from skmlp import TFMLPClassifier
from skmlp.datasets import load_mnist
from skmlp.plotting import plot_example_errors, plot_images

mnist = load_mnist()
for part in ("train", "val", "test"):
    print(f"{part:5}: X {mnist[f'X_{part}'].shape}, y {mnist[f'y_{part}'].shape}")

# %%
# The labels are digits. There is no need to turn them into one-hot vectors: the classifier does.

print(mnist.y_train[:10])

# %%
# The network
# -----------
# There are 784 inputs, a hidden layer of 200 units with the activation max(0, x), and 10 outputs,
# of which a softmax makes probabilities. Weights start from a normal distribution of standard
# deviation 0.01 that is cut at two of them, biases from zero. Adam minimises the mean
# cross-entropy by batches of 100 images, and the images are shuffled before every epoch. There is
# no penalty on the weights, so ``alpha=0``.
#
# The images are float32, so the network is trained in float32.

clf = TFMLPClassifier(
    hidden_layer_sizes=200,
    activation="relu",
    init="truncated_normal",
    solver="adam",
    learning_rate_init=0.001,
    alpha=0,
    batch_size=100,
    max_iter=10,
    random_state=0,
    verbose=2,
)

# %%
# Training
# --------
# With ``verbose=2`` the loss and the accuracy of a batch are printed every 100 iterations, and a
# line sums up each epoch. The training loss is a mean over the epoch, during which the network
# improves. The validation loss is taken at its end. This is why the first is the larger of the
# two to begin with.
#
# Ten epochs are not meant to reach a minimum of the loss, and `fit` would say so by a
# ``ConvergenceWarning``. Here this is what we want, so we ask for silence on this one matter.

import warnings

from sklearn.exceptions import ConvergenceWarning

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    clf.fit(mnist.X_train, mnist.y_train, X_val=mnist.X_val, y_val=mnist.y_val)

# %%
# What was printed stays in the fitted classifier.

import matplotlib.pyplot as plt

from skmlp.plotting import LossCurveDisplay

LossCurveDisplay.from_estimator(clf)
plt.show()

# %%
# The test
# --------
# The accuracy on the first 1,000 test images, and on all of them.

y_pred = clf.predict(mnist.X_test)
correct = y_pred == mnist.y_test
print(f"First 1,000 test images: {correct[:1000].mean():.1%}")
print(f"All 10,000 test images:  {correct.mean():.1%}")

# %%
# Right and wrong
# ---------------
# The first nine test images, each with its true and its predicted label.

plot_images(mnist.X_test, mnist.y_test, y_pred, title="Test images")
plt.show()

# %%
# The first nine that are misclassified, of the first 1,000. Some of them a person could read
# either way.

plot_example_errors(mnist.X_test[:1000], mnist.y_test[:1000], y_pred[:1000])
plt.show()

# %%
# And those of all test images that the network is most sure of, though it errs.
# :class:`~skmlp.plotting.ImageGridDisplay` puts them in order.

from skmlp.plotting import ImageGridDisplay

ImageGridDisplay.from_estimator(
    clf,
    mnist.X_test,
    mnist.y_test,
    errors_only=True,
    sort_by_confidence=True,
    title="Mistakes, the most confident first",
)
plt.show()

# %%
# What the first hidden units look for: red pixels excite a unit, blue ones inhibit it.

from skmlp.plotting import WeightsDisplay

WeightsDisplay.from_estimator(clf, units=range(40), n_cols=8)
plt.show()

# %%
# What to read next
# -----------------
# A smaller network, which you can train without the data of MNIST, is in :ref:`Watching a network
# learn digits <sphx_glr_auto_examples_plot_digits.py>`. The user guide explains the parameters:
# :doc:`/user_guide`.
