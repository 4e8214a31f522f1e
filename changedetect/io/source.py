"""Pixels of a file as they lie in it, in physical units."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window as FileWindow

from changedetect.errors import SceneError
from changedetect.grid import Transform, Window
from changedetect.io.crs import epsg_code
from changedetect.io.decoded_blocks import DecodedBlocks
from changedetect.io.georeference import PLAIN, is_georeferenced
from changedetect.io.layout import Layout, is_masked, layout_of
from changedetect.io.memory import apart
from changedetect.io.opening import open_raster
from changedetect.kernels.cell_sums import NEVER, add_columns, means_of_columns
from changedetect.kernels.scratch import scratch
from changedetect.kernels.stored import Stored, part_to_quantity, to_quantity
from changedetect.records import Band, Scene

_LARGEST = float(np.iinfo(np.uint16).max)
"""No stored whole number of 16 bits is larger."""


@dataclass(frozen=True, slots=True)
class Source:
    """The files behind a scene, and where their pixels lie.

    Attributes
    ----------
    files
        One path for all bands, or one a band.
    crs, transform
        As the file says (pixels need not be square); ``""`` and one unit a pixel without
        georeference.
    height, width
        Size. [px]
    layout
        Of the first file.
    """

    files: tuple[Path, ...]
    crs: str
    transform: Transform
    height: int
    width: int
    layout: Layout

    @classmethod
    def of_scene(cls, folder: Path, scene: Scene) -> "Source":
        """Open a scene's first file for its geometry."""
        if "{band}" in scene.href:
            names = [scene.href.replace("{band}", str(band.index)) for band in scene.bands]
            return _source(tuple(folder / name for name in names))
        return _source((folder / scene.href,))

    @classmethod
    def of_mask(cls, path: Path) -> "Source":
        """Open a mask for its geometry."""
        return _source((path,))

    def read_plain(self, window: Window) -> np.ndarray:
        """Read stored numbers of the first band of the first file, ``(y, x)``; window inside."""
        with open_raster(self.files[0]) as dataset:
            stored = _read(dataset, self.files[0], [1], window)
        return np.asarray(stored[0])


def _source(files: tuple[Path, ...]) -> Source:
    with open_raster(files[0]) as dataset:
        size, layout = (dataset.height, dataset.width), layout_of(dataset)
        if not is_georeferenced(dataset):
            return Source(files, "", PLAIN, *size, layout)
        a, b, c, d, e, f = dataset.transform[:6]
        return Source(files, epsg_code(dataset.crs.to_wkt()), (a, b, c, d, e, f), *size, layout)


def read_source(
    source: Source,
    scene: Scene,
    window: Window,
    out: np.ndarray | None = None,
    store: DecodedBlocks | None = None,
) -> np.ndarray:
    """Read a window of the file's own pixels in physical units.

    Parameters
    ----------
    window
        In the file's pixels; may reach beyond its edges. [px]
    out
        ``(band, y, x)`` float32 whose memory the result takes; None = new memory.
    store
        Keeps decoded blocks of tiled files; None = windows are read as they are.

    Returns
    -------
    ndarray
        ``(band, y, x)`` float32; NaN is no-data, masked, transparent, not finite, or outside; and,
        in an optical file that declares none of these, 0 in all bands.

    Raises
    ------
    SceneError
        A block can not be read; names file and window.
    """
    if out is None:
        out = np.empty((len(scene.bands), window.height, window.width), np.float32)
    top, left = max(window.row, 0), max(window.col, 0)
    bottom = min(window.row + window.height, source.height)
    right = min(window.col + window.width, source.width)
    if bottom - top < window.height or right - left < window.width:
        out[:] = np.nan
    if bottom <= top or right <= left:
        return out
    inner = Window(top, left, bottom - top, right - left)
    target = inner.relative_to(window).slices
    part = out[(slice(None), *target)]
    if len(source.files) == 1:
        _read_whole(source, scene, inner, part, store)
        return out
    for position, (path, band) in enumerate(zip(source.files, scene.bands, strict=True)):
        with open_raster(path) as dataset:
            stored = _read(dataset, path, [1], inner)
            hidden = _hidden(dataset, path, inner)
        own = part[position : position + 1]
        _physical(stored, [band], scene.nodata, own, black=False)
        if hidden is not None:
            own[:, hidden] = np.nan
    return out


def read_stored(
    source: Source, scene: Scene, window: Window, store: DecodedBlocks, name: str
) -> Stored | None:
    """Read a window of the file's own pixels as they are stored.

    Parameters
    ----------
    window
        In the file's pixels. [px]
    store
        As in `read_source`.
    name
        What the numbers are for: they lie in memory that this thread uses again under it (`scratch`).

    Returns
    -------
    Stored or None
        None where the window is not simply a part of one file in blocks, without a mask.

    Raises
    ------
    SceneError
        A block can not be read; names file and window.
    """
    if not _is_plain(source, window):
        return None
    shape = len(scene.bands), window.height, window.width
    numbers = scratch(name, shape, source.layout.kinds[scene.bands[0].index - 1])
    for block, part, stored in _blocks_of(source, scene, window, store):
        own = stored[(slice(None), *part.relative_to(block).slices)]
        numbers[(slice(None), *part.relative_to(window).slices)] = own
    return Stored(numbers, *_form(scene.bands, scene.nodata), _black_is_nodata(scene))


def _is_plain(source: Source, window: Window) -> bool:
    """Whether a window is simply a part of one file in blocks, without a mask."""
    layout, whole = source.layout, Window(0, 0, source.height, source.width)
    plain = len(source.files) == 1 and layout.block is not None and not layout.masked
    return plain and window == window.grown(0, whole)


def read_cells(
    source: Source, scene: Scene, window: Window, store: DecodedBlocks, cell_px: int, least: float
) -> np.ndarray | None:
    """Average a window over square cells straight from stored numbers.

    Parameters
    ----------
    window
        In the file's pixels; cells are counted from its first one. [px]
    store
        As in `read_source`.
    cell_px
        Side of a cell. [px]
    least
        A cell of which less is seen has no mean. [0-1]

    Returns
    -------
    ndarray or None
        As `kernels.cells.cell_means` of what `read_source` gives, pixels that lack a band left
        out, but for the last digit: stored numbers are averaged, not quantities. None where the window
        is not simply a part of one file of whole numbers of at most 16 bits, without a mask.

    Raises
    ------
    SceneError
        A block can not be read; names file and window.
    """
    if not source.layout.small or not _is_plain(source, window):
        return None
    rows, bands = -(-window.height // cell_px), len(scene.bands)
    scale, offset, nodata = _form(scene.bands, scene.nodata)
    rules = cell_px, _whole_number(nodata), _black_is_nodata(scene)
    totals = scratch("sums of columns", (bands, rows, window.width), np.int32)
    counts = scratch("pixels of columns", (rows, window.width), np.int32)
    totals[:], counts[:] = 0, 0
    for block, part, stored in _blocks_of(source, scene, window, store):
        own, target = part.relative_to(block), part.relative_to(window)
        size = own.row, own.col, own.height, own.width
        add_columns(stored, size, (target.row, target.col), rules, (totals, counts))
    return means_of_columns((totals, counts), (scale, offset), window.height, cell_px, least)


def _whole_number(nodata: float) -> int:
    """Return the stored whole number that is no data; `NEVER` = none."""
    known = abs(nodata) <= _LARGEST and nodata == math.floor(nodata)  # NaN is neither
    return int(nodata) if known else NEVER


def _read_whole(
    source: Source, scene: Scene, inner: Window, out: np.ndarray, store: DecodedBlocks | None
) -> None:
    """Read a window of a file that holds all bands."""
    path, layout = source.files[0], source.layout
    if store is not None and layout.block is not None and not layout.masked:
        _read_blocks(source, scene, inner, out, store)
        return
    with open_raster(path) as dataset:
        hidden = _hidden(dataset, path, inner) if layout.masked else None
        stored = _read(dataset, path, [band.index for band in scene.bands], inner)
    black = hidden is None and _black_is_nodata(scene)
    _physical(stored, scene.bands, scene.nodata, out, black=black)
    if hidden is not None:
        out[:, hidden] = np.nan


def _read_blocks(
    source: Source, scene: Scene, inner: Window, out: np.ndarray, store: DecodedBlocks
) -> None:
    """Read a window block by block, each decoded once while the store keeps it."""
    black, form = _black_is_nodata(scene), _form(scene.bands, scene.nodata)
    for block, part, stored in _blocks_of(source, scene, inner, store):
        own, target = part.relative_to(block), part.relative_to(inner)
        size = own.row, own.col, own.height, own.width
        part_to_quantity(stored, form, black, size, out, (target.row, target.col))


def _blocks_of(
    source: Source, scene: Scene, inner: Window, store: DecodedBlocks
) -> Iterator[tuple[Window, Window, np.ndarray]]:
    """Give the blocks that a window meets: their place, the part in the window, stored numbers.

    The file is opened when the first block has to be decoded: opening it takes as long as reading back
    one that was laid aside.
    """
    path, packed = source.files[0], source.layout.packed
    assert source.layout.block is not None
    height, width = source.layout.block
    indexes = [band.index for band in scene.bands]
    whole = Window(0, 0, source.height, source.width)
    with ExitStack() as closing:
        opened: list[DatasetReader] = []

        def decoded(block: Window) -> np.ndarray:
            if not opened:
                opened.append(closing.enter_context(open_raster(path)))
            return _decoded(opened[0], path, indexes, block)

        for row in range(inner.row // height, -(-(inner.row + inner.height) // height)):
            for col in range(inner.col // width, -(-(inner.col + inner.width) // width)):
                block = Window(row * height, col * width, height, width).grown(0, whole)
                key = path, scene.sha256, tuple(indexes), row, col
                stored = store.get(key, partial(decoded, block), costly=packed)
                yield block, block.grown(0, inner), stored


def _read(dataset: DatasetReader, path: Path, indexes: Sequence[int], window: Window) -> np.ndarray:
    try:
        return np.asarray(dataset.read(list(indexes), window=_file_window(window)))
    except RasterioError as error:
        raise _unreadable(path, window, error) from error


def _decoded(
    dataset: DatasetReader, path: Path, indexes: Sequence[int], block: Window
) -> np.ndarray:
    """Decode a block into memory of its own: it stays for long, and then gives way."""
    shape = len(indexes), block.height, block.width
    own = apart(shape, dataset.dtypes[indexes[0] - 1])
    try:
        dataset.read(list(indexes), window=_file_window(block), out=own)
    except RasterioError as error:
        raise _unreadable(path, block, error) from error
    return own


def _hidden(dataset: DatasetReader, path: Path, window: Window) -> np.ndarray | None:
    """Pixels that a mask or a transparency band hides; None where the file has neither."""
    if not is_masked(dataset):
        return None
    try:
        opaque = dataset.read_masks(1, window=_file_window(window))
    except RasterioError as error:
        raise _unreadable(path, window, error) from error
    hidden: np.ndarray = np.asarray(opaque) == 0
    return hidden


def _black_is_nodata(scene: Scene) -> bool:
    """Whether pixels that are 0 in every band are taken for no-data.

    That is how the collar of an image without no-data value looks; no ground is so dark in all
    bands. The rule does not apply to one band, radar, or where a value is declared.
    """
    return scene.nodata is None and scene.kind != "radar" and len(scene.bands) > 1


def _physical(
    stored: np.ndarray, bands: Sequence[Band], nodata: float | None, out: np.ndarray, *, black: bool
) -> None:
    to_quantity(stored, *_form(bands, nodata), black, out)


def _form(bands: Sequence[Band], nodata: float | None) -> tuple[np.ndarray, np.ndarray, float]:
    """Scale, offset and no-data value of stored numbers, as kernels take them."""
    scale = np.array([band.scale for band in bands], np.float64)
    offset = np.array([band.offset for band in bands], np.float64)
    return scale, offset, np.nan if nodata is None else float(nodata)


def _file_window(window: Window) -> FileWindow:
    return FileWindow(window.col, window.row, window.width, window.height)


def _unreadable(path: Path, window: Window, error: RasterioError) -> SceneError:
    cause = error.__cause__ or error
    msg = (
        f"{path}: rows {window.row} to {window.row + window.height}, columns {window.col} to "
        f"{window.col + window.width} can not be read ({cause}); the file is damaged there: "
        "fetch it again"
    )
    return SceneError(msg)
