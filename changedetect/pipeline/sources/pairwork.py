"""Pairs of images from files to evidence and runs, tile by tile.

Used by the monthly job and by quick looks. The models of a pair are fitted once, on blocks at
fixed places; a tile then reads its windows, runs the stages, and leaves one small file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import xarray as xr

from changedetect import schema
from changedetect.config.detection import PatchesSection, PixelsSection
from changedetect.errors import SceneError
from changedetect.grid import Grid, Tile, Window
from changedetect.io.memory import give_back
from changedetect.io.opening import kept_open
from changedetect.io.rasters import RasterReader
from changedetect.io.tile_files import read_tile, write_tile
from changedetect.kernels.levels import take_first
from changedetect.kernels.runs import find_runs, run_pixels
from changedetect.kernels.scratch import scratch
from changedetect.kernels.stored import Stored
from changedetect.pipeline.runs.settings import Settings
from changedetect.pipeline.runs.territory import Land
from changedetect.pipeline.sources.bordered import Contrast, bordered, lowered
from changedetect.pipeline.sources.fittedpair import FittedPair, LaidPair
from changedetect.records import Scene
from changedetect.stages import classify, patches, pixels
from changedetect.stages.evidence import lastyear
from changedetect.stages.evidence import pair as pair_evidence


@dataclass(frozen=True, slots=True)
class PairTile:
    """What the pairs of a month say of a tile's outer window.

    Attributes
    ----------
    evidence
        ``(y, x)`` int16, schema.EVIDENCE.
    index
        ``(y, x)`` int16; which pair each pixel rests on, -1 = none.
    threshold
        ``(y, x)`` int32; of that pair.
    composite
        ``(time=2, band, y, x)``; bands of that pair; None where no pair could be read.
    unread
        Pairs that could not be read here.
    wanted
        ``(y, x)`` bool; what is asked about.
    known
        Pairs whose images tell whether a border is new.
    """

    evidence: np.ndarray
    index: np.ndarray
    threshold: np.ndarray
    composite: xr.DataArray | None
    unread: tuple[tuple[FittedPair, SceneError], ...]
    wanted: np.ndarray
    known: tuple[Contrast, ...] = ()

    def least(self, cfg: PatchesSection) -> np.ndarray:
        """Least evidence of ground that is outlined, ``(y, x)`` int32."""
        return lowered(self.threshold, self.index, self.known, cfg)

    def bordered(self, sampler: patches.Sampler, cfg: PatchesSection) -> patches.Bordered:
        """Put the borders that the images tell of before the channels of a sampler."""
        pixels_of = self.index, self.threshold
        return bordered(self.composite, pixels_of, self.known, sampler, cfg)

    @property
    def sampler(self) -> patches.Sampler:
        """Channels of the pixels asked for."""
        return _no_channels if self.composite is None else classify.channel_sampler(self.composite)

    def problems(self, tile: Tile) -> tuple[str, ...]:
        """Name the pairs that could not be read, one line each."""
        return tuple(
            f"tile {tile.name}: pair {fitted.pair.name} left out: {error}"
            for fitted, error in self.unread
        )


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
    land
        What is asked about; pixels outside have no evidence. None = the whole grid.
    """

    images: Path
    grid: Grid
    pairs: tuple[FittedPair, ...]
    settings: Settings
    folder: Path
    land: Land | None = None

    @property
    def halo_px(self) -> int:
        """What a tile must read beyond its core so that cuts leave no trace. [px]"""
        return self.settings.halo_px

    def __call__(self, tile: Tile) -> tuple[str, ...]:
        """Do a tile, leave its file, and return what could not be read, one line a pair."""
        path = self.folder / f"{tile.name}.npz"
        stored = read_tile(path)
        if stored is None or len(stored["problems"]):  # what failed may succeed at another try
            evidence, runs, problems = self.measure(tile)
            lines = {"problems": np.array(problems, dtype=np.str_)}
            write_tile(path, {"evidence": evidence, **runs.to_arrays(), **lines})
            return problems
        return ()

    def measure(self, tile: Tile) -> tuple[np.ndarray, patches.TileRuns, tuple[str, ...]]:
        """Measure one tile.

        Returns
        -------
        tuple
            Evidence of the core, ``(y, x)`` int16 (schema.EVIDENCE), its runs, and one line for
            each pair that could not be read here.

        Raises
        ------
        SceneError
            No pair could be read.
        """
        tile = self.narrowed(tile)
        seen = self.compare(tile)
        runs = patches.tile_runs(
            seen.evidence,
            tile,
            seen.least(self.settings.patches),
            seen.bordered(seen.sampler, self.settings.patches),
            self.settings.patches,
            pair_index=seen.index,
        )
        if seen.unread and seen.composite is None:
            raise seen.unread[0][1]
        problems, core = seen.problems(tile), tile.core_in_outer.slices
        return seen.evidence[core], only_on(seen.wanted[core], runs, tile), problems

    def narrowed(self, tile: Tile) -> Tile:
        """Leave out the part of a halo that only clouds reach across, where there are none."""
        reader = shared_reader(self.images)
        try:
            clouded = any(self._clouded(reader, fitted, tile.outer) for fitted in self.pairs)
        except SceneError:  # told by name when the images are read
            return tile
        if clouded:
            return tile
        margin = max((self._margin_px(fitted) for fitted in self.pairs), default=0)
        return replace(tile, outer=tile.core.grown(margin, tile.outer))

    def _margin_px(self, fitted: FittedPair) -> int:
        """How far beyond a tile's core a pair is read where no cloud is near. [px]"""
        reach = pair_evidence.reach_of(fitted.evidence, self.settings.evidence)
        own = self.settings.clear_halo_px(reach, pixels.shift_reach_px(fitted.pixels))
        return own if fitted.season is None else max(own, self._margin_px(fitted.season.fitted))

    def _clouded(self, reader: RasterReader, fitted: FittedPair, window: Window) -> bool:
        """Whether a cloud or a shadow of either image lies in a window."""
        if fitted.sky is not None and fitted.sky.hides_in(window):
            return True
        if fitted.season is not None and self._clouded(reader, fitted.season.fitted, window):
            return True
        scenes = (fitted.pair.before, fitted.pair.after)
        return any(
            pixels.is_clouded(reader.read_cloud(scene, self.grid, window))
            for scene in scenes
            if scene.cloud_href
        )

    def compare(self, tile: Tile) -> "PairTile":
        """Compare the pairs on a tile's outer window, the earlier ones first."""
        shape = tile.outer.height, tile.outer.width
        evidence = np.full(shape, schema.EVIDENCE_NODATA, np.int16)
        index, threshold = np.full(shape, -1, np.int16), np.zeros(shape, np.int32)
        composite: xr.DataArray | None = None
        wanted, new = inside_of(self.land, tile.outer), np.empty(shape, bool)
        due = int(np.count_nonzero(wanted))
        unread: list[tuple[FittedPair, SceneError]] = []
        for place, fitted in enumerate(self.pairs):
            if not due:
                break
            try:
                stack = self.stack(shared_reader(self.images), place, tile)
            except SceneError as error:
                unread.append((fitted, error))
                continue
            kept = evidence, index, threshold
            for measured, alarm in self._measured(stack, place, tile, unread):
                number = place, alarm
                _, due = take_first(measured, wanted, number, schema.EVIDENCE_NODATA, kept, new)
                composite = _merged(composite, stack, new)
        known = tuple(
            Contrast(place, fitted.contrast)
            for place, fitted in enumerate(self.pairs)
            if fitted.contrast is not None
        )
        return PairTile(evidence, index, threshold, composite, tuple(unread), wanted, known)

    def _measured(
        self,
        stack: xr.DataArray,
        place: int,
        tile: Tile,
        unread: list[tuple[FittedPair, SceneError]],
    ) -> Iterator[tuple[np.ndarray, int]]:
        """Give evidence and alarm of a pair: held against last year where that shows, then alone."""
        fitted, cfg = self.pairs[place], self.settings.evidence
        origin = tile.outer.row, tile.outer.col
        alone = pair_evidence.measure(stack, fitted.evidence, cfg, origin)
        if fitted.season is not None:
            past, reader = fitted.season.fitted, shared_reader(self.images)
            try:
                other = self._stacked(reader, past, f"season {place}", tile)
            except SceneError as error:
                unread.append((past, error))
            else:
                model = fitted.season.model
                then = pair_evidence.measure(other, past.evidence, cfg, origin)
                yield lastyear.measure_season(alone, then, model), model.threshold
        yield alone, fitted.evidence.threshold

    def stack(self, reader: RasterReader, place: int, tile: Tile) -> xr.DataArray:
        """Read a pair on a tile's outer window and make its images comparable."""
        # Each pair has its own: the first one's stack is in use while the next one is measured.
        return self._stacked(reader, self.pairs[place], f"stack {place}", tile)

    def _stacked(
        self, reader: RasterReader, fitted: FittedPair, name: str, tile: Tile
    ) -> xr.DataArray:
        return comparable(reader, fitted, self.grid, tile.outer, self.settings.pixels, name)


def comparable(
    reader: RasterReader,
    fitted: FittedPair | LaidPair,
    grid: Grid,
    window: Window,
    cfg: PixelsSection,
    name: str,
) -> xr.DataArray:
    """Read a window of a pair and make its images comparable.

    The result lies in memory that this thread uses again under the same name (`scratch`).

    Raises
    ------
    SceneError
        An image can not be read.
    """
    pair = fitted.pair
    out = scratch(name, (2, len(pair.before.roles), window.height, window.width), np.float32)
    scenes = pair.before, pair.after
    with kept_open():
        clouds = tuple(
            reader.read_cloud(scene, grid, window) if scene.cloud_href else None for scene in scenes
        )
        stored = None
        if _is_clear(fitted, window, clouds):
            stored = _as_stored(reader, scenes, grid, window)
        if stored is not None:
            pixels.prepare_stored(out, *stored, fitted.pixels)
        else:
            before = _image(reader, scenes[0], (grid, window), clouds[0], "before")
            after = _image(reader, scenes[1], (grid, window), clouds[1], "after")
            masks = _masks(fitted, window, clouds)
            pixels.prepare_into(out, before, after, masks, fitted.pixels, cfg)
    return pixels.as_stack(out, (pair.before.time, pair.after.time), fitted.pixels)


def _is_clear(
    fitted: FittedPair | LaidPair, window: Window, clouds: Sequence[np.ndarray | None]
) -> bool:
    """Whether both images show the ground in all of a window; ``clouds``: masks that they came with."""
    if fitted.sky is not None and fitted.sky.hides_in(window):
        return False
    return not any(cloud is not None and (cloud != schema.CLEAR).any() for cloud in clouds)


def _as_stored(
    reader: RasterReader, scenes: tuple[Scene, Scene], grid: Grid, window: Window
) -> tuple[Stored, Stored] | None:
    """Read a window of both images as they are stored; None where that is not enough."""
    before = reader.read_stored(scenes[0], grid, window, "stored before")
    after = reader.read_stored(scenes[1], grid, window, "stored after")
    return None if before is None or after is None else (before, after)


def _image(
    reader: RasterReader,
    scene: Scene,
    place: tuple[Grid, Window],
    cloud: np.ndarray | None,
    name: str,
) -> np.ndarray:
    """Read a window in physical units; where a scene's mask says nothing, so does the image."""
    grid, window = place
    space = scratch(name, (len(scene.roles), window.height, window.width), np.float32)
    image = reader.read(scene, grid, window, space)
    if cloud is not None:
        image[:, cloud == pixels.UNMASKED] = np.nan
    return image


def _masks(
    fitted: FittedPair | LaidPair, window: Window, clouds: Sequence[np.ndarray | None]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the masks of both images: their own, or what was found in the images."""
    shape = window.height, window.width
    before, after = (
        np.full(shape, pixels.UNMASKED, np.uint8) if cloud is None else cloud for cloud in clouds
    )
    return (before, after) if fitted.sky is None else fitted.sky.laid(window, before, after)


def inside_of(land: Land | None, window: Window) -> np.ndarray:
    """Tell which pixels of a window are asked about, ``(y, x)`` bool."""
    return np.ones((window.height, window.width), bool) if land is None else land.inside(window)


def only_on(wanted: np.ndarray, runs: patches.TileRuns, tile: Tile) -> patches.TileRuns:
    """Take out of a tile's unobserved pixels what nobody asked about: ``(y, x)`` bool of its core."""
    if wanted.all():
        return runs
    core = tile.core
    hidden = np.zeros((core.height, core.width), np.uint8)
    rows, cols, _ = run_pixels(runs.unobserved)
    hidden[rows - core.row, cols - core.col] = 1
    hidden &= wanted
    counts = runs.counts.copy()
    counts[1] = int(np.count_nonzero(hidden))
    return replace(runs, unobserved=find_runs(hidden, core.row, core.col), counts=counts)


def let_go(folder: Path) -> None:
    """Let decoded blocks go, in memory and on disk, and what tiles left: none is read any more."""
    shared_reader(folder).forget()
    give_back()


@cache
def shared_reader(folder: Path) -> RasterReader:
    """One reader a process: each image's digest is compared once, decoded blocks are kept once."""
    return RasterReader(folder)


def fresh_reader(folder: Path, spare: Path | None = None) -> RasterReader:
    """Return the reader of the process anew: digests are compared again.

    ``spare``: where decoded blocks may be laid aside between two reads of all of an image.
    """
    shared_reader.cache_clear()
    reader = shared_reader(folder)
    if spare is not None:
        reader.spare_in(spare)
    return reader


def _no_channels(rows: np.ndarray, _cols: np.ndarray) -> np.ndarray:
    """Channels where no pair was read: none is known."""
    return np.full((len(classify.CHANNELS), len(rows)), patches.MISSING, np.int32)


def _merged(whole: xr.DataArray | None, stack: xr.DataArray, new: np.ndarray) -> xr.DataArray:
    if whole is None:
        return stack
    return whole.where(~xr.DataArray(new, dims=("y", "x")), stack.values)
