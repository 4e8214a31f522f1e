"""Pixels of a scene on the product grid: physical units, NaN where not observed.

What is read does not depend on how windows are cut. Files are opened per call, so a reader may be
shared by threads; handles never are.
"""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from changedetect.errors import GridError, IntegrityError, SceneError
from changedetect.grid import Grid, Window
from changedetect.io.catalogue import scene_files
from changedetect.io.decoded_blocks import DecodedBlocks
from changedetect.io.digest import sha256_files
from changedetect.io.mapping import Placement
from changedetect.io.opening import digest_of_file
from changedetect.io.source import Source, read_cells, read_source, read_stored
from changedetect.io.spare_blocks import SpareBlocks
from changedetect.kernels import regrid
from changedetect.kernels.stored import Stored
from changedetect.records import Scene
from changedetect.schema import CLEAR, CLOUD, SHADOW

OUTSIDE = 255
"""In cloud masks: outside the image, or no mask."""

_AVERAGE_FROM = 1.5
"""Source pixels per output pixel above which the mean is taken rather than interpolated (our
choice: half way, in steps of whole pixels, between one pixel and two)."""

_CHUNK_PX = 512
"""Output pixels resampled at once; bounds memory, does not change values. [px]"""

_MARGIN_PX = 3


@dataclass(frozen=True, slots=True)
class RasterReader:
    """Reads scenes of one catalogue.

    Attributes
    ----------
    folder
        What hrefs are relative to.
    verify
        Compare a scene's SHA-256 with the catalogue before its first read in this process.
    """

    folder: Path
    verify: bool = True
    _verified: set[tuple[str, str]] = field(
        default_factory=set, init=False, repr=False, compare=False
    )
    _blocks: DecodedBlocks = field(
        default_factory=DecodedBlocks, init=False, repr=False, compare=False
    )
    _sources: dict[tuple[str, str], Source] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _lock: threading.Lock = field(
        default_factory=threading.Lock, init=False, repr=False, compare=False
    )

    def read(
        self, scene: Scene, grid: Grid, window: Window, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Read a window of the product grid.

        Parameters
        ----------
        scene
            From the catalogue of this folder.
        grid
            Product grid.
        window
            Part of it. [px]
        out
            ``(band, y, x)`` float32 whose memory the result takes; None = new memory.

        Returns
        -------
        ndarray
            ``(band, y, x)`` float32 in the scene's band order [reflectance or dB]; NaN is no-data,
            masked, transparent, not finite, or outside the image. Exact pixels where the file
            lies on the grid; the mean of the covered pixels where it is finer; else cubic.

        Raises
        ------
        SceneError
            A block can not be read; names file and window.
        IntegrityError
            The file is not the one that was catalogued.
        GridError
            The coordinate systems can not be related.
        """
        self._check_digest(scene)
        source = self._source_of(scene)
        placement = _placement(source, scene, grid)
        offset = placement.offset(source.height, source.width)
        if offset is not None:
            moved = Window(
                window.row + offset[0], window.col + offset[1], window.height, window.width
            )
            return read_source(source, scene, moved, out, self._blocks)
        return self._resampled(source, scene, placement, window)

    def read_chip(
        self, scene: Scene, grid: Grid, window: Window, roles: Sequence[str]
    ) -> np.ndarray:
        """Read some bands of a window, in the order of the roles; see `read`.

        Raises
        ------
        SceneError
            The scene has no such band.
        """
        absent = [role for role in roles if role not in scene.roles]
        if absent:
            msg = f"{scene.href}: no band {', '.join(absent)}; it has {', '.join(scene.roles)}"
            raise SceneError(msg)
        order = [scene.roles.index(role) for role in roles]
        return self.read(scene, grid, window)[order]

    def read_cloud(self, scene: Scene, grid: Grid, window: Window) -> np.ndarray:
        """Read a window of the scene's cloud mask, nearest pixel.

        Returns
        -------
        ndarray
            ``(y, x)`` uint8: schema.CLEAR, CLOUD, SHADOW; 255 outside the mask, and everywhere
            where the scene has none (``cloud_href`` empty).

        Raises
        ------
        SceneError, IntegrityError, GridError
            As for `read`; also a mask with other values.
        """
        if not scene.cloud_href:
            return np.full((window.height, window.width), OUTSIDE, np.uint8)
        self._check_digest(scene)
        href, _, coding = scene.cloud_href.partition("#")
        source = Source.of_mask(self.folder / href)
        placement = _placement(source, scene, grid)
        rows, cols = placement.positions(window)
        part = _covering(rows, cols, (0.0, 0.0), source)
        if part is None:
            return np.full((window.height, window.width), OUTSIDE, np.uint8)
        values = decode_mask(source.read_plain(part), coding, href)
        return regrid.nearest(values, part.row, part.col, rows, cols, OUTSIDE)

    def read_with_cloud(
        self, scene: Scene, grid: Grid, window: Window, out: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read a window and its cloud mask; where a scene's mask says nothing, so does the image.

        Returns
        -------
        tuple
            As `read`, but NaN also where the scene has a mask and the mask is 255 (no mask is not
            a clear sky); and as `read_cloud`. ``out`` as in `read`.

        Raises
        ------
        SceneError, IntegrityError, GridError
            As for `read` and `read_cloud`.
        """
        image = self.read(scene, grid, window, out)
        cloud = self.read_cloud(scene, grid, window)
        if scene.cloud_href:
            image[:, cloud == OUTSIDE] = np.nan
        return image, cloud

    def read_stored(self, scene: Scene, grid: Grid, window: Window, name: str) -> Stored | None:
        """Read a window as it is stored, before it becomes physical units.

        Parameters
        ----------
        window
            Part of the grid. [px]
        name
            What the numbers are for: they lie in memory that this thread uses again under it (`scratch`).

        Returns
        -------
        Stored or None
            None where that is not what `read` gives: the image lies beside the grid, ends in the window,
            or is not simply one file in blocks.

        Raises
        ------
        SceneError, IntegrityError, GridError
            As for `read`.
        """
        self._check_digest(scene)
        source = self._source_of(scene)
        offset = _placement(source, scene, grid).offset(source.height, source.width)
        if offset is None:
            return None
        moved = Window(window.row + offset[0], window.col + offset[1], window.height, window.width)
        return read_stored(source, scene, moved, self._blocks, name)

    def read_cells(
        self, scene: Scene, grid: Grid, window: Window, cell_px: int, min_share: float
    ) -> np.ndarray | None:
        """Average a window over square cells without making an image of it.

        Parameters
        ----------
        window
            Part of the grid; cells are counted from its first pixel. [px]
        cell_px, min_share
            Side of a cell [px], and the share of it that must be seen. [0-1]

        Returns
        -------
        ndarray or None
            ``(band, rows, cols)`` float32, NaN where too little is seen: the means of what `read`
            gives, pixels that lack a band left out. None where that takes an image: the scene has a
            cloud mask, lies beside the grid, or is not simply one file in blocks.

        Raises
        ------
        SceneError, IntegrityError, GridError
            As for `read`.
        """
        if scene.cloud_href:
            return None
        self._check_digest(scene)
        source = self._source_of(scene)
        offset = _placement(source, scene, grid).offset(source.height, source.width)
        if offset is None:
            return None
        moved = Window(window.row + offset[0], window.col + offset[1], window.height, window.width)
        return read_cells(source, scene, moved, self._blocks, cell_px, min_share)

    def forget(self) -> None:
        """Let decoded blocks go; they are decoded again when they are read."""
        self._blocks.clear()

    def __reduce__(self) -> tuple[object, ...]:
        """Go to another process without what was read: there it begins anew."""
        return _begun, (self.folder, self.verify, self._blocks.limit_bytes)

    def keep_at_most(self, size_mb: int) -> None:
        """Keep fewer decoded blocks than usual, for reads that go through an image strip by strip."""
        self._blocks.limit_bytes = size_mb * 1_000_000

    def spare_in(self, folder: Path) -> None:
        """Let decoded blocks be laid aside in a folder while `laying_aside`."""
        self._blocks.spare = SpareBlocks(folder)

    def room_aside(self) -> SpareBlocks | None:
        """Return a file of its own for something else, where decoded blocks may be laid aside."""
        spare = self._blocks.spare
        return None if spare is None else SpareBlocks(spare.folder)

    def laying_aside(self) -> AbstractContextManager[None]:
        """Lay aside, inside the block, decoded blocks that give way: all will be read again."""
        return self._blocks.laying_aside()

    def _source_of(self, scene: Scene) -> Source:
        """Return the files behind a scene, whose digest was compared; asked once a process."""
        found = self._sources.get((scene.href, scene.sha256))
        if found is None:
            found = self._sources[scene.href, scene.sha256] = Source.of_scene(self.folder, scene)
        return found

    def _resampled(
        self, source: Source, scene: Scene, placement: Placement, window: Window
    ) -> np.ndarray:
        out = np.full((len(scene.bands), window.height, window.width), np.nan, np.float32)
        span = placement.span()
        averaged = min(span) > _AVERAGE_FROM
        for tile in placement.grid.sub(window).tiles(_CHUNK_PX, 0):
            core = tile.core
            absolute = Window(window.row + core.row, window.col + core.col, core.height, core.width)
            rows, cols = placement.positions(absolute)
            part = _covering(rows, cols, span, source)
            if part is None:
                continue
            values = read_source(source, scene, part)
            target = (slice(None), *core.slices)
            if averaged:
                out[target] = regrid.footprint_mean(values, part.row, part.col, rows, cols, span)
            else:
                out[target] = regrid.cubic(values, part.row, part.col, rows, cols)
        return out

    def _check_digest(self, scene: Scene) -> None:
        with self._lock:
            if not self.verify or (scene.href, scene.sha256) in self._verified:
                return
            image, _, mask = scene.sha256.partition(":")
            files = list(scene_files(self.folder, scene))
            missing = [str(path) for path in files if not path.is_file()]
            if missing:
                msg = f"{', '.join(missing)}: no such file; it was there when catalogued"
                raise SceneError(msg)
            found = digest_of_file(files[0]) if len(files) == 1 else sha256_files(files)
            _compare(scene.href, image, found)
            if mask:
                cloud = scene.cloud_href.partition("#")[0]
                _compare(cloud, mask, digest_of_file(self.folder / cloud))
            self._verified.add((scene.href, scene.sha256))


def _compare(href: str, expected: str, found: str) -> None:
    if found != expected:
        msg = (
            f"{href}: sha256 {found} found, {expected} expected from the catalogue; the file was "
            "changed or damaged since: restore it, or build the catalogue again"
        )
        raise IntegrityError(msg)


def _placement(source: Source, scene: Scene, grid: Grid) -> Placement:
    crs = source.crs if scene.grid.crs else ""
    if bool(crs) != bool(grid.crs):
        msg = (
            f"{scene.href}: {crs or 'no coordinate system'} can not be laid on a grid with "
            f"{grid.crs or 'no coordinate system'}; use images that all have one"
        )
        raise GridError(msg)
    transform = source.transform if crs else scene.grid.transform
    return Placement(grid, crs, transform)


def _covering(
    rows: np.ndarray, cols: np.ndarray, span: tuple[float, float], source: Source
) -> Window | None:
    """Return the window of the source that holds all pixels needed for these positions."""
    if np.isnan(rows).all() or np.isnan(cols).all():
        return None
    reach_r, reach_c = span[0] / 2.0 + _MARGIN_PX, span[1] / 2.0 + _MARGIN_PX
    top = max(int(np.floor(np.nanmin(rows) - reach_r)), 0)
    left = max(int(np.floor(np.nanmin(cols) - reach_c)), 0)
    bottom = min(int(np.ceil(np.nanmax(rows) + reach_r)) + 1, source.height)
    right = min(int(np.ceil(np.nanmax(cols) + reach_c)) + 1, source.width)
    if bottom <= top or right <= left:
        return None
    return Window(top, left, bottom - top, right - left)


def decode_mask(stored: np.ndarray, coding: str, name: str) -> np.ndarray:
    """Turn a stored mask into schema.CLEAR, CLOUD, SHADOW and 255.

    Parameters
    ----------
    stored
        ``(y, x)`` integers.
    coding
        Empty or ``mask``: stored as they are; ``landsat_c1_bqa``: bits of the Collection 1 quality
        band (bit 0 fill, bit 4 cloud, bits 7-8 shadow confidence, 3 = high; USGS LSDS-1656).
    name
        For messages.

    Raises
    ------
    SceneError
        A value that no cloud mask has.
    """
    if coding == "landsat_c1_bqa":
        fill, cloud = stored & 1, (stored >> 4) & 1
        shadow = ((stored >> 7) & 3) == 3  # noqa: PLR2004 - "high" in the two confidence bits
        values = np.where(shadow, SHADOW, CLEAR)
        values = np.where(cloud > 0, CLOUD, values)
        return np.where(fill > 0, OUTSIDE, values).astype(np.uint8)
    strange = np.setdiff1d(stored, [CLEAR, CLOUD, SHADOW, OUTSIDE])
    if strange.size:
        msg = (
            f"{name}: value {strange[0]} found in the cloud mask; 0 clear, 1 cloud, 2 shadow and "
            "255 outside were expected"
        )
        raise SceneError(msg)
    return stored.astype(np.uint8)


def _begun(folder: Path, verify: bool, limit_bytes: int) -> RasterReader:
    """Make a reader anew in the process to which one was sent."""
    reader = RasterReader(folder, verify)
    reader.keep_at_most(limit_bytes // 1_000_000)
    return reader
