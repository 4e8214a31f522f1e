"""Record layers, read strictly: right text, right place, right dates, or an error that says why not."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
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
from changedetect.io.layer_columns import Kind
from changedetect.io.layer_load import (
    LoadedLayer,
    files_of,
    joined_digest,
    joined_notes,
    load_parts,
    merged,
)
from changedetect.io.layer_shapes import carry, clean, present_rows
from changedetect.records import LayerManifest
from changedetect.schema import APPROVALS, TableSpec

__all__ = [
    "Kind",
    "LayerWalk",
    "LoadedLayer",
    "empty_table",
    "files_of",
    "load_layer",
    "read_kind",
    "read_layer",
    "refuse_missing",
]


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
    walk = LayerWalk(path, section, kind, target_crs, required=required, within=within)
    tables = list(walk)
    table = tables[0]
    if len(tables) > 1:
        table = gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), crs=target_crs)
    return table, walk.manifest


class LayerWalk:
    """A record layer that is read part by part; its manifest is known when all parts were taken.

    Parameters
    ----------
    path, section, kind, target_crs, required, within
        As in `read_kind`, which also tells what is raised on the way. A file of more than
        `changedetect.io.layer_source.PART_ROWS` rows comes in several parts where its format
        allows, every other one whole.
    """

    __slots__ = ("_asked", "_crs", "_missing", "_seen", "_within")

    def __init__(
        self,
        path: Path,
        section: LayerSection,
        kind: Kind,
        target_crs: str,
        *,
        required: bool = True,
        within: Bounds | None = None,
    ) -> None:
        _as_of(section, kind.name)
        self._asked = (path, section, kind)
        self._crs = target_crs
        self._within = None if within is None else (target_crs, within)
        self._missing: LayerManifest | None = None
        self._seen = _Seen()
        if not files_of(path):
            if required:
                refuse_missing(path, kind.name)
            self._missing = _missing(path, section, kind)

    def __iter__(self) -> Iterator[gpd.GeoDataFrame]:
        path, section, kind = self._asked
        if self._missing is not None:
            yield empty_table(kind.spec, self._crs)
            return
        self._seen = _Seen()
        for loaded in load_parts(path, section, kind, self._within):
            table = _placed(loaded, section, kind, self._crs)
            self._seen.add(loaded, table)
            yield table

    @property
    def manifest(self) -> LayerManifest:
        """What is known of the layer, all parts together."""
        if self._missing is not None:
            return self._missing
        _, section, kind = self._asked
        seen = self._seen
        loads = seen.files()
        total = sum(one.total for one in loads)
        notes = joined_notes(loads)
        state = _state(seen, total, kind.spec, section, notes)
        is_approval = kind.spec is APPROVALS
        return LayerManifest(
            name=kind.name,
            version=section.version,
            as_of=_as_of(section, kind.name),
            rows=seen.kept if seen.read == total else total,
            covers=section.covers,
            sha256=joined_digest(loads),
            state=state,
            note="; ".join(notes),
            source=section.source or "",
            first_date=min(seen.days, default=None) if is_approval else None,
            last_date=max(seen.days, default=None) if is_approval else None,
        )


@dataclass(slots=True)
class _Seen:
    """What has been seen of a layer so far: no row of it is kept.

    ``days`` holds the first and the last date of approval; ``loads`` one entry a file and part,
    without its rows.
    """

    read: int = 0
    kept: int = 0
    days: tuple[date, ...] = ()
    loads: list[LoadedLayer] = field(default_factory=list)

    def add(self, loaded: LoadedLayer, table: gpd.GeoDataFrame) -> None:
        """Count a part in."""
        self.read += len(loaded.rows)
        self.kept += len(table)
        if "approved_on" in table.columns:
            known = [*self.days, *table["approved_on"].dropna()]
            self.days = (min(known), max(known)) if known else ()
        self.loads.append(replace(loaded, columns={}, shapes=_NONE, rows=_NONE))

    def files(self) -> list[LoadedLayer]:
        """Return one entry a file, with the notes of all its parts."""
        found = []
        for _, group in groupby(self.loads, key=lambda one: one.place):
            parts = list(group)
            own = merged([one.row_notes for one in parts])
            found.append(replace(parts[0], notes=[*parts[-1].notes, *own], row_notes=[]))
        return found


_NONE = np.empty(0, object)


def _placed(
    loaded: LoadedLayer, section: LayerSection, kind: Kind, target_crs: str
) -> gpd.GeoDataFrame:
    """Return the rows of one file that have a geometry, sound and in the target system."""
    present = present_rows(loaded.shapes, loaded.rows, loaded.row_notes)
    _refuse_empty(loaded, kind.spec, present)
    rows = loaded.rows[present]
    whole = clean(loaded.shapes[present], rows, loaded.place, loaded.row_notes)
    geometry = carry(whole, rows, loaded.code, target_crs, loaded.place, section.datum_shift)
    columns = {key: _kept(values, present) for key, values in loaded.columns.items()}
    table = gpd.GeoDataFrame(_table(columns, kind.spec), geometry=geometry, crs=target_crs)
    return table[list(kind.spec.names)]


def load_layer(path: Path, section: LayerSection, kind: Kind) -> LoadedLayer:
    """Read a layer whole and convert its columns; geometries stay as they were delivered.

    Of a layer in several files, rows are numbered through all of them (the notes say which are
    whose), and geometries are in the system of the first.

    Raises
    ------
    LayerError
        See `read_kind`.
    """
    loads = [
        replace(one, notes=[*one.notes, *one.row_notes], row_notes=[])
        for one in load_parts(path, section, kind, None)
    ]
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
        columns, np.concatenate(shapes), rows, total, code, str(path), joined_digest(loads),
        joined_notes(loads),
    )  # fmt: skip


def _state(
    seen: "_Seen", total: int, spec: TableSpec, section: LayerSection, notes: list[str]
) -> Literal["ok", "undated", "empty"]:
    if not seen.kept:
        notes.append("图层为空" if total == 0 else "无一行落在任务范围内")
        return "empty" if spec is APPROVALS and not section.may_be_empty else "ok"
    if spec is APPROVALS and not seen.days:
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


def _missing(path: Path, section: LayerSection, kind: Kind) -> LayerManifest:
    return LayerManifest(
        kind.name,
        section.version,
        _as_of(section, kind.name),
        0,
        (),
        "",
        "missing",
        f"文件不存在: {path.name}",
        section.source or "",
    )


def empty_table(spec: TableSpec, crs: str) -> gpd.GeoDataFrame:
    """Return a table of a kind without rows."""
    plain = _table({column.name: [] for column in spec.columns}, spec)
    table = gpd.GeoDataFrame(plain, geometry=np.empty(0, object), crs=crs)
    return table[list(spec.names)]


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
