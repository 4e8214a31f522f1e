"""The bracket of a break from a window of innovations: hand answers, the naive twin, symmetries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels import dating, lanes
from tests.naive import harmonic as naive

CLIP = 2.0
USUAL = (0.25, 1.0)
"""Share that an innovation replaces that leaves the window, and the length to which it is cut."""


def strip(innovations, days, skipped=()):
    """Feed a strip whose first pixels see innovations ``(date, index)``, and whose others see nothing.

    Pixels see the same, but pixel 1 of two has not seen the dates ``skipped``.
    """
    count = innovations.shape[1]
    pixels = 2 if skipped else 1
    recent = np.zeros((dating.WINDOW, count, pixels), np.int8)
    recent_days = np.zeros((dating.WINDOW, pixels), np.uint16)
    s = np.zeros(lanes.SIZE, np.float32)
    parts = np.zeros(count * lanes.INDEX_SIZE, np.float32)
    for step, (z, day) in enumerate(zip(innovations, days, strict=True)):
        for pixel in range(pixels):
            s[lanes.SEEN + pixel] = float(pixel == 0 or step not in skipped)
            parts[lanes.Z + pixel :: lanes.INDEX_SIZE] = z
            s[lanes.Z_LENGTH + pixel] = np.linalg.norm(z)
        dating.remember(int(day), CLIP, 0, (s, parts), (recent, recent_days), USUAL)
    assert s[lanes.WINDOWED_ROW] == len(days)
    return recent, recent_days, parts.reshape(count, -1, lanes.LANES)[:, lanes.USUAL // lanes.LANES]


def window(innovations, days):
    recent, recent_days, _ = strip(innovations, days)
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


def test_usual__is_nothing_while_the_window_is_not_full():
    _, _, usual = strip(np.full((dating.WINDOW, 2), 0.5), np.arange(dating.WINDOW))
    assert not usual.any()


def test_usual__takes_up_what_leaves_the_window_cut_and_nothing_else():
    z = np.zeros((dating.WINDOW + 2, 2))
    z[0], z[1], z[2:] = (0.6, 0.0), (0.0, -5.0), 1.9
    _, _, usual = strip(z, np.arange(len(z)))
    first = 0.25 * 0.6
    # the second is longer than 1 and cut
    np.testing.assert_allclose(usual[:, 0], [0.75 * first, -0.25], atol=0.01)
    assert not usual[:, 1:].any()


def test_usual__of_a_pixel_does_not_hang_on_its_neighbours_clouds():
    rng = np.random.default_rng(3)
    z, skipped = rng.standard_normal((70, 3)), (4, 30, 31, 50)
    _, _, both = strip(z, np.arange(70), skipped)
    _, _, first = strip(z, np.arange(70))
    seen = np.delete(np.arange(70), skipped)
    _, _, second = strip(z[seen], seen)
    assert np.array_equal(both[:, 0], first[:, 0])
    assert np.array_equal(both[:, 1], second[:, 0])
