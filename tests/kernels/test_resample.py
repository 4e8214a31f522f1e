"""Sub-pixel shift and box count."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels.resample import box_count, laid_over, shifted, stored_laid_over
from changedetect.kernels.stored import Stored, to_quantity
from tests.naive import resample as naive

shifts = st.floats(-3, 3).map(lambda value: round(value, 2))


@given(st.integers(0, 2**32 - 1), shifts, shifts)
def test_shifted__equals_the_definition_and_spreads_missing(seed, dy, dx):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(2, 9, 8)).astype(np.float32)
    image[:, rng.random((9, 8)) < 0.05] = np.nan
    got, plain = shifted(image, dy, dx), naive.shifted(image, dy, dx)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(plain))
    np.testing.assert_allclose(got, plain, rtol=1e-5, atol=1e-5)


def test_shifted__whole_pixels_are_copied():
    image = np.arange(1, 13, dtype=np.float32).reshape(1, 3, 4)
    got = shifted(image, 1.0, -1.0)
    np.testing.assert_array_equal(got[0, :2, 1:], image[0, 1:, :3])
    assert np.isnan(got[0, 2]).all()
    assert np.isnan(got[0, :, 0]).all()


def test_shifted__keeps_a_ramp():
    rows, cols = np.mgrid[:12, :12].astype(np.float32)
    got = shifted((3 * rows + cols)[None], 0.25, -0.4)[0, 3:-3, 3:-3]
    np.testing.assert_allclose(got, (3 * (rows + 0.25) + cols - 0.4)[3:-3, 3:-3], rtol=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_box_count__equals_the_definition(seed, radius):
    mask = np.random.default_rng(seed).random((8, 11)) < 0.3
    np.testing.assert_array_equal(box_count(mask, radius), naive.box_count(mask, radius))


def drawn_pair(seed, shape, kind=np.uint16):
    """Two images as stored, some pixels of them 0 or without data, and the images that they are."""
    rng = np.random.default_rng(seed)
    stored, images = [], []
    for nodata, black in ((np.nan, True), (9.0, False)):
        numbers = rng.integers(1, 200, (2, *shape)).astype(kind)
        numbers[:, rng.random(shape) < 0.03] = 0
        numbers[rng.random(numbers.shape) < 0.01] = 9
        form = rng.uniform(0.5, 2, 2) * 1e-4, rng.normal(size=2) * 0.01
        image = np.empty(numbers.shape, np.float32)
        to_quantity(numbers, *form, nodata, black, image)
        stored.append(Stored(numbers, *form, nodata, black))
        images.append(image)
    return stored, images


@given(st.integers(0, 2**32 - 1), shifts, shifts, st.sampled_from([np.uint16, np.float32]))
def test_laid_over__equals_the_shift_and_tells_both_dates_alike(seed, dy, dx, kind):
    rng = np.random.default_rng(seed)
    _, (before, after) = drawn_pair(seed, tuple(rng.integers(1, 40, 2)), kind)
    gain, offset = np.array([1.5, 0.5]), np.array([0.1, -0.2])
    out = np.full((2, *before.shape), 7, np.float32)
    laid_over(before, after, (dy, dx), gain, offset, out)
    laid = naive.shifted(after, dy, dx) * gain[:, None, None] + offset[:, None, None]
    plain = np.stack([before, laid])
    plain[:, :, np.isnan(plain).any(axis=(0, 1))] = np.nan
    np.testing.assert_array_equal(np.isnan(out), np.isnan(plain))
    np.testing.assert_allclose(out, plain, rtol=1e-5, atol=1e-5)


@given(st.integers(0, 2**32 - 1), shifts, shifts, st.sampled_from([np.uint8, np.uint16]))
def test_stored_laid_over__gives_the_bytes_of_the_images(seed, dy, dx, kind):
    rng = np.random.default_rng(seed)
    stored, images = drawn_pair(seed, tuple(rng.integers(1, 60, 2)), kind)
    gain, offset = np.array([1.5, 0.5]), np.array([0.1, -0.2])
    out, plain = np.full((2, 2, *images[0].shape), 7, np.float32)
    stored_laid_over(*stored, (dy, dx), gain, offset, out)
    laid_over(*images, (dy, dx), gain, offset, plain)
    assert out.tobytes() == plain.tobytes()
