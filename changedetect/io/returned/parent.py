"""Hands a kept file to a limited reader and makes records of what it answers."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from changedetect.casepackage import FORMS
from changedetect.casepackage.returned import READ_FORMS, PhotoFacts, RawRow, RawTable, ReturnedFile
from changedetect.config.returns import ReturnsSection
from changedetect.errors import InputError
from changedetect.io.returned.keep import Kept
from changedetect.io.sandbox import ReaderLimits, read_limited

_CHILD = "changedetect.io.returned.child"
_PHOTOS_AT_ONCE = 50


def read_returned(kept: Kept, section: ReturnsSection) -> ReturnedFile:
    """Read the tables of a kept file.

    Parameters
    ----------
    kept
        From `keep`.
    section
        Limits.

    Raises
    ------
    InputError
        The file is refused, with the reason; or its reader died or ran out of time.
    """
    with tempfile.TemporaryDirectory(prefix="changedetect-") as name:
        folder = Path(name)
        for member, path in kept.members:
            shutil.copyfile(path, folder / member)
        request = {
            "kind": "tables",
            "path": str(folder / kept.members[0][0]),
            "caps": _caps(section),
        }
        try:
            said = read_limited(_CHILD, request, _limits(section))
            return _file_of(kept, said)
        except InputError as error:
            text = str(error)
            msg = text if text.startswith(kept.name) else f"{kept.name}: {text}"
            raise InputError(msg) from error


def _file_of(kept: Kept, said: dict[str, Any]) -> ReturnedFile:
    try:
        tables = tuple(_table_of(table) for table in said["tables"])
        return ReturnedFile(
            kept.name, kept.digest, str(said["stamp"]), tables, tuple(map(str, said["notes"]))
        )
    except (KeyError, TypeError, ValueError) as error:
        msg = f"file rejected: reader died (its answer has another form: {error!r}) (文件已拒收)"
        raise InputError(msg) from error


def _table_of(table: dict[str, Any]) -> RawTable:
    rows = tuple(
        RawRow(
            int(number), dict(cells), bytes.fromhex(shape) if shape else None, frozenset(formulas)
        )
        for number, cells, shape, formulas in table["rows"]
    )
    return RawTable(
        str(table["name"]), tuple(table["columns"]), rows, str(table["crs"]), str(table["changed"])
    )


def read_photos(
    photos: Sequence[tuple[str, Path]], section: ReturnsSection
) -> tuple[PhotoFacts, ...]:
    """Read the facts of photos, some at a time; where a reader dies, each is read alone.

    Parameters
    ----------
    photos
        (``photos/AJBH/name.jpg``, path).
    section
        Limits.

    Returns
    -------
    tuple of PhotoFacts
        In the same order; one that can not be read says so.
    """
    return tuple(
        facts
        for start in range(0, len(photos), _PHOTOS_AT_ONCE)
        for facts in _some(photos[start : start + _PHOTOS_AT_ONCE], section)
    )


def _some(photos: Sequence[tuple[str, Path]], section: ReturnsSection) -> Iterator[PhotoFacts]:
    named = [[name, str(path)] for name, path in photos]
    request = {"kind": "photos", "photos": named, "caps": _caps(section)}
    try:
        said = read_limited(_CHILD, request, _limits(section))
        yield from [PhotoFacts(**facts) for facts in said["photos"]]
    except (InputError, KeyError, TypeError) as error:
        if len(photos) == 1:
            name = photos[0][0]
            yield PhotoFacts(name, Path(name).parent.name, "", problem=str(error))
            return
        for photo in photos:
            yield from _some([photo], section)


def _caps(section: ReturnsSection) -> dict[str, Any]:
    return {
        "skip": sorted({*FORMS, "layer_styles"} - READ_FORMS),
        "rows": section.rows_max,
        "columns": section.columns_max,
        "text": section.text_max_chars,
        "unpacked_mb": section.unpacked_max_mb,
        "ratio": section.unpacked_max_ratio,
        "photo_mb": section.photo_max_mb,
        "photo_mpx": section.photo_max_mpx,
        "utc_offset_h": section.utc_offset_h,
    }


def _limits(section: ReturnsSection) -> ReaderLimits:
    return ReaderLimits(section.reader_memory_mb, section.reader_cpu_s, section.reader_wall_s)
