"""What a tile leaves behind until its step is finished: one file of arrays.

Arrays are stored as they are: compressing evidence, which is mostly noise, took four times as long as
measuring it (profile in docs/performance.md) and saved a third.
"""

import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BufferedReader
from pathlib import Path

import numpy as np

from changedetect.errors import IntegrityError, ResourceError
from changedetect.io.publish import publish

KEY = "_key"
"""Name inside a file under which its key stands; no array may be called so."""

Rows = Callable[[np.ndarray], None]
"""Takes rows of an array that is being written."""

_LENGTHS = 26
"""Where, in what stands before a file in an archive, the lengths of its name and of what follows are."""

_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(?P<kind>[<|][a-z][0-9]+)', 'fortran_order': False, "
    rb"'shape': \((?P<shape>[0-9, ]*)\), \} *\n",
    re.DOTALL,
)
"""Header of nearly every array; others are read by numpy, which parses headers as Python."""

DAMAGE = (
    OSError, EOFError, KeyError, ValueError, RuntimeError, OverflowError,
    zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip
"""What a damaged archive makes its reader raise (RuntimeError: flags of unknown methods or
encryption)."""


def write_tile(path: Path, arrays: Mapping[str, np.ndarray], *, key: str = "") -> None:
    """Write the arrays of a tile, complete or not at all.

    Parameters
    ----------
    path
        Where; an earlier file is replaced.
    arrays
        Name -> array.
    key
        Digest of what the tile depends on.
    """

    def write(temp: Path) -> None:
        with temp.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays, **{KEY: np.array(key)})

    publish(path, write, overwrite=True)


def read_tile(
    path: Path, *, key: str | None = None, names: Sequence[str] | None = None
) -> dict[str, np.ndarray] | None:
    """Read the arrays of a tile; None if there is no whole file of it (it is then done again).

    Parameters
    ----------
    path
        File of `write_tile`.
    key
        What the tile must belong to; None = anything.
    names
        Arrays that are wanted; others are not read, nor looked at. None = all.
    """
    try:
        with path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
            stored = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            wanted = stored if names is None else [*names, KEY]
            arrays = {k: _read(stream, info) for k, info in stored.items() if k in wanted}
    except DAMAGE:
        return None
    found = arrays.pop(KEY, None)
    return arrays if key is None or (found is not None and str(found) == key) else None


def write_rows(
    path: Path,
    name: str,
    shape: tuple[int, ...],
    fill: Callable[[Rows], None],
) -> None:
    """Write an array of whole numbers that comes row by row; the bytes are those of `write_tile`.

    Parameters
    ----------
    path, name
        Where, and under which name.
    shape
        Of the whole array; the first number are its rows.
    fill
        Called once, with what takes the rows, some at a time, in their order: int64.

    Raises
    ------
    ResourceError
        Other rows came than were promised.
    """

    def write(temp: Path) -> None:
        with zipfile.ZipFile(temp, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                form = {"descr": "<i8", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(stream, form)
                come = 0

                def add(rows: np.ndarray) -> None:
                    nonlocal come
                    if rows.shape[1:] != shape[1:]:
                        msg = f"{path}: rows of {rows.shape[1:]} came, {shape[1:]} were promised"
                        raise ResourceError(msg)
                    come += len(rows)
                    stream.write(np.ascontiguousarray(rows, "<i8").tobytes())

                fill(add)
                if come != shape[0]:
                    msg = f"{path}: {come} rows came, {shape[0]} were promised"
                    raise ResourceError(msg)
            with archive.open(f"{KEY}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.array(""), allow_pickle=False)

    publish(path, write, overwrite=True)


def read_rows(path: Path, name: str, most: int) -> Iterator[np.ndarray]:
    """Read an array some rows at a time, in their order; at least once, maybe none.

    Raises
    ------
    IntegrityError
        The file is gone or damaged, which may show only at its end.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as stream:
            np.lib.format.read_magic(stream)
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
            width = dtype.itemsize * math.prod(shape[1:])
            left = shape[0]
            while True:
                rows = min(left, most)
                data = stream.read(rows * width)
                left -= rows
                yield np.frombuffer(data, dtype).reshape(rows, *shape[1:])
                if not left:
                    stream.read(1)  # compares the checksum
                    return
    except DAMAGE as error:
        msg = f"{path}: gone or damaged ({error}); make it again"
        raise IntegrityError(msg) from error


def _read(stream: BufferedReader, info: zipfile.ZipInfo) -> np.ndarray:
    """Read an array whole, and compare its checksum; then its header can be parsed in peace.

    Arrays are stored as they are, so they are read straight from their place: a run reads some ten
    small ones of each tile several times, and an archive's own reader takes four times as long.
    """
    stream.seek(info.header_offset + _LENGTHS)
    name_bytes, extra_bytes = struct.unpack("<HH", stream.read(4))
    stream.seek(name_bytes + extra_bytes, io.SEEK_CUR)
    data = bytearray(stream.read(info.file_size))
    if info.compress_type != zipfile.ZIP_STORED or zlib.crc32(data) != info.CRC:
        msg = f"{info.filename}: not what was written"
        raise zipfile.BadZipFile(msg)
    header = _HEADER.match(data)
    if header is None:
        return np.asarray(np.lib.format.read_array(io.BytesIO(data), allow_pickle=False))
    shape = tuple(int(length) for length in header["shape"].replace(b",", b" ").split())
    values = np.frombuffer(data, header["kind"].decode(), offset=header.end())
    return values.reshape(shape)
