"""What ground of each kind usually returns after its own past, and how far a pixel is from it.

With many radar dates before and few after, the change of a field must be told from its season.
Pixels are grouped by their own past (means of spans of dates, both polarisations, filtered in
space), and in each group a trimmed linear regression predicts the echo after; the residual is
whitened by its own spread. What a season did to most ground of a kind is no change, what happened
to little of it is. The prediction is the chronochrome of Schaum and Stocker (see Theiler, 2008,
doi:10.1364/AO.47.000F12, section 2), made piecewise and trimmed as in the optical evidence.

Change may come between the dates after: the distance is taken for the last date, the last two, and
so on, and the largest counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri

from changedetect.config.radar import RadarSection
from changedetect.stages.evidence.radar_null import RadarNull, fit_null
from changedetect.stages.evidence.radar_ratio import filter_logs, mean_intensity

TINY = 1e-12
"""Keeps a division by a spread of zero finite."""

Samples = Sequence[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, slots=True)
class Course:
    """Kinds of ground and what each returned over one ending of the dates after.

    Attributes
    ----------
    slopes, levels
        ``(kind, feature)`` and ``(kind,)`` float64: a pixel is of the kind with the largest
        ``slopes @ past + levels``.
    weights
        ``(kind, polarisation, feature + 1)``: the prediction is ``weights @ (past, 1)``. [neper]
    whitener
        ``(kind, polarisation, polarisation)``; whitened residuals have unit spread.
    """

    slopes: np.ndarray
    levels: np.ndarray
    weights: np.ndarray
    whitener: np.ndarray


@dataclass(frozen=True, slots=True)
class UsualCourse:
    """What "nothing but the season" looks like for one choice of dates.

    Attributes
    ----------
    spans
        First and last-plus-one positions of the dates before that are averaged together.
    dates
        Number of dates before and after.
    endings
        One course for the last date after, the last two, …
    null
        Distribution of the largest distance where nothing changed.
    """

    spans: tuple[tuple[int, int], ...]
    dates: tuple[int, int]
    endings: tuple[Course, ...]
    null: RadarNull


def date_spans(count: int, cfg: RadarSection) -> tuple[tuple[int, int], ...]:
    """Cut the dates before into spans, newest first.

    Examples
    --------
    >>> date_spans(9, RadarSection())
    ((7, 9), (3, 7), (0, 3))
    """
    spans, stop = [], count
    for length in (*cfg.course_spans, count):
        start = max(0, stop - length)
        if stop > start:
            spans.append((start, stop))
        stop = start
    return tuple(spans)


def fit_course(samples: Samples, cfg: RadarSection) -> UsualCourse:
    """Learn kinds, courses and the null from sample stacks.

    Parameters
    ----------
    samples
        Pairs (before, after) of ``(date, polarisation, y, x)`` float32 stacks, NaN = not observed,
        all with the same numbers of dates. [dB]
    cfg
        Section `radar`.
    """
    before, after = samples[0]
    spans = date_spans(before.shape[0], cfg)
    endings = []
    for length in range(1, min(after.shape[0], cfg.course_endings) + 1):
        pools = [_features(b, a[-length:], spans, cfg) for b, a in samples]
        pixels = [features[:, valid] for features, valid in pools]
        endings.append(_fit_ending(np.concatenate(pixels, axis=1).T, before.shape[1], cfg))
    course = UsualCourse(
        spans, (before.shape[0], after.shape[0]), tuple(endings), RadarNull.empty()
    )
    distances = [course_distance(b, a, course, cfg) for b, a in samples]
    pooled = np.concatenate([d[np.isfinite(d)] for d in distances])
    return UsualCourse(spans, course.dates, course.endings, fit_null(pooled, cfg))


def course_distance(
    before: np.ndarray, after: np.ndarray, course: UsualCourse, cfg: RadarSection
) -> np.ndarray:
    """Return how far each pixel is from the usual course of its kind.

    Parameters
    ----------
    before, after
        ``(date, polarisation, y, x)`` float32; NaN = not observed. [dB]
    course
        Of the same numbers of dates.
    cfg
        Section `radar`.

    Returns
    -------
    ndarray
        ``(y, x)`` float64, in standard deviations; NaN = not observed on a side.
    """
    largest = np.full(before.shape[2:], -np.inf)
    for length, ending in enumerate(course.endings, start=1):
        features, valid = _features(before, after[-length:], course.spans, cfg)
        squared = _squared(features, ending)
        largest = np.where(valid, np.fmax(largest, squared), largest)
    return np.where(np.isfinite(largest), np.sqrt(np.maximum(largest, 0.0)), np.nan)


def _features(
    before: np.ndarray, after: np.ndarray, spans: tuple[tuple[int, int], ...], cfg: RadarSection
) -> tuple[np.ndarray, np.ndarray]:
    """Return filtered means and where they are seen: past spans by polarisation, then after."""
    bands = before.shape[1]
    past, ending, valid = [], [], np.ones(before.shape[2:], bool)
    for band in range(bands):
        whole, seen = mean_intensity(before[:, band], 0.0, cfg)
        later, seen_after = mean_intensity(after[:, band], 0.0, cfg)
        valid &= (seen > 0) & (seen_after > 0)
        parts = [mean_intensity(before[start:stop, band], 0.0, cfg) for start, stop in spans]
        past.append([np.where(count > 0, mean, whole) for mean, count in parts])
        ending.append((whole, later))
    rows, last = [], []
    for parts_of_band, (whole, later) in zip(past, ending, strict=True):
        logs = filter_logs([*parts_of_band, later], valid, (whole, later), cfg)
        rows.append(logs[:-1])
        last.append(logs[-1:])
    return np.concatenate([*rows, *last]), valid


def _fit_ending(pixels: np.ndarray, bands: int, cfg: RadarSection) -> Course:
    """Group ``(pixel, feature)`` samples by their past and regress the after on it."""
    past, later = pixels[:, :-bands], pixels[:, -bands:]
    mean, spread = past.mean(axis=0), np.maximum(past.std(axis=0), cfg.course_floor_neper)
    centres = _centres((past - mean) / spread, cfg)
    slopes = 2.0 * centres / spread
    levels = -(centres**2).sum(axis=1) - slopes @ mean
    kinds = (past @ slopes.T + levels).argmax(axis=1)
    fits = [_regress(past[kinds == k], later[kinds == k], cfg) for k in range(len(centres))]
    return Course(
        slopes, levels, np.stack([fit[0] for fit in fits]), np.stack([fit[1] for fit in fits])
    )


def _centres(points: np.ndarray, cfg: RadarSection) -> np.ndarray:
    """K-means from evenly spread quantiles of the first principal axis; ``(kind, feature)``."""
    axis = np.linalg.eigh(points.T @ points)[1][:, -1]
    axis = axis * np.sign(axis[np.abs(axis).argmax()])
    order = np.argsort(points @ axis, kind="stable")
    count = max(1, min(cfg.course_kinds, len(points) // cfg.course_least_pixels))
    centres = points[order[(2 * np.arange(count) + 1) * len(order) // (2 * count)]]
    for _ in range(cfg.course_steps):
        kinds = (points @ (2.0 * centres.T) - (centres**2).sum(axis=1)).argmax(axis=1)
        sizes = np.bincount(kinds, minlength=len(centres))
        sums = np.stack([np.bincount(kinds, one, len(centres)) for one in points.T], axis=1)
        kept = sizes >= min(cfg.course_least_pixels, len(points))
        centres = sums[kept] / sizes[kept, None] if kept.any() else points.mean(axis=0)[None]
    return np.asarray(centres)


def _regress(
    past: np.ndarray, later: np.ndarray, cfg: RadarSection
) -> tuple[np.ndarray, np.ndarray]:
    """Trimmed ridge regression; weights ``(pol, feature + 1)`` and whitener ``(pol, pol)``."""
    bands, width = later.shape[1], past.shape[1]
    if not len(past):
        return np.zeros((bands, width + 1)), np.eye(bands)
    middle = past.mean(axis=0)
    rows = np.hstack([past - middle, np.ones((len(past), 1))])
    penalty = np.diag([cfg.course_ridge] * width + [0.0])
    squared = np.square(later - np.median(later, axis=0)).sum(axis=1)
    kept = squared <= np.quantile(squared, cfg.course_start_frac)
    weights, whitener = np.zeros((width + 1, bands)), np.eye(bands)
    for _ in range(cfg.course_trim_steps):
        used = rows[kept]
        normal = used.T @ used + len(used) * penalty
        weights = np.linalg.solve(normal, used.T @ later[kept])
        rest = later - rows @ weights
        covariance = np.atleast_2d(np.cov(rest[kept].T, bias=True))
        covariance = covariance + cfg.course_floor_neper**2 * np.eye(bands)
        whitener = np.linalg.inv(np.linalg.cholesky(covariance))
        squared = np.square(rest @ whitener.T).sum(axis=1)
        scale = float(chdtri(bands, 0.5)) / max(float(np.median(squared)), TINY)
        whitener = whitener * np.sqrt(scale)
        kept = squared * scale <= chdtri(bands, cfg.course_trim_rate)
    weights[-1] -= middle @ weights[:-1]
    return weights.T, whitener


def _squared(features: np.ndarray, course: Course) -> np.ndarray:
    """Squared whitened residual, ``(y, x)``; summed in a fixed order, so tiles give equal bytes."""
    bands = course.whitener.shape[1]
    past, later = features[:-bands], features[-bands:]
    kind = np.zeros(later.shape[1:], np.intp)
    best = np.full(later.shape[1:], -np.inf)
    for number, (slopes, level) in enumerate(zip(course.slopes, course.levels, strict=True)):
        score = np.full(later.shape[1:], level)
        for slope, values in zip(slopes, past, strict=True):
            score += slope * values
        kind = np.where(score > best, number, kind)
        best = np.maximum(score, best)
    rest = []
    for band in range(bands):
        left = later[band] - course.weights[kind, band, -1]
        for number, values in enumerate(past):
            left -= course.weights[kind, band, number] * values
        rest.append(left)
    total = np.zeros(later.shape[1:])
    for row in range(bands):
        whitened = np.zeros(later.shape[1:])
        for column in range(bands):
            whitened += course.whitener[kind, row, column] * rest[column]
        total += np.square(whitened)
    return total
