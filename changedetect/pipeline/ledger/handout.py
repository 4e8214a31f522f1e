"""Put a finished package where the county finds it, and never take away what the county added.

A package is made beside the old one and takes its place by two renames. A kill in between leaves
the old folder under its waiting name, and the next run puts that back first.
"""

import os
import re
import shutil
from pathlib import Path

from changedetect.codes import is_case_number
from changedetect.errors import InputError

PACKAGES = "packages"
"""Folder of the packages of a month, one folder a county."""

_MAKING, _OLD = f"{PACKAGES}.new", f"{PACKAGES}.old"
_PICTURE = re.compile(r"chips/(?P<number>[^/]+)_[QHT]\.jpg")
_IN_USE = ("-wal", "-shm", "-journal")


def begin(run: Path) -> None:
    """Finish what a killed run left: half-made packages go, waiting old ones are put back or emptied."""
    shutil.rmtree(run / _MAKING, ignore_errors=True)
    (run / PACKAGES).mkdir(exist_ok=True)
    waiting = run / _OLD
    for old in sorted(waiting.iterdir()) if waiting.is_dir() else ():
        place = run / PACKAGES / old.name
        if place.exists():
            _carry_over(old, place)
        else:
            old.rename(place)
    if waiting.is_dir():
        waiting.rmdir()


def make(run: Path, stem: str) -> Path:
    """Return the empty folder in which the package of a county is made."""
    folder = run / _MAKING / stem
    if folder.exists():  # of a process of this run that died over it
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def swap(run: Path, stem: str) -> None:
    """Put a finished package in its place; files in the old one that are not ours move along.

    Raises
    ------
    InputError
        The old package is open in other software; replacing it now would damage the edits.
    """
    made, place, old = run / _MAKING / stem, run / PACKAGES / stem, run / _OLD / stem
    held = [path for end in _IN_USE for path in place.glob(f"*_AJ.gpkg{end}")]
    if held:
        msg = (
            f"{held[0]}: the package beside it is open in other software; a package that nobody "
            "edits was expected; save and close it there, or move that file away if nobody has it open, and run again (案件包正在被打开，请先保存并关闭)"
        )
        raise InputError(msg)
    if place.exists():
        old.parent.mkdir(exist_ok=True)
        place.rename(old)
    made.rename(place)
    if old.exists():
        _carry_over(old, place)
        old.parent.rmdir()


def end(run: Path) -> None:
    """Remove the folder in which packages were made."""
    shutil.rmtree(run / _MAKING, ignore_errors=True)


def written(folder: Path) -> list[Path]:
    """Return the files of a package that we wrote, sorted."""
    found = []
    for place, _, names in os.walk(folder):
        inside = Path(place).relative_to(folder).as_posix()
        begin = "" if inside == "." else f"{inside}/"
        found += [begin + name for name in names if _is_ours(folder.name, begin + name)]
    return [path for path in sorted(folder / name for name in found) if path.is_file()]


def _is_ours(stem: str, name: str) -> bool:
    """Tell whether we write a file of this name, relative to a package's folder."""
    picture = _PICTURE.fullmatch(name)
    if picture:
        return is_case_number(picture["number"])
    return name in (
        f"{stem}_AJ.gpkg", f"{stem}_台账.xlsx", f"{stem}.html", "manifest.json", "verify.py",
    )  # fmt: skip


def _carry_over(old: Path, place: Path) -> None:
    """Move what is not ours to its place in the new package and remove the rest of the old."""
    for path in sorted(old.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        if _is_ours(old.name, path.relative_to(old).as_posix()):
            path.unlink()
            continue
        target = place / path.relative_to(old)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    shutil.rmtree(old)
