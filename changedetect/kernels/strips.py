"""Strips of pixels of a series: their state into rows and back, the values of a date, a new start.

Rows of a strip stand in `lanes`.
"""

import numpy as np

from changedetect.kernels._jit import uncounted
from changedetect.kernels.lanes import (
    BARE_ROW,
    BETA,
    COVARIANCE,
    FIRST_ROW,
    INDEX_SIZE,
    LANES,
    LAST_ROW,
    LOSS_ROW,
    MEAN,
    NOISE,
    NONE,
    OBSERVATIONS_ROW,
    ONE,
    PAIR_SIZE,
    REST,
    SEASON_ROW,
    SEEN,
    USUAL,
    VALUE,
    blend,
    choose,
)
from changedetect.kernels.season import SEASONS


@uncounted
def copy_in(
    source: np.ndarray, start: int, rows: np.ndarray, place: int, lanes: int = LANES
) -> None:
    """Lay pixels from ``start`` of every row of ``(row, px)`` into rows of a strip; others are 0."""
    count = min(lanes, source.shape[1] - start)
    for k in range(source.shape[0]):
        row = rows[place + k * lanes : place + (k + 1) * lanes]
        given = source[k, start : start + count]
        for i in range(len(given)):
            row[i] = np.float32(given[i])
        for i in range(len(given), lanes):
            row[i] = NONE


@uncounted
def copy_out(
    rows: np.ndarray, place: int, target: np.ndarray, start: int, lanes: int = LANES
) -> None:
    """Lay rows of a strip back where `copy_in` took them from."""
    count = min(lanes, target.shape[1] - start)
    for k in range(target.shape[0]):
        row = rows[place + k * lanes : place + (k + 1) * lanes]
        taken = target[k, start : start + count]
        for i in range(len(taken)):
            taken[i] = row[i]


@uncounted
def read(
    arrays: tuple[np.ndarray, ...], start: int, rows: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    """Lay a strip of the state into rows.

    Parameters
    ----------
    arrays
        The first ten arrays of the state (`harmonic.absorb`).
    start
        First pixel.
    rows
        Scalars, indices, pairs of indices (`lanes`), are set.
    """
    coefficients, covariance, noise, season, bare, shift, usual, sums, days, counts = arrays
    s, parts, pairs = rows
    copy_in(covariance, start, s, COVARIANCE)
    copy_in(season, start, s, SEASON_ROW)
    copy_in(bare, start, s, BARE_ROW)
    copy_in(sums, start, s, LOSS_ROW)
    copy_in(days, start, s, FIRST_ROW)
    copy_in(counts, start, s, OBSERVATIONS_ROW)
    for b in range(shift.shape[0]):
        copy_in(coefficients[b], start, parts, b * INDEX_SIZE + BETA)
        copy_in(shift[b : b + 1], start, parts, b * INDEX_SIZE + MEAN)
        copy_in(usual[b : b + 1], start, parts, b * INDEX_SIZE + USUAL)
    for k in range(noise.shape[0]):
        copy_in(noise[k : k + 1], start, pairs, k * PAIR_SIZE + NOISE)


@uncounted
def write(
    arrays: tuple[np.ndarray, ...], start: int, rows: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    """Lay rows back where `read` took them from."""
    coefficients, covariance, noise, season, bare, shift, usual, sums, days, counts = arrays
    s, parts, pairs = rows
    copy_out(s, COVARIANCE, covariance, start)
    copy_out(s, SEASON_ROW, season, start)
    copy_out(s, BARE_ROW, bare, start)
    copy_out(s, LOSS_ROW, sums, start)
    copy_out(s, FIRST_ROW, days, start)
    copy_out(s, OBSERVATIONS_ROW, counts, start)
    for b in range(shift.shape[0]):
        copy_out(parts, b * INDEX_SIZE + BETA, coefficients[b], start)
        copy_out(parts, b * INDEX_SIZE + MEAN, shift[b : b + 1], start)
        copy_out(parts, b * INDEX_SIZE + USUAL, usual[b : b + 1], start)
    for k in range(noise.shape[0]):
        copy_out(pairs, k * PAIR_SIZE + NOISE, noise[k : k + 1], start)


@uncounted
def gather(values: np.ndarray, start: int, out: np.ndarray) -> None:
    """Copy a strip of all dates, ``(date, band, px)``: read together, they wait for memory once."""
    count = min(LANES, values.shape[2] - start)
    for k in range(values.shape[0]):
        for b in range(values.shape[1]):
            given, row = values[k, b, start : start + count], out[k, b]
            for i in range(len(given)):
                row[i] = given[i]


@uncounted
def observe(
    values: np.ndarray,
    count: int,
    bands: tuple[np.ndarray, np.ndarray],
    s: np.ndarray,
    parts: np.ndarray,
) -> tuple[int, int]:
    """Read the values of a date; return how many pixels saw something, and how many begin."""
    green, indices = bands
    for i in range(LANES):
        s[SEEN + i] = choose(i < count, ONE, NONE)
    for b in range(len(indices)):
        row = parts[b * INDEX_SIZE + VALUE : b * INDEX_SIZE + VALUE + count]
        if b == 0 and len(green) > 0:
            _ratio(values[green[0]], values[green[1]], s, row)
            continue
        given = values[indices[b]]
        for i in range(len(row)):
            value = given[i]
            finite = value - value == NONE
            s[SEEN + i] *= choose(finite, ONE, NONE)
            row[i] = choose(finite, value, NONE)
    seen, fresh = 0, 0
    for i in range(LANES):
        seen += 1 if s[SEEN + i] > NONE else 0
        fresh += 1 if (s[SEEN + i] > NONE) & (s[OBSERVATIONS_ROW + i] == NONE) else 0
    return seen, fresh


@uncounted
def _ratio(red: np.ndarray, nir: np.ndarray, s: np.ndarray, row: np.ndarray) -> None:
    """Set the normalised difference of two bands, cut at ±1; not seen where they sum to nothing."""
    for i in range(len(row)):
        total = nir[i] + red[i]
        ratio = (nir[i] - red[i]) / total
        ratio = choose(ratio > ONE, ONE, ratio)
        ratio = choose(ratio < -ONE, -ONE, ratio)
        finite = (total > NONE) & (ratio - ratio == NONE)
        s[SEEN + i] *= choose(finite, ONE, NONE)
        row[i] = choose(finite, ratio, NONE)


@uncounted
def begin(
    day: int,
    prior: np.ndarray,
    noise_floor: np.ndarray,
    bare_prior: float,
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Set pixels that are seen for the first time back to what is known before."""
    s, parts, pairs = rows
    n, terms = len(noise_floor), len(prior)
    fresh = s[REST : REST + LANES]
    for i in range(LANES):
        fresh[i] = choose(s[OBSERVATIONS_ROW + i] == NONE, s[SEEN + i], NONE)
    for place in (FIRST_ROW, LAST_ROW):
        _lay(fresh, np.float32(day), s[place : place + LANES])
    for k in range(SEASONS):
        _lay(fresh, ONE, s[SEASON_ROW + k * LANES : SEASON_ROW + (k + 1) * LANES])
        _lay(fresh, np.float32(bare_prior), s[BARE_ROW + k * LANES : BARE_ROW + (k + 1) * LANES])
    at = COVARIANCE
    for one in range(terms):
        for other in range(one, terms):
            _lay(fresh, choose(one == other, np.float32(prior[one]), NONE), s[at : at + LANES])
            at += LANES
    at = NOISE
    for one in range(n):
        part = parts[one * INDEX_SIZE : (one + 1) * INDEX_SIZE]
        for i in range(LANES):
            part[BETA + i] = blend(fresh[i], part[VALUE + i], part[BETA + i])
        for term in range(1, terms):
            _lay(fresh, NONE, part[BETA + term * LANES : BETA + (term + 1) * LANES])
        for other in range(one, n):
            floor = choose(one == other, np.float32(noise_floor[one]), NONE)
            _lay(fresh, floor, pairs[at : at + LANES])
            at += PAIR_SIZE


@uncounted
def _lay(fresh: np.ndarray, value: np.float32, row: np.ndarray) -> None:
    """Set a row to a number where a pixel begins."""
    for i in range(LANES):
        row[i] = blend(fresh[i], value, row[i])
