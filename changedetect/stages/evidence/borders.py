"""Borders of changed ground that show only after: evidence that no season gives.

What contrast between places a few pixels apart is usual is measured on the sample blocks of the
pair, per band and date, so gains and offsets of a band do not matter.
"""

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from changedetect.kernels.borders import REACH_PX, new_borders
from changedetect.tiling import in_order

APART_PX = 4
"""Distance of the places whose contrast is measured: that of the two sides of a border. [px]"""

TO_SIGMA = 1.4826
"""From the median of absolute values to a standard deviation, of normal ones."""

LEAST = 1e-6
"""A band that varies less counts as varying so much. [unit of the band]"""

BorderTeller = Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]
"""``(y, x)`` uint8 levels, rows and columns of the pixels asked about ``(n,)`` int64, and number of
levels -> ``(level, n)`` int8 of `kernels.borders`."""

__all__ = ["REACH_PX", "BorderTeller", "told_borders", "usual_contrast"]


def usual_contrast(stacks: Sequence[xr.DataArray], workers: int = 1) -> np.ndarray:
    """Measure what contrast is usual between places `APART_PX` apart.

    Parameters
    ----------
    stacks
        schema.STACK with two times each, one per sample block.
    workers
        Threads; the result is the same.

    Returns
    -------
    ndarray
        ``(date=2, band)`` float64, positive; in the unit of the bands.
    """
    bands = stacks[0].sizes["band"]

    def usual(place: tuple[int, int]) -> float:
        steps = [_steps(stack.values[place]) for stack in stacks]
        pooled = np.concatenate([np.zeros(1), *steps])
        return max(TO_SIGMA * float(np.median(pooled)), LEAST)

    places = [(date, band) for date in range(2) for band in range(bands)]
    return np.array(in_order(places, usual, workers)).reshape(2, bands)


def _steps(values: np.ndarray) -> np.ndarray:
    """Absolute differences of 3 x 3 means, down and to the right; every second pixel of each way."""
    if min(values.shape) <= APART_PX + 2:
        return np.zeros(0)
    rows = values[:-2] + values[1:-1] + values[2:]
    means = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]).astype(np.float64) / 9.0
    down = np.abs(means[APART_PX:] - means[:-APART_PX])[::2, ::2].ravel()
    right = np.abs(means[:, APART_PX:] - means[:, :-APART_PX])[::2, ::2].ravel()
    steps = np.concatenate([down, right])
    return np.asarray(steps[np.isfinite(steps)])


def told_borders(
    stack: xr.DataArray, contrast: np.ndarray, rules: tuple[float, float]
) -> BorderTeller:
    """Return a function that tells along the borders of nested masks whether they are new.

    Parameters
    ----------
    stack
        schema.STACK with two times.
    contrast
        From `usual_contrast`.
    rules
        A border is new where its contrast after is more than so many times that before, and that
        before was no more than so many times what is usual (`PatchesSection.border_rules`).

    Returns
    -------
    callable
        As `BorderTeller` says.
    """
    values = np.ascontiguousarray(stack.values, dtype=np.float32)

    def tell(levels: np.ndarray, rows: np.ndarray, cols: np.ndarray, count: int) -> np.ndarray:
        told = np.empty((count, len(rows)), np.int8)
        new_borders(values, contrast, levels, rules, rows, cols, told)
        return told

    return tell
