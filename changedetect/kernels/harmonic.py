"""One date of a recursive robust harmonic model, for every pixel of a tile.

A pixel whose values hold a NaN was not observed on that date: nothing of it moves. Pixels do not
see one another, so the result does not depend on how an area was tiled.

The model of index ``b`` is ``y_b(t) = x(t)·β_b + noise`` with the first terms of
``x = (1, cos ωt, sin ωt, cos 2ωt, sin 2ωt)``; β walks randomly, so there is no trend term. All
indices share the covariance ``P`` of β in units of the noise variance. Sources: Kalman filter of a
dynamic harmonic regression (Young et al. 1999, DOI 10.1002/(SICI)1099-131X(199911)18:6<369, eq. 7
and 8); bounded innovations (Huber 1964, DOI 10.1214/aoms/1177703732, eq. 1.3). What a confirmed
deviation is stands in `charts`.
"""

from typing import NamedTuple

import numpy as np

from changedetect.kernels import charts, dating
from changedetect.kernels._jit import kernel
from changedetect.kernels.charts import FIRST_DAY, LAST_DAY, OBSERVATIONS, WINDOWED, ChartRules
from changedetect.kernels.season import YEAR_DAYS, position_of, regressors, season_of, slopes


class HarmonicRules(NamedTuple):
    """Numbers that steer `absorb`; the configuration section explains each."""

    process_per_day: float
    gap_days: float
    huber: float
    forgetting: float
    noise_weight: float
    season_rate: float
    season_cap: float
    shift_days: float
    amplitude: float
    other: float
    history_days: int
    history_observations: int
    dates_per_year: float


@kernel
def _unpack(packed: np.ndarray, full: np.ndarray) -> None:
    """Spread the packed upper triangle over a symmetric matrix."""
    k = 0
    for i in range(full.shape[0]):
        for j in range(i, full.shape[0]):
            full[i, j] = packed[k]
            full[j, i] = packed[k]
            k += 1


@kernel
def _pack(full: np.ndarray, packed: np.ndarray) -> None:
    """Store the upper triangle of a symmetric matrix."""
    k = 0
    for i in range(full.shape[0]):
        for j in range(i, full.shape[0]):
            packed[k] = full[i, j]
            k += 1


@kernel
def _whiten(matrix: np.ndarray, floor: np.ndarray, factor: np.ndarray, vector: np.ndarray) -> None:
    """Overwrite ``vector`` with ``L⁻¹ vector`` where ``L Lᵀ = matrix + diag(floor)``."""
    n = matrix.shape[0]
    for i in range(n):
        for j in range(i + 1):
            total = matrix[i, j]
            if i == j:
                total += floor[i]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                factor[i, i] = np.sqrt(max(total, floor[i] * 0.01))
            else:
                factor[i, j] = total / factor[j, j]
    for i in range(n):
        total = vector[i]
        for k in range(i):
            total -= factor[i, k] * vector[k]
        vector[i] = total / factor[i, i]


@kernel
def _add_outer(
    coefficients: np.ndarray, terms: np.ndarray, weight: float, matrix: np.ndarray
) -> None:
    """Add ``s sᵀ`` with ``s = weight · coefficients · terms`` to a matrix."""
    n = matrix.shape[0]
    for i in range(n):
        first = 0.0
        for k in range(coefficients.shape[1]):
            first += coefficients[i, k] * terms[k]
        for j in range(n):
            second = 0.0
            for k in range(coefficients.shape[1]):
                second += coefficients[j, k] * terms[k]
            matrix[i, j] += weight * weight * first * second


@kernel
def _add_season(coefficients: np.ndarray, part: float, matrix: np.ndarray) -> None:
    """Add the covariance that the season itself has over the year, times ``part²``."""
    n = matrix.shape[0]
    for i in range(n):
        for j in range(n):
            total = 0.0
            for k in range(1, coefficients.shape[1]):
                total += coefficients[i, k] * coefficients[j, k]
            matrix[i, j] += 0.5 * part * part * total


@kernel
def _learn(
    innovation: np.ndarray,
    weight: float,
    spread: float,
    gain: np.ndarray,
    covariance: np.ndarray,
    coefficients: np.ndarray,
) -> None:
    """Kalman update of the coefficients with a bounded innovation."""
    n = gain.shape[0]
    for b in range(innovation.shape[0]):
        for i in range(n):
            coefficients[b, i] += gain[i] / spread * weight * innovation[b]
    for i in range(n):
        for j in range(n):
            covariance[i, j] -= gain[i] * gain[j] / spread


@kernel
def _learn_noise(
    innovation: np.ndarray,
    weight: float,
    spread: float,
    observations: int,
    noise: np.ndarray,
    rules: HarmonicRules,
) -> None:
    """Follow the covariance of the noise with a bounded innovation."""
    rate = max(rules.forgetting, 1.0 / (observations + rules.noise_weight))
    for i in range(innovation.shape[0]):
        for j in range(innovation.shape[0]):
            product = weight * weight * innovation[i] * innovation[j] / spread
            noise[i, j] += rate * (product - noise[i, j])


@kernel
def _begin(
    day: int,
    values: np.ndarray,
    prior: np.ndarray,
    noise_floor: np.ndarray,
    bare_prior: float,
    pixel: tuple[np.ndarray, ...],
) -> None:
    """Set a pixel back to what is known before its first clear date."""
    coefficients, covariance, noise, season, bare, days = pixel
    days[FIRST_DAY] = day
    days[LAST_DAY] = day
    coefficients[:, :] = 0.0
    covariance[:] = 0.0
    noise[:] = 0.0
    season[:] = 1.0
    bare[:] = bare_prior
    k = 0
    for i in range(prior.shape[0]):
        covariance[k] = prior[i]
        k += prior.shape[0] - i
    k = 0
    for b in range(noise_floor.shape[0]):
        coefficients[b, 0] = values[b]
        noise[k] = noise_floor[b]
        k += noise_floor.shape[0] - b


@kernel
def _forecast(step: float, x: np.ndarray, covariance: np.ndarray, gain: np.ndarray) -> float:
    """Let the coefficients walk; set ``gain = P x`` and return ``1 + xᵀ P x``."""
    spread = 1.0
    n = gain.shape[0]
    for i in range(n):
        covariance[i, i] += step
    for i in range(n):
        gain[i] = 0.0
        for j in range(n):
            gain[i] += covariance[i, j] * x[j]
        spread += gain[i] * x[i]
    return spread


@kernel
def _is_mature(day: int, days: np.ndarray, counts: np.ndarray, rules: HarmonicRules) -> bool:
    """Whether there is enough history to judge a date by."""
    age = day - days[FIRST_DAY]
    enough = max(rules.history_observations, rules.dates_per_year * age / YEAR_DAYS)
    return bool(age >= rules.history_days and counts[OBSERVATIONS] >= enough)


@kernel
def _learn_bare(value: float, place: float, bare: np.ndarray, rules: ChartRules) -> None:
    """Follow how often each quarter of the year looked bare."""
    low = int(np.floor(place)) % bare.shape[0]
    high, part = (low + 1) % bare.shape[0], place - np.floor(place)
    seen = 1.0 if value < rules.bare_level + rules.bare_sd else 0.0
    bare[low] += rules.bare_rate * (1.0 - part) * (seen - bare[low])
    bare[high] += rules.bare_rate * part * (seen - bare[high])


@kernel
def _bare_share(place: float, bare: np.ndarray) -> float:
    """Return how often this part of the year looked bare, between the middles of quarters."""
    low = int(np.floor(place)) % bare.shape[0]
    part = place - np.floor(place)
    return float((1.0 - part) * bare[low] + part * bare[(low + 1) % bare.shape[0]])


@kernel
def absorb(
    day: int,
    values: np.ndarray,
    prior: np.ndarray,
    noise_floor: np.ndarray,
    arrays: tuple[np.ndarray, ...],
    rules: HarmonicRules,
    chart: ChartRules,
) -> None:
    """Absorb one date into the state of every pixel, in place.

    Parameters
    ----------
    day
        Proleptic Gregorian ordinal. [day]
    values
        ``(index, y, x)`` float64; NaN = not observed. The first index is greenness.
    prior
        ``(term,)`` float64; variance of each coefficient before the first date. [noise variance]
    noise_floor
        ``(index,)`` float64; variance of the noise before the first date, and added to it
        whenever an innovation is whitened. [index²]
    arrays
        State, changed in place: coefficients ``(y, x, index, term)`` float32, covariance
        ``(y, x, packed)`` float32, noise ``(y, x, packed)`` float32, season ``(y, x, 4)``
        float32, bare ``(y, x, 4)`` float32, shift ``(y, x, index)`` float32, sums ``(y, x, 4)``
        float32, days ``(y, x, 6)`` int32 (0 = none), counts ``(y, x, 3)`` int32, recent
        ``(y, x, window, index)`` int8, recent_days ``(y, x, window)`` uint16.
    rules, chart
        See `HarmonicRules` and `charts.ChartRules`.
    """
    (
        coefficients,
        covariance,
        noise,
        season,
        bare,
        shift,
        sums,
        days,
        counts,
        recent,
        recent_days,
    ) = arrays
    n_index, height, width = values.shape
    terms = prior.shape[0]
    x, tilt = regressors(day)[:terms], slopes(day)[:terms]
    swing = x.copy()
    swing[0] = 0.0
    quarter, place = season_of(day), position_of(day)
    p, r = np.zeros((terms, terms)), np.zeros((n_index, n_index))
    wide, factor = np.zeros((n_index, n_index)), np.zeros((n_index, n_index))
    gain, innovation, z = np.zeros(terms), np.zeros(n_index), np.zeros(n_index)
    for row in range(height):
        for col in range(width):
            value = values[:, row, col]
            if not np.isfinite(value).all():
                continue
            here, tally, beta = days[row, col], counts[row, col], coefficients[row, col]
            mean, summed, empty = shift[row, col], sums[row, col], bare[row, col]
            if tally[OBSERVATIONS] == 0:
                pixel = (beta, covariance[row, col], noise[row, col], season[row, col], empty, here)
                _begin(day, value, prior, noise_floor, chart.bare_prior, pixel)
            _unpack(covariance[row, col], p)
            _unpack(noise[row, col], r)
            gap = min(day - here[LAST_DAY], rules.gap_days)
            spread = _forecast(rules.process_per_day * gap, x, p, gain)
            for b in range(n_index):
                innovation[b] = value[b]
                for i in range(terms):
                    innovation[b] -= beta[b, i] * x[i]
                z[b] = innovation[b] / np.sqrt(spread)
            wide[:, :] = r
            _add_outer(beta, tilt, rules.shift_days, wide)
            variance = (wide[0, 0] + noise_floor[0]) * spread
            _add_outer(beta, swing, rules.amplitude, wide)
            _add_season(beta, rules.other, wide)
            _whiten(wide, noise_floor, factor, z)
            square = np.sum(z * z)
            wider = max(1.0, season[row, col, quarter])
            z /= np.sqrt(wider)
            confirmed = False
            if _is_mature(day, here, tally, rules):
                window = (recent[row, col], recent_days[row, col])
                dating.remember(z, chart.date_clip, day - here[FIRST_DAY], tally[WINDOWED], *window)
                tally[WINDOWED] += 1
                step = charts.loss_step(
                    value[0],
                    value[0] - innovation[0],
                    variance * wider,
                    _bare_share(place, empty),
                    chart,
                )
                verdict = charts.watch(step, z, mean, summed, chart)
                confirmed = charts.follow(day, verdict, summed, here, tally, chart)
                if not confirmed and charts.is_stale(day, here, chart):
                    charts.rest(day, mean, summed, here, tally)
            else:
                charts.rest(day, mean, summed, here, tally)
            if tally[WINDOWED] == 0:  # at rest: this date saw the old state
                window = (recent[row, col], recent_days[row, col])
                dating.remember(z, chart.date_clip, day - here[FIRST_DAY], 0, *window)
                tally[WINDOWED] = 1
            here[LAST_DAY] = day
            tally[OBSERVATIONS] += 1
            if confirmed:
                window = (recent[row, col], recent_days[row, col])
                charts.conclude(day, mean, summed, here, tally, window, chart)
            elif charts.may_learn(summed, mean, chart):
                length = np.sqrt(square / wider)
                weight = 1.0 if length <= rules.huber else rules.huber / length
                _learn(innovation, weight, spread, gain, p, beta)
                _learn_noise(innovation, weight, spread, tally[OBSERVATIONS], r, rules)
                bounded = min(square / n_index, rules.season_cap)
                season[row, col, quarter] += rules.season_rate * (
                    bounded - season[row, col, quarter]
                )
                _learn_bare(value[0], place, empty, chart)
                _pack(p, covariance[row, col])
                _pack(r, noise[row, col])
