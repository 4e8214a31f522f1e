"""Class of a pixel by its spectrum before, and how unusual its spectrum after is for that class.

A pixel is the vector ``v`` of the bands before followed by the bands after. Every class has a few
usual outcomes; each has a linear transform that turns ``v`` into residuals of the spectrum after,
whitened: unit variance under no change, so that their squares add up to a squared Mahalanobis
distance. The outcome that explains a pixel best counts.
"""

import math

import numpy as np

from changedetect.kernels._jit import kernel

QUANTUM = 256
"""Quantised scores and guides count 1/256; sums of them are exact whatever the order."""

SCORE_TOP = 32767
GUIDE_TOP = 2047


@kernel
def nearest_class(pixel: np.ndarray, slopes: np.ndarray, levels: np.ndarray) -> int:
    """Return the class whose linear score ``slopes @ pixel + levels`` is largest.

    Parameters
    ----------
    pixel
        ``(band,)`` float64, or longer: what follows is not read.
    slopes, levels
        ``(class, band)`` and ``(class,)`` float64. With slopes ``2 * centre`` and levels
        ``-|centre|**2`` this is the nearest centre; the first of equals.

    Returns
    -------
    int
        Index of the class.
    """
    best, top = 0, -math.inf
    for c in range(slopes.shape[0]):
        value = levels[c]
        for i in range(slopes.shape[1]):
            value += slopes[c, i] * pixel[i]
        if value > top:
            best, top = c, value
    return best


@kernel
def nearest_outcome(
    pixel: np.ndarray, matrix: np.ndarray, offset: np.ndarray, penalty: np.ndarray
) -> tuple[int, float]:
    """Return the outcome that explains a pixel best, and how far the pixel is from it.

    With penalties ``ln|S| - 2 ln(share)`` (up to a constant) this is the most probable component
    of a mixture of Gaussians: McLachlan and Peel (2000), doi:10.1002/0471721182, equation 1.8, with
    the means on regression lines.

    Parameters
    ----------
    pixel
        ``(2 * band,)`` float64.
    matrix, offset
        ``(outcome, variate, 2 * band)`` and ``(outcome, variate)`` float64.
    penalty
        ``(outcome,)`` float64, at least 0, added to the squared distance; inf = no such outcome.

    Returns
    -------
    tuple
        Index of the outcome, the first of equals; squared distance plus penalty.
    """
    best, least = 0, math.inf
    for m in range(len(penalty)):
        total = penalty[m]
        for k in range(matrix.shape[1]):
            if total >= least:
                break
            value = -offset[m, k]
            for i in range(matrix.shape[2]):
                value += matrix[m, k, i] * pixel[i]
            total += value * value
        if total < least:
            best, least = m, total
    return best, least


@kernel
def class_distances(
    samples: np.ndarray,
    chooser: tuple[np.ndarray, np.ndarray],
    variates: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Find class, outcome and squared distance of every sample pixel.

    Parameters
    ----------
    samples
        ``(pixel, 2 * band)`` float32; no missing values.
    chooser
        Slopes and levels of `nearest_class`.
    variates
        Matrix ``(class, outcome, variate, 2 * band)``, offset ``(class, outcome, variate)`` and
        penalty ``(class, outcome)``, float64, as `nearest_outcome` takes them.

    Returns
    -------
    tuple of ndarray
        ``(pixel,)`` int16 ``class * outcomes + outcome``, and ``(pixel,)`` float64 sum of squared
        variates plus penalty.
    """
    n, p = samples.shape
    matrix, offset, penalty = variates
    labels = np.empty(n, np.int16)
    squared = np.empty(n)
    pixel = np.empty(p)
    for row in range(n):
        for i in range(p):
            pixel[i] = samples[row, i]
        c = nearest_class(pixel, chooser[0], chooser[1])
        m, total = nearest_outcome(pixel, matrix[c], offset[c], penalty[c])
        labels[row] = c * penalty.shape[1] + m
        squared[row] = total
    return labels, squared


@kernel
def class_moments(
    samples: np.ndarray, labels: np.ndarray, squared: np.ndarray, cuts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add up count, sums and products of the pixels of every class that lie within its cut.

    Parameters
    ----------
    samples
        ``(pixel, 2 * band)`` float32; no missing values.
    labels, squared
        From `class_distances`.
    cuts
        ``(class,)`` float64; pixels with a larger squared distance are left out.

    Returns
    -------
    tuple of ndarray
        ``(class,)`` counts, ``(class, 2 * band)`` sums and ``(class, 2 * band, 2 * band)`` sums of
        products; float64, added in the order of the samples.
    """
    n, p = samples.shape
    classes = len(cuts)
    counts = np.zeros(classes)
    sums = np.zeros((classes, p))
    products = np.zeros((classes, p, p))
    for row in range(n):
        c = labels[row]
        if squared[row] > cuts[c]:
            continue
        counts[c] += 1.0
        for i in range(p):
            part = np.float64(samples[row, i])
            sums[c, i] += part
            for j in range(i + 1):
                products[c, i, j] += part * samples[row, j]
    for c in range(classes):
        for i in range(p):
            for j in range(i):
                products[c, j, i] = products[c, i, j]
    return counts, sums, products
