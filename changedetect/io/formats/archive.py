"""Archives from outside: looked at before anything in them is unpacked."""

import zipfile
from pathlib import Path

from changedetect.errors import LayerError

MAX_UNPACKED_BYTES = 8 * 2**30
"""Largest content of an archive. [byte] Our choice: a province's survey is smaller."""

MAX_RATIO = 500
"""An archive that unpacks to more than this many times its size is a trap."""

MAX_MEMBERS = 20_000


def check_archive(path: Path) -> None:
    """Refuse an archive that is damaged, or that would flood memory or disk.

    Raises
    ------
    LayerError
        Not an archive, cut short, encrypted, or too large when unpacked.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        msg = f"{path}: no readable archive ({error}); it is damaged or cut short: fetch it again"
        raise LayerError(msg) from error
    unpacked = sum(member.file_size for member in members)
    packed = max(path.stat().st_size, 1)
    if any(member.flag_bits & 1 for member in members):
        msg = f"{path}: its members are encrypted; deliver it without a password"
        raise LayerError(msg)
    if unpacked > MAX_UNPACKED_BYTES or unpacked > MAX_RATIO * packed or len(members) > MAX_MEMBERS:
        msg = (
            f"{path}: {len(members)} members of {unpacked} bytes from {packed}; at most {MAX_MEMBERS} "
            f"members, {MAX_UNPACKED_BYTES} bytes and {MAX_RATIO} times the size were expected"
        )
        raise LayerError(msg)
