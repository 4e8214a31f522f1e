"""Logarithm of a whole image, and the evidence that is a straight line of it; float32, vectorised."""

import numpy as np

from changedetect.kernels._jit import kernel

LANES = 1024
_MANTISSA, _ONE, _BIAS, _SHIFT = 0x007FFFFF, 0x3F800000, 127, 23
ROOT_2, _HALF = np.float32(1.41421356), np.float32(0.5)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
LOG_TERMS = tuple(
    np.float32(c)
    for c in (
        7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
        -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    )
)  # fmt: skip
"""Coefficients of ``logf`` of the Cephes library (Moshier, 1989, section "log")."""


@kernel
def natural_log(values: np.ndarray, out: np.ndarray) -> None:
    """Take the natural logarithm, right to the last digit or two of float32.

    Parameters
    ----------
    values
        ``(n,)`` float32, normal numbers above 0.
    out
        ``(n,)`` float32, is set.
    """
    bits = values.view(np.int32)
    for k in range(len(out)):
        exponent = (bits[k] >> _SHIFT) - np.int32(_BIAS)
        out[k] = np.float32(exponent)
    mantissa = np.empty(len(out), np.int32)
    for k in range(len(out)):
        mantissa[k] = (bits[k] & np.int32(_MANTISSA)) | np.int32(_ONE)
    parts = mantissa.view(np.float32)
    for k in range(len(out)):
        large = parts[k] > ROOT_2
        e = out[k] + (np.float32(1.0) if large else np.float32(0.0))
        x = (parts[k] * _HALF if large else parts[k]) - np.float32(1.0)
        z = x * x
        y = (
            (((LOG_TERMS[0] * x + LOG_TERMS[1]) * x + LOG_TERMS[2]) * x + LOG_TERMS[3]) * x
            + LOG_TERMS[4]
        ) * x + LOG_TERMS[5]
        y = (((y * x + LOG_TERMS[6]) * x + LOG_TERMS[7]) * x + LOG_TERMS[8]) * x * z
        y += LN2_LOW * e - _HALF * z
        out[k] = x + y + LN2_HIGH * e


@kernel
def log_evidence(
    distance: np.ndarray, line: tuple[float, float], least: float, form: tuple[int, int],
    out: np.ndarray,
) -> None:  # fmt: skip
    """Quantise a straight line of the logarithm of a distance.

    Parameters
    ----------
    distance
        ``(n,)`` float32; NaN is not observed.
    line
        Slope and level: evidence is ``slope * ln(distance) + level``, rounded half to even.
    least
        Smaller distances count as this one; above 0.
    form
        Evidence is cut at ± the first; the second stands for not observed.
    out
        ``(n,)`` int16, is set.
    """
    slope, level = np.float32(line[0]), np.float32(line[1])
    top, floor = np.float32(form[0]), np.float32(least)
    nothing = np.int32(form[1])
    safe, log = np.empty(LANES, np.float32), np.empty(LANES, np.float32)
    for begin in range(0, len(distance), LANES):
        part, target = distance[begin : begin + LANES], out[begin : begin + LANES]
        for k in range(len(part)):
            safe[k] = max(floor, part[k])
        natural_log(safe[: len(part)], log[: len(part)])
        for k in range(len(part)):
            value = np.rint(log[k] * slope + level)
            value = max(min(value, top), -top)
            target[k] = np.int16(nothing if np.isnan(part[k]) else np.int32(value))
