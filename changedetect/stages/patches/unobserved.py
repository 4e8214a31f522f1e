"""What was not observed, as polygons (layer WJCQ)."""

from collections.abc import Sequence

import numpy as np

from changedetect.config.detection import PatchesSection
from changedetect.grid import Grid, Window
from changedetect.records import UnobservedArea
from changedetect.stages.patches.join import Joined, group_polygons, join
from changedetect.stages.patches.outlines import measure_polygons
from changedetect.stages.patches.tile import TileRuns


def unobserved_areas(
    parts: Sequence[TileRuns], grid: Grid, cfg: PatchesSection, *, reason: str
) -> tuple[UnobservedArea, ...]:
    """Outline what was not observed; the same for every tiling and order of tiles.

    Groups smaller than ``cfg.min_pixels`` are put together into one last area, so that specks do
    not flood the layer and nothing is lost: the areas add up to all unobserved pixels.

    Parameters
    ----------
    parts
        Results of tiles; they do not overlap.
    grid
        The grid they were cut from.
    cfg
        Size of a speck.
    reason
        Why they were not observed, as the layer shall say it.
    """
    joined = join([part.unobserved for part in parts])
    large = joined.pixels >= cfg.min_pixels
    found = _areas(joined.kept(large), grid, reason)
    specks = joined.kept(~large)
    if len(specks.runs):
        whole = Joined(
            specks.runs,
            np.zeros_like(specks.group),
            specks.pixels.sum(keepdims=True),
            specks.place,
        )
        found += _areas(whole, grid, reason)
    return found


def _areas(joined: Joined, grid: Grid, reason: str) -> tuple[UnobservedArea, ...]:
    polygons = group_polygons(joined, grid)
    areas, _ = measure_polygons(polygons, grid.crs)
    return tuple(
        UnobservedArea(reason, window, polygon, area)
        for window, polygon, area in zip(_windows(joined), polygons, areas.tolist(), strict=True)
    )


def _windows(joined: Joined) -> list[Window]:
    """Bounding window of each group."""
    low = np.full((len(joined.pixels), 2), np.iinfo(np.int64).max)
    high = np.zeros((len(joined.pixels), 2), np.int64)
    np.minimum.at(low, joined.group, joined.runs[:, :2].astype(np.int64))
    np.maximum.at(high, joined.group, joined.runs[:, [0, 2]] + np.array([1, 0]))
    return [
        Window(row, col, bottom - row, right - col)
        for (row, col), (bottom, right) in zip(low.tolist(), high.tolist(), strict=True)
    ]
