"""The patches of a month, made batch by batch and written as they come."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np

from changedetect import schema
from changedetect.config.series import FusionSection
from changedetect.grid import Grid
from changedetect.io import raster_writer, tile_files, vector_writer
from changedetect.pipeline.runs.month_files import CHANGE, EVIDENCE, MOMENTS, PATCHES
from changedetect.pipeline.steps.tileset import (
    CHANGE_FORM,
    CHANNELS,
    EVIDENCE_FORM,
    TOLD,
    TileSet,
    change_strips,
)
from changedetect.stages import patches
from changedetect.stages.evidence import fusion
from changedetect.tiling import in_order, together


@dataclass(frozen=True, slots=True)
class Outlining:
    """Writes what was outlined in the tiles of a month.

    Attributes
    ----------
    tiles
        Evidence.
    found
        Patches, chosen.
    witnesses
        What stands behind them.
    fusion
        When a source speaks.
    """

    tiles: TileSet
    found: patches.GridPatches
    witnesses: patches.Witnesses
    fusion: FusionSection

    def write(self, folder: Path) -> tuple[tuple[str, ...], int]:
        """Write evidence, change mask, patches and their moments.

        Returns
        -------
        tuple
            Names of the files, and how many patches are disputed.
        """
        grid, workers = self.found.grid, self.found.workers
        rasters = (self._write_evidence, self._write_change)

        def write_rasters() -> None:
            in_order(rasters, lambda write: write(folder, grid), min(workers, len(rasters)))

        patches_written = partial(self._write_patches, folder, grid)
        _, disputed = together(write_rasters, patches_written, workers)
        return (EVIDENCE, CHANGE, PATCHES, MOMENTS), disputed

    def _write_patches(self, folder: Path, grid: Grid) -> int:
        """Write patches and moments; return how many patches are disputed."""
        disputed = 0

        def counted(add: tile_files.Rows) -> Iterator[gpd.GeoDataFrame]:
            nonlocal disputed
            for table in self._tables(add):
                disputed += int(table["disputed"].sum())
                yield table

        def fill(add: tile_files.Rows) -> None:
            write_patches(folder / PATCHES, counted(add), grid.crs)

        shape = self.found.count, CHANNELS, 3
        tile_files.write_rows(folder / MOMENTS, "moments", shape, fill)
        return disputed

    def _write_evidence(self, folder: Path, grid: Grid) -> None:
        path, strips = folder / EVIDENCE, self.tiles.strips(grid)
        workers = self.found.workers
        raster_writer.write_raster(
            path, grid, EVIDENCE_FORM, strips, overwrite=True, workers=workers
        )

    def _write_change(self, folder: Path, grid: Grid) -> None:
        across = self.found.choice.across.runs
        across = across[np.argsort(across[:, 0], kind="stable")]
        painted = partial(self.tiles.painted, across=across)
        strips = change_strips(self.tiles.strips(grid), painted)
        raster_writer.write_raster(folder / CHANGE, grid, CHANGE_FORM, strips, overwrite=True)

    def _tables(self, add: tile_files.Rows) -> Iterator[gpd.GeoDataFrame]:
        """Give the patches batch by batch, with what stands behind each, and their moments away."""
        for made in self.found.batches():
            moments = made.sums.moments
            if not len(made.pixels):  # no tile may have told how many channels there are
                moments = np.zeros((0, TOLD, 3), np.int64)
            add(moments[:, :CHANNELS])
            table = patches.table_of(made, self.found.grid)
            if not self.witnesses.pairs:  # nothing was compared: an empty table, with all columns
                yield table.reindex(columns=schema.PATCHES.names)
                continue
            yield patches.attribute(
                table,
                made.sums.votes,
                moments[:, CHANNELS:],
                self.witnesses,
                fusion.SOURCES,
                self.fusion.speak_llr,
            )


def write_patches(path: Path, tables: Iterable[gpd.GeoDataFrame], crs: str) -> None:
    """Write a table of patches that comes part by part, replacing an earlier one."""
    vector_writer.write_parts(
        path, "patches", tables, description="变化图斑 change patches", crs=crs, overwrite=True
    )
