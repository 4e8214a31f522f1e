"""Fast guided filter on cells of the image's grid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.config.detection import EvidenceSection
from changedetect.kernels.fast_guided import REACH_CELLS, fast_guided_mean
from changedetect.kernels.guided import guided_mean
from tests.naive import fast_guided as naive

seeds = st.integers(0, 2**32 - 1)


def scene(seed, shape=(9, 11), channels=3, missing=0.1):
    rng = np.random.default_rng(seed)
    score = rng.integers(0, 4000, shape).astype(np.int16)
    score[rng.random(shape) < missing] = -1
    guide = rng.integers(-600, 600, (channels, *shape)).astype(np.int16)
    return score, guide


def smooth(score, guide, origin=(0, 0), cell=3):
    out = np.full(score.shape, 7.0, np.float32)
    fast_guided_mean(score, guide, origin, cell, 65536.0, out)
    return out


@given(seeds, st.integers(1, 4), st.integers(1, 6), st.integers(0, 8), st.integers(0, 8))
def test_fast_guided_mean__equals_the_definition(seed, cell, channels, row, col):
    score, guide = scene(seed, channels=channels)
    got = smooth(score, guide, (row, col), cell)
    plain = naive.fast_guided_mean(score, guide, (row, col), cell, 65536.0)
    np.testing.assert_allclose(got, plain, rtol=1e-4, atol=0.05)


@given(seeds, st.integers(1, 3), st.integers(0, 24), st.integers(0, 24))
def test_fast_guided_mean__same_bytes_in_any_window_with_its_reach(seed, cell, top, left):
    score, guide = scene(seed, (34, 36))
    whole = smooth(score, guide, (5, 2), cell)
    halo = (REACH_CELLS + 1) * cell - 1
    row, col = max(top - halo, 0), max(left - halo, 0)
    outer = slice(row, top + 5 + halo), slice(col, left + 6 + halo)
    cut = np.ascontiguousarray(guide[:, *outer])
    part = smooth(score[outer].copy(), cut, (5 + row, 2 + col), cell)
    core = part[top - row : top - row + 5, left - col : left - col + 6]
    assert core.tobytes() == whole[top : top + 5, left : left + 6].tobytes()


@given(seeds)
def test_fast_guided_mean__transposed_input_gives_transposed_output(seed):
    score, guide = scene(seed)
    turned = smooth(score.T.copy(), guide.transpose(0, 2, 1).copy())
    np.testing.assert_allclose(turned.T, smooth(score, guide), rtol=1e-5, atol=0.01)


def test_fast_guided_mean__a_level_score_stays_and_missing_stays_missing():
    score, guide = scene(3)
    score[score >= 0] = 700
    before = score.copy()
    got = smooth(score, guide)
    np.testing.assert_allclose(got[score >= 0], 700, atol=0.01)
    assert np.isnan(got[score < 0]).all()
    np.testing.assert_array_equal(score, before)


def test_fast_guided_mean__keeps_an_edge_that_the_guide_shows():
    score = np.zeros((12, 18), np.int16)
    score[:, 9:] = 1000
    guide = np.where(score > 0, 1500, -1500).astype(np.int16)[None]
    kept, blurred = smooth(score, guide), smooth(score, np.zeros_like(guide))
    assert kept[6, 8] < 150
    assert kept[6, 9] == pytest.approx(1000, abs=150)
    assert blurred[6, 8] > 250


def test_fast_guided_mean__is_near_the_filter_that_fits_every_pixel():
    rng = np.random.default_rng(5)
    field = rng.integers(-800, 800, (5, 5)).repeat(15, 0).repeat(15, 1)
    guide = (field + rng.normal(0, 60, field.shape)).astype(np.int16)[None]
    noisy = 1500 + 0.8 * field + rng.normal(0, 300, field.shape)
    score = np.clip(noisy, 0, 32767).astype(np.int16)
    fast = smooth(score, guide)
    plain = guided_mean(score.astype(np.int32), guide.transpose(1, 2, 0).copy(), 4, 65536.0)
    assert np.corrcoef(fast.ravel(), plain.ravel())[0, 1] > 0.995


def test_evidence_section__reach_is_that_of_the_kernel():
    for radius in (0, 2, 4, 7):
        cfg = EvidenceSection(guide_radius_px=radius)
        assert cfg.guide_reach_px == (REACH_CELLS + 1) * cfg.guide_cell_px - 1
