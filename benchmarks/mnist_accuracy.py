"""Train the tutorial's network on MNIST with several seeds, and print the figures of the guide.

::

    SKMLP_MNIST=path/to/mnist.npz python benchmarks/mnist_accuracy.py
"""

import argparse
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skmlp import TFMLPClassifier
from skmlp.datasets import load_mnist


def fit(mnist, split, seed):
    """Fit the tutorial's network, with the tutorial's split or a random one."""
    clf = TFMLPClassifier(
        hidden_layer_sizes=200,
        batch_size=100,
        max_iter=10,
        alpha=0,
        init="truncated_normal",
        random_state=seed,
    )
    if split == "first 5,000":
        return clf.fit(mnist.X_train, mnist.y_train, X_val=mnist.X_val, y_val=mnist.y_val)
    X, y = np.vstack([mnist.X_val, mnist.X_train]), np.hstack([mnist.y_val, mnist.y_train])
    return clf.set_params(validation_fraction=5000).fit(X, y)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds, from 0")
    n_seeds = parser.parse_args().seeds
    warnings.simplefilter("ignore", ConvergenceWarning)  # the tutorial ends after 10 epochs
    mnist = load_mnist()
    print("validation set, seed, validation accuracy after epoch 10 and at its best, test accuracy")
    for split in ("first 5,000", "random 5,000"):
        for seed in range(n_seeds):
            clf = fit(mnist, split, seed)
            figures = (
                clf.validation_scores_[-1],
                clf.best_validation_score_,
                clf.score(mnist.X_test, mnist.y_test),
            )
            print(f"{split}, {seed}, " + ", ".join(f"{figure:.2%}" for figure in figures))


if __name__ == "__main__":
    main()
