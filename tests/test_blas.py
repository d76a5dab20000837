"""The limit to one thread of BLAS: overlapping blocks share it, and the last one lifts it."""

from contextlib import ExitStack

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from skmlp._blas import single_threaded
from skmlp._data.samples import SampleSet, without_validation
from skmlp._model.network import Architecture, Parameters
from skmlp._program.stopping import StoppingRule
from skmlp._training.lbfgs import LBFGS
from skmlp._training.log import TrainingLog
from tests.helpers import make_plan


def threads_of_blas():
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def _two_threads():
    with threadpool_limits(2, "blas"):
        yield


def test_blocks_that_overlap_share_the_limit():
    """Check a block that begins in another and ends after it, in both orders."""
    for ends_first in (0, 1):
        blocks = [ExitStack(), ExitStack()]
        for block in blocks:
            block.enter_context(single_threaded())
        blocks[ends_first].close()
        assert threads_of_blas() == {1}
        blocks[1 - ends_first].close()
        assert threads_of_blas() == {2}


def test_an_error_takes_the_limit_back():
    with pytest.raises(KeyError), single_threaded():
        raise KeyError
    assert threads_of_blas() == {2}


@pytest.mark.parametrize(("n_features", "expected"), [(2, {1}), (10_000, {2})])
def test_lbfgs_has_one_thread_for_few_parameters(n_features, expected):
    """Check the threads during the evaluations of L-BFGS, and after them."""
    seen = []

    def parabola(vector):
        seen.append(threads_of_blas())
        return float(((vector - 1) ** 2).sum()), 2 * (vector - 1)

    architecture = Architecture((n_features, 1), "identity", "squared_error")
    samples = without_validation(SampleSet(np.zeros((2, n_features)), np.zeros((2, 1)), np.ones(2)))
    log = TrainingLog(make_plan(samples, architecture), StoppingRule(0.0, 1))
    start = Parameters([np.zeros((n_features, 1))], [np.zeros(1)])
    LBFGS(parabola, architecture, log).run(start, max_iter=5, max_fun=10, tol=1e-9)
    assert seen == [expected] * len(seen)
    assert threads_of_blas() == {2}
