"""How the penalty on the weights changes the boundary between two classes."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_circles, make_moons
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ALPHAS = [0.1, 0.3, 1.0, 3.0, 10.0]

data_sets = {
    "moons": make_moons(noise=0.3, random_state=0),
    "circles": make_circles(noise=0.2, factor=0.5, random_state=1),
}
grid = np.stack(np.meshgrid(np.linspace(-3, 3, 40), np.linspace(-3, 3, 40)), axis=-1)
results = {}
figure, axes = plt.subplots(len(data_sets), len(ALPHAS), figsize=(15, 6))
for row, (name, (X, y)) in zip(axes, data_sets.items(), strict=True):
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, random_state=42)
    for ax, alpha in zip(row, ALPHAS, strict=True):
        clf = make_pipeline(
            StandardScaler(),
            MLPClassifier(
                hidden_layer_sizes=(10, 10),
                solver="lbfgs",
                alpha=alpha,
                early_stopping=True,
                max_iter=2000,
                random_state=1,
            ),
        ).fit(X_train, y_train)
        score = results[f"{name}, alpha {alpha}: score"] = clf.score(X_test, y_test)
        proba = clf.predict_proba(grid.reshape(-1, 2))[:, 1].reshape(grid.shape[:2])
        results[f"{name}, alpha {alpha}: probabilities"] = proba
        ax.contourf(grid[..., 0], grid[..., 1], proba, cmap="RdBu", alpha=0.8)
        ax.scatter(*X_test.T, c=y_test, cmap="bwr", edgecolors="black", s=20)
        ax.set(title=f"alpha {alpha}", xlabel=f"score {score:.2f}", xticks=(), yticks=())
plt.show()
