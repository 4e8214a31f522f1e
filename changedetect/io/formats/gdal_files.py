"""GeoPackage, Shapefile, FileGDB (folder or .gdb.zip), GeoJSON, FlatGeobuf: read through GDAL."""

import warnings
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow.compute as pc
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from changedetect.config.job import LayerSection
from changedetect.errors import LayerError
from changedetect.io.arrow import pa
from changedetect.io.dbf_encoding import codec_of, gdal_name
from changedetect.io.digest import sha256_file, sha256_files
from changedetect.io.formats.archive import check_archive
from changedetect.io.formats.reader import Bounds, Extent, LayerSource, RawLayer, chosen_layer

_SHAPE_MEMBERS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_HIDDEN_LAYERS = frozenset({"layer_styles"})
_CURVES = np.array([8, 9, 10, 11, 12])
"""Codes of curves in well-known binary (ISO 13249-3): CircularString to MultiSurface."""

_FAILURES = (DataSourceError, DataLayerError, UnicodeDecodeError, ValueError, RuntimeError)

_HEAD_BYTES = 5
_DIMENSIONS = 1000
"""Codes with heights or measures are these thousands higher."""

CURVED = "图层为曲线类型, 已按折线近似"
"""Note on a layer whose curves were turned into chords."""


@dataclass(frozen=True, slots=True)
class GdalReader:
    """One format that GDAL reads.

    Attributes
    ----------
    title
        Name of the format in messages.
    suffixes
        Ends of names.
    magic
        How such files begin, after a byte-order mark and blanks; any of them.
    first_row
        Number that GDAL gives to the first feature.
    may_curve
        Whether the format can hold arcs of circles.
    """

    title: str
    suffixes: tuple[str, ...]
    magic: tuple[bytes, ...]
    first_row: int = 1
    may_curve: bool = False

    def fits(self, path: Path, start: bytes) -> bool | None:
        """See `Reader.fits`."""
        if not path.name.lower().endswith(self.suffixes):
            return None
        if ".gdb" in self.suffixes:
            return path.is_dir() and any(path.glob("*.gdbtable"))
        body = start.removeprefix(b"\xef\xbb\xbf").lstrip()
        return not path.is_dir() and (start.startswith(self.magic) or body.startswith(self.magic))

    def open(self, path: Path, section: LayerSection) -> LayerSource:
        """See `Reader.open`."""
        codec = None
        if path.suffix.lower() == ".shp":
            codec = gdal_name(codec_of(_members(path)[".dbf"], section.encoding))
        with _said(path):
            listed = pyogrio.list_layers(_address(path))
        found = [
            str(name) for name, kind in listed if kind is not None and name not in _HIDDEN_LAYERS
        ]
        return LayerSource(path, chosen_layer(path, found, section.layer), codec, _digest(path))

    def extent(self, source: LayerSource) -> Extent | None:
        """See `Reader.extent`."""
        info = self._info(source)
        bounds = info["total_bounds"]
        known = bounds is not None and all(np.isfinite(value) for value in bounds)
        west, south, east, north = bounds if known else (0.0, 0.0, 0.0, 0.0)
        return Extent(
            int(info["features"]),
            (float(west), float(south), float(east), float(north)) if known else None,
            str(info["crs"] or ""),
        )

    def read(
        self, source: LayerSource, section: LayerSection, within: Bounds | None, notes: list[str]
    ) -> RawLayer:
        """See `Reader.read`."""
        del section
        options: dict[str, Any] = {"encoding": source.encoding} if source.encoding else {}
        with _said(source.path, source.layer), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            frame = pyogrio.read_dataframe(
                _address(source.path),
                layer=source.layer,
                bbox=within,
                fid_as_index=within is not None,
                **options,
            )
        notes.extend(dict.fromkeys(f"GDAL: {warning.message}" for warning in caught))
        if not isinstance(frame, gpd.GeoDataFrame):
            msg = f"{source.place} has no geometry; a polygon layer was expected"
            raise LayerError(msg)
        info = self._info(source)
        if self.may_curve and _has_curves(source):
            notes.append(CURVED)
        rows = np.arange(1, len(frame) + 1)
        if within is not None:
            rows = frame.index.to_numpy() + 1 - self.first_row
            frame = frame.reset_index(drop=True)
        crs = frame.crs.to_wkt() if frame.crs is not None else ""
        return RawLayer(frame, rows, crs, max(int(info["features"]), len(frame)))

    def parts(
        self, source: LayerSource, within: Bounds | None, notes: list[str], rows: int
    ) -> Iterator[RawLayer]:
        """See `PartsReader.parts`; one pass over the file, whatever its size."""
        options: dict[str, Any] = {"encoding": source.encoding} if source.encoding else {}
        total = int(self._info(source)["features"])
        if self.may_curve and _has_curves(source):
            notes.append(CURVED)
        with (
            _said(source.path, source.layer),
            pyogrio.open_arrow(
                _address(source.path), layer=source.layer, bbox=within, return_fids=True,
                batch_size=rows, use_pyarrow=True, **options,
            ) as (meta, batches),
        ):  # fmt: skip
            for batch in _listened(batches, notes):
                frame, fids = _framed(batch, meta)
                crs = frame.crs.to_wkt() if frame.crs is not None else ""
                yield RawLayer(frame, fids + 1 - self.first_row, crs, total)

    def _info(self, source: LayerSource) -> dict[str, Any]:
        options: dict[str, Any] = {"encoding": source.encoding} if source.encoding else {}
        with _said(source.path, source.layer):
            info: dict[str, Any] = pyogrio.read_info(
                _address(source.path),
                layer=source.layer,
                force_feature_count=True,
                force_total_bounds=True,
                **options,
            )
        return info


def _listened(batches: Iterable[pa.RecordBatch], notes: list[str]) -> Iterator[pa.RecordBatch]:
    """Hand batches on; what GDAL warns of is noted once."""
    source = iter(batches)
    while True:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            batch = next(source, None)
        told = dict.fromkeys(f"GDAL: {warning.message}" for warning in caught)
        notes.extend(note for note in told if note not in notes)
        if batch is None:
            return
        yield batch


def _framed(batch: pa.RecordBatch, meta: dict[str, Any]) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    """Turn a batch into columns as `pyogrio.read_dataframe` gives them, and feature numbers."""
    shape = meta["geometry_name"] or "wkb_geometry"
    shapes = shapely.from_wkb(batch.column(shape).to_numpy(zero_copy_only=False))
    fids = batch.column(0).to_numpy().astype(np.int64)
    plain = batch.select([str(name) for name in meta["fields"]])
    columns = plain.to_pandas(date_as_object=False)
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=meta["crs"]), fids


def _has_curves(source: LayerSource) -> bool:
    """Look at the code of each geometry as stored; GDAL hands on chords without a word."""
    with (
        _said(source.path, source.layer),
        pyogrio.open_arrow(
            _address(source.path), layer=source.layer, columns=[], use_pyarrow=True
        ) as (meta, batches),
    ):
        name = meta["geometry_name"] or "wkb_geometry"
        return any(_curved(batch.column(name)) for batch in batches)


def _curved(geometries: pa.Array) -> bool:
    """Tell whether a column of WKB holds a curve; the code follows the byte order, in either order."""
    heads = pc.binary_slice(geometries.drop_null(), 0, _HEAD_BYTES)
    octets = np.frombuffer(b"".join(heads.to_pylist()), np.uint8).reshape(-1, _HEAD_BYTES)
    little = octets[:, 0] == 1
    low = np.where(little, octets[:, 1], octets[:, 4]).astype(np.int64)
    high = np.where(little, octets[:, 2], octets[:, 3]).astype(np.int64)
    return bool(np.isin((low + high * 256) % _DIMENSIONS, _CURVES).any())


@contextmanager
def _said(path: Path, layer: str = "") -> Iterator[None]:
    """Say of GDAL's errors which file they are about."""
    try:
        yield
    except _FAILURES as error:
        if isinstance(error, LayerError):
            raise
        what = f"layer {layer} can not be read" if layer else "can not be opened"
        msg = f"{path}: {what} ({error}); it is damaged or cut short: fetch it again"
        raise LayerError(msg) from error


def _address(path: Path) -> str:
    """Return GDAL's name of a file; inside an archive, of the FileGDB folder."""
    if not path.name.lower().endswith(".zip"):
        return str(path)
    check_archive(path)
    with zipfile.ZipFile(path) as archive:
        folders = {
            name[: name.lower().index(".gdb/") + 4]
            for name in archive.namelist()
            if ".gdb/" in name.lower()
        }
    if len(folders) != 1:
        msg = f"{path}: {len(folders)} FileGDB folders inside; an archive of just one was expected"
        raise LayerError(msg)
    return f"/vsizip/{path.resolve()}/{folders.pop()}"


def _members(shp: Path) -> dict[str, Path]:
    """Return the files of a shapefile by suffix; any case of suffix."""
    found = {}
    for sibling in sorted(shp.parent.iterdir()):
        if sibling.stem == shp.stem and sibling.suffix.lower() in _SHAPE_MEMBERS:
            found[sibling.suffix.lower()] = sibling
    missing = [suffix for suffix in (".dbf", ".shx") if suffix not in found]
    if missing:
        msg = f"{shp}: {' and '.join(missing)} missing beside it; fetch the whole shapefile"
        raise LayerError(msg)
    return found


def _digest(path: Path) -> str:
    if path.suffix.lower() == ".shp":
        return sha256_files(list(_members(path).values()))
    if path.is_dir():
        return sha256_files([member for member in path.iterdir() if member.is_file()])
    return sha256_file(path)


GDAL_READERS: tuple[GdalReader, ...] = (
    GdalReader("GeoPackage", (".gpkg",), (b"SQLite format 3\0",), may_curve=True),
    GdalReader("Shapefile", (".shp",), (b"\0\0\x27\x0a",), first_row=0),
    GdalReader("FileGDB (zipped)", (".gdb.zip",), (b"PK\x03\x04",), may_curve=True),
    GdalReader("FileGDB (folder)", (".gdb",), (), may_curve=True),
    GdalReader("GeoJSON", (".geojson", ".json"), (b"{",), first_row=0),
    GdalReader("FlatGeobuf", (".fgb",), (b"fgb",), first_row=0),
)
"""Every format that is left to GDAL."""
