"""Under- and overfitting: scores by the size of the penalty, and by the number of samples."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import (
    LearningCurveDisplay,
    ShuffleSplit,
    ValidationCurveDisplay,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

X, y = load_breast_cancer(return_X_y=True)
model = Pipeline(
    [
        ("scale", StandardScaler()),
        ("mlp", MLPClassifier(30, learning_rate_init=0.01, max_iter=500, random_state=0)),
    ]
)
cv = ShuffleSplit(n_splits=3, test_size=0.3, random_state=0)
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5))
by_alpha = ValidationCurveDisplay.from_estimator(
    model,
    X,
    y,
    param_name="mlp__alpha",
    param_range=np.logspace(-3, 2, 5),
    cv=cv,
    scoring="neg_log_loss",
    negate_score=True,
    ax=left,
)
by_size = LearningCurveDisplay.from_estimator(
    model, X, y, train_sizes=np.linspace(0.2, 1, 4), cv=cv, ax=right
)
results = {
    "alpha, train": by_alpha.train_scores,
    "alpha, test": by_alpha.test_scores,
    "size, train": by_size.train_scores,
    "size, test": by_size.test_scores,
}
plt.show()
