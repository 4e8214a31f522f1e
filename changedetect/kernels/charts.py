"""Two charts that watch what a harmonic model did not expect, for a strip of pixels and a date.

The *loss* chart sums log-likelihood ratios of "the green is gone" against "as forecast" (Page 1954,
DOI 10.1093/biomet/41.1-2.100, eq. 2): it needs two or three dates for a whole pixel. The *shift*
chart is an exponentially weighted mean of whitened innovations (Lowry et al. 1992, DOI
10.1080/00401706.1992.10485232, eq. 2.1 and 2.2) whose squared length is counted without the terms
of each date with itself (our addition): one cloud that was missed then adds nothing, and half a
pixel that changed adds up over months. What is usual for a pixel is taken off before: the mean of
the innovations that have left the window of recent ones (`dating`), so that a drift is not summed
up, and a change of the last two dozen dates is not taken for usual. Rows of a strip stand in `lanes`.
"""

import numpy as np

from changedetect.kernels._jit import kernel
from changedetect.kernels.lanes import (
    ALARM_PART,
    ALONG,
    BARE_ROW,
    CONFIRMED,
    ENERGY_ROW,
    FIRST_ROW,
    HALF,
    INDEX_SIZE,
    INNOVATION,
    LANES,
    LENGTH,
    LOSS_ROW,
    LOSS_STEP,
    MATURE,
    MEAN,
    MEAN_SQUARE,
    NONE,
    OBSERVATIONS_ROW,
    ODD_LENGTH,
    ONE,
    REST,
    RUN_BEFORE_ROW,
    RUN_FIRST_ROW,
    RUN_ROW,
    SCALE,
    SEEN,
    STEEP,
    STRENGTH_ROW,
    USUAL,
    VALUE,
    Z,
    blend,
    choose,
    exponential,
    logarithm,
)
from changedetect.kernels.rules import ChartRules
from changedetect.kernels.season import SEASONS, YEAR_DAYS

FIRST_DAY, LAST_DAY, RUN_BEFORE, RUN_FIRST, BREAK_BEFORE, BREAK_AFTER = 0, 1, 2, 3, 4, 5
"""Places in the first axis of `days`."""

OBSERVATIONS, RUN, WINDOWED = 0, 1, 2
"""Places in the first axis of `counts`; the last counts innovations written to the window."""

LOSS, ENERGY, STRENGTH, SCORE = 0, 1, 2, 3
"""Places in the first axis of `sums`: sum of the loss chart, summed squares of the shift chart, how
far the nearer chart is (1 = alarm) after the last date, and when the last break was confirmed."""

_INVERSE_ROOT_TAU = np.float32(1.0 / np.sqrt(2.0 * np.pi))
_LEAST_STEP = np.float32(-3.0)
_LOG_TINY = np.float32(np.log(1e-12))


@kernel
def mark_mature(day: int, history: tuple[int, int, float], s: np.ndarray) -> int:
    """Mark pixels seen that have enough history to judge the date by; return how many there are.

    Parameters
    ----------
    day
        Ordinal. [day]
    history
        Least age [day], least number of clear dates, least clear dates a year.
    s
        Rows of the strip.
    """
    today, youngest = np.float32(day), np.float32(history[0])
    fewest, yearly = np.float32(history[1]), np.float32(history[2] / YEAR_DAYS)
    count = 0
    for i in range(LANES):
        age = today - s[FIRST_ROW + i]
        enough = yearly * age
        enough = choose(enough > fewest, enough, fewest)
        mature = (s[SEEN + i] > NONE) & (age >= youngest) & (s[OBSERVATIONS_ROW + i] >= enough)
        s[MATURE + i] = choose(mature, ONE, NONE)
        s[CONFIRMED + i] = NONE
        s[REST + i] = choose(mature, NONE, s[SEEN + i])
        count += 1 if mature else 0
    return count


@kernel
def _set_loss_steps(place: float, s: np.ndarray, green: np.ndarray, rules: ChartRules) -> None:
    """Set log-likelihood ratios of "bare, built or water" against "as forecast".

    The forecast is allowed to be an outlier (any value between 0 and 1), and to be as bare as this
    part of the year has been before. Values below the level of bare ground count as that level.
    """
    level, inverse_sd = np.float32(rules.bare_level), np.float32(1.0 / rules.bare_sd)
    outlier = np.float32(rules.outlier_share)
    unit = inverse_sd * _INVERSE_ROOT_TAU
    log_unit = np.float32(np.log(unit))
    low = int(np.floor(place)) % SEASONS
    high, part = (low + 1) % SEASONS, np.float32(place - np.floor(place))
    first = s[BARE_ROW + low * LANES : BARE_ROW + (low + 1) * LANES]
    second = s[BARE_ROW + high * LANES : BARE_ROW + (high + 1) * LANES]
    for i in range(LANES):
        above = (green[VALUE + i] - level) * inverse_sd
        above = choose(above > NONE, above, NONE)
        power = -HALF * above * above
        bare = exponential(power) * unit
        steep = s[STEEP + i]
        off = green[INNOVATION + i] * steep
        usual = exponential(-HALF * off * off) * (steep * _INVERSE_ROOT_TAU)
        often = (ONE - part) * first[i] + part * second[i]
        expected = (ONE - outlier - often) * usual + outlier + often * bare
        power += log_unit
        step = choose(power > _LOG_TINY, power, _LOG_TINY) - logarithm(expected)
        s[LOSS_STEP + i] = choose(step > _LEAST_STEP, step, _LEAST_STEP)


@kernel
def _average(n: int, s: np.ndarray, parts: np.ndarray, rules: ChartRules) -> None:
    """Set how far unusual innovations point along their weighted mean [sigma]; add them to it."""
    for i in range(LANES):
        s[ALONG + i] = NONE
        s[MEAN_SQUARE + i] = NONE
        s[ODD_LENGTH + i] = NONE
    for b in range(n):
        part = parts[b * INDEX_SIZE : (b + 1) * INDEX_SIZE]
        for i in range(LANES):
            mean, odd = part[MEAN + i], part[Z + i] - part[USUAL + i]
            s[ALONG + i] += odd * mean
            s[MEAN_SQUARE + i] += mean * mean
            s[ODD_LENGTH + i] += odd * odd
    clip, rate = np.float32(rules.shift_clip), np.float32(rules.shift_rate)
    for i in range(LANES):
        size = np.sqrt(s[ODD_LENGTH + i])
        s[ODD_LENGTH + i] = size
        s[SCALE + i] = choose(size > clip, clip / size, ONE)
        length = s[MEAN_SQUARE + i]
        s[ALONG + i] /= np.sqrt(choose(length > NONE, length, ONE))
        s[LENGTH + i] = NONE
    kept, free = ONE - rate, rules.loss_only == 0
    for b in range(n):
        part = parts[b * INDEX_SIZE : (b + 1) * INDEX_SIZE]
        both = free or b > 0
        for i in range(LANES):
            odd = part[Z + i] - part[USUAL + i]
            mean = kept * part[MEAN + i] + rate * s[SCALE + i] * odd
            mean = blend(s[MATURE + i], mean, part[MEAN + i])
            part[MEAN + i] = mean
            s[LENGTH + i] += choose(both | (mean < NONE), mean * mean, NONE)


@kernel
def _lower_alarm(day: int, s: np.ndarray, rules: ChartRules) -> None:
    """Set the part of the alarm of the shift chart that pixels with few clear dates a year have.

    Where dates are many, the mean of a season that failed stands out of the noise as much as a
    change, and there are more dates a year on which it may: false alarms grow with them.
    """
    tomorrow, wanted = np.float32(day + 1), np.float32(rules.dates_per_year / YEAR_DAYS)
    share, most = np.float32(rules.dates_share), np.float32(rules.dates_range)
    for i in range(LANES):
        lacking = ONE - s[OBSERVATIONS_ROW + i] / (wanted * (tomorrow - s[FIRST_ROW + i]))
        lacking = choose(lacking > NONE, lacking, NONE)
        s[ALARM_PART + i] = ONE - share * choose(lacking < most, lacking, most)


@kernel
def _follow(day: int, s: np.ndarray, rules: ChartRules) -> int:
    """Feed both charts and keep the date bracket of deviations; return how many are confirmed.

    A date that fits the forecast while the charts are low saw the old state. The new state is first
    seen when a chart leaves its low level; dates between are in doubt and stay inside the bracket.
    A deviation that is under way for too long is a drift and no break.
    """
    today, rate = np.float32(day), np.float32(rules.shift_rate)
    kept = ONE - rate
    most_loss = np.float32(2.0 * rules.loss_threshold)
    loss_unit = np.float32(1.0 / rules.loss_threshold)
    shift_unit = np.float32(1.0 / rules.shift_threshold)
    deviating, agree = np.float32(rules.deviating_llr), np.float32(rules.shift_agree)
    fitting = np.float32(rules.shift_fits * rules.shift_fits)
    loss_run, shift_run = np.float32(rules.loss_run), np.float32(rules.shift_run)
    lasting, often = np.float32(rules.confirm_days), np.float32(rules.confirm_observations)
    stale_days = np.float32(rules.give_up_days)
    for i in range(LANES):
        mature = s[MATURE + i]
        step, along, scale = s[LOSS_STEP + i], s[ALONG + i], s[SCALE + i]
        square = s[ODD_LENGTH + i] * s[ODD_LENGTH + i]
        energy = kept * kept * s[ENERGY_ROW + i] + rate * rate * (scale * scale) * square
        loss = s[LOSS_ROW + i] + step
        loss = choose(loss > NONE, loss, NONE)
        loss = choose(loss < most_loss, loss, most_loss)
        length = s[LENGTH + i] - energy
        near, strength = loss * loss_unit, length * shift_unit / s[ALARM_PART + i]
        strength = choose(strength > near, strength, near)
        deviates = (step > deviating) | (along > agree)
        fits = (not deviates) & (step < NONE) & (along < NONE) & (square < fitting)
        quiet = (near < loss_run) & (strength < shift_run)
        before, first = s[RUN_BEFORE_ROW + i], s[RUN_FIRST_ROW + i]
        run = s[RUN_ROW + i] + choose(deviates, ONE, NONE)
        before = choose(quiet & fits, today, before)
        first = choose(first == NONE, today, first)
        first = choose(quiet, NONE, first)
        run = choose(quiet, NONE, run)
        going = (mature > NONE) & (not quiet)
        confirmed = going & (strength > ONE) & (run >= often) & (today - first >= lasting)
        stale = going & (not confirmed) & (today - first > stale_days)
        s[ENERGY_ROW + i] = blend(mature, energy, s[ENERGY_ROW + i])
        s[LOSS_ROW + i] = blend(mature, loss, s[LOSS_ROW + i])
        s[LENGTH + i] = length
        s[STRENGTH_ROW + i] = blend(mature, strength, s[STRENGTH_ROW + i])
        s[RUN_BEFORE_ROW + i] = blend(mature, before, s[RUN_BEFORE_ROW + i])
        s[RUN_FIRST_ROW + i] = blend(mature, first, s[RUN_FIRST_ROW + i])
        s[RUN_ROW + i] = blend(mature, run, s[RUN_ROW + i])
        s[CONFIRMED + i] = choose(confirmed, ONE, NONE)
        s[REST + i] += choose(stale, ONE, NONE)
    count = 0
    for i in range(LANES):
        count += 1 if s[CONFIRMED + i] > NONE else 0
    return count


@kernel
def rest(day: int, n: int, s: np.ndarray, parts: np.ndarray) -> None:
    """Set the charts of pixels at rest back: nothing is under way on this day."""
    today, resting = np.float32(day), np.int32(0)
    for i in range(LANES):
        resting = np.int32(resting | np.int32(s[REST + i] > NONE))
    if resting == 0:
        return
    for i in range(LANES):
        still = s[REST + i]
        going = ONE - still
        s[RUN_BEFORE_ROW + i] = blend(still, today, s[RUN_BEFORE_ROW + i])
        s[RUN_FIRST_ROW + i] *= going
        s[RUN_ROW + i] *= going
        s[LOSS_ROW + i] *= going
        s[ENERGY_ROW + i] *= going
        s[STRENGTH_ROW + i] *= going
        s[LENGTH + i] *= going
    for b in range(n):
        part = parts[b * INDEX_SIZE : (b + 1) * INDEX_SIZE]
        for i in range(LANES):
            going = ONE - s[REST + i]
            part[MEAN + i] *= going
            part[USUAL + i] *= going


@kernel
def watch(
    day: int, place: float, n: int, s: np.ndarray, parts: np.ndarray, rules: ChartRules
) -> int:
    """Feed the charts of mature pixels with a date; return how many breaks are confirmed.

    Parameters
    ----------
    day
        Ordinal. [day]
    place
        Of the day, between the middles of quarters (`season.position_of`).
    n
        How many indices there are.
    s, parts
        Rows of the strip and of its indices (`lanes`), changed in place.
    rules
        See `ChartRules`.
    """
    _set_loss_steps(place, s, parts[:INDEX_SIZE], rules)
    _average(n, s, parts, rules)
    _lower_alarm(day, s, rules)
    return _follow(day, s, rules)
