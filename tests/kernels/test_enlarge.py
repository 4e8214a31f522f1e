"""Pictures made larger: Pillow is the naive twin, byte for byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from changedetect.kernels.enlarge import TAPS, enlarge, taps


def enlarged(image, height, width):
    out = np.empty((height, width, 3), np.uint8)
    enlarge(image, out)
    return out


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(TAPS, 60), st.integers(TAPS, 60)),
    st.tuples(st.integers(0, 300), st.integers(0, 300)),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_enlarge__as_pillow_does_it(size, more, seed, black_and_white):
    image = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    if black_and_white:  # overshoots at both ends
        image = np.where(image > 127, 255, 0).astype(np.uint8)
    height, width = size[0] + more[0], size[1] + more[1]
    expected = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(enlarged(image, height, width), np.asarray(expected))


def test_enlarge__same_size_is_the_picture_itself():
    image = np.random.default_rng(3).integers(0, 256, (9, 7, 3), np.uint8)
    np.testing.assert_array_equal(enlarged(image, 9, 7), image)


def test_enlarge__transposed_picture_transposed_result():
    column = np.random.default_rng(4).integers(0, 256, (12, 1, 3), np.uint8)
    image = np.repeat(column, 5, axis=1)
    down = enlarged(image, 40, 5)
    across = enlarged(np.ascontiguousarray(image.swapaxes(0, 1)), 5, 40)
    np.testing.assert_array_equal(down.swapaxes(0, 1), across)


@pytest.mark.parametrize(("size", "larger"), [(4, 4), (5, 8), (100, 512), (333, 512)])
def test_taps__weigh_one_and_lie_in_the_line(size, larger):
    first, weights = taps(size, larger)
    np.testing.assert_allclose(weights.sum(axis=1) / 2**22, 1, atol=1e-6)
    assert first.min() >= 0
    assert first.max() + TAPS <= size
