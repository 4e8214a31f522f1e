"""What the last clear dates of a series say, long before a break can be confirmed.

A break is confirmed after half a dozen clear dates; a month has one to four. Their innovations lie
in the window of the state. The mean of the last ``k`` of them is far from none where ground left its
usual way ``k`` dates ago: ``k`` is not known, so each is held against what unchanged ground of the
same month has, and the least usual counts (Hinkley 1970, DOI 10.1093/biomet/57.1.1, section 2, for
the mean after an unknown date; that lengths of one month are read as quantiles of that month is our
addition: a wet spring moves all fields). Beyond one date each innovation is cut, so a cloud that
was missed does not make a change of two or three.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from changedetect.config.series import FusionSection, SeriesSection
from changedetect.kernels import charts, dating
from changedetect.stages.evidence import series
from changedetect.stages.evidence.series_state import SeriesState
from changedetect.stages.evidence.tail_null import SMALLEST, TailNull, TailRules, fit_null


@dataclass(frozen=True, slots=True)
class RecentShift:
    """How far the last clear dates lie from what was forecast.

    Attributes
    ----------
    length
        ``(k, y, x)`` float32; length of the mean innovation of the last 1, 2 … dates; NaN where
        fewer were seen. [sigma]
    days
        ``(k + 1, y, x)`` int32 ordinals; the last dates, the latest first; 0 = none. [day]
    """

    length: np.ndarray
    days: np.ndarray


@dataclass(frozen=True, slots=True)
class RecentNull:
    """What unchanged ground of a month has.

    Attributes
    ----------
    bodies
        Null of the length of the last 1, 2 … dates; None = too few pixels to tell.
    nulls
        Null of the least usual of them, by the number of dates that a pixel has.
    pixels
        How many pixels each of `nulls` was read from.
    """

    bodies: tuple[TailNull | None, ...]
    nulls: tuple[TailNull | None, ...]
    pixels: tuple[int, ...]


def recent_shift(
    state: SeriesState, since: date, settings: SeriesSection, cfg: FusionSection
) -> RecentShift:
    """Take the last innovations of each pixel from the window of its state.

    Parameters
    ----------
    state
        After the last date of the month.
    since
        Later dates count.
    settings, cfg
        Sections `series` and `fusion`.

    Returns
    -------
    RecentShift
        All NaN where the pixel is not mature yet, where nothing clear was seen since, or where no
        date before it is in the window (the model began anew: a break was confirmed).
    """
    dates, size, root = cfg.recent_dates, len(state.recent), np.sqrt(len(state.indices))
    unit = np.float32(settings.date_clip_sigma * root / dating.STEPS)
    cut = np.float32(cfg.recent_clip_sigma * root)
    written = state.counts[charts.WINDOWED]
    kept = np.minimum(written, size)
    alive = series.readiness(state, settings) == series.READY
    lengths = np.full((dates, *state.shape), np.nan, np.float32)
    days = np.zeros((dates + 1, *state.shape), np.int32)
    whole, clipped = _zeros(state), _zeros(state)
    for k in range(dates + 1):
        slot = ((written - 1 - k) % size)[None]
        day = np.take_along_axis(state.recent_days, slot, 0)[0].astype(np.int32)
        days[k] = np.where(k < kept, state.days[charts.FIRST_DAY] + day, 0)
        if k == dates:
            break
        alive = alive & (k + 1 < kept) & (days[k] > since.toordinal())
        z = np.take_along_axis(state.recent, slot[None], 0)[0] * unit - state.usual
        whole += z
        clipped += z * _cut_factor(z, cut)
        mean = (clipped if k else whole) / np.float32(k + 1)
        lengths[k] = np.where(alive, np.sqrt((mean * mean).sum(axis=0)), np.nan)
    return RecentShift(lengths, days)


def _zeros(state: SeriesState) -> np.ndarray:
    return np.zeros((len(state.indices), *state.shape), np.float32)


def _cut_factor(z: np.ndarray, cut: np.float32) -> np.ndarray:
    length = np.sqrt((z * z).sum(axis=0))
    return np.asarray(cut / np.maximum(length, cut))


def fit_recent(length: np.ndarray, cfg: FusionSection) -> RecentNull:
    """Read what unchanged ground has from the pixels of a month.

    Parameters
    ----------
    length
        ``(k, pixel)`` float32, as in `RecentShift`; pixels drawn from the whole area.
    cfg
        Section `fusion`.
    """
    bodies = tuple(_fitted(one[np.isfinite(one)], cfg) for one in length)
    extreme, dates = _least_usual(length, bodies)
    groups = [np.exp(extreme[dates == k + 1]) for k in range(len(length))]
    return RecentNull(
        bodies, tuple(_fitted(group, cfg) for group in groups), tuple(map(len, groups))
    )


def _fitted(length: np.ndarray, cfg: FusionSection) -> TailNull | None:
    if len(length) < cfg.recent_least_px:
        return None
    rules = TailRules(cfg.recent_null_shape, 1.0, cfg.recent_null_steps, cfg.recent_alarm_rate)
    return fit_null(length.astype(np.float64), rules)


def alarm_llr(cfg: FusionSection) -> float:
    """Return the evidence that the stated share of unchanged pixels reaches: the alarm where nothing else saw.

    The null is the same for any number of dates, once it is counted in its own scales.
    """
    scales = float(-np.log(2.0 * cfg.recent_alarm_rate)) ** (1.0 / cfg.recent_null_shape)
    return float(np.interp(scales, cfg.recent_scales, cfg.recent_llr))


def _least_usual(
    length: np.ndarray, bodies: tuple[TailNull | None, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return how unusual the least usual mean is [scales of its null], and how many dates there are.

    Minus infinity where nothing can be told.
    """
    extreme = np.full(length.shape[1:], -np.inf)
    for one, null in zip(length, bodies, strict=True):
        if null is not None:
            extreme = np.fmax(extreme, _scales(one, null))
    return extreme, np.isfinite(length).sum(axis=0)


def _scales(length: np.ndarray, null: TailNull) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        logs = np.log(np.maximum(length.astype(np.float64), SMALLEST))
    return np.asarray((logs - null.middle) / null.scale)


def _of(number: int, values: tuple[float, ...]) -> float:
    """Return the value for a number of dates; the last one holds for more."""
    return values[min(number, len(values)) - 1]


def judge_recent(
    shift: RecentShift, null: RecentNull, cfg: FusionSection
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tell what the last clear dates say.

    One date may say less than four, for change (a cloud that was missed) and against it.

    Parameters
    ----------
    shift, null
        Of the same month.
    cfg
        Section `fusion`.

    Returns
    -------
    tuple of ndarray
        ``(y, x)`` float64 log-likelihood ratio of change, NaN = not judged; and its bracket,
        ``(y, x)`` int32: the date before all that count, since any of them may have seen the new
        state, and the first of the least usual mean. [day]
    """
    extreme, dates = _least_usual(shift.length, null.bodies)
    llr = np.full(extreme.shape, np.nan)
    for number, one in enumerate(null.nulls, start=1):
        mine = (dates == number) & np.isfinite(extreme)
        if one is not None:
            scales = (extreme[mine] - one.middle) / one.scale
            says = np.interp(scales, cfg.recent_scales, cfg.recent_llr)
            low, high = _of(number, cfg.recent_deny_llr), _of(number, cfg.recent_most_llr)
            llr[mine] = np.clip(says, -low, high)
    place = np.zeros(extreme.shape, np.int64)
    for k, body in enumerate(null.bodies):
        if body is not None:
            place = np.where(_scales(shift.length[k], body) == extreme, k, place)
    after, before = (
        np.take_along_axis(shift.days, one[None], 0)[0] for one in (place, dates.astype(np.int64))
    )
    return llr, before, after
