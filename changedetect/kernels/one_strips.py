"""Strips of pixels of one index: their state into rows and back, the values of a date, a quarter.

Rows of a strip stand in `one_lanes`.
"""

import numpy as np

from changedetect.kernels import charts
from changedetect.kernels._jit import kernel
from changedetect.kernels.lanes import LANES, NONE, ONE, choose
from changedetect.kernels.one_lanes import (
    B0,
    C0,
    CLEAR,
    ENERGY,
    FIRST,
    LENGTH,
    LOSS,
    LOUD,
    MEAN,
    NOISE,
    RUN,
    SEASON,
    SEEN,
    START,
    STRENGTH,
    VALUE,
)
from changedetect.kernels.strips import copy_in, copy_out


@kernel
def turn(old: int, new: int, s: np.ndarray) -> None:
    """Put the noise of a quarter of the year back, and take up that of another; -1 = of none."""
    loud = s[LOUD : LOUD + LANES]
    if old >= 0:
        kept = s[SEASON + old * LANES : SEASON + (old + 1) * LANES]
        for i in range(len(kept)):
            kept[i] = loud[i]
    if new >= 0:
        kept = s[SEASON + new * LANES : SEASON + (new + 1) * LANES]
        for i in range(len(kept)):
            loud[i] = kept[i]


@kernel
def read(arrays: tuple[np.ndarray, ...], start: int, s: np.ndarray) -> bool:
    """Lay a strip of the state into rows; return whether a chart of it was fed since its rest."""
    coefficients, covariance, noise, season, shift = (
        arrays[0], arrays[1], arrays[2], arrays[3], arrays[5],
    )  # fmt: skip
    sums, days, counts = arrays[7], arrays[8], arrays[9]
    copy_in(coefficients[0], start, s, B0)
    copy_in(covariance, start, s, C0)
    copy_in(noise, start, s, NOISE)
    copy_in(season, start, s, SEASON)
    copy_in(shift, start, s, MEAN)
    copy_in(sums[: charts.SCORE], start, s, LOSS)
    copy_in(days[: charts.BREAK_BEFORE], start, s, FIRST)
    copy_in(counts, start, s, CLEAR)
    fed = np.int32(0)
    for i in range(LANES):
        s[LENGTH + i] = NONE
        busy = (s[LOSS + i] != NONE) | (s[ENERGY + i] != NONE) | (s[STRENGTH + i] != NONE)
        busy = busy | (s[MEAN + i] != NONE) | (s[START + i] != NONE) | (s[RUN + i] != NONE)
        fed = np.int32(fed | np.int32(busy))
    return bool(fed != 0)


@kernel
def write(s: np.ndarray, start: int, arrays: tuple[np.ndarray, ...]) -> None:
    """Lay rows back where `read` took them from."""
    coefficients, covariance, noise, season, shift = (
        arrays[0], arrays[1], arrays[2], arrays[3], arrays[5],
    )  # fmt: skip
    sums, days, counts = arrays[7], arrays[8], arrays[9]
    copy_out(s, B0, coefficients[0], start)
    copy_out(s, C0, covariance, start)
    copy_out(s, NOISE, noise, start)
    copy_out(s, SEASON, season, start)
    copy_out(s, MEAN, shift, start)
    copy_out(s, LOSS, sums[: charts.SCORE], start)
    copy_out(s, FIRST, days[: charts.BREAK_BEFORE], start)
    copy_out(s, CLEAR, counts, start)


@kernel
def observe(given: np.ndarray, s: np.ndarray) -> tuple[int, int]:
    """Read the values of a date; return how many pixels saw something, and whether some begin."""
    count, fresh = np.int32(0), np.int32(0)
    for i in range(LANES):
        value = given[i]
        finite = value - value == NONE
        s[VALUE + i] = choose(finite, value, NONE)
        s[SEEN + i] = choose(finite, ONE, NONE)
        count = np.int32(count + np.int32(finite))
        fresh = np.int32(fresh | np.int32(finite & (s[CLEAR + i] == NONE)))
    return int(count), int(fresh)
