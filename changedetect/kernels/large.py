"""A third chart of the series, for large shifts: what the last few innovations have in common.

A roof is far from its forecast on every clear date, always in the same direction; the charts of
`charts` wait for half a dozen dates, since half a pixel is not. Here the last innovations are cut and
multiplied with one another, each with each other: the mean product is the squared length of what they
share, and one cloud that was missed shares nothing (an estimate from pairs: Hoeffding 1948, DOI
10.1214/aoms/1177730196, section 4). With more dates a shorter one is an alarm (our choice). Film in
spring is as bright as a roof for two months or three: so the dates must lie further apart. The chart keeps
nothing: innovations are those of the window (`dating`). Rows of a strip stand in `lanes`.
"""

import numpy as np

from changedetect.kernels._jit import kernel
from changedetect.kernels.lanes import (
    CONFIRMED,
    INDEX_SIZE,
    LANES,
    MATURE,
    NONE,
    ONE,
    STRENGTH_ROW,
    USUAL,
    WINDOWED_ROW,
)
from changedetect.kernels.rules import LargeRules


@kernel
def large_shift(
    seen: int,
    recent: np.ndarray,
    recent_days: np.ndarray,
    usual: np.ndarray,
    unit: float,
    rules: LargeRules,
) -> float:
    """Return how far what the last innovations share goes beyond its alarm, for one pixel.

    Parameters
    ----------
    seen
        How many innovations were written since the window was emptied; the first of them saw the
        old state and does not count.
    recent, recent_days
        ``(WINDOW, index)`` int8 and ``(WINDOW,)`` uint16, as in `dating.remember`.
    usual
        ``(index,)`` usual innovation, taken off. [sigma]
    unit
        Length of a step of `recent`. [sigma]
    rules
        See `LargeRules`.

    Returns
    -------
    float
        1 = alarm; 0 where the window holds too few dates, or they lie too near together.
    """
    size, count = recent.shape
    total, odd = np.zeros(count), np.zeros(count)
    today, own, best = int(recent_days[(seen - 1) % size]), 0.0, 0.0
    for dates in range(1, min(seen, size + 1, rules.most + 1)):
        slot = (seen - dates) % size
        square = 0.0
        for b in range(count):
            odd[b] = unit * recent[slot, b] - usual[b]
            square += odd[b] * odd[b]
        scale = min(1.0, rules.clip / np.sqrt(max(square, 1e-12)))
        own += scale * scale * square
        shared = -own
        for b in range(count):
            total[b] += scale * odd[b]
            if b > 0 or total[b] < 0.0 or rules.loss_only == 0:
                shared += total[b] * total[b]
        if dates >= rules.least and today - int(recent_days[slot]) >= rules.days:
            alarm = rules.alarm * np.sqrt(rules.least / dates)
            best = max(best, shared / (dates * (dates - 1) * alarm))
    return best


@kernel
def look_back(
    start: int,
    strip: tuple[np.ndarray, np.ndarray],
    window: tuple[np.ndarray, np.ndarray],
    unit: float,
    rules: LargeRules,
) -> int:
    """Confirm breaks of pixels with a large shift; return how many.

    Only pixels are looked at whose nearer chart is some way up: the others share nothing.

    Parameters
    ----------
    start
        Where the strip begins in the window. [px]
    strip
        Rows of the strip and of its indices, after `dating.remember`; changed in place.
    window, unit, rules
        As in `large_shift`, for all pixels.
    """
    s, parts = strip
    recent, recent_days = window
    near, fewest = np.float32(rules.near), np.float32(rules.least)
    going = np.int32(0)
    for i in range(LANES):
        may = (s[STRENGTH_ROW + i] >= near) & (s[WINDOWED_ROW + i] > fewest)
        may = may & (s[MATURE + i] > NONE) & (s[CONFIRMED + i] == NONE)
        going = np.int32(going + np.int32(may))
    if going == 0:
        return 0
    found, usual = 0, np.zeros(recent.shape[1])
    for i in range(min(LANES, recent.shape[2] - start)):
        if s[MATURE + i] == NONE or s[CONFIRMED + i] > NONE or s[STRENGTH_ROW + i] < near:
            continue
        for b in range(len(usual)):
            usual[b] = parts[b * INDEX_SIZE + USUAL + i]
        seen = int(s[WINDOWED_ROW + i])
        place = start + i
        strength = large_shift(seen, recent[:, :, place], recent_days[:, place], usual, unit, rules)
        if strength > ONE:
            s[CONFIRMED + i] = ONE
            s[STRENGTH_ROW + i] = np.float32(strength)
            found += 1
    return found
