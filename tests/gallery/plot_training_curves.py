"""Loss curves of SGD with constant and falling learning rates, with and without momentum."""

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits, load_iris, make_circles, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MinMaxScaler

STRATEGIES = {
    "constant": {"learning_rate": "constant", "momentum": 0, "learning_rate_init": 0.2},
    "constant, momentum": {"learning_rate": "constant", "nesterovs_momentum": False},
    "constant, Nesterov": {"learning_rate": "constant", "nesterovs_momentum": True},
    "inverse": {"learning_rate": "invscaling", "momentum": 0, "learning_rate_init": 0.2},
    "inverse, Nesterov": {"learning_rate": "invscaling", "learning_rate_init": 0.2},
    "Adam": {"solver": "adam", "learning_rate_init": 0.01},
}

data_sets = {
    "iris": load_iris(return_X_y=True),
    "digits": load_digits(return_X_y=True),
    "circles": make_circles(noise=0.2, factor=0.5, random_state=1),
    "moons": make_moons(noise=0.3, random_state=0),
}
results = {}
figure, axes = plt.subplots(2, 2, figsize=(10, 8))
for ax, (name, (X, y)) in zip(axes.flat, data_sets.items(), strict=True):
    X = MinMaxScaler().fit_transform(X)
    max_iter = 15 if name == "digits" else 200
    for label, params in STRATEGIES.items():
        mlp = MLPClassifier(random_state=0, max_iter=max_iter, **{"solver": "sgd", **params})
        # Some of these fits don't converge, as the curves show.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=ConvergenceWarning, module="sklearn")
            mlp.fit(X, y)
        results[f"{name}, {label}: losses"] = mlp.loss_curve_
        results[f"{name}, {label}: score"] = mlp.score(X, y)
        ax.plot(mlp.loss_curve_, label=label)
    ax.set(title=name, xlabel="epoch", ylabel="loss")
axes[0, 0].legend()
plt.show()
