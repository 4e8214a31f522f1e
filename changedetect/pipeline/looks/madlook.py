"""``detect mad``: the IR-MAD of two images, a second opinion beside ``detect pair``."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from changedetect.config.detection import EvidenceSection, PatchesSection, PixelsSection
from changedetect.config.mad import MadSection
from changedetect.errors import SceneError
from changedetect.grid import Grid, Tile, Window
from changedetect.io import raster_writer
from changedetect.io.opening import kept_open
from changedetect.io.raster_writer import RasterForm
from changedetect.io.rasters import RasterReader
from changedetect.kernels.scratch import scratch
from changedetect.pipeline.looks.look import LookOptions, LookReport, described, look_folder
from changedetect.pipeline.looks.pictures import picture, picture_step, side_by_side
from changedetect.pipeline.runs.context import RunOptions
from changedetect.pipeline.runs.progress import Progress
from changedetect.pipeline.runs.settings import Settings
from changedetect.pipeline.sources.fittedpair import LaidPair, prepared
from changedetect.pipeline.sources.pairsamples import read_samples
from changedetect.pipeline.sources.pairwork import comparable, fresh_reader, shared_reader
from changedetect.records import ScenePair
from changedetect.stages import pixels
from changedetect.stages.evidence import irmad
from changedetect.tiling import in_order

MAD = "mad.tif"
PREVIEW = "preview.png"
OUTPUTS = (MAD, PREVIEW)

TILE_PX = 1024

SCALE = 100
"""Stored numbers count 1/100 of a variate's standard deviation, and of the root of chi-square."""

NODATA = -32768
_TOP = 32767

_STRETCH = (2.0, 98.0)
"""Percentiles that are black and white in the preview."""


@dataclass(frozen=True, slots=True)
class MadWork:
    """Two images with their variates fitted, to be measured tile by tile.

    Attributes
    ----------
    images
        Folder of the catalogue.
    pair
        The images.
    laid
        What lays them over one another; None = as they lie.
    model
        The variates.
    settings
        Sections on which masks rest.
    notes
        What the user should know of the images.
    """

    images: Path
    pair: ScenePair
    laid: LaidPair | None
    model: irmad.MadModel
    settings: Settings
    notes: tuple[str, ...] = ()

    @property
    def grid(self) -> Grid:
        """Grid of the result: that of the older image."""
        return self.pair.before.grid

    @property
    def halo_px(self) -> int:
        """What a tile reads beyond its core: more where clouds have edges to be found. [px]"""
        cfg, pair = self.settings, self.pair
        if pair.before.cloud_href or pair.after.cloud_href:
            return pixels.halo_px(cfg.pixels, cfg.evidence)
        return pixels.clear_halo_px(cfg.pixels) if self.laid else 0

    def __call__(self, tile: Tile) -> np.ndarray:
        """Compute variates and chi-square of a tile's core, ``(band + 1, y, x)`` float32."""
        reader, cfg = shared_reader(self.images), self.settings.pixels
        if self.laid:
            stack = comparable(reader, self.laid, self.grid, tile.outer, cfg, "stack").values
        else:
            stack = self._as_they_lie(reader, tile)
        return irmad.measure_mad(stack[:, :, *tile.core_in_outer.slices], self.model)

    def _as_they_lie(self, reader: RasterReader, tile: Tile) -> np.ndarray:
        bands, outer = len(self.pair.before.roles), tile.outer
        stack = scratch("stack", (2, bands, outer.height, outer.width), np.float32)
        for image, scene in zip(stack, (self.pair.before, self.pair.after), strict=True):
            with kept_open():
                _, cloud = reader.read_with_cloud(scene, self.grid, outer, image)
            # A pixel that lacks a band is unknown to the kernel anyway.
            if pixels.is_clouded(cloud):
                pixels.masked(image, cloud, self.settings.pixels.cloud_buffer_px, image)
        return stack


def fitted_mad(
    images: Path,
    pair: ScenePair,
    settings: Settings,
    cfg: MadSection,
    workers: int,
    *,
    align: bool = True,
) -> MadWork:
    """Lay the images of a pair over one another, mask them, and fit their variates.

    Parameters
    ----------
    images
        Folder of the catalogue.
    pair
        The images.
    settings, cfg
        On which masks and registration, and the variates, rest.
    workers
        Threads; the result is the same.
    align
        Whether the image after is shifted onto the one before; else they are taken as they lie.

    Raises
    ------
    RegistrationError
        The images can not be laid over one another.
    SceneError
        An image can not be read, too little is observed in both, or the variates can not be solved for.
    """
    samples, notes = read_samples(fresh_reader(images), pair, pair.before.grid, settings)
    laid = None
    if align:
        model = pixels.fit_pixels(samples, pair.before.roles, settings.pixels, workers)
        laid, notes = LaidPair(pair, model), (*model.notes, *notes)

    size = sum(sample.window.height * sample.window.width for sample in samples)
    step = max(1, size // cfg.sample_pixels)

    def seen(sample: pixels.PairSample) -> np.ndarray:
        both = _laid_sample(sample, pair, laid, settings)
        flat = both.reshape(-1, both.shape[2] * both.shape[3])[:, ::step].T
        known: np.ndarray = flat[np.isfinite(flat).all(axis=1)]
        return known

    found = np.concatenate(in_order(samples, seen, workers))
    variates = irmad.fit_mad(found, cfg, workers)
    return MadWork(images, pair, laid, variates, settings, notes)


def _laid_sample(
    sample: pixels.PairSample, pair: ScenePair, laid: LaidPair | None, settings: Settings
) -> np.ndarray:
    """Return both images of a sample block, ``(2, band, y, x)`` float32, clouds as NaN."""
    if laid:
        both: np.ndarray = prepared(sample, pair, laid.pixels, settings).values
        return both
    images = [sample.before, sample.after]
    for place, cloud in enumerate((sample.cloud_before, sample.cloud_after)):
        if pixels.is_clouded(cloud):
            images[place] = pixels.masked(images[place], cloud, settings.pixels.cloud_buffer_px)
    return np.stack(images)


def look_at_mad(
    before: Path,
    after: Path,
    options: LookOptions,
    *,
    progress: Progress,
    variates: bool = False,
    align: bool = True,
) -> LookReport:
    """Compare two images by IR-MAD and write the root of chi-square, and a preview.

    The grid is that of the older image. Clouds that no mask names are changes here, and so are harvests.

    Parameters
    ----------
    before, after
        Files; with or without georeference.
    options
        What the user chose.
    progress
        Is told of tiles.
    variates
        Also write the variates, one band each.
    align
        As in `fitted_mad`.

    Raises
    ------
    SceneError, RegistrationError, InputError
        As `quicklook.look_at_pair`.
    """
    pair, notices = described(before, after, options)
    if pair.before.roles != pair.after.roles:
        msg = (
            f"{before} has bands {pair.before.roles}, {after} has {pair.after.roles}; IR-MAD compares the same "
            "bands; use detect pair for radar against optical / 波段须一致"
        )
        raise SceneError(msg)
    settings, cfg = Settings(PixelsSection(), EvidenceSection(), PatchesSection()), MadSection()
    with look_folder(options, [repr(pair), repr(cfg), align], OUTPUTS):
        workers = RunOptions(workers=options.workers).worker_count
        work = fitted_mad(Path("/"), pair, settings, cfg, workers, align=align)
        strips = Strips(work, options.tile_px or TILE_PX, workers, progress, variates=variates)
        _write(options, pair, strips)
    return _reported(work, strips, options, (*dict.fromkeys(notices),))


def _write(options: LookOptions, pair: ScenePair, strips: "Strips") -> None:
    grid, again = pair.before.grid, options.overwrite
    raster_writer.write_raster(options.out / MAD, grid, strips.form, strips, overwrite=again)
    reader = shared_reader(Path("/"))
    pictures = [picture(reader, scene, grid) for scene in (pair.before, pair.after)]
    shown = side_by_side(*pictures, strips.picture())
    raster_writer.write_preview(options.out / PREVIEW, shown, overwrite=again)


def _reported(
    work: MadWork, strips: "Strips", options: LookOptions, said: tuple[str, ...]
) -> LookReport:
    model, grid = work.model, work.grid
    figures: dict[str, object] = {
        "canonical_correlations": [round(float(one), 4) for one in model.correlations],
        "fits": model.steps,
        "observed_px": strips.observed_px,
        "unobserved_px": grid.height * grid.width - strips.observed_px,
    }
    if work.laid:
        shift = work.laid.pixels.alignment
        figures["shift_px"] = [round(shift.dy, 3), round(shift.dx, 3)]
    said = (*said, *work.notes)
    if not model.settled:
        said = (*said, f"correlations still moved after {model.steps} fits / 典型相关系数未收敛")
    return LookReport(options.out, figures, said, tuple(strips.problems), OUTPUTS)


class Strips:
    """The pixels of a result, row of tiles after row of tiles; counts, and keeps a thinned picture.

    Parameters
    ----------
    work
        What measures a tile.
    tile_px
        Side of a tile. [px]
    workers
        Threads.
    progress
        Is told of tiles.
    variates
        Also give the variates.
    """

    def __init__(
        self, work: MadWork, tile_px: int, workers: int, progress: Progress, *, variates: bool
    ) -> None:
        self._work, self._workers, self._progress = work, workers, progress
        self._variates = variates
        self._rows: dict[int, list[Tile]] = {}
        for tile in work.grid.tiles(tile_px, work.halo_px):
            self._rows.setdefault(tile.core.row, []).append(tile)
        self._thin: list[np.ndarray] = []
        self.observed_px = 0
        self.problems: list[str] = []

    def __iter__(self) -> Iterator[tuple[Window, np.ndarray]]:
        """Give windows and their stored numbers, ``(band, y, x)`` int16."""
        self._progress.begin("mad", sum(map(len, self._rows.values())))
        step = picture_step(self._work.grid)
        for row, tiles in self._rows.items():
            thin = []
            for tile, found in zip(tiles, in_order(tiles, self._done, self._workers), strict=True):
                self._progress.advance("mad", tile.name)
                pixels_of_tile = self._told(tile, found)
                self.observed_px += int(np.count_nonzero(pixels_of_tile[0] != NODATA))
                thin.append(pixels_of_tile[0, -row % step :: step, -tile.core.col % step :: step])
                yield tile.core, pixels_of_tile
            self._thin.append(np.concatenate(thin, axis=1))
        self._progress.end("mad", f"{len(self.problems)} tiles left out")

    @property
    def form(self) -> RasterForm:
        """What the result holds."""
        bands = len(self._work.model.correlations)
        root = f"root of chi-square of {bands} degrees of freedom, x {SCALE}"
        names = [f"MAD {k + 1}, 1/{SCALE} of its standard deviation" for k in range(bands)]
        tags = (("METHOD", "IR-MAD, Nielsen (2007), doi:10.1109/TIP.2006.888195"),)
        told = (root, *names) if self._variates else (root,)
        return RasterForm("int16", NODATA, told, tags, resampling="average")

    def _told(self, tile: Tile, found: np.ndarray | SceneError) -> np.ndarray:
        """Return what was found; where a tile could not be read, say so, and nothing is observed."""
        if isinstance(found, SceneError):
            self.problems.append(f"tile {tile.name} not observed: {found}")
            bands = len(self.form.descriptions)
            return np.full((bands, tile.core.height, tile.core.width), NODATA, np.int16)
        return found

    def _done(self, tile: Tile) -> np.ndarray | SceneError:
        try:
            values = self._work(tile)
        except SceneError as error:
            return error
        return stored(values, self._work.model, variates=self._variates)

    def picture(self) -> np.ndarray:
        """Return a picture of the root of chi-square, ``(y, x, 3)`` uint8: white differs most."""
        thin = np.concatenate(self._thin)
        root = np.where(thin == NODATA, np.nan, thin / SCALE)
        seen = root[np.isfinite(root)]
        black, white = np.percentile(seen, _STRETCH) if len(seen) else (0.0, 1.0)
        return np.repeat(raster_writer.stretch(root[None], black, white), 3, axis=2)


def stored(values: np.ndarray, model: irmad.MadModel, *, variates: bool) -> np.ndarray:
    """Turn variates and chi-square into stored numbers, ``(band, y, x)`` int16; root of chi-square first."""
    unit = np.sqrt(model.inverse).astype(np.float32)[:, None, None]
    parts = [np.sqrt(values[-1:])]
    if variates:
        parts.append(values[:-1] * unit)
    scaled = np.rint(np.clip(np.concatenate(parts) * SCALE, -_TOP, _TOP))
    return np.asarray(np.where(np.isnan(scaled), NODATA, scaled).astype(np.int16))
