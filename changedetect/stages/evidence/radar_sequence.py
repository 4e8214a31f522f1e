"""The sequential omnibus test: a radar series month by month, in constant memory.

Running sums per pixel hold what all dates since the last change have in common; a new date is
tested against them (Conradsen et al. 2016, doi:10.1109/TGRS.2015.2510160, statistics Q and R; in the
diagonal form for VV and VH of Canty et al. 2020, doi:10.3390/rs12010046). Where it differs, the
change lies between the last date seen and this one, and the sums start anew from it.

Images are averaged to a number of looks first, without which the test is blind (4.4 looks find 12%
of 3 dB steps, 20 looks 88%). A wrong number of looks scales the statistic of every pixel alike, so
the median of the statistics is brought back to what chance gives: an estimate 30% too high does
no harm, and what the weather did to most of the ground is no change. That median moves when more
than half of the ground changes.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtr, chdtri

from changedetect.config.radar import RadarSection
from changedetect.errors import LayerError
from changedetect.kernels import omnibus, speckle
from changedetect.schema import EVIDENCE_NODATA, EVIDENCE_SCALE


@dataclass(frozen=True, slots=True)
class SequenceState:
    """What is remembered of a series, of any length.

    Attributes
    ----------
    count
        ``(y, x)`` int64; dates since the last change, 0 = never observed.
    log_sum, total
        ``(polarisation, y, x)`` float64; sums of logarithms and of intensities since then.
    last_day
        ``(y, x)`` int32; ordinal day on which the pixel was last seen, 0 = never.
    """

    count: np.ndarray
    log_sum: np.ndarray
    total: np.ndarray
    last_day: np.ndarray


@dataclass(frozen=True, slots=True)
class SequenceStep:
    """What one date said.

    Attributes
    ----------
    state
        To go on from.
    probability
        ``(y, x)`` float64; chance of a date so different without change, NaN = not observed or
        nothing to compare with.
    llr
        ``(y, x)`` int16, `schema.EVIDENCE`.
    before_day, after_day
        ``(y, x)`` int32 ordinal days between which a change lies, 0 where none is found.
    """

    state: SequenceState
    probability: np.ndarray
    llr: np.ndarray
    before_day: np.ndarray
    after_day: np.ndarray


def begin_sequence(shape: tuple[int, int, int]) -> SequenceState:
    """Return the state before the first date, for ``(polarisation, y, x)`` images."""
    plane = shape[1:]
    return SequenceState(
        np.zeros(plane, np.int64), np.zeros(shape), np.zeros(shape), np.zeros(plane, np.int32)
    )


def average_looks(
    image_db: np.ndarray, looks: float, cfg: RadarSection
) -> tuple[np.ndarray, float]:
    """Average intensities over the smallest square window that gives enough looks.

    Parameters
    ----------
    image_db
        ``(polarisation, y, x)`` float32, one date; NaN = not observed. [dB]
    looks
        Equivalent number of looks of a pixel (`estimate_looks`).
    cfg
        Section `radar`: `sequence_looks`.

    Returns
    -------
    tuple
        ``(polarisation, y, x)`` float64 intensity, NaN where the pixel itself was not observed,
        and the looks of the average if pixels were independent (correlated speckle has fewer; the
        test sees to it).
    """
    radius = 0
    while looks * (2 * radius + 1) ** 2 < cfg.sequence_looks:
        radius += 1
    unit = np.power(10.0, -cfg.floor_db / 10.0) * speckle.UNIT
    means = []
    for band in image_db:
        seen = np.isfinite(band)
        power = np.power(10.0, np.maximum(band.astype(np.float64), cfg.floor_db) / 10.0)
        whole = np.where(seen, np.rint(np.where(seen, power, 0.0) * unit), 0).astype(np.int64)
        count = np.maximum(speckle.box_sum(seen.astype(np.int64), radius), 1)
        means.append(np.where(seen, speckle.box_sum(whole, radius) / (count * unit), np.nan))
    return np.stack(means), looks * (2 * radius + 1) ** 2


def chance_of(
    statistic: np.ndarray, looks: float, dates: np.ndarray, channels: int, *, last_only: bool
) -> np.ndarray:
    """Return the chance of a smaller likelihood ratio where nothing changed.

    Conradsen et al. 2016: the chi-squared approximations of Q (`last_only` false) and of R, with
    p = 1 per channel: freedom f, rho, and omega = -f (1 - 1 / rho)² / 4.

    Parameters
    ----------
    statistic
        ``ln Q`` or ``ln R`` per look.
    looks
        Of the images that were summed.
    dates
        Number of dates, the newest included; same shape.
    channels
        Polarisations.
    last_only
        The newest date against the rest (R), or all dates alike (Q).
    """
    k = np.maximum(dates, 2).astype(np.float64)
    if last_only:
        freedom = np.full(k.shape, float(channels))
        rho = 1.0 - (1.0 + 1.0 / (k * (k - 1.0))) / (6.0 * looks)
    else:
        freedom = (k - 1.0) * channels
        rho = 1.0 - (k + 1.0) / (6.0 * k * looks)
    omega = -0.25 * freedom * np.square(1.0 - 1.0 / rho)
    z = np.maximum(-2.0 * rho * looks * statistic, 0.0)
    below = (1.0 - omega) * chdtr(freedom, z) + omega * chdtr(freedom + 4.0, z)
    return np.where(np.isfinite(statistic), np.clip(1.0 - below, 0.0, 1.0), np.nan)


def inflation_of(statistic: np.ndarray, looks: float, channels: int) -> float:
    """Return by how much the median of ``-2 n ln R`` exceeds what chance gives, at least 1.

    Parameters
    ----------
    statistic
        ``ln R`` per look; of the whole area or sample blocks of it, the same for all tiles.
    looks, channels
        As the test is told.
    """
    seen = statistic[np.isfinite(statistic)]
    if not seen.size:
        return 1.0
    typical = float(np.median(-2.0 * looks * seen))
    return max(1.0, typical / float(chdtri(channels, 0.5)))


def last_against_rest(state: SequenceState, intensity: np.ndarray) -> np.ndarray:
    """Return ``ln R`` per look of a date against a state, NaN = nothing to compare; for samples."""
    return omnibus.extend(state.count, state.log_sum, state.total, intensity)[4]


def extend_sequence(
    state: SequenceState,
    intensity: np.ndarray,
    day: int,
    calibration: tuple[float, float],
    cfg: RadarSection,
) -> SequenceStep:
    """Add one date to a series and tell where it differs.

    Parameters
    ----------
    state
        Of the dates before, oldest first; the same grid.
    intensity
        ``(polarisation, y, x)`` float64 from `average_looks`; NaN = not observed.
    day
        Ordinal day of the date, later than all before.
    calibration
        Looks of the averaged images, and `inflation_of` of this date.
    cfg
        Section `radar`: `sequence_alarm_rate`.

    Returns
    -------
    SequenceStep
        Evidence: the upper bound of the Bayes factor that a chance p allows,
        ``-ln(-e p ln p)`` (Sellke et al. 2001, doi:10.1198/000313001300339950), 0 above
        p = 1/e.

    Raises
    ------
    LayerError
        Another shape than the state's, or a day that is not later.
    """
    if intensity.shape != state.total.shape or day <= int(state.last_day.max(initial=0)):
        msg = (
            f"radar series: image {intensity.shape} of day {day}; {state.total.shape} and a day "
            f"after {int(state.last_day.max(initial=0))} expected; give dates in order of time"
        )
        raise LayerError(msg)
    looks, inflation = calibration
    count, logs, total, _, alike = omnibus.extend(
        state.count, state.log_sum, state.total, intensity
    )
    chance = chance_of(alike / inflation, looks, count, intensity.shape[0], last_only=True)
    seen = count > state.count
    changed = np.isfinite(chance) & (chance < cfg.sequence_alarm_rate)
    restart = np.where(changed, intensity, 1.0)
    new = SequenceState(
        np.where(changed, 1, count),
        np.where(changed, np.log(restart), logs),
        np.where(changed, restart, total),
        np.where(seen, day, state.last_day).astype(np.int32),
    )
    return SequenceStep(
        new,
        chance,
        _evidence(chance, cfg),
        np.where(changed, state.last_day, 0).astype(np.int32),
        np.where(changed, day, 0).astype(np.int32),
    )


def _evidence(chance: np.ndarray, cfg: RadarSection) -> np.ndarray:
    """Turn chances into quantised evidence."""
    seen = np.isfinite(chance)
    least = np.exp(-cfg.clip_llr - 10.0)
    p = np.clip(np.where(seen, chance, 1.0), least, np.exp(-1.0))
    llr = np.minimum(-np.log(-np.e * p * np.log(p)), cfg.clip_llr)
    return np.where(seen, np.rint(llr * EVIDENCE_SCALE), EVIDENCE_NODATA).astype(np.int16)
