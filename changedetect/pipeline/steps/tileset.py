"""The finished tiles of a grid, read again: their runs, and rasters put together of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from changedetect import schema
from changedetect.config.detection import PatchesSection
from changedetect.errors import InputError
from changedetect.grid import Grid, Tile, Window
from changedetect.io import raster_writer, tile_files
from changedetect.pipeline.runs.territory import Land
from changedetect.pipeline.sources.fusedwork import PARTLY
from changedetect.pipeline.sources.pairwork import inside_of, only_on
from changedetect.stages import classify, patches
from changedetect.stages.evidence import fusion

BLOCK_PX = 512
"""Rasters are put together in strips of this height. [px]"""

EVIDENCE_FORM = raster_writer.RasterForm(
    "int16", schema.EVIDENCE_NODATA, ("log-likelihood ratio of change x 100",), level=4
)
CHANGE_FORM = raster_writer.RasterForm(
    "uint8", schema.NOT_OBSERVED, ("0 unchanged, 1 changed, 255 not observed or not asked about",)
)
CHANNELS = len(classify.CHANNELS)
"""Channels of the classifier come first in the moments of a patch, then what each source said."""

TOLD = CHANNELS + len(fusion.SOURCES)
"""All channels of a patch."""


@dataclass(frozen=True, slots=True)
class TileSet:
    """The finished tiles of a grid.

    Attributes
    ----------
    folder
        Where their files are.
    done
        Tiles that have a file.
    untouched
        Tiles that no image meets: not observed.
    failed
        Tiles that could not be done: not observed, for another reason.
    land
        What is asked about: nothing outside counts as unobserved. None = the whole grid.
    settings
        Section `patches`.
    """

    folder: Path
    done: tuple[Tile, ...]
    untouched: tuple[Tile, ...]
    failed: tuple[Tile, ...]
    land: Land | None = None
    settings: PatchesSection = field(default_factory=PatchesSection)

    def runs(self) -> patches.Parts:
        """Return the runs of tiles that were worked on or that no image meets."""
        makers = [partial(self._stored, tile) for tile in self.done]
        empty = [partial(self._empty, tile) for tile in self.untouched]
        return patches.Parts((*makers, *empty))

    def lost(self) -> patches.Parts:
        """Return the runs of tiles that failed: all unobserved."""
        return patches.Parts(tuple(partial(self._empty, tile) for tile in self.failed))

    def partly(self) -> patches.Parts:
        """Return, as unobserved, what no optical pair observed and another source did."""
        return patches.Parts(tuple(partial(self._partly, tile) for tile in self.done))

    def _stored(self, tile: Tile) -> patches.TileRuns:
        return patches.TileRuns.from_arrays(self.arrays(tile, patches.TileRuns.names()))

    def _partly(self, tile: Tile) -> patches.TileRuns:
        arrays = self.arrays(tile, (*patches.TileRuns.names(), PARTLY))
        return replace(patches.TileRuns.from_arrays(arrays), unobserved=arrays[PARTLY])

    def _empty(self, tile: Tile) -> patches.TileRuns:
        channels = patches.judging_channels(self.settings) + TOLD
        wanted = inside_of(self.land, tile.core)
        return only_on(wanted, patches.failed_tile(tile, channels), tile)

    def arrays(self, tile: Tile, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Read the arrays of a tile, all or some.

        Raises
        ------
        InputError
            Its file was taken away while the step was running.
        """
        arrays = tile_files.read_tile(self.folder / f"{tile.name}.npz", names=names)
        if arrays is None:
            msg = f"{self.folder / tile.name}.npz is gone or damaged; run the same command again"
            raise InputError(msg)
        return arrays

    def strips(self, grid: Grid) -> Iterator[tuple[Window, np.ndarray]]:
        """Put the evidence together in strips of whole rows, the same however it was tiled.

        Yields
        ------
        tuple
            Window over the full width, and schema.EVIDENCE of it.
        """
        for row in range(0, grid.height, BLOCK_PX):
            window = Window(row, 0, min(BLOCK_PX, grid.height - row), grid.width)
            strip = np.full((window.height, window.width), schema.EVIDENCE_NODATA, np.int16)
            for tile in self.done:
                core = tile.core
                top, bottom = max(core.row, row), min(core.row + core.height, row + window.height)
                if top >= bottom:
                    continue
                part = self.arrays(tile, ("evidence",))["evidence"][
                    top - core.row : bottom - core.row
                ]
                strip[top - row : bottom - row, core.col : core.col + core.width] = part
            yield window, strip

    def painted(self, window: Window, across: np.ndarray) -> np.ndarray:
        """Return which pixels of a window belong to a patch, ``(y, x)`` bool.

        ``across``: runs of patches across seams, sorted by row.
        """
        top, bottom = window.row, window.row + window.height
        found = [across[slice(*np.searchsorted(across[:, 0], (top, bottom)))]]
        for tile in self.done:
            if tile.core.row < bottom and top < tile.core.row + tile.core.height:
                stored = self.arrays(tile, ("runs", "run_group", "closed"))
                found.append(stored["runs"][stored["closed"][stored["run_group"]]])
        runs = np.concatenate(found)
        return patches.painted(runs[np.argsort(runs[:, 0], kind="stable")], window)


def change_strips(
    evidence: Iterator[tuple[Window, np.ndarray]], painted: Callable[[Window], np.ndarray]
) -> Iterator[tuple[Window, np.ndarray]]:
    """Turn strips of evidence into strips of the change mask: exactly the outlined patches."""
    for window, strip in evidence:
        change = painted(window).astype(np.uint8)
        change[strip == schema.EVIDENCE_NODATA] = schema.NOT_OBSERVED
        yield window, change
