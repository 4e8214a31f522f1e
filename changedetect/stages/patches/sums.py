"""Sums over the pixels of the groups of a tile: integers, so that tiles add up exactly."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from changedetect import schema
from changedetect.grid import Tile
from changedetect.kernels.levels import stretches
from changedetect.kernels.runs import add_moments, run_pixels, run_sums

PartSampler = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, ...]]
"""Rows and columns of pixels ``(n,)`` -> their channels, in several arrays ``(channel, n)``, one after the other: int32,
or int8 for borders, which are `UNKNOWN_BORDER` where they are not known."""

MISSING = int(np.iinfo(np.int32).min)
"""Value of a channel that is not known in a pixel."""

UNKNOWN_BORDER = -1
"""Value of a pixel that is no border, or of which nothing is known."""

_PIXELS_AT_ONCE = 1 << 13
"""Pixels sampled in one call: their channels stay in the cache, and memory is used again."""

_KEYS_A_VOTE = 16
"""Keys that are so dense are counted, others are sorted; the result is the same."""


class Runs(NamedTuple):
    """Runs of pixels of one level each.

    Attributes
    ----------
    runs
        ``(n, 3)`` int32: row, first column, column after the last; sorted.
    level, group
        ``(n,)`` int64: level, from 1, and 8-connected group of the pixels of that level.
    """

    runs: np.ndarray
    level: np.ndarray
    group: np.ndarray

    @property
    def groups(self) -> int:
        """Number of groups."""
        return int(self.group.max()) + 1 if len(self.group) else 0

    def kept(self, keep: np.ndarray) -> tuple["Runs", np.ndarray]:
        """Keep some runs, whole groups of them; also say which groups stay, in their order."""
        stay, group = np.unique(self.group[keep], return_inverse=True)
        return Runs(self.runs[keep], self.level[keep], group.astype(np.int64)), stay


def evidence_sums(
    found: Runs, tile: Tile, evidence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count the pixels of each group, add up their evidence, and find the highest; ``(group,)`` int64."""
    pixels, llr_sum = np.zeros(found.groups, np.int64), np.zeros(found.groups, np.int64)
    llr_max = np.full(found.groups, schema.EVIDENCE_NODATA, np.int64)
    place = tile.outer.row, tile.outer.col
    sums = pixels, llr_sum, llr_max
    run_sums(np.ascontiguousarray(evidence), found.runs, found.group, place, sums)
    return sums


def moments_of(found: Runs, tile: Tile, sampler: PartSampler) -> np.ndarray:
    """Add up the channels of the pixels of each group, ``(group, channel, 3)`` int64."""
    nowhere = np.zeros(0, np.int64)
    width = sum(len(part) for part in sampler(nowhere, nowhere))
    moments = np.zeros((found.groups, width, 3), np.int64)
    for rows, cols, owner in _blocks(found, tile):
        begin = 0
        for part in sampler(rows, cols):
            missing = UNKNOWN_BORDER if part.dtype == np.int8 else MISSING
            add_moments(part, owner, missing, moments, begin)
            begin += len(part)
    return moments


def _blocks(found: Runs, tile: Tile) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """List the pixels of runs in blocks: rows and columns in the outer window, and groups."""
    runs, group = found.runs, found.group
    ends = np.cumsum(runs[:, 2] - runs[:, 1], dtype=np.int64)
    first = 0
    while first < len(runs):
        start = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, start + _PIXELS_AT_ONCE)))
        rows, cols, owner = run_pixels(runs[first:last])
        yield rows - tile.outer.row, cols - tile.outer.col, group[first:last][owner]
        first = last


def votes_of(found: Runs, tile: Tile, pair_index: np.ndarray | int) -> np.ndarray:
    """Count under which scene pair the pixels of each group lie."""
    outer = tile.outer
    pairs = np.broadcast_to(np.asarray(pair_index), (outer.height, outer.width))
    run, pair, pixels = stretches(np.ascontiguousarray(pairs), found.runs, outer.row, outer.col)
    votes = np.column_stack([found.group[run], pair, pixels])
    return add_votes(votes[pair >= 0])


def add_votes(votes: np.ndarray) -> np.ndarray:
    """Add the pixels of equal (group, pair), sorted by group and pair.

    Parameters
    ----------
    votes
        ``(v, 3)`` int64: group, scene pair (from 0), pixels.
    """
    pairs = int(votes[:, 1].max()) + 1 if len(votes) else 1
    keys = votes[:, 0] * pairs + votes[:, 1]
    if keys.max(initial=0) < _KEYS_A_VOTE * len(keys):
        counted = np.zeros(int(keys.max(initial=-1)) + 1, np.int64)
        np.add.at(counted, keys, votes[:, 2])
        keys = np.flatnonzero(counted)
        pixels = counted[keys]
    else:
        keys, place = np.unique(keys, return_inverse=True)
        pixels = np.zeros(len(keys), np.int64)
        np.add.at(pixels, place, votes[:, 2])
    return np.column_stack([keys // pairs, keys % pairs, pixels])
