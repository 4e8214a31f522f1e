"""Means of cells straight from stored numbers, in parts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels.cell_sums import NEVER, add_columns, means_of_columns
from changedetect.kernels.cells import cell_means
from changedetect.kernels.stored import to_quantity, whole_pixels

TYPES = ["uint8", "int16", "uint16"]


def means(stored, form, rules, cuts=((0, None), (0, None))):
    """Means of stored numbers that come in two by two parts, each a part of a larger block."""
    bands, height, width = stored.shape
    cell_px = rules[0]
    sums = (
        np.zeros((bands, -(-height // cell_px), width), np.int32),
        np.zeros((-(-height // cell_px), width), np.int32),
    )
    block = np.pad(stored, ((0, 0), (2, 1), (3, 0)), constant_values=5)
    for top, bottom in zip(cuts[0][:-1], cuts[0][1:], strict=True):
        for left, right in zip(cuts[1][:-1], cuts[1][1:], strict=True):
            end = height if bottom is None else bottom, width if right is None else right
            part = top + 2, left + 3, end[0] - top, end[1] - left
            add_columns(block, part, (top, left), rules, sums)
    return means_of_columns(sums, form, height, cell_px, 0.5)


def drawn(seed, kind):
    rng = np.random.default_rng(seed)
    top = min(int(np.iinfo(kind).max), 11_000)
    stored = rng.integers(0, top, (3, *rng.integers(1, 20, 2))).astype(kind)
    stored[:, rng.random(stored.shape[1:]) < 0.2] = 0
    stored[rng.random(stored.shape) < 0.1] = 3
    return rng, stored


@given(st.integers(0, 2**32 - 1), st.sampled_from(TYPES), st.integers(1, 6), st.booleans())
def test_means_of_columns__are_those_of_the_image(seed, kind, cell_px, black):
    rng, stored = drawn(seed, kind)
    scale, offset = rng.uniform(0.5, 2, 3) * 1e-4, rng.normal(size=3) * 0.1
    nodata = float(rng.choice([np.nan, 3.0]))
    image = np.empty(stored.shape, np.float32)
    to_quantity(stored, scale, offset, nodata, black, image)
    whole_pixels(image, image)
    rules = cell_px, NEVER if np.isnan(nodata) else int(nodata), black
    found, plain = means(stored, (scale, offset), rules), cell_means(image, cell_px, 0.5)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(plain))
    np.testing.assert_allclose(found, plain, rtol=1e-6, atol=1e-7)


@given(st.integers(0, 2**32 - 1), st.sampled_from(TYPES), st.integers(1, 6))
def test_add_columns__same_bytes_in_any_parts(seed, kind, cell_px):
    rng, stored = drawn(seed, kind)
    form, rules = (np.full(3, 1e-4), np.zeros(3)), (cell_px, 3, True)
    cuts = tuple((0, int(rng.integers(0, size + 1)), size) for size in stored.shape[1:])
    whole = means(stored, form, rules, tuple((0, size) for size in stored.shape[1:]))
    np.testing.assert_array_equal(means(stored, form, rules, cuts), whole)


def test_means_of_columns__by_hand():
    stored = np.array([[[1, 2, 3, 0], [4, 5, 0, 0]]], np.uint16)
    found = means(stored, (np.array([0.5]), np.array([1.0])), (2, NEVER, True))
    # 12 of 4 pixels; 3 of one pixel, of four: too few.
    np.testing.assert_array_equal(found, [[[2.5, np.nan]]])
