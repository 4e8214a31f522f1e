"""SHA-256 of files, streamed."""

import hashlib
import os
from pathlib import Path

_CHUNK_BYTES = 1 << 20


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in constant memory.

    Raises
    ------
    OSError
        The file can not be read.
    """
    state = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            state.update(chunk)
    return state.hexdigest()


def sha256_files(paths: list[Path]) -> str:
    """Return one digest for several files: of the lines ``digest  name``, sorted by name.

    The same as ``sha256sum * | sha256sum`` in a folder that holds just these files.
    """
    lines = sorted((path.name, sha256_file(path)) for path in paths)
    text = "".join(f"{digest}  {name}\n" for name, digest in lines)
    return hashlib.sha256(text.encode()).hexdigest()


def forget_cached(path: Path) -> None:
    """Ask the system to drop its copy of a file in memory, so that it is read from the disk again.

    The file must not be in use: opening it drops a database's locks.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)
