"""Record layers, read strictly: right text, right place, right dates, or an error that says why not."""

from datetime import date
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from changedetect.codes import APPROVAL_KINDS
from changedetect.config.job import LayerSection
from changedetect.errors import LayerError
from changedetect.io.layer_shapes import carry, clean, present_rows
from changedetect.io.layer_source import declared_crs, open_source, read_frame
from changedetect.io.layer_values import convert, find_column
from changedetect.records import LayerManifest
from changedetect.schema import APPROVALS, Column, TableSpec

_IDENTIFIERS = frozenset({"parcel_id", "record_id", "zone_id"})


def read_layer(
    path: Path,
    *,
    spec: TableSpec,
    section: LayerSection,
    name: str,
    target_crs: str,
    required: bool = True,
) -> tuple[gpd.GeoDataFrame, LayerManifest]:
    """Read a record layer into one of our tables.

    Parameters
    ----------
    path
        GeoPackage, Shapefile, FileGDB, GeoJSON, FlatGeobuf or KML.
    spec
        Which table (schema.PARCELS, ZONES, DISTRICTS, APPROVALS).
    section
        What the supplier declares of it.
    name
        Short name for the manifest; for approvals the kind (NZY …), used where the file has no
        column for it, and compared with the column where it has one.
    target_crs
        Coordinate system of the result, ``EPSG:n``.
    required
        Whether a missing file is an error; else the table is empty and its state ``missing``.

    Returns
    -------
    tuple
        The table (columns of the spec, text, dates and numbers as Python objects, None where
        empty, row order of the file) and its manifest. Approvals none of which has a date have
        state ``undated``; a layer of approvals without rows, ``empty``, unless the job file says
        that it may be.

    Raises
    ------
    LayerError
        The message names file, layer, row (from 1) and field.
    """
    as_of = _as_of(section, name)
    if not path.exists():
        return _missing(path, spec, section, name, target_crs, required=required)
    notes: list[str] = []
    source = open_source(path, section.layer, section.encoding)
    frame = read_frame(source, notes)
    place = f"{path}: layer {source.layer}"
    code = declared_crs(frame, source, section.crs)
    shapes = np.asarray(frame.geometry.array)
    present = present_rows(shapes, notes)
    columns = _columns(frame, spec, section, name, place, notes)
    _refuse_empty(columns, spec, present, place)
    rows = np.flatnonzero(present) + 1
    whole = clean(shapes[present], rows, place, notes)
    geometry = carry(whole, rows, code, target_crs, place)
    table = _table({key: _kept(values, present) for key, values in columns.items()}, spec)
    table = gpd.GeoDataFrame(table, geometry=geometry, crs=target_crs)[list(spec.names)]
    state = _state(table, spec, section, notes)
    manifest = LayerManifest(
        name=name,
        version=section.version,
        as_of=as_of,
        rows=len(table),
        covers=section.covers,
        sha256=source.sha256,
        state=state,
        note="; ".join(notes),
    )
    return table, manifest


def _state(
    table: gpd.GeoDataFrame, spec: TableSpec, section: LayerSection, notes: list[str]
) -> Literal["ok", "undated", "empty"]:
    if len(table) == 0:
        notes.append("图层为空")
        return "empty" if spec is APPROVALS and not section.may_be_empty else "ok"
    if spec is APPROVALS and bool(table["approved_on"].isna().all()):
        notes.append("无一行有批准日期")
        return "undated"
    return "ok"


def _as_of(section: LayerSection, name: str) -> date | None:
    if section.as_of is None:
        return None
    try:
        return date.fromisoformat(section.as_of)
    except ValueError as error:
        msg = f"layer {name}: as_of {section.as_of!r} is not a date; YYYY-MM-DD was expected"
        raise LayerError(msg) from error


def _missing(
    path: Path,
    spec: TableSpec,
    section: LayerSection,
    name: str,
    target_crs: str,
    *,
    required: bool,
) -> tuple[gpd.GeoDataFrame, LayerManifest]:
    if required:
        msg = f"{path}: no such file; it was given as the layer {name} in the job file"
        raise LayerError(msg)
    empty = _table({column.name: [] for column in spec.columns}, spec)
    table = gpd.GeoDataFrame(empty, geometry=np.empty(0, object), crs=target_crs)
    manifest = LayerManifest(
        name,
        section.version,
        _as_of(section, name),
        0,
        (),
        "",
        "missing",
        f"文件不存在: {path.name}",
    )
    return table[list(spec.names)], manifest


def _columns(
    frame: gpd.GeoDataFrame,
    spec: TableSpec,
    section: LayerSection,
    name: str,
    place: str,
    notes: list[str],
) -> dict[str, list[object]]:
    found = [str(column) for column in frame.columns if column != frame.geometry.name]
    unknown = sorted(set(section.fields) - set(spec.names))
    if unknown:
        msg = f"{place}: fields: names {', '.join(unknown)}, which {spec.name} does not have"
        raise LayerError(msg)
    columns: dict[str, list[object]] = {}
    for column in spec.columns:
        if column.kind == "geometry":
            continue
        label = find_column(column.name, spec, section.fields, found, place)
        if label is None:
            columns[column.name] = _absent(column, len(frame), name, found, place, notes)
        else:
            where = f"{place}: field {label}"
            columns[column.name] = convert(frame[label], column, where, notes)
    if spec is APPROVALS:
        _check_kinds(columns["kind"], name.removeprefix("SP_"), place)
    return columns


def _absent(
    column: Column, rows: int, name: str, found: list[str], place: str, notes: list[str]
) -> list[object]:
    if column.nullable:
        return [None] * rows
    if column.name in _IDENTIFIERS:
        notes.append("无标识码字段, 以行号代替")
        return [str(row) for row in range(1, rows + 1)]
    if column.name == "kind":
        return [name.removeprefix("SP_")] * rows
    msg = (
        f"{place}: no field for {column.name} ({column.meaning}); it has "
        f"{', '.join(found) or 'no fields'}; name it under fields: of the layer in the job file"
    )
    raise LayerError(msg)


def _check_kinds(kinds: list[object], wanted: str, place: str) -> None:
    """Refuse kinds outside the list, and those that contradict the key of the job file."""
    for row, kind in enumerate(kinds, start=1):
        if kind not in APPROVAL_KINDS:
            msg = f"{place}: row {row}: kind {kind!r}; one of {', '.join(APPROVAL_KINDS)} was expected"
            raise LayerError(msg)
        if wanted in APPROVAL_KINDS and kind != wanted:
            msg = (
                f"{place}: row {row}: kind {kind!r} in a layer that the job file gives as {wanted}; "
                "deliver one file a kind, or correct the row"
            )
            raise LayerError(msg)


def _refuse_empty(
    columns: dict[str, list[object]], spec: TableSpec, present: np.ndarray, place: str
) -> None:
    for column in spec.columns:
        if column.nullable or column.kind == "geometry":
            continue
        for row, value in enumerate(columns[column.name]):
            if value is None and present[row]:
                msg = (
                    f"{place}: row {row + 1}: {column.name} ({column.meaning}) is empty; "
                    "fill it in, or remove the row"
                )
                raise LayerError(msg)


def _kept(values: list[object], present: np.ndarray) -> list[object]:
    return [value for value, keep in zip(values, present, strict=True) if keep]


def _table(columns: dict[str, list[object]], spec: TableSpec) -> pd.DataFrame:
    data = {}
    for column in spec.columns:
        if column.kind == "geometry":
            continue
        dtype = "float64" if column.kind == "float" else object
        data[column.name] = pd.Series(columns[column.name], dtype=dtype)
    return pd.DataFrame(data)
