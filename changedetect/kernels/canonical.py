"""Moments and per-pixel statistics of multivariate alteration detection.

A pixel is the vector ``v`` of the bands before followed by the bands after. A linear transform
with unit variance under no change turns it into variates whose squares add up to a chi-squared
(Nielsen, 2007, doi:10.1109/TIP.2006.888195, equations 5 to 7).
"""

import math

import numpy as np

from changedetect.kernels._jit import kernel

QUANTUM = 256
"""Quantised scores and guides count 1/256; sums of them are exact whatever the order."""

SCORE_TOP = 32767
GUIDE_TOP = 2047


@kernel
def chi2_survival(value: float, degrees: int) -> float:
    """Return the probability that a chi-squared variable is larger than a value.

    Parameters
    ----------
    value
        Chi-squared, not negative.
    degrees
        Degrees of freedom, at least 1.

    Returns
    -------
    float
        Upper tail, 0 to 1 (Abramowitz and Stegun, equations 26.4.4 and 26.4.5).

    Examples
    --------
    >>> round(float(chi2_survival(5.991464547, 2)), 6)
    0.05
    """
    half = 0.5 * value
    if degrees % 2 == 0:
        term = math.exp(-half)
        total = term
        for index in range(1, degrees // 2):
            term *= half / index
            total += term
        return min(total, 1.0)
    total = math.erfc(math.sqrt(half))
    term = math.sqrt(half / math.pi) * 2.0 * math.exp(-half)
    for index in range(1, (degrees + 1) // 2):
        total += term
        term *= half / (index + 0.5)
    return min(total, 1.0)


@kernel
def reweighted_moments(
    samples: np.ndarray, matrix: np.ndarray, offset: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Weigh each pixel by its probability of no change and add up first and second moments.

    Parameters
    ----------
    samples
        ``(pixel, 2 * band)`` float32; no missing values.
    matrix, offset
        ``(variate, 2 * band)`` and ``(variate,)`` float64; variates ``matrix @ v - offset`` of
        unit variance under no change. All zero: every pixel weighs 1.

    Returns
    -------
    tuple
        Sum of weights; ``(2 * band,)`` weighted sums; ``(2 * band, 2 * band)`` weighted sums of
        products. float64, added in the order of the samples.
    """
    n, p = samples.shape
    variates = matrix.shape[0]
    total = 0.0
    sums = np.zeros(p)
    products = np.zeros((p, p))
    pixel = np.empty(p)
    for row in range(n):
        for i in range(p):
            pixel[i] = samples[row, i]
        distance = 0.0
        for k in range(variates):
            variate = -offset[k]
            for i in range(p):
                variate += matrix[k, i] * pixel[i]
            distance += variate * variate
        weight = chi2_survival(distance, variates)
        total += weight
        for i in range(p):
            part = weight * pixel[i]
            sums[i] += part
            for j in range(i + 1):
                products[i, j] += part * pixel[j]
    for i in range(p):
        for j in range(i):
            products[j, i] = products[i, j]
    return total, sums, products


@kernel
def distance_and_guide(
    stack: np.ndarray, matrix: np.ndarray, offset: np.ndarray, variates: int
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the change distance of every pixel and the guide of its neighbourhood, quantised.

    Parameters
    ----------
    stack
        ``(2 * band, y, x)`` float32; bands before, then bands after; NaN is no data in any.
    matrix, offset
        ``(variate + guide, 2 * band)`` and ``(variate + guide,)`` float64; the first rows make
        the variates, the others the guide.
    variates
        How many rows make variates.

    Returns
    -------
    tuple of ndarray
        ``(y, x)`` int32 root of the sum of squared variates × 256, -1 where not observed; and
        ``(y, x, guide)`` int16 guide × 256, clipped, 0 where not observed.
    """
    p, height, width = stack.shape
    rows = matrix.shape[0]
    score = np.empty((height, width), np.int32)
    guide = np.zeros((height, width, rows - variates), np.int16)
    pixel = np.empty(p)
    for y in range(height):
        for x in range(width):
            seen = True
            for i in range(p):
                pixel[i] = stack[i, y, x]
                seen = seen and not math.isnan(pixel[i])
            if not seen:
                score[y, x] = -1
                continue
            distance = 0.0
            for k in range(rows):
                value = -offset[k]
                for i in range(p):
                    value += matrix[k, i] * pixel[i]
                if k < variates:
                    distance += value * value
                else:
                    scaled = min(max(value * QUANTUM, -GUIDE_TOP), GUIDE_TOP)
                    guide[y, x, k - variates] = np.int16(round(scaled))
            score[y, x] = np.int32(round(min(math.sqrt(distance) * QUANTUM, SCORE_TOP)))
    return score, guide
