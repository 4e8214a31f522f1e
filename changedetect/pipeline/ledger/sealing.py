"""A package is sealed when it is written: what it holds, and the program that verifies it anywhere."""

from collections.abc import Mapping
from pathlib import Path

from changedetect.io import seal
from changedetect.io.publish import publish_bytes
from changedetect.pipeline.ledger import handout


def seal_package(folder: Path, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Write the manifest of a finished package and the program that verifies it.

    Parameters
    ----------
    folder
        Of the package.
    known
        Digests of files of it that were read again when they were written, by relative path.

    Returns
    -------
    dict
        Digests of all files that are sealed as files, by relative path.
    """
    told = known or {}
    files = [path.relative_to(folder).as_posix() for path in handout.written(folder)]
    manifest = seal.seal(folder, [name for name in files if name not in told])
    sealed: dict[str, str] = manifest["files"]
    sealed.update({name: told[name] for name in files if name in told})
    publish_bytes(folder / seal.MANIFEST, seal.manifest_bytes(manifest))
    publish_bytes(folder / "verify.py", Path(seal.__file__).read_bytes())
    return sealed
