"""Record layers, read strictly: right text, right place, right dates, or an error that says why not."""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from changedetect.config.job import LayerSection
from changedetect.errors import GridError, LayerError
from changedetect.io.crs import mover
from changedetect.io.formats.reader import Bounds
from changedetect.io.layer_columns import Kind, read_columns
from changedetect.io.layer_shapes import carry, clean, present_rows
from changedetect.io.layer_source import declared_crs, read_raw
from changedetect.records import LayerManifest
from changedetect.schema import APPROVALS, TableSpec

__all__ = [
    "Kind",
    "LoadedLayer",
    "files_of",
    "load_layer",
    "read_kind",
    "read_layer",
    "refuse_missing",
]


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
        A file of any format of `changedetect.io.layer_source.READERS`, or a pattern with ``*`` in the
        name for a layer in several files (boundary texts, one an approval).
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
    if not files_of(path):
        return _missing(path, section, kind, target_crs, required=required)
    loads = _load_files(path, section, kind, None if within is None else (target_crs, within))
    tables = [_placed(one, section, kind, target_crs) for one in loads]
    table = tables[0]
    if len(tables) > 1:
        table = gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), crs=target_crs)
    total = sum(one.total for one in loads)
    notes = _joined_notes(loads)
    state = _state(table, total, kind.spec, section, notes)
    first, last = _span(table, kind.spec)
    manifest = LayerManifest(
        name=kind.name,
        version=section.version,
        as_of=as_of,
        rows=len(table) if sum(len(one.rows) for one in loads) == total else total,
        covers=section.covers,
        sha256=_joined_digest(loads),
        state=state,
        note="; ".join(notes),
        source=section.source or "",
        first_date=first,
        last_date=last,
    )
    return table, manifest


def _placed(
    loaded: LoadedLayer, section: LayerSection, kind: Kind, target_crs: str
) -> gpd.GeoDataFrame:
    """Return the rows of one file that have a geometry, sound and in the target system."""
    present = present_rows(loaded.shapes, loaded.notes)
    _refuse_empty(loaded, kind.spec, present)
    rows = loaded.rows[present]
    whole = clean(loaded.shapes[present], rows, loaded.place, loaded.notes)
    geometry = carry(whole, rows, loaded.code, target_crs, loaded.place, section.datum_shift)
    columns = {key: _kept(values, present) for key, values in loaded.columns.items()}
    table = gpd.GeoDataFrame(_table(columns, kind.spec), geometry=geometry, crs=target_crs)
    return table[list(kind.spec.names)]


def files_of(path: Path) -> list[Path]:
    """Return the files of a layer: one, or those that a pattern with ``*`` in the name finds, sorted."""
    if "*" in path.name:
        return sorted(path.parent.glob(path.name))
    return [path] if path.exists() else []


def load_layer(path: Path, section: LayerSection, kind: Kind) -> LoadedLayer:
    """Read a layer whole and convert its columns; geometries stay as they were delivered.

    Of a layer in several files, rows are numbered through all of them (the notes say which are
    whose), and geometries are in the system of the first.

    Raises
    ------
    LayerError
        See `read_kind`.
    """
    loads = _load_files(path, section, kind, None)
    if len(loads) == 1:
        return loads[0]
    code = loads[0].code
    try:
        shapes = [
            one.shapes if one.code == code else shapely.transform(one.shapes, mover(one.code, code))
            for one in loads
        ]
    except GridError as error:
        msg = f"{path}: {error}; its files are in systems that can not be laid together"
        raise LayerError(msg) from error
    columns = {
        key: [value for one in loads for value in one.columns[key]] for key in loads[0].columns
    }
    total = sum(one.total for one in loads)
    rows = np.arange(1, total + 1)
    return LoadedLayer(
        columns, np.concatenate(shapes), rows, total, code, str(path), _joined_digest(loads),
        _joined_notes(loads),
    )  # fmt: skip


def _load_files(
    path: Path, section: LayerSection, kind: Kind, within: tuple[str, Bounds] | None
) -> list[LoadedLayer]:
    files = files_of(path)
    loads = []
    for file in files:
        values = {key: text.replace(STEM, file.stem) for key, text in section.values.items()}
        own = section.model_copy(update={"values": values})
        loaded = _load_file(file, own, kind, within)
        key = kind.spec.names[0]
        if len(files) > 1 and key in loaded.columns:
            loaded.columns[key] = [f"{file.stem}/{name}" for name in loaded.columns[key]]
        loads.append(loaded)
    return loads


STEM = "{stem}"
"""Stands for the name of the file, without suffix, in the values of a layer."""


def _load_file(
    path: Path, section: LayerSection, kind: Kind, within: tuple[str, Bounds] | None
) -> LoadedLayer:
    notes: list[str] = []
    source, raw = read_raw(path, section, within, notes)
    code = declared_crs(raw, source, section.crs)
    columns = read_columns(raw, kind, section, source.place, notes)
    shapes = np.asarray(raw.frame.geometry.array)
    return LoadedLayer(
        columns, shapes, raw.rows, raw.total, code, source.place, source.sha256, notes
    )


def _joined_digest(loads: list[LoadedLayer]) -> str:
    if len(loads) == 1:
        return loads[0].sha256
    return hashlib.sha256("\n".join(one.sha256 for one in loads).encode()).hexdigest()


def _joined_notes(loads: list[LoadedLayer]) -> list[str]:
    """Return the notes of all files; of several, with the rows that each begins and ends."""
    if len(loads) == 1:
        return loads[0].notes
    notes, begin = [f"{len(loads)} 个文件"], 1
    for one in loads:
        name = Path(one.place.partition(": layer ")[0]).name
        end = begin + one.total - 1
        notes.append(f"第 {begin}–{end} 行 {name}" + "".join(f", {note}" for note in one.notes))
        begin = end + 1
    return notes


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
    if not files_of(path):
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
