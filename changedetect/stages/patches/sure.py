"""How sure it is that outlined ground changed: its evidence, how much of its border is new, its size.

At the alarm a patch of weak evidence is as often the season's as a true change. Ground that the
season changed ends at borders that were there before; so a border that shows only after adds to the
evidence of a patch, and one that was there before adds nothing. A large patch is less often chance
than a small one.
"""

import numpy as np

from changedetect.config.detection import PatchesSection
from changedetect.schema import EVIDENCE_SCALE

HALF = 2
"""A patch is asked if the pair observed one in so many of its pixels, or more."""

NOT_SURE, NO_OPINION = -np.inf, np.inf


def judging_channels(cfg: PatchesSection) -> int:
    """Return how many channels come first in the moments of bordered tiles (`tile.Bordered`)."""
    return 1 + cfg.most_levels


def new_shares(moments: np.ndarray, level: int, doubted_px: int = 0) -> np.ndarray:
    """Return how much of the border of groups of a level (from 1) is new, ``(group,)`` float64.

    A short border is all new by chance more easily than a long one: ``doubted_px`` old pixels are added.
    """
    border, new = moments[:, level, 0], moments[:, level, 1]
    return np.asarray(new / np.maximum(border + doubted_px, 1))


def worth_of(
    llr_sum: np.ndarray, pixels: np.ndarray, moments: np.ndarray, level: int, cfg: PatchesSection
) -> np.ndarray:
    """Tell how sure groups of a level are.

    Parameters
    ----------
    llr_sum, pixels
        ``(group,)`` int64: sum of quantised evidence, and pixels.
    moments
        ``(group, channel, 3)`` int64 that begin with the channels of `tile.Bordered`.
    level
        Of the groups, from 1.
    cfg
        What a new border and size add.

    Returns
    -------
    ndarray
        ``(group,)`` float64: by how much they are above what is needed, `NOT_SURE` below it;
        `NO_OPINION` of groups that the pair did not observe for the larger part: they are sure.
        [log-likelihood ratio]
    """
    asked, asked_sum = moments[:, 0, 0], moments[:, 0, 1]
    mean = llr_sum / np.maximum(pixels, 1)
    needed = asked_sum / np.maximum(asked, 1)
    grown = np.log(np.maximum(pixels, cfg.size_from_px) / cfg.size_from_px)
    over = (mean - needed) / EVIDENCE_SCALE
    share = new_shares(moments, level, cfg.doubted_border_px)
    over = over + cfg.new_border_llr * share + cfg.size_llr * grown
    told = np.where(over >= 0.0, over, NOT_SURE)
    return np.asarray(np.where(HALF * asked < pixels, NO_OPINION, told))
