"""Vector files are opened here: allow-listed formats told by their first bytes, one layer each."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from changedetect.errors import GridError, LayerError
from changedetect.io.crs import epsg_code
from changedetect.io.dbf_encoding import codec_of, gdal_name
from changedetect.io.digest import sha256_file, sha256_files

_SHAPE_MEMBERS = (".shp", ".shx", ".dbf", ".prj", ".cpg")

_FORMATS = "GeoPackage, Shapefile, FileGDB (folder), GeoJSON, FlatGeobuf, KML"

_HIDDEN_LAYERS = frozenset({"layer_styles"})


@dataclass(frozen=True, slots=True)
class LayerSource:
    """One layer of one file.

    Attributes
    ----------
    path
        The file, or the folder of a FileGDB.
    layer
        Layer inside the file.
    encoding
        For shapefiles, as GDAL names it; None elsewhere (UTF-8 by definition).
    sha256
        Of the file, or of all files that make it up.
    """

    path: Path
    layer: str
    encoding: str | None
    sha256: str


def open_source(path: Path, layer: str | None, encoding: str | None) -> LayerSource:
    """Find the layer to read.

    Parameters
    ----------
    path
        File or FileGDB folder.
    layer
        Layer inside it; None where it has just one.
    encoding
        Declared encoding of a shapefile.

    Raises
    ------
    LayerError
        Not an allowed format (whatever the name says), damaged, several layers and none named,
        or an encoding that is missing or wrong.
    """
    kind = _format_of(path)
    codec = None
    if kind == "shapefile":
        codec = gdal_name(codec_of(_members(path)[".dbf"], encoding))
    found = _layers(path)
    if layer is not None and layer not in found:
        msg = f"{path}: no layer {layer!r}; it has {', '.join(found) or 'none'}"
        raise LayerError(msg)
    if layer is None and len(found) != 1:
        msg = (
            f"{path}: {len(found)} layers ({', '.join(found) or 'none'}); name one of them as "
            "layer: of this layer in the job file"
        )
        raise LayerError(msg)
    return LayerSource(path, layer or found[0], codec, _digest(path, kind))


def read_frame(source: LayerSource, notes: list[str]) -> gpd.GeoDataFrame:
    """Read all columns of a layer; what GDAL warns of is added to the notes.

    Raises
    ------
    LayerError
        The layer can not be read, or has no geometry.
    """
    options = {"encoding": source.encoding} if source.encoding else {}
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            frame = pyogrio.read_dataframe(source.path, layer=source.layer, **options)
    except (DataSourceError, DataLayerError, UnicodeDecodeError, ValueError, RuntimeError) as error:
        msg = f"{source.path}: layer {source.layer} can not be read ({error}); fetch it again"
        raise LayerError(msg) from error
    notes.extend(dict.fromkeys(f"GDAL: {warning.message}" for warning in caught))
    if not isinstance(frame, gpd.GeoDataFrame):
        msg = f"{source.path}: layer {source.layer} has no geometry; a polygon layer was expected"
        raise LayerError(msg)
    return frame


def declared_crs(frame: gpd.GeoDataFrame, source: LayerSource, given: str | None) -> str:
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
    place = f"{source.path}: layer {source.layer}"
    try:
        wanted = epsg_code(given) if given else ""
        found = epsg_code(frame.crs.to_wkt()) if frame.crs is not None else ""
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


def _format_of(path: Path) -> str:
    if path.is_dir():
        if path.suffix.lower() == ".gdb" and any(path.glob("*.gdbtable")):
            return "filegdb"
        msg = f"{path}: a folder that is no FileGDB (*.gdb with *.gdbtable inside)"
        raise LayerError(msg)
    with path.open("rb") as stream:
        start = stream.read(4096)
    suffix = path.suffix.lower()
    body = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    matches = {
        ".gpkg": ("geopackage", start.startswith(b"SQLite format 3\0")),
        ".shp": ("shapefile", start.startswith(b"\0\0\x27\x0a")),
        ".geojson": ("geojson", body.startswith(b"{")),
        ".json": ("geojson", body.startswith(b"{")),
        ".fgb": ("flatgeobuf", start.startswith(b"fgb")),
        ".kml": ("kml", body.startswith(b"<") and b"<kml" in body),
    }
    kind, fits = matches.get(suffix, ("", False))
    if not fits:
        msg = (
            f"{path}: it starts with {start[:12]!r}, which is no {suffix or 'known'} layer; "
            f"expected one of {_FORMATS}"
        )
        raise LayerError(msg)
    return kind


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


def _layers(path: Path) -> list[str]:
    try:
        rows = pyogrio.list_layers(path)
    except (DataSourceError, UnicodeDecodeError, RuntimeError) as error:
        msg = f"{path}: can not be opened ({error}); it is damaged or cut short: fetch it again"
        raise LayerError(msg) from error
    return [str(name) for name, kind in rows if kind is not None and name not in _HIDDEN_LAYERS]


def _digest(path: Path, kind: str) -> str:
    if kind == "shapefile":
        return sha256_files(list(_members(path).values()))
    if kind == "filegdb":
        return sha256_files([member for member in path.iterdir() if member.is_file()])
    return sha256_file(path)
