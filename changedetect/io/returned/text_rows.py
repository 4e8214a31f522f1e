"""Rows of a CSV file in UTF-8 (with or without mark), UTF-16 or GB 18030, strictly decoded."""

import csv
import io
from pathlib import Path
from typing import Any

from changedetect.io.returned.confine import Refused
from changedetect.io.returned.plain import plain
from changedetect.io.returned.workbook_rows import table_of

_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def read_text_table(path: Path, caps: dict[str, Any]) -> dict[str, Any]:
    """Read a CSV file; an apostrophe that keeps a cell text in spreadsheets is taken off."""
    data = path.read_bytes()
    text = _decoded(data, path)
    csv.field_size_limit(caps["text"])
    delimiter = "\t" if text[:4096].count("\t") > text[:4096].count(",") else ","
    lines: list[list[Any]] = []
    try:
        for line in csv.reader(io.StringIO(text), delimiter=delimiter):
            if len(lines) > caps["rows"] or len(line) > caps["columns"]:
                msg = f"{path.name}: more than {caps['rows']} rows or {caps['columns']} columns"
                raise Refused(msg)
            where = f"{path.name}: row {len(lines) + 1}"
            lines.append([plain(_bare(cell), caps, where) for cell in line])
    except csv.Error as error:
        msg = f"{path.name}: row {len(lines) + 1} can not be read ({error})"
        raise Refused(msg) from None
    return {"tables": [table_of(path.stem, lines, set())], "stamp": "", "notes": []}


def _decoded(data: bytes, path: Path) -> str:
    marked = next((codec for mark, codec in _MARKS.items() if data.startswith(mark)), None)
    for codec in (marked,) if marked else ("utf-8", "gb18030"):
        try:
            return data.decode(codec)
        except UnicodeDecodeError:
            continue
    msg = f"{path.name}: neither UTF-8 nor GB 18030; save it as CSV UTF-8 (编码无法识别)"
    raise Refused(msg)


def _bare(cell: str) -> str | None:
    text = cell.strip()
    return (text.removeprefix("'")) or None
