"""Regression with many targets: the lower halves of digits, predicted from the upper ones."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor

images = load_digits().data / 16
upper, lower = images[:, :32], images[:, 32:]
n_train = 1500
estimators = {
    "ridge": RidgeCV(),
    "neighbours": KNeighborsRegressor(),
    "network": MLPRegressor(
        hidden_layer_sizes=(64, 32),
        activation="tanh",
        learning_rate_init=0.003,
        early_stopping=True,
        random_state=0,
    ),
}
results, predictions = {}, {}
for name, estimator in estimators.items():
    estimator.fit(upper[:n_train], lower[:n_train])
    predictions[name] = estimator.predict(upper[n_train:])
    results[f"{name}: R2"] = estimator.score(upper[n_train:], lower[n_train:])
    results[f"{name}: predictions"] = predictions[name]

figure, axes = plt.subplots(5, 1 + len(estimators), figsize=(6, 8))
for number, row in enumerate(axes):
    halves = [lower[n_train + number], *(values[number] for values in predictions.values())]
    for ax, name, half in zip(row, ["true", *estimators], halves, strict=True):
        image = np.concatenate([upper[n_train + number], half]).reshape(8, 8)
        ax.imshow(image, cmap="gray", vmin=0, vmax=1)
        ax.set(xticks=(), yticks=(), title=name if number == 0 else "")
plt.show()
