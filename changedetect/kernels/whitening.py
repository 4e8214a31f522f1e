"""Innovations of a strip of pixels, whitened by the covariance that a season and its noise have.

Rows of a strip stand in `lanes`.
"""

import numpy as np

from changedetect.kernels._jit import uncounted
from changedetect.kernels.lanes import (
    BETA,
    INDEX_SIZE,
    INNOVATION,
    LANES,
    NARROW,
    NOISE,
    NONE,
    ONE,
    PAIR_SIZE,
    ROOT,
    SEASON_ROW,
    SPREAD,
    SQUARE,
    STEEP,
    SWING,
    TILT,
    WIDE,
    Z_LENGTH,
    Z,
    choose,
)

_LEAST_PART = np.float32(0.01)
_TWO_CYCLES = 5


@uncounted
def _pair_of(one: int, other: int, n: int) -> int:
    """Return where a pair of indices lies in the packed upper triangle; ``one`` <= ``other``."""
    return one * (2 * n - 1 - one) // 2 + other


@uncounted
def _row(one: int, other: int, n: int) -> int:
    """Return where the row of a pair stands by which innovations are whitened."""
    return _pair_of(one, other, n) * PAIR_SIZE + WIDE


@uncounted
def _widen(n: int, terms: int, other_share: float, parts: np.ndarray, pairs: np.ndarray) -> None:
    """Add to the noise what a shifted, a lost and another season are."""
    share = np.float32(0.5 * other_share * other_share)
    k = 0
    for one in range(n):
        mine = parts[one * INDEX_SIZE : (one + 1) * INDEX_SIZE]
        for other in range(one, n):
            theirs = parts[other * INDEX_SIZE : (other + 1) * INDEX_SIZE]
            pair = pairs[k * PAIR_SIZE : (k + 1) * PAIR_SIZE]
            if terms == _TWO_CYCLES:
                for i in range(LANES):
                    tilted = pair[NOISE + i] + mine[TILT + i] * theirs[TILT + i]
                    season = mine[BETA + LANES + i] * theirs[BETA + LANES + i]
                    season += mine[BETA + 2 * LANES + i] * theirs[BETA + 2 * LANES + i]
                    other_season = mine[BETA + 3 * LANES + i] * theirs[BETA + 3 * LANES + i]
                    other_season += mine[BETA + 4 * LANES + i] * theirs[BETA + 4 * LANES + i]
                    swing = mine[SWING + i] * theirs[SWING + i]
                    pair[WIDE + i] = tilted + swing + share * season + share * other_season
            else:
                for i in range(LANES):
                    tilted = pair[NOISE + i] + mine[TILT + i] * theirs[TILT + i]
                    season = mine[BETA + LANES + i] * theirs[BETA + LANES + i]
                    season += mine[BETA + 2 * LANES + i] * theirs[BETA + 2 * LANES + i]
                    swing = mine[SWING + i] * theirs[SWING + i]
                    pair[WIDE + i] = tilted + swing + share * season
            k += 1


@uncounted
def _factor(n: int, floor: np.ndarray, pairs: np.ndarray) -> None:
    """Turn the packed matrix plus the floor into its Cholesky factor, one over the diagonal."""
    for row in range(n):
        for col in range(row + 1):
            at = _pair_of(col, row, n) * PAIR_SIZE + WIDE
            target = pairs[at : at + LANES]
            for k in range(0, col - 1, 2):
                left, right = pairs[_row(k, row, n) :], pairs[_row(k, col, n) :]
                next_left, next_right = pairs[_row(k + 1, row, n) :], pairs[_row(k + 1, col, n) :]
                for i in range(LANES):
                    target[i] = target[i] - left[i] * right[i] - next_left[i] * next_right[i]
            if col % 2 == 1:
                left, right = pairs[_row(col - 1, row, n) :], pairs[_row(col - 1, col, n) :]
                for i in range(LANES):
                    target[i] -= left[i] * right[i]
            if row == col:
                added = np.float32(floor[row])
                least = added * _LEAST_PART
                for i in range(LANES):
                    total = target[i] + added
                    target[i] = ONE / np.sqrt(choose(total > least, total, least))
            else:
                at = _pair_of(col, col, n) * PAIR_SIZE + WIDE
                inverse = pairs[at : at + LANES]
                for i in range(LANES):
                    target[i] *= inverse[i]


@uncounted
def whiten(
    floor: np.ndarray,
    terms: int,
    other_share: float,
    quarter: int,
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Whiten the innovations of a strip in place; set their squared length and how noisy it is.

    Parameters
    ----------
    floor
        ``(index,)`` float64; variance added to the noise. [index²]
    terms
        Of the harmonic model.
    other_share
        How much of what a season does at other times may come, 1 sigma.
    quarter
        Of the year.
    rows
        Of the strip: scalars, indices, pairs of indices (`lanes`).
    """
    s, parts, pairs = rows
    n = len(floor)
    _widen(n, terms, other_share, parts, pairs)
    first, place = np.float32(floor[0]), SEASON_ROW + quarter * LANES
    season = s[place : place + LANES]
    for i in range(LANES):
        tilt = parts[TILT + i]
        variance = (pairs[NOISE + i] + tilt * tilt + first) * s[SPREAD + i]
        narrow = ONE / np.sqrt(choose(season[i] > ONE, season[i], ONE))
        s[STEEP + i] = narrow / np.sqrt(variance)
        s[NARROW + i] = s[ROOT + i] * narrow
        s[SQUARE + i] = NONE
    _factor(n, floor, pairs)
    for b in range(n):
        part = parts[b * INDEX_SIZE : (b + 1) * INDEX_SIZE]
        z = part[Z : Z + LANES]
        for i in range(LANES):
            z[i] = part[INNOVATION + i] * s[NARROW + i]
        for k in range(b):
            at = _pair_of(k, b, n) * PAIR_SIZE + WIDE
            left, known = pairs[at : at + LANES], parts[k * INDEX_SIZE + Z :]
            for i in range(LANES):
                z[i] -= left[i] * known[i]
        at = _pair_of(b, b, n) * PAIR_SIZE + WIDE
        inverse = pairs[at : at + LANES]
        for i in range(LANES):
            z[i] *= inverse[i]
            s[SQUARE + i] += z[i] * z[i]
    for i in range(LANES):
        square = s[SQUARE + i]
        s[Z_LENGTH + i] = np.sqrt(square)
        s[SQUARE + i] = square * choose(season[i] > ONE, season[i], ONE)
