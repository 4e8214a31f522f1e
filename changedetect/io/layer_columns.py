"""Columns of a layer become columns of ours: by declaration, standard name or alias of its form."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from changedetect.codes import APPROVAL_KINDS, normalise_document
from changedetect.config.job import LayerSection
from changedetect.config.record_forms import ColumnForm, RecordForm
from changedetect.errors import LayerError
from changedetect.io.formats.point_tables import ALIASES as POINT_COLUMNS
from changedetect.io.formats.reader import RawLayer
from changedetect.io.layer_values import convert, find_column, first_of, square_metres
from changedetect.schema import APPROVALS, Column, TableSpec

_IDENTIFIERS = frozenset({"parcel_id", "record_id", "zone_id", "cell_id", "area_id", "change_id"})


@dataclass(frozen=True, slots=True)
class Kind:
    """What a layer is read as.

    Attributes
    ----------
    name
        Short name for the manifest; for approvals the kind (NZY …), used where the file has no
        column for it, and compared with the column where it has one.
    spec
        The table.
    form
        What offices call its columns; None = only names of the national standard.
    """

    name: str
    spec: TableSpec
    form: RecordForm | None = None


def read_columns(
    raw: RawLayer, kind: Kind, section: LayerSection, place: str, notes: list[str]
) -> dict[str, list[object]]:
    """Find every column of ours in a layer and convert it.

    Parameters
    ----------
    raw
        The layer as it stands in its file.
    kind, section
        What it is read as, and what its supplier declares.
    place
        File and layer, for messages.
    notes
        What had to be restored is added.

    Returns
    -------
    dict
        Column of ours, the geometry apart -> one value a row, None where empty.

    Raises
    ------
    LayerError
        A column is missing, or a value is not of its kind; row and field are named.
    """
    frame = raw.frame
    found = [str(column) for column in frame.columns if column != frame.geometry.name]
    _refuse_unknown(kind, section, place)
    columns: dict[str, list[object]] = {}
    for column in kind.spec.columns:
        if column.kind != "geometry":
            columns[column.name] = _column(column, raw, kind, section, found, (place, notes))
    if kind.spec is APPROVALS:
        _check_kinds(columns["kind"], raw.rows, kind.name.removeprefix("SP_"), place)
        columns["doc_key"] = [
            normalise_document(str(number)) if number else None for number in columns["doc_no"]
        ]
    return columns


def _refuse_unknown(kind: Kind, section: LayerSection, place: str) -> None:
    named = (set(section.fields) - set(POINT_COLUMNS)) | set(section.values)
    unknown = sorted(named - set(kind.spec.names))
    if unknown:
        msg = f"{place}: fields: or values: names {', '.join(unknown)}, which {kind.spec.name} does not have"
        raise LayerError(msg)


def _column(
    column: Column,
    raw: RawLayer,
    kind: Kind,
    section: LayerSection,
    found: list[str],
    report: tuple[str, list[str]],
) -> list[object]:
    """Return one column: of the file, the same for every row, or what stands in for it."""
    place, notes = report
    form = kind.form.columns.get(column.name) if kind.form is not None else None
    label = _label(column.name, kind.spec, section, found, place, form)
    if label is None and column.name in section.values:
        same = pd.Series([section.values[column.name]] * len(raw.rows), dtype=object)
        where = f"{place}: values: {column.name}"
        return convert(same, column, where, notes, rows=raw.rows, form=form)
    if label is None:
        _refuse_absent(column, form, found, place)
        if column.name in _IDENTIFIERS:
            notes.append("无标识码字段, 以行号代替")
        return _stand_in(column, raw.rows, kind)
    where = f"{place}: field {label}"
    values = convert(raw.frame[label], column, where, notes, rows=raw.rows, form=form)
    if column.name != "area_m2":
        return values
    unit = square_metres(label, section, kind.form)
    return [None if value is None else float(str(value)) * unit for value in values]


def _label(
    wanted: str,
    spec: TableSpec,
    section: LayerSection,
    found: list[str],
    place: str,
    form: ColumnForm | None,
) -> str | None:
    label = find_column(wanted, spec, section.fields, found, place)
    if label is None and form is not None:
        label = first_of(form.aliases, found)
    return label


def _refuse_absent(column: Column, form: ColumnForm | None, found: list[str], place: str) -> None:
    required = not column.nullable or (form is not None and form.required)
    if not required or column.name in {*_IDENTIFIERS, "kind"}:
        return
    msg = (
        f"{place}: no field for {column.name} ({column.meaning}); it has "
        f"{', '.join(found) or 'no fields'}; name it under fields: of the layer in the job file"
    )
    raise LayerError(msg)


def _stand_in(column: Column, rows: np.ndarray, kind: Kind) -> list[object]:
    """Return what stands in a column that the file does not have."""
    if column.name in _IDENTIFIERS:
        return [str(row) for row in rows.tolist()]
    if column.name == "kind":
        return [kind.name.removeprefix("SP_")] * len(rows)
    return [None] * len(rows)


def _check_kinds(kinds: list[object], rows: np.ndarray, wanted: str, place: str) -> None:
    """Refuse kinds outside the list, and those that contradict the key of the job file."""
    for row, kind in zip(rows.tolist(), kinds, strict=True):
        if kind not in APPROVAL_KINDS:
            msg = f"{place}: row {row}: kind {kind!r}; one of {', '.join(APPROVAL_KINDS)} was expected"
            raise LayerError(msg)
        if wanted in APPROVAL_KINDS and kind != wanted:
            msg = (
                f"{place}: row {row}: kind {kind!r} in a layer that the job file gives as {wanted}; "
                "deliver one file a kind, or correct the row"
            )
            raise LayerError(msg)
