"""Tables as they come back -> rows of the package's own layers, and what is wrong with others."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from changedetect.casepackage import FORMS, Field, LayerForm
from changedetect.casepackage.returned import READ_FORMS, Cell, RawRow, RawTable, ReturnedFile
from changedetect.stages.returns.cells import is_closing, plain_text, read_cell, utc_stamp
from changedetect.stages.returns.numbers import read_number

KEY = "AJBH"
EXTRA = "附加:"
"""Columns that the county added are kept under their own name behind this."""

_FORMS: dict[str, LayerForm] = {name: form for name, form in FORMS.items() if name in READ_FORMS}
_SPOKEN = {"台账": "AJTB", "审批套合": "SPTH"}
"""Sheets of our workbook -> layer."""
_CLOSING_FIELDS = frozenset({"AJZT", "HCJG", "RDJG", "FCJG"})
_DAYS = ("HCRQ", "RQ")
_OURS = frozenset({"YCBZ", "JLDW"})
"""Columns of county layers that the program fills; what stands there is not read."""
VERDICTS = ("RDJG", "RDEJ")
"""Columns of the case list that a county may fill: the result, instead of HCJG, and its kind."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands: file, layer or sheet, row (0 = the whole table), column."""

    file: str
    table: str = ""
    row: int = 0
    column: str = ""

    def __str__(self) -> str:
        parts = [self.file, self.table, f"row {self.row}" if self.row else "", self.column]
        return " / ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong, where, and about which case ('' = none can be told)."""

    place: Place
    case: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can be used.

    Attributes
    ----------
    form
        Layer of the package.
    case
        Proven case number.
    values
        Column -> text as `read_cell` gives it, only for columns that the table has.
    closing
        The row says somewhere that the case is closed.
    shape, crs
        Outline as WKB, and its coordinate system.
    place, digest
        Where it stands, and the file's digest.
    mended
        The case number as it was written, where its check letter proved which one was meant.
    """

    form: str
    case: str
    values: Mapping[str, str]
    closing: bool
    shape: bytes | None
    crs: str
    place: Place
    digest: str
    mended: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """Rows that can be used, what is wrong with others, notes, and when the file was last changed."""

    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]
    stamp: str


def read_rows(file: ReturnedFile, today: date) -> Reading:
    """Read the rows of a returned file that belong to layers of the package.

    Parameters
    ----------
    file
        As its reader handed it back.
    today
        Later dates of checks are wrong.

    Returns
    -------
    Reading
        ``stamp`` is the later of what the file tells of its last change and its newest date of a check.
    """
    rows: list[Row] = []
    faults: list[Fault] = []
    notes = list(file.notes)
    for table in file.tables:
        form = form_of(table)
        if form is None:
            notes += (
                [f"{file.name} / {table.name}: not a layer of the county; left out (未识别，略过)"]
                if _names_cases(table)
                else []
            )
            continue
        for found in _rows_of(file, table, form, today):
            if isinstance(found, Fault):
                faults.append(found)
            else:
                rows.append(found)
        notes += _extra_notes(file, table, form)
    days = [row.values[name] for row in rows for name in _DAYS if row.values.get(name)]
    stamps = [utc_stamp(text) for text in (file.stamp, *days)]
    order = sorted(rows, key=lambda row: row.place)
    return Reading(tuple(order), tuple(sorted(faults)), tuple(notes), max(stamps, default=""))


def form_of(table: RawTable) -> LayerForm | None:
    """Tell which layer a table is: by its name or alias, else by its columns; None = none of ours."""
    name = _plain(table.name)
    for form in _FORMS.values():
        if name in {_plain(form.name), _plain(form.alias)}:
            return form
    spoken = _SPOKEN.get(table.name.strip())
    if spoken:
        return _FORMS[spoken]
    inside = [
        form for form in _FORMS.values() if _plain(form.name) in name or _plain(form.alias) in name
    ]
    if len(inside) == 1:
        return inside[0]
    if table.name in FORMS or not _names_cases(table):
        return None
    scores = {
        form.name: sum(name in matched(form, table.columns) for name in form.names[1:])
        for form in _FORMS.values()
    }
    best = max(scores, key=lambda key: (scores[key], key))
    others = [score for key, score in scores.items() if key != best]
    return _FORMS[best] if scores[best] > max(others) else None


def matched(form: LayerForm, columns: Iterable[str]) -> dict[str, str]:
    """Return column of the form -> header of the table, by name or by alias with or without its unit."""
    by_name: dict[str, str] = {}
    for header in columns:
        by_name.setdefault(_plain(header), header)
    found = {}
    for field in form.fields:
        for spelling in (field.name, field.alias, re.sub(r"\(.*\)", "", field.alias)):
            if _plain(spelling) in by_name:
                found[field.name] = by_name[_plain(spelling)]
                break
    return found


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).upper()


def _names_cases(table: RawTable) -> bool:
    return bool({_plain(column) for column in table.columns} & {KEY, "案件编号"})


def _rows_of(
    file: ReturnedFile, table: RawTable, form: LayerForm, today: date
) -> Iterator[Row | Fault]:
    headers = matched(form, table.columns)
    if KEY not in headers:
        where = Place(file.name, table.name, 0, KEY)
        yield Fault(
            where, "", "it has no column 案件编号 (AJBH); keep that column (缺少案件编号列)"
        )
        return
    extra = [column for column in table.columns if column not in headers.values()]
    for raw in table.rows:
        if _is_blank(raw, headers):
            continue
        place = Place(file.name, table.name, raw.number)
        faults = list(_key_faults(raw, headers, place))
        values, closing = _values(raw, headers, form, (place, today), faults)
        case = values.pop(KEY, "")
        if faults:
            yield from (Fault(fault.place, case, fault.message) for fault in faults)
            continue
        if form.editable:
            own = {column: plain_text(raw.cells.get(column)) for column in extra}
            values |= {f"{EXTRA}{column}": text for column, text in own.items() if text}
        mended = plain_text(raw.cells.get(headers[KEY]))
        yield Row(
            form.name, case, values, closing, raw.shape, table.crs, place, file.digest,
            "" if mended == case else mended,
        )  # fmt: skip


def _values(
    raw: RawRow,
    headers: Mapping[str, str],
    form: LayerForm,
    context: tuple[Place, date],
    faults: list[Fault],
) -> tuple[dict[str, str], bool]:
    """Read the cells of a row; what can not be read is added to the faults."""
    place, today = context
    values: dict[str, str] = {}
    closing = False
    fields = {field.name: field for field in form.fields}
    for name, header in headers.items():
        cell = raw.cells.get(header)
        if name in _CLOSING_FIELDS and is_closing(plain_text(cell)):
            closing = True
            continue
        if form.editable and name in _OURS:
            continue
        try:
            values[name] = _value(fields[name], cell, today, form.editable)
        except ValueError as error:
            where = Place(place.file, place.table, place.row, _said(fields[name]))
            faults.append(Fault(where, "", str(error)))
    return values, closing


def _is_blank(raw: RawRow, headers: Mapping[str, str]) -> bool:
    """Tell whether a row says nothing: no number, no other cell (a last line with a notice counts too)."""
    cells = [plain_text(raw.cells.get(header)) for header in headers.values()]
    return not any(cells) or (not any(cells[1:]) and len(cells[0]) > 30)  # noqa: PLR2004 - a sentence


def _value(field: Field, cell: Cell, today: date, editable: bool) -> str:
    if field.name == KEY:
        return read_number(cell)[0]
    if not editable and field.name not in VERDICTS:
        return plain_text(cell)
    text = read_cell(field, cell)
    if field.name in _DAYS and text > today.isoformat():
        msg = f"{text} lies in the future (日期晚于今天)"
        raise ValueError(msg)
    return text


def _key_faults(raw: RawRow, headers: Mapping[str, str], place: Place) -> Iterator[Fault]:
    where = Place(place.file, place.table, place.row, "案件编号(AJBH)")
    if headers[KEY] in raw.formulas:
        yield Fault(
            where, "", "the case number is a formula; paste it as text (案件编号不得为公式)"
        )
    elif not plain_text(raw.cells.get(headers[KEY])):
        yield Fault(where, "", "the row has no case number (缺少案件编号)")


def _said(field: Field) -> str:
    return f"{field.alias}({field.name})"


def _extra_notes(file: ReturnedFile, table: RawTable, form: LayerForm) -> list[str]:
    known = set(matched(form, table.columns).values())
    extra = [column for column in table.columns if column not in known]
    if not extra or not form.editable:
        return []
    return [
        f"{file.name} / {table.name}: own columns are kept as they are: {', '.join(extra)} (附加列已保留)"
    ]
