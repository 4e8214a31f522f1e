"""Unpack a zip that a county sent, photos or tables, as data of strangers.

A limited process (`child`, `zip_members`) looks through it and writes what belongs to a return into
a new folder; what lies there is looked at once more before it is taken.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from changedetect.errors import InputError, ResourceError
from changedetect.io.digest import sha256_file
from changedetect.io.publish import publish
from changedetect.io.returned.zip_members import ENDINGS, ZipLimits, heart
from changedetect.io.sandbox import ReaderLimits, read_limited

__all__ = ["ENDINGS", "ZipLimits", "unpack"]

READER = ReaderLimits(memory_mb=1024, cpu_s=300, wall_s=600)
"""What the limited process may use where nothing else is said."""

_CHILD = "changedetect.io.returned.child"


def unpack(
    path: Path, store: Path, limits: ZipLimits, reader: ReaderLimits = READER
) -> tuple[Path, tuple[str, ...]]:
    """Unpack a zip below the store, in a folder named by its digest; a second time it is there already.

    Parameters
    ----------
    path
        The zip.
    store
        Where raw bytes of returns are kept.
    limits
        What it may hold.
    reader
        What the process that unpacks it may use.

    Returns
    -------
    tuple
        The folder to look for tables and photos in, and the names of what was left out.

    Raises
    ------
    InputError
        It is no zip, is damaged, or holds what a return can not hold; nothing is unpacked.
    ResourceError
        The store can not be written.
    """
    digest = sha256_file(path)
    target = store / "unpacked" / digest
    try:
        left = _unpacked(path, target, limits, reader)
        if not (store / f"{digest}.zip").exists():
            publish(store / f"{digest}.zip", lambda temp: _copied(path, temp))
    except OSError as error:
        raise _no_room(store, error) from error
    return heart(target), left


def _unpacked(path: Path, target: Path, limits: ZipLimits, reader: ReaderLimits) -> tuple[str, ...]:
    request = {"kind": "zip", "path": str(path.resolve()), "caps": asdict(limits), "folder": ""}
    if target.exists():
        return _asked(path, request, target, reader)
    target.parent.mkdir(parents=True, exist_ok=True)
    temp = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=target.parent))
    try:
        left = _asked(path, {**request, "folder": str(temp.resolve())}, target, reader)
        _check(temp, path)
        temp.rename(target)
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    return left


def _asked(
    path: Path, request: dict[str, Any], target: Path, reader: ReaderLimits
) -> tuple[str, ...]:
    try:
        said = read_limited(_CHILD, request, reader)
    except InputError as error:
        text = str(error)
        msg = text if str(path) in text else f"{path}: it can not be unpacked ({text})"
        raise InputError(msg) from error
    if "no_room" in said:
        raise _no_room(target.parent, said["no_room"])
    return tuple(map(str, said.get("left", ())))


def _check(folder: Path, path: Path) -> None:
    """Refuse what the process should not have left: links, devices, files of another kind."""
    for place in _below(folder):
        mode = place.lstat().st_mode
        plain = stat.S_ISREG(mode) and place.suffix.lower() in ENDINGS
        if not (plain or stat.S_ISDIR(mode)):
            msg = f"{path}: {place.name} came out of it, which no return holds (压缩包异常，已拒收)"
            raise InputError(msg)


def _below(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder, followlinks=False):
        yield from (Path(root) / name for name in (*folders, *files))


def _no_room(store: Path, why: object) -> ResourceError:
    return ResourceError(
        f"{store}: nothing can be unpacked there ({why}); make room or allow writing, then run again"
    )


def _copied(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
