"""
Choosing the hidden layers by a grid search
===========================================

:class:`~skmlp.TFMLPClassifier` works in a pipeline, and the pipeline works in a grid search, as
with any estimator of scikit-learn.
"""

# %%
# The data are measurements of tumours. Their features differ in scale by orders of magnitude, so a
# scaler comes first. The scaler is part of the pipeline, so it never sees the fold that is scored.

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import TFMLPClassifier

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

pipeline = make_pipeline(
    StandardScaler(),
    TFMLPClassifier(learning_rate_init=0.003, max_iter=500, random_state=0),
)

# %%
# Each of the four networks is compiled once. All folds share this compiled program, although they
# differ in length. All values of ``alpha`` share it too, because the penalty is an input of the
# program. The last fit, of the best network on the whole training set, has 1.5 times as many
# samples and is compiled anew.

param_grid = {
    "tfmlpclassifier__hidden_layer_sizes": [5, 20, (20, 10), 80],
    "tfmlpclassifier__alpha": [0.1, 1, 10],
}
search = GridSearchCV(pipeline, param_grid, cv=3, scoring="neg_log_loss")
search.fit(X_train, y_train)

print("Best parameters:")
for name, value in search.best_params_.items():
    print(f"  {name} = {value}")
print(f"Log loss in cross-validation: {-search.best_score_:.4f}")
print(f"Log loss on the test set:     {-search.score(X_test, y_test):.4f}")
print(f"Accuracy on the test set:     {search.best_estimator_.score(X_test, y_test):.1%}")

# %%
# :class:`~skmlp.plotting.SearchDisplay` draws the log loss and the time of a fit for each choice of
# hidden layers. The curve shows the best value of ``alpha``, with the standard deviation over the
# folds; dots show the other values. The first fit of a network takes longest, because it compiles.

import matplotlib.pyplot as plt

from skmlp.plotting import SearchDisplay

SearchDisplay.from_search(search)
plt.show()

# %%
# The same results by ``alpha``: too strong a penalty harms all networks.

results = search.cv_results_
sizes, alphas = param_grid.values()
colors = plt.color_sequences["petroff10"]
fig, ax = plt.subplots(figsize=(6.4, 3.5), layout="constrained")
for size, color in zip(sizes, colors, strict=False):
    rows = [params["tfmlpclassifier__hidden_layer_sizes"] == size for params in results["params"]]
    ax.plot(alphas, -results["mean_test_score"][rows], "o-", label=str(size), color=color)
ax.set(xlabel="alpha", ylabel="log loss", xscale="log")
ax.legend(title="hidden layers")
plt.show()

# %%
# What to read next
# -----------------
# :doc:`/beyond_one_machine` runs a search on several processes or machines. To watch a search while
# it runs, :ref:`use callbacks <sphx_glr_auto_examples_plot_callbacks.py>`. For a table with
# strings and gaps, :ref:`use other estimators <sphx_glr_auto_examples_plot_tabular.py>`.
