"""Nested outlines: which of the components of changed ground are patches.

Ground that changed with the season often touches a building site; where evidence is weak the two
are one. The levels of the evidence form a tree (components of what reaches each level, each inside
one of the level below). One component is one patch, outlined where it is surest:

- An inner outline counts in place of the one around it only if it is surer by a margin; what lies
  around it then is no patch.
- Several inner outlines count in place of one that would be sure itself only if one of them that is
  no speck has a border of its own that is new, and no less so than the border around; else the parts
  of one building would be several patches, and specks would stand for the ground around them.
- Where nothing tells how sure an outline is, it stays whole if its largest core holds most of it;
  else each core is looked at on its own, and what is left between them is a patch too.

The idea is that of component trees (Salembier et al. 1998, doi:10.1109/83.663500, section II);
the rules by which a component is parted are ours, measured on simulated counties.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from changedetect.config.detection import PatchesSection
from changedetect.kernels.runs import group_sizes, join_runs, label_runs
from changedetect.stages.patches.join import CORNER, Joined
from changedetect.stages.patches.sure import NO_OPINION, NOT_SURE

NOBODY = -1
DROPPED = 0
"""Level of runs that are in no patch."""

_SILENT = float(np.finfo(np.float64).min)
"""Counts for less than any outline that something was told of, and more than none."""

Judge = Callable[[Joined, int], tuple[np.ndarray, np.ndarray]]
"""Components of the ground that reaches a level, and the level -> how sure each is
(`sure.worth_of`), and how much of its border is new; ``(component,)`` float64 each."""


@dataclass(frozen=True, slots=True)
class Node:
    """The components of the ground that reaches a level.

    Attributes
    ----------
    inside
        ``(run,)`` bool; which of the sorted runs reach the level.
    core
        ``(run inside,)`` int64; component of those.
    parent
        ``(component,)`` int64; component of the level below in which each lies.
    pixels
        ``(component,)`` int64.
    large
        ``(component,)`` bool; not smaller than the smallest patch.
    worth, new_share
        ``(component,)`` float64, as `Judge` tells.
    """

    inside: np.ndarray
    core: np.ndarray
    parent: np.ndarray
    pixels: np.ndarray
    large: np.ndarray
    worth: np.ndarray
    new_share: np.ndarray

    @property
    def silent(self) -> np.ndarray:
        """Components of which nothing is told."""
        return np.asarray(self.worth == NO_OPINION)

    @property
    def value(self) -> np.ndarray:
        """How sure each component is as a patch, in numbers that can be compared."""
        told = np.where(self.silent, _SILENT, self.worth)
        return np.where(self.large, told, NOT_SURE)


def choose(
    given: np.ndarray,
    level: np.ndarray,
    mine: np.ndarray,
    cfg: PatchesSection,
    judge: Judge | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the patches of changed ground; the same for every tiling and order of tiles.

    Parameters
    ----------
    given
        ``(n, 3)`` int32, runs in any order.
    level
        ``(n,)`` integers, their levels, from 1.
    mine
        ``(n,)`` bool; runs to choose among: whole components of ground.
    cfg
        Smallest patch, and when a component is parted.
    judge
        Tells how sure each component is; None = nothing tells.

    Returns
    -------
    tuple of ndarray
        ``(n,)`` int64, level of the patch of each run, from 1; `DROPPED` = of none, or not asked
        about. And ``(2,)`` int64: groups that are in no patch, and their pixels.
    """
    order = np.flatnonzero(mine)
    order = order[np.lexsort((given[order, 1], given[order, 0]))]
    judge = judge or _nothing_told
    best = owner_levels((given, order), level[order], cfg, judge)
    owner, specks = np.full(len(given), DROPPED, np.int64), np.zeros(2, np.int64)
    for value in range(DROPPED, int(best.max(initial=DROPPED)) + 1):
        layer = _layer(given, order, best == value)
        keep = (layer.pixels >= cfg.min_pixels) & (value != DROPPED)
        if keep.any():
            keep &= judge(layer, value)[0] > NOT_SURE
        specks += int((~keep).sum()), int(layer.pixels[~keep].sum())
        owner[np.append(keep, False)[layer.place]] = value
    return owner, specks


def layers(given: np.ndarray, owner: np.ndarray) -> Iterator[Joined]:
    """Join the runs of the patches of each level, from 1.

    Patches that belong together never touch inside one layer, so each layer is outlined like a mask
    of its own; ``place`` of runs of other layers is -1.

    Parameters
    ----------
    given
        ``(n, 3)`` int32, runs in any order.
    owner
        ``(n,)`` integers, level of the patch of each; `DROPPED` = of none.
    """
    order = np.lexsort((given[:, 1], given[:, 0]))
    for value in range(1, int(owner.max(initial=1)) + 1):
        yield _layer(given, order, owner[order] == value)


def owner_levels(
    whole: tuple[np.ndarray, np.ndarray],
    level: np.ndarray,
    cfg: PatchesSection,
    judge: Judge,
) -> np.ndarray:
    """Return the level of the patch of each sorted run, from 1; `DROPPED` = of none.

    Parameters
    ----------
    whole
        Runs ``(n, 3)`` int32, and which of them are asked about, ordered by row and column.
    level
        ``(asked about,)`` integers.
    cfg, judge
        As in `choose`.
    """
    tree = _tree(whole, level, cfg, judge)
    opened = _opened(tree, cfg)
    owner = np.zeros(len(level), np.int64)
    active = np.ones(len(tree[0].pixels), bool)
    for value, (node, wide) in enumerate(zip(tree, opened, strict=True), start=1):
        if value > 1:
            active = (active & opened[value - 2])[node.parent] & node.large
        patch = (node.silent | (~wide & (node.worth > NOT_SURE))) & node.large
        mine = np.where(patch, value, DROPPED)
        owner[node.inside] = np.where(active[node.core], mine[node.core], owner[node.inside])
    return owner


def _nothing_told(joined: Joined, _level: int) -> tuple[np.ndarray, np.ndarray]:
    return np.full(len(joined.pixels), NO_OPINION), np.zeros(len(joined.pixels))


def _tree(
    whole: tuple[np.ndarray, np.ndarray], level: np.ndarray, cfg: PatchesSection, judge: Judge
) -> list[Node]:
    """Nest the components of all levels, the lowest first."""
    given, order = whole
    tree: list[Node] = []
    below = np.zeros(len(order), np.int64)
    for value in range(1, int(level.max(initial=1)) + 1):
        inside = level >= value
        joined = _layer(given, order, inside)
        core = joined.place[order][inside]
        parent = np.zeros(len(joined.pixels), np.int64)
        parent[core] = below[inside]
        below[inside] = core
        large = joined.pixels >= cfg.min_pixels
        tree.append(Node(inside, core, parent, joined.pixels, large, *judge(joined, value)))
    return tree


def _opened(tree: Sequence[Node], cfg: PatchesSection) -> list[np.ndarray]:
    """Tell which components of each level give way to what lies inside of them."""
    opened: list[np.ndarray] = []
    count = len(tree[-1].pixels)
    inner, cores, newest = np.full(count, NOT_SURE), np.zeros(count), np.zeros(count)
    largest = np.zeros(count, np.int64)
    for place in range(len(tree) - 1, -1, -1):
        node = tree[place]
        value, sure = node.value, node.value > NOT_SURE
        surer = inner > value + cfg.inner_margin_llr
        apart = newest >= np.maximum(node.new_share, cfg.apart_new_share)
        parted = (largest > 0) & (largest < cfg.split_share * node.pixels)
        wide = np.where(node.silent, parted, surer & ~(sure & (cores > 1) & ~apart))
        opened.insert(0, wide)
        if place == 0:
            break
        told = sure & ~node.silent & (node.pixels >= cfg.size_from_px)
        below = len(tree[place - 1].pixels)
        inner = _highest(node, np.maximum(value, inner), below, NOT_SURE)
        cores = _added(node, np.where(wide, cores, sure), below)
        newest = _highest(node, np.maximum(newest, np.where(told, node.new_share, 0.0)), below, 0.0)
        largest = _highest(node, node.pixels, below, 0)
    return opened


def _highest(node: Node, values: np.ndarray, below: int, start: float) -> np.ndarray:
    """Return the highest value of the large cores in each component of the level below."""
    found = np.full(below, start, values.dtype)
    np.maximum.at(found, node.parent[node.large], values[node.large])
    return found


def _added(node: Node, values: np.ndarray, below: int) -> np.ndarray:
    """Add the values of the large cores in each component of the level below."""
    return np.bincount(node.parent[node.large], values[node.large].astype(np.float64), below)


def _layer(given: np.ndarray, order: np.ndarray, mine: np.ndarray) -> Joined:
    """Join the runs of one layer, in the order given."""
    runs, joined = join_runs(given[order[mine]])
    group = label_runs(runs, CORNER)
    place = np.full(len(given), NOBODY, np.int64)
    place[order[mine]] = group[joined]
    return Joined(runs, group, group_sizes(runs, group), place)
