"""Breaks in an optical time series, from a state that never re-reads history.

Each pixel carries a harmonic model of its season (`kernels.harmonic`), updated date by date.
Season, rice flooding, harvest and rotation are learnt; a break is a deviation that persists.
Before `min_history_days` there is no evidence: not observed, never unchanged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from changedetect.config.series import SeriesSection
from changedetect.errors import LayerError
from changedetect.kernels import charts, dating, harmonic, season
from changedetect.schema import EVIDENCE_NODATA, EVIDENCE_SCALE
from changedetect.stages.evidence.series_rules import (
    BANDS,
    chart_rules,
    learning_rules,
    noise_floor,
    prior_variance,
)
from changedetect.stages.evidence.series_state import STATE_VERSION, SeriesState, zeros

READY, NEVER_SEEN, TOO_SHORT, TOO_FEW_DATES = 0, 1, 2, 3
"""Why a pixel has no evidence: values of `readiness` (uint8)."""


@dataclass(frozen=True, slots=True)
class SeriesEvidence:
    """Evidence of a break between two dates.

    Attributes
    ----------
    llr
        ``(y, x)`` int16, `schema.EVIDENCE`.
    before_day, after_day
        ``(y, x)`` int32 ordinals; last clear date of the old state and first of the new one;
        0 = no deviation. [day]
    """

    llr: np.ndarray
    before_day: np.ndarray
    after_day: np.ndarray


def plan_indices(roles: Sequence[str]) -> tuple[str, ...]:
    """Return what can be modelled with these bands, greenness (NDVI) first.

    Bands beside greenness tell a roof or fresh earth from a field that is merely bare: their noise
    is small across the plane in which fields move between green, straw, soil and water.

    Raises
    ------
    LayerError
        Neither ``ndvi`` nor both ``red`` and ``nir`` are there.

    Examples
    --------
    >>> plan_indices(["blue", "green", "red", "nir", "swir1"])
    ('ndvi', 'blue', 'green', 'red', 'nir', 'swir1')
    >>> plan_indices(["ndvi"])
    ('ndvi',)
    """
    if "red" in roles and "nir" in roles:
        return ("ndvi", *(band for band in BANDS if band in roles))
    if "ndvi" in roles:
        return ("ndvi",)
    msg = f"bands {list(roles)} make no series: red and nir, or ndvi, are needed; check the profile"
    raise LayerError(msg)


def start(shape: tuple[int, int], roles: Sequence[str], cfg: SeriesSection) -> SeriesState:
    """Return the state of a tile of which nothing has been seen yet.

    Raises
    ------
    LayerError
        The bands can not make a series (see `plan_indices`).
    """
    indices = plan_indices(roles)
    count, terms = len(indices), len(prior_variance(cfg, len(indices)))
    arrays = zeros(
        {
            "coefficients": ((count, terms, *shape), np.float32),
            "covariance": ((terms * (terms + 1) // 2, *shape), np.float32),
            "noise": ((count * (count + 1) // 2, *shape), np.float32),
            "season": ((season.SEASONS, *shape), np.float32),
            "bare": ((season.SEASONS, *shape), np.float32),
            "shift": ((count, *shape), np.float32),
            "usual": ((count, *shape), np.float32),
            "sums": ((4, *shape), np.float32),
            "days": ((6, *shape), np.int32),
            "counts": ((3, *shape), np.int32),
            "recent": ((dating.WINDOW, count, *shape), np.int8),
            "recent_days": ((dating.WINDOW, *shape), np.uint16),
        }
    )
    arrays["season"].fill(1.0)
    return SeriesState(tuple(roles), indices, STATE_VERSION, last_day=0, dates=0, **arrays)


def _ratio(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    total = first + second
    return np.asarray(np.clip((first - second) / np.where(total > 0, total, np.nan), -1.0, 1.0))


def measure_indices(values: np.ndarray, roles: Sequence[str]) -> np.ndarray:
    """Turn bands into the indices of `plan_indices`.

    Parameters
    ----------
    values
        ``(band, y, x)`` float32; NaN = not observed. [reflectance 0-1; an index as it is]
    roles
        Role of each band.

    Returns
    -------
    ndarray
        ``(index, y, x)`` float64; NaN where a band is missing or red + nir is not positive.
    """
    band = {role: values[i].astype(np.float64) for i, role in enumerate(roles)}
    names = plan_indices(roles)
    if names == ("ndvi",):
        return np.asarray(band["ndvi"][None])
    return np.stack([_ratio(band["nir"], band["red"]), *(band[name] for name in names[1:])])


def update(state: SeriesState, day: date, values: np.ndarray, cfg: SeriesSection) -> SeriesState:
    """Absorb one date; the state handed in stays as it was. See `carry_on`.

    Parameters
    ----------
    state
        Of the same tile.
    day
        Date of the image.
    values
        ``(band, y, x)`` float32 in the order of ``state.roles``; NaN = not observed.
        [reflectance 0-1]
    cfg
        Section `series`.
    """
    return update_dates(state, (day,), values[None], cfg)


def update_dates(
    state: SeriesState, days: Sequence[date], values: np.ndarray, cfg: SeriesSection
) -> SeriesState:
    """Absorb dates, one after the other; the state handed in stays as it was. See `carry_on`."""
    _check_dates(state, days, values)
    if not days or days[-1].toordinal() == state.last_day:
        return state
    return carry_on(state.copy(), days, values, cfg)


def carry_on(
    state: SeriesState, days: Sequence[date], values: np.ndarray, cfg: SeriesSection
) -> SeriesState:
    """Absorb dates, one after the other, and use up the state handed in: its arrays are the new one's.

    A job follows a tile from month to month and needs none of the states on the way: to copy each
    would take as long as to absorb a date. Many dates at once are the same as one by one, and
    faster: the state is read and written once.

    Parameters
    ----------
    state
        Of the same tile; it must not be used any more, unless it comes back as it was (no date is
        new).
    days
        Dates of the images, rising; the date that was absorbed last is not absorbed again, so
        images of one date must be put together before.
    values
        ``(date, band, y, x)`` float32 in the order of ``state.roles``; NaN = not observed.
        [reflectance 0-1]
    cfg
        Section `series`.

    Raises
    ------
    LayerError
        The shape does not fit, or a date is older than the last one absorbed.
    """
    _check_dates(state, days, values)
    if not all(array.flags.carray for array in state.arrays()):
        state = state.copy()
    ordinals = np.array([day.toordinal() for day in days], np.int64)
    fresh = np.flatnonzero(ordinals > np.concatenate([[state.last_day], ordinals[:-1]]))
    if not len(fresh):
        return state
    if len(fresh) < len(ordinals):
        ordinals, values = ordinals[fresh], values[fresh]
    count, pixels = len(state.indices), state.shape[0] * state.shape[1]
    harmonic.absorb(
        ordinals,
        np.ascontiguousarray(values, np.float32).reshape(*values.shape[:2], pixels),
        _bands(state.roles),
        (prior_variance(cfg, count), noise_floor(cfg, state.indices)),
        tuple(array.reshape(*array.shape[:-2], pixels) for array in state.arrays()),
        learning_rules(cfg, count),
        chart_rules(cfg, count),
    )
    absorbed = state.dates + len(ordinals)
    return replace(state, last_day=int(ordinals[-1]), dates=absorbed)


def _check_dates(state: SeriesState, days: Sequence[date], values: np.ndarray) -> None:
    expected = (len(days), len(state.roles), *state.shape)
    if values.shape != expected:
        msg = (
            f"series: values {values.shape[1:]} found, {expected[1:]} (band, y, x) expected on "
            f"each of {[str(day) for day in days]}"
        )
        raise LayerError(msg)
    last = date.fromordinal(max(state.last_day, 1))
    for day in days:
        if day < last:
            msg = (
                f"series: {day} is older than {last}, the last date absorbed; dates must come in "
                "order: go back to the state of the month before and replay the late scene"
            )
            raise LayerError(msg)
        last = day


def _bands(roles: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the bands of the ratio that greenness is, if it is one, and the band of each index."""
    names = plan_indices(roles)
    if names == ("ndvi",):
        return np.zeros(0, np.int64), np.array([roles.index("ndvi")], np.int64)
    green = np.array([roles.index("red"), roles.index("nir")], np.int64)
    return green, np.array([green[1], *(roles.index(name) for name in names[1:])], np.int64)


def expected(state: SeriesState, day: date, cfg: SeriesSection) -> tuple[np.ndarray, np.ndarray]:
    """Return what every pixel should look like on a day, and how far off a clear date may be.

    Returns
    -------
    tuple of ndarray
        Both ``(index, y, x)`` float64: forecast, and 1 sigma of noise; NaN where nothing was seen.
    """
    x = season.regressors(day.toordinal())[: state.coefficients.shape[1]]
    mean = np.einsum("btyx,t->byx", state.coefficients.astype(np.float64), x)
    count = len(state.indices)
    diagonal = [row * count - row * (row - 1) // 2 for row in range(count)]
    floor = noise_floor(cfg, state.indices)[:, None, None]
    noise = state.noise[diagonal].astype(np.float64)
    unseen = state.counts[charts.OBSERVATIONS] == 0
    return np.where(unseen, np.nan, mean), np.where(unseen, np.nan, np.sqrt(noise + floor))


def alarm_threshold(state: SeriesState, cfg: SeriesSection) -> int:
    """Return the least quantised evidence of a confirmed break; a deviation under way stays below."""
    del state
    return int(np.rint((cfg.alarm_llr - cfg.quiet_llr) * EVIDENCE_SCALE))


def readiness(state: SeriesState, cfg: SeriesSection) -> np.ndarray:
    """Tell which pixels can be judged, and name what the others lack.

    Returns
    -------
    ndarray
        ``(y, x)`` uint8: `READY`; `NEVER_SEEN`, not one clear date since the start or the last
        break; `TOO_SHORT`, less than `min_history_days` of clear dates; `TOO_FEW_DATES`, fewer
        than `min_history_observations` or `min_dates_per_year`.
    """
    age = state.days[charts.LAST_DAY] - state.days[charts.FIRST_DAY]
    dates = state.counts[charts.OBSERVATIONS]
    # the last date was judged by those before it
    enough = np.maximum(
        cfg.min_history_observations, cfg.min_dates_per_year * age / season.YEAR_DAYS
    )
    few = dates - 1 < enough
    return np.select(
        [dates == 0, age < cfg.min_history_days, few],
        [np.uint8(NEVER_SEEN), np.uint8(TOO_SHORT), np.uint8(TOO_FEW_DATES)],
        np.uint8(READY),
    )


def evidence(state: SeriesState, since: date, until: date, cfg: SeriesSection) -> SeriesEvidence:
    """Tell where the land broke with its season after one date and up to another.

    A confirmed break counts `alarm_llr` times how far its chart went beyond the alarm. An
    unconfirmed deviation only takes back what quiet months say.

    Parameters
    ----------
    state
        After the last date that shall count.
    since, until
        Breaks whose new state was first seen in ``(since, until]``.
    cfg
        Section `series`.

    Returns
    -------
    SeriesEvidence
        Not observed where the model is still in its first year, or saw no clear date in the
        window and no break.

    Raises
    ------
    LayerError
        ``until`` is not after ``since``.
    """
    if until <= since:
        msg = f"series: window ({since}, {until}] is empty; the later date must come second"
        raise LayerError(msg)
    low, high = since.toordinal(), until.toordinal()
    days = state.days

    def inside(after: np.ndarray) -> np.ndarray:
        return (after > low) & (after <= high)

    broken = inside(days[charts.BREAK_AFTER])
    running = ~broken & inside(days[charts.RUN_FIRST])
    last = days[charts.LAST_DAY]
    mature = readiness(state, cfg) == READY
    seen = broken | (mature & (last > low))
    sums = state.sums.astype(np.float64)
    unconfirmed = np.where(running, cfg.alarm_llr * sums[charts.STRENGTH], 0.0) - cfg.quiet_llr
    confirmed = cfg.alarm_llr * sums[charts.SCORE] - cfg.quiet_llr
    llr = np.where(broken, confirmed, np.minimum(unconfirmed, cfg.unconfirmed_llr))
    scaled = np.clip(np.rint(llr * EVIDENCE_SCALE), EVIDENCE_NODATA + 1, -(EVIDENCE_NODATA + 1))
    before = np.where(broken, days[charts.BREAK_BEFORE], days[charts.RUN_BEFORE])
    after = np.where(broken, days[charts.BREAK_AFTER], days[charts.RUN_FIRST])
    dated = seen & (broken | running)
    return SeriesEvidence(
        llr=np.where(seen, scaled, EVIDENCE_NODATA).astype(np.int16),
        before_day=np.where(dated, before, 0).astype(np.int32),
        after_day=np.where(dated, after, 0).astype(np.int32),
    )
