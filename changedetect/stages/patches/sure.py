"""Which patches are sure enough: their evidence, and how much of their border is new, together.

At the alarm a patch of weak evidence is as often the season's as a true change. Ground that the
season changed ends at borders that were there before; so a border that shows only after adds to the
evidence of a patch, and one that was there before adds nothing.
"""

import numpy as np

from changedetect.config.detection import PatchesSection
from changedetect.schema import EVIDENCE_SCALE
from changedetect.stages.patches.split import NO_OPINION, NOT_SURE

HALF = 2
"""A patch is asked if the pair observed one in so many of its pixels, or more."""


def judging_channels(cfg: PatchesSection) -> int:
    """Return how many channels come first in the moments of bordered tiles (`tile.Bordered`)."""
    return 1 + cfg.most_levels


def outlined_shares(
    llr_sum: np.ndarray, pixels: np.ndarray, moments: np.ndarray, level: int, cfg: PatchesSection
) -> np.ndarray:
    """Tell how much of the border of groups of a level is new, where they are sure enough to be patches.

    Parameters
    ----------
    llr_sum, pixels
        ``(group,)`` int64: sum of quantised evidence, and pixels.
    moments
        ``(group, channel, 3)`` int64 that begin with the channels of `tile.Bordered`.
    level
        Of the groups, from 1.
    cfg
        What a new border adds.

    Returns
    -------
    ndarray
        ``(group,)`` float64; share of the border, `NOT_SURE` for groups that are no patches,
        `NO_OPINION` for those that the pair did not observe for the larger part: they are sure.
    """
    asked, asked_sum = moments[:, 0, 0], moments[:, 0, 1]
    border, new = moments[:, level, 0], moments[:, level, 1]
    share = new / np.maximum(border, 1)
    mean = llr_sum / np.maximum(pixels, 1)
    reached = mean + cfg.new_border_llr * EVIDENCE_SCALE * share
    needed = asked_sum / np.maximum(asked, 1)
    told = np.where(reached >= needed, share, NOT_SURE)
    return np.asarray(np.where(HALF * asked < pixels, NO_OPINION, told))
