"""Guided filter in exact integers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels.guided import guided_mean
from tests.naive import guided as naive


def scene(seed, shape=(9, 11), channels=3, missing=0.1):
    rng = np.random.default_rng(seed)
    score = rng.integers(0, 4000, shape, dtype=np.int32)
    score[rng.random(shape) < missing] = -1
    guide = rng.integers(-600, 600, (*shape, channels)).astype(np.int16)
    return score, guide


@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.integers(1, 6))
def test_guided_mean__equals_the_definition(seed, radius, channels):
    score, guide = scene(seed, channels=channels)
    got = guided_mean(score, guide, radius, 65536.0)
    plain = naive.guided_mean(score, guide, radius, 65536.0)
    np.testing.assert_allclose(got, plain, rtol=1e-4, atol=0.05)


@given(st.integers(0, 2**32 - 1), st.integers(0, 3), st.integers(0, 14), st.integers(0, 14))
def test_guided_mean__same_bytes_in_any_window_with_its_halo(seed, radius, top, left):
    score, guide = scene(seed, (24, 26))
    whole = guided_mean(score, guide, radius, 65536.0)
    halo = 2 * radius
    outer = (
        slice(max(top - halo, 0), top + 5 + halo),
        slice(max(left - halo, 0), left + 6 + halo),
    )
    part = guided_mean(score[outer].copy(), guide[outer].copy(), radius, 65536.0)
    inner = (
        slice(top - outer[0].start, top - outer[0].start + 5),
        slice(left - outer[1].start, left - outer[1].start + 6),
    )
    assert part[inner].tobytes() == whole[top : top + 5, left : left + 6].tobytes()


@given(st.integers(0, 2**32 - 1))
def test_guided_mean__transposed_input_gives_transposed_output(seed):
    score, guide = scene(seed)
    whole = guided_mean(score, guide, 2, 65536.0)
    turned = guided_mean(score.T.copy(), guide.transpose(1, 0, 2).copy(), 2, 65536.0)
    assert turned.T.tobytes() == whole.tobytes()


def test_guided_mean__a_level_score_stays_and_missing_stays_missing():
    score, guide = scene(3)
    score[score >= 0] = 700
    before = score.copy()
    got = guided_mean(score, guide, 2, 65536.0)
    np.testing.assert_allclose(got[score >= 0], 700, atol=0.01)
    assert np.isnan(got[score < 0]).all()
    np.testing.assert_array_equal(score, before)


def test_guided_mean__keeps_an_edge_that_the_guide_shows():
    score = np.zeros((9, 12), np.int32)
    score[:, 6:] = 1000
    guide = np.where(score[..., None] > 0, 1500, -1500).astype(np.int16)
    kept = guided_mean(score, guide, 3, 65536.0)
    blurred = guided_mean(score, np.zeros_like(guide), 3, 65536.0)
    assert kept[4, 5] < 60
    assert kept[4, 6] == pytest.approx(1000, abs=60)
    assert blurred[4, 5] > 300
