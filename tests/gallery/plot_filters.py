"""The weights of the first layer as images: what hidden units of a network for digits look for."""

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, test_size=0.7, random_state=0)
mlp = MLPClassifier(
    hidden_layer_sizes=(40,),
    max_iter=8,
    alpha=1e-4,
    solver="sgd",
    random_state=1,
    learning_rate_init=0.2,
)
# Eight epochs are enough to see a pattern.
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", category=ConvergenceWarning, module="sklearn")
    mlp.fit(X_train, y_train)

results = {
    "weights": mlp.coefs_[0],
    "train score": mlp.score(X_train, y_train),
    "test score": mlp.score(X_test, y_test),
}
figure, axes = plt.subplots(4, 4)
limit = abs(mlp.coefs_[0]).max() / 2
for weights, ax in zip(mlp.coefs_[0].T, axes.ravel(), strict=False):
    ax.matshow(weights.reshape(8, 8), cmap="gray", vmin=-limit, vmax=limit)
    ax.set(xticks=(), yticks=())
plt.show()
