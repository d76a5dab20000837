"""The demonstration ``python -m skmlp``: learns handwritten digits, draws losses and predictions.

The digits come with scikit-learn, so that nothing is downloaded.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skmlp import LossCurveDisplay, TFMLPClassifier, plot_example_errors, plot_images

DEFAULT_OUTPUT_DIR = Path("skmlp-demo")
SEED = 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Train on the digits, print the progress, and write three pictures.

    Parameters
    ----------
    arguments : sequence of str, default=None
        Arguments of the command line. None takes the arguments of the process.
    """
    output_dir = make_output_dir(arguments)
    X_train, X_test, y_train, y_test = load_data()
    print(
        f"Training on {len(X_train):,} images of handwritten digits, 15 % of them held out to "
        "validate. TensorFlow is loaded first.",
        flush=True,
    )
    clf = train(X_train, y_train)
    print(f"Accuracy on {len(X_test)} test images: {clf.score(X_test, y_test):.1%}")
    for path in draw(clf, X_test, y_test, output_dir):
        print(f"Picture: {path}")


def make_output_dir(arguments: Sequence[str] | None) -> Path:
    """Read the command line, and make the directory that it names.

    Parameters
    ----------
    arguments : sequence of str or None
        Arguments of the command line. None takes the arguments of the process.

    Returns
    -------
    output_dir : Path
        A directory that exists.

    Raises
    ------
    SystemExit
        If the arguments are wrong or the directory cannot be made.
    """
    parser = argparse.ArgumentParser(
        prog="python -m skmlp",
        description="Train TFMLPClassifier on scikit-learn's digits; draw losses and predictions.",
    )
    parser.add_argument(
        "--output-dir",
        type=Path,
        default=DEFAULT_OUTPUT_DIR,
        metavar="DIR",
        help="where to write the pictures; made if missing (default: %(default)s)",
    )
    output_dir: Path = parser.parse_args(arguments).output_dir
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"cannot make the directory {str(output_dir)!r}: {error.strerror}")
    return output_dir


def load_data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the digits, a fifth of them to test.

    Returns
    -------
    X_train, X_test : ndarray of shape (n_samples, 64)
        Images of 8 x 8 pixels between 0 and 1, flattened.
    y_train, y_test : ndarray of shape (n_samples,)
        The digits on the images.
    """
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X / 16, y, test_size=0.2, stratify=y, random_state=SEED
    )
    return X_train, X_test, y_train, y_test


def train(X: np.ndarray, y: np.ndarray) -> TFMLPClassifier:
    """Fit a network, with a line for each epoch and early stopping.

    Parameters
    ----------
    X : ndarray of shape (n_samples, 64)
        Images.
    y : ndarray of shape (n_samples,)
        The digits on the images.

    Returns
    -------
    clf : TFMLPClassifier
        The fitted classifier.
    """
    clf = TFMLPClassifier(
        hidden_layer_sizes=100,
        batch_size=32,
        learning_rate_init=0.002,
        max_iter=100,
        early_stopping=True,
        validation_fraction=0.15,
        n_iter_no_change=20,
        random_state=SEED,
        verbose=1,
    )
    return clf.fit(X, y)


def draw(
    clf: TFMLPClassifier, images: np.ndarray, y_true: np.ndarray, output_dir: Path
) -> list[Path]:
    """Write a picture of the losses, one of predictions and one of errors.

    Parameters
    ----------
    clf : TFMLPClassifier
        The fitted classifier.
    images : ndarray of shape (n_images, 64)
        Images.
    y_true : ndarray of shape (n_images,)
        The digits on the images.
    output_dir : Path
        The directory for the pictures.

    Returns
    -------
    paths : list of Path
        The PNG files.
    """
    y_pred = clf.predict(images)
    predictions = plot_images(images, y_true, y_pred, title="Predictions on test images")
    figures = {
        "losses.png": LossCurveDisplay.from_estimator(clf).figure_,
        "predictions.png": predictions[0, 0].figure,
        "errors.png": plot_example_errors(images, y_true, y_pred)[0, 0].figure,
    }
    paths = []
    for name, figure in figures.items():
        paths.append(output_dir / name)
        figure.savefig(paths[-1], dpi=150)
    return paths


if __name__ == "__main__":
    # Only files are written, so the backend of a notebook or a desktop is not needed.
    os.environ["MPLBACKEND"] = "Agg"
    main()
