"""KML and KMZ: surfaces of placemarks with their data, longitude and latitude of WGS 84.

Read without GDAL: its KML drivers differ by build, and lose typed data.
"""

import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.config.job import LayerSection
from changedetect.errors import LayerError
from changedetect.io.digest import sha256_file
from changedetect.io.formats.archive import check_archive
from changedetect.io.formats.reader import Bounds, LayerSource, RawLayer
from changedetect.io.formats.rings import ring_of

KML_CRS = "EPSG:4326"
"""OGC 07-147r2, KML 2.2, section 4: coordinates are longitude, latitude of WGS 84."""

MAX_KML_BYTES = 256 * 2**20
_SURFACES = ("Polygon", "MultiGeometry")
_OTHERS = ("Point", "LineString", "LinearRing", "Track", "Model")


class KmlReader:
    """KML, or the document of a KMZ."""

    title = "KML, KMZ"

    def fits(self, path: Path, start: bytes) -> bool | None:
        """See `Reader.fits`."""
        suffix = path.suffix.lower()
        if suffix == ".kmz":
            return start.startswith(b"PK\x03\x04")
        if suffix != ".kml":
            return None
        return start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<") and b"<kml" in start

    def open(self, path: Path, section: LayerSection) -> LayerSource:
        """See `Reader.open`; a folder of placemarks may be named as layer."""
        return LayerSource(path, section.layer or "placemarks", None, sha256_file(path))

    def extent(self, source: LayerSource) -> None:
        """See `Reader.extent`."""
        del source

    def read(
        self, source: LayerSource, section: LayerSection, within: Bounds | None, notes: list[str]
    ) -> RawLayer:
        """See `Reader.read`; rows are the numbers of placemarks in the document."""
        del within
        root = _parsed(source.path)
        if section.layer is not None:
            root = _folder(root, section.layer, source.path)
        rows: list[int] = []
        shapes: list[BaseGeometry | None] = []
        data: list[dict[str, str]] = []
        for number, mark in enumerate(_all(root, "Placemark"), start=1):
            place = f"{source.path}: placemark {number} ({_text(mark, 'name') or 'no name'})"
            rows.append(number)
            shapes.append(_shape(mark, place))
            data.append(_data(mark))
        dropped = sum(shape is None for shape in shapes)
        if dropped == len(shapes):
            msg = (
                f"{source.path}: no polygon among {len(shapes)} placemarks; surfaces were expected"
            )
            raise LayerError(msg)
        if dropped:
            notes.append(f"{dropped} 个地标不是面, 未参与套合")
        keep = [index for index, shape in enumerate(shapes) if shape is not None]
        names = dict.fromkeys(name for one in data for name in one)
        columns = {name: [data[index].get(name) for index in keep] for name in names}
        frame = gpd.GeoDataFrame(columns, geometry=[shapes[index] for index in keep], crs=KML_CRS)
        return RawLayer(frame, np.array(rows)[keep], KML_CRS, len(shapes))


def _document(path: Path) -> bytes:
    if path.suffix.lower() != ".kmz":
        if path.stat().st_size > MAX_KML_BYTES:
            msg = f"{path}: larger than {MAX_KML_BYTES} bytes; deliver it as GeoPackage"
            raise LayerError(msg)
        return path.read_bytes()
    check_archive(path)
    with zipfile.ZipFile(path) as archive:
        inside = [one for one in archive.infolist() if one.filename.lower().endswith(".kml")]
        if len(inside) != 1 or inside[0].file_size > MAX_KML_BYTES:
            msg = f"{path}: {len(inside)} .kml inside; one of at most {MAX_KML_BYTES} bytes was expected"
            raise LayerError(msg)
        try:
            return archive.read(inside[0])
        except (zipfile.BadZipFile, OSError) as error:
            msg = f"{path}: {inside[0].filename} can not be unpacked ({error}); fetch it again"
            raise LayerError(msg) from error


def _parsed(path: Path) -> ET.Element:
    data = _document(path)
    if re.search(rb"<!\s*(DOCTYPE|ENTITY)", data):
        msg = f"{path}: declares entities, which can make a small file grow without bound; remove them"
        raise LayerError(msg)
    try:
        return ET.fromstring(data)  # noqa: S314 - no declarations, bounded size
    except (ET.ParseError, ValueError, LookupError) as error:
        msg = f"{path}: not well-formed XML ({error}); it is damaged or cut short: fetch it again"
        raise LayerError(msg) from error


def _local(node: ET.Element) -> str:
    return node.tag.rpartition("}")[2]


def _all(root: ET.Element, name: str) -> Iterator[ET.Element]:
    return (node for node in root.iter() if _local(node) == name)


def _child(node: ET.Element, name: str) -> ET.Element | None:
    return next((child for child in node if _local(child) == name), None)


def _text(node: ET.Element, name: str) -> str:
    child = _child(node, name)
    return (child.text or "").strip() if child is not None else ""


def _folder(root: ET.Element, name: str, path: Path) -> ET.Element:
    folders = [node for kind in ("Folder", "Document") for node in _all(root, kind)]
    for folder in folders:
        if _text(folder, "name") == name:
            return folder
    known = ", ".join(filter(None, (_text(folder, "name") for folder in folders)))
    msg = f"{path}: no folder {name!r}; it has {known or 'none with a name'}"
    raise LayerError(msg)


def _data(mark: ET.Element) -> dict[str, str]:
    found = {"name": _text(mark, "name"), "description": _text(mark, "description")}
    for node in _all(mark, "Data"):
        found[node.get("name", "")] = _text(node, "value")
    for node in _all(mark, "SimpleData"):
        found[node.get("name", "")] = (node.text or "").strip()
    return {key: value for key, value in found.items() if key and value}


def _shape(mark: ET.Element, place: str) -> BaseGeometry | None:
    """Return the surface of a placemark; None where it is a point or line."""
    polygons = [_polygon(node, place) for node in _all(mark, "Polygon")]
    if not polygons:
        return None
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def _polygon(node: ET.Element, place: str) -> shapely.Polygon:
    outer = _child(node, "outerBoundaryIs")
    if outer is None:
        msg = f"{place}: a Polygon without outerBoundaryIs"
        raise LayerError(msg)
    holes = [child for child in node if _local(child) == "innerBoundaryIs"]
    return shapely.Polygon(_ring(outer, place), [_ring(hole, place) for hole in holes])


def _ring(boundary: ET.Element, place: str) -> np.ndarray:
    node = next(_all(boundary, "coordinates"), None)
    texts = (node.text or "").split() if node is not None else []
    try:
        points = np.array([[float(part) for part in text.split(",")[:2]] for text in texts])
    except ValueError as error:
        msg = (
            f"{place}: coordinates {' '.join(texts)[:60]!r}: {error}; lon,lat[,height] was expected"
        )
        raise LayerError(msg) from error
    return ring_of(points.reshape(-1, 2), place)
