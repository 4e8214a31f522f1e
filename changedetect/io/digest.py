"""SHA-256 of files, streamed."""

import hashlib
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
