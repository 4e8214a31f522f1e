"""Sub-pixel shift and box count."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels.resample import box_count, shifted
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
