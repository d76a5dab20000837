"""The same network, trained by each library as its own documentation recommends for speed.

A peer is a function that takes a `Task` and returns a function that predicts labels. All peers use
the layers, the optimiser, the batch size, the shuffling, the penalty and the number of epochs of
the task; each library draws its own initial weights.
"""

import os
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Task:
    """A data set, and the parameters of the training.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples, in the type of the training.
    y : ndarray of shape (n_samples,)
        Their classes, from 0.
    hidden : int
        Hidden units.
    batch_size, n_epochs : int
        Samples of a batch, and epochs.
    alpha : float
        Strength of the penalty, as in scikit-learn.
    solver : {"adam", "sgd"}
        The solver; all peers but scikit-learn and skmlp have Adam alone.
    """

    X: np.ndarray
    y: np.ndarray
    hidden: int
    batch_size: int
    n_epochs: int
    alpha: float = 1e-4
    solver: str = "adam"

    @property
    def parameters(self):
        """The parameters of scikit-learn's estimator and of skmlp's."""
        return {
            "hidden_layer_sizes": self.hidden,
            "batch_size": min(self.batch_size, len(self.X)),
            "alpha": self.alpha,
            "solver": self.solver,
            "max_iter": self.n_epochs,
            "n_iter_no_change": self.n_epochs,
            "random_state": 0,
        }

    @property
    def decay(self):
        """The factor of the sum of squares, for libraries that add the penalty to the mean loss."""
        return 0.5 * self.alpha / self.batch_size


def fit_skmlp(task):
    """Fit TFMLPClassifier."""
    from skmlp import TFMLPClassifier

    return TFMLPClassifier(**task.parameters).fit(task.X, task.y).predict


def fit_scikit_learn(task, n_threads):
    """Fit MLPClassifier, with a given number of BLAS threads."""
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    with threadpool_limits(n_threads, "blas"):
        return MLPClassifier(**task.parameters).fit(task.X, task.y).predict


def keras_model(hidden, n_features, n_classes, decay, jit_compile="auto"):
    """Return a compiled Keras model."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras

    penalty = keras.regularizers.L2(decay)
    model = keras.Sequential(
        [
            keras.Input((n_features,)),
            keras.layers.Dense(hidden, "relu", kernel_regularizer=penalty),
            keras.layers.Dense(n_classes, kernel_regularizer=penalty),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, jit_compile=jit_compile)
    return model


def fit_keras(task, jit_compile):
    """Fit by `keras.Model.fit`."""
    model = keras_model(
        task.hidden, task.X.shape[1], int(task.y.max()) + 1, task.decay, jit_compile
    )
    model.fit(task.X, task.y, batch_size=task.batch_size, epochs=task.n_epochs, verbose=0)
    return lambda X: model.predict(X, batch_size=1000, verbose=0).argmax(axis=1)


def fit_keras_wrapper(task):
    """Fit by Keras's SKLearnClassifier, whose model needs one-hot labels."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras
    from keras.wrappers import SKLearnClassifier

    def build(X, y):
        model = keras_model(task.hidden, X.shape[1], y.shape[1], task.decay)
        model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
        return model

    options = {"batch_size": task.batch_size, "epochs": task.n_epochs, "verbose": 0}
    return SKLearnClassifier(build, fit_kwargs=options).fit(task.X, task.y).predict


def fit_scikeras(task):
    """Fit by the KerasClassifier of SciKeras."""
    from scikeras.wrappers import KerasClassifier

    clf = KerasClassifier(
        keras_model,
        hidden=task.hidden,
        n_features=task.X.shape[1],
        n_classes=int(task.y.max()) + 1,
        decay=task.decay,
        batch_size=task.batch_size,
        epochs=task.n_epochs,
        verbose=0,
    )
    return clf.fit(task.X, task.y).predict


def torch_module(hidden, n_features, n_classes):
    """Return a PyTorch network."""
    from torch import nn

    return nn.Sequential(nn.Linear(n_features, hidden), nn.ReLU(), nn.Linear(hidden, n_classes))


def torch_optimizer(parameters, task):
    """Return fused Adam, which PyTorch calls the fastest form; biases have no penalty."""
    import torch

    parameters = list(parameters)
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": 2 * task.decay},
        {"params": [p for p in parameters if p.ndim < 2]},
    ]
    return torch.optim.Adam(groups, lr=1e-3, fused=True)


def fit_torch(task):
    """Fit by a plain loop over tensors in memory."""
    import torch

    X, y = torch.from_numpy(task.X), torch.from_numpy(task.y.astype(np.int64))
    model = torch_module(task.hidden, task.X.shape[1], int(task.y.max()) + 1).to(X.dtype)
    optimizer = torch_optimizer(model.parameters(), task)
    for _ in range(task.n_epochs):
        for rows in torch.randperm(len(X)).split(task.batch_size):
            optimizer.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(model(X[rows]), y[rows]).backward()
            optimizer.step()
    with torch.inference_mode():
        return lambda X: model(torch.from_numpy(X)).argmax(dim=1).numpy()


def fit_skorch(task):
    """Fit by the NeuralNetClassifier of skorch, without its validation and its log."""
    import torch
    from skorch import NeuralNetClassifier

    clf = NeuralNetClassifier(
        torch_module(task.hidden, task.X.shape[1], int(task.y.max()) + 1),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=lambda groups, lr: torch_optimizer(groups[0]["params"], task),
        max_epochs=task.n_epochs,
        batch_size=task.batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    return clf.fit(task.X, task.y.astype(np.int64)).predict


def fit_jax(task):
    """Fit by one compiled `lax.scan` an epoch, with Adam of optax."""
    import jax
    import jax.numpy as jnp
    import optax

    n_batches = len(task.X) // task.batch_size
    rng = np.random.default_rng(0)
    optimizer = optax.adam(1e-3)
    params = _jax_start(task, rng)
    X, y, state = jnp.asarray(task.X), jnp.asarray(task.y), optimizer.init(params)
    epoch = _jax_epoch(optimizer, task.decay)
    for _ in range(task.n_epochs):
        order = rng.permutation(len(task.X))[: n_batches * task.batch_size]
        orders = jnp.asarray(order.reshape(n_batches, task.batch_size))
        params, state = epoch(params, state, X, y, orders)
    params = jax.block_until_ready(params)
    return lambda X: np.asarray(_jax_logits(params, X)).argmax(axis=1)


def _jax_start(task, rng):
    sizes = (task.X.shape[1], task.hidden, int(task.y.max()) + 1)
    params = []
    for fan_in, fan_out in pairwise(sizes):
        bound = np.sqrt(6 / (fan_in + fan_out))
        weights = rng.uniform(-bound, bound, (fan_in, fan_out)).astype(task.X.dtype)
        params.append((weights, np.zeros(fan_out, task.X.dtype)))
    return params


def _jax_logits(params, X):
    import jax

    (W1, b1), (W2, b2) = params
    return jax.nn.relu(X @ W1 + b1) @ W2 + b2


_JAX_EPOCHS = {}  # a second fit has to find its program compiled


def _jax_epoch(optimizer, decay):
    import jax
    import optax

    def loss(params, X, y):
        losses = optax.softmax_cross_entropy_with_integer_labels(_jax_logits(params, X), y)
        return losses.mean() + decay * sum((weights**2).sum() for weights, _ in params)

    def epoch(params, state, X, y, orders):
        def step(carry, rows):
            params, state = carry
            grads = jax.grad(loss)(params, X[rows], y[rows])
            updates, state = optimizer.update(grads, state)
            return (optax.apply_updates(params, updates), state), None

        return jax.lax.scan(step, (params, state), orders)[0]

    return _JAX_EPOCHS.setdefault(decay, jax.jit(epoch))


PEERS = {
    "skmlp": fit_skmlp,
    "scikit-learn, 1 thread": partial(fit_scikit_learn, n_threads=1),
    "scikit-learn, 2 threads": partial(fit_scikit_learn, n_threads=2),
    "JAX, lax.scan": fit_jax,
    "PyTorch loop": fit_torch,
    "Keras fit": partial(fit_keras, jit_compile="auto"),
    "Keras fit, XLA": partial(fit_keras, jit_compile=True),
    "Keras SKLearnClassifier": fit_keras_wrapper,
    "SciKeras": fit_scikeras,
    "skorch": fit_skorch,
}
"""The peers, by their names in tables."""

VERSIONS = {
    "skmlp": ("skmlp", "tensorflow"),
    "scikit-learn, 1 thread": ("scikit-learn", "numpy"),
    "JAX, lax.scan": ("jax", "optax"),
    "PyTorch loop": ("torch",),
    "Keras fit": ("keras",),
    "SciKeras": ("scikeras",),
    "skorch": ("skorch",),
    "pytabkit": ("pytabkit",),
}
"""The packages that a peer needs; peers of `tabular` too."""
