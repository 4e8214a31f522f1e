"""Functions of one float32 number that loops over strips of pixels call."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels import lanes


@given(st.floats(-80.0, 0.0, width=32))
def test_exponential__equals_the_exact_one(x):
    assert np.isclose(lanes.exponential(np.float32(x)), np.exp(float(x)), rtol=2e-7, atol=0)


def test_exponential__of_very_little_is_next_to_nothing():
    assert 0 < lanes.exponential(np.float32(-1e9)) < 1e-37


@given(st.floats(2.0**-100, 2.0**100, width=32))
def test_logarithm__equals_the_exact_one(x):
    assert np.isclose(lanes.logarithm(np.float32(x)), np.log(float(x)), rtol=3e-7, atol=1e-7)


@given(st.floats(-1e6, 1e6, width=32), st.floats(-1e6, 1e6, width=32))
def test_blend__returns_one_or_the_other_exactly(one, other):
    one, other = np.float32(one), np.float32(other)
    assert lanes.blend(np.float32(1), one, other) == one
    assert lanes.blend(np.float32(0), one, other) == other
