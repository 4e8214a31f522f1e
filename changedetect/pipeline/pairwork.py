"""A pair of images from files to evidence and runs, tile by tile.

Used by the monthly job and by quick looks. The models of a pair are fitted once, on blocks at
fixed places; a tile then reads its windows, runs the stages, and leaves one small file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import xarray as xr

from changedetect import schema
from changedetect.config.detection import EvidenceSection, PatchesSection, PixelsSection
from changedetect.errors import SceneError
from changedetect.grid import Grid, Tile
from changedetect.io.rasters import RasterReader
from changedetect.io.tile_files import read_tile, write_tile
from changedetect.records import ScenePair
from changedetect.stages import classify, patches, pixels
from changedetect.stages.evidence import optical


@dataclass(frozen=True, slots=True)
class Settings:
    """The sections of the configuration on which detection rests."""

    pixels: PixelsSection
    evidence: EvidenceSection
    patches: PatchesSection

    @property
    def halo_px(self) -> int:
        """What a tile must read beyond its core so that cuts leave no trace. [px]"""
        return int(
            pixels.halo_px(self.pixels, self.evidence)
            + patches.halo_px(self.patches)
            + classify.HALO_PX
        )


@dataclass(frozen=True, slots=True)
class FittedPair:
    """A pair with its models."""

    pair: ScenePair
    pixels: pixels.PixelModel
    evidence: optical.PairModel


def fit(reader: RasterReader, pair: ScenePair, grid: Grid, settings: Settings) -> FittedPair:
    """Fit the models of a pair on sample blocks of the grid.

    Raises
    ------
    RegistrationError
        The images can not be laid over one another.
    SceneError
        An image can not be read, or nothing is observed in both.
    """
    samples, notes = _samples(reader, pair, grid, settings)
    model = pixels.fit_pixels(samples, pair.before.roles, settings.pixels)
    model = replace(model, notes=(*model.notes, *notes))
    times = (pair.before.time, pair.after.time)
    stacks = [
        pixels.prepare_pair(
            sample.before,
            sample.after,
            (sample.cloud_before, sample.cloud_after),
            times,
            model,
            settings.pixels,
        )
        for sample in samples
    ]
    return FittedPair(pair, model, optical.fit_pair(stacks, settings.evidence))


def _samples(
    reader: RasterReader, pair: ScenePair, grid: Grid, settings: Settings
) -> tuple[list[pixels.PairSample], tuple[str, ...]]:
    """Read the sample blocks of a pair; a damaged one is left out and noted, if others are whole.

    The tiles under it fail by name later, so that nothing is hidden by going on.
    """
    samples: list[pixels.PairSample] = []
    damaged: list[SceneError] = []
    for window in pixels.sample_windows(grid, settings.pixels):
        try:
            images = [reader.read(scene, grid, window) for scene in (pair.before, pair.after)]
            clouds = [reader.read_cloud(scene, grid, window) for scene in (pair.before, pair.after)]
        except SceneError as error:
            damaged.append(error)
            continue
        samples.append(pixels.PairSample(window, *images, *clouds))
    if damaged and not samples:
        raise damaged[0]
    # No path in it: notes are part of a result, which is the same wherever the job lies.
    left_out = f"{len(damaged)} of {len(damaged) + len(samples)} sample blocks can not be read"
    return samples, (left_out,) if damaged else ()


@dataclass(frozen=True, slots=True)
class TileWork:
    """The work of one tile; it can be sent to another process.

    Attributes
    ----------
    images
        Folder of the catalogue.
    grid
        Product grid.
    pairs
        The earlier pair counts where several are observed.
    folder
        Where tiles leave their file; one that is there and whole is not done again.
    """

    images: Path
    grid: Grid
    pairs: tuple[FittedPair, ...]
    settings: Settings
    folder: Path

    def __call__(self, tile: Tile) -> str:
        """Do a tile and return the name of its file."""
        path = self.folder / f"{tile.name}.npz"
        if read_tile(path) is None:
            evidence, runs = self.measure(tile)
            write_tile(path, {"evidence": evidence, **runs.to_arrays()})
        return path.name

    def measure(self, tile: Tile) -> tuple[np.ndarray, patches.TileRuns]:
        """Measure one tile.

        Returns
        -------
        tuple
            Evidence of the core, ``(y, x)`` int16 (schema.EVIDENCE), and its runs.
        """
        shape = tile.outer.height, tile.outer.width
        evidence = np.full(shape, schema.EVIDENCE_NODATA, np.int16)
        index = np.full(shape, -1, np.int16)
        threshold = np.zeros(shape, np.int32)
        composite: xr.DataArray | None = None
        reader = _reader(self.images)
        for place, fitted in enumerate(self.pairs):
            if (evidence != schema.EVIDENCE_NODATA).all():
                break
            stack = self._stack(reader, fitted, tile)
            measured = optical.measure_pair(stack, fitted.evidence, self.settings.evidence)
            new = (evidence == schema.EVIDENCE_NODATA) & (measured != schema.EVIDENCE_NODATA)
            evidence[new] = measured[new]
            index[new] = place
            threshold[new] = fitted.evidence.threshold
            composite = _merged(composite, stack, new)
        sampler = _no_channels if composite is None else classify.channel_sampler(composite)
        runs = patches.tile_runs(
            evidence, tile, threshold, sampler, self.settings.patches, pair_index=index
        )
        return evidence[tile.core_in_outer.slices], runs

    def _stack(self, reader: RasterReader, fitted: FittedPair, tile: Tile) -> xr.DataArray:
        pair = fitted.pair
        return pixels.prepare_pair(
            reader.read(pair.before, self.grid, tile.outer),
            reader.read(pair.after, self.grid, tile.outer),
            (
                reader.read_cloud(pair.before, self.grid, tile.outer),
                reader.read_cloud(pair.after, self.grid, tile.outer),
            ),
            (pair.before.time, pair.after.time),
            fitted.pixels,
            self.settings.pixels,
        )


@cache
def _reader(folder: Path) -> RasterReader:
    """One reader a process, so that each image's digest is compared once."""
    return RasterReader(folder)


def _no_channels(rows: np.ndarray, _cols: np.ndarray) -> np.ndarray:
    """Channels where no pair was read: nothing can have changed there."""
    return np.zeros((len(classify.CHANNELS), len(rows)), np.int32)


def _merged(whole: xr.DataArray | None, stack: xr.DataArray, new: np.ndarray) -> xr.DataArray:
    if whole is None:
        return stack
    return whole.where(~xr.DataArray(new, dims=("y", "x")), stack.values)


def tiles_meeting(
    tiles: Sequence[Tile], grid: Grid, bounds: Sequence[tuple[float, ...]]
) -> list[Tile]:
    """Keep the tiles that meet one of several boxes.

    Parameters
    ----------
    tiles, grid
        The tiles and their grid.
    bounds
        West, south, east, north of each box, in the grid's CRS.
    """
    kept = []
    for tile in tiles:
        west, south, east, north = grid.sub(tile.core).bounds
        if any(w < east and e > west and s < north and n > south for w, s, e, n in bounds):
            kept.append(tile)
    return kept
