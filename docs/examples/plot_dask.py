"""
One network on a Dask cluster
=============================

The workers of a Dask cluster train one network together, and get the same numbers as one machine.
Each worker has a part of the digits. :doc:`/beyond_one_machine` says when a cluster pays. For so
few digits it does not: training takes longer than on one machine.
"""

# %%
# A cluster of two workers
# ------------------------
#
# Here both workers are threads of this process. Without ``processes=False`` they are processes. To
# use a cluster that is already running, pass the address of its scheduler to `Client`. Training
# always runs in separate processes.

from dask.distributed import Client, LocalCluster

cluster = LocalCluster(
    n_workers=2, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
)
client = Client(cluster)

# %%
# The digits in partitions
# ------------------------

import dask.array as da
from sklearn.datasets import load_digits

X, y = load_digits(return_X_y=True)
X = X / 16
X_lazy, y_lazy = da.from_array(X, chunks=(300, 64)), da.from_array(y, chunks=300)
print(X_lazy)

# %%
# Training
# --------
#
# The estimator has the parameters of :class:`~skmlp.TFMLPClassifier`. `fit` warns that batches of a
# thousand digits are small for two workers.

import warnings

from skmlp import TFMLPClassifier
from skmlp.dask import DaskTFMLPClassifier

params = {
    "hidden_layer_sizes": 50,
    "batch_size": 1024,
    "learning_rate_init": 0.01,
    "max_iter": 60,
    "early_stopping": True,
    "random_state": 0,
}
model = DaskTFMLPClassifier(**params, client=client)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    model.fit(X_lazy, y_lazy)
for warning in caught:
    if "workers" in str(warning.message):
        print(warning.message)

# %%
# Predictions are lazy; `score` is a number.

print(model.predict(X_lazy))
print(f"accuracy: {model.score(X_lazy, y_lazy):.3f}")

# %%
# The same numbers as one machine
# -------------------------------
#
# `to_local` returns a :class:`~skmlp.TFMLPClassifier` with the same weights. It needs no cluster.

from skmlp.plotting import LossCurveDisplay

local = model.to_local()
client.close()
cluster.close()

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    alone = TFMLPClassifier(**params).fit(X, y)
differences = [abs(a - b).max() for a, b in zip(local.coefs_, alone.coefs_, strict=True)]
print(f"largest difference of weights: {max(differences):.0e}")
display = LossCurveDisplay.from_estimator(local)

# %%
# What to read next
# -----------------
# :doc:`/beyond_one_machine` covers larger data, lost workers, and who may connect to a cluster.
