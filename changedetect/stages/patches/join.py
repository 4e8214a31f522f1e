"""Tiles together: runs joined across seams, groups of the whole grid, their polygons."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import shapely

from changedetect.grid import Grid
from changedetect.kernels.rings import link_edges, trace_rings
from changedetect.kernels.runs import group_sizes, join_runs, label_runs

CORNER = 1
"""Reach of `label_runs`: pixels that share a corner are connected."""

EDGE = 0
"""Reach of `label_runs`: pixels that share an edge are connected."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The canonical runs of a grid: the same for every tiling.

    Attributes
    ----------
    runs
        ``(n, 3)`` int32, sorted; runs of one row do not touch.
    group
        ``(n,)`` int64, 8-connected group of each run, in the order of first pixels.
    pixels
        ``(group,)`` int64.
    place
        ``(given,)`` int64; group in which each run given to `join` ended up.
    """

    runs: np.ndarray
    group: np.ndarray
    pixels: np.ndarray
    place: np.ndarray

    def kept(self, keep: np.ndarray) -> "Joined":
        """Keep some groups, renumbered; places of dropped groups are -1, as are places of none."""
        number = np.append(np.where(keep, np.cumsum(keep) - 1, -1), -1)
        stays = keep[self.group]
        return Joined(
            self.runs[stays],
            number[self.group[stays]],
            self.pixels[keep],
            number[self.place],
        )

    @property
    def first_pixels(self) -> np.ndarray:
        """Row and column of the first pixel of each group in reading order; ``(group, 2)``."""
        _, first = np.unique(self.group, return_index=True)
        return self.runs[first, :2]


def join(parts: Sequence[np.ndarray]) -> Joined:
    """Join the runs of tiles, in whatever order they come.

    Parameters
    ----------
    parts
        ``(n, 3)`` int32 of each tile; tiles do not overlap.
    """
    given = np.concatenate([np.zeros((0, 3), np.int32), *parts])
    order = np.lexsort((given[:, 1], given[:, 0]))
    runs, joined = join_runs(given[order])
    group = label_runs(runs, CORNER)
    place = np.empty(len(given), np.int64)
    place[order] = group[joined]
    return Joined(runs, group, group_sizes(runs, group), place)


class Rings(NamedTuple):
    """Outlines of groups as arrays, from which their polygons are made and measured.

    Attributes
    ----------
    points
        ``(p, 2)`` float64, x and y in the grid's CRS; the last point of a ring repeats its first.
    rings, polygons, wholes
        ``(n + 1,)`` int64 each: where each ring begins in the points, each polygon in the rings (its
        outer ring first), each group in the polygons.
    """

    points: np.ndarray
    rings: np.ndarray
    polygons: np.ndarray
    wholes: np.ndarray

    def shapes(self) -> np.ndarray:
        """Make the polygons, ``(group,)`` MultiPolygons."""
        if len(self.wholes) == 1:
            return np.empty(0, object)
        made: np.ndarray = shapely.from_ragged_array(
            shapely.GeometryType.MULTIPOLYGON,
            self.points,
            (self.rings, self.polygons, self.wholes),
        )
        return made


def group_rings(joined: Joined, grid: Grid) -> Rings:
    """Trace each group along pixel edges; see `group_polygons`."""
    part = label_runs(joined.runs, EDGE)
    points, starts, ring_part = trace_rings(joined.runs, part, link_edges(joined.runs, part))
    _, first = np.unique(part, return_index=True)
    part_group = joined.group[first]
    part_order = np.argsort(part_group, kind="stable")
    rank = np.empty_like(part_order)
    rank[part_order] = np.arange(len(part_order))
    ring_order = np.argsort(rank[ring_part], kind="stable")
    sizes = np.diff(starts)[ring_order]
    ring_starts = np.concatenate([[0], np.cumsum(sizes)])
    moved = np.arange(ring_starts[-1]) - np.repeat(ring_starts[:-1] - starts[ring_order], sizes)
    return Rings(
        _to_crs(points[moved], grid),
        ring_starts,
        _offsets(rank[ring_part[ring_order]]),
        _offsets(part_group[part_order]),
    )


def group_polygons(joined: Joined, grid: Grid) -> np.ndarray:
    """Outline each group along pixel edges.

    Returns
    -------
    ndarray
        ``(group,)`` MultiPolygons in the grid's CRS, valid; outer rings counter-clockwise, holes
        clockwise, no point on a straight line; parts that touch in a corner are parts of one
        MultiPolygon.
    """
    return group_rings(joined, grid).shapes()


def _offsets(sorted_labels: np.ndarray) -> np.ndarray:
    """Where each label begins in a sorted list that holds all labels from 0."""
    return np.concatenate([[0], np.cumsum(np.bincount(sorted_labels))])


def _to_crs(corners: np.ndarray, grid: Grid) -> np.ndarray:
    a, _, c, _, e, f = grid.transform
    return np.column_stack([c + a * corners[:, 1], f + e * corners[:, 0]])
