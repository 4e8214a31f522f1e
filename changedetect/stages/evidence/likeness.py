"""How alike the edges of the two dates are, as a rank among pairs of places that are unrelated.

Places of the first date are compared with places of the second that lie some way off: whatever
changed or not, they are different ground. So the distribution of the likeness of unrelated ground
is known for every pair of pictures, without labels and without an assumption about change.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from changedetect.config.structure import StructureSection
from changedetect.errors import SceneError
from changedetect.kernels.likeness import edge_likeness

LEVELS = 401
"""Quantiles that are kept of the likeness of unrelated ground."""

EVERY_PX = 4
"""Neighbours share their windows: every fourth row and column is looked at. [px]"""

Fields = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True)
class Strangers:
    """Quantiles of the likeness of unrelated ground, rising, at evenly spaced probabilities."""

    quantiles: tuple[float, ...]

    def rank(self, likeness: np.ndarray) -> np.ndarray:
        """Return the share of unrelated ground that is less alike; where nothing is known, 0.8.

        Parameters
        ----------
        likeness
            Any shape, float32; NaN where there are no edges to compare.

        Returns
        -------
        ndarray
            float64. [0-1]
        """
        levels = np.linspace(0.0, 1.0, len(self.quantiles))
        rank = np.interp(likeness.astype(np.float64), np.array(self.quantiles), levels)
        return np.asarray(np.where(np.isnan(likeness), 0.8, rank))


def likeness_of(fields: Fields, cfg: StructureSection) -> np.ndarray:
    """Return the likeness of the edges of two dates, ``(y, x)`` float32."""
    return edge_likeness(*fields, cfg.likeness_radius_px, cfg.search_px)


def fit_strangers(blocks: Sequence[Fields], cfg: StructureSection) -> Strangers:
    """Measure how alike unrelated ground is.

    Parameters
    ----------
    blocks
        Edge fields before and after, ``(2, y, x)`` int32 each, one pair per sample block.
    cfg
        Distance of the places, window and search.

    Returns
    -------
    Strangers
        Quantiles over all blocks.

    Raises
    ------
    SceneError
        Neither image shows any edge.
    """
    found = [values for block in blocks for values in _apart(block, cfg)]
    pooled = np.concatenate([np.zeros(0, np.float32), *found])
    if not len(pooled):
        msg = (
            "neither image shows any edge over the sample blocks; pictures with structure were "
            "expected; check the image's nodata value and its bands"
        )
        raise SceneError(msg)
    levels = np.quantile(pooled.astype(np.float64), np.linspace(0.0, 1.0, LEVELS))
    return Strangers(tuple(levels.tolist()))


def _apart(block: Fields, cfg: StructureSection) -> list[np.ndarray]:
    """Likeness of places that lie apart: along rows, along columns, and along both."""
    before, after = block
    _, height, width = before.shape
    down, right = min(cfg.stranger_px, height // 2), min(cfg.stranger_px, width // 2)
    found = []
    for dy, dx in ((down, 0), (0, right), (down, right)):
        first = np.ascontiguousarray(before[:, : height - dy, : width - dx])
        second = np.ascontiguousarray(after[:, dy:, dx:])
        values = likeness_of((first, second), cfg)[::EVERY_PX, ::EVERY_PX].ravel()
        found.append(values[~np.isnan(values)])
    return found
