"""Rows of a shapefile or GeoJSON through GDAL, which here knows three formats only."""

import struct
from pathlib import Path
from typing import Any

import numpy as np

from changedetect.errors import LayerError
from changedetect.io.dbf_encoding import codec_of, gdal_name
from changedetect.io.returned.confine import Refused
from changedetect.io.returned.plain import plain, shape_of
from changedetect.io.sandbox import DRIVERS

_NO_DAY = (0, 0, 0)


def read_shapes(path: Path, caps: dict[str, Any]) -> dict[str, Any]:
    """Read a shapefile (its encoding declared, or GB 18030 where every text decodes) or GeoJSON."""
    import pyogrio  # noqa: PLC0415 - the slow part

    known = set(pyogrio.list_drivers())
    if not known <= DRIVERS:
        msg = f"{path.name}: the reader knows foreign formats ({', '.join(sorted(known - DRIVERS))[:80]}); it does not start"
        raise Refused(msg)
    notes: list[str] = []
    encoding = _encoding(path, notes) if path.suffix.lower() == ".shp" else "UTF-8"
    try:
        about = pyogrio.read_info(path, encoding=encoding)
        _check_size(path, about, caps)
        meta, ids, shapes, columns = pyogrio.raw.read(
            path, encoding=encoding, return_fids=True, datetime_as_string=True
        )
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001 - damaged files raise anything, also UnboundLocalError
        msg = f"{path.name}: it can not be read ({type(error).__name__}: {str(error)[:120]}); copy all its parts again (文件损坏)"
        raise Refused(msg) from None
    names = [str(name) for name in meta["fields"]]
    rows = [
        _row(
            path,
            caps,
            int(fid),
            shapes[i] if shapes is not None else None,
            dict(zip(names, (column[i] for column in columns), strict=True)),
        )
        for i, fid in enumerate(ids)
    ]
    table = {
        "name": path.stem,
        "columns": names,
        "rows": rows,
        "crs": str(meta["crs"] or ""),
        "changed": "",
    }
    return {"tables": [table], "stamp": _day_of(path), "notes": notes}


def _check_size(path: Path, about: dict[str, Any], caps: dict[str, Any]) -> None:
    if about["features"] > caps["rows"] or len(about["fields"]) > caps["columns"]:
        msg = f"{path.name}: {about['features']} rows, {len(about['fields'])} columns; at most {caps['rows']} and {caps['columns']} were expected"
        raise Refused(msg)


def _row(
    path: Path, caps: dict[str, Any], fid: int, shape: bytes | None, cells: dict[str, Any]
) -> list[Any]:
    number = fid + 1 if path.suffix.lower() == ".shp" else fid
    where = f"{path.name}: row {number}"
    values = {
        key: plain(_value(value), caps, f"{where}, column {key}") for key, value in cells.items()
    }
    return [number, values, shape_of(shape, where) if shape else None, []]


def _value(value: Any) -> Any:  # noqa: ANN401 - a numpy scalar becomes Python's own
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value)[:10]
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and np.isnan(value):
        return None
    return value


def _encoding(path: Path, notes: list[str]) -> str:
    dbf = next(
        other for other in path.parent.iterdir() if other.name.lower() == f"{path.stem}.dbf".lower()
    )
    try:
        return gdal_name(codec_of(dbf, None))
    except LayerError as undeclared:
        try:
            codec = codec_of(dbf, "gb18030")
        except LayerError:
            msg = f"{path.name}: {undeclared}"
            raise Refused(msg) from None
        if "nothing declares" not in str(undeclared):
            msg = f"{path.name}: {undeclared}"
            raise Refused(msg) from None
        notes.append(
            f"{path.name}: nothing declares its encoding; every text is valid GB 18030 and was read so (未声明编码，按国标读取)"
        )
        return gdal_name(codec)


def _day_of(path: Path) -> str:
    """Return the day of the last change from the header of the table (dBASE: year − 1900, month, day)."""
    dbf = path.with_suffix(".dbf")
    if not dbf.is_file():
        return ""
    with dbf.open("rb") as stream:
        head = stream.read(4)
    if len(head) < 4 or tuple(head[1:]) == _NO_DAY:  # noqa: PLR2004 - the header's first bytes
        return ""
    year, month, day = struct.unpack("3B", head[1:])
    return f"{1900 + year:04d}-{month:02d}-{day:02d}"
