"""What the ground of each kind usually became, and how far a pixel is from it.

Sample pixels are grouped by their spectrum before (k-means on scaled bands), and the pixels of a
group by what they became: ground of one kind was harvested, flooded, or went on growing. Each such
outcome has a robust linear regression of the spectrum after on the one before, and the residual is
whitened by its own covariance: what a season did to a good part of a kind is no change, what
happened to few is. The prediction is the chronochrome of Schaum and Stocker (see Theiler, 2008,
doi:10.1364/AO.47.000F12, section 2), made piecewise, trimmed, and a mixture (our choice, measured
on Landsat Taizhou and on simulated counties: docs/decisions/0005-usual-outcomes.md).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import scipy.special

from changedetect.config.detection import EvidenceSection
from changedetect.errors import SceneError
from changedetect.kernels.conditional import class_distances, class_moments
from changedetect.stages.evidence.cells import effective_places, held_by_places
from changedetect.tiling import in_order

_FEW_PLACES = 2
"""A large change lies in one cell of the places, or across two."""


@dataclass(frozen=True, slots=True)
class Alteration:
    """Linear variates of change, class by class. ``v`` = the kept bands before, then after.

    Attributes
    ----------
    slopes, levels
        ``(class, band)`` and ``(class,)`` float64: the class with the largest
        ``slopes @ before + levels`` is the pixel's.
    matrix, offset
        ``(class, outcome, variate, 2 * band)`` and ``(class, outcome, variate)`` float64: variates
        ``matrix @ v - offset``, unit variance under no change.
    penalty
        ``(class, outcome)`` float64, added to the squared distance: 0 for the likeliest outcome
        of a class, more for rarer and wider ones; inf = the class has no such outcome.
    mean, spread
        ``(2 * band,)`` float64; mean and standard deviation of ``v``.
    axes
        ``(2 * band, 2 * band)`` float64; principal axes of the scaled ``v``, strongest first.
    """

    slopes: np.ndarray
    levels: np.ndarray
    matrix: np.ndarray
    offset: np.ndarray
    penalty: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    axes: np.ndarray

    @property
    def chooser(self) -> tuple[np.ndarray, np.ndarray]:
        """Slopes and levels, as kernels take them."""
        return self.slopes, self.levels

    @property
    def variates(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Matrix, offset and penalty, as kernels take them."""
        return self.matrix, self.offset, self.penalty


def kept_bands(samples: np.ndarray, names: tuple[str, ...], cfg: EvidenceSection) -> list[int]:
    """Choose bands that vary and are not a copy of others in either date.

    Parameters
    ----------
    samples
        ``(pixel, 2 * band)`` float32.
    names
        Band names, for the error.
    cfg
        Least share of own variance.

    Returns
    -------
    list of int
        Positions of kept bands; the residual covariance of near-copies can not be inverted.

    Raises
    ------
    SceneError
        Every band is constant.
    """
    count = len(names)
    kept: list[int] = []
    for band in range(count):
        trial = [*kept, band]
        if all(_independent(samples[:, [i + count * d for i in trial]], cfg) for d in (0, 1)):
            kept = trial
    if not kept:
        msg = (
            f"every band ({', '.join(names)}) is constant over the sample pixels of one image; "
            "varying bands were expected; check the image's nodata value"
        )
        raise SceneError(msg)
    return kept


def _independent(columns: np.ndarray, cfg: EvidenceSection) -> bool:
    """Whether the last column varies beyond what the others explain."""
    centred = columns.astype(np.float64) - columns.mean(axis=0, dtype=np.float64)
    own = centred[:, -1]
    power = float(own @ own)
    rounding = np.finfo(np.float32).eps * np.abs(columns[:, -1]).max()
    if power <= len(own) * float(rounding) ** 2:
        return False
    others = centred[:, :-1]
    if others.shape[1] == 0:
        return True
    slopes = np.linalg.lstsq(others, own, rcond=None)[0]
    rest = own - others @ slopes
    return float(rest @ rest) > cfg.min_own_variance * power


def fit_alteration(
    samples: np.ndarray, places: np.ndarray, cfg: EvidenceSection, workers: int = 1
) -> Alteration:
    """Fit classes and variates.

    Parameters
    ----------
    samples
        ``(pixel, 2 * band)`` float32 of kept bands; no missing values.
    places
        ``(pixel,)`` int; the cell of the image in which each pixel lies.
    cfg
        Number of classes, trimming, floors.
    workers
        Threads; the result is the same.

    Returns
    -------
    Alteration
        Frozen; the same samples give the same bytes.
    """
    bands = samples.shape[1] // 2
    step = max(1, len(samples) // cfg.fit_sample_pixels)
    samples, places = samples[::step], places[::step]
    centre = samples.mean(axis=0, dtype=np.float64)
    scale = samples.std(axis=0, dtype=np.float64)
    scaled = np.ascontiguousarray((samples - centre) / scale, dtype=np.float32)
    centres = _centres(scaled[:, :bands], cfg.classes, cfg.class_min_pixels, cfg)
    slopes, levels = 2.0 * centres, -(centres**2).sum(axis=1)
    start = _first_labels(scaled, (slopes, levels), cfg, workers), np.zeros(len(scaled))
    matrix, offset, penalty = _variates(scaled, places, (slopes, levels), (*start, cfg), workers)
    _, vectors = np.linalg.eigh(scaled.T.astype(np.float64) @ scaled / len(scaled))
    back = matrix / scale
    return Alteration(
        slopes=slopes / scale[:bands],
        levels=levels - (slopes / scale[:bands]) @ centre[:bands],
        matrix=back,
        offset=offset + back @ centre,
        penalty=penalty,
        mean=centre,
        spread=scale,
        axes=_signed(vectors[:, ::-1].T),
    )


def fit_again(
    samples: np.ndarray,
    places: np.ndarray,
    first: Alteration,
    cfg: EvidenceSection,
    workers: int = 1,
) -> Alteration:
    """Regress again on other samples: same kinds, and outcomes begin where the first fit ended.

    So a sample more or less moves the fit a little, and never to other kinds of ground.

    Parameters
    ----------
    samples, places
        As in `fit_alteration`.
    first
        From `fit_alteration`.
    cfg
        The settings of the first fit.
    workers
        Threads; the result does not depend on them.
    """
    bands = samples.shape[1] // 2
    start = class_distances(samples, first.chooser, first.variates)
    scaled = np.ascontiguousarray((samples - first.mean) / first.spread, dtype=np.float32)
    slopes = first.slopes * first.spread[:bands]
    levels = first.levels + first.slopes @ first.mean[:bands]
    matrix, offset, penalty = _variates(scaled, places, (slopes, levels), (*start, cfg), workers)
    back = matrix / first.spread
    return replace(first, matrix=back, offset=offset + back @ first.mean, penalty=penalty)


def _centres(
    values: np.ndarray, most: int, least_pixels: float, cfg: EvidenceSection
) -> np.ndarray:
    """K-means from evenly spread quantiles of the first principal axis; ``(class, band)``."""
    step = max(1, len(values) // cfg.class_sample_pixels)
    points = values[::step].astype(np.float64)
    mean = points.mean(axis=0)
    axis = _signed(np.linalg.eigh((points - mean).T @ (points - mean))[1][:, -1:].T)[0]
    order = np.argsort(points @ axis, kind="stable")
    count = max(1, min(most, int(len(values) / least_pixels)))
    centres = points[order[(2 * np.arange(count) + 1) * len(order) // (2 * count)]]
    for _ in range(cfg.class_steps):
        labels = nearest_rows(points, centres)
        sizes = np.bincount(labels, minlength=len(centres))
        sums = np.stack([np.bincount(labels, band, len(centres)) for band in points.T], axis=1)
        kept = sizes * step >= least_pixels
        centres = (sums[kept] / sizes[kept, None]) if kept.any() else centres[:1]
    return np.asarray(centres)


def nearest_rows(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the nearest centre of every point, ``(point,)``; the first of equals."""
    return np.asarray((points @ (2.0 * centres.T) - (centres**2).sum(axis=1)).argmax(axis=1))


def _variates(
    scaled: np.ndarray,
    places: np.ndarray,
    chooser: tuple[np.ndarray, np.ndarray],
    begun: tuple[np.ndarray, np.ndarray, EvidenceSection],
    workers: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Regress after on before for every outcome of every class, leaving out its unlikely pixels.

    ``begun``: outcome and squared distance of each pixel to begin with, and the settings.
    """
    labels, squared, cfg = begun
    classes, variates = len(chooser[1]), (np.zeros(0), np.zeros(0), np.zeros(0))
    for _ in range(cfg.trim_steps):
        members = _members(labels, classes * cfg.outcomes)
        sizes = np.array([len(mine) for mine in members]).reshape(classes, cfg.outcomes)
        held = held_by_places(labels, places, len(members))
        usual = _usual(sizes, effective_places(held).reshape(sizes.shape), cfg)
        left_out = _left_out(held, cfg).reshape(sizes.shape)
        parts = [
            (members[c * cfg.outcomes : (c + 1) * cfg.outcomes], usual[c], left_out[c])
            for c in range(classes)
        ]
        told = in_order(parts, partial(_outcomes, scaled, squared, cfg), workers)
        matrix, offset, penalty = (np.stack(values) for values in zip(*told, strict=True))
        variates = matrix, offset, penalty
        labels, squared = _distances(scaled, chooser, variates, workers)
    return variates


def _outcomes(
    scaled: np.ndarray,
    squared: np.ndarray,
    cfg: EvidenceSection,
    part: tuple[Sequence[np.ndarray], np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matrix, offset and penalty of every outcome of a class.

    ``part``: its pixels, whether it is usual, and the share of it that is left out.
    """
    members, usual, left_out = part
    width, whole = scaled.shape[1], sum(map(len, members))
    matrix = np.zeros((cfg.outcomes, width // 2, width))
    offset = np.zeros((cfg.outcomes, width // 2))
    penalty = np.full(cfg.outcomes, np.inf)
    for m in np.flatnonzero(usual).tolist():
        mine = members[m]
        matrix[m], offset[m], spread = _outcome(
            scaled[mine], squared[mine], float(left_out[m]), cfg
        )
        penalty[m] = spread - 2.0 * math.log(len(mine) / whole)
    if whole:
        penalty -= penalty.min()
    else:
        penalty[0] = 0.0  # a class without pixels has one outcome, of no use
    return matrix, offset, penalty


def _first_labels(
    scaled: np.ndarray,
    chooser: tuple[np.ndarray, np.ndarray],
    cfg: EvidenceSection,
    workers: int,
) -> np.ndarray:
    """Group the pixels of every class by their spectrum after; ``class * outcomes + outcome``."""
    bands = scaled.shape[1] // 2
    scores = np.array_split(scaled[:, :bands] @ chooser[0].T + chooser[1], workers)
    kind = np.concatenate(in_order(scores, lambda some: some.argmax(axis=1), workers))
    labels = (kind * cfg.outcomes).astype(np.int16)

    def part(c: int) -> None:
        own = np.flatnonzero(kind == c)
        if len(own):
            after = scaled[own, bands:].astype(np.float64)
            least = max(cfg.rare.outcome_share * len(own), cfg.outcome_min_pixels)
            centres = _centres(after, cfg.outcomes, least, cfg)
            labels[own] += nearest_rows(after, centres).astype(np.int16)

    in_order(range(len(chooser[1])), part, workers)
    return np.asarray(labels)


def _usual(sizes: np.ndarray, wide: np.ndarray, cfg: EvidenceSection) -> np.ndarray:
    """Tell which outcomes are common and widespread enough to be usual; a class's widest always is.

    What happened in one or two places is no season, however many of a rare kind's pixels it took; what
    happened to few pixels lies in more places.
    """
    whole = sizes.sum(axis=1, keepdims=True)
    common = sizes >= np.maximum(cfg.rare.outcome_share * whole, cfg.outcome_min_pixels)
    seldom = sizes < cfg.min_outcome_share * whole
    common &= wide >= np.where(seldom, cfg.rare.outcome_min_places, cfg.outcome_min_places)
    reach = np.where(wide >= cfg.outcome_min_places, sizes, np.minimum(sizes, wide))
    first = np.arange(sizes.shape[1]) == reach.argmax(axis=1)[:, None]
    return np.asarray((common | first) & (sizes > 0))


def _left_out(held: np.ndarray, cfg: EvidenceSection) -> np.ndarray:
    """Share of each label that is left out of its regression, ``(label,)`` float64.

    At least what its two largest places hold, where they hold far more than others do: if one
    building site is a fifth of all bright ground, it must not say what bright ground becomes.
    """
    share = -np.sort(-held, axis=1) / np.maximum(held.sum(axis=1, keepdims=True), 1.0)
    first, others = share[:, :_FEW_PLACES], share[:, _FEW_PLACES:]
    wide = effective_places(others)
    usual = others.sum(axis=1) / np.maximum(wide, 1.0)
    large = np.where(first > cfg.trim_place_ratio * usual[:, None], first, 0.0).sum(axis=1)
    large = np.where(wide >= cfg.outcome_min_places, large, 0.0)
    return np.asarray(np.clip(large, cfg.trim_share, max(cfg.trim_share, cfg.most_trim_share)))


def _members(labels: np.ndarray, count: int) -> list[np.ndarray]:
    """List the pixels of every label, in their order."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.searchsorted(labels[order], np.arange(1, count)))


def _outcome(
    samples: np.ndarray, squared: np.ndarray, left_out: float, cfg: EvidenceSection
) -> tuple[np.ndarray, np.ndarray, float]:
    """Regress after on before over the pixels of an outcome, without the share farthest from it.

    Returns matrix and offset of its variates, and ln of the determinant of their noise.
    """
    cut = np.quantile(squared, 1.0 - left_out, keepdims=True)
    one = np.zeros(len(samples), np.int16)
    (count,), (total,), (product,) = class_moments(samples, one, squared, cut)
    mean = total / count
    covariance = product / count - np.outer(mean, mean)
    rows, spread = _whitened_residual(covariance, cfg.min_noise_variance)
    level = rows @ mean
    factor = _to_noise(samples, rows, level)
    return factor * rows, factor * level, spread - samples.shape[1] * math.log(factor)


def _distances(
    scaled: np.ndarray,
    chooser: tuple[np.ndarray, np.ndarray],
    variates: tuple[np.ndarray, np.ndarray, np.ndarray],
    workers: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Share `class_distances` among threads: each pixel rests on itself."""
    some = np.array_split(scaled, workers)
    found = in_order(some, lambda part: class_distances(part, chooser, variates), workers)
    labels, squared = zip(*found, strict=True)
    return np.concatenate(labels), np.concatenate(squared)


def _to_noise(samples: np.ndarray, rows: np.ndarray, level: np.ndarray) -> float:
    """Factor that brings the median distance to that of noise: trimming has made it larger."""
    squared = ((samples @ rows.T - level) ** 2).sum(axis=1)
    median = float(np.median(squared))
    wanted = float(scipy.special.chdtri(len(rows), 0.5))
    return math.sqrt(wanted / median) if median > wanted else 1.0


def _whitened_residual(covariance: np.ndarray, floor: float) -> tuple[np.ndarray, float]:
    """Transform to the whitened residual of after given before, and ln of its determinant."""
    bands = len(covariance) // 2
    eye = floor * np.eye(bands)
    before, after = covariance[:bands, :bands] + eye, covariance[bands:, bands:] + eye
    cross = covariance[bands:, :bands]
    slope = np.linalg.solve(before, cross.T).T
    rest = after - slope @ cross.T
    values, vectors = np.linalg.eigh((rest + rest.T) / 2)
    values = np.maximum(values, floor)
    white = vectors.T / np.sqrt(values)[:, None]
    return _signed(white @ np.hstack([-slope, np.eye(bands)])), float(np.log(values).sum())


def _signed(rows: np.ndarray) -> np.ndarray:
    """Make the largest entry of every row positive, so that signs do not depend on the solver."""
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    return np.asarray(rows * np.where(largest < 0, -1.0, 1.0))
