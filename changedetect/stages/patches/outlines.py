"""Groups of the whole grid -> the table of patches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from changedetect import measure, schema
from changedetect.config.detection import PatchesSection
from changedetect.errors import LayerError
from changedetect.grid import Grid, Window
from changedetect.kernels.runs import add_groups
from changedetect.records import ScenePair
from changedetect.stages.patches.join import Joined, group_polygons
from changedetect.stages.patches.split import NOBODY, Judge, choose, layers
from changedetect.stages.patches.sums import add_votes
from changedetect.stages.patches.sure import judging_channels
from changedetect.stages.patches.tile import TileRuns
from changedetect.stages.patches.told import Told, no_sums


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
        inside = np.zeros((window.height, window.width + 1), np.int8)
        first, last = np.searchsorted(self.runs[:, 0], [window.row, window.row + window.height])
        rows, begins, ends = self.runs[first:last].T
        np.add.at(inside, (rows - window.row, np.clip(begins - window.col, 0, window.width)), 1)
        np.add.at(inside, (rows - window.row, np.clip(ends - window.col, 0, window.width)), -1)
        return np.asarray(inside[:, :-1].cumsum(axis=1) > 0)


class _Sums(NamedTuple):
    """Sums of the groups of all tiles, by patch."""

    llr_sum: np.ndarray
    llr_max: np.ndarray
    moments: np.ndarray
    votes: np.ndarray


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
        Results of all tiles; they do not overlap. Gone through twice, one at a time (`Parts`). The
        first time runs are kept, and what tells of borders of ground that a seam may cut.
    grid
        The grid they were cut from. Without a CRS (quick looks) areas are planar, in its units.
    cfg
        Smallest patch, and when a patch is parted.
    pairs
        The scene pairs that the tiles' pair index counts; a patch names the pair under most of
        its pixels, the earlier one of two equals.
    sources
        Kinds of evidence that the evidence rests on.
    bordered
        The tiles' channels are `tile.Bordered`: groups that are not sure are counted as noise.

    Raises
    ------
    LayerError
        A patch rests on a pair that was not given.
    """
    kept, sums, counts = _chosen(parts, cfg, bordered)
    first = judging_channels(cfg) if bordered else 0
    table = pd.concat([_table(layer, grid, sources) for layer in kept], ignore_index=True)
    runs = np.concatenate([layer.runs for layer in kept])
    del kept  # runs are sorted in a copy
    order = np.argsort(table["patch_id"].to_numpy(str), kind="stable")
    table = _with_evidence(table.iloc[order].reset_index(drop=True), sums)
    if pairs:
        table = table.assign(**_scene_columns(_majority(sums.votes, len(table)), pairs))
        table = table.assign(against="", disputed=False, **dict.fromkeys(_MEANS, np.nan))
        table = table[list(schema.PATCHES.names)]
    return Outline(
        patches=gpd.GeoDataFrame(table, geometry="geometry", crs=grid.crs or None),
        runs=_in_reading_order(runs),
        moments=sums.moments[:, first:],
        votes=sums.votes,
        noise_groups=int(counts[2]),
        noise_px=int(counts[3]),
        noise_area_m2=int(counts[3]) * _middle_pixel_m2(grid),
        observed_px=int(counts[0]),
        unobserved_px=int(counts[1]),
    )


def _chosen(
    parts: Sequence[TileRuns], cfg: PatchesSection, bordered: bool
) -> tuple[list[Joined], _Sums, np.ndarray]:
    """Choose the patches; return them by level, their sums in reading order, and counts as of a tile."""
    ground = _gathered(parts, cfg, bordered)
    owner, specks = choose(ground.runs, ground.level, ~ground.closed, cfg, ground.judge)
    patch, begin = np.full(len(ground.runs), NOBODY, np.int32), 0
    kept, firsts = [], []
    for layer in layers(ground.runs, np.where(ground.closed, ground.level, owner)):
        mine = layer.place != NOBODY
        patch[mine] = layer.place[mine] + begin
        begin += len(layer.pixels)
        firsts.append(layer.first_pixels)
        kept.append(replace(layer, place=patch[:0]))
    rows, cols = np.concatenate(firsts).T
    rank = np.empty(begin + 1, np.int32)
    rank[np.lexsort((cols, rows))], rank[begin] = np.arange(begin), NOBODY
    counts = ground.counts + np.array([0, 0, *specks])
    del ground, owner  # the sums are large, too
    return kept, _add_up(parts, rank[patch], begin), counts


class _Ground(NamedTuple):
    """The runs of all tiles, ``(n, 3)`` int32, and of each its level, and whether its group is closed.

    ``judge`` tells of the groups that are not; ``counts`` are those of all tiles, added up.
    """

    runs: np.ndarray
    level: np.ndarray
    closed: np.ndarray
    judge: Judge | None
    counts: np.ndarray


def _gathered(parts: Sequence[TileRuns], cfg: PatchesSection, bordered: bool) -> _Ground:
    counts, told = np.zeros(4, np.int64), Told(cfg)
    runs = [np.zeros((0, 3), np.int32)]
    level, closed = [np.zeros(0, np.int8)], [np.zeros(0, bool)]
    for part in parts:
        counts += part.counts
        runs.append(part.runs)
        level.append(part.run_level.astype(np.int8))
        closed.append(part.closed[part.run_group])
        if bordered:
            told.add(part.run_group, part.llr_sum, part.moments, ~part.closed)
    judge = told.judge if bordered else None
    return _Ground(
        np.concatenate(runs), np.concatenate(level), np.concatenate(closed), judge, counts
    )


_MEANS = ("optical_llr", "series_llr", "radar_llr", "model_llr")
"""Columns of single sources: empty where only one was asked."""


def _in_reading_order(runs: np.ndarray) -> np.ndarray:
    return runs[np.lexsort((runs[:, 1], runs[:, 0]))]


def _add_up(parts: Sequence[TileRuns], patch: np.ndarray, patches: int) -> _Sums:
    """Add the sums of tile groups to those of their patches, given the patch of every run."""
    total: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    votes, begin = [np.zeros((0, 3), np.int64)], 0
    for part in parts:
        if not len(part.pixels):  # its channels are not known, nor needed
            continue
        total = total or no_sums(patches, part.moments.shape[1])
        target = np.full(len(part.pixels), NOBODY, np.int64)
        target[part.run_group] = patch[begin : begin + len(part.runs)]
        add_groups(target, (part.llr_sum, part.llr_max, part.moments), total)
        own = np.column_stack([target[part.votes[:, 0]], part.votes[:, 1:]])
        votes.append(own[own[:, 0] != NOBODY])
        begin += len(part.runs)
    return _Sums(*(total or no_sums(patches, 0)), add_votes(np.concatenate(votes)))


def _with_evidence(table: pd.DataFrame, sums: _Sums) -> pd.DataFrame:
    scale = schema.EVIDENCE_SCALE
    mean = sums.llr_sum / np.maximum(table["pixels"].to_numpy(), 1) / scale
    table = table.assign(llr_mean=mean, llr_max=sums.llr_max / scale)
    return table[[name for name in schema.PATCHES.names if name in table.columns]]


_BATCH = 2048
"""Groups whose edges are in memory at once."""


def _batches(joined: Joined) -> Iterator[Joined]:
    """Part the groups of a layer, some at a time, in their order."""
    order = np.argsort(joined.group, kind="stable")
    groups = len(joined.pixels)
    ends = np.cumsum(np.bincount(joined.group, minlength=groups))
    for first in range(0, groups, _BATCH):
        last = min(first + _BATCH, groups)
        mine = np.sort(order[ends[first - 1] if first else 0 : ends[last - 1]])
        pixels = joined.pixels[first:last]
        yield Joined(joined.runs[mine], joined.group[mine] - first, pixels, joined.place[:0])


def _table(joined: Joined, grid: Grid, sources: Sequence[str]) -> pd.DataFrame:
    shapes, sizes = [np.zeros(0, object)], [np.zeros((2, 0))]
    for batch in _batches(joined):
        shapes.append(group_polygons(batch, grid))
        sizes.append(np.stack(measure_polygons(shapes[-1], grid.crs)))
    areas, perimeters = np.concatenate(sizes, axis=1)
    return pd.DataFrame(
        {
            "patch_id": [f"P{row:06d}{col:06d}" for row, col in joined.first_pixels.tolist()],
            "pixels": joined.pixels,
            "area_m2": areas,
            "area_sd_m2": [measure.area_sd_m2(length, grid.resolution) for length in perimeters],
            "perimeter_m": perimeters,
            "sources": ";".join(sources),
            "geometry": np.concatenate(shapes),
        }
    )


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
