"""What the last innovations share: hand answers, the naive twin, symmetries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels import dating, lanes, large
from changedetect.kernels.rules import LargeRules
from tests.naive import harmonic as naive

UNIT = 2.0 / dating.STEPS
RULES = LargeRules(clip=2.0, alarm=2.0, near=0.2, least=3, most=6, days=20, loss_only=0)


def window(innovations, days):
    """Innovations ``(date, index)`` in steps, as `dating.remember` lays them down."""
    recent = np.zeros((dating.WINDOW, innovations.shape[1]), np.int8)
    recent_days = np.zeros(dating.WINDOW, np.uint16)
    for step, (z, day) in enumerate(zip(innovations, days, strict=True)):
        recent[step % dating.WINDOW] = np.rint(z / UNIT)
        recent_days[step % dating.WINDOW] = day
    return recent, recent_days


def strength(innovations, days=None, usual=None, rules=RULES):
    days = np.arange(len(innovations)) * 10 if days is None else days
    usual = np.zeros(innovations.shape[1]) if usual is None else usual
    return large.large_shift(len(innovations), *window(innovations, days), usual, UNIT, rules)


def test_shift_that_all_dates_share__is_its_squared_length():
    z = np.zeros((8, 2))
    z[4:] = [1.0, -1.0]
    # squared length 2 of four dates, whose alarm is 2 √(3/4)
    four = RULES._replace(least=4, alarm=2 * np.sqrt(3 / 4), most=4)
    assert strength(z, rules=four) == pytest.approx(np.sqrt(4 / 3), rel=0.02)
    # four of five dates share it: 12 of 20 products; an alarm of 2 √(3/5) against 2 √(3/4)
    five = RULES._replace(least=5, alarm=2 * np.sqrt(3 / 5), most=5)
    assert strength(z, rules=five) == pytest.approx(0.6 * np.sqrt(5 / 3), rel=0.02)
    assert strength(z) == pytest.approx(np.sqrt(4 / 3), rel=0.02), "the likelier of all"
    usual = np.array([1.0, -1.0])
    assert strength(z, usual=usual, rules=four) == pytest.approx(0.0, abs=0.01)


def test_one_far_date__shares_nothing_and_longer_innovations_are_cut():
    z = np.zeros((8, 2))
    z[6] = [2.0, 0.0]
    assert strength(z) == 0
    z[3:] = [2.0, 0.0]
    short = RULES._replace(clip=1.0)
    assert strength(z, rules=short) == pytest.approx(strength(z) / 4, rel=0.02)


def test_dates_near_together_and_too_few__are_not_judged():
    z = np.full((3, 2), 1.0)
    assert strength(z) == 0, "the first date of a window saw the old state"
    z = np.full((8, 2), 1.0)
    assert strength(z, np.arange(8) * 3) == 0
    assert strength(z, np.arange(8) * 4) > 1


def test_greening__counts_only_if_asked_for():
    z = np.zeros((8, 2))
    z[:, 0] = 1.5
    only = RULES._replace(loss_only=1)
    assert strength(z) > 1
    assert strength(z, rules=only) <= 0
    assert strength(-z, rules=only) == strength(-z)


@given(seed=st.integers(0, 10_000), count=st.integers(1, 60), loss_only=st.integers(0, 1))
def test_kernel__equals_its_naive_twin(seed, count, loss_only):
    rng = np.random.default_rng(seed)
    z = rng.uniform(-1, 1) + 0.6 * rng.standard_normal((count, 3))
    z = np.rint(np.clip(z, -1.1, 1.1) / UNIT) * UNIT
    days, usual = np.cumsum(rng.integers(1, 12, count)), 0.3 * rng.standard_normal(3)
    rules = RULES._replace(loss_only=loss_only)
    kept = list(zip(days, z, strict=True))[-dating.WINDOW :]
    expected = naive.large_shift(kept, usual, rules)
    assert strength(z, days, usual, rules) == pytest.approx(expected, abs=1e-9)


@given(seed=st.integers(0, 10_000))
def test_order_of_indices_and_the_side_of_a_shift__change_nothing(seed):
    rng = np.random.default_rng(seed)
    z = np.clip(0.8 + 0.3 * rng.standard_normal((9, 4)), -1.0, 1.0)
    turned = strength(z[:, rng.permutation(4)])
    assert turned == pytest.approx(strength(z), rel=1e-9)
    assert strength(-z) == pytest.approx(strength(z), rel=1e-9)


def test_strip__confirms_where_a_chart_is_some_way_up_and_nowhere_else():
    count, start, pixels = 2, 3, 4
    recent = np.zeros((dating.WINDOW, count, start + pixels), np.int8)
    recent_days = np.zeros((dating.WINDOW, start + pixels), np.uint16)
    recent[:8], recent_days[:8] = 100, (np.arange(8) * 10)[:, None]
    s = np.zeros(lanes.SIZE, np.float32)
    s[lanes.WINDOWED_ROW : lanes.WINDOWED_ROW + pixels] = 8
    s[lanes.MATURE : lanes.MATURE + pixels] = [1, 1, 0, 1]
    s[lanes.STRENGTH_ROW : lanes.STRENGTH_ROW + pixels] = [0.5, 0.1, 0.5, 2.0]
    s[lanes.CONFIRMED + 3] = 1
    parts = np.zeros(count * lanes.INDEX_SIZE, np.float32)
    assert large.look_back(start, (s, parts), (recent, recent_days), UNIT, RULES) == 1
    assert s[lanes.CONFIRMED : lanes.CONFIRMED + pixels].tolist() == [1, 0, 0, 1]
    assert s[lanes.STRENGTH_ROW] > 1
    assert s[lanes.STRENGTH_ROW + 1 : lanes.STRENGTH_ROW + 4].tolist() == [
        np.float32(0.1), 0.5, 2.0
    ]  # fmt: skip
    far = np.full(count * lanes.INDEX_SIZE, 100 * UNIT, np.float32)
    s[lanes.CONFIRMED] = 0
    assert large.look_back(start, (s, far), (recent, recent_days), UNIT, RULES) == 0, "usual"
