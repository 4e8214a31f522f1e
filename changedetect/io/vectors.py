"""Record layers, read strictly: right text, right place, right dates, or an error that says why not."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from changedetect.config.job import LayerSection
from changedetect.errors import LayerError
from changedetect.io.formats.reader import Bounds
from changedetect.io.layer_columns import Kind, read_columns
from changedetect.io.layer_shapes import carry, clean, present_rows
from changedetect.io.layer_source import declared_crs, read_raw
from changedetect.records import LayerManifest
from changedetect.schema import APPROVALS, TableSpec

__all__ = ["Kind", "LoadedLayer", "load_layer", "read_kind", "read_layer", "refuse_missing"]


@dataclass(frozen=True, slots=True)
class LoadedLayer:
    """A layer whose columns are converted and whose geometries are as delivered.

    Attributes
    ----------
    columns
        Our columns, a list each.
    shapes
        ``(row,)`` geometries or None, in the layer's own system.
    rows
        ``(row,)`` where each stands in the file, from 1.
    total
        Rows of the file; more than read where only a part was asked for.
    code
        Coordinate system, ``EPSG:n``.
    place, sha256
        File and layer for messages; digest of the file.
    notes
        What was found, in Chinese.
    """

    columns: dict[str, list[object]]
    shapes: np.ndarray
    rows: np.ndarray
    total: int
    code: str
    place: str
    sha256: str
    notes: list[str]


def read_layer(
    path: Path,
    *,
    spec: TableSpec,
    section: LayerSection,
    name: str,
    target_crs: str,
    required: bool = True,
) -> tuple[gpd.GeoDataFrame, LayerManifest]:
    """Read a whole record layer into one of our tables, by the names of the national standard.

    See `read_kind`.
    """
    return read_kind(path, section, Kind(name, spec), target_crs, required=required)


def read_kind(
    path: Path,
    section: LayerSection,
    kind: Kind,
    target_crs: str,
    *,
    required: bool = True,
    within: Bounds | None = None,
) -> tuple[gpd.GeoDataFrame, LayerManifest]:
    """Read a record layer into one of our tables.

    Parameters
    ----------
    path
        A file of any format of `changedetect.io.layer_source.READERS`.
    section
        What the supplier declares of it.
    kind
        Which table, under which name.
    target_crs
        Coordinate system of the result, ``EPSG:n``.
    required
        Whether a missing file is an error; else the table is empty and its state ``missing``.
    within
        Box in the target system; of a large layer only the rows that meet it are read.

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
    as_of = _as_of(section, kind.name)
    if not path.exists():
        return _missing(path, section, kind, target_crs, required=required)
    loaded = load_layer(path, section, kind, None if within is None else (target_crs, within))
    notes = loaded.notes
    present = present_rows(loaded.shapes, notes)
    _refuse_empty(loaded, kind.spec, present)
    rows = loaded.rows[present]
    whole = clean(loaded.shapes[present], rows, loaded.place, notes)
    geometry = carry(whole, rows, loaded.code, target_crs, loaded.place, section.datum_shift)
    columns = {key: _kept(values, present) for key, values in loaded.columns.items()}
    table = gpd.GeoDataFrame(_table(columns, kind.spec), geometry=geometry, crs=target_crs)
    table = table[list(kind.spec.names)]
    state = _state(table, loaded.total, kind.spec, section, notes)
    first, last = _span(table, kind.spec)
    manifest = LayerManifest(
        name=kind.name,
        version=section.version,
        as_of=as_of,
        rows=len(table) if len(loaded.rows) == loaded.total else loaded.total,
        covers=section.covers,
        sha256=loaded.sha256,
        state=state,
        note="; ".join(notes),
        source=section.source or "",
        first_date=first,
        last_date=last,
    )
    return table, manifest


def load_layer(
    path: Path, section: LayerSection, kind: Kind, within: tuple[str, Bounds] | None = None
) -> LoadedLayer:
    """Read a layer and convert its columns; geometries stay as they were delivered.

    Raises
    ------
    LayerError
        See `read_kind`.
    """
    notes: list[str] = []
    source, raw = read_raw(path, section, within, notes)
    code = declared_crs(raw, source, section.crs)
    columns = read_columns(raw, kind, section, source.place, notes)
    shapes = np.asarray(raw.frame.geometry.array)
    return LoadedLayer(
        columns, shapes, raw.rows, raw.total, code, source.place, source.sha256, notes
    )


def _span(table: gpd.GeoDataFrame, spec: TableSpec) -> tuple[date | None, date | None]:
    days = table["approved_on"].dropna() if spec is APPROVALS else []
    return (min(days), max(days)) if len(days) else (None, None)


def _state(
    table: gpd.GeoDataFrame, total: int, spec: TableSpec, section: LayerSection, notes: list[str]
) -> Literal["ok", "undated", "empty"]:
    if len(table) == 0:
        notes.append("图层为空" if total == 0 else "无一行落在任务范围内")
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


def refuse_missing(path: Path, name: str) -> None:
    """Refuse a layer that is not there.

    Raises
    ------
    LayerError
        There is no such file.
    """
    if not path.exists():
        msg = f"{path}: no such file; it was given as the layer {name} in the job file"
        raise LayerError(msg)


def _missing(
    path: Path, section: LayerSection, kind: Kind, target_crs: str, *, required: bool
) -> tuple[gpd.GeoDataFrame, LayerManifest]:
    name = kind.name
    if required:
        refuse_missing(path, name)
    empty = _table({column.name: [] for column in kind.spec.columns}, kind.spec)
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
        section.source or "",
    )
    return table[list(kind.spec.names)], manifest


def _refuse_empty(loaded: LoadedLayer, spec: TableSpec, present: np.ndarray) -> None:
    for column in spec.columns:
        if column.nullable or column.kind == "geometry":
            continue
        for index, value in enumerate(loaded.columns[column.name]):
            if value is None and present[index]:
                msg = (
                    f"{loaded.place}: row {loaded.rows[index]}: {column.name} ({column.meaning}) is "
                    "empty; fill it in, or remove the row"
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
