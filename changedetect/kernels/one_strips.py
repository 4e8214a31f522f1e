"""Strips of pixels of one index: their state into rows and back, the values of a date, a quarter.

Rows of a strip stand in `one_lanes`.
"""

import numpy as np

from changedetect.kernels import charts
from changedetect.kernels._jit import uncounted
from changedetect.kernels.lanes import NONE, ONE, choose
from changedetect.kernels.one_lanes import (
    AHEAD,
    B0,
    C0,
    CLEAR,
    ENERGY,
    FIRST,
    LANES,
    LENGTH,
    LOSS,
    LOUD,
    MEAN,
    NOISE,
    RUN,
    SEEN,
    SEEN_OF,
    START,
    STRENGTH,
    VALUE,
    WINDOWED,
)
from changedetect.kernels.season import SEASONS
from changedetect.kernels.strips import copy_in, copy_out


@uncounted
def lay_whole(s: np.ndarray, place: int, start: int, target: np.ndarray) -> None:
    """Lay a row of whole numbers into the pixels of a strip."""
    row, taken = s[place : place + LANES], target[start : start + LANES]
    for i in range(len(taken)):
        taken[i] = np.int32(row[i])


@uncounted
def lay_one(value: np.float32, start: int, target: np.ndarray) -> None:
    """Lay one whole number into all pixels of a strip."""
    number, taken = np.uint16(np.int32(value)), target[start : start + LANES]
    for i in range(len(taken)):
        taken[i] = number


@uncounted
def turn(old: int, new: int, start: int, season: np.ndarray, s: np.ndarray) -> None:
    """Put the noise of a quarter of the year back, and take up that of another; -1 = of none."""
    if old >= 0:
        copy_out(s, LOUD, season[old : old + 1], start, LANES)
    if new >= 0:
        copy_in(season[new : new + 1], start, s, LOUD, LANES)


@uncounted
def quieten(start: int, season: np.ndarray, s: np.ndarray) -> None:
    """Set the noise of all seasons back where a pixel is seen for the first time."""
    for i in range(min(LANES, season.shape[1] - start)):
        if s[CLEAR + i] == NONE and s[SEEN + i] > NONE:
            s[LOUD + i] = ONE
            for quarter in range(SEASONS):
                season[quarter, start + i] = ONE


@uncounted
def _is_new(last: np.ndarray, start: int) -> bool:
    """Whether no pixel of a strip was ever seen."""
    days, seen = last[start : start + LANES], np.int32(0)
    for i in range(len(days)):
        seen = np.int32(seen | days[i])
    return bool(seen == 0)


@uncounted
def read(arrays: tuple[np.ndarray, ...], start: int, s: np.ndarray) -> bool:
    """Lay a strip of the state into rows; return whether a chart of it was fed since its rest.

    A strip that was never seen is as `series.start` made it: all zero.
    """
    if _is_new(arrays[8][charts.LAST_DAY], start):
        for i in range(AHEAD):
            s[i] = NONE
        return False
    copy_in(arrays[0][0], start, s, B0, LANES)
    copy_in(arrays[1], start, s, C0, LANES)
    copy_in(arrays[2], start, s, NOISE, LANES)
    copy_in(arrays[5], start, s, MEAN, LANES)
    copy_in(arrays[7][: charts.SCORE], start, s, LOSS, LANES)
    copy_in(arrays[8][: charts.BREAK_BEFORE], start, s, FIRST, LANES)
    copy_in(arrays[9], start, s, CLEAR, LANES)
    fed = np.int32(0)
    for i in range(LANES):
        s[LENGTH + i] = NONE
        busy = (s[LOSS + i] != NONE) | (s[ENERGY + i] != NONE) | (s[STRENGTH + i] != NONE)
        busy = busy | (s[MEAN + i] != NONE) | (s[START + i] != NONE) | (s[RUN + i] != NONE)
        fed = np.int32(fed | np.int32(busy))
    return bool(fed != 0)


@uncounted
def write(s: np.ndarray, start: int, fed: bool, arrays: tuple[np.ndarray, ...]) -> None:
    """Lay rows back where `read` took them from; those of charts only if they were fed."""
    days, counts = arrays[8], arrays[9]
    copy_out(s, B0, arrays[0][0], start, LANES)
    copy_out(s, C0, arrays[1], start, LANES)
    copy_out(s, NOISE, arrays[2], start, LANES)
    copy_out(s, FIRST, days[: charts.RUN_FIRST], start, LANES)
    copy_out(s, CLEAR, counts[: charts.RUN], start, LANES)
    copy_out(s, WINDOWED, counts[charts.WINDOWED :], start, LANES)
    if fed:
        copy_out(s, START, days[charts.RUN_FIRST : charts.BREAK_BEFORE], start, LANES)
        copy_out(s, RUN, counts[charts.RUN : charts.WINDOWED], start, LANES)
        copy_out(s, MEAN, arrays[5], start, LANES)
        copy_out(s, LOSS, arrays[7][: charts.SCORE], start, LANES)


@uncounted
def gather(values: np.ndarray, band: int, start: int, s: np.ndarray, plan: np.ndarray) -> None:
    """Lay the values of all dates of a strip into rows, read together: memory is waited for once.

    Lanes beyond the last pixel are not observed. The plan is told how many pixels see a date.
    """
    for k in range(values.shape[0]):
        row, count = s[AHEAD + k * LANES : AHEAD + (k + 1) * LANES], np.int32(0)
        given = values[k, band, start : start + LANES]
        for i in range(len(given)):
            value = given[i]
            row[i] = value
            count = np.int32(count + np.int32(value - value == NONE))
        for i in range(len(given), LANES):
            row[i] = np.nan
        plan[k, SEEN_OF] = np.float32(count)


@uncounted
def lay_values(k: int, s: np.ndarray) -> None:
    """Lay the values of a date that all pixels see into their row: loops then need no look at places."""
    given = s[AHEAD + k * LANES : AHEAD + (k + 1) * LANES]
    for i in range(LANES):
        s[VALUE + i] = given[i]


@uncounted
def observe(k: int, s: np.ndarray) -> tuple[int, int]:
    """Read the values of a date; return how many pixels saw something, and whether some begin."""
    count, fresh = np.int32(0), np.int32(0)
    given = s[AHEAD + k * LANES : AHEAD + (k + 1) * LANES]
    for i in range(LANES):
        value = given[i]
        finite = value - value == NONE
        s[VALUE + i] = choose(finite, value, NONE)
        s[SEEN + i] = choose(finite, ONE, NONE)
        count = np.int32(count + np.int32(finite))
        fresh = np.int32(fresh | np.int32(finite & (s[CLEAR + i] == NONE)))
    return int(count), int(fresh)
