"""What the field says of a patch becomes a label to learn from, and which label would teach most."""

from collections.abc import Mapping, Sequence

import numpy as np

from changedetect.codes import FAMILIES
from changedetect.stages.classify.model import PSEUDO

CONFIRMED = frozenset({"1", "2"})
"""RDJG of ground that changed: lawful, unlawful."""

UNCHANGED, CHANGED = "0", "1"
"""SFBH, changed or not."""

NO_CHANGE = frozenset({"34", "35"})
"""RDEJ of ground that did not: pseudo-change, unchanged on the ground."""


def label_of(claims: Mapping[str, str], family: str, *, rejected: bool) -> str:
    """Return the label of a case by what people found.

    A verdict says whether the ground changed; it does not correct the family, so a confirmed
    change keeps the one that was suggested. A verdict that contradicts itself says nothing.

    Parameters
    ----------
    claims
        Column -> text, as the county wrote it: HCJG (result), RDEJ (its kind), SFBH (changed or not).
    family
        Suggested family.
    rejected
        An interpreter struck it out.

    Returns
    -------
    str
        A family, `PSEUDO`, or empty where nothing is known.

    Examples
    --------
    >>> said = ({"HCJG": "2"}, {"HCJG": "3", "RDEJ": "34"}, {"HCJG": "3"}, {"SFBH": "0"})
    >>> [label_of(one, "pond", rejected=False) for one in said]
    ['pond', 'pseudo', '', 'pseudo']
    """
    told_none = claims.get("RDEJ") in NO_CHANGE or claims.get("SFBH") == UNCHANGED
    told_change = claims.get("HCJG") in CONFIRMED or claims.get("SFBH") == CHANGED
    if told_none and told_change:
        return ""
    if told_none or (rejected and not told_change):
        return PSEUDO
    return family if told_change and family in FAMILIES else ""


def entropy(change: np.ndarray, family: np.ndarray) -> np.ndarray:
    """Return how little is known of patches: entropy of no change, the likeliest family, any other.

    Parameters
    ----------
    change, family
        ``(n,)`` probability of change, and of the likeliest family given change.

    Returns
    -------
    ndarray
        ``(n,)``. [nat]
    """
    parts = np.stack([1 - change, change * family, change * (1 - family)])
    logs = np.log(np.where(parts > 0, parts, 1.0))
    return np.asarray(-(parts * logs).sum(axis=0))


def teach_most(doubt: np.ndarray, features: np.ndarray, count: int) -> np.ndarray:
    """Choose patches whose labels would teach most: doubtful ones, unlike one another.

    One after another, the patch with the largest doubt x distance to the nearest one chosen so far
    (distance capped at the median distance, so that an oddity is not chosen for being odd).

    Parameters
    ----------
    doubt
        ``(n,)``, see `entropy`.
    features
        ``(n, k)``, NaN = missing, taken for the median.
    count
        How many.

    Returns
    -------
    ndarray
        Rows, the most instructive first; ties go to the first row.
    """
    if not len(doubt) or count < 1:
        return np.zeros(0, np.int64)
    scaled = _scaled(features)
    chosen = [int(np.argmax(doubt))]
    nearest = np.linalg.norm(scaled - scaled[chosen[0]], axis=1)
    cap = float(np.median(nearest)) or 1.0
    while len(chosen) < min(count, len(doubt)):
        worth = doubt * np.minimum(nearest, cap) / cap
        worth[chosen] = -1.0
        chosen.append(int(np.argmax(worth)))
        nearest = np.minimum(nearest, np.linalg.norm(scaled - scaled[chosen[-1]], axis=1))
    return np.array(chosen, np.int64)


def _scaled(features: np.ndarray) -> np.ndarray:
    values = np.asarray(features, np.float64)
    values = values[:, ~np.isnan(values).all(axis=0)]
    middle = np.nanmedian(values, axis=0)
    filled = np.where(np.isnan(values), middle, values)
    spread = np.median(np.abs(filled - middle), axis=0)
    return np.asarray((filled - middle) / np.where(spread > 0, spread, 1.0))


def mean_log_loss(
    changed: np.ndarray, probability: np.ndarray, groups: Sequence[str]
) -> dict[str, float]:
    """Return the mean log loss of "changed" a group. [nat]

    Parameters
    ----------
    changed
        ``(n,)`` bool, what the field found.
    probability
        ``(n,)`` of change; kept a millionth away from 0 and 1.
    groups
        County of each.
    """
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    loss = -np.where(changed, np.log(p), np.log(1 - p))
    names = np.asarray(groups, object)
    return {name: float(loss[names == name].mean()) for name in sorted(set(groups))}
