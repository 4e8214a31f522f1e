"""Numbers that tell two pictures alike, and a screen from the world; plain numpy, no compilation."""

import numpy as np

_LOWEST, _HIGHEST = 0.08, 0.48
"""Part of the spectrum that is looked at. [cycles/px]"""
_AXIS_BINS = 3
"""Bins beside the axes that are left out: edges of the picture and of its 8-pixel blocks lie there."""
_RINGS = 40


def difference_hash(grey: np.ndarray) -> int:
    """Return the difference hash of a picture: is each of 8 × 8 places darker than its right neighbour?

    Parameters
    ----------
    grey
        ``(8, 9)`` brightness of the picture made that small.

    Returns
    -------
    int
        64 bits, the upper left place first.

    References
    ----------
    N. Krawetz, "Kind of Like That", The Hacker Factor Blog, 2013 (dHash).

    Examples
    --------
    >>> import numpy as np
    >>> hex(difference_hash(np.tile(np.arange(9.0), (8, 1))))
    '0xffffffffffffffff'
    """
    bits = (grey[:, :-1] < grey[:, 1:]).ravel()
    return int("".join("1" if bit else "0" for bit in bits), 2)


def spectral_peak(grey: np.ndarray) -> float:
    """Return how far the highest peak of the spectrum stands over the median of its ring.

    A photographed screen shows the beat of its pixels with the camera's (moiré): single sharp peaks away
    from the axes. Roof tiles, fences and rows of crops can do the same, so a high value is a suspicion.

    Parameters
    ----------
    grey
        ``(side, side)`` brightness at the camera's own resolution.

    Returns
    -------
    float
        Decimal logarithm of peak over median power, the highest of all rings; 0 for a picture without
        structure or one smaller than 64 pixels.
    """
    side = min(grey.shape)
    if side < 64:
        return 0.0
    window = np.hanning(side)
    flat = (grey[:side, :side] - grey[:side, :side].mean()) * np.outer(window, window)
    power = np.abs(np.fft.rfft2(flat)) ** 2
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    radius = np.hypot(fy, fx)
    near = _AXIS_BINS / side
    looked = (radius > _LOWEST) & (radius < _HIGHEST) & (np.abs(fy) > near) & (np.abs(fx) > near)
    ring = ((radius - _LOWEST) / (_HIGHEST - _LOWEST) * _RINGS).astype(np.int64)
    highest = 0.0
    for number in range(_RINGS):
        values = power[looked & (ring == number)]
        middle = np.median(values) if values.size else 0.0
        if middle > 0:
            highest = max(highest, float(np.log10(values.max() / middle)))
    return highest
