"""Dates of a recursive robust harmonic model, for every pixel of a tile.

A pixel whose values hold a NaN was not observed on that date: nothing of it moves. Pixels do not
see one another, so the result does not depend on how an area was tiled. A strip of pixels goes
through all dates before the next one begins, in float32 (`lanes`).

The model of index ``b`` is ``y_b(t) = x(t)·β_b + noise`` with the first terms of
``x = (1, cos ωt, sin ωt, cos 2ωt, sin 2ωt)``; β walks randomly, so there is no trend term. All
indices share the covariance ``P`` of β in units of the noise variance. Sources: Kalman filter of a
dynamic harmonic regression (Young et al. 1999, DOI 10.1002/(SICI)1099-131X(199911)18:6<369, eq. 7
and 8); bounded innovations (Huber 1964, DOI 10.1214/aoms/1177703732, eq. 1.3). What a confirmed
deviation is stands in `charts`.
"""

from typing import NamedTuple

import numpy as np

from changedetect.kernels import charts, dating, large, one_index, strips, whitening
from changedetect.kernels._jit import kernel, uncounted
from changedetect.kernels.lanes import (
    BARE_ROW,
    BETA,
    CONFIRMED,
    COVARIANCE,
    FACTOR,
    GAIN,
    INDEX_SIZE,
    INNOVATION,
    LANES,
    LAST_ROW,
    LENGTH,
    LOSS_ROW,
    NOISE,
    NOISE_FACTOR,
    NONE,
    OBSERVATIONS_ROW,
    ONE,
    PAIR_SIZE,
    RATE,
    ROOT,
    SEASON_ROW,
    SEEN,
    SIZE,
    SPREAD,
    SQUARE,
    STEP,
    SWING,
    TILT,
    VALUE,
    Z_LENGTH,
    blend,
    choose,
)
from changedetect.kernels.rules import ChartRules, HarmonicRules
from changedetect.kernels.season import SEASONS, position_of, regressors, season_of, slopes

ONE_CYCLE, TWO_CYCLES = 3, 5
"""Terms of a model; others are not made."""


class Terms(NamedTuple):
    """What a day is to all pixels: its number, ``x(t)``, ``x`` of a shifted and of a lost season."""

    day: int
    x: np.ndarray
    tilt: np.ndarray
    swing: np.ndarray
    quarter: int
    place: float


@kernel
def _calendar(
    days: np.ndarray, count: int, rules: HarmonicRules
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``(date, term)`` float32: ``x(t)``, and ``x`` of a shifted and of a lost season."""
    x = np.zeros((len(days), count), np.float32)
    tilt, swing = np.zeros_like(x), np.zeros_like(x)
    for k in range(len(days)):
        terms, slope = regressors(days[k]), slopes(days[k])
        for i in range(count):
            x[k, i] = terms[i]
            tilt[k, i] = rules.shift_days * slope[i]
            swing[k, i] = rules.amplitude * terms[i] if i > 0 else 0.0
    return x, tilt, swing


@uncounted
def _forecast(on: Terms, s: np.ndarray, rules: HarmonicRules) -> None:
    """Let the coefficients walk; set ``P x``, ``1 + xᵀ P x`` and one over its root."""
    per_day, most = np.float32(rules.process_per_day), np.float32(rules.gap_days)
    day = np.float32(on.day)
    x0, x1, x2 = on.x[0], on.x[1], on.x[2]
    if len(on.x) == ONE_CYCLE:
        for i in range(LANES):
            gap = day - s[LAST_ROW + i]
            step = per_day * choose(gap < most, gap, most)
            c0 = s[COVARIANCE + i]
            c1 = s[COVARIANCE + LANES + i]
            c2 = s[COVARIANCE + 2 * LANES + i]
            c11 = s[COVARIANCE + 3 * LANES + i]
            c12 = s[COVARIANCE + 4 * LANES + i]
            c22 = s[COVARIANCE + 5 * LANES + i]
            g0 = (c0 + step) * x0 + c1 * x1 + c2 * x2
            g1 = c1 * x0 + (c11 + step) * x1 + c12 * x2
            g2 = c2 * x0 + c12 * x1 + (c22 + step) * x2
            s[GAIN + i] = g0
            s[GAIN + LANES + i] = g1
            s[GAIN + 2 * LANES + i] = g2
            spread = ONE + g0 * x0 + g1 * x1 + g2 * x2
            s[STEP + i] = step
            s[SPREAD + i] = spread
            s[ROOT + i] = ONE / np.sqrt(spread)
        return
    for i in range(LANES):
        gap = day - s[LAST_ROW + i]
        s[STEP + i] = per_day * choose(gap < most, gap, most)
        s[SPREAD + i] = ONE
    _forecast_two(on.x, s)
    for i in range(LANES):
        s[ROOT + i] = ONE / np.sqrt(s[SPREAD + i])


@uncounted
def _row_of(one: int, other: int) -> int:
    """Return where a term of the covariance of two cycles lies."""
    low, high = min(one, other), max(one, other)
    return COVARIANCE + (low * (2 * TWO_CYCLES - 1 - low) // 2 + high) * LANES


@uncounted
def _forecast_two(x: np.ndarray, s: np.ndarray) -> None:
    """Set ``P x`` of two cycles, and add ``xᵀ P x``."""
    for term in range(TWO_CYCLES):
        gain = s[GAIN + term * LANES : GAIN + (term + 1) * LANES]
        for i in range(LANES):
            gain[i] = s[STEP + i] * x[term]
        for other in range(TWO_CYCLES):
            place = _row_of(term, other)
            row, factor = s[place : place + LANES], x[other]
            for i in range(LANES):
                gain[i] += row[i] * factor
        factor = x[term]
        for i in range(LANES):
            s[SPREAD + i] += gain[i] * factor


@uncounted
def _innovate(on: Terms, n: int, parts: np.ndarray) -> None:
    """Set innovations, and how much a shifted season and the season itself are."""
    x0, x1, x2 = on.x[0], on.x[1], on.x[2]
    t1, t2, w1, w2 = on.tilt[1], on.tilt[2], on.swing[1], on.swing[2]
    if len(on.x) == TWO_CYCLES:
        x3, x4 = on.x[3], on.x[4]
        t3, t4, w3, w4 = on.tilt[3], on.tilt[4], on.swing[3], on.swing[4]
        for b in range(n):
            part = parts[b * INDEX_SIZE : (b + 1) * INDEX_SIZE]
            for i in range(LANES):
                b1, b2 = part[BETA + LANES + i], part[BETA + 2 * LANES + i]
                b3, b4 = part[BETA + 3 * LANES + i], part[BETA + 4 * LANES + i]
                off = part[VALUE + i] - part[BETA + i] * x0 - b1 * x1 - b2 * x2
                part[INNOVATION + i] = off - b3 * x3 - b4 * x4
                part[TILT + i] = (b1 * t1 + b2 * t2) + (b3 * t3 + b4 * t4)
                part[SWING + i] = (b1 * w1 + b2 * w2) + (b3 * w3 + b4 * w4)
        return
    for b in range(n):
        part = parts[b * INDEX_SIZE : (b + 1) * INDEX_SIZE]
        for i in range(LANES):
            b1, b2 = part[BETA + LANES + i], part[BETA + 2 * LANES + i]
            part[INNOVATION + i] = part[VALUE + i] - part[BETA + i] * x0 - b1 * x1 - b2 * x2
            part[TILT + i] = b1 * t1 + b2 * t2
            part[SWING + i] = b1 * w1 + b2 * w2


@uncounted
def _weigh(n: int, on: Terms, s: np.ndarray, rules: HarmonicRules, chart: ChartRules) -> None:
    """Set how much each pixel learns from the date: not where a chart is far, less if it is odd.

    Coefficients learn the less, the further the shift chart is: what it sums up is not to be learnt.
    """
    huber = np.float32(rules.huber)
    forgetting, weight_of = np.float32(rules.forgetting), np.float32(rules.noise_weight)
    most_loss = np.float32(chart.loss_freeze * chart.loss_threshold)
    most_shift = np.float32(chart.shift_freeze * chart.shift_threshold)
    per_shift = ONE / most_shift
    for i in range(LANES):
        may = (s[SEEN + i] > NONE) & (s[CONFIRMED + i] == NONE)
        may = may & (s[LOSS_ROW + i] <= most_loss) & (s[LENGTH + i] <= most_shift)
        length = s[Z_LENGTH + i]
        weight = choose(length <= huber, ONE, huber / length)
        inverse = s[ROOT + i] * s[ROOT + i]
        rate = ONE / (s[OBSERVATIONS_ROW + i] + weight_of)
        rate = choose(rate > forgetting, rate, forgetting)
        free = ONE - s[LENGTH + i] * per_shift
        free = choose(free < ONE, free, ONE)
        s[FACTOR + i] = choose(may, weight * inverse * free, NONE)
        s[NOISE_FACTOR + i] = weight * weight * inverse
        s[RATE + i] = choose(may, rate, NONE)
        s[SPREAD + i] = choose(may, inverse, NONE)
        s[STEP + i] *= choose(may, ONE, NONE)
    cap, share = np.float32(rules.season_cap), np.float32(1.0 / n)
    pace, place = np.float32(rules.season_rate), SEASON_ROW + on.quarter * LANES
    season = s[place : place + LANES]
    for i in range(LANES):
        bounded = s[SQUARE + i] * share
        bounded = choose(bounded < cap, bounded, cap)
        season[i] += choose(s[RATE + i] > NONE, pace, NONE) * (bounded - season[i])


@uncounted
def _learn(n: int, terms: int, s: np.ndarray, parts: np.ndarray, pairs: np.ndarray) -> None:
    """Kalman update of coefficients with bounded innovations, and of the covariance of the noise."""
    for b in range(n):
        part = parts[b * INDEX_SIZE : (b + 1) * INDEX_SIZE]
        if terms == TWO_CYCLES:
            for i in range(LANES):
                pull = s[FACTOR + i] * part[INNOVATION + i]
                part[BETA + i] += s[GAIN + i] * pull
                part[BETA + LANES + i] += s[GAIN + LANES + i] * pull
                part[BETA + 2 * LANES + i] += s[GAIN + 2 * LANES + i] * pull
                part[BETA + 3 * LANES + i] += s[GAIN + 3 * LANES + i] * pull
                part[BETA + 4 * LANES + i] += s[GAIN + 4 * LANES + i] * pull
        else:
            for i in range(LANES):
                pull = s[FACTOR + i] * part[INNOVATION + i]
                part[BETA + i] += s[GAIN + i] * pull
                part[BETA + LANES + i] += s[GAIN + LANES + i] * pull
                part[BETA + 2 * LANES + i] += s[GAIN + 2 * LANES + i] * pull
    k = 0
    for one in range(n):
        mine = parts[one * INDEX_SIZE + INNOVATION : one * INDEX_SIZE + INNOVATION + LANES]
        for other in range(one, n):
            place = other * INDEX_SIZE + INNOVATION
            theirs = parts[place : place + LANES]
            noise = pairs[k * PAIR_SIZE + NOISE : k * PAIR_SIZE + NOISE + LANES]
            for i in range(LANES):
                product = s[NOISE_FACTOR + i] * mine[i] * theirs[i]
                noise[i] += s[RATE + i] * (product - noise[i])
            k += 1


@uncounted
def _settle(terms: int, s: np.ndarray) -> None:
    """Update the covariance of the coefficients."""
    if terms == ONE_CYCLE:
        for i in range(LANES):
            inverse, step = s[SPREAD + i], s[STEP + i]
            g0, g1, g2 = s[GAIN + i], s[GAIN + LANES + i], s[GAIN + 2 * LANES + i]
            s[COVARIANCE + i] += step - g0 * g0 * inverse
            s[COVARIANCE + LANES + i] -= g0 * g1 * inverse
            s[COVARIANCE + 2 * LANES + i] -= g0 * g2 * inverse
            s[COVARIANCE + 3 * LANES + i] += step - g1 * g1 * inverse
            s[COVARIANCE + 4 * LANES + i] -= g1 * g2 * inverse
            s[COVARIANCE + 5 * LANES + i] += step - g2 * g2 * inverse
        return
    for one in range(terms):
        mine = s[GAIN + one * LANES : GAIN + (one + 1) * LANES]
        for other in range(one, terms):
            place = _row_of(one, other)
            row = s[place : place + LANES]
            theirs = s[GAIN + other * LANES : GAIN + (other + 1) * LANES]
            if one == other:
                for i in range(LANES):
                    row[i] += s[STEP + i] - mine[i] * theirs[i] * s[SPREAD + i]
            else:
                for i in range(LANES):
                    row[i] -= mine[i] * theirs[i] * s[SPREAD + i]


@uncounted
def _learn_bare(place: float, s: np.ndarray, greenness: np.ndarray, chart: ChartRules) -> None:
    """Follow how often each quarter of the year looked bare."""
    level = np.float32(chart.bare_level + chart.bare_sd)
    low = int(np.floor(place)) % SEASONS
    part = place - np.floor(place)
    for k, share in ((low, 1.0 - part), ((low + 1) % SEASONS, part)):
        rate = np.float32(chart.bare_rate * share)
        bare = s[BARE_ROW + k * LANES : BARE_ROW + (k + 1) * LANES]
        for i in range(LANES):
            seen = choose(greenness[i] < level, ONE, NONE)
            bare[i] += choose(s[RATE + i] > NONE, rate, NONE) * (seen - bare[i])


@kernel
def _absorb_date(
    on: Terms,
    start: int,
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
    window: tuple[np.ndarray, np.ndarray, np.ndarray],
    model: tuple[np.ndarray, np.ndarray],
    rules: HarmonicRules,
    chart: ChartRules,
) -> None:
    """Take a date of which a strip saw something into its rows."""
    s, parts, pairs = rows
    prior, floor = model
    n, terms = len(floor), len(prior)
    _forecast(on, s, rules)
    _innovate(on, n, parts)
    whitening.whiten(floor, terms, rules.other, on.quarter, rows)
    history = (rules.history_days, rules.history_observations, rules.dates_per_year)
    confirmed, mature = 0, charts.mark_mature(on.day, history, s)
    if mature > 0:
        confirmed = charts.watch(on.day, on.place, n, s, parts, chart)
    charts.rest(on.day, n, s, parts)
    usual = (chart.usual_rate, chart.shift_clip)
    dating.remember(on.day, chart.date_clip, start, (s, parts), window, usual)
    if mature > 0 and chart.large.least > 0:
        unit = chart.date_clip / dating.STEPS
        confirmed += large.look_back(start, (s, parts), window[:2], unit, chart.large)
    day = np.float32(on.day)
    for i in range(LANES):
        s[LAST_ROW + i] = blend(s[SEEN + i], day, s[LAST_ROW + i])
        s[OBSERVATIONS_ROW + i] += s[SEEN + i]
    if confirmed > 0:
        dates = (chart.date_clip, chart.date_tolerance)
        dating.conclude(on.day, start, (s, parts), window, dates)
    _weigh(n, on, s, rules, chart)
    _learn(n, terms, s, parts, pairs)
    _settle(terms, s)
    if chart.bare_rate > 0.0:
        _learn_bare(on.place, s, parts[VALUE : VALUE + LANES], chart)


@kernel
def absorb(
    days: np.ndarray,
    values: np.ndarray,
    bands: tuple[np.ndarray, np.ndarray],
    model: tuple[np.ndarray, np.ndarray],
    arrays: tuple[np.ndarray, ...],
    rules: HarmonicRules,
    chart: ChartRules,
) -> None:
    """Absorb dates, one after the other, into the state of every pixel, in place.

    Parameters
    ----------
    days
        ``(date,)`` int64, rising; proleptic Gregorian ordinals. [day]
    values
        ``(date, band, px)`` float32; NaN = not observed. [reflectance 0-1, or an index]
    bands
        Bands of red and near infrared, ``(2,)`` int64, where the first index is their normalised
        difference, else empty; and the band of each index, ``(index,)`` int64. The first index is
        greenness.
    model
        ``(term,)`` float64, variance of each coefficient before the first date [noise variance],
        3 or 5 of them; ``(index,)`` float64, variance of the noise before the first date, and
        added to it whenever an innovation is whitened [index²].
    arrays
        State, changed in place: coefficients ``(index, term, px)`` float32, covariance
        ``(packed, px)`` float32, noise ``(packed, px)`` float32, season ``(4, px)`` float32, bare
        ``(4, px)`` float32, shift ``(index, px)`` float32, usual ``(index, px)`` float32, sums
        ``(4, px)`` float32, days ``(6, px)`` int32 (0 = none), counts ``(3, px)`` int32, recent
        ``(window, index, px)`` int8, recent_days ``(window, px)`` uint16.
    rules, chart
        See `HarmonicRules` and `charts.ChartRules`.
    """
    prior, floor = model
    n = len(floor)
    rows = (
        np.zeros(SIZE, np.float32),
        np.zeros(n * INDEX_SIZE, np.float32),
        np.zeros(n * (n + 1) // 2 * PAIR_SIZE, np.float32),
    )
    x, tilt, swing = _calendar(days, len(prior), rules)
    if n == 1 and len(prior) == ONE_CYCLE and chart.usual_rate + chart.bare_rate == 0.0:
        given = (values, bands[1][0])
        one_index.absorb(days, (x, tilt, swing), given, model, arrays, rules, chart)
        return
    window = (arrays[10], arrays[11], np.empty(dating.WINDOW + n))
    width = values.shape[2]
    ahead = np.empty((len(days), values.shape[1], LANES), np.float32)
    for start in range(0, width, LANES):
        strips.read(arrays[:10], start, rows)
        count = min(LANES, width - start)
        strips.gather(values, start, ahead)
        for k in range(len(days)):
            seen, fresh = strips.observe(ahead[k], count, bands, rows[0], rows[1])
            if seen == 0:
                continue
            if fresh > 0:
                strips.begin(days[k], prior, floor, chart.bare_prior, rows)
            day = days[k]
            on = Terms(day, x[k], tilt[k], swing[k], season_of(day), position_of(day))
            _absorb_date(on, start, rows, window, model, rules, chart)
        strips.write(arrays[:10], start, rows)
