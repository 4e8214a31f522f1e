"""Borders that show only after: against the naive twin, by hand, properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels import borders
from changedetect.kernels.borders import NEW, OLD, REACH_PX, UNKNOWN
from tests.naive import borders as naive

SCALE = np.array([[1.0, 2.0], [0.5, 1.0]])
RULES = 2.0, 9.0


def new_borders(values, scale, mask, rules):
    """Ask about every pixel of one mask; ``(y, x)``."""
    rows, cols = (place.reshape(-1) for place in np.indices(mask.shape, np.int64))
    out = np.empty((1, mask.size), np.int8)
    borders.new_borders(values, scale, mask, rules, rows, cols, out)
    return out[0].reshape(mask.shape)


def drawn(seed, shape=(14, 17)):
    """Two dates of whole numbers, some not observed, and a mask."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 50, (2, 2, *shape)).astype(np.float32)
    values[:, :, rng.random(shape) < 0.02] = np.nan
    mask = np.zeros(shape, np.uint8)
    mask[3:9, 4:12] = 1
    mask ^= (rng.random(shape) < 0.1).astype(np.uint8)
    return values, mask


@given(st.integers(0, 10_000), st.sampled_from([(1.5, 9.0), (2.0, 4.0), (2.0, 99.0)]))
def test_new_borders__equal_the_naive_twin(seed, rules):
    values, mask = drawn(seed)
    found = new_borders(values, SCALE, mask, rules)
    told = {place: found[place] == NEW for place in zip(*np.nonzero(found != UNKNOWN), strict=True)}
    assert told == naive.told(values, SCALE, mask, rules)


@given(st.integers(0, 10_000))
def test_new_borders__of_nested_masks_are_those_of_each(seed):
    values, mask = drawn(seed)
    levels = mask * np.random.default_rng(seed).integers(1, 4, mask.shape).astype(np.uint8)
    rows, cols = np.nonzero(levels)
    out = np.empty((3, len(rows)), np.int8)
    borders.new_borders(values, SCALE, levels, RULES, rows, cols, out)
    for value in (1, 2, 3):
        alone = new_borders(values, SCALE, (levels >= value).astype(np.uint8), RULES)
        assert np.array_equal(out[value - 1], alone[rows, cols])
        assert (alone[levels == 0] == UNKNOWN).all()


def test_new_borders__by_hand():
    before = np.zeros((20, 20), np.float32)
    before[:, 10:] = 40.0  # a border between two fields
    after = before.copy()
    after[6:14, 4:10] = 80.0  # built up to that border
    values = np.stack([before, after])[:, None]
    mask = (after > 60).astype(np.uint8)
    found = new_borders(values, np.ones((2, 1)), mask, RULES)
    assert (found[8:12, 9] == OLD).all()  # 40 before, 80 - 40 after
    assert (found[8:12, 4] == NEW).all()
    assert (found[6, 6:8] == NEW).all()
    assert (found[7:13, 5:9] == UNKNOWN).all()  # inside
    assert (found[mask == 0] == UNKNOWN).all()


@pytest.mark.parametrize(("usual", "expected"), [(10.0, NEW), (1.0, OLD)])
def test_new_borders__a_border_that_showed_before_is_old_however_strong_it_became(usual, expected):
    before = np.zeros((20, 20), np.float32)
    before[6:14, 4:10] = 12.0  # a plot beside others
    after = np.zeros((20, 20), np.float32)
    after[6:14, 4:10] = 80.0  # film on it
    values = np.stack([before, after])[:, None]
    found = new_borders(values, np.full((2, 1), usual), (after > 60).astype(np.uint8), (2.0, 1.4))
    assert (found[8:12, 4] == expected).all()


def test_new_borders__gains_and_offsets_of_bands_do_not_matter():
    values, mask = drawn(1)
    gains = np.array([[2.0, 0.5], [4.0, 8.0]])  # powers of two: exact
    moved = (values * gains[:, :, None, None] + 16.0).astype(np.float32)
    expected = new_borders(values, SCALE, mask, RULES)
    assert np.array_equal(new_borders(moved, SCALE * gains, mask, RULES), expected)
    assert {OLD, NEW} <= set(np.unique(expected).tolist())


def test_new_borders__transposed():
    values, mask = drawn(2)
    mask = np.zeros_like(mask)
    mask[4:10, 5:11] = 1  # sides along the axes: no direction is rounded
    turned = new_borders(
        np.ascontiguousarray(values.swapaxes(2, 3)), SCALE, np.ascontiguousarray(mask.T), RULES
    )
    assert np.array_equal(turned.T, new_borders(values, SCALE, mask, RULES))


@pytest.mark.parametrize("top", [0, 6, 14])
def test_new_borders__do_not_see_beyond_their_reach(top):
    values, mask = drawn(3, (30, 30))
    whole = new_borders(values, SCALE, mask, RULES)
    first, last = max(0, top - REACH_PX), top + 8 + REACH_PX
    part = new_borders(
        np.ascontiguousarray(values[:, :, first:last]),
        SCALE,
        np.ascontiguousarray(mask[first:last]),
        RULES,
    )
    assert np.array_equal(part[top - first : top - first + 8], whole[top : top + 8])
