"""Rows of an .xlsx workbook: counted before they are read, values only, no macro, no link followed."""

import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from changedetect.io.returned.confine import Refused
from changedetect.io.returned.plain import plain

_MEGA = 1 << 20
_PARTS_MAX = 5_000
_HEAD_ROWS = 30
_CELL = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_MODIFIED = "{http://purl.org/dc/terms/}modified"


def read_workbook(path: Path, caps: dict[str, Any]) -> dict[str, Any]:
    """Read all sheets; cells with a formula are named, their stored values are read.

    Parameters
    ----------
    path
        The workbook.
    caps
        rows, columns, text, unpacked_mb, ratio.
    """
    import openpyxl  # noqa: PLC0415 - after the check of the archive

    try:
        stamp = _check_archive(path, caps)
        book = openpyxl.load_workbook(
            path, read_only=True, data_only=True, keep_links=False, keep_vba=False
        )
        tables = [_sheet(sheet, path, caps) for sheet in book.worksheets]
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001 - damaged workbooks raise anything, also IndexError
        msg = f"{path.name}: it can not be read as a workbook ({type(error).__name__}: {str(error)[:120]}); save it again as .xlsx (文件损坏)"
        raise Refused(msg) from None
    hidden = [sheet.title for sheet in book.worksheets if sheet.sheet_state != "visible"]
    notes = [f"{path.name}: hidden sheets are read too: {', '.join(hidden)}"] if hidden else []
    return {"tables": tables, "stamp": stamp, "notes": notes}


def _check_archive(path: Path, caps: dict[str, Any]) -> str:
    """Refuse bombs and macros by the archive's own list; return when it was saved."""
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        total = sum(part.file_size for part in parts)
        if len(parts) > _PARTS_MAX or total > caps["unpacked_mb"] * _MEGA:
            msg = f"{path.name}: {len(parts)} parts, {total / _MEGA:.0f} MB unpacked; at most {_PARTS_MAX} and {caps['unpacked_mb']:g} MB were expected (压缩包过大)"
            raise Refused(msg)
        for part in parts:
            _check_part(part, path, caps)
        return _saved(archive)


def _check_part(part: zipfile.ZipInfo, path: Path, caps: dict[str, Any]) -> None:
    if part.file_size > _MEGA and part.file_size > caps["ratio"] * max(part.compress_size, 1):
        msg = f"{path.name}: {part.filename} unpacks to {part.file_size // max(part.compress_size, 1)} times its size; at most {caps['ratio']:g} were expected (疑似压缩炸弹)"
        raise Refused(msg)
    if part.filename.endswith("vbaProject.bin"):
        msg = f"{path.name}: it holds macros; save it as .xlsx without (含宏，拒收)"
        raise Refused(msg)


def _saved(archive: zipfile.ZipFile) -> str:
    if "docProps/core.xml" not in archive.namelist():
        return ""
    found = ET.fromstring(archive.read("docProps/core.xml")).find(_MODIFIED)  # noqa: S314 - limited process
    if found is None or not found.text:
        return ""
    when = datetime.fromisoformat(found.text.strip())
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def _sheet(sheet: Any, path: Path, caps: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - openpyxl has no types
    rows, columns, formulas = _extent(sheet, path, caps)
    lines = [
        [plain(value, caps, f"{path.name}: sheet {sheet.title}, row {number}") for value in line]
        for number, line in enumerate(
            sheet.iter_rows(max_row=rows, max_col=columns, values_only=True) if rows else (), 1
        )
    ]
    return table_of(sheet.title, lines, formulas)


def _extent(
    sheet: Any,  # noqa: ANN401 - as above
    path: Path,
    caps: dict[str, Any],
) -> tuple[int, int, set[tuple[int, int]]]:
    """Return the last row and column that hold a value, and the cells with a formula.

    What a sheet declares of its size is not believed, and formatted empty cells do not count.
    """
    last_row = last_column = 0
    formulas = set()
    with sheet._get_source() as source:  # noqa: SLF001 - the one way to a read-only sheet's XML
        for _, element in ET.iterparse(source):  # noqa: S314 - limited process
            if element.tag != f"{_MAIN}c":
                if element.tag == f"{_MAIN}row":
                    element.clear()
                continue
            if len(element) == 0:
                continue
            row, column = _position(element.get("r", ""), path, sheet.title)
            _check_extent(
                row, column, f"{path.name}: sheet {sheet.title}, cell {element.get('r')}", caps
            )
            last_row, last_column = max(last_row, row), max(last_column, column)
            if element.find(f"{_MAIN}f") is not None:
                formulas.add((row, column))
    return last_row, last_column, formulas


def _check_extent(row: int, column: int, where: str, caps: dict[str, Any]) -> None:
    if row > caps["rows"] + _HEAD_ROWS or column > caps["columns"]:
        msg = f"{where} is beyond row {caps['rows']} or column {caps['columns']}; delete what stands there (单元格超出范围)"
        raise Refused(msg)


def _position(name: str, path: Path, sheet: str) -> tuple[int, int]:
    match = _CELL.fullmatch(name)
    if match is None:
        msg = f"{path.name}: sheet {sheet}: a cell is called {name!r}; save the file again in Excel or WPS"
        raise Refused(msg)
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(match[2]), column


def table_of(name: str, lines: list[list[Any]], formulas: set[tuple[int, int]]) -> dict[str, Any]:
    """Find the header among the first lines and make rows of those below it.

    The header is the first line with a cell that names the case number; a table without any keeps
    its first line as header and is told apart later.
    """
    head = next(
        (
            place
            for place, line in enumerate(lines[:_HEAD_ROWS])
            if any(
                str(cell).strip().upper() in {"AJBH", "案件编号"}
                for cell in line
                if cell is not None
            )
        ),
        0,
    )
    header = [
        str(cell).strip() if cell is not None else "" for cell in (lines[head] if lines else [])
    ]
    names = [text if header.index(text) == place else "" for place, text in enumerate(header)]
    rows = []
    for number, line in enumerate(lines[head + 1 :], head + 2):
        cells = {key: value for key, value in zip(names, line, strict=False) if key}
        if any(value not in (None, "") for value in cells.values()):
            held = [
                key for place, key in enumerate(names, 1) if key and (number, place) in formulas
            ]
            rows.append([number, cells, None, held])
    return {
        "name": name,
        "columns": [text for text in names if text],
        "rows": rows,
        "crs": "",
        "changed": "",
    }
