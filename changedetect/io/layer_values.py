"""Columns of a layer: found by declaration, name or alias; converted strictly; errors name the row.

Names that the national database standard gives are known here; what offices call them besides
stands in the forms of records (``configs/records``).

Codes stay text. A code column that the file holds as numbers is restored where that can be done
without doubt: whole numbers below 2**53 become digits, and land classes, whose codes have two or
four digits, get back the zero that a number can not keep (101 -> 0101).
"""

import unicodedata
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from changedetect import measure
from changedetect.config.job import LayerSection
from changedetect.config.record_forms import ColumnForm, RecordForm
from changedetect.errors import LayerError
from changedetect.io.layer_dates import calendar_day, last_day
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
_M2 = {"m2": 1.0, "ha": 10_000.0, "mu": measure.M2_PER_MU}
_CONTROL = dict.fromkeys((*range(32), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")


def plain(name: str) -> str:
    """Return the name of a column without what does not matter: case, width, blanks.

    Examples
    --------
    >>> plain("PZWH "), plain("面积（公顷）")
    ('pzwh', '面积(公顷)')
    """
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def find_column(
    wanted: str, spec: TableSpec, declared: Mapping[str, str], found: list[str], place: str
) -> str | None:
    """Return the file's column for one of ours by declaration, our name or the standard's.

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

    Returns
    -------
    str or None
        None where there is no such column.

    Raises
    ------
    LayerError
        A declared column is not in the file.
    """
    by_name = {plain(name): name for name in reversed(found)}
    if wanted in declared:
        column = by_name.get(plain(declared[wanted]))
        if column is None:
            msg = (
                f"{place}: field {declared[wanted]!r} (declared for {wanted}) is not there; "
                f"it has {', '.join(found) or 'no fields'}"
            )
            raise LayerError(msg)
        return column
    aliases = ALIASES_OF.get(spec.name, {}).get(wanted) or ALIASES.get(wanted, ())
    return first_of((wanted, *aliases), found)


def first_of(names: tuple[str, ...], found: list[str]) -> str | None:
    """Return the first of some names that a file has, as the file spells it."""
    by_name = {plain(name): name for name in reversed(found)}
    return next((by_name[plain(name)] for name in names if plain(name) in by_name), None)


def convert(
    values: pd.Series,
    column: Column,
    place: str,
    notes: list[str],
    *,
    rows: np.ndarray,
    form: ColumnForm | None = None,
) -> list[object]:
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
    rows
        ``(row,)`` where each value stands in the file.
    form
        Words of the file that stand for our codes.

    Raises
    ------
    LayerError
        A value that is not of this kind; its row (from 1) is named.
    """
    parse: Callable[[object], object]
    if column.name == "valid_to":
        parse = last_day
    elif column.kind == "date":
        parse = calendar_day
    elif column.kind == "float":
        parse = _float
    else:
        return _texts(values, column, place, notes, rows=rows, form=form)
    return _all(parse, values, rows, place)


def _texts(
    values: pd.Series,
    column: Column,
    place: str,
    notes: list[str],
    *,
    rows: np.ndarray,
    form: ColumnForm | None,
) -> list[object]:
    restore = _pad_land_class if column.name == "land_class" else str
    if pd.api.types.is_numeric_dtype(values) and values.notna().any():
        notes.append(f"{place.rsplit(': ', 1)[-1]} 为数值型, 已还原为文本代码")
    texts = _printable(_all(_text(restore), values, rows, place), place, notes)
    if form is None or not form.values:
        return texts
    known = {plain(word): code for word, code in form.values.items()}
    return [known.get(plain(text), text) if isinstance(text, str) else text for text in texts]


def square_metres(label: str, section: LayerSection, form: RecordForm | None) -> float:
    """Return how many square metres one unit of a column of areas is.

    Parameters
    ----------
    label
        The file's name of the column.
    section, form
        The job file's word comes before the form's; else square metres.
    """
    units = form.columns.get("area_m2", ColumnForm()).units if form is not None else {}
    by_name = {plain(name): unit for name, unit in units.items()}
    return _M2[section.area_unit or by_name.get(plain(label), "m2")]


def _printable(texts: list[object], place: str, notes: list[str]) -> list[object]:
    """Put blanks for control characters, which break tables and pages; the note counts them."""
    plain = [text.translate(_CONTROL) if isinstance(text, str) else text for text in texts]
    changed = sum(one != other for one, other in zip(texts, plain, strict=True))
    if changed:
        notes.append(f"{place.rsplit(': ', 1)[-1]} 有 {changed} 行含控制字符（换行等）, 已换为空格")
    return plain


def _all(
    parse: Callable[[object], object], values: pd.Series, rows: np.ndarray, place: str
) -> list[object]:
    told = values.to_numpy(object)  # a column of Arrow gives its values one by one
    return [_each(parse, v, row, place) for v, row in zip(told, rows.tolist(), strict=True)]


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
