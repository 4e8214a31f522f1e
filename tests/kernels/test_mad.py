"""Probability of no change, weighted moments and variates."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels.mad import PIECE_PX, mad_variates, no_change, weighted_moments


@given(st.floats(0, 700), st.integers(1, 13))
def test_no_change__is_scipys_survival_function(chi_square, freedom):
    expected = scipy.stats.chi2.sf(chi_square, freedom)
    assert no_change(chi_square, freedom) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def drawn(seed, bands, pixels=400):
    rng = np.random.default_rng(seed)
    samples = rng.normal(5, 2, (pixels, 2 * bands)).astype(np.float32)
    matrix = rng.normal(size=(bands, 2 * bands))
    return samples, matrix, rng.normal(size=bands), rng.uniform(0.1, 0.5, bands)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_weighted_moments__equal_the_definition(seed, bands):
    samples, matrix, offset, inverse = drawn(seed, bands)
    centre = samples.mean(axis=0, dtype=np.float64) + 0.3
    found = weighted_moments(samples, centre, (matrix, offset, inverse))
    v = samples.astype(np.float64)
    chi = ((v @ matrix.T - offset) ** 2 * inverse).sum(axis=1)
    weights = scipy.stats.chi2.sf(chi, bands)
    moved = v - centre
    assert found[0] == pytest.approx(weights.sum())
    assert np.allclose(found[1], weights @ moved)
    assert np.allclose(found[2], (moved * weights[:, None]).T @ moved)


def test_weighted_moments__without_variates_all_pixels_count_alike():
    samples, _, _, _ = drawn(1, 2)
    none = np.zeros((0, 4)), np.zeros(0), np.zeros(0)
    weight, sums, products = weighted_moments(samples, np.zeros(4), none)
    assert weight == len(samples)
    assert np.allclose(sums, samples.sum(axis=0, dtype=np.float64))
    assert np.allclose(products, samples.T.astype(np.float64) @ samples)


@pytest.mark.parametrize("pixels", [1, PIECE_PX, PIECE_PX + 7])
def test_mad_variates__are_the_products_and_unknown_where_a_band_is(pixels):
    samples, matrix, _, inverse = drawn(3, 3, pixels)
    stack = np.ascontiguousarray(samples.T)
    stack[4, pixels // 2] = np.nan
    centre = samples.mean(axis=0)
    out = np.empty((4, pixels), np.float32)
    args = centre, matrix.astype(np.float32), inverse.astype(np.float32)
    mad_variates(stack, *args, out)
    expected = matrix @ (stack.astype(np.float64) - centre[:, None])
    assert np.allclose(out[:3], expected, rtol=1e-4, atol=1e-4, equal_nan=True)
    assert np.allclose(
        out[3], (expected**2 * inverse[:, None]).sum(axis=0), rtol=1e-4, equal_nan=True
    )
    assert np.isnan(out[:, pixels // 2]).all()
    assert np.isfinite(np.delete(out, pixels // 2, axis=1)).all()
