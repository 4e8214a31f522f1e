"""A strip of pixels side by side, each quantity a row of `LANES` float32 numbers, for the series.

Rows lie in one array at places that are known when the kernel is compiled, and loops run along a
row: so the compiler sees that rows do not overlap, and does eight pixels at once. A pixel never
sees its neighbour. Whole numbers (days, counts) are exact: they stay below 2^24. Places of rows are
compiled into the modules that use them: who changes one drops their compiled code.
"""

import numpy as np

from changedetect.kernels._jit import kernel
from changedetect.kernels.logarithm import LN2_HIGH, LN2_LOW, LOG_TERMS, ROOT_2

LANES = 192
"""Pixels of a strip: loops are long enough, and its rows stay in the near caches. [px]"""

NONE, ONE, HALF = np.float32(0.0), np.float32(1.0), np.float32(0.5)

_STATE = tuple(range(0, 21 * LANES, LANES))
FIRST_ROW, LAST_ROW, RUN_BEFORE_ROW, RUN_FIRST_ROW, BREAK_BEFORE_ROW, BREAK_AFTER_ROW = _STATE[:6]
OBSERVATIONS_ROW, RUN_ROW, WINDOWED_ROW = _STATE[6:9]
LOSS_ROW, ENERGY_ROW, STRENGTH_ROW, SCORE_ROW = _STATE[9:13]
SEASON_ROW, BARE_ROW = _STATE[13], _STATE[17]
"""Rows of the state; season and bare have four each."""

_WORK = tuple(range(21 * LANES, 40 * LANES, LANES))
SEEN, STEP, SPREAD, ROOT, STEEP, SQUARE, NARROW, LENGTH = _WORK[:8]
MATURE, LOSS_STEP, ALONG, MEAN_SQUARE, SCALE, CONFIRMED, REST, SLOT = _WORK[8:16]
FACTOR, NOISE_FACTOR, Z_LENGTH = _WORK[16:19]
RATE, ODD_LENGTH, ALARM_PART = SCALE, FACTOR, NOISE_FACTOR
LEAVES, LEFT_CUT = LOSS_STEP, MEAN_SQUARE
"""Rows of a date: seen (1 or 0), what variances of coefficients gain, ``1 + xᵀ P x``, one over its
root, one over the spread of greenness, squared length of the innovation, what innovations are
multiplied by before they are whitened, squared length of the mean innovation; mature, step of the
loss chart, innovation along the mean, squared mean, factor of a cut, confirmed, at rest, place in
the window; what is learnt; length of the whitened innovation, and, while the charts are fed, of what
is unusual of it, and the part of the alarm that counts; after that, how much of what leaves the window
is usual, and by how much it is cut."""

COVARIANCE = 40 * LANES
"""First of up to 15 rows of the packed covariance."""

GAIN = 55 * LANES
"""First of up to 5 rows of ``P x``."""

SIZE = 60 * LANES

VALUE, INNOVATION, Z, TILT, SWING, MEAN, USUAL, BETA = range(0, 8 * LANES, LANES)
LEFT = TILT
"""Rows of one index: its value, innovation, whitened innovation, how much an early or late season
moves it, its season, the weighted mean innovation, the usual one, and up to 5 coefficients; once
innovations are whitened, what leaves the window."""

INDEX_SIZE = 12 * LANES

NOISE, WIDE = 0, LANES
"""Rows of a pair of indices: covariance of the noise, and what innovations are whitened by."""

PAIR_SIZE = 2 * LANES

_LN2_INVERSE = np.float32(1.44269504)
_E = tuple(
    np.float32(c)
    for c in (
        1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
        5.0000001201e-1,
    )
)  # fmt: skip
"""Coefficients of ``expf`` of the Cephes library (Moshier, 1989, section "exp")."""

_LEAST_POWER = np.float32(-87.0)
_MANTISSA, _ONE_BITS, _BIAS, _SHIFT = (
    np.int32(0x007FFFFF), np.int32(0x3F800000), np.int32(127), np.int32(23),
)  # fmt: skip


@kernel
def blend(weight: np.float32, one: np.float32, other: np.float32) -> np.float32:
    """Return one number where the weight is 1, the other where it is 0; both finite.

    For rows that are changed in place: a choice there becomes a store under a mask, which costs
    some processors (Zen 3) ten times a plain one. A product with 1 is exact.
    """
    return np.float32(weight * one + (ONE - weight) * other)


@kernel
def choose(flag: bool | np.bool_, one: np.float32, other: np.float32) -> np.float32:
    """Return one number or the other."""
    return one if flag else other


@kernel
def bound(x: np.float32, most: np.float32) -> np.float32:
    """Cut a number to a size: no division, as its ratio to the size would need."""
    x = choose(x > most, most, x)
    return choose(x < -most, -most, x)


@kernel
def exponential(x: np.float32) -> np.float32:
    """Return ``exp(x)`` of a number not above 0, right to the last digit or two of float32."""
    x = max(_LEAST_POWER, x)
    n = np.rint(x * _LN2_INVERSE)
    f = (x - n * LN2_HIGH) - n * LN2_LOW
    y = ((((_E[0] * f + _E[1]) * f + _E[2]) * f + _E[3]) * f + _E[4]) * f + _E[5]
    power = np.int32((np.int32(n) + _BIAS) << _SHIFT)
    return np.float32((y * f * f + f + ONE) * power.view(np.float32))


@kernel
def logarithm(x: np.float32) -> np.float32:
    """Return ``ln(x)`` of a normal number above 0, right to the last digit or two of float32."""
    bits = np.float32(x).view(np.int32)
    e = np.float32(np.int32(bits >> _SHIFT) - _BIAS)
    part = np.int32((bits & _MANTISSA) | _ONE_BITS).view(np.float32)
    large = part > ROOT_2
    e = e + ONE if large else e
    x = (part * HALF if large else part) - ONE
    z = x * x
    y = (
        (((LOG_TERMS[0] * x + LOG_TERMS[1]) * x + LOG_TERMS[2]) * x + LOG_TERMS[3]) * x
        + LOG_TERMS[4]
    ) * x + LOG_TERMS[5]
    y = (((y * x + LOG_TERMS[6]) * x + LOG_TERMS[7]) * x + LOG_TERMS[8]) * x * z
    y = y + (LN2_LOW * e - HALF * z)
    return np.float32(x + y + LN2_HIGH * e)
