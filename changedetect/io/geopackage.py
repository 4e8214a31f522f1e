"""Write a case package: one GeoPackage with styles, aliases and code lists inside.

Version 1.2, since older desktop software warns at 1.4. Layers go in through GDAL; aliases and code
lists go in last, by SQL, because rewriting a layer would delete them.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyogrio
import shapely

from changedetect.casepackage import CODE_LISTS, Field, LayerForm
from changedetect.errors import IntegrityError, LayerError
from changedetect.io.qml import layer_qml

GEOGRAPHIC = "EPSG:4490"

_STYLES = "layer_styles"

_NO_TRIGGERS = {"SPATIAL_INDEX": "NO"}
"""For layers that the county fills: software on phones can not write where triggers call functions."""

_MISSING = {"text": "", "int": 0, "float": np.nan, "date": np.datetime64("NaT", "D")}
_DTYPES: dict[str, Any] = {
    "text": object,
    "int": np.int64,
    "float": np.float64,
    "date": "datetime64[D]",
}
_HELD: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "int": (int, np.integer),
    "float": (int, float),
    "date": (date,),
}
_UTC = 100
"""Code of GDAL for times in UTC."""


def write_case_package(
    path: Path,
    tables: Mapping[str, pd.DataFrame],
    forms: Mapping[str, LayerForm],
    *,
    stamp: datetime,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write the layers of a case package into one new GeoPackage.

    Parameters
    ----------
    path
        New file; it must not exist.
    tables
        Layer name -> table, in EPSG:4490, columns as its form says.
    forms
        Layer name -> form (`changedetect.casepackage.FORMS`); every table must have one.
    stamp
        Time that the file carries as its last change; the same inputs and stamp give the same bytes.
    notes
        Layer name -> sentence added to the layer's description (e.g. that the month is empty).

    Raises
    ------
    LayerError
        The file exists; a table does not have the columns of its form, or its coordinate system;
        a value does not have the kind that its column promises.
    """
    if path.exists():
        msg = f"{path.name} exists already; a package is written once; choose a new name"
        raise LayerError(msg)
    lists = _code_lists(tables)
    with _gdal_options(stamp):
        for name, table in tables.items():
            form = forms[name]
            about = f"{form.about} {(notes or {}).get(name, '')}".strip()
            _write_layer(path, form, table, about)
        _write_styles(path, [forms[name] for name in tables], lists, stamp)
    _write_schema(path, [forms[name] for name in tables], lists)


def verify_case_package(path: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Open a written package again: whole, every layer there, every row there, a style for each.

    Raises
    ------
    IntegrityError
        The message names the file and the layer; the file must not be published.
    """
    with closing(sqlite3.connect(path)) as database:
        try:
            state = database.execute("PRAGMA integrity_check").fetchone()[0]
            known = dict(database.execute("SELECT table_name, data_type FROM gpkg_contents"))
            styled = {name for (name,) in database.execute("SELECT f_table_name FROM layer_styles")}
            counts = {
                name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608
                for name in tables
                if name in known
            }
        except sqlite3.DatabaseError as error:
            msg = f"package {path.name} can not be read ({error}); it was not published"
            raise IntegrityError(msg) from error
    expected = {name: len(table) for name, table in tables.items()}
    bad = sorted(
        name for name, rows in expected.items() if counts.get(name) != rows or name not in styled
    )
    if state != "ok" or bad:
        msg = (
            f"package {path.name}: integrity {state}; layers that are not whole: {bad or 'none'}; "
            "is the disk full? it was not published"
        )
        raise IntegrityError(msg)


@contextmanager
def _gdal_options(stamp: datetime) -> Iterator[None]:
    """Let GDAL write one date wherever it would write the time of day, and not wait for the disk.

    Whoever publishes the file syncs it once, at the end; a write cut short is never published.
    """
    wanted = {
        "OGR_CURRENT_DATE": f"{stamp.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}",
        "OGR_SQLITE_SYNCHRONOUS": "OFF",
    }
    before = {name: pyogrio.get_gdal_config_option(name) for name in wanted}
    pyogrio.set_gdal_config_options(wanted)
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(before)


def _write_layer(path: Path, form: LayerForm, table: pd.DataFrame, about: str) -> None:
    expected = [*form.names, "geometry"] if form.geometry else list(form.names)
    if list(table.columns) != expected:
        odd = sorted(set(table.columns) ^ set(expected))
        msg = (
            f"layer {form.name}: columns differ from its form ({odd or 'order'}); none was written"
        )
        raise LayerError(msg)
    geometry, kind = None, None
    if form.geometry:
        _check_crs(form, table)
        geometry, kind = shapely.to_wkb(table["geometry"].to_numpy()), form.geometry
    columns = [_column(form, field, table[field.name]) for field in form.fields]
    pyogrio.raw.write(
        path,
        geometry,
        [values for values, _ in columns],
        np.array(form.names, dtype=object),
        field_mask=[empty for _, empty in columns],
        layer=form.name,
        driver="GPKG",
        geometry_type=kind,
        crs=GEOGRAPHIC if kind else None,
        append=path.exists(),
        dataset_options={"VERSION": "1.2"},
        layer_options={"IDENTIFIER": form.alias, "DESCRIPTION": about, "FID": "fid"}
        | ({"GEOMETRY_NAME": "geom"} if kind else {})
        | (_NO_TRIGGERS if form.editable else {}),
    )


def _check_crs(form: LayerForm, table: pd.DataFrame) -> None:
    crs = getattr(table, "crs", None)
    if crs is None or crs.to_epsg() != int(GEOGRAPHIC.split(":")[1]):
        msg = f"layer {form.name}: coordinate system {crs}; {GEOGRAPHIC} expected"
        raise LayerError(msg)


def _column(form: LayerForm, field: Field, series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return a column's values and where it is empty.

    Raises
    ------
    LayerError
        A value can not be held by the column's kind (bytes, a number in a text column …).
    """
    empty = series.isna().to_numpy(dtype=bool)
    held, blank = _HELD[field.kind], _MISSING[field.kind]
    values = series.tolist()
    for row, (value, gone) in enumerate(zip(values, empty.tolist(), strict=True)):
        if gone:
            values[row] = blank
        elif not isinstance(value, held) or isinstance(value, bool):
            msg = (
                f"layer {form.name}, row {row}: {field.name} ({field.alias}) holds {value!r}; "
                f"{field.kind} expected"
            )
            raise LayerError(msg)
    return np.array(values, dtype=_DTYPES[field.kind]), empty


def _write_styles(
    path: Path,
    forms: list[LayerForm],
    lists: Mapping[str, Mapping[str, str]],
    stamp: datetime,
) -> None:
    """Write one default style per layer; QGIS takes it by itself when the layer is opened."""
    count = len(forms)

    def text(values: list[str]) -> np.ndarray:
        return np.array(values, dtype=object)

    columns = {
        "f_table_catalog": text([""] * count),
        "f_table_schema": text([""] * count),
        "f_table_name": text([form.name for form in forms]),
        "f_geometry_column": text(["geom" if form.geometry else "" for form in forms]),
        "styleName": text([form.alias for form in forms]),
        "styleQML": text([layer_qml(form, lists) for form in forms]),
        "styleSLD": text([""] * count),
        "useAsDefault": np.ones(count, dtype=bool),
        "description": text([form.about for form in forms]),
        "owner": text([""] * count),
        "ui": text([""] * count),
        "update_time": np.array([stamp.replace(tzinfo=None)] * count, dtype="datetime64[ms]"),
    }
    pyogrio.raw.write(
        path,
        None,
        list(columns.values()),
        np.array(list(columns), dtype=object),
        layer=_STYLES,
        driver="GPKG",
        append=True,
        gdal_tz_offsets={"update_time": np.full(count, _UTC)},
        layer_options={"FID": "id"},
    )


def _drop_triggers(database: sqlite3.Connection, names: list[str]) -> None:
    """Take the row counters of GDAL off some layers; without a counter, GDAL counts the rows."""
    for name in names:
        for event in ("insert", "delete"):
            database.execute(f'DROP TRIGGER IF EXISTS "trigger_{event}_feature_count_{name}"')
        database.execute("DELETE FROM gpkg_ogr_contents WHERE table_name = ?", (name,))


_SCHEMA_SQL = """
CREATE TABLE IF NOT EXISTS gpkg_extensions (
  table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
  scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
CREATE TABLE gpkg_data_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT,
  mime_type TEXT, constraint_name TEXT,
  CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
  CONSTRAINT gdc_tn UNIQUE (table_name, name));
CREATE TABLE gpkg_data_column_constraints (
  constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT, min NUMERIC,
  min_is_inclusive BOOLEAN, max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
  CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value));
"""
"""Tables of the GeoPackage schema extension, as OGC 12-128r14 (1.2), annex F.9 defines them."""

_EXTENSION = ("gpkg_schema", "http://www.geopackage.org/spec120/#extension_schema", "read-write")


def _code_lists(tables: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, str]]:
    """Return the code lists: those that the package brings along, or the standing ones."""
    lists = {name: dict(codes.items) for name, codes in CODE_LISTS.items()}
    if "DMB" in tables:
        for row in tables["DMB"].to_dict("records"):
            lists.setdefault(str(row["DMLX"]), {})[str(row["DM"])] = str(row["HY"])
    return lists


def _write_schema(
    path: Path, forms: list[LayerForm], lists: Mapping[str, Mapping[str, str]]
) -> None:
    """Write aliases and enumerated field domains, for readers that do not know QGIS styles."""
    columns = [
        (
            form.name,
            field.name,
            field.alias,
            field.alias,
            f"DM_{field.codes}" if field.codes else None,
        )
        for form in forms
        for field in form.fields
    ]
    used = sorted({field.codes for form in forms for field in form.fields if field.codes})
    domains = [
        (f"DM_{name}", "enum", code, meaning)
        for name in used
        for code, meaning in lists[name].items()
    ]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(_SCHEMA_SQL)
        _drop_triggers(database, [form.name for form in forms if form.editable])
        database.executemany(
            "INSERT INTO gpkg_data_columns (table_name, column_name, name, title, constraint_name) "
            "VALUES (?, ?, ?, ?, ?)",
            columns,
        )
        database.executemany(
            "INSERT INTO gpkg_data_column_constraints (constraint_name, constraint_type, value, description) "
            "VALUES (?, ?, ?, ?)",
            domains,
        )
        database.executemany(
            "INSERT INTO gpkg_extensions (table_name, column_name, extension_name, definition, scope) "
            "VALUES (?, NULL, ?, ?, ?)",
            [
                (table, *_EXTENSION)
                for table in ("gpkg_data_columns", "gpkg_data_column_constraints")
            ],
        )
