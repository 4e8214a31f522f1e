"""Means of cells."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from changedetect.kernels.cells import cell_means, edge_spans


def by_definition(image, cell_px, min_share):
    bands, height, width = image.shape
    rows, cols = -(-height // cell_px), -(-width // cell_px)
    out = np.full((bands, rows, cols), np.nan, np.float32)
    for band, row, col in np.ndindex(out.shape):
        part = image[
            band, row * cell_px : (row + 1) * cell_px, col * cell_px : (col + 1) * cell_px
        ].astype(np.float64)
        seen = np.isfinite(part)
        if seen.any() and seen.mean() >= min_share:
            out[band, row, col] = part[seen].mean()
    return out


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.sampled_from([0.0, 0.5, 1.0]))
def test_cell_means__equal_the_definition(seed, cell_px, min_share):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(2, *rng.integers(1, 12, 2))).astype(np.float32)
    image[rng.random(image.shape) < 0.3] = np.nan
    np.testing.assert_allclose(
        cell_means(image, cell_px, min_share), by_definition(image, cell_px, min_share), rtol=1e-6
    )


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_cell_means__of_windows_are_those_of_the_whole(seed, cell_px):
    image = np.random.default_rng(seed).normal(size=(2, 20, 24)).astype(np.float32)
    cut = 2 * cell_px
    whole = cell_means(image, cell_px, 0.5)
    np.testing.assert_array_equal(cell_means(image[:, cut:], cell_px, 0.5), whole[:, 2:])
    np.testing.assert_array_equal(cell_means(image[:, :, :cut], cell_px, 0.5), whole[:, :, :2])


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_edge_spans__equal_the_morphology_of_scipy(seed, reach):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(3, 16, 2))
    values = rng.integers(0, 40, shape).astype(np.float32)
    body, unseen = rng.random(shape) < 0.2, rng.random(shape) < 0.05
    square = np.ones((3, 3), bool)
    around = ndimage.binary_dilation(body, square, iterations=reach)
    whole = body | ((values > 20) & around)
    edge = whole & ~ndimage.binary_erosion(whole, border_value=1)
    edge &= ~ndimage.binary_dilation(unseen, square)
    span = ndimage.maximum_filter(values, 3) - ndimage.minimum_filter(values, 3)
    np.testing.assert_array_equal(edge_spans(values, body, unseen, 20.0, reach), span[edge])
