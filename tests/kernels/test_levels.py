"""Levels of evidence, whole images at a time: against plain numpy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels.levels import (
    between,
    level_of,
    level_runs,
    lower_of,
    reached,
    stretches,
    take_first,
)
from changedetect.kernels.runs import find_runs

NODATA = -32768
SEEDS = st.integers(0, 10_000)


def drawn(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 12, 2))
    evidence = rng.integers(-3, 9, shape).astype(np.int16)
    evidence[rng.random(shape) < 0.2] = NODATA
    return rng, evidence, rng.integers(-2, 4, shape).astype(np.int32)


@given(SEEDS)
def test_reached_and_level_of__equal_their_definition(seed):
    rng, evidence, least = drawn(seed)
    mask, levels = np.empty(evidence.shape, np.uint8), np.empty(evidence.shape, np.uint8)
    reached(evidence, least, NODATA, mask)
    seen = evidence != NODATA
    assert np.array_equal(mask, seen & (evidence >= least))
    closed = mask | (rng.random(mask.shape) < 0.2).astype(np.uint8)
    level_of(evidence, least, closed, np.array([2, 4], np.int32), NODATA, levels)
    above = 1 + (evidence >= least + 2).astype(int) + (evidence >= least + 4)
    assert np.array_equal(levels, np.where(seen & (closed > 0), above, 0))


@given(SEEDS)
def test_lower_of__takes_the_limit_of_each_number(seed):
    rng, evidence, threshold = drawn(seed)
    index = rng.integers(-1, 3, evidence.shape).astype(np.int16)
    lowest = np.array([9, 0, 9, 1], np.int32)
    out = np.empty_like(threshold)
    lower_of(threshold, index, lowest, out)
    assert np.array_equal(out, np.minimum(threshold, lowest[index + 1]))


@given(SEEDS)
def test_take_first__leaves_what_was_taken(seed):
    rng, evidence, threshold = drawn(seed)
    measured = np.where(rng.random(evidence.shape) < 0.5, 5, NODATA).astype(np.int16)
    wanted = rng.random(evidence.shape) < 0.7
    index = np.where(evidence == NODATA, -1, 0).astype(np.int16)
    before, new = evidence.copy(), np.empty(evidence.shape, bool)
    kept = evidence, index, threshold
    taken, due = take_first(measured, wanted, (3, 77), NODATA, kept, new)
    open_yet = wanted & (before == NODATA)
    expected = open_yet & (measured != NODATA)
    assert np.array_equal(new, expected)
    assert (taken, due) == (expected.sum(), (open_yet & ~expected).sum())
    assert np.array_equal(evidence, np.where(expected, 5, before))
    assert (index[expected] == 3).all()
    assert (threshold[expected] == 77).all()
    assert (index[~expected] != 3).all()


@given(SEEDS)
def test_level_runs__are_the_runs_of_each_level(seed):
    levels = np.random.default_rng(seed).integers(0, 3, (7, 9)).astype(np.uint8)
    runs, level = level_runs(levels, 100, 200)
    for value in (1, 2):
        alone = find_runs((levels == value).astype(np.uint8), 100, 200)
        assert np.array_equal(runs[level == value], alone)
    assert np.array_equal(np.lexsort((runs[:, 1], runs[:, 0])), np.arange(len(runs)))


@given(SEEDS)
def test_stretches__hold_every_pixel_of_the_runs_once(seed):
    rng = np.random.default_rng(seed)
    mask, values = rng.integers(0, 2, (6, 8)).astype(np.uint8), rng.integers(-1, 2, (6, 8))
    runs = find_runs(mask, 10, 20)
    owner, value, pixels = stretches(values, runs, 10, 20)
    assert np.array_equal(np.repeat(value, pixels), values[mask > 0])
    assert np.array_equal(np.bincount(owner, pixels, len(runs)), runs[:, 2] - runs[:, 1])
    same = (owner[1:] == owner[:-1]) & (value[1:] == value[:-1])
    assert not same.any(), "a stretch is as long as it can be"


def test_between__by_hand():
    out = np.zeros((2, 6), bool)
    out[1, 5] = True
    between(np.array([0, 0, 1, 1]), np.array([4, 1, 2, 6]), out)
    assert out.astype(int).tolist() == [[0, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1]]


@given(SEEDS, st.integers(0, 200))
def test_between__few_or_many_crossings__equals_counting_them(seed, crossings):
    rng = np.random.default_rng(seed)
    before = rng.random((5, 9)) < 0.1
    rows, cols = rng.integers(0, 5, crossings), rng.integers(0, 10, crossings)
    passed = np.zeros((5, 10), int)
    np.add.at(passed, (rows, cols), 1)
    out = before.copy()
    between(rows, cols, out)
    assert np.array_equal(out, before | (passed.cumsum(axis=1)[:, :9] % 2 == 1))
