"""Rasters are opened here and nowhere else: allow-listed formats, no siblings, checked structure.

GDAL can open hundreds of formats, some of which follow references to other files or the network,
so the format must be on a list. Side files (``.aux.xml``, ``.ovr``, ``.msk``, world files) are not
read: nobody hashed them. A handle belongs to one task and is closed with it; handles shared by
threads crash the process.
"""

import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from changedetect.errors import SceneError
from changedetect.io.digest import sha256_file
from changedetect.io.environment import RASTER_DRIVERS

_OPENING = threading.Lock()
"""Warning filters are global to the process, so opening (about 1 ms) is one at a time."""


_SIGNATURES: dict[str, tuple[bytes, ...]] = {
    "GTiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "JP2OpenJPEG": (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"),
    "BMP": (b"BM",),
}
"""First bytes of each format."""


_ENVI_SUFFIXES = frozenset({"", ".dat", ".img", ".bin", ".raw", ".bsq", ".bil", ".bip"})


def header_of(path: Path) -> Path | None:
    """Return the ENVI header beside a file, or None."""
    for name in (f"{path.name}.hdr", f"{path.stem}.hdr", f"{path.name}.HDR", f"{path.stem}.HDR"):
        header = path.with_name(name)
        if header != path and header.is_file():
            return header
    return None


def driver_of(path: Path) -> str:
    """Tell a file's format from its first bytes; an ENVI file is told by its header file.

    Raises
    ------
    SceneError
        None of `RASTER_DRIVERS`: whatever the name says (a VRT named ``.tif`` for instance); or
        the system does not let it be read.
    """
    with _read_errors(path), path.open("rb") as stream:
        start = stream.read(12)
    if path.suffix.lower() in _ENVI_SUFFIXES and header_of(path) is not None:
        return "ENVI"
    for driver, signatures in _SIGNATURES.items():
        if any(start.startswith(signature) for signature in signatures):
            return driver
    found = "an empty file" if not start else f"a file that starts with {start!r}"
    msg = (
        f"{path}: {found}; expected one of the formats {', '.join(RASTER_DRIVERS)} "
        "(ENVI needs its .hdr beside it); convert it, or fetch it again"
    )
    raise SceneError(msg)


@contextmanager
def _read_errors(path: Path) -> Iterator[None]:
    """Turn what the system says against reading a file into a named problem of that file."""
    try:
        yield
    except OSError as error:
        msg = (
            f"{path}: can not be read ({error.strerror or error}); "
            "check its permissions and the disk or network drive that it lies on"
        )
        raise SceneError(msg) from error


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of an image's bytes.

    Raises
    ------
    SceneError
        The system does not let it be read.
    """
    with _read_errors(path):
        return sha256_file(path)


@contextmanager
def unplaced_allowed() -> Iterator[None]:
    """Open files without georeference without a warning: callers look at the transform."""
    with _OPENING, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


class _Kept(threading.local):
    """Rasters that this thread keeps open, and what closes them; None = it keeps none."""

    rasters: dict[Path, DatasetReader] | None = None
    closing: ExitStack | None = None


_KEPT = _Kept()


@contextmanager
def kept_open() -> Iterator[None]:
    """Keep rasters open from one read to the next, in this thread, until the block is left.

    For many small windows of the same files: a file is opened once, and its blocks that GDAL has
    decoded stay at hand. What is read does not change.
    """
    with ExitStack() as closing:
        _KEPT.rasters, _KEPT.closing = {}, closing
        try:
            yield
        finally:
            _KEPT.rasters, _KEPT.closing = None, None


@contextmanager
def open_raster(path: Path) -> Iterator[DatasetReader]:
    """Open a raster for reading, for one task; one that is kept open (`kept_open`) is used again.

    Raises
    ------
    SceneError
        Missing, not in an allowed format, or damaged; also when a read inside the block fails.
    """
    if _KEPT.rasters is None or _KEPT.closing is None:
        with _opened(path) as dataset:
            yield dataset
        return
    if path not in _KEPT.rasters:
        _KEPT.rasters[path] = _KEPT.closing.enter_context(_opened(path))
    yield _KEPT.rasters[path]


@contextmanager
def _opened(path: Path) -> Iterator[DatasetReader]:
    if not path.is_file():
        msg = f"{path}: no such file"
        raise SceneError(msg)
    driver = driver_of(path)
    siblings = "FALSE" if driver == "ENVI" else "EMPTY_DIR"
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN=siblings, GDAL_PAM_ENABLED="NO"):
        try:
            with unplaced_allowed():
                dataset = rasterio.open(path, driver=driver)
        except RasterioError as error:
            msg = (
                f"{path}: can not be opened as {driver} ({error}); "
                "it is damaged or cut short: fetch it again"
            )
            raise SceneError(msg) from error
        with dataset:
            yield dataset


def check_structure(dataset: DatasetReader, path: Path, *, nodata_known: bool) -> int:
    """Refuse a file that opens but does not hold all its pixels.

    Block offsets of GeoTIFFs are compared with the size of the file; other formats have their
    last rows read.

    Parameters
    ----------
    nodata_known
        A block that was never written reads as 0; without a no-data value that would be taken
        for an observation.

    Returns
    -------
    int
        Blocks that were never written.

    Raises
    ------
    SceneError
        Cut short, or with unwritten blocks and no no-data value.
    """
    if dataset.driver == "GTiff":
        return _check_blocks(dataset, path, nodata_known=nodata_known)
    if dataset.driver == "ENVI":
        _check_plain_size(dataset, path)
        return 0
    try:
        dataset.read(1, window=((dataset.height - 1, dataset.height), (0, dataset.width)))
    except RasterioError as error:
        msg = f"{path}: the last row can not be read ({error}); the file is cut short or damaged"
        raise SceneError(msg) from error
    return 0


def _check_plain_size(dataset: DatasetReader, path: Path) -> None:
    pixel_bytes = np.dtype(dataset.dtypes[0]).itemsize * dataset.count
    expected = pixel_bytes * dataset.width * dataset.height
    found = path.stat().st_size
    if found < expected:
        msg = f"{path}: {found} bytes found, {expected} expected by its header; fetch it again"
        raise SceneError(msg)


def _check_blocks(dataset: DatasetReader, path: Path, *, nodata_known: bool) -> int:
    size = path.stat().st_size
    height, width = dataset.block_shapes[0]
    bands = (
        (1,)
        if dataset.interleaving is not None and dataset.interleaving.value == "PIXEL"
        else dataset.indexes
    )
    unwritten = 0
    for band in bands:
        for y in range(-(-dataset.height // height)):
            for x in range(-(-dataset.width // width)):
                offset = dataset.get_tag_item(f"BLOCK_OFFSET_{x}_{y}", dm="TIFF", bidx=band)
                if offset is None:
                    unwritten += 1
                    continue
                length = dataset.get_tag_item(f"BLOCK_SIZE_{x}_{y}", dm="TIFF", bidx=band)
                if int(offset) + int(length or 0) > size:
                    msg = (
                        f"{path}: block {x},{y} of band {band} ends at byte "
                        f"{int(offset) + int(length or 0)}, but the file has {size}; "
                        "it was cut short: fetch it again"
                    )
                    raise SceneError(msg)
    if unwritten and not nodata_known:
        msg = (
            f"{path}: {unwritten} blocks were never written and would read as 0, "
            "but no no-data value is known; declare one in the sensor profile"
        )
        raise SceneError(msg)
    return unwritten
