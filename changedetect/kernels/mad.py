"""Multivariate alteration detection: weighted moments of a pair, and its variates.

A pixel is the vector ``v`` of the bands before followed by the bands after; a variate is a linear
combination of both dates whose variance under no change is known. The sum of its squares over these
variances follows chi-square with as many degrees of freedom as there are variates: Nielsen (2007),
doi:10.1109/TIP.2006.888195, equations 2 to 9.
"""

import math

import numpy as np

from changedetect.kernels._jit import kernel

PIECE_PX = 1024
"""Pixels whose rows stay in the near caches."""

HALF = 0.5
ONE = np.float32(1.0)


@kernel
def no_change(chi_square: float, freedom: int) -> float:
    """Return the probability that chi-square of so many degrees of freedom is larger.

    Abramowitz and Stegun (1964), equations 26.4.4 and 26.4.5: closed sums for whole degrees.
    """
    half = HALF * chi_square
    if freedom % 2:
        total, term, first = math.erfc(math.sqrt(half)), math.sqrt(half / math.pi) * 2.0, 1.5
    else:
        total, term, first = 0.0, 1.0, 1.0
    power = math.exp(-half)
    for k in range(freedom // 2):
        total += power * term
        term *= half / (first + k)
    return total


@kernel
def weighted_moments(
    samples: np.ndarray, centre: np.ndarray, variates: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> tuple[float, np.ndarray, np.ndarray]:
    """Add up sample pixels, each weighted by its probability of no change.

    Parameters
    ----------
    samples
        ``(pixel, 2 * band)`` float32; no missing values.
    centre
        ``(2 * band,)`` float64, about the mean: products are summed around it.
    variates
        ``(variate, 2 * band)`` and ``(variate,)`` float64: variates ``matrix @ v - offset``, and
        ``(variate,)`` one over their variance under no change. No variate = all weights are 1.

    Returns
    -------
    tuple
        Sum of weights; ``(2 * band,)`` weighted sum of ``v - centre``; ``(2 * band, 2 * band)``
        weighted sum of its products; float64, in the order of the pixels.
    """
    matrix, offset, inverse = variates
    count, size = samples.shape
    weights, sums, products = 0.0, np.zeros(size), np.zeros((size, size))
    pixel = np.empty(size)
    for row in range(count):
        chi_square = 0.0
        for k in range(len(offset)):
            value = -offset[k]
            for i in range(size):
                value += matrix[k, i] * samples[row, i]
            chi_square += value * value * inverse[k]
        weight = no_change(chi_square, len(offset)) if len(offset) else 1.0
        weights += weight
        for i in range(size):
            pixel[i] = samples[row, i] - centre[i]
            sums[i] += weight * pixel[i]
        for i in range(size):
            weighted = weight * pixel[i]
            for j in range(i, size):
                products[i, j] += weighted * pixel[j]
    for i in range(size):
        for j in range(i):
            products[i, j] = products[j, i]
    return weights, sums, products


@kernel
def mad_variates(
    stack: np.ndarray,
    centre: np.ndarray,
    matrix: np.ndarray,
    inverse: np.ndarray,
    out: np.ndarray,
) -> None:
    """Compute the variates of every pixel of a stack, and the sum of their squares.

    Parameters
    ----------
    stack
        ``(2 * band, pixel)`` float32; a pixel that lacks a value is NaN in the result.
    centre
        ``(2 * band,)`` float32, mean of each.
    matrix
        ``(variate, 2 * band)`` float32: variates ``matrix @ (v - centre)``.
    inverse
        ``(variate,)`` float32, one over their variance under no change.
    out
        ``(variate + 1, pixel)`` float32, is set: variates, then chi-square.
    """
    size, pixels = stack.shape
    variates = len(inverse)
    for first in range(0, pixels, PIECE_PX):
        last = min(first + PIECE_PX, pixels)
        total = out[variates, first:last]
        total[:] = np.float32(0.0)
        for k in range(variates):
            value = out[k, first:last]
            value[:] = np.float32(0.0)
            for i in range(size):
                line, factor, mean = stack[i, first:last], matrix[k, i], centre[i]
                for x in range(len(value)):
                    value[x] += factor * (line[x] - mean)
            scale = inverse[k]
            for x in range(len(value)):
                total[x] += value[x] * value[x] * scale
