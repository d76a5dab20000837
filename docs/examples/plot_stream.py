"""
Learning from a stream
======================

Where samples come in chunks and can't all be kept, ``partial_fit`` trains on one chunk after the
other. What Adam has kept goes on from chunk to chunk.
"""

# %%
# A stream of 60 chunks of 200 samples. After the thirtieth the world changes: the features come in
# another order.

import numpy as np
from sklearn.datasets import make_classification

X, y = make_classification(
    12_000, n_features=20, n_informative=10, n_classes=4, class_sep=1.5, random_state=0
)
chunks = np.split(np.arange(len(X)), 60)
X[6000:] = X[6000:, ::-1]

# %%
# Each chunk is predicted first, and then learnt: each score is of samples that the network has not
# seen. The first call is told which classes may come. ``random_state`` is a RandomState, so that
# every call shuffles in another order.
#
# For comparison a second network learns the first half only, and a third is fitted anew to each
# chunk: it forgets all that came before.

from skmlp import TFMLPClassifier


def new_network(**params):
    return TFMLPClassifier(
        50,
        batch_size=20,
        learning_rate_init=0.003,
        random_state=np.random.RandomState(0),
        **params,
    )


classes = np.arange(4)
networks = {
    "all chunks": new_network(),
    "the first half": new_network(),
    "the last chunk only": new_network(max_iter=20, tol=0.1),
}
scores = {name: [] for name in networks}
for number, rows in enumerate(chunks):
    for name, network in networks.items():
        if number > 0:
            scores[name].append(network.score(X[rows], y[rows]))
        if name == "the last chunk only":
            network.fit(X[rows], y[rows])
        elif name == "all chunks" or number < 30:
            network.partial_fit(X[rows], y[rows], classes=classes)

# %%
# The network that learns all chunks becomes better and better, falls when the world changes, and
# learns the new one.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for (name, values), color in zip(scores.items(), plt.color_sequences["petroff10"], strict=False):
    smooth = [np.mean(values[max(0, i - 2) : i + 1]) for i in range(len(values))]
    ax.plot(range(1, 60), smooth, label=name, color=color)
ax.axvline(30, color="grey", linestyle=":", label="the world changes")
ax.set(xlabel="chunk", ylabel="accuracy (mean of 3 chunks)", ylim=(0, 1))
ax.legend(title="learnt from")
plt.show()

# %%
# What to read next
# -----------------
# To write a model every few epochs and go on after a crash: :doc:`/callbacks`. An example of
# callbacks: :ref:`Watching a grid search <sphx_glr_auto_examples_plot_callbacks.py>`.
