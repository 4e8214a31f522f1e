"""A quick look at two radar images, or at radar against optical: one date a side, no records.

Nothing is registered: orthorectified products are expected, as in the monthly job. How radar's numbers
are stored (decibel, amplitude, intensity) is told by their profile, or read from the numbers and said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from changedetect import schema
from changedetect.config.detection import PixelsSection
from changedetect.config.series import RadarSection
from changedetect.grid import Grid, Tile, Window
from changedetect.io import tile_files
from changedetect.io.opening import kept_open
from changedetect.io.rasters import RasterReader
from changedetect.pipeline.looks.look import (
    Looked,
    LookOptions,
    LookReport,
    outlined,
    run_tiles,
    stated_tags,
)
from changedetect.pipeline.runs.progress import Progress
from changedetect.pipeline.runs.settings import Settings
from changedetect.pipeline.sources.pairsamples import read_samples
from changedetect.pipeline.sources.pairwork import fresh_reader, shared_reader
from changedetect.records import Scene, ScenePair
from changedetect.stages import patches, pixels
from changedetect.stages.evidence import mixed, radar

Model = radar.RadarModel | mixed.MixedModel

DECIBEL, AMPLITUDE, INTENSITY = "decibel", "amplitude", "intensity"

_FLOOR = 1e-6
"""Intensities below are taken for it, -60 dB: no radar sees less."""


@dataclass(frozen=True, slots=True)
class RadarPairWork:
    """The work of one tile: two images, at least one of them radar.

    Attributes
    ----------
    images
        Folder of the catalogue.
    pair
        The images.
    stored
        How each is stored; empty = optical.
    model
        Fitted on both.
    settings
        Sections of masks and outlines, and of radar.
    folder
        Where tiles leave their file.
    """

    images: Path
    pair: ScenePair
    stored: tuple[str, str]
    model: Model
    settings: tuple[Settings, RadarSection]
    folder: Path

    @property
    def grid(self) -> Grid:
        """Grid of the results: that of the older image."""
        return self.pair.before.grid

    @property
    def halo_px(self) -> int:
        """What a tile must read beyond its core so that cuts leave no trace. [px]"""
        (cfg, own), two = self.settings, isinstance(self.model, radar.RadarModel)
        reach = radar.radar_halo_px(own) if two else mixed.mixed_halo_px(own)
        return reach + patches.halo_px(cfg.patches) + cfg.pixels.cloud_buffer_px

    def __call__(self, tile: Tile) -> str:
        """Do a tile and return the name of its file."""
        path = self.folder / f"{tile.name}.npz"
        if tile_files.read_tile(path) is None:
            evidence, runs = self.measure(tile)
            tile_files.write_tile(path, {"evidence": evidence, **runs.to_arrays()})
        return path.name

    def measure(self, tile: Tile) -> tuple[np.ndarray, patches.TileRuns]:
        """Measure evidence of a tile's core, and its runs."""
        cfg, own = self.settings
        first, second = (
            self._image(scene, stored, tile.outer)
            for scene, stored in zip(self._scenes, self.stored, strict=True)
        )
        if isinstance(self.model, radar.RadarModel):
            evidence = radar.measure_radar(first[None], second[None], self.model, own)
        else:
            evidence = mixed.measure_mixed(first, second, self.model, own)
        runs = patches.tile_runs(evidence, tile, self.model.threshold, _no_channels, cfg.patches)
        return evidence[tile.core_in_outer.slices], runs

    @property
    def _scenes(self) -> tuple[Scene, Scene]:
        return self.pair.before, self.pair.after

    def _image(self, scene: Scene, stored: str, window: Window) -> np.ndarray:
        reader, both = shared_reader(self.images), all(self.stored)
        with kept_open():
            image, cloud = reader.read_with_cloud(scene, self.grid, window)
        return quantity((image, cloud), stored, self.settings[0].pixels, decibel=both)


def _no_channels(rows: np.ndarray, _cols: np.ndarray) -> np.ndarray:
    return np.zeros((0, len(rows)), np.int32)


def look_at_radar(
    pair: ScenePair,
    folder: Path,
    settings: tuple[Settings, RadarSection],
    options: LookOptions,
    progress: Progress,
) -> LookReport:
    """Compare two radar images, or a radar and an optical one, and write the files of a look.

    Raises
    ------
    SceneError
        An image can not be read.
    LayerError
        Too little is seen in both.
    """
    reader = fresh_reader(Path("/"), spare=folder)
    model, stored, notes = fit_radar_pair(reader, pair, settings)
    work = RadarPairWork(Path("/"), pair, stored, model, settings, folder)
    tiles, problems = run_tiles(work, options, progress, "detect")
    sources = ("radar",) if all(stored) else ("optical", "radar")
    grid, cfg = work.grid, settings[0].patches
    outline = outlined(tiles, grid, cfg, pair, sources)
    tags = stated_tags(model.threshold, model.false_alarm_rate)
    found = Looked(grid, tiles, outline, (pair.before, pair.after), Path("/"), tags)
    found.write(options.out)
    figures = {
        **found.outlined(),
        "threshold_llr": model.threshold / schema.EVIDENCE_SCALE,
        "false_alarm_rate": model.false_alarm_rate,
    }
    if isinstance(model, radar.RadarModel):
        figures["looks"] = [round(one, 2) for one in model.looks]
    return LookReport(options.out, figures, notes, problems)


def fit_radar_pair(
    reader: RasterReader, pair: ScenePair, settings: tuple[Settings, RadarSection]
) -> tuple[Model, tuple[str, str], tuple[str, ...]]:
    """Fit the model of a pair on its sample blocks.

    Returns
    -------
    tuple
        The model; how each image is stored, empty = optical; and what was assumed.
    """
    cfg, own = settings
    samples, notes = read_samples(reader, pair, pair.before.grid, cfg)
    sides = [
        [(one.before, one.cloud_before) for one in samples],
        [(one.after, one.cloud_after) for one in samples],
    ]
    scenes = pair.before, pair.after
    first, second = (
        stored_as(scene, [image for image, _ in side])
        for scene, side in zip(scenes, sides, strict=True)
    )
    both = bool(first) and bool(second)
    images = [
        [quantity(one, stored, cfg.pixels, decibel=both) for one in side]
        for stored, side in zip((first, second), sides, strict=True)
    ]
    model: Model
    if both:
        stacks = [(one[None], other[None]) for one, other in zip(*images, strict=True)]
        model = radar.fit_radar(stacks, own)
    else:
        model = mixed.fit_mixed(list(zip(*images, strict=True)), own)
    said = [
        f"{scene.href.rpartition('/')[2]}: radar, its numbers are taken for {stored} / 雷达影像"
        for scene, stored in zip(scenes, (first, second), strict=True)
        if stored
    ]
    lie = "radar is compared as it lies, not registered / 含雷达影像，按原坐标比对，不配准"
    return model, (first, second), (*said, lie, *notes)


def stored_as(scene: Scene, blocks: Sequence[np.ndarray]) -> str:
    """Tell how a scene's numbers are stored: decibel, amplitude, intensity; empty = optical.

    Polarised bands of a profile are decibel by definition. Else numbers are decibel where most are
    negative (noise taken off leaves some intensities below 0, too); amplitudes where they are whole
    numbers as stored; intensities where they are not, or are scaled.
    """
    if scene.kind != "radar":
        return ""
    if scene.sensor != "plain" and "intensity" not in scene.roles:
        return DECIBEL
    seen = [block[np.isfinite(block)] for block in blocks]
    negative = sum(int(np.count_nonzero(block < 0)) for block in seen)
    if 2 * negative > sum(block.size for block in seen):
        return DECIBEL
    plain = all((band.scale, band.offset) == (1.0, 0.0) for band in scene.bands)
    whole = np.issubdtype(np.dtype(scene.dtype), np.integer)
    return AMPLITUDE if plain and whole else INTENSITY


def quantity(
    read: tuple[np.ndarray, np.ndarray], stored: str, cfg: PixelsSection, *, decibel: bool
) -> np.ndarray:
    """Turn an image as read into what its evidence is measured on.

    Parameters
    ----------
    read
        ``(band, y, x)`` float32, NaN = not observed, and its cloud mask.
    stored
        From `stored_as`.
    cfg
        Reach of clouds.
    decibel
        Whether radar is wanted in decibel, else as amplitude.

    Returns
    -------
    ndarray
        ``(band, y, x)`` float32: decibel or amplitude of radar, reflectance without clouds of optical.
    """
    image, cloud = read
    if not stored:
        return pixels.masked(image, cloud, cfg.cloud_buffer_px)
    if stored == AMPLITUDE:
        return radar.amplitude_to_db(image) if decibel else image
    if stored == INTENSITY:
        image = np.float32(10.0) * np.log10(np.maximum(image, np.float32(_FLOOR)))
    return image if decibel else np.power(np.float32(10.0), image / np.float32(20.0))
