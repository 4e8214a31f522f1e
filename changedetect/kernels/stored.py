"""Stored numbers become physical quantities: one pass, no temporaries."""

import numpy as np

from changedetect.kernels._jit import kernel


@kernel
def to_quantity(
    stored: np.ndarray,
    scale: np.ndarray,
    offset: np.ndarray,
    nodata: float,
    black: bool,
    out: np.ndarray,
) -> None:
    """Turn stored numbers into quantities: ``stored * scale + offset``, rounded once to float32.

    Parameters
    ----------
    stored
        ``(band, y, x)`` of any number type.
    scale, offset
        ``(band,)`` float64.
    nodata
        Stored value that means no data; NaN = none (NaN is no data anyhow).
    black
        A pixel that is 0 in all bands is no data.
    out
        ``(band, y, x)`` float32, may be a view; every pixel is set, NaN is no data or not finite.
    """
    bands, height, width = stored.shape
    for band in range(bands):
        for y in range(height):
            for x in range(width):
                value = np.float64(stored[band, y, x])
                quantity = np.float32(value * scale[band] + offset[band])
                known = np.isfinite(quantity) and value != nodata
                out[band, y, x] = quantity if known else np.float32(np.nan)
    if black:
        _hide_black(stored, out)


@kernel
def _hide_black(stored: np.ndarray, out: np.ndarray) -> None:
    bands, height, width = stored.shape
    for y in range(height):
        for x in range(width):
            if stored[0, y, x] == 0:
                dark = True
                for band in range(1, bands):
                    dark = dark and stored[band, y, x] == 0
                if dark:
                    for band in range(bands):
                        out[band, y, x] = np.float32(np.nan)
