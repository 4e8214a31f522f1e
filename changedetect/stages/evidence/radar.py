"""Change in radar images, of one pair of dates or of a month against all dates before it.

One way in, two measures. With few dates before (fewer than `course_least_dates`), the mean
intensities of both sides are compared: a signed log-ratio, filtered twice under a guide, against a
null taken from the images themselves, with statistics that a few per cent of change, or a third of
the image, do not move. **A month: give all dates before it and the dates in it** (best six or more
before, more than a year of them better still; one to three after, same orbit, in order of time). Then each pixel is compared with what
ground of its kind usually returned after its own past (`radar_course`), so that a season is no
change; change may lie before any of the last three dates. Averaging: in time on both sides, in
space by an edge-keeping filter, 20 looks and more together from two dates of 4 looks on. Terrain
(layover, shadow: `radar_terrain`) is no data before it comes here. No threshold is read from the
shape of a histogram with two modes.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import polygamma

from changedetect.config.radar import RadarSection
from changedetect.errors import LayerError
from changedetect.schema import EVIDENCE_NODATA, EVIDENCE_SCALE
from changedetect.stages.evidence.radar_course import (
    Days,
    Samples,
    UsualCourse,
    course_distance,
    fit_course,
)
from changedetect.stages.evidence.radar_looks import estimate_looks, shortest_half
from changedetect.stages.evidence.radar_ratio import measure_ratio
from changedetect.stages.evidence.tail_null import TailRules, fit_null

NORMAL_SHARE, NORMAL_WIDTH = 0.95, 1.959963984540054
"""Share of a normal distribution that lies within so many sigma."""


@dataclass(frozen=True, slots=True)
class RadarModel:
    """What the ratio of two radar stacks looks like where nothing changed.

    Attributes
    ----------
    looks
        Equivalent number of looks of one date, per polarisation.
    soften
        Added to amplitudes before the ratio, per polarisation. [amplitude]
    centre
        Middle of the filtered log-ratio (calibration, soil moisture of the day), per
        polarisation. [neper of intensity]
    scale
        Its spread from speckle and texture, per polarisation. [neper of intensity]
    surface
        What the surface does from one date to the next, per polarisation. [neper of intensity]
    correlation
        Between the two polarisations' ratios; 0 with one polarisation.
    dates
        Harmonic mean of the numbers of dates on both sides, in the samples.
    pixels
        How many pixels told.
    threshold
        Alarm at or above this evidence (log-likelihood ratio × 100).
    false_alarm_rate
        Share of unchanged pixels that the threshold is expected to alarm.
    course
        What ground of each kind usually returns; None with few dates before.
    """

    looks: tuple[float, ...]
    soften: tuple[float, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    surface: tuple[float, ...]
    correlation: float
    dates: float
    pixels: int
    threshold: int = 0
    false_alarm_rate: float = 0.0
    course: UsualCourse | None = None


def radar_halo_px(cfg: RadarSection) -> int:
    """Return what a tile must read beyond its core so that its core is exact. [px]

    One pixel for the guide's 3 × 3 mean, two radii for each pass of the guided filter, and the
    window in which residuals from a course are averaged.
    """
    pair = 2 * cfg.guide_radius_px * cfg.guide_passes
    course = 2 * cfg.course_radius_px * cfg.course_passes + cfg.course_smooth_px
    return 1 + max(pair, course)


def amplitude_to_db(amplitude: np.ndarray) -> np.ndarray:
    """Turn an uncalibrated amplitude image into decibel against amplitude 1.

    Parameters
    ----------
    amplitude
        Any shape, stored amplitudes; below 1 counts as 1, NaN = not observed.

    Returns
    -------
    ndarray
        float32. [dB]
    """
    decibel: np.ndarray = 20.0 * np.log10(np.maximum(amplitude, 1.0))
    return decibel.astype(np.float32)


def _check(before: np.ndarray, after: np.ndarray) -> None:
    if before.ndim != 4 or after.ndim != 4 or before.shape[1:] != after.shape[1:]:  # noqa: PLR2004
        msg = (
            f"radar: stacks {before.shape} before and {after.shape} after found; two "
            "(date, polarisation, y, x) stacks of the same polarisations and pixels are needed"
        )
        raise LayerError(msg)
    if before.shape[1] not in {1, 2} or 0 in before.shape or 0 in after.shape:
        msg = (
            f"radar: stacks {before.shape} and {after.shape} found; one or two polarisations and "
            "at least one date on each side are needed"
        )
        raise LayerError(msg)


def _soften(samples: Samples, band: int, cfg: RadarSection) -> float:
    """Return the part of the samples' median amplitude that is added to every amplitude."""
    level_db = [stack[:, band][np.isfinite(stack[:, band])] for pair in samples for stack in pair]
    seen = np.concatenate(level_db)
    if seen.size == 0:
        return 0.0
    return float(cfg.soften_frac * np.power(10.0, float(np.median(seen)) / 20.0))


def _least_scale(looks: float, dates: float, cfg: RadarSection) -> float:
    """Return the spread that speckle alone leaves after averaging over a window."""
    window_px = (2 * cfg.guide_radius_px + 1) ** 2
    return float(np.sqrt(2.0 * polygamma(1, looks * max(dates, 1.0)) / window_px))


def _surface(samples: Samples, band: int, soften: float, cfg: RadarSection) -> float:
    """Return what 95% of the ground does between neighbouring dates of one side, as one sigma.

    With a single date on each side there is nothing to compare: `surface_sd_neper` is assumed.
    """
    moved = []
    for stack in (side for pair in samples for side in pair):
        for i in range(stack.shape[0] - 1):
            ratio, _ = measure_ratio(
                stack[i : i + 1, band], stack[i + 1 : i + 2, band], soften, cfg
            )
            seen = ratio[np.isfinite(ratio)]
            if seen.size:
                moved.append(np.abs(seen - np.median(seen)))
    if not moved:
        return cfg.surface_sd_neper
    measured = float(np.quantile(np.concatenate(moved), NORMAL_SHARE)) / NORMAL_WIDTH
    return min(max(measured, cfg.surface_least_neper), cfg.surface_sd_neper)


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Quadrant correlation, carried to the normal scale (Blomqvist 1950)."""
    agree = np.sign(first) * np.sign(second)
    return float(np.clip(np.sin(np.pi / 2 * agree.mean()), -0.95, 0.95))


def fit_radar(samples: Samples, cfg: RadarSection, days: Days | None = None) -> RadarModel:
    """Learn from stacks of the same orbit what "nothing changed" looks like.

    Parameters
    ----------
    samples
        Pairs (before, after) of ``(date, polarisation, y, x)`` float32 stacks, NaN = not observed
        [dB], in order of time; of the month that is judged itself, blocks spread over the area
        (the fits are trimmed: some per cent of change do not move them).
    cfg
        Section `radar`.
    days
        Of the dates before and after; with them, dates that reach back a year tell what the same
        weeks of last year returned.

    Raises
    ------
    LayerError
        No samples, shapes that do not fit, or fewer than 100 pixels seen on both sides.
    """
    _check_samples(samples)
    _check_days(samples, days)
    model = _fit_ratio(samples, cfg)
    counts = {(before.shape[0], after.shape[0]) for before, after in samples}
    if len(counts) > 1 or min(counts)[0] < cfg.course_least_dates:
        return replace(model, false_alarm_rate=_stated_rate(samples, model, cfg))
    course = fit_course(samples, cfg, days)
    null = course.null
    return replace(
        model, threshold=null.threshold, false_alarm_rate=null.false_alarm_rate, course=course
    )


def _check_samples(samples: Samples) -> None:
    if not samples:
        msg = "radar: no sample stacks; at least one (before, after) pair is needed"
        raise LayerError(msg)
    for before, after in samples:
        _check(before, after)


def _check_days(samples: Samples, days: Days | None) -> None:
    if days is None:
        return
    counts = {(before.shape[0], after.shape[0]) for before, after in samples}
    told = (len(days[0]), len(days[1]))
    if counts != {told} or [*days[0], *days[1]] != sorted([*days[0], *days[1]]):
        msg = (
            f"radar: days of {told[0]} dates before and {told[1]} after, stacks of "
            f"{sorted(counts)}; one day a date is needed, in order of time"
        )
        raise LayerError(msg)


def _fit_ratio(samples: Samples, cfg: RadarSection) -> RadarModel:
    """Learn the null of the log-ratio."""
    bands = samples[0][0].shape[1]
    soften = tuple(_soften(samples, band, cfg) for band in range(bands))
    ratios, typical = _sample_ratios(samples, soften, cfg)
    looks = tuple(
        float(np.median([estimate_looks(b[:, band], cfg) for b, _ in samples]))
        for band in range(bands)
    )
    halves = [shortest_half(ratio) for ratio in ratios]
    centred = [ratio - half[0] for ratio, half in zip(ratios, halves, strict=True)]
    return RadarModel(
        looks=looks,
        soften=soften,
        centre=tuple(half[0] for half in halves),
        scale=tuple(
            max(half[1], _least_scale(look, typical, cfg))
            for half, look in zip(halves, looks, strict=True)
        ),
        surface=tuple(_surface(samples, band, soften[band], cfg) for band in range(bands)),
        correlation=_correlation(centred[0], centred[1]) if bands > 1 else 0.0,
        dates=typical,
        pixels=int(ratios[0].size),
        threshold=math.floor(cfg.prior_llr * EVIDENCE_SCALE) + 1,
    )


def _sample_ratios(
    samples: Samples, soften: tuple[float, ...], cfg: RadarSection
) -> tuple[list[np.ndarray], float]:
    """Ratios of pixels that are seen in all polarisations, and their typical number of dates."""
    ratios, dates = [], []
    for band, softened in enumerate(soften):
        measured = [measure_ratio(b[:, band], a[:, band], softened, cfg) for b, a in samples]
        ratios.append(np.concatenate([ratio.ravel() for ratio, _ in measured]))
        dates.append(np.concatenate([count.ravel() for _, count in measured]))
    seen = np.isfinite(np.stack(ratios)).all(axis=0)
    if seen.sum() < 100:  # noqa: PLR2004 - the least that a spread can be read from
        msg = (
            f"radar: {int(seen.sum())} pixels were seen before and after; at least 100 are needed; "
            "check overlap and no-data of the stacks"
        )
        raise LayerError(msg)
    return [ratio[seen] for ratio in ratios], float(np.median(dates[0][seen]))


def _combine(
    ratios: list[np.ndarray], variances: list[np.ndarray], correlation: float
) -> np.ndarray:
    """Return the squared distance from "nothing changed" in standard deviations."""
    scaled = [ratio / np.sqrt(variance) for ratio, variance in zip(ratios, variances, strict=True)]
    if len(scaled) == 1:
        return np.asarray(np.square(scaled[0]))
    first, second = scaled
    joint = np.square(first) - 2.0 * correlation * first * second + np.square(second)
    return np.asarray(joint / (1.0 - correlation**2))


def measure_radar(
    before: np.ndarray, after: np.ndarray, model: RadarModel, cfg: RadarSection
) -> np.ndarray:
    """Measure the evidence of change between two radar stacks.

    With a model of usual courses (many dates before): the distance from the course of the pixel's
    kind, against its own null. Else the log-ratio; null: normal around the model's centre, as wide
    as the samples (`model.scale`, speckle and what the surface did) but never narrower than what
    farmland does from date to date (moisture, growth, roughness: `model.surface`); both shrink
    with the number of dates, since they come and go. Change: the same, widened by
    `change_sd_neper`; the ratio of both densities is taken at the (Mahalanobis) distance of all
    polarisations.

    Parameters
    ----------
    before, after
        ``(date, polarisation, y, x)`` float32 in order of time; NaN = not observed. [dB]
    model
        Of the same orbit and polarisations; with courses, of the same dates.
    cfg
        Section `radar`.

    Returns
    -------
    ndarray
        ``(y, x)`` int16, `schema.EVIDENCE`; not observed where a polarisation misses on a side.
        Alarm at or above ``model.threshold``.

    Raises
    ------
    LayerError
        Shapes that do not fit one another or the model.
    """
    _check(before, after)
    _check_model(before, after, model)
    if model.course is not None:
        llr = model.course.null.llr(course_distance(before, after, model.course, cfg))
    else:
        llr = _pair_llr(before, after, model, cfg)
    limit = cfg.clip_llr
    scaled = np.rint(np.clip(llr, -limit, limit) * EVIDENCE_SCALE)
    seen = np.isfinite(scaled)
    return np.where(seen, np.where(seen, scaled, 0), EVIDENCE_NODATA).astype(np.int16)


def _check_model(before: np.ndarray, after: np.ndarray, model: RadarModel) -> None:
    if len(model.centre) != before.shape[1]:
        msg = (
            f"radar: stacks of {before.shape[1]} polarisations, model of {len(model.centre)}; fit "
            "a model on stacks of the same polarisations"
        )
        raise LayerError(msg)
    dates = (before.shape[0], after.shape[0])
    if model.course is not None and dates != model.course.dates:
        msg = (
            f"radar: {dates[0]} dates before and {dates[1]} after, model of "
            f"{model.course.dates[0]} and {model.course.dates[1]}; fit a model on samples of the "
            "same dates"
        )
        raise LayerError(msg)


def _pair_llr(
    before: np.ndarray, after: np.ndarray, model: RadarModel, cfg: RadarSection
) -> np.ndarray:
    """Log-likelihood ratio of the log-ratio; NaN = not observed."""
    squared, variance = _pair_distance(before, after, model, cfg)
    widened = 1.0 + cfg.change_sd_neper**2 / variance
    bands = before.shape[1]
    return np.asarray(0.5 * (squared * (1.0 - 1.0 / widened) - bands * np.log(widened)))


def _pair_distance(
    before: np.ndarray, after: np.ndarray, model: RadarModel, cfg: RadarSection
) -> tuple[np.ndarray, np.ndarray]:
    """Squared distance from "nothing changed", and the variance it was measured in [neper²]."""
    ratios, variances = [], []
    for band in range(before.shape[1]):
        ratio, dates = measure_ratio(before[:, band], after[:, band], model.soften[band], cfg)
        seen_dates = np.maximum(dates, 1.0)
        ratios.append(ratio - model.centre[band])
        spread = max(model.scale[band] ** 2 * max(model.dates, 1.0), model.surface[band] ** 2)
        variances.append(spread / seen_dates)
    return _combine(ratios, variances, model.correlation), np.mean(variances, axis=0)


def _stated_rate(samples: Samples, model: RadarModel, cfg: RadarSection) -> float:
    """Share of unchanged pixels that the threshold of a pair alarms, from the body of the ratios."""
    squared, variances = [], []
    for before, after in samples:
        distance, variance = _pair_distance(before, after, model, cfg)
        seen = np.isfinite(distance)
        squared.append(distance[seen])
        variances.append(variance[seen])
    rules = TailRules(cfg.pair_null_shape, cfg.null_span, cfg.null_steps, cfg.false_alarm_rate)
    null = fit_null(np.sqrt(np.maximum(np.concatenate(squared), 0.0)), rules)
    widened = 1.0 + cfg.change_sd_neper**2 / float(np.median(np.concatenate(variances)))
    needed = 2.0 * model.threshold / EVIDENCE_SCALE + len(model.centre) * math.log(widened)
    rate = null.rate_at(math.sqrt(needed / (1.0 - 1.0 / widened)))
    return max(rate, cfg.least_stated_rate)
