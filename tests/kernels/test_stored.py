import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels.stored import part_to_quantity, to_quantity, whole_pixels

NAN = np.float32(np.nan)


def naive(stored, scale, offset, nodata, black):
    out = np.empty(stored.shape, np.float32)
    for (band, y, x), value in np.ndenumerate(stored):
        quantity = np.float32(np.float64(value) * scale[band] + offset[band])
        missing = np.float64(value) == nodata or not np.isfinite(quantity)
        out[band, y, x] = NAN if missing else quantity
        if black and not stored[:, y, x].any():
            out[band, y, x] = NAN
    return out


def done(stored, scale, offset, nodata=np.nan, black=False):
    out = np.zeros((len(stored), stored.shape[1], 2 * stored.shape[2]), np.float32)
    to_quantity(stored, np.array(scale), np.array(offset), nodata, black, out[:, :, ::2])
    assert not out[:, :, 1::2].any()
    return out[:, :, ::2]


def test_to_quantity__by_hand():
    stored = np.array([[[0, 5, 0]], [[0, 0, 65535]]], np.uint16)
    found = done(stored, [0.5, 2.0], [1.0, 0.0], 65535.0, black=True)
    np.testing.assert_array_equal(found, [[[NAN, 3.5, 1.0]], [[NAN, 0.0, NAN]]])


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.float32])
@given(
    seed=st.integers(0, 2**32 - 1), nodata=st.sampled_from([np.nan, 0.0, 3.0]), black=st.booleans()
)
def test_to_quantity__is_the_naive_twin(kind, seed, nodata, black):
    rng = np.random.default_rng(seed)
    stored = rng.integers(0, 5, (3, 4, 5)).astype(kind)
    if kind is np.float32:
        stored[rng.random(stored.shape) < 0.2] = [np.nan, np.inf, 1e38][seed % 3]
    scale, offset = rng.uniform(-2, 9, (2, 3))
    with np.errstate(over="ignore", invalid="ignore"):
        expected = naive(stored, scale, offset, nodata, black)
    np.testing.assert_array_equal(done(stored, scale, offset, nodata, black), expected)


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_part_to_quantity__is_that_part_and_leaves_the_rest(seed, black):
    rng = np.random.default_rng(seed)
    stored = rng.integers(0, 3, (3, 9, 8)).astype(np.uint16)
    scale, offset = rng.uniform(-2, 9, (2, 3))
    whole = done(stored, scale, offset, 2.0, black)
    row, col = rng.integers(0, 8, 2)
    height, width = rng.integers(1, 10 - row), rng.integers(1, 9 - col)
    top, left = rng.integers(0, 5, 2)
    out = np.full((3, 14, 13), -7, np.float32)
    part = int(row), int(col), int(height), int(width)
    part_to_quantity(stored, (scale, offset, 2.0), black, part, out, (int(top), int(left)))
    found = out[:, top : top + height, left : left + width]
    np.testing.assert_array_equal(found, whole[:, row : row + height, col : col + width])
    found[...] = -7
    assert (out == -7).all()


@given(st.integers(0, 10_000))
def test_whole_pixels__are_known_in_all_bands_or_in_none(seed):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(3, *rng.integers(1, 9, 2))).astype(np.float32)
    image[rng.random(image.shape) < 0.1] = np.nan
    image[rng.random(image.shape) < 0.05] = -np.inf
    known = np.isfinite(image).all(axis=0)
    expected = np.where(known, image, np.nan)
    out = np.empty_like(image)
    whole_pixels(image, out)
    np.testing.assert_array_equal(out, expected)
    whole_pixels(image, image)
    np.testing.assert_array_equal(image, expected)
