"""A table of numbers, strings and gaps: a pipeline that encodes it, and a search over all of it."""

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

rng = np.random.default_rng(0)
n_rows = 600
table = pd.DataFrame(
    {
        "age": np.where(rng.random(n_rows) < 0.2, np.nan, rng.normal(30, 14, n_rows)),
        "fare": rng.lognormal(3, 1, n_rows),
        "port": rng.choice(["Cherbourg", "Queenstown", "Southampton", None], n_rows),
        "deck": rng.choice(["A", "B", "C"], n_rows),
    }
)
luck = rng.normal(size=n_rows)
survived = np.where(np.log(table["fare"]) + (table["deck"] == "A") + luck > 3.5, "yes", "no")

numbers = Pipeline([("impute", SimpleImputer(strategy="median")), ("scale", StandardScaler())])
strings = OneHotEncoder(handle_unknown="ignore")
encode = ColumnTransformer(
    [
        ("numbers", numbers, make_column_selector(dtype_include="number")),
        ("strings", strings, make_column_selector(dtype_exclude="number")),
    ]
)
model = Pipeline(
    [
        ("encode", encode),
        ("mlp", MLPClassifier(20, learning_rate_init=0.01, max_iter=500, random_state=0)),
    ]
)
X_train, X_test, y_train, y_test = train_test_split(table, survived, random_state=0)
search = GridSearchCV(
    model,
    {"encode__numbers__impute__strategy": ["mean", "median"], "mlp__alpha": [0.01, 1.0, 10.0]},
    cv=3,
).fit(X_train, y_train)
print("best parameters:", search.best_params_)
print("accuracy on the test set:", search.score(X_test, y_test))
results = {
    "best": search.best_index_,
    "scores of the folds": search.cv_results_["mean_test_score"],
    "probabilities": search.predict_proba(X_test),
}
