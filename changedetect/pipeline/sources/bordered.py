"""Borders of changed ground in a tile of pairs: what the patches stage asks of the images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from changedetect import schema
from changedetect.config.detection import PatchesSection
from changedetect.stages import patches
from changedetect.stages.evidence import borders


@dataclass(frozen=True, slots=True)
class Contrast:
    """Contrast of a pair whose images tell whether a border is new.

    Attributes
    ----------
    place
        Number of the pair.
    alarm
        Its alarm. [log-likelihood ratio x 100]
    usual
        ``(date=2, band)`` float64.
    """

    place: int
    alarm: int
    usual: np.ndarray


def lowered(
    threshold: np.ndarray, index: np.ndarray, known: Sequence[Contrast], cfg: PatchesSection
) -> np.ndarray:
    """Least evidence of ground that is outlined: below the alarm where borders can be told.

    Parameters
    ----------
    threshold, index
        ``(y, x)``: alarm and number of the pair that each pixel rests on.
    known
        Pairs whose borders can be told.
    cfg
        How low.
    """
    low = round(cfg.candidate_llr * schema.EVIDENCE_SCALE)
    least = threshold.copy()
    for one in known:
        mine = index == one.place
        least[mine] = np.minimum(least[mine], low)
    return least


def bordered(
    composite: xr.DataArray | None,
    index: np.ndarray,
    known: Sequence[Contrast],
    sampler: patches.Sampler,
    cfg: PatchesSection,
) -> patches.Bordered:
    """Put the borders that images tell of before the channels of a tile.

    Parameters
    ----------
    composite
        schema.STACK with two times, each pixel of the pair it rests on; None = nothing was read.
    index
        ``(y, x)``; that pair.
    known
        Pairs whose borders can be told.
    sampler
        The other channels.
    cfg
        What makes a patch sure.
    """
    asked = np.full(index.shape, patches.MISSING, np.int32)
    for one in known:
        over = one.alarm + round(cfg.over_alarm_llr * schema.EVIDENCE_SCALE)
        least = round(cfg.least_llr * schema.EVIDENCE_SCALE)
        asked[index == one.place] = max(least, over)

    def tell(mask: np.ndarray) -> np.ndarray:
        told = np.full(mask.shape, patches.UNKNOWN_BORDER, np.int8)
        for one in known:
            mine = index == one.place
            if composite is not None and mine.any():
                teller = borders.told_borders(composite, one.usual, cfg.new_border_ratio)
                told[mine] = teller(mask)[mine]
        return told

    return patches.Bordered(sampler, tell, asked)
