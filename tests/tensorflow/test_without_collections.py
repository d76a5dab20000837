"""The pause of the garbage collector."""

import gc
import weakref

import pytest

from skmlp._tensorflow.without_collections import without_collections


class Node:
    """An object that can be a part of a cycle."""


@pytest.fixture
def collector():
    """Leave the garbage collector as it was."""
    was_enabled = gc.isenabled()
    yield gc
    gc.unfreeze()
    (gc.enable if was_enabled else gc.disable)()


def make_cycle():
    """Return a reference to an object that only the garbage collector frees."""
    node = Node()
    node.itself = node
    return weakref.ref(node)


def count_collections():
    return [generation["collections"] for generation in gc.get_stats()]


def test_nothing_is_collected_meanwhile(collector):
    collector.enable()
    with without_collections():
        before = count_collections()
        kept = [[] for _ in range(10_000)]
        assert count_collections() == before
        assert not collector.isenabled()
    assert collector.isenabled()
    kept += [[] for _ in range(10_000)]
    assert count_collections() > before
    assert len(kept) == 20_000


def test_garbage_is_collected_afterwards(collector):
    collector.enable()
    before = make_cycle()
    with without_collections():
        during = make_cycle()
    assert collector.get_freeze_count() == 0
    collector.collect()
    assert (before(), during()) == (None, None)


def test_an_error_enables_the_collector_again(collector):
    collector.enable()
    with pytest.raises(ImportError), without_collections():
        raise ImportError
    assert collector.isenabled()


def test_a_disabled_collector_stays_so(collector):
    collector.disable()
    with without_collections():
        pass
    assert not collector.isenabled()


def test_what_the_user_has_frozen_stays_frozen(collector):
    """Check one frozen object; the collector lists only objects that are not frozen."""
    collector.enable()
    node = Node()
    collector.freeze()
    with without_collections():
        later = Node()
    tracked = {id(thing) for thing in collector.get_objects()}
    assert collector.get_freeze_count() > 0
    assert id(later) in tracked
    assert id(node) not in tracked
