"""Write a workbook so that text stays text: no formula, no link, no silent cut, same bytes."""

import re
import zipfile
from collections.abc import Mapping
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import xlsxwriter
from PIL import Image

from changedetect.casepackage import Column, Sheet, WorkbookContent
from changedetect.errors import IntegrityError, LayerError

CELL_LIMIT = 32_767
"""Characters that a cell of a workbook holds; spreadsheets cut the rest without a word."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0d\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_SHEETS = "xl/worksheets/sheet"
_LISTS_SHEET = "_代码"
_BASE = {"font_name": "Microsoft YaHei", "font_size": 10, "valign": "vcenter"}
_TONES: dict[str, dict[str, Any]] = {
    "red": {"bg_color": "#FCE4E4"},
    "amber": {"bg_color": "#FFF3D6"},
    "green": {"bg_color": "#E6F4EA"},
    "grey": {"bg_color": "#F1F2F4"},
    "total": {"bg_color": "#E8EEF7", "bold": True},
    "": {},
}
_HEAD = {
    "bold": True,
    "bg_color": "#1F4E79",
    "font_color": "#FFFFFF",
    "text_wrap": True,
    "border": 1,
}
_EDGE = {"border": 1, "border_color": "#C9CED6"}
_TITLE = {"bold": True, "font_size": 14}
_NOTE = {"font_color": "#9C2B2B"}
_A3, _PAGE_CHARACTERS, _WIDE_PERCENT = 8, 320, 70
"""Paper; a sheet up to this wide is shrunk to a page, a wider one runs over several at 70%."""

_HEAD_HEIGHT_PT, _TITLE_HEIGHT_PT, _PX_PER_CHARACTER = 32, 24, 7.0


def write_workbook(
    path: Path, content: WorkbookContent, pictures: Mapping[str, bytes] | None = None
) -> None:
    """Write a workbook.

    Parameters
    ----------
    path
        File to write.
    content
        Sheets, rows and code lists.
    pictures
        Relative path -> JPEG or PNG bytes, for picture cells; a path without bytes stays text.

    Raises
    ------
    LayerError
        A text is longer than a cell holds, or has control characters; the message names sheet,
        row and column. Nothing is cut or dropped.
    """
    check_cells(content)
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "in_memory": True,
    }
    book = xlsxwriter.Workbook(str(path), options)
    created = content.created.replace(tzinfo=None)
    book.set_properties({"title": content.title, "created": created})
    formats: dict[str, Any] = {}
    for sheet in content.sheets:
        _write_sheet(_Book(book, formats, content), sheet, pictures or {})
    _write_lists(book, content)
    book.close()


def verify_workbook(path: Path, content: WorkbookContent) -> None:
    """Open a written workbook again: whole, and with every sheet.

    Raises
    ------
    IntegrityError
        The file is damaged or lacks sheets; it must not be published.
    """
    fault = ""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            sheets = sum(name.startswith(_SHEETS) for name in archive.namelist())
    except (OSError, zipfile.BadZipFile) as error:
        damaged, sheets, fault = None, 0, f"can not be opened ({error})"
    expected = len(content.sheets) + 1
    if damaged:
        fault = f"part {damaged} is damaged"
    elif not fault and sheets != expected:
        fault = f"has {sheets} sheets, {expected} were written"
    if fault:
        msg = f"workbook {path.name} {fault}; is the disk full? it was not published"
        raise IntegrityError(msg)


def check_cells(content: WorkbookContent) -> None:
    """Refuse text that a cell can not hold.

    Raises
    ------
    LayerError
        Names sheet, row (counted from 1 below the header) and column.
    """
    for sheet in content.sheets:
        for number, row in enumerate(sheet.rows, 1):
            for column, value in zip(sheet.columns, row, strict=True):
                fault = _fault(value)
                if fault:
                    msg = (
                        f"workbook {content.file_name}, sheet {sheet.name}, row {number}, column "
                        f"{column.header}: {fault}; shorten or clean the text at its source "
                        "(单元格放不下或含控制字符)"
                    )
                    raise LayerError(msg)


def _fault(value: object) -> str:
    if not isinstance(value, str):
        return ""
    if len(value) > CELL_LIMIT:
        return f"text has {len(value)} characters, a cell holds {CELL_LIMIT}"
    found = _CONTROL.search(value)
    return f"text holds control character {found.group()!a}" if found else ""


class _Book:
    """The open workbook with its formats, made once each."""

    __slots__ = ("_cells", "_formats", "book", "content")

    def __init__(self, book: Any, formats: dict[str, Any], content: WorkbookContent) -> None:  # noqa: ANN401
        self.book = book
        self.content = content
        self._formats = formats
        self._cells: dict[tuple[bool, bool, str, str], Any] = {}

    def cell(self, column: Column, tone: str, number_form: str = "") -> Any:  # noqa: ANN401 - xlsxwriter has no types
        """Return the format of a cell; without a number's form, that of an empty one."""
        key = column.wrap, bool(column.codes), tone, number_form  # all that it depends on
        if key not in self._cells:
            look: dict[str, Any] = {**_EDGE, **_TONES[tone]}
            if column.wrap:
                look["text_wrap"] = True
            if column.codes:
                look["align"] = "center"
            if number_form:
                look["num_format"] = number_form
            self._cells[key] = self.look(**look)
        return self._cells[key]

    def look(self, **properties: object) -> Any:  # noqa: ANN401 - xlsxwriter has no types
        """Return the format with these properties."""
        key = repr(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self.book.add_format({**_BASE, **properties})
        return self._formats[key]

    def range_of(self, codes: str) -> str:
        """Return the cells that hold a code list, for a drop-down."""
        column = xlsxwriter.utility.xl_col_to_name(list(self.content.lists).index(codes))
        return f"={_LISTS_SHEET}!${column}$2:${column}${len(self.content.lists[codes]) + 1}"


def _write_sheet(book: _Book, sheet: Sheet, pictures: Mapping[str, bytes]) -> None:
    page = book.book.add_worksheet(sheet.name)
    page.write_string(0, 0, sheet.title, book.look(**_TITLE))
    page.set_row(0, _TITLE_HEIGHT_PT)
    for number, note in enumerate(sheet.notes, 1):
        page.write_string(number, 0, note, book.look(**_NOTE))
    head = len(sheet.notes) + 1
    for index, column in enumerate(sheet.columns):
        page.set_column(index, index, column.width)
        page.write_string(head, index, column.header, book.look(**_HEAD))
    page.set_row(head, _HEAD_HEIGHT_PT)
    page.freeze_panes(head + 1, sheet.frozen_columns)
    for number, row in enumerate(sheet.rows):
        tone = sheet.tones[number] if sheet.tones else ""
        if sheet.picture_height_px:
            page.set_row_pixels(head + 1 + number, sheet.picture_height_px)
        for index, (column, value) in enumerate(zip(sheet.columns, row, strict=True)):
            place = (page, head + 1 + number, index)
            if column.kind == "picture" and isinstance(value, str) and value in pictures:
                _write_picture(place, column, sheet.picture_height_px, pictures[value])
                page.write_blank(place[1], index, None, book.look(**_EDGE, **_TONES[tone]))
            else:
                _write_cell(book, place, column, value, tone)
    _finish(book, page, sheet, head)


def _write_cell(
    book: _Book, place: tuple[Any, int, int], column: Column, value: object, tone: str
) -> None:
    page, row, index = place
    if value is None:
        page.write_blank(row, index, None, book.cell(column, tone))
    elif isinstance(value, str):
        page.write_string(row, index, value, book.cell(column, tone, "@"))
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - cells have no zone
        page.write_datetime(row, index, moment, book.cell(column, tone, "yyyy-mm-dd"))
    else:
        decimals = "." + "0" * column.decimals if column.kind == "float" and column.decimals else ""
        page.write_number(row, index, value, book.cell(column, tone, f"0{decimals}"))


def _write_picture(
    place: tuple[Any, int, int], column: Column, height_px: int, data: bytes
) -> None:
    """Put a picture over its cell, scaled to fit; floating pictures are what WPS shows, too."""
    page, row, index = place
    with Image.open(BytesIO(data)) as image:
        width, height = image.size
    scale = min((height_px - 4) / height, (column.width * _PX_PER_CHARACTER) / width)
    page.insert_image(
        row,
        index,
        "chip.jpg",
        {
            "image_data": BytesIO(data),
            "x_scale": scale,
            "y_scale": scale,
            "x_offset": 3,
            "y_offset": 2,
            "object_position": 1,
        },
    )


def _finish(book: _Book, page: Any, sheet: Sheet, head: int) -> None:  # noqa: ANN401
    """Add filter, drop-downs and print settings."""
    last = head + max(len(sheet.rows), 1)
    page.autofilter(head, 0, last, len(sheet.columns) - 1)
    for index, column in enumerate(sheet.columns):
        if column.codes in book.content.lists and sheet.rows:
            page.data_validation(
                head + 1,
                index,
                last,
                index,
                {
                    "validate": "list",
                    "source": book.range_of(column.codes),
                    "error_type": "warning",
                    "error_title": "代码",
                    "error_message": "请从代码表中选择",
                },
            )
    page.set_landscape()
    page.set_paper(_A3)
    page.repeat_rows(head)
    page.set_footer(f"&L&10&F　&A&C&10{book.content.footer}&R&10&P / &N")
    if sum(column.width for column in sheet.columns) <= _PAGE_CHARACTERS:
        page.fit_to_pages(1, 0)
    else:
        page.set_print_scale(_WIDE_PERCENT)
        page.repeat_columns(0, sheet.frozen_columns)


def _write_lists(book: Any, content: WorkbookContent) -> None:  # noqa: ANN401
    """Write the code lists on a hidden sheet, one a column, as text; drop-downs point here."""
    page = book.add_worksheet(_LISTS_SHEET)
    text = book.add_format({"num_format": "@"})
    for index, (name, items) in enumerate(content.lists.items()):
        page.write_string(0, index, name, text)
        for row, code in enumerate(items, 1):
            page.write_string(row, index, code, text)
    page.hide()
