"""What pixels of a strip of one index share if they saw the same dates: numbers, not rows.

The covariance of the coefficients, the gain, ages and counts depend on dates, not on values.
"""

from typing import NamedTuple

import numpy as np

from changedetect.kernels._jit import uncounted
from changedetect.kernels.lanes import ONE, choose
from changedetect.kernels.one_lanes import (
    BLOCK,
    C0,
    C1,
    C2,
    C11,
    C12,
    C22,
    CLEAR,
    FIRST,
    G0,
    G1,
    G2,
    LANES,
    LAST,
    STEP,
    WINDOWED,
    Day,
    History,
    Learning,
)


class Common(NamedTuple):
    """What pixels of a strip share: see the rows of the same names in `one_lanes`."""

    first: np.float32
    last: np.float32
    clear: np.float32
    windowed: np.float32
    c0: np.float32
    c1: np.float32
    c2: np.float32
    c11: np.float32
    c12: np.float32
    c22: np.float32


class Gain(NamedTuple):
    """What a date is to all of them: ``P x``, ``1 + xᵀ P x`` and one over it; how they learn."""

    g0: np.float32
    g1: np.float32
    g2: np.float32
    spread: np.float32
    step: np.float32
    inverse: np.float32
    rate: np.float32


@uncounted
def fill(s: np.ndarray, place: int, value: np.float32) -> None:
    """Set a row to one number."""
    row = s[place : place + LANES]
    for i in range(LANES):
        row[i] = value


@uncounted
def fill_block(s: np.ndarray, place: int, value: np.float32) -> None:
    """Set the first block of a row to one number."""
    row = s[place : place + BLOCK]
    for i in range(BLOCK):
        row[i] = value


@uncounted
def spread(of: Common, s: np.ndarray) -> None:
    """Lay what pixels share into rows."""
    fill(s, FIRST, of.first)
    fill(s, LAST, of.last)
    fill(s, CLEAR, of.clear)
    fill(s, WINDOWED, of.windowed)
    fill(s, C0, of.c0)
    fill(s, C1, of.c1)
    fill(s, C2, of.c2)
    fill(s, C11, of.c11)
    fill(s, C12, of.c12)
    fill(s, C22, of.c22)


@uncounted
def spread_gain(of: Gain, s: np.ndarray) -> None:
    """Lay what a date is to pixels into rows."""
    fill(s, G0, of.g0)
    fill(s, G1, of.g1)
    fill(s, G2, of.g2)
    fill(s, STEP, of.step)


@uncounted
def common_of(s: np.ndarray) -> Common:
    """Return what pixels that are alike share."""
    return Common(
        s[FIRST], s[LAST], s[CLEAR], s[WINDOWED], s[C0], s[C1], s[C2], s[C11], s[C12], s[C22]
    )


@uncounted
def look(on: Day, of: Learning, c: Common) -> Gain:
    """Let the coefficients walk; return what the date is to all pixels (`one_apart.look_ahead`)."""
    gap = on.day - c.last
    step = of.per_day * choose(gap < of.gap, gap, of.gap)
    g0 = (c.c0 + step) + c.c1 * on.x1 + c.c2 * on.x2
    g1 = c.c1 + (c.c11 + step) * on.x1 + c.c12 * on.x2
    g2 = c.c2 + c.c12 * on.x1 + (c.c22 + step) * on.x2
    spread = ONE + g0 + g1 * on.x1 + g2 * on.x2
    rate = ONE / (c.clear + ONE + of.weight)
    rate = choose(rate > of.forgetting, rate, of.forgetting)
    return Gain(g0, g1, g2, spread, step, ONE / spread, rate)


@uncounted
def is_mature(day: np.float32, of: History, first: np.float32, clear: np.float32) -> bool:
    """Whether pixels have history enough to judge a day by."""
    age = day - first
    enough = of.daily * age
    enough = choose(enough > of.fewest, enough, of.fewest)
    return bool((age >= of.youngest) & (clear >= enough))


@uncounted
def settle(day: np.float32, c: Common, by: Gain, windowed: np.float32) -> Common:
    """Return what pixels share after a date of which all learnt."""
    h0, h1, h2 = by.g0 * by.inverse, by.g1 * by.inverse, by.g2 * by.inverse
    return Common(
        c.first,
        day,
        c.clear + ONE,
        windowed,
        c.c0 + (by.step - by.g0 * h0),
        c.c1 - by.g0 * h1,
        c.c2 - by.g0 * h2,
        c.c11 + (by.step - by.g1 * h1),
        c.c12 - by.g1 * h2,
        c.c22 + (by.step - by.g2 * h2),
    )
