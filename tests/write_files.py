"""Write the files that later versions have to read: ``python -m tests.write_files DIRECTORY``.

Each directory in ``tests/data`` was written once, by the version of its time, and never changes.
Write a new directory when the state in files changes.
"""

import pickle
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import skops.io

from skmlp import TabularMLPClassifier, TFMLPClassifier
from skmlp.callbacks import Checkpoint
from tests.helpers import Callback, load

SHARED = {"hidden_layer_sizes": 4, "batch_size": 50, "learning_rate_init": 0.02, "random_state": 0}
CLASSIFIER = {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3, "max_iter": 6}
CHECKPOINT = {"early_stopping": True, "n_iter_no_change": 20, "max_iter": 12}
N_LATER = 2  # calls of partial_fit
TABULAR = {"hidden_layer_sizes": 4, "n_networks": 2, "max_iter": 3, "n_best_epochs": 1}
TABULAR |= {"random_state": 0}


def mixed_table():
    """Return labels, and a table of numbers (some missing), strings and booleans."""
    numbers = np.arange(60.0) % 7
    numbers[::9] = np.nan
    table = pd.DataFrame({"number": numbers, "word": list("abc") * 20, "flag": [True, False] * 30})
    return table, np.arange(60) % 3


class StopError(Exception):
    """Ends a fit as a crash would."""


class StopAfterSix(Callback):
    """Ends the fit after six epochs."""

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == 5:
            raise StopError


def write(directory: Path) -> None:
    """Write classifiers, a checkpoint after five epochs, and their expected numbers."""
    directory.mkdir(exist_ok=True)
    X, y = load("iris")
    clf = TFMLPClassifier(**SHARED | CLASSIFIER).fit(X, y)
    (directory / "classifier.pkl").write_bytes(pickle.dumps(clf))
    (directory / "classifier.skops").write_bytes(skops.io.dumps(clf))
    expected = {"classifier_coef": clf.coefs_[0], "classifier_proba": clf.predict_proba(X[::10])}
    for _ in range(N_LATER):
        clf.partial_fit(X, y)
    path = directory / "checkpoint.joblib"
    est = TFMLPClassifier(**SHARED | CHECKPOINT)
    try:
        est.set_callbacks(Checkpoint(path, every=5), StopAfterSix()).fit(X, y)
    except StopError:
        model = joblib.load(path)
    whole = TFMLPClassifier(**SHARED | CHECKPOINT).fit(X, y)
    expected |= {
        "classifier_coef_later": clf.coefs_[0],
        "checkpoint_coef": model.coefs_[0],
        "checkpoint_proba": model.predict_proba(X[::10]),
        "checkpoint_coef_later": whole.coefs_[0],
        "checkpoint_loss_curve_later": np.array(whole.loss_curve_),
    }
    table = TabularMLPClassifier(**TABULAR).fit(*mixed_table())
    (directory / "tabular.pkl").write_bytes(pickle.dumps(table))
    (directory / "tabular.skops").write_bytes(skops.io.dumps(table))
    expected["tabular_proba"] = table.predict_proba(mixed_table()[0])
    np.savez(directory / "expected.npz", **expected)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    write(Path(sys.argv[1]))
