"""Groups of the whole grid -> the table of patches."""

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from changedetect import measure, schema
from changedetect.config.detection import PatchesSection
from changedetect.errors import LayerError
from changedetect.grid import Grid, Window
from changedetect.records import ScenePair
from changedetect.stages.patches.batches import GridPatches, Made, find_patches, put_together
from changedetect.stages.patches.tile import TileRuns


@dataclass(frozen=True, slots=True)
class Outline:
    """What was outlined, and what was counted and left out.

    Attributes
    ----------
    patches
        schema.PATCHES in the grid's CRS, sorted by patch_id; without scene and date columns where
        no scene pairs were given.
    runs
        ``(n, 3)`` int32, sorted: row, first column, column after the last of every run of a patch.
    moments
        ``(patch, channel, 3)`` int64, rows as in `patches`: pixels with a known value, sum, sum of
        squares of each channel.
    votes
        ``(v, 3)`` int64: row in `patches`, number that the tiles' pair index gave, pixels.
    noise_groups, noise_px
        Groups below the minimum or not sure enough, and their pixels.
    noise_area_m2
        Their area: pixels × the ellipsoidal area of the pixel in the middle of the grid (pixels of
        a county differ by less than 0.1%). [m²]
    observed_px, unobserved_px
        Pixels of all tiles.
    """

    patches: gpd.GeoDataFrame
    runs: np.ndarray
    moments: np.ndarray
    votes: np.ndarray
    noise_groups: int
    noise_px: int
    noise_area_m2: float
    observed_px: int
    unobserved_px: int

    def painted(self, window: Window) -> np.ndarray:
        """Return which pixels of a window belong to a patch, ``(y, x)`` bool."""
        return painted(self.runs, window)


def painted(runs: np.ndarray, window: Window) -> np.ndarray:
    """Return which pixels of a window lie in runs, sorted by row; ``(y, x)`` bool."""
    inside = np.zeros((window.height, window.width + 1), np.int8)
    first, last = np.searchsorted(runs[:, 0], [window.row, window.row + window.height])
    rows, begins, ends = runs[first:last].T
    np.add.at(inside, (rows - window.row, np.clip(begins - window.col, 0, window.width)), 1)
    np.add.at(inside, (rows - window.row, np.clip(ends - window.col, 0, window.width)), -1)
    np.cumsum(inside, axis=1, dtype=np.int8, out=inside)  # one byte a pixel
    return np.asarray(inside[:, :-1] > 0)


def outline(
    parts: Sequence[TileRuns],
    grid: Grid,
    cfg: PatchesSection,
    pairs: Sequence[ScenePair] = (),
    *,
    sources: Sequence[str] = ("optical",),
    bordered: bool = False,
) -> Outline:
    """Outline the patches of a grid; the same for every tiling and order of tiles.

    Parameters
    ----------
    parts
        Results of all tiles; they do not overlap (`batches.find_patches`).
    grid
        The grid they were cut from. Without a CRS (quick looks) areas are planar, in its units.
    cfg
        Smallest patch, and when a patch is parted.
    pairs, sources
        As in `outline_all`.
    bordered
        The tiles' channels are `tile.Bordered`: groups that are not sure are counted as noise.

    Raises
    ------
    LayerError
        A patch rests on a pair that was not given.
    """
    found = find_patches(parts, grid, cfg, bordered=bordered)
    return outline_all(found, pairs, sources)


def outline_all(
    found: GridPatches, pairs: Sequence[ScenePair] = (), sources: Sequence[str] = ("optical",)
) -> Outline:
    """Make all patches of a grid at once.

    Parameters
    ----------
    found
        The patches, chosen.
    pairs
        The scene pairs that the tiles' pair index counts; a patch names the pair under most of
        its pixels, the earlier one of two equals. None = the table has no scene and date columns.
    sources
        Kinds of evidence that the evidence rests on.

    Raises
    ------
    LayerError
        A patch rests on a pair that was not given.
    """
    made, grid = put_together(list(found.batches())), found.grid
    table = table_of(made, grid, sources)
    if pairs:
        table = table.assign(**_scene_columns(_majority(made.sums.votes, len(table)), pairs))
        table = table.assign(against="", disputed=False, **dict.fromkeys(_MEANS, np.nan))
        table = table[list(schema.PATCHES.names)]
    counts = found.choice.counts
    return Outline(
        patches=table,
        runs=_in_reading_order(made.runs),
        moments=made.sums.moments,
        votes=made.sums.votes,
        noise_groups=int(counts[2]),
        noise_px=int(counts[3]),
        noise_area_m2=int(counts[3]) * _middle_pixel_m2(grid),
        observed_px=int(counts[0]),
        unobserved_px=int(counts[1]),
    )


_MEANS = ("optical_llr", "series_llr", "radar_llr", "model_llr")
"""Columns of single sources: empty where only one was asked."""


def _in_reading_order(runs: np.ndarray) -> np.ndarray:
    return runs[np.lexsort((runs[:, 1], runs[:, 0]))]


def table_of(made: Made, grid: Grid, sources: Sequence[str] = ("optical",)) -> gpd.GeoDataFrame:
    """Put patches into a table: the columns of schema.PATCHES that rest on outlines and evidence."""
    areas, perimeters = made.sizes
    scale = schema.EVIDENCE_SCALE
    mean = made.sums.llr_sum / np.maximum(made.pixels, 1) / scale
    columns = {
        "patch_id": [f"P{row:06d}{col:06d}" for row, col in made.first.tolist()],
        "pixels": made.pixels,
        "area_m2": areas,
        "area_sd_m2": [measure.area_sd_m2(length, grid.resolution) for length in perimeters],
        "perimeter_m": perimeters,
        "llr_mean": mean,
        "llr_max": made.sums.llr_max / scale,
        "sources": ";".join(sources),
        "geometry": made.shapes,
    }
    return gpd.GeoDataFrame(pd.DataFrame(columns), geometry="geometry", crs=grid.crs or None)


def measure_polygons(polygons: np.ndarray, crs: str) -> tuple[np.ndarray, np.ndarray]:
    """Measure areas and ring lengths, on the ellipsoid or, without a CRS, in the plane."""
    if crs:
        return measure.measure_many(polygons, crs)
    return shapely.area(polygons), shapely.length(polygons)


def _middle_pixel_m2(grid: Grid) -> float:
    west, south, east, north = grid.bounds
    x, y = (west + east) / 2, (south + north) / 2
    pixel = shapely.box(x, y, x + grid.resolution, y + grid.resolution)
    return float(measure_polygons(shapely.multipolygons([[pixel]]), grid.crs)[0][0])


def _majority(votes: np.ndarray, groups: int) -> np.ndarray:
    """Return the pair under most pixels of each group; -1 where none was voted for."""
    order = np.lexsort((votes[:, 1], -votes[:, 2], votes[:, 0]))
    group, first = np.unique(votes[order, 0], return_index=True)
    winner = np.full(groups, -1, np.int64)
    winner[group] = votes[order[first], 1]
    return winner


def _scene_columns(winner: np.ndarray, pairs: Sequence[ScenePair]) -> dict[str, list[object]]:
    wrong = np.flatnonzero((winner < 0) | (winner >= len(pairs)))
    if len(wrong):
        msg = (
            f"patch {wrong[0]} rests on scene pair {winner[wrong[0]]}; 0 to {len(pairs) - 1} were "
            "expected; give the tiles the pair index of the same list of pairs"
        )
        raise LayerError(msg)
    under = [pairs[index] for index in winner.tolist()]
    return {
        "before_scene": [pair.before.scene_id for pair in under],
        "after_scene": [pair.after.scene_id for pair in under],
        "before_date": [pair.before.day for pair in under],
        "after_date": [pair.after.day for pair in under],
    }
