"""Shares of a month's tiles, each done by a process of its own, and taken over by the whole run.

A share works in a folder of its own under that of the month, with a lock of its own: any number may
run at once, on any machine that sees the folder. The run without a share then finds their tiles and
goes on from there; what a share did not finish, it does itself. Nothing is merged but files whose
names are those of the tiles, so the bytes are those of one run.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from changedetect.errors import ConfigError
from changedetect.io.publish import RunLock
from changedetect.pipeline.runs.context import PARTIAL

SHARDS = "shards"
LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Shard:
    """Which part of how many, from 1."""

    number: int
    count: int

    @classmethod
    def of(cls, text: str) -> "Shard":
        """Read ``i/n``.

        Raises
        ------
        ConfigError
            It is something else.
        """
        first, _, last = text.partition("/")
        if not (first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last)):
            msg = f"--shard {text!r}: i/n was expected, the i-th of n parts, such as 2/8"
            raise ConfigError(msg)
        return cls(int(first), int(last))

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{self.number}-of-{self.count}"


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What a share did.

    Attributes
    ----------
    folder
        Its own.
    share
        Which part of how many.
    tiles
        Tiles that it finished, or found finished.
    problems
        What was left out, a line each; the whole run tries again.
    """

    folder: Path
    share: tuple[int, int]
    tiles: int
    problems: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0, or 3 where something was left out."""
        return PARTIAL if self.problems else 0

    def facts(self) -> dict[str, Any]:
        """Return the report as JSON-able values."""
        return {
            "folder": str(self.folder),
            "shard": list(self.share),
            "tiles": self.tiles,
            "problems": list(self.problems),
            "exit_code": self.exit_code,
        }

    def lines(self) -> list[str]:
        """Return a short summary for people."""
        number, count = self.share
        return [
            f"part {number} of {count}: {self.tiles} tiles are done / 分片完成",
            "when all parts are done, run the same command without --shard / 全部分片完成后去掉 --shard 再运行",
        ]


def adopt(run: Path, tiles: Path) -> int:
    """Move the tiles that shares of a month have done to where the whole run looks for them.

    Parameters
    ----------
    run
        Folder of the month.
    tiles
        Folder of its tiles; its name tells inputs and size of tiles, others are left alone.

    Returns
    -------
    int
        How many were moved.

    Raises
    ------
    LockedError
        A share is still at work.
    """
    moved = 0
    for folder in sorted((run / SHARDS).glob("*-of-*")):
        with RunLock(folder / LOCK):
            for path in sorted((folder / "work" / tiles.name).glob("[!.]*.npz")):
                os.replace(path, tiles / path.name)  # noqa: PTH105 - one rename, nothing copied
                moved += 1
    return moved
