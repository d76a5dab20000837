"""The regions that several classifiers make of three data sets with two features."""

import matplotlib.pyplot as plt
from sklearn.datasets import make_circles, make_classification, make_moons
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

classifiers = {
    "nearest neighbours": KNeighborsClassifier(3),
    "support vectors": SVC(gamma=2, C=1, random_state=42),
    "tree": DecisionTreeClassifier(max_depth=5, random_state=42),
    "network": MLPClassifier(alpha=1, max_iter=1000, random_state=42),
}
data_sets = {
    "moons": make_moons(noise=0.3, random_state=0),
    "circles": make_circles(noise=0.2, factor=0.5, random_state=1),
    "line": make_classification(
        n_features=2, n_redundant=0, n_clusters_per_class=1, random_state=1
    ),
}
results = {}
figure, axes = plt.subplots(len(data_sets), len(classifiers), figsize=(12, 9))
for row, (name, (X, y)) in zip(axes, data_sets.items(), strict=True):
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, random_state=42)
    for ax, (title, clf) in zip(row, classifiers.items(), strict=True):
        model = make_pipeline(StandardScaler(), clf).fit(X_train, y_train)
        results[f"{name}, {title}: score"] = model.score(X_test, y_test)
        display = DecisionBoundaryDisplay.from_estimator(
            model, X, cmap="RdBu", alpha=0.8, eps=0.5, ax=ax, grid_resolution=30
        )
        results[f"{name}, {title}: response"] = display.response
        ax.scatter(*X.T, c=y, cmap="bwr", edgecolors="black", s=20)
        ax.set_title(title)
plt.show()
