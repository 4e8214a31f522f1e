"""Patches that hang together only by weak evidence fall apart into their strong cores.

Ground that changed with the season often touches a building site; at the alarm threshold the two
are one patch. The levels of the evidence form a tree (components of what reaches each level, each
inside one of the level below). From the root down, a component stays whole if its largest core at
the next level holds most of it; else each core is looked at on its own, and what is left between
them is a patch too: nothing that reached the alarm is lost, only parted.

The idea is that of component trees (Salembier et al. 1998, doi:10.1109/83.663500, section II);
the rule by which a component is parted is ours, measured on three simulated counties.
"""

from collections.abc import Sequence

import numpy as np

from changedetect.config.detection import PatchesSection
from changedetect.kernels.runs import group_sizes, join_runs, label_runs
from changedetect.stages.patches.join import CORNER, Joined

NOBODY = -1


def layers(
    parts: Sequence[tuple[np.ndarray, np.ndarray]], cfg: PatchesSection
) -> tuple[Joined, ...]:
    """Part the changed ground of a grid; the same for every tiling and order of tiles.

    Parameters
    ----------
    parts
        Of each tile: runs ``(n, 3)`` int32 and their levels ``(n,)`` int64.
    cfg
        Smallest core, and the share above which a patch stays whole.

    Returns
    -------
    tuple of Joined
        Patches that belong together never touch inside one layer, so each layer is outlined like
        a mask of its own; ``place`` of runs of other layers is -1.
    """
    given = np.concatenate([np.zeros((0, 3), np.int32), *(runs for runs, _ in parts)])
    level = np.concatenate([np.zeros(0, np.int64), *(levels for _, levels in parts)])
    order = np.lexsort((given[:, 1], given[:, 0]))
    owner = _owner_levels(given[order], level[order], cfg)
    return tuple(
        _layer(given, order, owner == value) for value in range(1, int(level.max(initial=1)) + 1)
    )


def _components(runs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Component of each run, and pixels of each component."""
    joined, place = join_runs(runs)
    group = label_runs(joined, CORNER)
    return group[place], group_sizes(joined, group)


def _owner_levels(runs: np.ndarray, level: np.ndarray, cfg: PatchesSection) -> np.ndarray:
    """Level of the deepest component that each run belongs to after parting; from 1."""
    owner = np.ones(len(runs), np.int64)
    node, pixels = _components(runs)
    active = np.ones(len(pixels), bool)
    for value in range(2, int(level.max(initial=1)) + 1):
        inside = level >= value
        core = np.full(len(runs), NOBODY, np.int64)
        core[inside], core_pixels = _components(runs[inside])
        parent = np.zeros(len(core_pixels), np.int64)
        parent[core[inside]] = node[inside]
        large = core_pixels >= cfg.min_pixels
        largest = np.zeros(len(pixels), np.int64)
        np.maximum.at(largest, parent[large], core_pixels[large])
        parted = active & (largest > 0) & (largest < cfg.split_share * pixels)
        active = parted[parent] & large
        owner[inside] = np.where(active[core[inside]], value, owner[inside])
        node, pixels = core, core_pixels
    return owner


def _layer(given: np.ndarray, order: np.ndarray, mine: np.ndarray) -> Joined:
    """Join the runs of one layer, in the order given."""
    runs, joined = join_runs(given[order[mine]])
    group = label_runs(runs, CORNER)
    place = np.full(len(given), NOBODY, np.int64)
    place[order[mine]] = group[joined]
    return Joined(runs, group, group_sizes(runs, group), place)
