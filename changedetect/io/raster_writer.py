"""Rasters and previews are written here: fixed block order, verified, complete or absent.

A raster is collected in a plain tiled GeoTIFF, window by window in any order, and published as a
Cloud-Optimised GeoTIFF with overviews. DEFLATE rather than ZSTD, since old desktop software reads
it. The COG is written from the whole image in block order, so its bytes do not depend on the windows.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from PIL import Image
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.transform import Affine
from rasterio.windows import Window as FileWindow

from changedetect.errors import ResourceError
from changedetect.grid import Grid, Window
from changedetect.io.opening import check_structure, open_raster, unplaced_allowed
from changedetect.io.publish import publish

BLOCK_PX = 512

_PIXELS_AT_ONCE = 1 << 18
"""Pixels whose places and products are in memory at once: 2 MB each."""

_OVERVIEWS_UNTIL_COPIED = {"COG_TMP_COMPRESSION": "PACKBITS"}
"""GDAL makes overviews in a file beside the COG and copies them from it. It compresses that file with
ZSTD, which takes longer than making them; uncompressed, it would choose other pixels for them."""

_PREDICTOR = {"f": "FLOATING_POINT", "i": "STANDARD", "u": "STANDARD"}


@dataclass(frozen=True, slots=True)
class RasterForm:
    """What a raster holds, apart from its pixels.

    Attributes
    ----------
    dtype
        Of the stored numbers.
    nodata
        Stored number that means not observed.
    descriptions
        One a band.
    tags
        Metadata of the file.
    resampling
        Of the overviews: ``nearest`` for codes, ``average`` for quantities.
    level
        Of DEFLATE. What is mostly noise is not smaller at 6 than at 4, and takes 3.5 times as long.
    """

    dtype: str
    nodata: float
    descriptions: tuple[str, ...]
    tags: tuple[tuple[str, str], ...] = ()
    resampling: str = "nearest"
    level: int = 6


def write_raster(
    path: Path,
    grid: Grid,
    form: RasterForm,
    pieces: Iterable[tuple[Window, np.ndarray]],
    *,
    overwrite: bool = False,
    workers: int = 1,
) -> None:
    """Write a raster from pieces that cover it, in any order.

    Parameters
    ----------
    path
        Final name (``.tif``).
    grid
        Where its pixels lie.
    form
        Number type, no-data, band names, tags.
    pieces
        Windows with their pixels, ``(y, x)`` or ``(band, y, x)`` of the form's dtype. What no
        piece covers becomes no-data.
    overwrite
        Replace an existing file.
    workers
        Threads that compress blocks; the bytes are those of one.

    Raises
    ------
    ResourceError
        Disk full, or the file read back is not what was written.
    InputError
        The file exists and `overwrite` is False.
    """
    check = _Checksum(len(form.descriptions), grid)

    def write(temp: Path) -> None:
        plain = temp.with_name(f"{temp.name}.plain.tif")
        try:
            _write_plain(plain, grid, form, pieces, check)
            _to_cog(plain, temp, form, workers)
        except RasterioError as error:
            msg = f"{path}: could not be written ({error}); is the disk full?"
            raise ResourceError(msg) from error
        finally:
            plain.unlink(missing_ok=True)

    def verify(temp: Path) -> None:
        with open_raster(temp) as dataset:
            check_structure(dataset, temp, nodata_known=True)
            check.compare(dataset, path)

    publish(path, write, verify, overwrite=overwrite)


def write_cog_array(
    path: Path, grid: Grid, array: np.ndarray, form: RasterForm, *, overwrite: bool = False
) -> None:
    """Write a whole array, ``(y, x)`` or ``(band, y, x)``; see `write_raster`."""
    write_raster(path, grid, form, [(grid.window, array)], overwrite=overwrite)


def write_preview(path: Path, rgb: np.ndarray, *, overwrite: bool = False) -> None:
    """Write a PNG without time stamps: same pixels, same bytes.

    Parameters
    ----------
    rgb
        ``(y, x, 3)`` or ``(y, x, 4)`` uint8.
    """
    pixels = np.ascontiguousarray(rgb)

    def write(temp: Path) -> None:
        Image.fromarray(pixels).save(temp, format="PNG", optimize=False)

    def verify(temp: Path) -> None:
        with Image.open(temp) as image:
            if not np.array_equal(np.asarray(image), pixels):
                msg = f"{path}: what was read back is not what was written; is the disk full?"
                raise ResourceError(msg)

    publish(path, write, verify, overwrite=overwrite)


class _Checksum:
    """Order-free sum over written pixels, to compare with what is read back.

    Each pixel counts its bits times an odd number drawn from its place, modulo 2**64, so that
    lost, moved and exchanged blocks are noticed.
    """

    def __init__(self, bands: int, grid: Grid) -> None:
        self.bands = bands
        self.grid = grid
        self.total = 0

    def add(self, window: Window, pixels: np.ndarray) -> None:
        self.total = (self.total + self.of(window, pixels)) % 2**64

    def of(self, window: Window, pixels: np.ndarray) -> int:
        """Return the sum of a window, ``(band, y, x)``, some rows at a time: wide images take no more memory."""
        step = max(1, _PIXELS_AT_ONCE // max(window.width, 1))
        total = 0
        for first in range(0, window.height, step):
            height = min(step, window.height - first)
            part = Window(window.row + first, window.col, height, window.width)
            total += self._of(part, pixels[:, first : first + height])
        return total % 2**64

    def _of(self, window: Window, pixels: np.ndarray) -> int:
        rows = np.arange(window.row, window.row + window.height, dtype=np.uint64)[:, None]
        cols = np.arange(window.col, window.col + window.width, dtype=np.uint64)[None, :]
        place = (rows * np.uint64(self.grid.width) + cols) * np.uint64(2) + np.uint64(1)
        total = np.uint64(0)
        for band, values in enumerate(pixels):
            bits = values.view(f"u{values.dtype.itemsize}").astype(np.uint64)
            with np.errstate(over="ignore"):
                total += np.sum(bits * place, dtype=np.uint64) * np.uint64(2 * band + 1)
        return int(total)

    def compare(self, dataset: DatasetReader, path: Path) -> None:
        found = 0
        for row in range(0, dataset.height, BLOCK_PX):
            height = min(BLOCK_PX, dataset.height - row)
            window = Window(row, 0, height, dataset.width)
            pixels = dataset.read(window=FileWindow(0, row, dataset.width, height))
            found = (found + self.of(window, pixels)) % 2**64
        if found != self.total:
            msg = f"{path}: what was read back is not what was written; the disk is failing or full"
            raise ResourceError(msg)


def _write_plain(
    plain: Path,
    grid: Grid,
    form: RasterForm,
    pieces: Iterable[tuple[Window, np.ndarray]],
    check: _Checksum,
) -> None:
    covered: list[Window] = []
    with _create(plain, grid, form) as dataset:
        for window, array in pieces:
            pixels = array if array.ndim == 3 else array[None]  # noqa: PLR2004 - (band, y, x)
            if pixels.dtype != np.dtype(form.dtype):
                msg = f"{plain.name}: pixels of {pixels.dtype} given, {form.dtype} declared"
                raise TypeError(msg)
            pixels = np.ascontiguousarray(pixels)
            place = FileWindow(window.col, window.row, window.width, window.height)
            dataset.write(pixels, window=place)
            check.add(window, pixels)
            if any(_overlap(window, other) for other in covered):
                msg = f"{plain.name}: {window} covers pixels that were written before"
                raise ValueError(msg)
            covered.append(window)
        _fill_rest(dataset, form, check, covered)


def _overlap(one: Window, other: Window) -> bool:
    apart_y = one.row >= other.row + other.height or other.row >= one.row + one.height
    apart_x = one.col >= other.col + other.width or other.col >= one.col + one.width
    return not (apart_y or apart_x)


def _fill_rest(
    dataset: DatasetWriter, form: RasterForm, check: _Checksum, covered: list[Window]
) -> None:
    """Count the pixels that no piece covered as no-data, and write them where they are whole blocks."""
    for row in range(0, dataset.height, BLOCK_PX):
        window = Window(row, 0, min(BLOCK_PX, dataset.height - row), dataset.width)
        rest = np.ones((window.height, window.width), np.bool_)
        for piece in covered:
            if _overlap(piece, window):
                inside = piece.grown(0, window).relative_to(window)
                rest[inside.slices] = False
        if not rest.any():
            continue
        place = FileWindow(0, row, dataset.width, rest.shape[0])
        pixels = dataset.read(window=place)
        before = check.of(window, np.where(rest, np.zeros_like(pixels), pixels))
        pixels[:, rest] = form.nodata
        dataset.write(pixels, window=place)
        check.total = (check.total + check.of(window, pixels) - before) % 2**64


def _create(plain: Path, grid: Grid, form: RasterForm) -> DatasetWriter:
    options: dict[str, object] = {
        "driver": "GTiff",
        "height": grid.height,
        "width": grid.width,
        "count": len(form.descriptions),
        "dtype": form.dtype,
        "nodata": form.nodata,
        "tiled": True,
        "blockxsize": BLOCK_PX,
        "blockysize": BLOCK_PX,
        "BIGTIFF": "IF_SAFER",
    }
    if grid.crs:
        options["crs"] = CRS.from_user_input(grid.crs)
        options["transform"] = Affine(*grid.transform)
    with unplaced_allowed():
        dataset = rasterio.open(plain, "w+", **options)
    dataset.update_tags(**dict(form.tags))
    for index, text in enumerate(form.descriptions, start=1):
        dataset.set_band_description(index, text)
    return dataset


def _to_cog(plain: Path, final: Path, form: RasterForm, workers: int) -> None:
    options: Mapping[str, str | int] = {
        "BLOCKSIZE": BLOCK_PX,
        "COMPRESS": "DEFLATE",
        "LEVEL": form.level,
        "PREDICTOR": _PREDICTOR[np.dtype(form.dtype).kind],
        "OVERVIEW_RESAMPLING": form.resampling.upper(),
        "NUM_THREADS": workers,
        "BIGTIFF": "IF_SAFER",
    }
    with rasterio.Env(**_OVERVIEWS_UNTIL_COPIED):
        rasterio.shutil.copy(plain, final, driver="COG", **options)


def stretch(
    values: np.ndarray, low: Sequence[float] | float, high: Sequence[float] | float
) -> np.ndarray:
    """Turn quantities into grey levels for a preview.

    Parameters
    ----------
    values
        ``(band, y, x)``; NaN is not observed.
    low, high
        Values of black and white, one or one a band.

    Returns
    -------
    ndarray
        ``(y, x, band)`` uint8; not observed is 0, observed 1 to 255.

    Examples
    --------
    >>> stretch(np.array([[[0.0, 0.5, np.nan]]]), 0.0, 1.0)[0, :, 0].tolist()
    [1, 128, 0]
    """
    black = np.broadcast_to(np.asarray(low, np.float64), values.shape[:1])[:, None, None]
    white = np.broadcast_to(np.asarray(high, np.float64), values.shape[:1])[:, None, None]
    width = np.where(white > black, white - black, math.inf)
    levels = np.rint(1.0 + 254.0 * np.clip((values - black) / width, 0.0, 1.0))
    return np.moveaxis(np.where(np.isnan(values), 0.0, levels).astype(np.uint8), 0, -1)
