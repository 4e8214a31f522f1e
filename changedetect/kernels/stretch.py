"""Brightness of a picture from numbers between two limits."""

import numpy as np

from changedetect.kernels._jit import kernel


@kernel
def brighten(
    band: np.ndarray, observed: np.ndarray, low: float, high: float, out: np.ndarray
) -> None:
    """Write one band of a picture: 0 at the lower limit, 255 at the upper one, cut beyond them.

    Parameters
    ----------
    band
        ``(y, x)`` float32, any unit; NaN only where not observed.
    observed
        ``(y, x)`` bool; other pixels of the picture stay as they are.
    low, high
        Limits; everything is 0 where they are one.
    out
        ``(y, x)`` uint8, any strides. [0-255]
    """
    span = high - low
    for y in range(band.shape[0]):
        for x in range(band.shape[1]):
            if not observed[y, x]:
                continue
            share = (np.float64(band[y, x]) - low) / span if span > 0 else 0.0
            out[y, x] = np.uint8(np.rint(min(max(share, 0.0), 1.0) * 255.0))
