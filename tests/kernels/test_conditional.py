"""Moments and distances of alteration detection."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels.canonical import (
    chi2_survival,
    distance_and_guide,
    reweighted_moments,
)
from tests.naive import canonical as naive

seeds = st.integers(0, 2**32 - 1)


@given(st.floats(0, 200), st.integers(1, 13))
def test_chi2_survival__equals_scipy(value, degrees):
    expected = scipy.stats.chi2.sf(value, degrees)
    assert chi2_survival(value, degrees) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(seeds, st.integers(1, 5))
def test_reweighted_moments__equal_the_definition(seed, bands):
    rng = np.random.default_rng(seed)
    samples = rng.normal(size=(40, 2 * bands)).astype(np.float32)
    matrix, offset = rng.normal(size=(bands, 2 * bands)), rng.normal(size=bands)
    got = reweighted_moments(samples, matrix, offset)
    for fast, plain in zip(got, naive.reweighted_moments(samples, matrix, offset), strict=True):
        np.testing.assert_allclose(fast, plain, rtol=1e-9, atol=1e-12)


def test_reweighted_moments__zero_transform_counts_every_pixel_once():
    samples = np.array([[1, 2], [3, 4]], np.float32)
    total, sums, products = reweighted_moments(samples, np.zeros((1, 2)), np.zeros(1))
    assert total == 2
    assert sums.tolist() == [4, 6]
    assert products.tolist() == [[10, 14], [14, 20]]


@given(seeds, st.integers(1, 4))
def test_distance_and_guide__equal_the_definition(seed, bands):
    rng = np.random.default_rng(seed)
    stack = rng.normal(size=(2 * bands, 6, 7)).astype(np.float32)
    stack[rng.random(stack.shape) < 0.02] = np.nan
    before = stack.copy()
    matrix = rng.normal(size=(bands + 2, 2 * bands)) * 3
    offset = rng.normal(size=bands + 2)
    score, guide = distance_and_guide(stack, matrix, offset, bands)
    plain_score, plain_guide = naive.distance_and_guide(stack, matrix, offset, bands)
    assert np.abs(score - plain_score).max() <= 1  # a half may fall to either side
    assert np.abs(guide.astype(int) - plain_guide).max() <= 1
    np.testing.assert_array_equal(score < 0, np.isnan(stack).any(axis=0))
    np.testing.assert_array_equal(stack, before)
