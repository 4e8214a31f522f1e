"""Record layers are opened here: allow-listed formats, told by name and first bytes, one layer each."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pyproj.exceptions import ProjError

from changedetect.config.job import LayerSection
from changedetect.errors import GridError, LayerError
from changedetect.io.crs import check_eastings, epsg_code, transformer
from changedetect.io.formats.gdal_files import GDAL_READERS
from changedetect.io.formats.kml_files import KmlReader
from changedetect.io.formats.land_text import LandTextReader
from changedetect.io.formats.parquet_files import ParquetReader
from changedetect.io.formats.point_tables import PointTableReader
from changedetect.io.formats.reader import (
    Bounds,
    Extent,
    LayerSource,
    PartsReader,
    RawLayer,
    Reader,
)

READERS: tuple[Reader, ...] = (
    *GDAL_READERS,
    KmlReader(),
    ParquetReader(),
    LandTextReader(),
    PointTableReader(),
)
"""Every format of record layers."""

WHOLE_ROWS = 100_000
"""Of a layer of no more rows every one is looked at; of a larger one only the rows around the
counties, where its format allows. Our choice."""

PART_ROWS = 8_192
"""Rows that are looked at together where the format allows: some 12 MB of parcels. Our choice."""

_HEAD_BYTES = 4096


def reader_of(path: Path) -> Reader:
    """Return the reader of a file.

    Raises
    ------
    LayerError
        Not an allowed format, whatever the name says.
    """
    start = b""
    if not path.is_dir():
        with path.open("rb") as stream:
            start = stream.read(_HEAD_BYTES)
    for reader in READERS:
        fits = reader.fits(path, start)
        if fits:
            return reader
        if fits is False:
            break
    titles = ", ".join(reader.title for reader in READERS)
    if path.is_dir():
        msg = f"{path}: a folder that is no FileGDB (*.gdb with *.gdbtable inside)"
        raise LayerError(msg)
    suffix = path.suffix.lower()
    msg = (
        f"{path}: it starts with {start[:12]!r}, which is no {suffix or 'known'} layer; "
        f"expected one of {titles}"
    )
    raise LayerError(msg)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A layer that is about to be read; the box is that of the rows that are wanted, None = all."""

    reader: Reader
    source: LayerSource
    box: Bounds | None
    has_parts: bool


def _opened(path: Path, section: LayerSection, within: tuple[str, Bounds] | None) -> _Opened:
    reader = reader_of(path)
    source = reader.open(path, section)
    extent = None if within is None else reader.extent(source)
    if within is None or extent is None:
        return _Opened(reader, source, None, has_parts=False)
    box = _box(extent, section, within) if extent.rows > WHOLE_ROWS else None
    return _Opened(reader, source, box, has_parts=extent.rows > PART_ROWS)


def read_raw(
    path: Path, section: LayerSection, within: tuple[str, Bounds] | None, notes: list[str]
) -> tuple[LayerSource, RawLayer]:
    """Open a layer and read it as it stands in its file.

    Parameters
    ----------
    path
        File or FileGDB folder.
    section
        What its supplier declares.
    within
        Coordinate system and box around which rows are wanted; None = all. A layer of at most
        `WHOLE_ROWS` rows is read with all its rows all the same.
    notes
        What was found is added.

    Raises
    ------
    LayerError
        See `Reader`.
    """
    layer = _opened(path, section, within)
    raw = layer.reader.read(layer.source, section, layer.box, notes)
    notes += _told(layer, raw.total, len(raw.frame))
    return layer.source, raw


def read_parts(
    path: Path, section: LayerSection, within: tuple[str, Bounds] | None, notes: list[str]
) -> Iterator[tuple[LayerSource, RawLayer]]:
    """Read a layer as `read_raw` does, in parts of `PART_ROWS`: it need not fit into memory.

    Parameters
    ----------
    path, section, within, notes
        As in `read_raw`; the notes are complete when the last part has been taken.

    Yields
    ------
    tuple
        The source, and rows of it; at least one part, which may be empty.
    """
    layer = _opened(path, section, within)
    if not (layer.has_parts and isinstance(layer.reader, PartsReader)):
        raw = layer.reader.read(layer.source, section, layer.box, notes)
        notes += _told(layer, raw.total, len(raw.frame))
        yield layer.source, raw
        return
    rows = total = 0
    for raw in layer.reader.parts(layer.source, layer.box, notes, PART_ROWS):
        rows, total = rows + len(raw.frame), raw.total
        yield layer.source, raw
    if not rows:
        raw = layer.reader.read(layer.source, section, layer.box, [])
        total = raw.total
        yield layer.source, raw
    notes += _told(layer, total, rows)


def _told(layer: _Opened, total: int, rows: int) -> list[str]:
    if layer.box is None or rows >= total:
        return []
    return [f"共 {total} 行, 只读入任务范围内的 {rows} 行"]


def _box(extent: Extent, section: LayerSection, within: tuple[str, Bounds]) -> Bounds | None:
    """Carry a box to the system of a layer; None where its rows do not fit the system they claim.

    Such a layer is read whole, so that the row at fault is found and named.
    """
    if section.datum_shift is not None:
        return None
    try:
        code = epsg_code(section.crs or extent.crs)
        if extent.bounds is not None:
            check_eastings(code, extent.bounds[0], extent.bounds[2])
        west, south, east, north = transformer(within[0], code).transform_bounds(*within[1])
    except (GridError, ProjError):
        return None
    return float(west), float(south), float(east), float(north)


def declared_crs(raw: RawLayer, source: LayerSource, given: str | None) -> str:
    """Return the coordinate system of a layer as ``EPSG:n``.

    Parameters
    ----------
    given
        ``crs`` of the job file, for layers that do not tell.

    Raises
    ------
    LayerError
        Nobody tells, the system is not understood, or file and job file contradict one another.
    """
    place = source.place
    try:
        wanted = epsg_code(given) if given else ""
        found = epsg_code(raw.crs) if raw.crs else ""
    except GridError as error:
        msg = f"{place}: {error}"
        raise LayerError(msg) from error
    if wanted and found and wanted != found:
        msg = (
            f"{place}: its file says {found}, the job file says {wanted}; remove the wrong one "
            "(crs: is only for layers that do not tell)"
        )
        raise LayerError(msg)
    if not (wanted or found):
        msg = (
            f"{place}: no coordinate system (no .prj?); ask its supplier and set crs: EPSG:n of the "
            "layer in the job file, it is never guessed (图层缺坐标系)"
        )
        raise LayerError(msg)
    return wanted or found
