"""Reads one returned file; run by `changedetect.io.sandbox` in a limited process, never imported."""

from pathlib import Path
from typing import Any

from changedetect.io.returned.confine import Refused, serve


def read(request: dict[str, Any]) -> dict[str, Any]:
    """Read the file that is asked for: tables of a file, facts of photos, or what a zip holds."""
    caps = request["caps"]
    if request["kind"] == "zip":
        return _unzipped(request)
    if request["kind"] == "photos":
        from changedetect.io.returned.photo_facts import facts_of  # noqa: PLC0415 - only what is needed

        return {"photos": [facts_of(name, Path(path), caps) for name, path in request["photos"]]}
    path = Path(request["path"])
    ending = path.suffix.lower()
    if ending == ".gpkg":
        from changedetect.io.returned.geopackage_rows import read_geopackage as reader  # noqa: PLC0415
    elif ending == ".xlsx":
        from changedetect.io.returned.workbook_rows import read_workbook as reader  # noqa: PLC0415
    elif ending == ".csv":
        from changedetect.io.returned.text_rows import read_text_table as reader  # noqa: PLC0415
    else:
        from changedetect.io.returned.shape_rows import read_shapes as reader  # noqa: PLC0415
    try:
        return reader(path, caps)
    except MemoryError:
        msg = f"{path.name}: it needs more memory than a returned file may use (内存超限)"
        raise Refused(msg) from None


def _unzipped(request: dict[str, Any]) -> dict[str, Any]:
    from changedetect.io.returned.zip_members import ZipLimits, unzip  # noqa: PLC0415 - only what is needed

    path, folder = Path(request["path"]), request["folder"]
    try:
        return unzip(path, Path(folder) if folder else None, ZipLimits(**request["caps"]))
    except MemoryError:
        msg = f"{path}: it needs more memory than a returned file may use (内存超限)"
        raise Refused(msg) from None


if __name__ == "__main__":
    serve(read)
