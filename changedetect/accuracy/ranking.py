"""Ten to one: how much of the true area a reviewer sees who reads the first part of a list."""

from collections.abc import Sequence

import numpy as np


def share_seen(true_area: np.ndarray, order: Sequence[int] | np.ndarray, part: float) -> float:
    """Return the share of the true area in the first part of a list.

    Parameters
    ----------
    true_area
        ``(n,)`` area of each row that is true change. [m²]
    order
        Rows as they are listed.
    part
        Of the rows that are read, 0-1; rounded up to whole rows.

    Returns
    -------
    float
        0-1; NaN where nothing is true.

    Examples
    --------
    >>> share_seen(np.array([0.0, 6, 3, 1, 0, 0, 0, 0, 0, 0]), [1, 2, 3, 0, 4, 5, 6, 7, 8, 9], 0.2)
    0.9
    """
    total = float(np.sum(true_area))
    if not total:
        return float("nan")
    read = int(np.ceil(part * len(true_area) - 1e-9))
    return float(np.sum(np.asarray(true_area)[np.asarray(order, int)[:read]])) / total


def rank(probability: np.ndarray, area: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return rows in the order in which they are worth reading: probability x area x zone.

    Parameters
    ----------
    probability, area, weight
        ``(n,)`` that it is a change, its area [m²], and what its zone weighs.

    Returns
    -------
    ndarray
        ``(n,)`` rows, the most worth first; rows alike keep their order.
    """
    return np.argsort(-(probability * area * weight), kind="stable")
