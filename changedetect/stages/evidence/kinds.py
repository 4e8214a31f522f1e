"""Kinds of ground, what each usually is on the other side of a comparison, and the distance from it.

Shared by radar months (past dates -> dates after) and by pairs of different sensors (one sensor ->
the other). Groups by k-means; in each a trimmed ridge regression from a robust start, residuals
whitened by their own covariance: a piecewise chronochrome (Schaum and Stocker; see Theiler, 2008,
doi:10.1364/AO.47.000F12, section 2).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri

from changedetect.config.radar import RadarSection

TINY = 1e-12
"""Keeps a division by a spread of zero finite."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """Kinds of ground by one set of features, and what each is in another set.

    Attributes
    ----------
    slopes, levels
        ``(kind, feature)`` and ``(kind,)`` float64: a pixel is of the kind with the largest
        ``slopes @ given + levels``.
    weights
        ``(kind, target, feature + 1)``: the prediction is ``weights @ (given, 1)``.
    whitener
        ``(kind, target, target)``; whitened residuals have unit spread.
    """

    slopes: np.ndarray
    levels: np.ndarray
    weights: np.ndarray
    whitener: np.ndarray


def fit_kinds(past: np.ndarray, later: np.ndarray, cfg: RadarSection) -> Kinds:
    """Group samples by some features, and regress others on them in every group.

    Parameters
    ----------
    past, later
        ``(pixel, feature)`` and ``(pixel, target)`` float64, finite.
    cfg
        Section `radar`, settings ``course_…``.
    """
    mean, spread = past.mean(axis=0), np.maximum(past.std(axis=0), cfg.course_floor_neper)
    centres = _centres((past - mean) / spread, cfg)
    slopes = 2.0 * centres / spread
    levels = -(centres**2).sum(axis=1) - slopes @ mean
    kinds = (past @ slopes.T + levels).argmax(axis=1)
    fits = [_regress(past[kinds == k], later[kinds == k], cfg) for k in range(len(centres))]
    return Kinds(
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


def whitened_residuals(past: np.ndarray, later: np.ndarray, kinds: Kinds) -> np.ndarray:
    """Return how far pixels are from what is usual of their kind, with its sign.

    Parameters
    ----------
    past, later
        ``(feature, y, x)`` and ``(target, y, x)`` float64.
    kinds
        As fitted.

    Returns
    -------
    ndarray
        ``(target, y, x)`` float64; uncorrelated, with unit spread where nothing changed; summed in
        a fixed order, so that tiles give the same bytes.
    """
    bands = kinds.whitener.shape[1]
    kind = np.zeros(later.shape[1:], np.intp)
    best = np.full(later.shape[1:], -np.inf)
    for number, (slopes, level) in enumerate(zip(kinds.slopes, kinds.levels, strict=True)):
        score = np.full(later.shape[1:], level)
        for slope, values in zip(slopes, past, strict=True):
            score += slope * values
        kind = np.where(score > best, number, kind)
        best = np.maximum(score, best)
    rest = []
    for band in range(bands):
        left = later[band] - kinds.weights[kind, band, -1]
        for number, values in enumerate(past):
            left -= kinds.weights[kind, band, number] * values
        rest.append(left)
    whitened = np.zeros((bands, *later.shape[1:]))
    for row in range(bands):
        for column in range(bands):
            whitened[row] += kinds.whitener[kind, row, column] * rest[column]
    return whitened


def squared_length(residuals: np.ndarray) -> np.ndarray:
    """Sum squares over ``(target, y, x)`` in a fixed order; ``(y, x)`` float64."""
    total = np.zeros(residuals.shape[1:])
    for one in residuals:
        total += np.square(one)
    return total
