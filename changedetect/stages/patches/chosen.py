"""Which ground of a grid is a patch: all that is kept of tiles while their patches are made one after another.

Patches inside of tiles stay in their tiles. Of ground that a seam may cut the runs are kept, and what is
told of it; and of patches across seams their sums.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from changedetect.config.detection import PatchesSection
from changedetect.kernels.runs import add_groups
from changedetect.stages.patches.split import NOBODY, choose, layers
from changedetect.stages.patches.sums import add_votes
from changedetect.stages.patches.sure import judging_channels
from changedetect.stages.patches.tile import TileRuns
from changedetect.stages.patches.told import Told, no_sums
from changedetect.tiling import in_turn


class Sums(NamedTuple):
    """Sums of patches.

    Attributes
    ----------
    llr_sum, llr_max
        ``(patch,)`` int64, of quantised evidence.
    moments
        ``(patch, channel, 3)`` int64.
    votes
        ``(v, 3)`` int64: patch, number that the tiles' pair index gave, pixels; sorted.
    """

    llr_sum: np.ndarray
    llr_max: np.ndarray
    moments: np.ndarray
    votes: np.ndarray


class Across(NamedTuple):
    """Patches of ground that a seam may cut, in the order of their first pixels.

    Attributes
    ----------
    runs
        ``(n, 3)`` int32, by patch, then in reading order.
    ends
        ``(patch + 1,)`` int64, where the runs of each patch begin.
    level
        ``(patch,)`` int64, at which each is outlined.
    sums
        Of each.
    """

    runs: np.ndarray
    ends: np.ndarray
    level: np.ndarray
    sums: Sums


class Choice(NamedTuple):
    """What is known of a grid before its patches are made.

    Attributes
    ----------
    across
        Patches of ground that a seam may cut.
    closed
        ``(part,)`` int64; patches that each tile has chosen for good.
    tops
        ``(part,)`` int64; row of the first pixel of the first of them.
    counts
        ``(4,)`` int64, as those of a tile.
    """

    across: Across
    closed: np.ndarray
    tops: np.ndarray
    counts: np.ndarray


class _Open(NamedTuple):
    """What is kept of a tile while patches are chosen: runs of ground that is open, and what is told of it."""

    runs: np.ndarray
    level: np.ndarray
    group: np.ndarray
    llr_sum: np.ndarray
    judged: np.ndarray
    counts: np.ndarray
    closed: int
    top: int


def choose_patches(
    parts: Sequence[TileRuns], cfg: PatchesSection, *, bordered: bool, workers: int
) -> Choice:
    """Choose the patches of a grid; parameters as in `outlines.outline`."""
    told = Told(cfg)
    runs, level = [np.zeros((0, 3), np.int32)], [np.zeros(0, np.int8)]
    counts, closed, tops = np.zeros(4, np.int64), [], []
    first = judging_channels(cfg) if bordered else 0
    for found in in_turn(range(len(parts)), lambda place: _open_of(parts[place], first), workers):
        counts += found.counts
        closed.append(found.closed)
        tops.append(found.top)
        runs.append(found.runs)
        level.append(found.level)
        if bordered:
            told.add(found.group, found.llr_sum, found.judged)
    ends = np.cumsum([len(one) for one in runs])
    given, levels = np.concatenate(runs), np.concatenate(level)
    del runs, level
    everything = np.ones(len(given), bool)
    owner, specks = choose(given, levels, everything, cfg, told.judge if bordered else None)
    across, patch = _across(given, owner)
    del given, owner, told
    of_part = [patch[begin:end] for begin, end in pairwise(ends.tolist())]
    sums = _add_up(parts, of_part, len(across.level), first, workers)
    counts += np.array([0, 0, *specks])
    return Choice(
        across._replace(sums=sums), np.array(closed, np.int64), np.array(tops, np.int64), counts
    )


def _open_of(part: TileRuns, channels: int) -> _Open:
    """Copy what is kept of a tile: the rest of it goes."""
    is_open = ~part.closed
    mine = is_open[part.run_group]
    group = np.cumsum(is_open) - 1
    judged = part.moments[is_open, :channels]
    done = part.runs[~mine]
    return _Open(
        part.runs[mine],
        part.run_level[mine].astype(np.int8),
        group[part.run_group[mine]],
        part.llr_sum[is_open],
        judged,
        part.counts,
        int(part.closed.sum()),
        int(done[0, 0]) if len(done) else 0,
    )


def _across(given: np.ndarray, owner: np.ndarray) -> tuple[Across, np.ndarray]:
    """List the chosen patches in the order of their first pixels; and give the patch of each run."""
    patch, begin = np.full(len(given), NOBODY, np.int32), 0
    kept = []
    for layer in layers(given, owner):
        mine = layer.place != NOBODY
        patch[mine] = layer.place[mine] + begin
        begin += len(layer.pixels)
        kept.append(replace(layer, place=patch[:0]))
    firsts = np.concatenate([layer.first_pixels for layer in kept])
    rank = np.empty(begin + 1, np.int32)
    order = np.lexsort((firsts[:, 1], firsts[:, 0]))
    rank[order], rank[begin] = np.arange(begin), NOBODY
    sizes = np.cumsum([0, *(len(layer.pixels) for layer in kept)])
    mine = [rank[layer.group + start] for layer, start in zip(kept, sizes[:-1], strict=True)]
    runs, number = np.concatenate([layer.runs for layer in kept]), np.concatenate(mine)
    by_patch = np.argsort(number, kind="stable")
    ends = np.concatenate([[0], np.cumsum(np.bincount(number, minlength=begin))])
    level = np.repeat(np.arange(1, len(kept) + 1), [len(layer.pixels) for layer in kept])[order]
    nothing = Sums(*no_sums(0, 0), np.zeros((0, 3), np.int64))
    return Across(runs[by_patch], ends, level, nothing), rank[patch]


def _add_up(
    parts: Sequence[TileRuns],
    of_part: Sequence[np.ndarray],
    patches: int,
    first: int,
    workers: int,
) -> Sums:
    """Add the sums of open groups to those of their patches, given the patch of every run by tile."""
    total: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    votes = [np.zeros((0, 3), np.int64)]
    asked = [place for place, mine in enumerate(of_part) if (mine != NOBODY).any()]
    work = partial(_sums_of, parts, of_part, first)
    for mine, found in in_turn(asked, work, workers):
        total = total or no_sums(patches, found.moments.shape[1])
        add_groups(mine, found[:3], total)
        votes.append(np.column_stack([mine[found.votes[:, 0]], found.votes[:, 1:]]))
    return Sums(*(total or no_sums(patches, 0)), add_votes(np.concatenate(votes)))


def _sums_of(
    parts: Sequence[TileRuns], of_part: Sequence[np.ndarray], first: int, place: int
) -> tuple[np.ndarray, Sums]:
    """Return which patches have open groups in a tile, ``(n,)`` int64, and their sums there."""
    part = parts[place]
    is_open = ~part.closed[part.run_group]
    target = np.full(len(part.pixels), NOBODY, np.int64)
    target[part.run_group[is_open]] = of_part[place]
    return grouped(part, target, first)


def grouped(part: TileRuns, target: np.ndarray, first: int) -> tuple[np.ndarray, Sums]:
    """Add the groups of a tile up by what they belong to.

    Parameters
    ----------
    part
        A tile.
    target
        ``(group,)`` int64, what each belongs to; negative = nothing.
    first
        Channels that are left out at the beginning.

    Returns
    -------
    tuple
        To what any belongs, ``(n,)`` int64, rising; and its sums in that order.
    """
    mine = target >= 0
    names, number = np.unique(target[mine], return_inverse=True)
    own = np.full(len(target), NOBODY, np.int64)
    own[mine] = number
    total = no_sums(len(names), part.moments.shape[1] - first)
    moments = np.ascontiguousarray(part.moments[:, first:])
    add_groups(own, (part.llr_sum, part.llr_max, moments), total)
    votes = np.column_stack([own[part.votes[:, 0]], part.votes[:, 1:]])
    return names, Sums(*total, add_votes(votes[votes[:, 0] != NOBODY]))
