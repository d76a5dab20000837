"""Draw the picture of the demonstration that the README and the first page show.

Run it from the root of the repository with

python docs/draw_demo.py
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

from skmlp import LossCurveDisplay, plot_images
from skmlp.__main__ import load_data, train

PATH = Path(__file__).parent / "_static" / "demo.png"

X_train, X_test, y_train, y_test = load_data()
clf = train(X_train, y_train)
figure = plt.figure(figsize=(10, 4.4), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=(3, 2))
LossCurveDisplay.from_estimator(clf, ax=left.subplots())
plot_images(X_test, y_test, clf.predict(X_test), axes=right.subplots(3, 3))
figure.savefig(PATH, dpi=110)
