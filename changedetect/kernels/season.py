"""The terms of a harmonic season on a day: level, one and two cycles a year."""

import numpy as np

from changedetect.kernels._jit import kernel

TERMS = 5
"""Terms of the harmonic model: level, and cosine and sine of one and two cycles a year."""

SEASONS = 4
"""Parts of the year with a noise of their own; the first begins with December."""

YEAR_DAYS = 365.2425
"""Mean length of a Gregorian year. [day]"""


@kernel
def regressors(day: int) -> np.ndarray:
    """Return ``x(t)`` of a day.

    Parameters
    ----------
    day
        Proleptic Gregorian ordinal. [day]

    Returns
    -------
    ndarray
        ``(term,)`` float64.
    """
    angle = 2.0 * np.pi * (day % (400 * YEAR_DAYS)) / YEAR_DAYS
    return np.array([1.0, np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)])


@kernel
def slopes(day: int) -> np.ndarray:
    """Return the derivative of `regressors` by the day. [1 / day]"""
    rate = 2.0 * np.pi / YEAR_DAYS
    x = regressors(day)
    return rate * np.array([0.0, -x[2], x[1], -2.0 * x[4], 2.0 * x[3]])


@kernel
def season_of(day: int) -> int:
    """Return the quarter of the year (0 = December to February) of an ordinal day."""
    return int(((day + 30) % YEAR_DAYS) / YEAR_DAYS * SEASONS)


@kernel
def position_of(day: int) -> float:
    """Return where a day lies between the middles of quarters: 0 = middle of the first, below 4."""
    place = ((day + 30) % YEAR_DAYS) / YEAR_DAYS * SEASONS - 0.5
    return float(place if place >= 0.0 else place + SEASONS)
