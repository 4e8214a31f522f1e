"""Columns of a layer: found by declaration, name or alias; converted strictly; errors name the row.

Codes stay text. A code column that the file holds as numbers is restored where that can be done
without doubt: whole numbers below 2**53 become digits, and land classes, whose codes have two or
four digits, get back the zero that a number can not keep (101 -> 0101).
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime

import numpy as np
import pandas as pd

from changedetect.errors import LayerError
from changedetect.schema import ZONES, Column, TableSpec

ALIASES: Mapping[str, tuple[str, ...]] = {
    "parcel_id": ("BSM",),
    "record_id": ("BSM", "BH", "AJBH"),
    "zone_id": ("BSM", "HXBM"),
    "land_class": ("DLBM",),
    "settlement": ("CZCSXM",),
    "code": ("CDM", "XZDM", "XZQDM"),
    "doc_no": ("PZWH",),
    "agency": ("PZJG",),
    "approved_on": ("PZRQ",),
    "valid_to": ("YXQZ",),
    "project": ("XMMC",),
    "land_user": ("YDDW",),
    "area_m2": ("SPMJ",),
    "name": ("CMC", "XZMC", "XZQMC", "HXMC", "MC", "HXBM"),
    "kind": ("SPLX",),
}
"""Our column -> names that offices use, tried in order, any case; of village, town and county the
smallest, since a town's row also names its county."""

ALIASES_OF: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    ZONES.name: {"name": ("HXMC", "MC", "CMC", "XZMC", "XZQMC", "HXBM")},
}
"""Where a table's order differs: a zone's own name before the names of where it lies."""

_EXACT_INT = 2**53
_FIRST_YEAR, _LAST_YEAR = 1949, 2200
_UNLIMITED = frozenset({"长期", "长期有效", "永久", "永久有效", "无限期"})
_UNLIMITED_YEAR = 9999
"""Words and the year by which offices say that an approval never expires."""
_CONTROL = dict.fromkeys((*range(32), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")
_DATE_FORMS = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")


def find_column(
    wanted: str, spec: TableSpec, declared: Mapping[str, str], found: list[str], place: str
) -> str | None:
    """Return the file's column for one of ours, None if there is none.

    Parameters
    ----------
    wanted, spec
        Our column, and the table that it belongs to.
    declared
        Our column -> the file's, as the job file says.
    found
        Columns of the file.
    place
        File and layer, for messages.

    Raises
    ------
    LayerError
        A declared column is not in the file.
    """
    by_upper = {name.upper(): name for name in reversed(found)}
    if wanted in declared:
        column = by_upper.get(declared[wanted].upper())
        if column is None:
            msg = (
                f"{place}: field {declared[wanted]!r} (declared for {wanted}) is not there; "
                f"it has {', '.join(found) or 'no fields'}"
            )
            raise LayerError(msg)
        return column
    aliases = ALIASES_OF.get(spec.name, {}).get(wanted) or ALIASES.get(wanted, ())
    for name in (wanted, *aliases):
        if name.upper() in by_upper:
            return by_upper[name.upper()]
    return None


def convert(values: pd.Series, column: Column, place: str, notes: list[str]) -> list[object]:
    """Turn a column of the file into our kind; empty becomes None.

    Parameters
    ----------
    values
        As read.
    column
        What it shall be.
    place
        File, layer and field, for messages.
    notes
        What had to be restored is added.

    Raises
    ------
    LayerError
        A value that is not of this kind; its row (from 1) is named.
    """
    if column.name == "valid_to":
        return [_each(_last_day, value, row, place) for row, value in enumerate(values, start=1)]
    if column.kind == "date":
        return [_each(_date, value, row, place) for row, value in enumerate(values, start=1)]
    if column.kind == "float":
        return [_each(_float, value, row, place) for row, value in enumerate(values, start=1)]
    restore = _pad_land_class if column.name == "land_class" else str
    if pd.api.types.is_numeric_dtype(values) and len(values):
        notes.append(f"{place.rsplit(': ', 1)[-1]} 为数值型, 已还原为文本代码")
    texts = [_each(_text(restore), value, row, place) for row, value in enumerate(values, start=1)]
    return _printable(texts, place, notes)


def _printable(texts: list[object], place: str, notes: list[str]) -> list[object]:
    """Put blanks for control characters, which break tables and pages; the note counts them."""
    plain = [text.translate(_CONTROL) if isinstance(text, str) else text for text in texts]
    changed = sum(one != other for one, other in zip(texts, plain, strict=True))
    if changed:
        notes.append(f"{place.rsplit(': ', 1)[-1]} 有 {changed} 行含控制字符（换行等）, 已换为空格")
    return plain


def _each(parse: Callable[[object], object], value: object, row: int, place: str) -> object:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return None
    if isinstance(value, str) and not value.strip(" \t\r\n\0　"):
        return None
    try:
        return parse(value)
    except ValueError as error:
        msg = f"{place}: row {row}: {error}"
        raise LayerError(msg) from error


def _text(restore: Callable[[str], str]) -> Callable[[object], object]:
    def parse(value: object) -> str:
        if isinstance(value, str):
            return value.strip(" \t\r\n\0　")
        if isinstance(value, int | float | np.integer | np.floating):
            if not np.isfinite(value) or value != int(value) or abs(int(value)) >= _exact(value):
                msg = (
                    f"the code {value!r} was stored as a number that does not keep its digits; "
                    "deliver the field as text"
                )
                raise ValueError(msg)
            return restore(str(int(value)))
        msg = f"{value!r} of type {type(value).__name__} is no text"
        raise ValueError(msg)

    return parse


def _exact(value: object) -> int:
    return 2**63 if isinstance(value, int | np.integer) else _EXACT_INT


def _pad_land_class(digits: str) -> str:
    return digits if len(digits) % 2 == 0 else f"0{digits}"


def _date(value: object) -> date:
    if isinstance(value, datetime):  # includes pandas.Timestamp
        return _plausible(value.date(), value)
    if isinstance(value, date):
        return _plausible(value, value)
    if isinstance(value, float | np.floating) and value == int(value):
        value = int(value)
    text = str(value).strip()
    for form in _DATE_FORMS:
        try:
            parsed = datetime.strptime(text, form).date()  # noqa: DTZ007 - a calendar day
        except ValueError:
            continue
        return _plausible(parsed, value)
    msg = f"{value!r} is not a date; YYYY-MM-DD or YYYYMMDD was expected"
    raise ValueError(msg)


def _last_day(value: object) -> date | None:
    """Read the last day of validity; None where the office says that there is none."""
    if isinstance(value, str) and value.strip(" \t\r\n\0　") in _UNLIMITED:
        return None
    year = value.year if isinstance(value, date) else None
    text = str(int(value) if isinstance(value, float | np.floating) else value).strip()
    if year == _UNLIMITED_YEAR or text.startswith(str(_UNLIMITED_YEAR)):
        return None
    return _date(value)


def _plausible(day: date, value: object) -> date:
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        msg = f"{value!r} is a date outside {_FIRST_YEAR} to {_LAST_YEAR}; correct or empty it"
        raise ValueError(msg)
    return day


def _float(value: object) -> float:
    if not isinstance(value, str | int | float | np.integer | np.floating):
        msg = f"{value!r} of type {type(value).__name__} is not a number"
        raise ValueError(msg)  # noqa: TRY004 - one kind of error for a bad value
    try:
        number = float(value)
    except ValueError as error:
        msg = f"{value!r} is not a number"
        raise ValueError(msg) from error
    if not np.isfinite(number) or number < 0:
        msg = f"{value!r} is not an area; a finite number from 0 was expected"
        raise ValueError(msg)
    return number
