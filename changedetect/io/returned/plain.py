"""Values of foreign files as JSON: text, numbers, nothing; outlines as WKB of points and polygons."""

import math
import struct
from datetime import date, datetime
from typing import Any

import shapely

from changedetect.io.returned.confine import Refused

_FLAT = frozenset(range(1, 7))
"""WKB types that are taken: point, line, polygon and their collections of one kind."""
_POINTS, _SURFACES = {"Point", "MultiPoint"}, {"Polygon", "MultiPolygon"}


def plain(value: Any, caps: dict[str, Any], where: str) -> str | int | float | bool | None:  # noqa: ANN401
    """Return a cell as JSON can hold it.

    Raises
    ------
    Refused
        A text that is too long, or bytes that are no text.
    """
    if isinstance(value, bytes):
        value = _decoded(value, where)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == value.time().min else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value).replace("\0", "")
    if len(text) > caps["text"]:
        msg = f"{where}: a text of {len(text)} characters; at most {caps['text']} were expected"
        raise Refused(msg)
    return text


def _decoded(value: bytes, where: str) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        msg = (
            f"{where}: bytes {value[:12]!r} are no UTF-8 text; correct the cell in QGIS (编码错误)"
        )
        raise Refused(msg) from None


def shape_of(wkb: bytes, where: str) -> str | None:
    """Return a point or polygons as hexadecimal WKB; None for an empty shape.

    Collections of mixed kinds are refused before anything parses them: nested ones overrun the
    stack of GEOS before 3.15.

    Raises
    ------
    Refused
        Another kind of shape, or none at all.
    """
    if _kind(wkb) not in _FLAT:
        msg = f"{where}: its outline is a collection or of an unknown kind; points or polygons were expected"
        raise Refused(msg)
    try:
        shape = shapely.force_2d(shapely.from_wkb(wkb))
    except shapely.GEOSException as error:
        msg = f"{where}: its outline can not be read ({error})"
        raise Refused(msg) from None
    if shape is None or shape.is_empty:
        return None
    if shape.geom_type not in _POINTS | _SURFACES:
        msg = f"{where}: its outline is a {shape.geom_type}; a point or polygons were expected"
        raise Refused(msg)
    if not all(math.isfinite(bound) for bound in shape.bounds):
        msg = f"{where}: its outline has coordinates that are no numbers"
        raise Refused(msg)
    return str(shapely.to_wkb(shape, hex=True))


def _kind(wkb: bytes) -> int:
    if len(wkb) < 5 or wkb[0] > 1:  # noqa: PLR2004 - byte order and type
        return 0
    (code,) = struct.unpack_from("<I" if wkb[0] else ">I", wkb, 1)
    return int((code & 0x0FFFFFFF) % 1000)
