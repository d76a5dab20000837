"""
Learning from a stream
======================

If samples come in chunks and can't all be stored, ``partial_fit`` trains on one chunk after the
other. Adam's moments carry over from chunk to chunk.
"""

# %%
# The stream has 60 chunks of 200 samples. After the thirtieth chunk the world changes: the features
# come in another order.

import numpy as np
from sklearn.datasets import make_classification

X, y = make_classification(
    12_000, n_features=20, n_informative=10, n_classes=4, class_sep=1.5, random_state=0
)
chunks = np.split(np.arange(len(X)), 60)
X[6000:] = X[6000:, ::-1]

# %%
# The network first predicts each chunk, and then learns it. So each score is for samples that the
# network has not seen. The first call names all classes that may come. ``random_state`` is a
# RandomState, so every call shuffles in another order.
#
# For comparison, a second network learns only the first half of the stream. A third network is
# fitted anew to each chunk, and forgets all earlier chunks.

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
# The score of the network that learns all chunks rises, drops when the world changes, and rises
# again as the network learns the new order.

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
# :doc:`/callbacks` shows how to save a model every few epochs, and resume after a crash.
# :ref:`Watching a grid search <sphx_glr_auto_examples_plot_callbacks.py>` uses callbacks.
