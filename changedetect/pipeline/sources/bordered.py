"""Borders of changed ground in a tile of pairs: what the patches stage asks of the images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from changedetect import schema
from changedetect.config.detection import PatchesSection
from changedetect.kernels.levels import lower_of
from changedetect.stages import patches
from changedetect.stages.evidence import borders


@dataclass(frozen=True, slots=True)
class Contrast:
    """Contrast of a pair whose images tell whether a border is new.

    Attributes
    ----------
    place
        Number of the pair.
    usual
        ``(date=2, band)`` float64.
    """

    place: int
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
    if not known:
        return threshold
    lowest = np.full(int(index.max(initial=-1)) + 2, np.iinfo(np.int32).max, np.int32)
    for one in known:
        if one.place + 1 < len(lowest):
            lowest[one.place + 1] = low
    least = np.empty_like(threshold)
    lower_of(threshold, index, lowest, least)
    return least


def bordered(
    composite: xr.DataArray | None,
    rests_on: tuple[np.ndarray, np.ndarray],
    known: Sequence[Contrast],
    sampler: patches.Sampler,
    cfg: PatchesSection,
) -> patches.Bordered:
    """Put the borders that images tell of before the channels of a tile.

    Parameters
    ----------
    composite
        schema.STACK with two times, each pixel of the pair it rests on; None = nothing was read.
    rests_on
        ``(y, x)`` each: number of that pair, and the alarm. [log-likelihood ratio × 100]
    known
        Pairs whose borders can be told.
    sampler
        The other channels.
    cfg
        What makes a patch sure.
    """
    over, least, unseen, most = (
        round(llr * schema.EVIDENCE_SCALE)
        for llr in (cfg.over_alarm_llr, cfg.least_llr, cfg.least_unseen_llr, cfg.most_alarm_llr)
    )
    index, alarm = rests_on
    tellers = [
        (one.place, borders.told_borders(composite, one.usual, cfg.border_rules))
        for one in known
        if composite is not None
    ]

    def ask(rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        pair = index[rows, cols]
        asked = np.full(pair.shape, patches.MISSING, np.int32)
        needed = np.maximum(least, np.minimum(alarm[rows, cols], most) + over)
        for one in known:
            np.copyto(asked, needed, where=pair == one.place)
        if known:
            np.copyto(asked, np.int32(unseen), where=pair < 0)
        return asked

    def tell(levels: np.ndarray, rows: np.ndarray, cols: np.ndarray, count: int) -> np.ndarray:
        pair = index[rows, cols]
        told = np.full((count, len(pair)), patches.UNKNOWN_BORDER, np.int8)
        for place, teller in tellers:
            mine = np.flatnonzero(pair == place)
            if len(mine) == len(pair):
                return teller(levels, rows, cols, count)
            if len(mine):
                told[:, mine] = teller(levels, rows[mine], cols[mine], count)
        return told

    steps = cfg.border_steps_llr if known else cfg.split_steps_llr
    return patches.Bordered(sampler, tell, ask, steps)


def backed(
    alone: patches.Bordered,
    index: np.ndarray,
    say: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> patches.Bordered:
    """Ask less of ground that a pair saw where other sources are for a change, and more where against.

    Parameters
    ----------
    alone
        What is asked by the pairs.
    index
        ``(y, x)``: number of the pair that each pixel rests on, negative = none.
    say
        Rows and columns -> ``(pixels,)`` int32: what the others say. [log-likelihood ratio × 100]
    """

    def ask(rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        asked = alone.ask(rows, cols)
        seen = (asked != patches.MISSING) & (index[rows, cols] >= 0)
        return np.where(seen, asked - say(rows, cols), asked).astype(np.int32)

    return replace(alone, ask=ask)
