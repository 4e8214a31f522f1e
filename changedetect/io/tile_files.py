"""What a tile leaves behind until its step is finished: one file of arrays.

Arrays are stored as they are: compressing evidence, which is mostly noise, took four times as long as
measuring it (profile in docs/performance.md) and saved a third.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from changedetect.io.publish import publish

KEY = "_key"
"""Name inside a file under which its key stands; no array may be called so."""

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
        with zipfile.ZipFile(path) as archive:
            stored = [name.removesuffix(".npy") for name in archive.namelist()]
            wanted = stored if names is None else [*names, KEY]
            arrays = {name: _read(archive, name) for name in stored if name in wanted}
    except DAMAGE:
        return None
    found = arrays.pop(KEY, None)
    return arrays if key is None or (found is not None and str(found) == key) else None


def _read(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Read an array whole, which compares its checksum; then its header can be parsed in peace."""
    stream = io.BytesIO(archive.read(f"{name}.npy"))
    return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
