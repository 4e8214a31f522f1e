"""Distance and guide of whole windows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels.distance import (
    LANES,
    _choose,
    _least,
    _least_of_four,
    distance_rows,
    padded,
)
from tests.kernels.test_conditional import drawn
from tests.naive import distance as naive

seeds = st.integers(0, 2**32 - 1)


def single(arrays):
    weights, *others = arrays
    wide = padded(np.ascontiguousarray(weights.reshape(-1, weights.shape[-1])))
    return wide.reshape(*weights.shape[:-1], -1), *(a.astype(np.float32) for a in others)


def measured(stack, chooser, variates, axes, cap=20_000):
    score = np.full(stack.shape[1:], 99, np.int16)
    guide = np.full((len(axes[1]), *stack.shape[1:]), 99, np.int16)
    given_ = single(chooser), single(variates), single(axes)
    distance_rows(stack, *given_, cap, score, guide)
    return score, guide


def scene(seed, bands, shape=(6, 7)):
    rng, centres, chooser, variates = drawn(seed, bands)
    stack = rng.normal(size=(2 * bands, *shape)).astype(np.float32)
    stack[rng.random(stack.shape) < 0.02] = np.nan
    axes = rng.normal(size=(2, 2 * bands)) * 3, rng.normal(size=2)
    return stack, centres, chooser, variates, axes


@given(seeds, st.integers(1, 6), st.integers(200, 40_000))
def test_distance_rows__equal_the_definition(seed, bands, cap):
    stack, centres, chooser, variates, axes = scene(seed, bands)
    before = stack.copy()
    score, guide = measured(stack, chooser, variates, axes, cap)
    plain_score, plain_guide = naive.distance_rows(stack, centres, variates, axes, cap)
    assert np.abs(score - plain_score).max() <= 1  # a half may fall to either side
    assert np.abs(guide - plain_guide).max() <= 1
    np.testing.assert_array_equal(score < 0, np.isnan(stack).any(axis=0))
    np.testing.assert_array_equal(stack, before)


def test_distance_rows__a_pixel_knows_nothing_of_its_neighbours():
    stack, _, chooser, variates, axes = scene(4, 3, (3, LANES + 40))
    score, guide = measured(stack, chooser, variates, axes)
    for rows, cols in (
        (slice(1, 3), slice(7, 900)),
        (slice(0, 1), slice(LANES - 3, LANES + 9)),
        (slice(2, 3), slice(5, 6)),
    ):
        part, own = measured(np.ascontiguousarray(stack[:, rows, cols]), chooser, variates, axes)
        assert part.tobytes() == score[rows, cols].tobytes()
        assert own.tobytes() == guide[:, rows, cols].tobytes()


def test_padded__keeps_weights_and_adds_zeros():
    assert padded(np.array([[1.0, 2.0, 3.0]])).tolist() == [[1.0, 2.0, 3.0, 0.0]]
    assert padded(np.ones((2, 4))).shape == (2, 4)


@given(seeds, st.integers(1, 40))
def test_loops_for_four_bands__give_the_bytes_of_the_general_ones(seed, count):
    rng = np.random.default_rng(seed)
    pixels = rng.normal(size=(8, LANES)).astype(np.float32)
    variates = rng.normal(size=(3, 4, 8)), rng.normal(size=(3, 4)), rng.uniform(0, 5, 3)
    variates = tuple(values.astype(np.float32) for values in variates)
    variates[2][seed % 3] = np.inf
    least, value, total, four, spare = np.empty((5, count), np.float32)
    _least(pixels, 5, variates, least, value, total)
    _least_of_four(pixels, 5, variates, four, spare)
    assert least.tobytes() == four.tobytes()


@given(seeds, st.integers(1, 12))
def test_classes_by_four__are_the_first_of_the_largest(seed, classes):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(-3, 4, (4, 50)).astype(np.float32)  # many scores are equal
    slopes = rng.integers(-3, 4, (classes, 4)).astype(np.float32)
    levels = rng.integers(-3, 4, classes).astype(np.float32)
    top, value = np.empty((2, 50), np.float32)
    best = np.empty(50, np.int32)
    _choose(pixels, (slopes, levels), top, value, best)
    scores = slopes @ pixels + levels[:, None]
    assert best.tolist() == scores.argmax(axis=0).tolist()
    assert top.tolist() == scores.max(axis=0).tolist()
