"""The lesser of two measures."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels.least import least_of
from tests.naive import least as naive

NODATA, TOP = -32768, 32767


def made(first, second, shift=0.0, line=(1.0, 0.0)):
    out = np.full(first.shape, 7, np.int16)
    least_of(first, second, shift, line, (TOP, NODATA), out)
    return out


@given(st.integers(0, 2**32 - 1), st.floats(-500, 500), st.floats(0.3, 3.0), st.floats(-9000, 9000))
def test_least_of__equals_the_definition(seed, shift, slope, level):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(-TOP, TOP + 1, (2, *rng.integers(1, 9, 2))).astype(np.int16)
    first[rng.random(first.shape) < 0.2] = NODATA
    second[rng.random(first.shape) < 0.2] = NODATA
    got = made(first, second, shift, (slope, level))
    for place in np.ndindex(first.shape):
        want = naive.least(int(first[place]), int(second[place]), shift, slope, level, TOP, NODATA)
        assert abs(int(got[place]) - want) <= 1  # a fused multiply-add may round a tie otherwise
        assert (got[place] == NODATA) == (want == NODATA)


def test_least_of__by_hand():
    first = np.array([[100, 300, NODATA, 5]], np.int16)
    second = np.array([[200, 50, 9, NODATA]], np.int16)
    assert made(first, second, 40.0, (2.0, -10.0)).tolist() == [[190, 170, NODATA, NODATA]]


@given(st.integers(0, 2**32 - 1))
def test_least_of__transposed_and_cut_is_the_same(seed):
    first, second = np.random.default_rng(seed).integers(-900, 900, (2, 7, 12)).astype(np.int16)
    whole = made(first, second, 3.5, (1.3, 20.0))
    turned = made(np.ascontiguousarray(first.T), np.ascontiguousarray(second.T), 3.5, (1.3, 20.0))
    np.testing.assert_array_equal(turned.T, whole)
    cut = made(first[2:, 3:], second[2:, 3:], 3.5, (1.3, 20.0))
    np.testing.assert_array_equal(cut, whole[2:, 3:])
