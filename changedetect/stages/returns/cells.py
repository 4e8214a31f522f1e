"""Cells as they come back -> one form of text: codes, ISO dates, plain numbers."""

import math
import re
import unicodedata
from datetime import date, datetime

from changedetect.casepackage import CODE_LISTS, Field
from changedetect.casepackage.returned import Cell

_FIRST_YEAR, _LAST_YEAR = 2000, 2100
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ].*)?|(\d{4})(\d{2})(\d{2})")
_CLOSING = frozenset({"90", "销号", "已销号", "结案销号", "申请销号"})
"""What people write where they hold a case for closed."""


def read_cell(field: Field, cell: Cell) -> str:
    """Read a cell as its column wants it.

    Parameters
    ----------
    field
        The column.
    cell
        As it stands in the table.

    Returns
    -------
    str
        Code, ISO date, number or text; empty = nothing was written.

    Raises
    ------
    ValueError
        It is none of the codes, no date, no number; the message tells what was expected.

    Examples
    --------
    >>> read_cell(Field("HCJG", "核查结果", codes="RDJG"), "合法")
    '1'
    >>> read_cell(Field("HCRQ", "核查日期", "date"), "2025年7月3日")
    '2025-07-03'
    """
    text = plain_text(cell)
    if not text:
        return ""
    if field.codes:
        return _code(field, text)
    if field.kind == "date":
        return _day(text)
    if field.kind in {"float", "int"}:
        return _number(field, text)
    return text


def plain_text(cell: Cell) -> str:
    """Return a cell as text; whole numbers lose the ``.0`` that spreadsheets add."""
    if cell is None:
        return ""
    if isinstance(cell, float) and math.isfinite(cell) and cell == int(cell):
        return str(int(cell))
    return str(cell).strip(" \t\r\n　")


def is_closing(text: str) -> bool:
    """Tell whether a text says that the case is closed (a claim, never more)."""
    return text in _CLOSING or text.replace(" ", "") in {"90销号", "90-销号"}


def _code(field: Field, text: str) -> str:
    items = CODE_LISTS[field.codes].items
    bare = unicodedata.normalize("NFKC", text).replace(" ", "").upper()
    plain = {unicodedata.normalize("NFKC", code).upper(): code for code in items}
    named = {
        unicodedata.normalize("NFKC", name).replace(" ", "").upper(): code
        for code, name in items.items()
    }
    both = {
        f"{code}{mark}{name}": plain[code]
        for code in plain
        for name in (_bare(items[plain[code]]),)
        for mark in ("", "-", ":", ".")
    }
    padded = {f"0{bare}", bare} & set(plain) if bare.isdigit() else set()
    for known in (plain, named, both):
        if bare in known:
            return known[bare]
    if len(padded) == 1:
        return plain[padded.pop()]
    short = {name.partition("(")[0]: code for name, code in named.items()}
    if bare in short:
        return short[bare]
    some = ", ".join(f"{code} {name}" for code, name in list(items.items())[:6])
    msg = f"{text!r} is no code of {field.codes}; {some}{' …' if len(items) > 6 else ''} were expected (代码无效)"  # noqa: PLR2004 - shown
    raise ValueError(msg)


def _bare(name: str) -> str:
    return unicodedata.normalize("NFKC", name).replace(" ", "").upper()


def _day(text: str) -> str:
    match = _DATE.fullmatch(text)
    parts = [int(part) for part in match.groups() if part] if match else []
    try:
        day = date(*parts)
    except (TypeError, ValueError):
        day = None
    if day is None or not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        msg = f"{text!r} is no date; YYYY-MM-DD from {_FIRST_YEAR} to {_LAST_YEAR} was expected (日期无效)"
        raise ValueError(msg)
    return day.isoformat()


def _number(field: Field, text: str) -> str:
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        msg = f"{text!r} is no number (数值无效)"
        raise ValueError(msg)
    if number < 0 and not field.name.endswith(("JD", "WD")):
        msg = f"{text!r} is less than nothing; a number from 0 was expected (不得为负)"
        raise ValueError(msg)
    if field.kind == "int":
        if number != int(number):
            msg = f"{text!r} is no whole number"
            raise ValueError(msg)
        return str(int(number))
    rounded = round(number, field.decimals if field.decimals is not None else 6)
    return f"{rounded:.{field.decimals if field.decimals is not None else 6}f}".rstrip("0").rstrip(
        "."
    )


def utc_stamp(text: str) -> str:
    """Bring a time that a file tells to one form that sorts; '' for none or nonsense.

    Examples
    --------
    >>> utc_stamp("2025-07-03T08:00:00.000Z"), utc_stamp("2025-07-03")
    ('2025-07-03T08:00:00', '2025-07-03T00:00:00')
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return when.replace(tzinfo=None, microsecond=0).isoformat()
