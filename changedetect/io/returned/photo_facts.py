"""What a photo tells of itself: EXIF, difference hash, and a peak of its spectrum."""

import hashlib
import math
import warnings
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from changedetect.kernels.pictures import difference_hash, spectral_peak

_MEGA = 1 << 20
_SIDE_PX = 512
"""Side of the middle piece whose spectrum is looked at. [px]"""
_GPS, _DETAIL = ExifTags.IFD.GPSInfo, ExifTags.IFD.Exif


def facts_of(name: str, path: Path, caps: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of one photo as JSON (see `casepackage.returned.PhotoFacts`)."""
    data = path.read_bytes()
    facts: dict[str, Any] = {
        "path": name,
        "case": Path(name).parent.name,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    if len(data) > caps["photo_mb"] * _MEGA:
        return {
            **facts,
            "problem": f"{len(data) / _MEGA:.0f} MB, at most {caps['photo_mb']:g} were expected",
        }
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = int(caps["photo_mpx"] * 1e6)
    try:
        with Image.open(path, formats=("JPEG",)) as image:
            return {**facts, **_exif(image, caps["utc_offset_h"]), **_look(image)}
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, TypeError,
            Image.DecompressionBombError, Image.DecompressionBombWarning) as error:  # fmt: skip
        return {**facts, "problem": f"it can not be read ({str(error)[:100]})"}


def _look(image: Image.Image) -> dict[str, Any]:
    grey = image.convert("L")
    small = np.asarray(grey.resize((9, 8), Image.Resampling.BOX), np.float64)
    side = min(_SIDE_PX, grey.width, grey.height)
    left, top = (grey.width - side) // 2, (grey.height - side) // 2
    middle = np.asarray(grey.crop((left, top, left + side, top + side)), np.float64)
    return {"dhash": f"{difference_hash(small):016x}", "moire": round(spectral_peak(middle), 3)}


def _exif(image: Image.Image, utc_offset_h: float) -> dict[str, Any]:
    exif = image.getexif()
    detail, gps = exif.get_ifd(_DETAIL), exif.get_ifd(_GPS)
    device = " ".join(str(exif.get(tag, "")).strip("\0 ") for tag in (0x010F, 0x0110)).strip()
    return {
        "lon": _degrees(gps.get(4), gps.get(3), "W", 180),
        "lat": _degrees(gps.get(2), gps.get(1), "S", 90),
        "bearing": _number(gps.get(17), 360),
        "taken": _taken(detail, gps, utc_offset_h),
        "device": device[:80],
    }


def _degrees(parts: Any, side: Any, negative: str, most: float) -> float | None:  # noqa: ANN401
    try:
        degree, minute, second = (float(part) for part in parts)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    value = degree + minute / 60 + second / 3600
    if not math.isfinite(value) or not 0 <= value <= most:
        return None
    return -value if str(side).strip("\0 ").upper() == negative else value


def _number(value: Any, most: float) -> float | None:  # noqa: ANN401
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) and 0 <= number <= most else None


def _taken(detail: Any, gps: Any, utc_offset_h: float) -> str:  # noqa: ANN401
    """Return the local time of the shutter, else the satellites' time brought to local time."""
    for tag in (0x9003, 0x9004):
        try:
            return datetime.strptime(str(detail[tag]).strip("\0 "), "%Y:%m:%d %H:%M:%S").isoformat()  # noqa: DTZ007 - local
        except (KeyError, ValueError):
            continue
    try:
        hour, minute, second = (float(part) for part in gps[7])
        day = datetime.strptime(str(gps[29]).strip("\0 "), "%Y:%m:%d")  # noqa: DTZ007
        return (
            day + timedelta(hours=hour + utc_offset_h, minutes=minute, seconds=int(second))
        ).isoformat()
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return ""
