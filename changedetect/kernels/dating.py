"""When the land changed: the likeliest dates in a window of recent innovations, for one pixel.

The window keeps the last innovations, whitened and cut, as whole numbers, with their days. The
evidence that the mean of an innovation left zero with date ``k`` of ``n`` is the log-likelihood
ratio ``|Σ_{i≥k} ψ_i|² / 2(n-k)`` (Hinkley 1970, DOI 10.1093/biomet/57.1.1, section 2, for a known
first mean and a known variance, here in several dimensions). All dates whose evidence is near the
largest may be the first of the new state; the bracket runs from the date before the earliest of
them to the latest. What leaves the window makes the innovation that is usual for a pixel (`charts`).
Rows of a strip stand in `lanes`.
"""

import numpy as np

from changedetect.kernels._jit import kernel, uncounted
from changedetect.kernels.charts import rest
from changedetect.kernels.lanes import (
    BREAK_AFTER_ROW,
    BREAK_BEFORE_ROW,
    CONFIRMED,
    FIRST_ROW,
    INDEX_SIZE,
    LANES,
    LEAVES,
    LEFT,
    LEFT_CUT,
    NONE,
    OBSERVATIONS_ROW,
    ONE,
    REST,
    RUN_BEFORE_ROW,
    RUN_FIRST_ROW,
    SCALE,
    SCORE_ROW,
    SEEN,
    SLOT,
    STRENGTH_ROW,
    USUAL,
    WINDOWED_ROW,
    Z_LENGTH,
    Z,
    blend,
    choose,
)

STEPS = 127
"""An innovation of the length at which innovations are cut, in stored units (int8)."""

WINDOW = 24
"""Innovations that are kept: what half a pixel needs to be confirmed, twice over. [dates]"""


@kernel
def change_dates(
    seen: int, recent: np.ndarray, recent_days: np.ndarray, clip: float, tolerance: float
) -> tuple[int, int]:
    """Return the last day that surely saw the old state and the first that surely saw the new.

    Parameters
    ----------
    seen
        How many innovations were written since the window was emptied; at least 2. The oldest in
        the window is taken to have seen the old state.
    recent, recent_days
        As in `remember`.
    clip
        Length of an innovation of `STEPS`. [sigma]
    tolerance
        Dates are as likely as the likeliest whose evidence is no lower than this below it.

    Returns
    -------
    tuple of int
        Days since the model's first date.
    """
    work = np.empty(recent.shape[0] + recent.shape[1])
    return bracket(seen, recent, recent_days, (clip, tolerance), work)


@uncounted
def bracket(
    seen: int,
    recent: np.ndarray,
    recent_days: np.ndarray,
    rules: tuple[float, float],
    work: np.ndarray,
) -> tuple[int, int]:
    """Do so in memory that is handed in, ``(window + index,)`` float64; rules are clip and tolerance."""
    size, count = recent.shape
    kept = min(seen, size)
    first = seen - kept
    total, evidence = work[size:], work[:size]
    for i in range(count):
        total[i] = 0.0
    unit, best = 0.5 * (rules[0] / STEPS) ** 2, 0.0
    for k in range(kept - 1, 0, -1):
        square = 0.0
        for i in range(count):
            total[i] += recent[(first + k) % size, i]
            square += total[i] * total[i]
        evidence[k] = unit * square / (kept - k)
        best = max(best, evidence[k])
    earliest, latest = 0, 0
    for k in range(kept - 1, 0, -1):
        if evidence[k] >= best - rules[1]:
            earliest = k
            latest = max(latest, k)
    before = recent_days[(first + earliest - 1) % size]
    return int(before), int(recent_days[(first + latest) % size])


@uncounted
def remember(
    day: int,
    clip: float,
    start: int,
    strip: tuple[np.ndarray, np.ndarray],
    window: tuple[np.ndarray, np.ndarray, np.ndarray],
    usual: tuple[float, float],
) -> None:
    """Write the innovations of pixels that were seen over their oldest ones.

    A pixel at rest begins its window anew: this date saw the old state. An innovation that leaves a
    full window is added to the mean of what is usual.

    Parameters
    ----------
    day
        Ordinal. [day]
    clip
        Longer innovations are cut to this length. [sigma]
    start
        Where the strip begins in the window. [px]
    strip
        Rows of the strip and of its indices (`lanes`); counts what was written.
    window
        ``(WINDOW, index, px)`` int8 and ``(WINDOW, px)`` uint16, changed in place; memory for
        `bracket`.
    usual
        Share of the usual innovation that one which leaves the window replaces, 0 = nothing is
        usual; and the length to which that one is cut [sigma].
    """
    s = strip[0]
    size, n, width = window[0].shape
    count = min(LANES, width - start)
    least, steps, turn = np.float32(clip), np.float32(STEPS), np.float32(size)
    for i in range(LANES):
        seen = s[WINDOWED_ROW + i]
        at = seen - turn * np.floor(seen / turn)
        still = s[REST + i] > NONE
        s[SLOT + i] = choose(still, NONE, at)
        after = choose(still, ONE, seen + ONE)
        s[WINDOWED_ROW + i] = blend(s[SEEN + i], after, seen)
        length = s[Z_LENGTH + i]
        s[SCALE + i] = steps / choose(length > least, length, least)
    slot, alike = int(s[SLOT]), 0
    for i in range(count):
        alike += 1 if (s[SEEN + i] > NONE) & (s[SLOT + i] == s[SLOT]) else 0
    if alike == count:
        _write_alike(day, slot, start, strip, window)
    else:
        _write_apart(day, start, strip, window)
    if usual[0] > 0.0:
        _take_leave(size, n, clip, strip, usual)


@uncounted
def _write_apart(
    day: int,
    start: int,
    strip: tuple[np.ndarray, np.ndarray],
    window: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Write innovations, each to its pixel's place, and keep what was there."""
    s, parts = strip
    recent, recent_days = window[0], window[1]
    n, count = recent.shape[1], min(LANES, recent.shape[2] - start)
    for i in range(count):
        if s[SEEN + i] > NONE:
            slot = int(s[SLOT + i])
            recent_days[slot, start + i] = np.uint16(day - int(s[FIRST_ROW + i]))
            for b in range(n):
                place = b * INDEX_SIZE + i
                parts[place + LEFT] = np.float32(recent[slot, b, start + i])
                recent[slot, b, start + i] = np.int8(np.rint(s[SCALE + i] * parts[place + Z]))


@uncounted
def _take_leave(
    size: int,
    n: int,
    clip: float,
    strip: tuple[np.ndarray, np.ndarray],
    usual: tuple[float, float],
) -> None:
    """Add innovations that have left a full window, cut, to the mean of what is usual."""
    s, parts = strip
    rate, most, turn = np.float32(usual[0]), np.float32(usual[1] * STEPS / clip), np.float32(size)
    full = 0
    for i in range(LANES):
        leaves = (s[SEEN + i] > NONE) & (s[WINDOWED_ROW + i] > turn)
        s[LEAVES + i] = choose(leaves, rate, NONE)
        s[LEFT_CUT + i] = NONE
        full += 1 if leaves else 0
    if full == 0:
        return
    for b in range(n):
        left = parts[b * INDEX_SIZE + LEFT : b * INDEX_SIZE + LEFT + LANES]
        for i in range(LANES):
            s[LEFT_CUT + i] += left[i] * left[i]
    unit = np.float32(clip / STEPS)
    for i in range(LANES):
        length = np.sqrt(s[LEFT_CUT + i])
        s[LEFT_CUT + i] = unit * choose(length > most, most / length, ONE)
    for b in range(n):
        part = parts[b * INDEX_SIZE : (b + 1) * INDEX_SIZE]
        for i in range(LANES):
            cut = s[LEFT_CUT + i] * part[LEFT + i]
            part[USUAL + i] += s[LEAVES + i] * (cut - part[USUAL + i])


@uncounted
def _write_alike(
    day: int,
    slot: int,
    start: int,
    strip: tuple[np.ndarray, np.ndarray],
    window: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Do so where all pixels of the strip were seen, and write to the same place."""
    s, parts = strip
    recent, recent_days = window[0], window[1]
    today = np.float32(day)
    days = recent_days[slot, start : start + LANES]
    for i in range(len(days)):
        days[i] = np.uint16(np.int32(today - s[FIRST_ROW + i]))
    for b in range(recent.shape[1]):
        row = recent[slot, b, start : start + LANES]
        z = parts[b * INDEX_SIZE + Z : b * INDEX_SIZE + Z + LANES]
        left = parts[b * INDEX_SIZE + LEFT : b * INDEX_SIZE + LEFT + LANES]
        for i in range(len(row)):
            left[i] = np.float32(row[i])
        for i in range(len(row)):
            row[i] = np.int8(np.int32(np.rint(s[SCALE + i] * z[i])))


@uncounted
def conclude(
    day: int,
    start: int,
    strip: tuple[np.ndarray, np.ndarray],
    window: tuple[np.ndarray, np.ndarray, np.ndarray],
    rules: tuple[float, float],
) -> None:
    """Note confirmed breaks, dated anew, and have the model begin with the next clear date.

    Charts lag: the bracket is read from the window of recent innovations where it holds two.

    Parameters
    ----------
    day, start, strip, window
        As in `remember`.
    rules
        Length of an innovation of `STEPS` [sigma], and the tolerance of `change_dates`.
    """
    s, parts = strip
    recent, recent_days = window[0], window[1]
    for i in range(min(LANES, recent.shape[2] - start)):
        s[REST + i] = s[CONFIRMED + i]
        if s[CONFIRMED + i] == NONE:
            continue
        s[SCORE_ROW + i] = s[STRENGTH_ROW + i]
        s[BREAK_BEFORE_ROW + i] = s[RUN_BEFORE_ROW + i]
        s[BREAK_AFTER_ROW + i] = s[RUN_FIRST_ROW + i]
        if s[WINDOWED_ROW + i] > ONE:
            before, after = bracket(
                int(s[WINDOWED_ROW + i]),
                recent[:, :, start + i],
                recent_days[:, start + i],
                rules,
                window[2],
            )
            s[BREAK_BEFORE_ROW + i] = s[FIRST_ROW + i] + np.float32(before)
            s[BREAK_AFTER_ROW + i] = s[FIRST_ROW + i] + np.float32(after)
        s[OBSERVATIONS_ROW + i] = NONE
        s[WINDOWED_ROW + i] = NONE
    rest(day, recent.shape[1], s, parts)
