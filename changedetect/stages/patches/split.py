"""Patches that hang together only by weak evidence fall apart into their strong cores.

Ground that changed with the season often touches a building site; at the alarm threshold the two
are one patch. The levels of the evidence form a tree (components of what reaches each level, each
inside one of the level below). From the root down, a component stays whole unless a core inside of it is better outlined: more
of its border shows only after. Where no image tells of borders, it stays whole if its largest core at
the next level holds most of it. Else each core is looked at on its own, and what is left between
them is a patch too: nothing that reached the alarm is lost, only parted.

The idea is that of component trees (Salembier et al. 1998, doi:10.1109/83.663500, section II);
the rules by which a component is parted are ours, measured on simulated counties.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from changedetect.config.detection import PatchesSection
from changedetect.kernels.runs import group_sizes, join_runs, label_runs
from changedetect.stages.patches.join import CORNER, Joined

NOBODY = -1

NO_OPINION, NOT_SURE = np.inf, -np.inf

Worth = Callable[[Sequence[Joined]], Sequence[np.ndarray]]
"""Components of the ground that reaches each level, the lowest first -> ``(component,)`` float64 each: how
well each is outlined, `NOT_SURE` where it is no patch, `NO_OPINION` where nothing tells."""


@dataclass(frozen=True, slots=True)
class _Level:
    """The components of the ground that reaches a level.

    Attributes
    ----------
    joined
        The components.
    inside
        ``(run,)`` bool; which of the sorted runs reach the level.
    core
        ``(run,)`` int64; component of those.
    parent
        ``(component,)`` int64; component of the level below in which each lies.
    large
        ``(component,)`` bool; not smaller than the smallest patch.
    """

    joined: Joined
    inside: np.ndarray
    core: np.ndarray
    parent: np.ndarray
    large: np.ndarray

    def highest(self, values: np.ndarray, below: int, start: float) -> np.ndarray:
        """Return the highest value of the large cores in each of so many components of the level below."""
        found = np.full(below, start, values.dtype)
        np.maximum.at(found, self.parent[self.large], values[self.large])
        return found


def layers(
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    cfg: PatchesSection,
    worth: Worth | None = None,
) -> tuple[Joined, ...]:
    """Part the changed ground of a grid; the same for every tiling and order of tiles.

    Parameters
    ----------
    parts
        Of each tile: runs ``(n, 3)`` int32 and their levels ``(n,)`` int64.
    cfg
        Smallest core, and the share above which a patch stays whole.
    worth
        Tells how well each component is outlined; None = nothing tells.

    Returns
    -------
    tuple of Joined
        Patches that belong together never touch inside one layer, so each layer is outlined like
        a mask of its own; ``place`` of runs of other layers is -1.
    """
    given = np.concatenate([np.zeros((0, 3), np.int32), *(runs for runs, _ in parts)])
    level = np.concatenate([np.zeros(0, np.int64), *(levels for _, levels in parts)])
    order = np.lexsort((given[:, 1], given[:, 0]))
    tree = _tree((given, order), level[order], cfg)
    owner = _owner_levels(tree, cfg, worth or _no_opinion)
    return tuple(
        _layer(given, order, owner == value) for value in range(1, int(level.max(initial=1)) + 1)
    )


def _no_opinion(nested: Sequence[Joined]) -> list[np.ndarray]:
    return [np.full(len(layer.pixels), NO_OPINION) for layer in nested]


def _tree(
    whole: tuple[np.ndarray, np.ndarray], level: np.ndarray, cfg: PatchesSection
) -> list[_Level]:
    """Nest the components of all levels, the lowest first; ``whole``: runs, and their order."""
    given, order = whole
    tree: list[_Level] = []
    for value in range(1, int(level.max(initial=1)) + 1):
        inside = level >= value
        joined = _layer(given, order, inside)
        core = joined.place[order][inside]
        parent = np.zeros(len(joined.pixels), np.int64)
        if tree:
            node = np.zeros(len(order), np.int64)
            node[tree[-1].inside] = tree[-1].core
            parent[core] = node[inside]
        tree.append(_Level(joined, inside, core, parent, joined.pixels >= cfg.min_pixels))
    return tree


def _owner_levels(tree: list[_Level], cfg: PatchesSection, worth: Worth) -> np.ndarray:
    """Level of the deepest component that each run belongs to after parting; from 1."""
    values = list(worth([one.joined for one in tree]))
    best = _best_inside(tree, values)
    owner = np.ones(len(tree[0].inside), np.int64)
    active = np.ones(len(tree[0].joined.pixels), bool)
    for level, (here, above) in enumerate(pairwise(tree), start=1):
        pixels = here.joined.pixels
        largest = above.highest(above.joined.pixels, len(pixels), 0)
        own, inner = values[level - 1], best[level - 1]
        better = inner > own + cfg.split_new_border_share
        parted = np.where(own == NO_OPINION, largest < cfg.split_share * pixels, better)
        active = (active & parted & (largest > 0))[above.parent] & above.large
        owner[above.inside] = np.where(active[above.core], level + 1, owner[above.inside])
    return owner


def _best_inside(tree: list[_Level], values: list[np.ndarray]) -> list[np.ndarray]:
    """Return for each level how well the best core inside each component is outlined."""
    best = [np.full(len(tree[-1].joined.pixels), NOT_SURE)]
    for level in range(len(tree) - 1, 0, -1):
        told = np.where(values[level] == NO_OPINION, NOT_SURE, values[level])
        below = len(tree[level - 1].joined.pixels)
        best.insert(0, tree[level].highest(np.maximum(told, best[0]), below, NOT_SURE))
    return best


def _layer(given: np.ndarray, order: np.ndarray, mine: np.ndarray) -> Joined:
    """Join the runs of one layer, in the order given."""
    runs, joined = join_runs(given[order[mine]])
    group = label_runs(runs, CORNER)
    place = np.full(len(given), NOBODY, np.int64)
    place[order[mine]] = group[joined]
    return Joined(runs, group, group_sizes(runs, group), place)
