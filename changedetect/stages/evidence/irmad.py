"""Iteratively reweighted multivariate alteration detection on sample pixels.

Nielsen (2007), doi:10.1109/TIP.2006.888195, section III: canonical correlation of the two dates
under weights that are each pixel's probability of no change, repeated until the correlations
stand still.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from changedetect.config.detection import EvidenceSection
from changedetect.errors import SceneError
from changedetect.kernels.canonical import reweighted_moments


@dataclass(frozen=True, slots=True)
class Alteration:
    """Linear variates of change.

    Attributes
    ----------
    matrix, offset
        ``(variate, 2 * band)`` and ``(variate,)`` float64: variates ``matrix @ v - offset``, unit
        variance under no change; ``v`` = the kept bands before, then after.
    mean, spread
        ``(2 * band,)`` float64; weighted mean and standard deviation of ``v``.
    axes
        ``(2 * band, 2 * band)`` float64; principal axes of the scaled ``v``, strongest first.
    correlations
        ``(variate,)`` float64; canonical correlations, smallest first.
    iterations
        How many were needed.
    converged
        Whether the correlations stood still within the tolerance.
    """

    matrix: np.ndarray
    offset: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    axes: np.ndarray
    correlations: np.ndarray
    iterations: int
    converged: bool


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
        Positions of kept bands; near-copies would give correlations of 1 whose variates latch on
        a few pixels.

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
    """Fit the variates.

    Parameters
    ----------
    samples
        ``(pixel, 2 * band)`` float32 of kept bands; no missing values.
    cfg
        Iterations and tolerance.

    Returns
    -------
    Alteration
        Frozen; the same samples give the same bytes.
    """
    width = samples.shape[1]
    bands = width // 2
    centre = samples.mean(axis=0, dtype=np.float64)
    scale = samples.std(axis=0, dtype=np.float64)
    scaled = np.ascontiguousarray((samples - centre) / scale, dtype=np.float32)
    matrix, offset = np.zeros((bands, width)), np.zeros(bands)
    previous = np.zeros(bands)
    moved = np.inf
    iteration = 0
    while iteration < cfg.irmad_iterations and moved >= cfg.irmad_tolerance:
        iteration += 1
        total, sums, products = reweighted_moments(scaled, matrix, offset)
        mean = sums / total
        covariance = products / total - np.outer(mean, mean)
        rho, matrix = _canonical(covariance, cfg.min_noise_variance)
        offset = matrix @ mean
        moved = float(np.abs(rho - previous).max())
        previous = rho
    _, vectors = np.linalg.eigh(scaled.T.astype(np.float64) @ scaled / len(scaled))
    back = matrix / scale
    return Alteration(
        matrix=back,
        offset=offset + back @ centre,
        mean=centre,
        spread=scale,
        axes=_signed(vectors[:, ::-1].T),
        correlations=previous,
        iterations=iteration,
        converged=moved < cfg.irmad_tolerance,
    )


def _canonical(covariance: np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Solve for canonical correlations and the variates of unit variance.

    Nielsen (2007), equations 2 to 4; ``floor`` keeps the variance of a variate above nothing
    where two images are (nearly) the same.
    """
    bands = len(covariance) // 2
    eye = floor * np.eye(bands)
    before, after = covariance[:bands, :bands] + eye, covariance[bands:, bands:] + eye
    cross = covariance[:bands, bands:]
    squared, left = scipy.linalg.eigh(cross @ np.linalg.solve(after, cross.T), before)
    right = np.linalg.solve(after, cross.T) @ left
    size = np.sqrt(np.einsum("ij,ik,kj->j", right, after, right))
    right = np.divide(right, size, out=np.zeros_like(right), where=size > 0)
    rho = np.sqrt(np.clip(squared, 0.0, 1.0))
    noise = np.sqrt(np.maximum(2.0 * (1.0 - rho), floor))
    return rho, _signed(np.hstack([left.T, -right.T]) / noise[:, None])


def _signed(rows: np.ndarray) -> np.ndarray:
    """Make the largest entry of every row positive, so that signs do not depend on the solver."""
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    return np.asarray(rows * np.where(largest < 0, -1.0, 1.0))
