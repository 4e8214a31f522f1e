"""Look through and unpack a zip of a county, in a limited process (`child`); see `unpack`.

Nothing is written under a name or a size that the zip chose alone: names are read (UTF-8, else
GBK), cut into parts and refused where they could leave the folder; links, locked and doubled
members are refused; members that lie over one another, and sizes that grow beyond their limits
while they are read, end the file. What is neither a table nor a photo is left out, and named.
"""

import errno
import re
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from changedetect.codes import is_case_number
from changedetect.io.returned.confine import Refused

ENDINGS = frozenset(
    {".jpg", ".jpeg", ".gpkg", ".shp", ".shx", ".dbf", ".prj", ".cpg", ".xlsx", ".csv", ".geojson"}
)
"""Files that are taken out of a zip."""

_UTF8 = 0x800
_LOCKED = 0x1
_UNICODE_PATH = 0x7075
"""Extra field of Info-ZIP with the name in UTF-8."""
_FIELD, _PATH = struct.Struct("<HH"), struct.Struct("<BI")
"""Head of an extra field: kind and size; of that field: version, and CRC of the plain name."""

_WRONG_PART = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_HIDDEN = re.compile(r"(^|/)(\.|__MACOSX/)")
"""What macOS and editors leave beside files."""
_PLACES = frozenset({"photos", "DCIM"})
_OURS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})
_BLOCK = 1 << 20
_MEGA = 1 << 20
_LONGEST = 200
_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class ZipLimits:
    """What a zip may hold: members, all their bytes, and bytes for each byte of the zip."""

    members: int
    unpacked_mb: float
    ratio: float


def unzip(path: Path, folder: Path | None, limits: ZipLimits) -> dict[str, Any]:
    """Look through a zip, and unpack it where a folder is given.

    Parameters
    ----------
    path
        The zip.
    folder
        An empty folder, which what is unpacked takes the place of; None = only look.
    limits
        What it may hold.

    Returns
    -------
    dict
        ``left``: names of what was left out. ``no_room``: why the folder can not be written, if so.

    Raises
    ------
    Refused
        It is no zip, is damaged, or holds what a return can not hold.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members, left = _members(archive, path, limits)
            if folder is not None:
                _write(archive, members, folder, path, limits)
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        EOFError,
        OSError,
        RuntimeError,
    ) as error:
        if getattr(error, "errno", None) in _OURS:
            return {"no_room": str(error)}
        msg = f"{path}: it can not be unpacked ({error}); pack it again (压缩包损坏或无法解压)"
        raise Refused(msg) from error
    return {"left": left}


def _members(
    archive: zipfile.ZipFile, path: Path, limits: ZipLimits
) -> tuple[dict[str, zipfile.ZipInfo], tuple[str, ...]]:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    total = sum(info.file_size for info in infos)
    if len(infos) > limits.members or total > limits.unpacked_mb * _MEGA:
        msg = f"{path}: {len(infos)} files of {total / _MEGA:.0f} MB; at most {limits.members} of {limits.unpacked_mb:g} MB were expected; send it in parts (压缩包过大)"
        raise Refused(msg)
    _check_overlap(infos, path)
    found: dict[str, zipfile.ZipInfo] = {}
    left, seen = [], set()
    for info in infos:
        name = _safe(_name_of(info), path)
        _check_kind(info, name, path)
        if name.lower() in seen:
            msg = f"{path}: {name} is in it twice (压缩包内文件重名)"
            raise Refused(msg)
        seen.add(name.lower())
        if PurePosixPath(name).suffix.lower() in ENDINGS and not _HIDDEN.search(name):
            found[name] = info
        else:
            left.append(name)
    return found, tuple(sorted(left))


def _name_of(info: zipfile.ZipInfo) -> str:
    """Read a name: UTF-8 where the zip says so or it is, else GBK as Chinese Windows writes it."""
    if info.flag_bits & _UTF8:
        return info.orig_filename
    raw = info.orig_filename.encode("cp437")
    told = _unicode_path(info.extra, raw)
    if told is not None:
        return told
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.orig_filename


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    while len(extra) >= _FIELD.size:
        kind, size = _FIELD.unpack_from(extra)
        body, extra = extra[_FIELD.size :][:size], extra[_FIELD.size + size :]
        if kind == _UNICODE_PATH and len(body) > _PATH.size:
            version, about = _PATH.unpack_from(body)
            if version != 1 or about != zlib.crc32(raw):
                return None
            try:
                return body[_PATH.size :].decode("utf-8")
            except UnicodeDecodeError:
                return None
    return None


def _safe(name: str, path: Path) -> str:
    """Return a name as parts joined by ``/``; refuse one that could lead out of a folder."""
    plain = name.replace("\\", "/")
    parts = plain.split("/")
    wrong = (
        plain.startswith("/")
        or len(parts) > _DEEPEST
        or any(part in {"", ".", ".."} or part != part.rstrip(" .") or _WRONG_PART.search(part) for part in parts)
        or len(plain.encode("utf-8", "replace")) > _LONGEST
    )  # fmt: skip
    if wrong:
        msg = f"{path}: it holds {name[:_LONGEST]!r}, a name that no return has; pack the plain folder again (压缩包内含非法路径)"
        raise Refused(msg)
    return plain


def _check_kind(info: zipfile.ZipInfo, name: str, path: Path) -> None:
    mode = info.external_attr >> 16
    if info.flag_bits & _LOCKED:
        msg = f"{path}: {name} is locked by a password; pack it without (压缩包有密码)"
        raise Refused(msg)
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        msg = f"{path}: {name} is a link or a device, not a file (压缩包内含链接)"
        raise Refused(msg)


def _check_overlap(infos: list[zipfile.ZipInfo], path: Path) -> None:
    """Refuse members whose bytes lie over one another: few bytes that unpack to many."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            msg = f"{path}: {info.filename[:_LONGEST]!r} lies over another file in it (压缩包结构异常)"
            raise Refused(msg)
        end = info.header_offset + info.compress_size


def _write(
    archive: zipfile.ZipFile,
    members: dict[str, zipfile.ZipInfo],
    folder: Path,
    path: Path,
    limits: ZipLimits,
) -> None:
    allowed = min(limits.unpacked_mb * _MEGA, max(path.stat().st_size, 1) * limits.ratio)
    for name, info in members.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(info) as source, place.open("xb") as sink:
            while block := source.read(_BLOCK):
                allowed -= len(block)
                if allowed < 0:
                    msg = f"{path}: it unpacks to more than {limits.ratio:g} times its size or {limits.unpacked_mb:g} MB (疑似压缩炸弹，已拒收)"
                    raise Refused(msg)
                sink.write(block)
    _photos_in_place(folder)


def heart(folder: Path) -> Path:
    """Go down through folders that hold nothing but one folder, as archives often have them."""
    while True:
        inside = list(folder.iterdir())
        if len(inside) != 1 or not inside[0].is_dir() or inside[0].name in _PLACES:
            return folder
        folder = inside[0]


def _photos_in_place(folder: Path) -> None:
    """Put folders that are named by cases under ``photos``, where the rest of the program looks."""
    middle = heart(folder)
    if middle.is_dir() and is_case_number(middle.name):
        middle = middle.parent
    named = [place for place in middle.iterdir() if place.is_dir() and is_case_number(place.name)]
    if named and not any((middle / name).exists() for name in _PLACES):
        (middle / "photos").mkdir()
        for place in named:
            place.rename(middle / "photos" / place.name)
