"""Scores of verified changes: the highest threshold at which each is still found."""

import numpy as np
import shapely

from changedetect.accuracy.patches import MatchRule
from changedetect.accuracy.promise import MISSED


def by_patches(
    changes: np.ndarray, patches: np.ndarray, values: np.ndarray, rule: MatchRule
) -> tuple[np.ndarray, np.ndarray]:
    """Score changes by the patches of one month.

    A change is found at a threshold when the true patches whose value reaches it cover a share of
    it together.

    Parameters
    ----------
    changes
        ``(n,)`` polygons.
    patches
        ``(m,)`` polygons in the same system; they do not overlap.
    values
        ``(m,)`` what a threshold is held against.
    rule
        What a true patch is, and a found change.

    Returns
    -------
    tuple
        ``(n,)`` float64 scores, `MISSED` where no patches find a change, and ``(m,)`` the share of
        each patch under verified change.
    """
    shares = np.zeros(len(patches))
    scores = np.full(len(changes), MISSED)
    if not len(patches) or not len(changes):
        return scores, shares
    own, other = shapely.STRtree(patches).query(changes, predicate="intersects")
    shared = shapely.area(shapely.intersection(changes[own], patches[other]))
    for place in np.unique(other):
        touching = own[other == place]
        together = shapely.union_all(changes[touching])
        shares[place] = shapely.area(shapely.intersection(patches[place], together))
    shares /= shapely.area(patches)
    use = shares[other] >= rule.patch_true_share
    own, shared, value = own[use], shared[use], values[other[use]]
    for change in np.unique(own):
        mine = own == change
        order = np.argsort(-value[mine], kind="stable")
        covered = np.cumsum(shared[mine][order]) / shapely.area(changes[change])
        enough = np.flatnonzero(covered >= rule.truth_found_share)
        if len(enough):
            scores[change] = value[mine][order][enough[0]]
    return scores, shares


def by_pixels(values: np.ndarray, found_share: float) -> float:
    """Score one change by the evidence of its pixels.

    It is found at a threshold when a share of its pixels reaches it.

    Parameters
    ----------
    values
        ``(pixels,)`` evidence; NaN = not observed, which reaches nothing.
    found_share
        Above 0.

    Examples
    --------
    >>> by_pixels(np.array([1.0, 5.0, 3.0, np.nan]), 0.5)
    3.0
    """
    known = np.sort(np.where(np.isnan(values), MISSED, values))[::-1]
    place = int(np.ceil(found_share * len(known) - 1e-9)) - 1
    return float(known[place]) if len(known) else MISSED
