"""Kernels compiled before a run needs them, by a process whose memory goes with it.

Compiling what a pair needs leaves 0.3 GB behind in the process that does it, on top of what the tiles
take; code that was compiled before is loaded from disk and needs next to none.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from changedetect.grid import Grid, Window
from changedetect.io.compiled import is_compiled
from changedetect.kernels.distance import distance_rows
from changedetect.pipeline.runs.settings import Settings
from changedetect.pipeline.sources.fittedpair import fit
from changedetect.pipeline.sources.pairwork import TileWork, shared_reader
from changedetect.pipeline.sources.skywork import common_part
from changedetect.records import ScenePair
from changedetect.stages import patches
from changedetect.tiling import apart

SIDE_PX = 768
"""Side of the ground on which it is tried: enough pixels to fit a pair. [px]"""


@dataclass(frozen=True, slots=True)
class Trial:
    """A pair fitted and compared on a piece of its ground; only what is compiled for it counts.

    Attributes
    ----------
    images
        Folder of the catalogue.
    pair, settings
        As in the run.
    """

    images: Path
    pair: ScenePair
    settings: Settings

    def __call__(self, grid: Grid) -> None:
        """Fit the pair on a small grid, compare it, and outline what changed."""
        fitted = fit(shared_reader(self.images), self.pair, grid, self.settings)
        work = TileWork(self.images, grid, (fitted,), self.settings, self.images)
        (tile,) = grid.tiles(SIDE_PX, self.settings.halo_px)
        _, runs, _ = work.measure(tile)
        patches.outline([runs], grid, self.settings.patches, (self.pair,), bordered=True)


def compile_apart(images: Path, pair: ScenePair, grid: Grid, settings: Settings) -> None:
    """Have another process compile the kernels of a pair, unless they lie on disk already.

    It is tried on the middle of the ground that both images show. Whatever fails there (no such ground,
    too little of it seen, no process to be had) is no fault of the run: it compiles for itself, and fits the
    same pair, so that what is wrong is told.
    """
    if is_compiled(distance_rows):
        return
    with suppress(Exception):
        part = common_part(pair, grid)
        height, width = min(SIDE_PX, part.height), min(SIDE_PX, part.width)
        row, col = part.row + (part.height - height) // 2, part.col + (part.width - width) // 2
        middle = grid.sub(Window(row, col, height, width))
        apart(middle, Trial(images, pair, settings), "kernels")
