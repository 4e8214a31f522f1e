"""When the land changed: the likeliest dates in a window of recent innovations, for one pixel.

The window keeps the last innovations, whitened and cut, as whole numbers, with their days. The
evidence that the mean of an innovation left zero with date ``k`` of ``n`` is the log-likelihood
ratio ``|Σ_{i≥k} ψ_i|² / 2(n-k)`` (Hinkley 1970, DOI 10.1093/biomet/57.1.1, section 2, for a known
first mean and a known variance, here in several dimensions). All dates whose evidence is near the
largest may be the first of the new state; the bracket runs from the date before the earliest of
them to the latest.
"""

import numpy as np

from changedetect.kernels._jit import kernel

STEPS = 127
"""An innovation of the length at which innovations are cut, in stored units (int8)."""

WINDOW = 24
"""Innovations that are kept: what half a pixel needs to be confirmed, twice over. [dates]"""


@kernel
def remember(
    z: np.ndarray, clip: float, since: int, seen: int, recent: np.ndarray, recent_days: np.ndarray
) -> None:
    """Write an innovation over the oldest one.

    Parameters
    ----------
    z
        ``(index,)`` float64 whitened innovation. [sigma]
    clip
        Longer innovations are cut to this length. [sigma]
    since
        Days since the model's first date. [day]
    seen
        How many were written before since the window was emptied.
    recent, recent_days
        ``(WINDOW, index)`` int8 and ``(WINDOW,)`` uint16, changed in place.
    """
    square = 0.0
    for i in range(z.shape[0]):
        square += z[i] * z[i]
    scale = STEPS / max(np.sqrt(square), clip)
    slot = seen % recent.shape[0]
    for i in range(z.shape[0]):
        recent[slot, i] = np.int8(np.rint(scale * z[i]))
    recent_days[slot] = np.uint16(since)


@kernel
def change_dates(
    seen: int, recent: np.ndarray, recent_days: np.ndarray, clip: float, tolerance: float
) -> tuple[int, int]:
    """Return the last day that surely saw the old state and the first that surely saw the new.

    Parameters
    ----------
    seen
        How many innovations were written since the window was emptied; at least 2. The oldest in
        the window is taken to have seen the old state.
    recent, recent_days
        As in `remember`.
    clip
        Length of an innovation of `STEPS`. [sigma]
    tolerance
        Dates are as likely as the likeliest whose evidence is no lower than this below it.

    Returns
    -------
    tuple of int
        Days since the model's first date.
    """
    size, count = recent.shape
    kept = min(seen, size)
    first = seen - kept
    total = np.zeros(count)
    evidence = np.zeros(kept)
    unit = 0.5 * (clip / STEPS) ** 2
    for k in range(kept - 1, 0, -1):
        square = 0.0
        for i in range(count):
            total[i] += recent[(first + k) % size, i]
            square += total[i] * total[i]
        evidence[k] = unit * square / (kept - k)
    best = np.max(evidence[1:])
    earliest, latest = 0, 0
    for k in range(kept - 1, 0, -1):
        if evidence[k] >= best - tolerance:
            earliest = k
            latest = max(latest, k)
    before = recent_days[(first + earliest - 1) % size]
    return int(before), int(recent_days[(first + latest) % size])
