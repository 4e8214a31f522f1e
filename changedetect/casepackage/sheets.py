"""What a workbook holds, as values: sheets, columns, rows. How it is written is not told here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

CellKind = Literal["text", "int", "float", "date", "picture"]
Value = str | int | float | date | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: header, kind, width in characters, decimals, list of allowed codes.

    ``codes`` names a list of `WorkbookContent.lists`; its codes become a drop-down, as text.
    """

    header: str
    kind: CellKind = "text"
    width: float = 12
    decimals: int = 0
    codes: str = ""
    wrap: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: title line, note lines under it, header, rows.

    ``tones`` holds a tone per row: ``""``, ``red``, ``amber``, ``green``, ``grey`` or ``total``. A picture cell holds
    the picture's relative path.
    """

    name: str
    title: str
    notes: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    tones: tuple[str, ...] = ()
    frozen_columns: int = 0
    picture_height_px: int = 0


@dataclass(frozen=True, slots=True)
class WorkbookContent:
    """A whole workbook: file name, title, creation time (fixed), sheets, code lists.

    ``footer`` is printed under every page of every sheet.
    """

    file_name: str
    title: str
    created: datetime
    sheets: tuple[Sheet, ...]
    lists: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    footer: str = ""
