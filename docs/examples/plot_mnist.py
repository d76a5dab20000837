"""
Tutorial: a two-layer network on MNIST
======================================

A network with one hidden layer learns to read handwritten digits, in 10 epochs of a few tenths of
a second each. The script shows the whole work with such a network: load and split the data, train
with a log, score on the test set, and look at right and wrong predictions.

.. only:: not mnist

   .. note::

      These pages were built without the MNIST data, so this script was **not run**. If there is
      output below, an earlier build left it. Set the environment variable ``SKMLP_MNIST`` to the
      path of ``mnist.npz`` and build again.
"""

# %%
# The data
# --------
# MNIST has 70,000 images of 28 x 28 pixels, flattened here to 784 numbers between 0 and 1. The
# first 5,000 of the 60,000 training images are the validation set, and the other 55,000 train the
# network. The other 10,000 images are the test set. :func:`~skmlp.datasets.load_mnist` reads the
# file that the environment variable ``SKMLP_MNIST`` names. If the variable is not set, Keras
# downloads the file.

from skmlp import TFMLPClassifier
from skmlp.datasets import load_mnist
from skmlp.plotting import plot_example_errors, plot_images

mnist = load_mnist()
for part in ("train", "val", "test"):
    print(f"{part:5}: X {mnist[f'X_{part}'].shape}, y {mnist[f'y_{part}'].shape}")

# %%
# The labels are digits. The classifier turns them into one-hot vectors itself.

print(mnist.y_train[:10])

# %%
# The network
# -----------
# There are 784 inputs, a hidden layer of 200 units with the activation max(0, x), and 10 outputs.
# A softmax turns the outputs into probabilities. Weights start from a normal distribution of
# standard deviation 0.01, cut at two standard deviations; biases start at zero. Adam minimises the
# mean cross-entropy in batches of 100 images, and the images are shuffled before every epoch.
# ``alpha=0`` switches off the penalty on the weights.
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
# With ``verbose=2`` the loss and the accuracy of a batch are printed every 100 iterations, and one
# line sums up each epoch. The training loss is a mean over the epoch, during which the network
# improves. The validation loss is computed at the end of the epoch. This is why the training loss
# is larger than the validation loss in the first epochs.
#
# Ten epochs do not reach a minimum of the loss, so `fit` would give a ``ConvergenceWarning``. We
# want only ten epochs here, so we ignore this warning.

import warnings

from sklearn.exceptions import ConvergenceWarning

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    clf.fit(mnist.X_train, mnist.y_train, X_val=mnist.X_val, y_val=mnist.y_val)

# %%
# The fitted classifier keeps the printed losses and accuracies.

import matplotlib.pyplot as plt

from skmlp.plotting import LossCurveDisplay

LossCurveDisplay.from_estimator(clf)
plt.show()

# %%
# The test
# --------
# The script prints the accuracy on the first 1,000 test images, and on all 10,000.

y_pred = clf.predict(mnist.X_test)
correct = y_pred == mnist.y_test
print(f"First 1,000 test images: {correct[:1000].mean():.1%}")
print(f"All 10,000 test images:  {correct.mean():.1%}")

# %%
# Right and wrong
# ---------------
# These are the first nine test images, each with its true and its predicted label.

plot_images(mnist.X_test, mnist.y_test, y_pred, title="Test images")
plt.show()

# %%
# These are the first nine misclassified images among the first 1,000. A person could read some of
# them either way.

plot_example_errors(mnist.X_test[:1000], mnist.y_test[:1000], y_pred[:1000])
plt.show()

# %%
# These are the misclassified images, among all test images, of which the network is most sure.
# :class:`~skmlp.plotting.ImageGridDisplay` sorts them.

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
# This picture shows the weights of the first hidden units: red pixels excite a unit, blue pixels
# inhibit it.

from skmlp.plotting import WeightsDisplay

WeightsDisplay.from_estimator(clf, units=range(40), n_cols=8)
plt.show()

# %%
# What to read next
# -----------------
# You can train a smaller network without the data of MNIST in :ref:`Watching a network
# learn digits <sphx_glr_auto_examples_plot_digits.py>`. :doc:`/user_guide` explains the parameters.
