"""A series of one index and one cycle a year: what `harmonic` does, in few loops.

One index has no pairs, needs few rows, and its pixels are mostly quiet: so a date takes three or four
loops over all rows of a strip, where many indices need thirty. What does not depend on values is one
number for all pixels of a strip that saw the same dates (`one_alike`), else one for each (`one_apart`).
How often ground is bare, and what innovation is usual, are not learnt from one index. Numbers differ
from those of `harmonic` by rounding.
"""

import numpy as np

from changedetect.kernels import dating, one_alike, one_apart, one_strips
from changedetect.kernels._jit import kernel, uncounted
from changedetect.kernels.one_lanes import (
    COLUMNS,
    LANES,
    QUARTER_OF,
    SIZE,
    Numbers,
    day_of,
    numbers_of,
)
from changedetect.kernels.rules import ChartRules, HarmonicRules
from changedetect.kernels.season import season_of


@kernel
def _plan(
    days: np.ndarray, calendar: tuple[np.ndarray, np.ndarray, np.ndarray], other: float
) -> np.ndarray:
    """Return the plan of the dates (`one_lanes`); ``other``: see `HarmonicRules`."""
    plan = np.zeros((len(days), COLUMNS), np.float32)
    x, tilt, swing = calendar
    share = np.float32(0.5 * other * other)
    for k in range(len(days)):
        t1, t2, w1, w2 = tilt[k, 1], tilt[k, 2], swing[k, 1], swing[k, 2]
        plan[k, 0], plan[k, 1], plan[k, 2], plan[k, 3], plan[k, 4] = (
            days[k],
            x[k, 1],
            x[k, 2],
            t1,
            t2,
        )
        plan[k, 5] = t1 * t1 + w1 * w1 + share
        plan[k, 6] = np.float32(2.0) * (t1 * t2 + w1 * w2)
        plan[k, 7] = t2 * t2 + w2 * w2 + share
        plan[k, QUARTER_OF] = season_of(days[k])
    return plan


@uncounted
def _follow(
    plan: np.ndarray,
    begins: np.ndarray,
    strip: tuple[int, np.ndarray, np.ndarray],
    arrays: tuple[np.ndarray, ...],
    numbers: Numbers,
) -> None:
    """Take the dates of a plan into a strip: its first pixel, its rows, rows for a few pixels of it."""
    start, s, _ = strip
    fed = one_strips.read(arrays, start, s)
    done, quarter, season = 0, -1, arrays[3]
    if one_alike.are_alike(plan, s):
        done, quarter, fed = one_alike.follow(plan, begins, fed, strip, arrays, numbers)
    for k in range(done, len(plan)):
        seen, fresh = one_strips.observe(k, s)
        if seen == 0:
            continue
        new = int(plan[k, QUARTER_OF])
        if new != quarter:
            one_strips.turn(quarter, new, start, season, s)
            quarter = new
        on = day_of(plan, k)
        if fresh > 0:
            one_strips.quieten(start, season, s)
            one_apart.begin(on.day, begins, numbers.learning.floor, s)
        fed = one_apart.take_in(on, fed, start, s, arrays, numbers)
    if quarter >= 0:
        one_strips.turn(quarter, -1, start, season, s)
        one_strips.write(s, start, fed, arrays)


@kernel
def absorb(
    days: np.ndarray,
    calendar: tuple[np.ndarray, np.ndarray, np.ndarray],
    given: tuple[np.ndarray, int],
    model: tuple[np.ndarray, np.ndarray],
    arrays: tuple[np.ndarray, ...],
    rules: HarmonicRules,
    chart: ChartRules,
) -> None:
    """Absorb dates of one index, one after the other, into the state of every pixel, in place.

    Parameters
    ----------
    days, model, arrays, rules, chart
        As in `harmonic.absorb`.
    calendar
        Terms of every date, ``(date, term)`` float32: ``x(t)``, of a shifted and of a lost season.
    given
        ``(date, band, px)`` float32, NaN = not observed; and the band of the index.
    """
    values, band = given
    numbers = numbers_of(model[1][0], rules, chart)
    plan, s = _plan(days, calendar, rules.other), np.zeros(SIZE + len(days) * LANES, np.float32)
    few = np.zeros(SIZE, np.float32)
    recent, work = arrays[10].reshape(dating.WINDOW, values.shape[2]), np.empty(dating.WINDOW + 1)
    kept = (*arrays[:10], recent, arrays[11], work)
    for start in range(0, values.shape[2], LANES):
        one_strips.gather(values, band, start, s, plan)
        _follow(plan, model[0], (start, s, few), kept, numbers)
