"""Each solver alone, against its formula."""

import numpy as np
import pytest

from skmlp._program.solvers import SGD, Adam, corrected_rates, new_optimizer
from skmlp._program.spec import BatchNumbers, Hyper
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
        rate = hyper.learning_rate
        if solver.corrects_rate:
            (rate,) = corrected_rates(hyper, [step])
        params, slots = solver.update(
            tf,
            as_numbers(tf, hyper),
            tf.constant(np.float64(rate)),
            tf.constant(is_active),
            params,
            slots,
            [tf.constant(g.astype(dtype)) for g in grad],
        )
    return [param.numpy() for param in params]


def as_numbers(tf, hyper):
    """Return the numbers of a batch as the program has them, with 0 for what is not given."""
    given = hyper._asdict() | {"infinity": np.inf}
    names = BatchNumbers._fields
    return BatchNumbers(*(tf.constant(np.float64(given.get(name, 0))) for name in names))


def make_hyper(**values):
    return Hyper(**({"learning_rate": 0.1, "alpha": 0.0} | values))


def draw_gradients(n_steps):
    rng = np.random.RandomState(0)
    return [[rng.normal(size=shape) for shape in SHAPES] for _ in range(n_steps)]


@pytest.mark.parametrize(("beta_1", "beta_2", "epsilon"), [(0.9, 0.999, 1e-8), (0.0, 0.5, 0.1)])
def test_adam_is_its_formula(tf, beta_1, beta_2, epsilon):
    """Check seven steps of Kingma and Ba, epsilon outside the root."""
    grads = draw_gradients(7)
    hyper = make_hyper(beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)
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
    hyper = make_hyper(momentum=momentum, nesterov=float(nesterov))
    for k, actual in enumerate(run(tf, SGD, hyper, grads)):
        w, u = np.ones(SHAPES[k]), 0.0
        for grad in grads:
            u = momentum * u - 0.1 * grad[k]
            w = w + (momentum * u - 0.1 * grad[k] if nesterov else u)
        np.testing.assert_allclose(actual, w, rtol=1e-14)


@pytest.mark.parametrize("solver", [Adam, SGD])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_inactive_step_changes_nothing(tf, solver, dtype):
    """Check that a step of a batch without weight is as if it had not been."""
    grads = draw_gradients(4)
    hyper = make_hyper(beta_1=0.9, beta_2=0.99, epsilon=1e-8, momentum=0.9, nesterov=1.0)
    active = [True, True, False, True]
    skipped = run(tf, solver, hyper, grads, active, dtype)
    without = run(tf, solver, hyper, [grads[0], grads[1], grads[3]], dtype=dtype)
    for actual, expected in zip(skipped, without, strict=True):
        assert actual.dtype == dtype
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize(("solver", "n_slots"), [("adam", 2), ("sgd", 1)])
def test_a_new_optimizer_keeps_nothing_yet(solver, n_slots):
    """Check slots, step and learning rate."""
    params = [np.ones(shape, np.float32) for shape in SHAPES]
    optimizer = new_optimizer(solver, {"learning_rate": 0.25}, False, params)
    assert (optimizer.learning_rate, optimizer.step) == (0.25, 0)
    assert len(optimizer.slots) == n_slots
    for slot in optimizer.slots:
        assert [array.shape for array in slot] == SHAPES
        assert all((array == 0).all() and array.dtype == np.float32 for array in slot)
