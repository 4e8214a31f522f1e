import numpy as np
import pytest

from changedetect.accuracy.ranking import rank, share_seen
from changedetect.accuracy.recapture import Recapture


def test_recapture__by_hand():
    """(n1 + 1)(n2 + 1) / (m + 1) - 1 and its variance, worked out by hand."""
    found = Recapture(ours=200, theirs=100, both=80)
    assert found.total == pytest.approx(201 * 101 / 81 - 1)
    assert found.error**2 == pytest.approx(201 * 101 * 120 * 20 / (81**2 * 82))
    assert found.recall.hits, found.recall.n == (80, 100)
    low, high = found.interval
    assert 220 <= low < found.total < high


def test_recapture__lists_that_hold_the_same():
    found = Recapture(30, 30, 30)
    assert found.total == 30
    low, high = found.interval
    assert low == 30.0 < high < 35
    assert Recapture(0, 0, 0).recall_of_total is None
    assert Recapture(0, 0, 0).interval is None
    assert Recapture(9, 9, 0).interval[1] is None


def test_recapture__the_interval_covers_and_dependence_flatters():
    """Independent lists: 95% of intervals hold the truth or so. What both miss is never seen."""
    rng = np.random.default_rng(4)
    covered, flattered, size = 0, [], 300
    for _ in range(300):
        hard = rng.random(size) < 0.4
        ours, theirs = rng.random(size) < 0.7, rng.random(size) < 0.3
        low, high = Recapture(ours.sum(), theirs.sum(), (ours & theirs).sum()).interval
        covered += low <= size <= high
        both_easy = (ours & ~hard).sum(), (theirs & ~hard).sum(), (ours & theirs & ~hard).sum()
        flattered.append(Recapture(*both_easy).total)
    assert covered >= 0.93 * 300
    assert np.mean(flattered) < 0.7 * size


def test_rank__by_hand():
    order = rank(
        np.array([0.9, 0.5, 0.9, 0.1]), np.array([1.0, 10, 1, 1]), np.array([1.0, 1, 3, 1])
    )
    assert order.tolist() == [1, 2, 0, 3]
    assert share_seen(np.array([1.0, 3, 0, 0]), order, 0.25) == 0.75
    assert np.isnan(share_seen(np.zeros(4), order, 0.5))
