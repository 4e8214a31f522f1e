"""Rows of a GeoPackage by SQLite alone: no driver, no view, no trigger of the file is run."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from changedetect.io.returned.confine import Refused
from changedetect.io.returned.plain import plain, shape_of

_MAGIC = b"SQLite format 3\0"
_ENVELOPE = (0, 32, 48, 48, 64)
"""Bytes of the envelope in a geometry's header, by its code (GeoPackage 1.2, section 2.1.3)."""
_EMPTY = 0b0001_0000


def read_geopackage(path: Path, caps: dict[str, Any]) -> dict[str, Any]:
    """Read every table that ``gpkg_contents`` lists, from a copy made through SQLite.

    Parameters
    ----------
    path
        A private copy with its ``-wal`` beside it, if there is one.
    caps
        rows, columns, text, and the names of layers that are skipped.
    """
    with path.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            msg = f"{path.name}: no GeoPackage (it does not begin as an SQLite file); a renamed file of another format is not read (不是 GeoPackage)"
            raise Refused(msg)
    try:
        with closing(_copied(path)) as base:
            return _read(base, path, caps)
    except sqlite3.Error as error:
        msg = f"{path.name}: it can not be read as a GeoPackage ({error}); copy it again, or repair it in QGIS (文件损坏)"
        raise Refused(msg) from None


def _copied(path: Path) -> sqlite3.Connection:
    clean = path.with_name("clean.sqlite")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(clean)) as target:
        source.backup(target)
    base = sqlite3.connect(f"{clean.as_uri()}?mode=ro", uri=True)
    base.execute("PRAGMA trusted_schema=OFF")
    base.execute("PRAGMA query_only=ON")
    base.text_factory = bytes
    return base


def _read(base: sqlite3.Connection, path: Path, caps: dict[str, Any]) -> dict[str, Any]:
    listed = base.execute(
        "SELECT c.table_name, c.last_change, s.organization, s.organization_coordsys_id, g.column_name "
        "FROM gpkg_contents c LEFT JOIN gpkg_geometry_columns g USING (table_name) "
        "LEFT JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id "
        "JOIN sqlite_master m ON m.name = c.table_name AND m.type = 'table' "
        "WHERE c.data_type IN ('features', 'attributes') ORDER BY c.table_name"
    ).fetchall()
    tables, stamps = [], []
    for name, changed, office, code, column in listed:
        about = [_text(part) for part in (name, changed, office, code, column)]
        if about[0] in caps["skip"]:
            continue
        table = _table(base, about[0], about[4], path, caps)
        table["crs"] = f"{about[2]}:{about[3]}" if column is not None and code else ""
        table["changed"] = about[1]
        stamps.append(about[1])
        tables.append(table)
    return {"tables": tables, "stamp": max(stamps, default=""), "notes": []}


def _table(
    base: sqlite3.Connection, name: str, geometry: str, path: Path, caps: dict[str, Any]
) -> dict[str, Any]:
    quoted = '"' + name.replace('"', '""') + '"'
    count = base.execute(f"SELECT count(*) FROM {quoted}").fetchone()[0]  # noqa: S608 - quoted
    if count > caps["rows"]:
        msg = f"{path.name}: layer {name} has {count} rows; at most {caps['rows']} were expected"
        raise Refused(msg)
    cursor = base.execute(f"SELECT rowid, * FROM {quoted} ORDER BY rowid")  # noqa: S608 - quoted
    names = [_text(item[0]) for item in cursor.description][1:]
    if len(names) > caps["columns"]:
        msg = f"{path.name}: layer {name} has {len(names)} columns; at most {caps['columns']} were expected"
        raise Refused(msg)
    rows = []
    for number, *values in cursor:
        where = f"{path.name}: layer {name}, row {number}"
        cells = dict(zip(names, values, strict=True))
        blob = cells.pop(geometry, None) if geometry else None
        cells = {
            key: plain(value, caps, f"{where}, column {key}")
            for key, value in cells.items()
            if key != "fid"
        }
        rows.append([number, cells, _shape(blob, where), []])
    columns = [column for column in names if column not in {geometry, "fid"}]
    return {"name": name, "columns": columns, "rows": rows}


def _shape(blob: Any, where: str) -> str | None:  # noqa: ANN401 - whatever a cell holds
    if blob is None:
        return None
    if not isinstance(blob, bytes) or blob[:2] != b"GP" or len(blob) < 8:  # noqa: PLR2004 - header
        msg = f"{where}: its outline is no GeoPackage geometry"
        raise Refused(msg)
    flags = blob[3]
    code = (flags >> 1) & 0b111
    if flags & _EMPTY or code >= len(_ENVELOPE):
        return None
    return shape_of(blob[8 + _ENVELOPE[code] :], where)


def _text(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)
