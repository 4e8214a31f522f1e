"""The window of recent innovations of a strip of one index (see `dating`)."""

import numpy as np

from changedetect.kernels import dating, one_strips
from changedetect.kernels._jit import uncounted
from changedetect.kernels.lanes import NONE, ONE, blend, bound, choose
from changedetect.kernels.one_lanes import CUT, FIRST, LANES, MATURE, SEEN, VALUE, WINDOWED, Z
from changedetect.kernels.strips import copy_in

_KEPT, _KEPT_DAYS = VALUE, MATURE
"""Rows in which places of the window are changed, once charts are fed."""

_FEW = 4
"""Places of the window up to which a strip is written place by place."""


@uncounted
def unit_of(clip: np.float32) -> tuple[np.float32, np.float32]:
    """Return where innovations are cut [sigma], and one over the unit in which they are kept."""
    return clip, np.float32(dating.STEPS) / clip


@uncounted
def cut(clip: np.float32, s: np.ndarray) -> None:
    """Make innovations what is kept of them (see `dating.remember`)."""
    clip, unit = unit_of(clip)
    for i in range(LANES):
        s[CUT + i] = np.rint(bound(s[Z + i], clip) * unit)


@uncounted
def _keep_at(
    day: np.float32,
    count: int,
    start: int,
    s: np.ndarray,
    recent: np.ndarray,
    recent_days: np.ndarray,
) -> None:
    """Write innovations of pixels that now hold so many to their place in the window."""
    slot, own = (count - 1) % dating.WINDOW, np.float32(count)
    copy_in(recent[slot : slot + 1], start, s, _KEPT, LANES)
    copy_in(recent_days[slot : slot + 1], start, s, _KEPT_DAYS, LANES)
    for i in range(LANES):
        here = choose((s[SEEN + i] > NONE) & (s[WINDOWED + i] == own), ONE, NONE)
        s[_KEPT + i] = blend(here, s[CUT + i], s[_KEPT + i])
        s[_KEPT_DAYS + i] = blend(here, day - s[FIRST + i], s[_KEPT_DAYS + i])
    one_strips.lay_whole(s, _KEPT, start, recent[slot])
    one_strips.lay_whole(s, _KEPT_DAYS, start, recent_days[slot])


@uncounted
def _scatter(
    day: np.float32,
    start: int,
    s: np.ndarray,
    recent: np.ndarray,
    recent_days: np.ndarray,
) -> None:
    """Write innovations of pixels seen each to its own place in the window."""
    turn = np.float32(dating.WINDOW)
    for i in range(LANES):
        at = s[WINDOWED + i] - ONE
        s[_KEPT + i] = at - turn * np.floor(at / turn)
        s[_KEPT_DAYS + i] = day - s[FIRST + i]
    for i in range(min(LANES, recent.shape[1] - start)):
        if s[SEEN + i] > NONE:
            slot = np.uint64(np.int32(s[_KEPT + i]))
            pixel = np.uint64(start + i)
            recent_days[slot, pixel] = np.uint16(np.int32(s[_KEPT_DAYS + i]))
            recent[slot, pixel] = np.int8(np.int32(s[CUT + i]))


@uncounted
def keep(
    day: np.float32,
    counts: tuple[int, int],
    start: int,
    s: np.ndarray,
    recent: np.ndarray,
    recent_days: np.ndarray,
) -> None:
    """Write innovations of pixels seen over the oldest ones, each to its own place.

    Parameters
    ----------
    day
        Ordinal. [day]
    counts
        Fewest and most innovations in the window of a pixel seen.
    start, s
        First pixel of the strip, and its rows.
    recent, recent_days
        Window, ``(WINDOW, px)`` int8 and ``(WINDOW, px)`` uint16, changed in place.
    """
    if counts[1] - counts[0] < _FEW:
        for count in range(counts[0], counts[1] + 1):
            _keep_at(day, count, start, s, recent, recent_days)
    else:
        _scatter(day, start, s, recent, recent_days)


@uncounted
def keep_alike(
    age: np.float32,
    windowed: np.float32,
    start: int,
    s: np.ndarray,
    recent: np.ndarray,
    recent_days: np.ndarray,
) -> None:
    """Write innovations of all pixels to one place of the window; so many it holds with them."""
    slot = int(windowed - ONE) % dating.WINDOW
    one_strips.lay_whole(s, CUT, start, recent[slot])
    one_strips.lay_one(age, start, recent_days[slot])
