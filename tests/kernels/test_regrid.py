"""Regridding kernels against their definitions."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from changedetect.kernels import regrid
from tests.naive import files as naive


def drawn(seed, gaps=0.15):
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(2, 9, 11)).astype(np.float32)
    source[rng.random(source.shape) < gaps] = np.nan
    rows = rng.uniform(-2, 11, (4, 5))
    cols = rng.uniform(-2, 13, (4, 5))
    rows[0, 0] = 3.0  # on a pixel
    return source, rows, cols


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_cubic__equals_its_definition(seed):
    source, rows, cols = drawn(seed)
    found = regrid.cubic(source, 0, 0, rows, cols)
    for band in range(2):
        expected = naive.apply(lambda r, c, b=band: naive.cubic_at(source[b], r, c), rows, cols)
        np.testing.assert_allclose(found[band], expected, atol=1e-5)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.floats(1.6, 4.0), st.floats(1.6, 4.0))
def test_footprint_mean__equals_its_definition(seed, tall, wide):
    source, rows, cols = drawn(seed)
    found = regrid.footprint_mean(source, 0, 0, rows, cols, (tall, wide))
    for band in range(2):
        expected = naive.apply(
            lambda r, c, b=band: naive.mean_under(source[b], r, c, tall, wide), rows, cols
        )
        np.testing.assert_allclose(found[band], expected, atol=1e-5)


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_nearest__equals_its_definition(seed):
    _, rows, cols = drawn(seed)
    mask = np.random.default_rng(seed).integers(0, 3, (9, 11)).astype(np.uint8)
    found = regrid.nearest(mask, 0, 0, rows, cols, 255)
    np.testing.assert_array_equal(
        found, naive.apply(lambda r, c: naive.nearest_at(mask, r, c, 255), rows, cols)
    )


def test_cubic__a_plane_stays_a_plane():
    y, x = np.mgrid[0:9, 0:9].astype(np.float32)
    plane = (2 * y + 3 * x)[None]
    rows, cols = np.full((1, 3), 4.25), np.array([[3.5, 4.0, 4.75]])
    found = regrid.cubic(plane, 0, 0, rows, cols)
    np.testing.assert_allclose(found[0], 2 * rows + 3 * cols, rtol=1e-6)


def test_footprint_mean__hand_answer():
    source = np.arange(1, 10, dtype=np.float32).reshape(1, 3, 3)
    middle = np.array([[1.0]])
    assert regrid.footprint_mean(source, 0, 0, middle, middle, (3.0, 3.0))[0, 0, 0] == 5.0
    corner = np.array([[0.5]])
    assert regrid.footprint_mean(source, 0, 0, corner, corner, (2.0, 2.0))[0, 0, 0] == 3.0


def test_kernels__a_window_of_the_source_gives_the_same_bits():
    source = np.random.default_rng(1).normal(size=(1, 40, 40)).astype(np.float32)
    rows, cols = np.full((3, 3), 20.3), np.full((3, 3), 19.8)
    part = np.ascontiguousarray(source[:, 13:29, 12:30])
    np.testing.assert_array_equal(
        regrid.cubic(source, 0, 0, rows, cols), regrid.cubic(part, 13, 12, rows, cols)
    )
    np.testing.assert_array_equal(
        regrid.footprint_mean(source, 0, 0, rows, cols, (3.0, 3.0)),
        regrid.footprint_mean(part, 13, 12, rows, cols, (3.0, 3.0)),
    )
