"""Two charts that watch what a harmonic model did not expect, for one pixel and date.

The *loss* chart sums log-likelihood ratios of "the green is gone" against "as forecast" (Page 1954,
DOI 10.1093/biomet/41.1-2.100, eq. 2): it needs two or three dates for a whole pixel. The *shift*
chart is an exponentially weighted mean of whitened innovations (Lowry et al. 1992, DOI
10.1080/00401706.1992.10485232, eq. 2.1 and 2.2) whose squared length is counted without the terms
of each date with itself (our addition): one cloud that was missed then adds nothing, and half a
pixel that changed adds up over months.
"""

from typing import NamedTuple

import numpy as np

from changedetect.kernels import dating
from changedetect.kernels._jit import kernel

FIRST_DAY, LAST_DAY, RUN_BEFORE, RUN_FIRST, BREAK_BEFORE, BREAK_AFTER = 0, 1, 2, 3, 4, 5
"""Places in the last axis of `days`."""

OBSERVATIONS, RUN, WINDOWED = 0, 1, 2
"""Places in the last axis of `counts`; the last counts innovations written to the window."""

LOSS, ENERGY, STRENGTH, SCORE = 0, 1, 2, 3
"""Places in the last axis of `sums`: sum of the loss chart, summed squares of the shift chart, how
far the nearer chart is (1 = alarm) after the last date, and when the last break was confirmed."""

FITS, DOUBTFUL, DEVIATES = -1, 0, 1
"""What a date is to the forecast."""

_ROOT_TAU = np.sqrt(2.0 * np.pi)
_LEAST_STEP = -3.0
_TINY = 1e-12


class ChartRules(NamedTuple):
    """Numbers that steer the charts; the configuration section explains each."""

    bare_level: float
    bare_sd: float
    outlier_share: float
    bare_prior: float
    bare_rate: float
    deviating_llr: float
    loss_threshold: float
    loss_freeze: float
    shift_rate: float
    shift_clip: float
    shift_fits: float
    shift_agree: float
    shift_threshold: float
    shift_freeze: float
    loss_run: float
    shift_run: float
    confirm_days: int
    confirm_observations: int
    give_up_days: int
    loss_only: int
    date_clip: float
    date_tolerance: float


@kernel
def loss_step(
    value: float, forecast: float, variance: float, bare_share: float, rules: ChartRules
) -> float:
    """Return the log-likelihood ratio of "bare, built or water" against "as forecast".

    The forecast is allowed to be an outlier (any value between 0 and 1), and to be as bare as this
    part of the year has been before. Values below the level of bare ground count as that level.
    """
    above = max(value - rules.bare_level, 0.0) / rules.bare_sd
    bare = np.exp(-0.5 * above * above) / (rules.bare_sd * _ROOT_TAU)
    off = value - forecast
    usual = np.exp(-0.5 * off * off / variance) / (np.sqrt(variance) * _ROOT_TAU)
    share = 1.0 - rules.outlier_share - bare_share
    expected = share * usual + rules.outlier_share + bare_share * bare
    return float(max(np.log(max(bare, _TINY) / expected), _LEAST_STEP))


@kernel
def shift_step(z: np.ndarray, mean: np.ndarray, energy: float, rules: ChartRules) -> float:
    """Add a whitened innovation to the weighted mean, in place; return the new energy."""
    square = 0.0
    for i in range(z.shape[0]):
        square += z[i] * z[i]
    scale = rules.shift_clip / np.sqrt(square) if square > rules.shift_clip**2 else 1.0
    rate = rules.shift_rate
    for i in range(z.shape[0]):
        mean[i] = (1.0 - rate) * mean[i] + rate * scale * z[i]
    return float((1.0 - rate) ** 2 * energy + rate**2 * scale**2 * square)


@kernel
def agreement(z: np.ndarray, mean: np.ndarray) -> float:
    """Return how far an innovation points along the weighted mean. [sigma]"""
    along, length = 0.0, 0.0
    for i in range(z.shape[0]):
        along += z[i] * mean[i]
        length += mean[i] * mean[i]
    return float(along / np.sqrt(length)) if length > 0.0 else 0.0


@kernel
def shift_length(mean: np.ndarray, energy: float, rules: ChartRules) -> float:
    """Return the squared length of the weighted mean without each date's own square."""
    total = -energy
    for i in range(mean.shape[0]):
        if i > 0 or rules.loss_only == 0 or mean[0] < 0.0:
            total += mean[i] * mean[i]
    return float(total)


@kernel
def watch(
    step: float,
    z: np.ndarray,
    mean: np.ndarray,
    sums: np.ndarray,
    rules: ChartRules,
) -> int:
    """Feed both charts with a date; return `DEVIATES`, `FITS` the forecast, or `DOUBTFUL`."""
    towards = agreement(z, mean)
    sums[ENERGY] = shift_step(z, mean, sums[ENERGY], rules)
    sums[LOSS] = min(max(sums[LOSS] + step, 0.0), 2.0 * rules.loss_threshold)
    loss = sums[LOSS] / rules.loss_threshold
    sums[STRENGTH] = max(loss, shift_length(mean, sums[ENERGY], rules) / rules.shift_threshold)
    if step > rules.deviating_llr or towards > rules.shift_agree:
        return DEVIATES
    square = 0.0
    for i in range(z.shape[0]):
        square += z[i] * z[i]
    return FITS if step < 0.0 and towards < 0.0 and square < rules.shift_fits**2 else DOUBTFUL


@kernel
def may_learn(sums: np.ndarray, mean: np.ndarray, rules: ChartRules) -> bool:
    """Whether neither chart is so far that the model must not follow what it sees."""
    shift = shift_length(mean, sums[ENERGY], rules)
    return (
        sums[LOSS] <= rules.loss_freeze * rules.loss_threshold
        and shift <= rules.shift_freeze * rules.shift_threshold
    )


@kernel
def follow(
    day: int,
    verdict: int,
    sums: np.ndarray,
    days: np.ndarray,
    counts: np.ndarray,
    rules: ChartRules,
) -> bool:
    """Keep the date bracket of the deviation that may be under way; true = a break is confirmed.

    A date that fits the forecast while the charts are low saw the old state. The new state is first
    seen when a chart leaves its low level; dates between are in doubt and stay inside the bracket.
    """
    loss = sums[LOSS] / rules.loss_threshold
    if loss < rules.loss_run and sums[STRENGTH] < rules.shift_run:
        if verdict == FITS:
            days[RUN_BEFORE] = day
        days[RUN_FIRST] = 0
        counts[RUN] = 0
        return False
    if days[RUN_FIRST] == 0:
        days[RUN_FIRST] = day
    if verdict == DEVIATES:
        counts[RUN] += 1
    lasted = day - days[RUN_FIRST] >= rules.confirm_days
    return bool(sums[STRENGTH] > 1.0 and counts[RUN] >= rules.confirm_observations and lasted)


@kernel
def is_stale(day: int, days: np.ndarray, rules: ChartRules) -> bool:
    """Whether a deviation is under way for so long that it is a drift and no break."""
    return bool(days[RUN_FIRST] > 0 and day - days[RUN_FIRST] > rules.give_up_days)


@kernel
def conclude(
    day: int,
    mean: np.ndarray,
    sums: np.ndarray,
    days: np.ndarray,
    counts: np.ndarray,
    window: tuple[np.ndarray, np.ndarray],
    rules: ChartRules,
) -> None:
    """Note a confirmed break, dated anew, and have the model begin with the next clear date.

    Charts lag: the bracket is read from the window of recent innovations where it holds two.
    """
    sums[SCORE] = sums[STRENGTH]
    days[BREAK_BEFORE] = days[RUN_BEFORE]
    days[BREAK_AFTER] = days[RUN_FIRST]
    if counts[WINDOWED] > 1:
        before, after = dating.change_dates(
            counts[WINDOWED], window[0], window[1], rules.date_clip, rules.date_tolerance
        )
        days[BREAK_BEFORE] = days[FIRST_DAY] + before
        days[BREAK_AFTER] = days[FIRST_DAY] + after
    counts[OBSERVATIONS] = 0
    rest(day, mean, sums, days, counts)


@kernel
def rest(
    day: int, mean: np.ndarray, sums: np.ndarray, days: np.ndarray, counts: np.ndarray
) -> None:
    """Set the charts back: nothing is under way on this day."""
    days[RUN_BEFORE] = day
    days[RUN_FIRST] = 0
    counts[RUN] = 0
    counts[WINDOWED] = 0
    sums[LOSS] = 0.0
    sums[ENERGY] = 0.0
    sums[STRENGTH] = 0.0
    for i in range(mean.shape[0]):
        mean[i] = 0.0
