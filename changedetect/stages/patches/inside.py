"""Ground that no other tile can enlarge: its patches are chosen in the tile.

What a component of ground is told of, and so which of its outlines are patches, rests on its own
pixels alone (`split`). So only components that reach the border of a tile's core have to wait for the
tiles around it, and memory holds the choice of a tile, and of seams, whatever the grid.
"""

from typing import NamedTuple

import numpy as np

from changedetect.config.detection import PatchesSection
from changedetect.grid import Tile
from changedetect.kernels.runs import add_groups, join_runs, label_runs
from changedetect.stages.patches.join import CORNER
from changedetect.stages.patches.split import DROPPED, NOBODY, choose, layers
from changedetect.stages.patches.sums import Runs
from changedetect.stages.patches.told import Told, no_sums


class Inside(NamedTuple):
    """What a tile has chosen, and what it could not choose.

    Attributes
    ----------
    runs
        Runs of ground that other tiles may enlarge, by level, then of patches; sorted.
    closed
        ``(group,)`` bool; groups that are patches, chosen for good.
    judged
        ``(group, channel, 3)`` int64, sums by which outlines are judged; None where nothing tells.
    specks
        ``(2,)`` int64: groups that are in no patch, and their pixels.
    """

    runs: Runs
    closed: np.ndarray
    judged: np.ndarray | None
    specks: np.ndarray


def choose_inside(
    found: Runs, llr_sum: np.ndarray, judged: np.ndarray | None, tile: Tile, cfg: PatchesSection
) -> Inside:
    """Choose the patches of the ground of a tile that does not reach the border of its core.

    Parameters
    ----------
    found
        Runs and groups of each level of the tile's core.
    llr_sum
        ``(group,)`` int64, sum of quantised evidence.
    judged
        ``(group, channel, 3)`` int64, the channels of `tile.Bordered`; None where nothing tells.
    tile
        The tile.
    cfg
        What makes a patch.
    """
    told = Told(cfg)
    if judged is not None:
        told.add(found.group, llr_sum, judged)
    waits = _reaches_border(found.runs, tile)
    judge = None if judged is None else told.judge
    owner, specks = choose(found.runs, found.level, ~waits, cfg, judge)
    waiting, stay = found.kept(waits)
    parts, begin = [waiting], waiting.groups
    target = np.full(found.groups, NOBODY, np.int64)
    target[stay] = np.arange(begin)
    for level, layer in enumerate(layers(found.runs, owner), start=DROPPED + 1):
        mine = layer.place != NOBODY
        target[found.group[mine]] = layer.place[mine] + begin
        parts.append(Runs(layer.runs, np.full(len(layer.runs), level), layer.group + begin))
        begin += len(layer.pixels)
    if judged is not None:
        sums = no_sums(begin, judged.shape[1])
        add_groups(target, (llr_sum, llr_sum, judged), sums)
        judged = sums[2]
    return Inside(_sorted(parts), np.arange(begin) >= waiting.groups, judged, specks)


def at_border(runs: np.ndarray, tile: Tile) -> np.ndarray:
    """Tell which runs touch the border of the core, ``(run,)`` bool."""
    core = tile.core
    return np.asarray(
        (runs[:, 0] == core.row)
        | (runs[:, 0] == core.row + core.height - 1)
        | (runs[:, 1] == core.col)
        | (runs[:, 2] == core.col + core.width)
    )


def _reaches_border(runs: np.ndarray, tile: Tile) -> np.ndarray:
    """Tell which runs lie in ground that touches the border of the core, ``(run,)`` bool."""
    joined, place = join_runs(runs)
    piece = label_runs(joined, CORNER)
    reaches = np.zeros(int(piece.max(initial=-1)) + 1, bool)
    reaches[piece[at_border(joined, tile)]] = True
    return np.asarray(reaches[piece[place]])


def _sorted(parts: list[Runs]) -> Runs:
    """Put runs of all parts into reading order."""
    runs, level, group = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.lexsort((runs[:, 1], runs[:, 0]))
    return Runs(runs[order], level[order], group[order])
