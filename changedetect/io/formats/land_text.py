"""The land-boundary text of land offices: ``[属性描述]``, then ``[地块坐标]`` with corners of parcels.

A corner is ``J1,ring,X,Y`` with X = north and Y = east, the easting with its zone or without.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np

from changedetect.config.job import LayerSection
from changedetect.errors import GridError, LayerError
from changedetect.io import china_zones as zones
from changedetect.io.digest import sha256_file
from changedetect.io.formats.reader import Bounds, LayerSource, RawLayer
from changedetect.io.formats.rings import assemble, ring_of
from changedetect.io.formats.text_encoding import decoded

ATTRIBUTES, PARCELS = "[属性描述]", "[地块坐标]"
PARCEL_NAMES = (
    "点数",
    "地块面积(公顷)",
    "地块编号",
    "地块名称",
    "图形属性",
    "图幅号",
    "地块用途",
    "地类编码",
)
"""Fields of the line that begins a parcel, in order; ``@`` ends it. The ministry's format counts
areas in hectares."""

MAX_TEXT_BYTES = 256 * 2**20
_CORNER_FIELDS = 4
_FEWEST_FIELDS = 5
_SURFACE = ("面", "")


@dataclass(slots=True)
class _Parcel:
    """A parcel while its corners are read."""

    line: int
    fields: list[str]
    corners: list[tuple[int, int, float, float]] = field(default_factory=list)


class LandTextReader:
    """Land-boundary text files."""

    title = "land-boundary text (.txt)"

    def fits(self, path: Path, start: bytes) -> bool | None:
        """See `Reader.fits`."""
        if path.suffix.lower() != ".txt":
            return None
        encodings = ("gb18030", "utf-8", "utf-16-le", "utf-16-be")
        return any(
            head.encode(codec) in start for head in (ATTRIBUTES, PARCELS) for codec in encodings
        )

    def open(self, path: Path, section: LayerSection) -> LayerSource:
        """See `Reader.open`."""
        if path.stat().st_size > MAX_TEXT_BYTES:
            msg = f"{path}: larger than {MAX_TEXT_BYTES} bytes; deliver it as GeoPackage"
            raise LayerError(msg)
        return LayerSource(path, section.layer or path.stem, None, sha256_file(path))

    def extent(self, source: LayerSource) -> None:
        """See `Reader.extent`."""
        del source

    def read(
        self, source: LayerSource, section: LayerSection, within: Bounds | None, notes: list[str]
    ) -> RawLayer:
        """See `Reader.read`; rows are the lines on which parcels begin."""
        del within
        text = decoded(
            source.path, source.path.read_bytes(), section.encoding, (ATTRIBUTES, PARCELS)
        )
        attributes, parcels = _parsed(text, str(source.path))
        if not parcels:
            msg = f"{source.path}: no parcel below {PARCELS}; it is empty or cut short"
            raise LayerError(msg)
        shapes = [_shape(parcel, section, str(source.path)) for parcel in parcels]
        crs = _system(attributes, parcels, section, source.path)
        _tell(attributes, notes)
        columns = {
            name: [parcel.fields[place].strip() or None for parcel in parcels]
            for place, name in enumerate(PARCEL_NAMES)
        }
        frame = gpd.GeoDataFrame(columns, geometry=shapes, crs=crs or None)
        lines = np.array([parcel.line for parcel in parcels])
        return RawLayer(frame, lines, crs, len(parcels))


def _parsed(text: str, name: str) -> tuple[dict[str, str], list[_Parcel]]:
    part = ""
    attributes: dict[str, str] = {}
    parcels: list[_Parcel] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip(" \t\0\ufeff　")
        if not line:
            continue
        place = f"{name}: line {number}"
        if line.startswith("["):
            part = line
        elif part == ATTRIBUTES:
            key, _, value = line.partition("=")
            attributes[key.strip()] = value.strip()
        elif part != PARCELS:
            msg = f"{place}: {line[:40]!r} stands before {PARCELS}"
            raise LayerError(msg)
        elif line.endswith(("@", "＠")):
            parcels.append(_Parcel(number, _header(line, place)))
        elif not parcels:
            msg = f"{place}: a corner before the line of its parcel (点数,面积,编号,名称,…,@)"
            raise LayerError(msg)
        else:
            parcels[-1].corners.append(_corner(line, number, place))
    return attributes, parcels


def _header(line: str, place: str) -> list[str]:
    fields = line[:-1].rstrip().removesuffix(",").split(",")
    if not _FEWEST_FIELDS <= len(fields) <= len(PARCEL_NAMES):
        msg = (
            f"{place}: {len(fields)} fields before @; {len(PARCEL_NAMES)} were expected "
            f"({', '.join(PARCEL_NAMES)}); a comma inside a name?"
        )
        raise LayerError(msg)
    fields += [""] * (len(PARCEL_NAMES) - len(fields))
    if fields[4].strip() not in _SURFACE:
        msg = f"{place}: field 图形属性: {fields[4]!r} found, 面 (a surface) was expected"
        raise LayerError(msg)
    return fields


def _corner(line: str, number: int, place: str) -> tuple[int, int, float, float]:
    parts = [part.strip() for part in unicodedata.normalize("NFKC", line).rstrip(",").split(",")]
    if len(parts) != _CORNER_FIELDS:
        msg = f"{place}: {line[:60]!r}; a corner J1,ring,X,Y was expected (cut short?)"
        raise LayerError(msg)
    values = []
    for column, part in zip(("ring", "X", "Y"), parts[1:], strict=True):
        if not re.fullmatch(r"[+-]?\d+(\.\d*)?", part):
            msg = f"{place}: column {column}: {part!r} is not a number"
            raise LayerError(msg)
        values.append(float(part))
    return number, int(values[0]), values[1], values[2]


def _shape(parcel: _Parcel, section: LayerSection, name: str) -> object:
    place = f"{name}: line {parcel.line} (parcel {parcel.fields[2].strip() or '?'})"
    if section.axis_order == "north_first":
        _refuse_swapped(parcel, name)
    order = [2, 1] if section.axis_order == "north_first" else [1, 2]
    table = np.array([corner[1:] for corner in parcel.corners], float).reshape(-1, 3)
    numbers = list(dict.fromkeys(table[:, 0].tolist()))
    listed = [table[table[:, 0] == one][:, order] for one in numbers]
    _check_count(parcel, listed, place)
    rings = [
        ring_of(ring, f"{place}, ring {int(number)}")
        for number, ring in zip(numbers, listed, strict=True)
    ]
    return assemble(rings, place)


def _check_count(parcel: _Parcel, listed: Sequence[np.ndarray], place: str) -> None:
    """Refuse a parcel that lacks corners; files count the corner that closes a ring or do not."""
    text = parcel.fields[0].strip()
    if not text.isdigit() or not listed:
        msg = f"{place}: field 点数: {text!r} with {len(parcel.corners)} corners below; a number was expected"
        raise LayerError(msg)
    found = len(parcel.corners)
    closed = sum(len(ring) > 1 and bool((ring[0] == ring[-1]).all()) for ring in listed)
    if not found - closed <= int(text) <= found + len(listed) - closed:
        msg = (
            f"{place}: field 点数 says {text} corners, {found} follow; the file is cut short or a corner "
            "was lost: fetch it again"
        )
        raise LayerError(msg)


def _refuse_swapped(parcel: _Parcel, name: str) -> None:
    for number, _, x, y in parcel.corners:
        swapped = zones.is_easting(x) and not zones.is_northing(x) and zones.is_northing(y)
        if swapped and not zones.is_easting(y):
            msg = (
                f"{name}: line {number}: X {x:.3f} is an easting and Y {y:.3f} a northing, X = north was "
                "expected; if the whole file is so, set axis_order: east_first of the layer in the "
                "job file (X、Y 疑似颠倒)"
            )
            raise LayerError(msg)


def _system(
    attributes: dict[str, str], parcels: Sequence[_Parcel], section: LayerSection, path: Path
) -> str:
    """Return the coordinate system that the file describes; empty where it does not."""
    name = attributes.get("坐标系", "")
    if not name:
        return ""
    try:
        datum = zones.datum_named(name)
        corners = [corner for parcel in parcels for corner in parcel.corners]
        place = 3 if section.axis_order == "north_first" else 2
        zone, prefixed = _zone(attributes, [(c[0], float(c[place])) for c in corners], path)
        if zone is None:
            degrees = attributes.get("计量单位", "") in {"度", "十进制度"}
            return zones.geographic_code(datum) if degrees else ""
        width = _number(attributes, "几度分带") or zones.zone_width(zone)
        return zones.zone_code(datum, width, zone, prefixed=prefixed)
    except GridError as error:
        msg = f"{path}: {ATTRIBUTES}: {error}"
        raise LayerError(msg) from error


def _zone(
    attributes: dict[str, str], eastings: list[tuple[int, float]], path: Path
) -> tuple[int | None, bool]:
    """Return the zone, and whether it stands before the eastings; both have to agree."""
    declared = _number(attributes, "带号")
    first = zones.zone_of(eastings[0][1])
    for line, easting in eastings:
        zone = zones.zone_of(easting)
        if zone != first or (zone is not None and declared not in {None, zone}):
            expected = declared if declared is not None else first
            msg = (
                f"{path}: line {line}: easting {easting:.3f} is of zone {zone or 'none'}, zone "
                f"{expected or 'none'} was expected (带号 {attributes.get('带号') or 'empty'}); correct "
                "带号 or the corner"
            )
            raise LayerError(msg)
    return (first, True) if first is not None else (declared, False)


def _number(attributes: dict[str, str], key: str) -> int | None:
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", attributes.get(key, "")))
    return int(digits) if digits else None


def _tell(attributes: dict[str, str], notes: list[str]) -> None:
    told = ("数据产生单位", "数据产生日期", "精度")
    notes.extend(f"{key} {attributes[key]}" for key in told if attributes.get(key))
    shift = [part for part in attributes.get("转换参数", "").split(",") if part.strip(" 0.")]
    if shift:
        notes.append("文件给出转换参数, 未采用; 需要时写入任务配置 datum_shift")
