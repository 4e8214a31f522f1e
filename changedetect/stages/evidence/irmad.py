"""Iteratively reweighted multivariate alteration detection (IR-MAD): the method the field knows.

It is no part of the evidence, whose usual outcomes it does not know (a harvest is a change to it); it
is a second opinion on the same images. Reweighting narrows what counts as unchanged, so its chi-square
is no rate of false alarms. Canonical variates of the two dates are subtracted, least
alike first; pixels count in the next fit by how probable it is that they did not change: Nielsen
(2007), doi:10.1109/TIP.2006.888195, equations 2 to 10. The result does not depend on gains and offsets of
bands, of either date.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from changedetect.config.mad import MadSection
from changedetect.errors import SceneError
from changedetect.kernels.mad import mad_variates, weighted_moments
from changedetect.tiling import in_order

PARTS = 16
"""Sample pixels are added up in so many parts, in their order: the same sum for any threads."""

_MAD_TO_SIGMA = 1.4826
"""Standard deviations of a normal distribution in one median absolute deviation."""

_LEAST_VARIANCE = 1e-6
"""A difference of variates of correlation 1 has no variance; it is held to this, each date having 1."""


@dataclass(frozen=True, slots=True)
class MadModel:
    """The variates of a pair.

    Attributes
    ----------
    centre
        ``(2 * band,)`` float64, weighted mean of the bands before, then after.
    matrix
        ``(band, 2 * band)`` float64: variates ``matrix @ (v - centre)``, least alike first (MAD 1 is
        the difference of the least correlated pair); their signs are fixed: each grows with what the
        image after has more of.
    correlations
        ``(band,)`` float64, canonical correlation of each, rising.
    steps
        How often it was fitted.
    settled
        Whether the correlations stood still at the end.
    """

    centre: np.ndarray
    matrix: np.ndarray
    correlations: np.ndarray
    steps: int
    settled: bool

    @property
    def inverse(self) -> np.ndarray:
        """One over the variance of each variate under no change, ``(band,)``; equation 5."""
        return np.asarray(1.0 / np.maximum(2.0 * (1.0 - self.correlations), _LEAST_VARIANCE))


def fit_mad(samples: np.ndarray, cfg: MadSection, workers: int = 1) -> MadModel:
    """Fit the variates of a pair on sample pixels.

    Parameters
    ----------
    samples
        ``(pixel, 2 * band)`` float32, bands before, then after; no missing values.
    cfg
        Steps, tolerance, and how it starts.
    workers
        Threads; the model is the same.

    Raises
    ------
    SceneError
        Too few pixels, or a band that does not vary or copies another.
    """
    bands = samples.shape[1] // 2
    if len(samples) <= 2 * samples.shape[1]:
        msg = (
            f"{len(samples)} pixels are observed in both images; more than {2 * samples.shape[1]} are needed "
            "for the variates of the pair / 两期共同有效像元太少"
        )
        raise SceneError(msg)
    parts = np.array_split(samples, PARTS)
    variates = _start(samples, bands) if cfg.robust_start else _none(bands)
    centre = samples[:: max(1, len(samples) // 10_000)].mean(axis=0, dtype=np.float64)
    model = _canonical(*_moments(parts, centre, variates, workers), 1)
    while not model.settled and model.steps < cfg.most_steps:
        variates = model.matrix, model.matrix @ model.centre, model.inverse
        again = _canonical(*_moments(parts, centre, variates, workers), model.steps + 1)
        moved = float(np.abs(again.correlations - model.correlations).max())
        model = replace(again, settled=moved <= cfg.tolerance)
    return model


def measure_mad(stack: np.ndarray, model: MadModel) -> np.ndarray:
    """Compute the variates of a window and the sum of their squares.

    Parameters
    ----------
    stack
        ``(2, band, y, x)`` float32; NaN is not observed.
    model
        From `fit_mad`.

    Returns
    -------
    ndarray
        ``(band + 1, y, x)`` float32: variates, then chi-square with ``band`` degrees of freedom under
        no change; NaN where a band of either date was not observed.
    """
    size = stack.shape[0] * stack.shape[1]
    flat = np.ascontiguousarray(stack).reshape(size, -1)
    out = np.empty((size // 2 + 1, flat.shape[1]), np.float32)
    centre, matrix, inverse = (
        part.astype(np.float32) for part in (model.centre, model.matrix, model.inverse)
    )
    mad_variates(flat, centre, matrix, inverse, out)
    return out.reshape(-1, *stack.shape[2:])


Variates = tuple[np.ndarray, np.ndarray, np.ndarray]


def _none(bands: int) -> Variates:
    """No variates yet: all pixels count alike."""
    return np.zeros((0, 2 * bands)), np.zeros(0), np.zeros(0)


def _start(samples: np.ndarray, bands: int) -> Variates:
    """Weigh pixels by their difference in robust units: where much changed, means and variances lie.

    Bands count as if they were independent; after the first fit that no longer matters. Images are
    made comparable before (gains), so that a plain difference means something.
    """
    thinned = samples[:: max(1, len(samples) // 100_000)].astype(np.float64)
    difference = thinned[:, bands:] - thinned[:, :bands]
    middle = np.median(difference, axis=0)
    spread = _MAD_TO_SIGMA * np.median(np.abs(difference - middle), axis=0)
    unit = np.eye(bands)
    tiny = np.finfo(np.float32).tiny
    return np.hstack([-unit, unit]), middle, 1.0 / np.maximum(spread, tiny) ** 2


def _moments(
    parts: Sequence[np.ndarray], centre: np.ndarray, variates: Variates, workers: int
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and covariance of all parts, added in their order."""
    add = partial(weighted_moments, centre=centre, variates=variates)
    found = in_order(parts, lambda part: add(np.ascontiguousarray(part)), workers)
    weight = sum(one[0] for one in found)
    shift = np.sum([one[1] for one in found], axis=0) / weight
    products = np.sum([one[2] for one in found], axis=0) / weight
    return centre + shift, products - np.outer(shift, shift)


def _canonical(mean: np.ndarray, covariance: np.ndarray, step: int) -> MadModel:
    """Solve for the canonical variates; equations 3 and 4."""
    bands = len(mean) // 2
    own, other, both = (
        covariance[:bands, :bands], covariance[bands:, bands:], covariance[:bands, bands:],
    )  # fmt: skip
    try:
        root = np.linalg.cholesky(own)
        left = np.linalg.solve(root, both)
        squares, vectors = np.linalg.eigh(left @ np.linalg.solve(other, left.T))
        first = np.linalg.solve(root.T, vectors)
        second = np.linalg.solve(other, both.T @ first)
    except np.linalg.LinAlgError as error:
        msg = (
            "the variates of the pair can not be solved for: a band does not vary, or is a copy of "
            "another, in one of the images; compare images with bands of their own"
        )
        raise SceneError(msg) from error
    correlations = np.sqrt(np.clip(squares, 0.0, 1.0))
    second = second / np.sqrt(np.maximum(np.diag(second.T @ other @ second), 1e-300))
    matrix = np.hstack([-first.T, second.T])
    turned = np.where((second * np.diag(other)[:, None] ** 0.5).sum(axis=0) < 0, -1.0, 1.0)
    return MadModel(mean, matrix * turned[:, None], correlations, step, settled=False)
