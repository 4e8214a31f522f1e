"""Where this month's evidence does not say "unchanged" on the ground of rectified cases."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.grid import Grid, Window
from changedetect.io.truth_raster import ScoreRaster
from changedetect.stages.crosscheck import Watched

UNDECIDED = 0.0
"""Log-likelihood ratio from which a pixel is no longer more likely unchanged than changed."""


def doubts(path: Path, grid: Grid, watched: Sequence[Watched]) -> Mapping[str, BaseGeometry]:
    """Return, by watch id, the pixels of a case that are not more likely unchanged.

    Changes that are too faint, too thin or too small for a patch are among them, and so is what was
    not observed.

    Parameters
    ----------
    path
        Evidence of the month.
    grid
        Its grid.
    watched
        Ground of cases.
    """
    if not watched:
        return {}
    raster = ScoreRaster.of(path)
    least = raster.level_of(UNDECIDED)
    return {one.watch_id: _doubt(raster, least, grid, one.geometry) for one in watched}


def _doubt(raster: ScoreRaster, least: int, grid: Grid, ground: BaseGeometry) -> BaseGeometry:
    size, _, left, _, _, top = grid.transform
    west, south, east, north = ground.bounds
    row, col = max(int((top - north) // size), 0), max(int((west - left) // size), 0)
    bottom = min(int(-((south - top) // size)), grid.height)
    right = min(int(-((left - east) // size)), grid.width)
    if bottom <= row or right <= col:
        return ground
    levels = raster.levels(Window(row, col, bottom - row, right - col))
    rows, cols = np.nonzero((levels >= least) | (levels == np.iinfo(np.int16).min))
    x, y = left + (col + cols) * size, top - (row + rows) * size
    return shapely.union_all(shapely.box(x, y - size, x + size, y))
