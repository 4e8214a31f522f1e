"""The patches of a grid in their final order, some at a time: memory holds those of a row of tiles."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import shapely

from changedetect import measure
from changedetect.config.detection import PatchesSection
from changedetect.grid import Grid
from changedetect.stages.patches.chosen import Choice, Sums, choose_patches, grouped
from changedetect.stages.patches.join import Joined, Rings, group_rings
from changedetect.stages.patches.split import NOBODY
from changedetect.stages.patches.sure import judging_channels
from changedetect.stages.patches.tile import TileRuns
from changedetect.tiling import in_turn

BATCH = 1024
"""Patches that are given together at least, unless they are the last."""

_ACROSS = 512
"""Patches across seams that are made together."""


class Made(NamedTuple):
    """Patches that have been made.

    Attributes
    ----------
    first
        ``(patch, 2)`` int64, row and column of the first pixel.
    pixels
        ``(patch,)`` int64.
    sizes
        ``(2, patch)`` float64: area [m²] and length of all rings [m].
    shapes
        ``(patch,)`` MultiPolygons in the grid's CRS.
    sums
        Of each, without the channels by which outlines are judged.
    runs
        ``(n, 3)`` int32, row, first column, column after the last.
    owner
        ``(n,)`` int64, patch of each run.
    """

    first: np.ndarray
    pixels: np.ndarray
    sizes: np.ndarray
    shapes: np.ndarray
    sums: Sums
    runs: np.ndarray
    owner: np.ndarray

    def taken(self, which: np.ndarray) -> "Made":
        """Take some patches, in the order given."""
        place = np.full(len(self.pixels), NOBODY, np.int64)
        place[which] = np.arange(len(which))
        sums, stays = self.sums, place[self.owner] != NOBODY
        votes = np.column_stack([place[sums.votes[:, 0]], sums.votes[:, 1:]])
        votes = votes[votes[:, 0] != NOBODY]
        votes = votes[np.argsort(votes[:, 0], kind="stable")]
        return Made(
            self.first[which],
            self.pixels[which],
            self.sizes[:, which],
            self.shapes[which],
            Sums(sums.llr_sum[which], sums.llr_max[which], sums.moments[which], votes),
            self.runs[stays],
            place[self.owner[stays]],
        )


@dataclass(frozen=True, slots=True)
class GridPatches:
    """The patches of a grid, chosen; each is made when it is its turn.

    Attributes
    ----------
    parts
        Results of tiles, read again.
    grid
        The grid.
    choice
        What is a patch.
    judging
        Channels that come first in the moments of tiles and are not told of patches.
    workers
        Threads; the result is the same.
    """

    parts: Sequence[TileRuns]
    grid: Grid
    choice: Choice
    judging: int
    workers: int

    @property
    def count(self) -> int:
        """Number of patches."""
        return len(self.choice.across.level) + int(self.choice.closed.sum())

    def batches(self) -> Iterator[Made]:
        """Give the patches in the order of their first pixels: at least one batch, maybe empty."""
        pieces = sorted(self._pieces(), key=lambda piece: piece[0])
        tops = [top for top, _ in pieces] + [self.grid.height]
        waiting: list[Made] = []
        given = False
        done = in_turn(pieces, lambda piece: piece[1](), self.workers)
        for made, limit in zip(done, tops[1:], strict=True):
            waiting.append(made)
            ready = sum(int((one.first[:, 0] < limit).sum()) for one in waiting)
            if ready >= BATCH or limit == self.grid.height:
                whole = put_together(waiting)
                order = np.lexsort((whole.first[:, 1], whole.first[:, 0]))
                waiting = [whole.taken(order[ready:])] if ready < len(order) else []
                if ready:
                    given = True
                    yield whole.taken(order[:ready])
        if not given:
            yield _nothing()

    def _pieces(self) -> Iterator[tuple[int, Callable[[], Made]]]:
        """List what is made at once, with the row above which none of its patches begins."""
        across = self.choice.across
        for place in np.flatnonzero(self.choice.closed).tolist():
            yield int(self.choice.tops[place]), partial(self._inside, place)
        for begin in range(0, len(across.level), _ACROSS):
            top = int(across.runs[across.ends[begin], 0])
            yield top, partial(self._across, begin, min(begin + _ACROSS, len(across.level)))

    def _inside(self, place: int) -> Made:
        """Make the patches that a tile has chosen."""
        part = self.parts[place]
        mine = part.closed[part.run_group]
        number = np.where(part.closed, np.cumsum(part.closed) - 1, NOBODY)
        runs, owner = part.runs[mine], number[part.run_group[mine]]
        level = np.zeros(int(part.closed.sum()), np.int64)
        level[owner] = part.run_level[mine]
        _, sums = grouped(part, number, self.judging)
        return made_of(runs, owner, level, sums, self.grid)

    def _across(self, begin: int, end: int) -> Made:
        """Make some of the patches across seams."""
        across = self.choice.across
        first, last = across.ends[begin], across.ends[end]
        owner = np.repeat(np.arange(end - begin), np.diff(across.ends[begin : end + 1]))
        runs = across.runs[first:last]
        order = np.lexsort((runs[:, 1], runs[:, 0]))
        sums, (left, right) = across.sums, np.searchsorted(across.sums.votes[:, 0], (begin, end))
        votes = sums.votes[left:right] - np.array([begin, 0, 0])
        mine = slice(begin, end)
        own = Sums(sums.llr_sum[mine], sums.llr_max[mine], sums.moments[mine], votes)
        return made_of(runs[order], owner[order], across.level[begin:end], own, self.grid)


def find_patches(
    parts: Sequence[TileRuns],
    grid: Grid,
    cfg: PatchesSection,
    *,
    bordered: bool = False,
    workers: int = 1,
) -> GridPatches:
    """Choose the patches of a grid, without making them; parameters as in `outlines.outline`.

    Tiles are gone through three times, a few at a time: to choose, to add up what lies across seams, and to
    make the patches.
    """
    choice = choose_patches(parts, cfg, bordered=bordered, workers=workers)
    return GridPatches(parts, grid, choice, judging_channels(cfg) if bordered else 0, workers)


def made_of(runs: np.ndarray, owner: np.ndarray, level: np.ndarray, sums: Sums, grid: Grid) -> Made:
    """Outline and measure patches.

    Parameters
    ----------
    runs, owner
        ``(n, 3)`` int32 in reading order, and the patch of each.
    level
        ``(patch,)`` int64; patches of one level do not touch, those of two may.
    sums
        Of each patch.
    grid
        Where they lie.
    """
    count = len(level)
    shapes, sizes = np.empty(count, object), np.zeros((2, count))
    for value in np.unique(level).tolist():
        mine = np.flatnonzero(level == value)
        place = np.full(count, NOBODY, np.int64)
        place[mine] = np.arange(len(mine))
        group = place[owner]
        chosen = group != NOBODY
        joined = Joined(runs[chosen], group[chosen], mine, mine[:0])
        rings = group_rings(joined, grid)
        shapes[mine] = rings.shapes()
        sizes[:, mine] = measured(rings, shapes[mine], grid.crs)
    pixels = np.zeros(count, np.int64)
    np.add.at(pixels, owner, (runs[:, 2] - runs[:, 1]).astype(np.int64))
    _, first = np.unique(owner, return_index=True)
    return Made(runs[first, :2].astype(np.int64), pixels, sizes, shapes, sums, runs, owner)


def measured(rings: Rings, shapes: np.ndarray, crs: str) -> np.ndarray:
    """Measure areas and ring lengths, on the ellipsoid or, without a CRS, in the plane; ``(2, n)``."""
    if crs:
        return np.stack(measure.measure_ragged(*rings, crs))
    return np.stack([shapely.area(shapes), shapely.length(shapes)])


def put_together(some: Sequence[Made]) -> Made:
    """Put patches into one list, those of the first part first."""
    if len(some) == 1:
        return some[0]
    starts = np.cumsum([0, *(len(one.pixels) for one in some)])[:-1].tolist()
    votes = [
        one.sums.votes + np.array([start, 0, 0]) for one, start in zip(some, starts, strict=True)
    ]
    owner = [one.owner + start for one, start in zip(some, starts, strict=True)]
    first, pixels, sizes, shapes, sums, runs, _ = zip(*some, strict=True)
    llr_sum, llr_max, moments = (
        np.concatenate([getattr(one, name) for one in sums])
        for name in ("llr_sum", "llr_max", "moments")
    )
    return Made(
        np.concatenate(first),
        np.concatenate(pixels),
        np.concatenate(sizes, axis=1),
        np.concatenate(shapes),
        Sums(llr_sum, llr_max, moments, np.concatenate(votes)),
        np.concatenate(runs),
        np.concatenate(owner),
    )


def _nothing() -> Made:
    none = np.zeros(0, np.int64)
    sums = Sums(none, none, np.zeros((0, 0, 3), np.int64), np.zeros((0, 3), np.int64))
    shapes, sizes = np.empty(0, object), np.zeros((2, 0))
    return Made(
        np.zeros((0, 2), np.int64), none, sizes, shapes, sums, np.zeros((0, 3), np.int32), none
    )
