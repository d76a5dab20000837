"""Calibration: how often an event happens that a classifier predicts with some probability."""

import matplotlib.pyplot as plt
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

X, y = make_classification(1500, n_informative=4, n_redundant=6, flip_y=0.1, random_state=42)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=600, random_state=42)
mlp = MLPClassifier(50, learning_rate_init=0.01, max_iter=400, random_state=0)
classifiers = {
    "logistic regression": LogisticRegression(),
    "network": mlp,
    "network, sigmoid": CalibratedClassifierCV(mlp, cv=3, method="sigmoid"),
    "network, isotonic": CalibratedClassifierCV(mlp, cv=3, method="isotonic"),
}
results = {}
figure, ax = plt.subplots(figsize=(6, 6))
for name, clf in classifiers.items():
    proba = clf.fit(X_train, y_train).predict_proba(X_test)[:, 1]
    display = CalibrationDisplay.from_predictions(y_test, proba, n_bins=8, name=name, ax=ax)
    for score in (brier_score_loss, log_loss, roc_auc_score):
        results[f"{name}: {score.__name__}"] = score(y_test, proba)
    results[f"{name}: curve"] = display.prob_true
plt.show()
