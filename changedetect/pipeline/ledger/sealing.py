"""A package is sealed when it is written: what it holds, and the program that verifies it anywhere."""

from pathlib import Path

from changedetect.io import seal
from changedetect.io.publish import publish_bytes
from changedetect.pipeline.ledger import handout


def seal_package(folder: Path) -> None:
    """Write the manifest of a finished package and the program that verifies it."""
    files = [path.relative_to(folder).as_posix() for path in handout.written(folder)]
    manifest = seal.manifest_bytes(seal.seal(folder, files))
    publish_bytes(folder / seal.MANIFEST, manifest)
    publish_bytes(folder / "verify.py", Path(seal.__file__).read_bytes())
