"""Each solver alone, against its formula."""

import numpy as np
import pytest

from skmlp._program.solvers import SGD, Adam
from skmlp._program.values import BatchNumbers
from skmlp._tensorflow.loading import load as load_tensorflow

SHAPES = [(3, 2), (2,)]


@pytest.fixture(scope="module")
def tf():
    return load_tensorflow()


def run(tf, solver, hyper, grads, active=None, dtype=np.float64):
    """Apply updates one after the other, and return the parameters after the last."""
    params = [tf.constant(np.ones(shape, dtype)) for shape in SHAPES]
    slots = [[tf.zeros_like(param) for param in params] for _ in range(solver.n_slots)]
    step = 0
    for grad, is_active in zip(grads, active or [True] * len(grads), strict=True):
        step += is_active
        (rate,) = solver.step_sizes(hyper, np.array([0.1]), [step])
        params, slots = solver.update(
            tf,
            as_numbers(tf, hyper, rate),
            tf.constant(is_active),
            params,
            slots,
            [tf.constant(g.astype(dtype)) for g in grad],
        )
    return [param.numpy() for param in params]


def as_numbers(tf, hyper, rate):
    """Return the numbers of a batch in the program's form, with 0 for unneeded ones."""
    scalars = {name: tf.constant(np.float64(value)) for name, value in hyper.items()}
    numbers = {name: tf.constant(np.float64(0)) for name in BatchNumbers._fields}
    given = {"rate": tf.constant(np.float64(rate)), "infinity": tf.constant(np.float64(np.inf))}
    return BatchNumbers(**numbers | given | {"hyper": scalars})


def draw_gradients(n_steps):
    rng = np.random.RandomState(0)
    return [[rng.normal(size=shape) for shape in SHAPES] for _ in range(n_steps)]


@pytest.mark.parametrize(("beta_1", "beta_2", "epsilon"), [(0.9, 0.999, 1e-8), (0.0, 0.5, 0.1)])
def test_adam_is_its_formula(tf, beta_1, beta_2, epsilon):
    """Check seven steps of Kingma and Ba's Adam, with epsilon outside the root."""
    grads = draw_gradients(7)
    hyper = {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
    for k, actual in enumerate(run(tf, Adam, hyper, grads)):
        w, m, v = np.ones(SHAPES[k]), 0.0, 0.0
        for t, grad in enumerate(grads, 1):
            m = beta_1 * m + (1 - beta_1) * grad[k]
            v = beta_2 * v + (1 - beta_2) * grad[k] ** 2
            rate = 0.1 * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
            w = w - rate * m / (np.sqrt(v) + epsilon)
        np.testing.assert_allclose(actual, w, rtol=1e-14)


@pytest.mark.parametrize("momentum", [0.0, 0.9, 1.0])
@pytest.mark.parametrize("nesterov", [True, False])
def test_sgd_is_its_formula(tf, momentum, nesterov):
    """Check seven steps with and without Nesterov's momentum."""
    grads = draw_gradients(7)
    hyper = {"momentum": momentum, "nesterovs_momentum": float(nesterov)}
    for k, actual in enumerate(run(tf, SGD, hyper, grads)):
        w, u = np.ones(SHAPES[k]), 0.0
        for grad in grads:
            u = momentum * u - 0.1 * grad[k]
            w = w + (momentum * u - 0.1 * grad[k] if nesterov else u)
        np.testing.assert_allclose(actual, w, rtol=1e-14)


@pytest.mark.parametrize("solver", [Adam, SGD])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_inactive_step_changes_nothing(tf, solver, dtype):
    """Check a step of a batch whose weights are all zero."""
    grads = draw_gradients(4)
    hyper = {"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-8}
    hyper |= {"momentum": 0.9, "nesterovs_momentum": 1.0}
    active = [True, True, False, True]
    skipped = run(tf, solver, hyper, grads, active, dtype)
    without = run(tf, solver, hyper, [grads[0], grads[1], grads[3]], dtype=dtype)
    for actual, expected in zip(skipped, without, strict=True):
        assert actual.dtype == dtype
        np.testing.assert_array_equal(actual, expected)
