"""One date of a recursive robust harmonic model, for every pixel of a tile.

A pixel whose values hold a NaN was not observed on that date: nothing of it moves. Pixels do not
see one another, so the result does not depend on how an area was tiled.

The model of index ``b`` is ``y_b(t) = x(t)·β_b + noise`` with
``x = (1, cos ωt, sin ωt, cos 2ωt, sin 2ωt)``; β walks randomly, so there is no trend term. All
indices share the covariance ``P`` of β in units of the noise variance. Sources: Kalman filter of a
dynamic harmonic regression (Young et al. 1999, DOI 10.1002/(SICI)1099-131X(199911)18:6<369);
bounded innovations (Huber 1964, DOI 10.1214/aoms/1177703732); multivariate CUSUM by shrinking the
summed vector (Crosier 1988, DOI 10.1080/00401706.1988.10484402, eq. 2.3 to 2.5).
"""

from typing import NamedTuple

import numpy as np

from changedetect.kernels._jit import kernel
from changedetect.kernels.season import TERMS, YEAR_DAYS, regressors, season_of, slopes

FIRST_DAY, LAST_DAY, RUN_BEFORE, RUN_FIRST, BREAK_BEFORE, BREAK_AFTER = 0, 1, 2, 3, 4, 5
"""Places in the last axis of `days`."""

OBSERVATIONS, RUN = 0, 1
"""Places in the last axis of `counts`."""


class HarmonicRules(NamedTuple):
    """Numbers that steer `absorb`; the configuration section explains each."""

    process_per_day: float
    gap_days: float
    clip: float
    contradiction: float
    kept: float
    huber: float
    forgetting: float
    season_rate: float
    shift_days: float
    noise_weight: float
    allowance: float
    threshold: float
    freeze: float
    cap: float
    history_days: int
    history_observations: int
    dates_per_year: float
    confirm_days: int
    confirm_observations: int
    one_sided: int


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
def _jitter(
    coefficients: np.ndarray, tilt: np.ndarray, noise: np.ndarray, wide: np.ndarray
) -> None:
    """Set ``wide = noise + s sᵀ``, where ``s`` is what a shifted season does to each index."""
    for i in range(noise.shape[0]):
        first = 0.0
        for k in range(TERMS):
            first += coefficients[i, k] * tilt[k]
        for j in range(noise.shape[0]):
            second = 0.0
            for k in range(TERMS):
                second += coefficients[j, k] * tilt[k]
            wide[i, j] = noise[i, j] + first * second


@kernel
def _accumulate(z: np.ndarray, cusum: np.ndarray, rules: HarmonicRules) -> float:
    """Add a whitened innovation to the vector CUSUM and return its length (Crosier 1988).

    An innovation that hardly points along the sum contradicts it (our addition): the old state
    was seen again, so a cloud or snow that was missed before loses most of what it left behind.
    """
    n = z.shape[0]
    norm, along, summed = 0.0, 0.0, 0.0
    for i in range(n):
        norm += z[i] * z[i]
        along += z[i] * cusum[i]
        summed += cusum[i] * cusum[i]
    norm = np.sqrt(norm)
    scale = 1.0 if norm <= rules.clip else rules.clip / norm
    if along < rules.contradiction * np.sqrt(summed):
        for i in range(n):
            cusum[i] *= rules.kept
    length = 0.0
    for i in range(n):
        total = cusum[i] + scale * z[i]
        if i == 0 and ((rules.one_sided < 0 and total > 0) or (rules.one_sided > 0 and total < 0)):
            total = 0.0
        cusum[i] = total
        length += total * total
    length = np.sqrt(length)
    shrunk = min(max(length - rules.allowance, 0.0), rules.cap)
    factor = shrunk / length if length > 0.0 else 0.0
    for i in range(n):
        cusum[i] *= factor
    return float(shrunk)


@kernel
def _follow(
    day: int,
    before: float,
    after: float,
    days: np.ndarray,
    counts: np.ndarray,
    rules: HarmonicRules,
) -> bool:
    """Keep the date bracket of the deviation that may be under way; true = a break is confirmed.

    A date that adds nothing to the sum saw the old state. The new state is first seen when the
    sum passes the allowance; dates between are in doubt and stay inside the bracket.
    """
    if after == 0.0 or (after < before and after < rules.freeze):
        days[RUN_BEFORE] = day
        days[RUN_FIRST] = 0
        counts[RUN] = 0
        return False
    if days[RUN_FIRST] == 0:
        if after <= rules.allowance:
            return False
        days[RUN_FIRST] = day
    counts[RUN] += 1
    return (
        after > rules.threshold
        and counts[RUN] >= rules.confirm_observations
        and day - days[RUN_FIRST] >= rules.confirm_days
    )


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
    here: tuple[int, int],
    values: np.ndarray,
    prior: np.ndarray,
    noise_floor: np.ndarray,
    arrays: tuple[np.ndarray, ...],
) -> None:
    """Set a pixel back to what is known before its first clear date."""
    coefficients, covariance, noise, season, cusum, _, days, _ = arrays
    row, col = here
    days[row, col, FIRST_DAY] = day
    days[row, col, LAST_DAY] = day
    coefficients[row, col, :, :] = 0.0
    covariance[row, col, :] = 0.0
    noise[row, col, :] = 0.0
    season[row, col, :] = 1.0
    cusum[row, col, :] = 0.0
    k = 0
    for i in range(TERMS):
        covariance[row, col, k] = prior[i]
        k += TERMS - i
    k = 0
    for b in range(noise_floor.shape[0]):
        coefficients[row, col, b, 0] = values[b, row, col]
        noise[row, col, k] = noise_floor[b]
        k += noise_floor.shape[0] - b


@kernel
def _forecast(step: float, x: np.ndarray, covariance: np.ndarray, gain: np.ndarray) -> float:
    """Let the coefficients walk; set ``gain = P x`` and return ``1 + xᵀ P x``."""
    spread = 1.0
    for i in range(TERMS):
        covariance[i, i] += step
    for i in range(TERMS):
        gain[i] = 0.0
        for j in range(TERMS):
            gain[i] += covariance[i, j] * x[j]
        spread += gain[i] * x[i]
    return spread


@kernel
def _watch(
    day: int,
    z: np.ndarray,
    cusum: np.ndarray,
    days: np.ndarray,
    counts: np.ndarray,
    rules: HarmonicRules,
) -> float:
    """Follow the sum of a pixel; return its length, negative when a break is confirmed."""
    age = day - days[FIRST_DAY]
    enough = max(rules.history_observations, rules.dates_per_year * age / YEAR_DAYS)
    if age < rules.history_days or counts[OBSERVATIONS] < enough:
        days[RUN_BEFORE] = day
        days[RUN_FIRST] = 0
        counts[RUN] = 0
        return 0.0
    before = 0.0
    for b in range(z.shape[0]):
        before += cusum[b] * cusum[b]
    after = _accumulate(z, cusum, rules)
    return -after if _follow(day, np.sqrt(before), after, days, counts, rules) else after


@kernel
def _conclude(day: int, days: np.ndarray, counts: np.ndarray) -> None:
    """Note a confirmed break and have the model begin anew with the next clear date."""
    days[BREAK_BEFORE] = days[RUN_BEFORE]
    days[BREAK_AFTER] = days[RUN_FIRST]
    days[RUN_BEFORE] = day
    days[RUN_FIRST] = 0
    counts[RUN] = 0
    counts[OBSERVATIONS] = 0


@kernel
def absorb(
    day: int,
    values: np.ndarray,
    prior: np.ndarray,
    noise_floor: np.ndarray,
    arrays: tuple[np.ndarray, ...],
    rules: HarmonicRules,
) -> None:
    """Absorb one date into the state of every pixel, in place.

    Parameters
    ----------
    day
        Proleptic Gregorian ordinal. [day]
    values
        ``(index, y, x)`` float64; NaN = not observed.
    prior
        ``(term,)`` float64; variance of each coefficient before the first date. [noise variance]
    noise_floor
        ``(index,)`` float64; variance of the noise before the first date, and added to it
        whenever an innovation is whitened. [index²]
    arrays
        State, changed in place: coefficients ``(y, x, index, term)`` float32, covariance
        ``(y, x, 15)`` float32, noise ``(y, x, packed)`` float32, season ``(y, x, 4)`` float32, cusum
        ``(y, x, index)`` float32, score ``(y, x)`` float32, days ``(y, x, 6)`` int32 (0 = none), counts ``(y, x, 2)`` int32.
    rules
        See `HarmonicRules`.
    """
    coefficients, covariance, noise, season, cusum, score, days, counts = arrays
    n_index, height, width = values.shape
    x, quarter = regressors(day), season_of(day)
    tilt = slopes(day) * rules.shift_days
    p, r = np.zeros((TERMS, TERMS)), np.zeros((n_index, n_index))
    wide = np.zeros((n_index, n_index))
    factor, gain = np.zeros((n_index, n_index)), np.zeros(TERMS)
    innovation, z = np.zeros(n_index), np.zeros(n_index)
    for row in range(height):
        for col in range(width):
            if not np.isfinite(values[:, row, col]).all():
                continue
            here, tally, beta = days[row, col], counts[row, col], coefficients[row, col]
            if tally[OBSERVATIONS] == 0:
                _begin(day, (row, col), values, prior, noise_floor, arrays)
            _unpack(covariance[row, col], p)
            _unpack(noise[row, col], r)
            gap = min(day - here[LAST_DAY], rules.gap_days)
            spread = _forecast(rules.process_per_day * gap, x, p, gain)
            for b in range(n_index):
                innovation[b] = values[b, row, col]
                for i in range(TERMS):
                    innovation[b] -= beta[b, i] * x[i]
                z[b] = innovation[b] / np.sqrt(spread)
            _jitter(beta, tilt, r, wide)
            _whiten(wide, noise_floor, factor, z)
            square = np.sum(z * z)
            wider = max(1.0, season[row, col, quarter])
            z /= np.sqrt(wider)
            length = np.sqrt(square / wider)
            total = _watch(day, z, cusum[row, col], here, tally, rules)
            here[LAST_DAY] = day
            tally[OBSERVATIONS] += 1
            if total < 0.0:
                score[row, col] = -total
                cusum[row, col, :] = 0.0
                _conclude(day, here, tally)
            elif total <= rules.freeze:
                weight = 1.0 if length <= rules.huber else rules.huber / length
                _learn(innovation, weight, spread, gain, p, beta)
                _learn_noise(innovation, weight, spread, tally[OBSERVATIONS], r, rules)
                bounded = min(square / n_index, rules.clip * rules.clip)
                season[row, col, quarter] += rules.season_rate * (
                    bounded - season[row, col, quarter]
                )
                _pack(p, covariance[row, col])
                _pack(r, noise[row, col])
