"""Which pixels an interpreter looks at: a stratified random sample with a stratum for near misses.

Omissions hide in the huge stratum without alarms, where few random points meet any. The pixels
just below the threshold are therefore a stratum of their own, and so is what was not observed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from changedetect.accuracy.pixels import LEVELS
from changedetect.accuracy.strata import Stratum
from changedetect.schema import CHANGED, EVIDENCE_NODATA, UNCHANGED

ALARMED, BELOW, QUIET, HIDDEN = "changed", "just_below", "unchanged", "not_observed"
STRATA = (QUIET, ALARMED, BELOW, HIDDEN)
"""By the code of `StratumRule.codes`."""

MAPPED = {ALARMED: "changed", BELOW: "unchanged", QUIET: "unchanged", HIDDEN: "not_observed"}
"""What the map shows in each stratum."""

OUTSIDE = 255
"""Code of what is in no stratum: not asked about."""


@dataclass(frozen=True, slots=True)
class StratumRule:
    """Which pixel belongs to which stratum.

    Attributes
    ----------
    lowest_below
        Unalarmed pixels with this level of evidence or more are just below the threshold.
    """

    lowest_below: int

    @classmethod
    def of(cls, quiet: np.ndarray, share: float) -> "StratumRule":
        """Choose the level above which a share of the unalarmed pixels lies.

        Parameters
        ----------
        quiet
            ``(65536,)`` int64: observed pixels without alarm by level + 32768.
        share
            At least this share of them is just below, ties included.

        Examples
        --------
        >>> counts = np.zeros(LEVELS, np.int64)
        >>> counts[32768 + np.array([-5, 3, 9])] = 90, 8, 2
        >>> StratumRule.of(counts, 0.05).lowest_below
        3
        """
        above = np.cumsum(quiet[::-1])[::-1]
        enough = np.flatnonzero(above >= share * above[0])
        return cls(int(enough[-1]) + EVIDENCE_NODATA)

    def codes(self, evidence: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return the stratum of each pixel.

        Parameters
        ----------
        evidence
            int16 (schema.EVIDENCE).
        mask
            uint8 (schema.CHANGE) of the same shape; `OUTSIDE` where nothing was asked must be told
            apart by the caller.

        Returns
        -------
        ndarray
            uint8: place in `STRATA`.
        """
        codes = np.full(mask.shape, STRATA.index(HIDDEN), np.uint8)
        quiet = mask == UNCHANGED
        codes[quiet] = STRATA.index(QUIET)
        codes[quiet & (evidence >= self.lowest_below)] = STRATA.index(BELOW)
        codes[mask == CHANGED] = STRATA.index(ALARMED)
        return codes


def quiet_levels(evidence: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Count observed pixels without alarm by level, ``(65536,)`` int64."""
    index = evidence[(mask == UNCHANGED) & (evidence != EVIDENCE_NODATA)].astype(np.int64)
    return np.bincount(index - EVIDENCE_NODATA, minlength=LEVELS)


def draw(pixels: Mapping[str, int], per_stratum: int, seed: int) -> dict[str, np.ndarray]:
    """Draw pixels of each stratum without replacement, by their rank in rows and columns.

    Parameters
    ----------
    pixels
        Number of pixels in each stratum.
    per_stratum
        How many are wanted; all where there are fewer.
    seed
        What the draw depends on, together with the numbers of pixels only.

    Returns
    -------
    dict
        Ranks from 0, ascending, ``(n,)`` int64.
    """
    drawn = {}
    for place, name in enumerate(STRATA):
        number = pixels.get(name, 0)
        rng = np.random.default_rng([seed, place])
        ranks = rng.choice(max(number, 1), min(per_stratum, number), replace=False)
        drawn[name] = np.sort(ranks)
    return drawn


def strata_of(areas: Mapping[str, float]) -> tuple[Stratum, ...]:
    """Return the strata that have any area."""
    return tuple(Stratum(name, MAPPED[name], areas[name]) for name in STRATA if areas[name] > 0)
