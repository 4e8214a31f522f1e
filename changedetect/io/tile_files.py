"""What a tile leaves behind until its step is finished: one small compressed file of arrays."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from changedetect.io.publish import publish


def write_tile(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write the arrays of a tile, complete or not at all."""

    def write(temp: Path) -> None:
        with temp.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)

    publish(path, write, overwrite=True)


def read_tile(path: Path) -> dict[str, np.ndarray] | None:
    """Read the arrays of a tile; None if there is no whole file (it is then done again)."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (FileNotFoundError, zipfile.BadZipFile, EOFError, ValueError):
        return None
