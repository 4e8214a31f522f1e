"""Raw bytes first: every returned file is kept by its digest before anything looks into it."""

import json
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from changedetect.errors import InputError
from changedetect.io.digest import sha256_file, sha256_files
from changedetect.io.publish import publish, publish_bytes

_SIDES = {
    ".shp": (".shx", ".dbf", ".prj", ".cpg"),
    ".gpkg": (),
    ".xlsx": (),
    ".csv": (),
    ".geojson": (),
}
"""Ending -> endings of the files that belong to it."""

_JOURNALS = ("-wal", "-journal")
_PHOTO = re.compile(r"\.jpe?g$", re.IGNORECASE)
_PHOTO_PLACES = {"photos": ("*/*",), "DCIM": ("*", "*/*")}
"""Folder beside the tables -> where photos lie in it."""
_MEGA = 1 << 20
_WAL_MODE = 2


@dataclass(frozen=True, slots=True)
class Returned:
    """A file of a county with those that belong to it; and the photos beside it."""

    path: Path
    members: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A returned file as it is kept: where, under which digest, how it was called."""

    name: str
    digest: str
    members: tuple[tuple[str, Path], ...]


def find_returned(
    places: Sequence[Path],
) -> tuple[tuple[Returned, ...], tuple[tuple[str, Path], ...]]:
    """Find the tables and photos among files and folders that a county sent.

    Parameters
    ----------
    places
        Files, or folders of a package: their GeoPackages, shapefiles, sheets and CSV are taken.

    Returns
    -------
    tuple
        Files sorted by name, and photos as (``photos/AJBH/name.jpg`` or ``DCIM/…``, path), sorted.

    Raises
    ------
    InputError
        A place that is not there, of another kind, or without a file that belongs to it.
    """
    files: dict[Path, Returned] = {}
    photos: dict[str, Path] = {}
    for place in places:
        if not place.exists():
            msg = f"{place}: it is not there; check the name (文件不存在)"
            raise InputError(msg)
        for path in _tables(place) if place.is_dir() else [place]:
            files[path.resolve()] = _with_members(path)
        photos |= _photos(place if place.is_dir() else place.parent)
    ordered = sorted(files.values(), key=lambda file: (file.path.name, str(file.path)))
    return tuple(ordered), tuple(sorted(photos.items()))


def _tables(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SIDES)
    if not found and not any((folder / name).is_dir() for name in _PHOTO_PLACES):
        msg = f"{folder}: neither a table (.gpkg, .shp, .xlsx, .csv) nor photos/ is in it"
        raise InputError(msg)
    return [path for path in found if not path.name.startswith(("~$", "."))]


def _photos(folder: Path) -> dict[str, Path]:
    """Find ``photos/AJBH/name.jpg``, and what cameras and QField leave in ``DCIM`` and one level below."""
    return {
        path.relative_to(folder).as_posix(): path
        for name, patterns in _PHOTO_PLACES.items()
        if (place := folder / name).is_dir() and not place.is_symlink()
        for pattern in patterns
        for path in sorted(place.glob(pattern))
        if path.is_file() and not path.is_symlink() and _PHOTO.search(path.name)
    }


def _with_members(path: Path) -> Returned:
    ending = path.suffix.lower()
    if ending not in _SIDES:
        advice = (
            "unpack it first (请先解压)"
            if ending in {".zip", ".rar", ".7z"}
            else "save it as .xlsx or .gpkg"
        )
        msg = f"{path}: {', '.join(_SIDES)} were expected; {advice}"
        raise InputError(msg)
    members = [path]
    if ending == ".shp":
        beside = {other.name.lower(): other for other in path.parent.iterdir() if other.is_file()}
        for side in _SIDES[ending]:
            if other := beside.get(f"{path.stem}{side}".lower()):
                members.append(other)
            elif side in {".shx", ".dbf"}:
                msg = f"{path}: {path.stem}{side} is missing beside it; send all parts of the shapefile (缺少文件)"
                raise InputError(msg)
    if ending == ".gpkg":
        logs = [path.with_name(path.name + end) for end in _JOURNALS]
        members += [log for log in logs if log.is_file() and log.stat().st_size]
        _check_log(path, members)
    return Returned(path, tuple(members))


def _check_log(path: Path, members: Sequence[Path]) -> None:
    with path.open("rb") as stream:
        head = stream.read(20)
    if head[18:20] == bytes([_WAL_MODE] * 2) and len(members) == 1:
        msg = (
            f"{path}: it was open in other software when it was copied, and its {path.name}-wal is not "
            "beside it, so the last edits may be missing; close the project in QGIS or QField and copy "
            "it again, or send the -wal file too (请关闭工程后重新复制，或一并提交 -wal 文件)"
        )
        raise InputError(msg)


def digest_of(members: Sequence[Path]) -> str:
    """Return the digest of a file, or one for several that belong together."""
    return sha256_file(members[0]) if len(members) == 1 else sha256_files(list(members))


def keep(store: Path, file: Returned, max_mb: float) -> Kept:
    """Copy the raw bytes of a file into the store, under their digests; what is there stays.

    Raises
    ------
    InputError
        It is too large, or it changed while it was copied.
    """
    size = sum(member.stat().st_size for member in file.members)
    if size > max_mb * _MEGA:
        msg = f"{file.path}: {size / _MEGA:.0f} MB; at most {max_mb:g} MB were expected (returns.file_max_mb)"
        raise InputError(msg)
    digest = digest_of(file.members)
    store.mkdir(parents=True, exist_ok=True)
    kept = tuple((member.name, _copy(store, file.path, member)) for member in file.members)
    if len(kept) > 1:
        names = {name: path.name for name, path in kept}
        _put(
            store / f"{digest}.json", (json.dumps(names, sort_keys=True, indent=1) + "\n").encode()
        )
    if digest != digest_of(file.members):
        msg = f"{file.path}: it changed while it was read; close it in other software first (文件正在被修改)"
        raise InputError(msg)
    return Kept(file.path.name, digest, kept)


def _copy(store: Path, main: Path, member: Path) -> Path:
    ending = member.name[len(main.name) - len(main.suffix) :].lower()
    target = store / f"{sha256_file(member)}{ending}"
    if not target.exists():
        publish(target, lambda temp: _copied(member, temp))
    return target


def _copied(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _put(path: Path, data: bytes) -> None:
    if not path.exists():
        publish_bytes(path, data)


def keep_photos(store: Path, photos: Iterable[tuple[str, Path]]) -> None:
    """Keep the raw bytes of photos too."""
    store.mkdir(parents=True, exist_ok=True)
    for _, path in photos:
        target = store / f"{sha256_file(path)}.jpg"
        _put(target, path.read_bytes())
