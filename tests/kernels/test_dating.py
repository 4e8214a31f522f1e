"""The bracket of a break from a window of innovations: hand answers, the naive twin, symmetries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels import dating, lanes
from tests.naive import harmonic as naive

CLIP = 2.0


def window(innovations, days):
    """Feed a strip whose first pixel sees the innovations, and whose others see nothing."""
    count = innovations.shape[1]
    recent = np.zeros((dating.WINDOW, count, 1), np.int8)
    recent_days = np.zeros((dating.WINDOW, 1), np.uint16)
    s = np.zeros(lanes.SIZE, np.float32)
    parts = np.zeros(count * lanes.INDEX_SIZE, np.float32)
    s[lanes.SEEN] = 1.0
    for z, day in zip(innovations, days, strict=True):
        parts[lanes.Z :: lanes.INDEX_SIZE] = z
        s[lanes.Z_LENGTH] = np.linalg.norm(z)
        dating.remember(int(day), CLIP, 0, (s, parts), (recent, recent_days))
    assert s[lanes.WINDOWED_ROW] == len(days)
    return recent[:, :, 0], recent_days[:, 0]


def dates(innovations, days, tolerance):
    return dating.change_dates(len(days), *window(innovations, days), CLIP, tolerance)


def test_step__lies_between_the_last_old_date_and_the_first_new_one():
    z = np.zeros((10, 1))
    z[6:] = -1.5
    assert dates(z, np.arange(10) * 5, 0.5) == (25, 30)


def test_dates_that_can_not_tell__stay_inside_the_bracket():
    z = np.zeros((12, 2))
    z[8:, 0] = 1.0
    z[7, 0] = 0.5
    assert dates(z, np.arange(12) * 10, 0.3) == (60, 80)


def test_window__forgets_what_is_older_and_its_oldest_date_is_the_old_state():
    z = np.ones((60, 1))
    days = np.arange(60) * 7
    before, after = dates(z, days, 0.0)
    assert before == days[-dating.WINDOW]
    assert after == days[-dating.WINDOW + 1]


def test_long_innovations__are_cut_and_keep_their_direction():
    recent, _ = window(np.array([[30.0, 40.0], [0.6, -0.8]]), [3, 9])
    assert recent[0].tolist() == [76, 102]
    assert recent[1].tolist() == [38, -51]


@given(
    seed=st.integers(0, 10_000), count=st.integers(2, 40), tolerance=st.sampled_from([0.0, 0.7, 2])
)
def test_kernel__equals_its_naive_twin(seed, count, tolerance):
    rng = np.random.default_rng(seed)
    z = (
        rng.standard_normal((count, 3))
        + np.where(np.arange(count) >= count // 2, 1.0, 0.0)[:, None]
    )
    days = np.cumsum(rng.integers(1, 20, count))
    kept = []
    for one, day in zip(z, days, strict=True):
        cut = one * min(1.0, CLIP / np.linalg.norm(one))
        kept.append((int(day), np.rint(cut / CLIP * 127) / 127 * CLIP))
    wanted = naive.change_dates(kept[-dating.WINDOW :], tolerance + 1e-9)
    assert dates(z, days, tolerance + 1e-9) == wanted


@pytest.mark.parametrize("turn", [np.array([[0.0, -1.0], [1.0, 0.0]]), -np.eye(2)])
def test_turned_innovations__give_the_same_dates(turn):
    rng = np.random.default_rng(4)
    z = rng.standard_normal((20, 2)) + np.where(np.arange(20) > 11, 1.5, 0.0)[:, None]
    days = np.arange(20) * 9
    assert dates(z @ turn, days, 1.0) == dates(z, days, 1.0)
