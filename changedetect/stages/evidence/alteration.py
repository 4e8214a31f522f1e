"""What the ground of each kind usually became, and how far a pixel is from it.

Sample pixels are grouped by their spectrum before (k-means on scaled bands). In each group a
robust linear regression predicts the spectrum after, and the residual is whitened by its own
covariance: what a season did to most fields of a kind is no change, what happened to few is. The
prediction is the chronochrome of Schaum and Stocker (see Theiler, 2008, doi:10.1364/AO.47.000F12,
section 2), made piecewise and trimmed (our choice: on Landsat Taizhou, labels used for scoring
only, the best reachable kappa rises from 0.971 with IR-MAD to 0.987).
"""

from dataclasses import dataclass

import numpy as np

from changedetect.config.detection import EvidenceSection
from changedetect.errors import SceneError
from changedetect.kernels.conditional import class_distances, class_moments


@dataclass(frozen=True, slots=True)
class Alteration:
    """Linear variates of change, class by class. ``v`` = the kept bands before, then after.

    Attributes
    ----------
    slopes, levels
        ``(class, band)`` and ``(class,)`` float64: the class with the largest
        ``slopes @ before + levels`` is the pixel's.
    matrix, offset
        ``(class, variate, 2 * band)`` and ``(class, variate)`` float64: variates
        ``matrix @ v - offset``, unit variance under no change.
    mean, spread
        ``(2 * band,)`` float64; mean and standard deviation of ``v``.
    axes
        ``(2 * band, 2 * band)`` float64; principal axes of the scaled ``v``, strongest first.
    explained
        ``(class,)`` share of the variance after that the spectrum before explains. [0-1]
    """

    slopes: np.ndarray
    levels: np.ndarray
    matrix: np.ndarray
    offset: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    axes: np.ndarray
    explained: np.ndarray

    @property
    def chooser(self) -> tuple[np.ndarray, np.ndarray]:
        """Slopes and levels, as kernels take them."""
        return self.slopes, self.levels


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


def fit_alteration(samples: np.ndarray, cfg: EvidenceSection) -> Alteration:
    """Fit classes and variates.

    Parameters
    ----------
    samples
        ``(pixel, 2 * band)`` float32 of kept bands; no missing values.
    cfg
        Number of classes, trimming, floors.

    Returns
    -------
    Alteration
        Frozen; the same samples give the same bytes.
    """
    bands = samples.shape[1] // 2
    centre = samples.mean(axis=0, dtype=np.float64)
    scale = samples.std(axis=0, dtype=np.float64)
    scaled = np.ascontiguousarray((samples - centre) / scale, dtype=np.float32)
    centres = _centres(scaled[:, :bands], cfg)
    slopes, levels = 2.0 * centres, -(centres**2).sum(axis=1)
    matrix, offset, explained = _variates(scaled, (slopes, levels), cfg)
    _, vectors = np.linalg.eigh(scaled.T.astype(np.float64) @ scaled / len(scaled))
    back = matrix / scale
    return Alteration(
        slopes=slopes / scale[:bands],
        levels=levels - (slopes / scale[:bands]) @ centre[:bands],
        matrix=back,
        offset=offset + back @ centre,
        mean=centre,
        spread=scale,
        axes=_signed(vectors[:, ::-1].T),
        explained=explained,
    )


def _centres(before: np.ndarray, cfg: EvidenceSection) -> np.ndarray:
    """K-means from evenly spread quantiles of the first principal axis; ``(class, band)``."""
    step = max(1, len(before) // cfg.class_sample_pixels)
    points = before[::step].astype(np.float64)
    axis = _signed(np.linalg.eigh(points.T @ points)[1][:, -1:].T)[0]
    order = np.argsort(points @ axis, kind="stable")
    count = max(1, min(cfg.classes, len(before) // cfg.class_min_pixels))
    centres = points[order[(2 * np.arange(count) + 1) * len(order) // (2 * count)]]
    for _ in range(cfg.class_steps):
        labels = (points @ (2.0 * centres.T) - (centres**2).sum(axis=1)).argmax(axis=1)
        sizes = np.bincount(labels, minlength=len(centres))
        sums = np.stack([np.bincount(labels, band, len(centres)) for band in points.T], axis=1)
        kept = sizes * step >= cfg.class_min_pixels
        centres = (sums[kept] / sizes[kept, None]) if kept.any() else centres[:1]
    return np.asarray(centres)


def _variates(
    scaled: np.ndarray, chooser: tuple[np.ndarray, np.ndarray], cfg: EvidenceSection
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Regress after on before in every class, leaving out its least likely pixels."""
    classes, width = len(chooser[1]), scaled.shape[1]
    matrix = np.zeros((classes, width // 2, width))
    offset = np.zeros((classes, width // 2))
    explained = np.zeros(classes)
    cuts = np.full(classes, np.inf)
    for _ in range(cfg.trim_steps):
        labels, squared = class_distances(scaled, chooser, matrix, offset)
        if matrix.any():
            cuts = _cuts(labels, squared, classes, cfg.trim_share)
        counts, sums, products = class_moments(scaled, labels, squared, cuts)
        for c in np.flatnonzero(counts):
            mean = sums[c] / counts[c]
            covariance = products[c] / counts[c] - np.outer(mean, mean)
            matrix[c], explained[c] = _whitened_residual(covariance, cfg.min_noise_variance)
            offset[c] = matrix[c] @ mean
    return matrix, offset, explained


def _cuts(labels: np.ndarray, squared: np.ndarray, classes: int, share: float) -> np.ndarray:
    """Squared distance beyond which a class's pixels are left out."""
    return np.array(
        [
            np.quantile(own, 1.0 - share) if (own := squared[labels == c]).size else np.inf
            for c in range(classes)
        ]
    )


def _whitened_residual(covariance: np.ndarray, floor: float) -> tuple[np.ndarray, float]:
    """Transform that gives the whitened residual of after given before, and R squared."""
    bands = len(covariance) // 2
    eye = floor * np.eye(bands)
    before, after = covariance[:bands, :bands] + eye, covariance[bands:, bands:] + eye
    cross = covariance[bands:, :bands]
    slope = np.linalg.solve(before, cross.T).T
    rest = after - slope @ cross.T
    values, vectors = np.linalg.eigh((rest + rest.T) / 2)
    white = vectors.T / np.sqrt(np.maximum(values, floor))[:, None]
    share = 1.0 - float(np.trace(rest) / np.trace(after))
    return _signed(white @ np.hstack([-slope, np.eye(bands)])), share


def _signed(rows: np.ndarray) -> np.ndarray:
    """Make the largest entry of every row positive, so that signs do not depend on the solver."""
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    return np.asarray(rows * np.where(largest < 0, -1.0, 1.0))
