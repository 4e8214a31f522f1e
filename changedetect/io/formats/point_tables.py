"""Excel sheets and CSV files that list the corners of polygons, a row a corner."""

import csv
import io
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
from shapely.geometry.base import BaseGeometry

from changedetect.config.job import LayerSection
from changedetect.errors import LayerError
from changedetect.io import china_zones as zones
from changedetect.io.digest import sha256_file
from changedetect.io.formats.archive import check_archive
from changedetect.io.formats.reader import Bounds, LayerSource, RawLayer, chosen_layer
from changedetect.io.formats.rings import assemble, ring_of
from changedetect.io.formats.text_encoding import decoded
from changedetect.io.layer_values import plain

if TYPE_CHECKING:
    from openpyxl import Workbook

ALIASES: dict[str, tuple[str, ...]] = {
    "north": ("X", "X坐标", "X(北)", "北坐标", "纵坐标", "纵坐标X", "X坐标(北)", "NORTH", "NORTHING"),
    "east": ("Y", "Y坐标", "Y(东)", "东坐标", "横坐标", "横坐标Y", "Y坐标(东)", "EAST", "EASTING"),
    "lon": ("经度", "LON", "LNG", "LONGITUDE", "JD", "B经度"),
    "lat": ("纬度", "LAT", "LATITUDE", "WD"),
    "parcel": (
        "地块编号", "地块号", "DKBH", "图斑编号", "TBBH", "宗地号", "宗地代码", "BSM", "BH", "编号", "项目编号", "ID",
    ),
    "ring": ("圈号", "环号", "地块圈号", "QH", "RING"),
    "corner": ("点号", "界址点号", "JZDH", "DH", "序号", "POINT"),
}  # fmt: skip
"""What a column of corners is called, any case and width, blanks aside."""

MAX_ROWS = 5_000_000
_HEADER_ROWS = 10
"""A title may stand above the names of the columns, in this many rows."""


class PointTableReader:
    """Corners in Excel (.xlsx) or CSV."""

    title = "Excel (.xlsx) or CSV with coordinates"

    def fits(self, path: Path, start: bytes) -> bool | None:
        """See `Reader.fits`."""
        suffix = path.suffix.lower()
        if suffix in {".xlsx", ".xlsm"}:
            return start.startswith(b"PK\x03\x04")
        if suffix != ".csv":
            return None
        return b"\0" not in start or start.startswith((b"\xff\xfe", b"\xfe\xff"))

    def open(self, path: Path, section: LayerSection) -> LayerSource:
        """See `Reader.open`; a sheet is a layer."""
        found = [path.stem] if path.suffix.lower() == ".csv" else _sheet_names(path)
        return LayerSource(path, chosen_layer(path, found, section.layer), None, sha256_file(path))

    def extent(self, source: LayerSource) -> None:
        """See `Reader.extent`."""
        del source

    def read(
        self, source: LayerSource, section: LayerSection, within: Bounds | None, notes: list[str]
    ) -> RawLayer:
        """See `Reader.read`; rows are those of the sheet on which polygons begin."""
        del within
        table = _Table.of(_lines(source, section), section, source.place)
        groups = table.groups()
        shapes = [table.shape(group, section) for group in groups]
        columns = {name: [table.value(group, name) for group in groups] for name in table.others}
        frame = gpd.GeoDataFrame(columns, geometry=shapes)
        notes.append(f"由 {len(table.rows)} 个界址点生成 {len(groups)} 个面")
        rows = np.array([group[0][0] for group in groups], np.int64)
        return RawLayer(frame, rows, "", len(groups))


Line = tuple[int, Sequence[Any]]


class _Table:
    """The corners of a sheet: where its columns are, and its rows."""

    __slots__ = ("columns", "names", "others", "place", "rows")

    def __init__(
        self, names: list[str], columns: dict[str, int], rows: list[Line], place: str
    ) -> None:
        self.names, self.columns, self.rows, self.place = names, columns, rows, place
        corners = {columns[key] for key in columns if key != "parcel"}
        self.others = [name for k, name in enumerate(names) if name and k not in corners]

    @classmethod
    def of(cls, lines: Iterator[Line], section: LayerSection, place: str) -> "_Table":
        """Find the row of column names and keep what follows.

        Raises
        ------
        LayerError
            No row names coordinates, or too many rows.
        """
        seen: list[str] = []
        for _ in range(_HEADER_ROWS):
            number, cells = next(lines, (0, ()))
            names = [str(cell).strip() if cell is not None else "" for cell in cells]
            columns = _columns(names, section)
            if {"north", "east"} <= set(columns) or {"lon", "lat"} <= set(columns):
                break
            seen += [f"row {number}: {', '.join(filter(None, names))[:80]}"] if number else []
        else:
            msg = (
                f"{place}: no columns of coordinates (X and Y, or 经度 and 纬度) in its first rows "
                f"({'; '.join(seen) or 'it is empty'}); name them under fields: north, east, parcel, ring"
            )
            raise LayerError(msg)
        rows = []
        for number, cells in lines:
            if any(cell not in {None, ""} for cell in cells):
                rows.append((number, cells))
            if len(rows) > MAX_ROWS:
                msg = f"{place}: more than {MAX_ROWS} rows; deliver it as GeoPackage"
                raise LayerError(msg)
        if not rows:
            msg = f"{place}: no corner below its column names; it is empty or cut short"
            raise LayerError(msg)
        if "parcel" not in columns:
            msg = (
                f"{place}: no column tells which polygon a corner belongs to; it has "
                f"{', '.join(filter(None, names))}; name it under fields: parcel of the layer in the job file"
            )
            raise LayerError(msg)
        return cls(names, columns, rows, place)

    def groups(self) -> list[list[Line]]:
        """Return the rows of each polygon, in order of their first row; an empty cell is as above."""
        found: dict[str, list[Line]] = {}
        last = ""
        for row in self.rows:
            text = _word(_cell(row[1], self.columns["parcel"]))
            last = text or last
            if not last:
                msg = f"{self.place}: row {row[0]}: column {self.names[self.columns['parcel']]} is empty"
                raise LayerError(msg)
            found.setdefault(last, []).append(row)
        return list(found.values())

    def value(self, group: list[Line], name: str) -> object:
        """Return what the rows of a polygon say in a column; they must not contradict one another."""
        place = self.names.index(name)
        first = None
        for number, cells in group:
            value = _cell(cells, place)
            if value in {None, ""}:
                continue
            if first is not None and value != first:
                msg = (
                    f"{self.place}: row {number}: column {name}: {value!r}, but {first!r} in an earlier "
                    "row of the same polygon"
                )
                raise LayerError(msg)
            first = value
        return _word(first) if place == self.columns["parcel"] else _tidy(first)

    def shape(self, group: list[Line], section: LayerSection) -> BaseGeometry:
        """Make the polygon of a group of corners."""
        keys = ("east", "north") if "north" in self.columns else ("lon", "lat")
        points = np.array([[self._number(row, key) for key in keys] for row in group])
        if keys[0] == "east":
            points = self._ordered(points, group, section)
        ring = self.columns.get("ring")
        numbers = [_word(_cell(row[1], ring)) if ring is not None else "1" for row in group]
        name = _word(_cell(group[0][1], self.columns["parcel"]))
        place = f"{self.place}: row {group[0][0]} (polygon {name})"
        rings = [
            ring_of(points[[n == one for n in numbers]], f"{place}, ring {one or 1}")
            for one in dict.fromkeys(numbers)
        ]
        return assemble(rings, place)

    def _ordered(self, points: np.ndarray, group: list[Line], section: LayerSection) -> np.ndarray:
        if section.axis_order == "east_first":
            return points[:, ::-1]
        for (east, north), (number, _) in zip(points, group, strict=True):
            if zones.is_northing(east) and not zones.is_easting(east) and zones.is_easting(north):
                msg = (
                    f"{self.place}: row {number}: X {north:.3f} is an easting and Y {east:.3f} a northing, "
                    "X = north was expected; if the whole table is so, set axis_order: east_first of "
                    "the layer in the job file (X、Y 疑似颠倒)"
                )
                raise LayerError(msg)
        return points

    def _number(self, row: Line, key: str) -> float:
        value = _cell(row[1], self.columns[key])
        try:
            return float(unicodedata.normalize("NFKC", str(value)))
        except ValueError as error:
            name = self.names[self.columns[key]]
            msg = f"{self.place}: row {row[0]}: column {name}: {value!r} is not a coordinate"
            raise LayerError(msg) from error


def _columns(names: list[str], section: LayerSection) -> dict[str, int]:
    places = {plain(name): place for place, name in reversed(list(enumerate(names))) if name}
    found = {}
    for key, aliases in ALIASES.items():
        for alias in (section.fields[key],) if key in section.fields else aliases:
            if plain(alias) in places:
                found[key] = places[plain(alias)]
                break
    return found


def _cell(cells: Sequence[Any], place: int) -> object:
    return cells[place] if place < len(cells) else None


def _word(value: object) -> str:
    """Return a cell as text; whole numbers lose the ``.0`` that sheets give them."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _tidy(value: object) -> object:
    """Return a cell as our conversions understand it."""
    if isinstance(value, datetime | date | str | int | float) or value is None:
        return value
    return str(value)


def _lines(source: LayerSource, section: LayerSection) -> Iterator[Line]:
    if source.path.suffix.lower() != ".csv":
        return _sheet_lines(source)
    words = tuple(alias for aliases in ALIASES.values() for alias in aliases)
    text = decoded(source.path, source.path.read_bytes(), section.encoding, words)
    return _csv_lines(text, source.path)


def _csv_lines(text: str, path: Path) -> Iterator[Line]:
    head = text[: text.find("\n")] if "\n" in text else text
    delimiter = max(",\t;", key=head.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        msg = f"{path}: line {reader.line_num}: {error}; the file is damaged or cut short"
        raise LayerError(msg) from error


def _workbook(path: Path) -> "Workbook":
    import openpyxl  # noqa: PLC0415 - slow to load, and few layers are workbooks

    check_archive(path)
    try:
        return openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (
        openpyxl.utils.exceptions.InvalidFileException,
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        OSError,
    ) as error:
        msg = f"{path}: no readable workbook ({error}); it is damaged or cut short: fetch it again"
        raise LayerError(msg) from error


def _sheet_names(path: Path) -> list[str]:
    book = _workbook(path)
    names = [sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible"]
    book.close()
    return names


def _sheet_lines(source: LayerSource) -> Iterator[Line]:
    book = _workbook(source.path)
    try:
        yield from enumerate(book[source.layer].iter_rows(values_only=True), start=1)
    finally:
        book.close()
