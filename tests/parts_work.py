"""A piece of work for processes of their own: imports little, since each of them imports it."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from changedetect.errors import InputError

LONG_S = 600.0
"""Longer than any test takes: a process that is not ended would still be there. [s]"""


@dataclass(frozen=True)
class Work:
    """Notes who did a piece; fails, dies or waits at one of them, or until another has begun."""

    folder: Path
    fails: int = -1
    dies: int = -1
    times: int = 1
    waits: tuple[int, ...] = ()
    follows: tuple[tuple[int, int], ...] = ()

    def __call__(self, piece):
        notes = self.folder / str(piece)
        seen = int(notes.read_text().split()[1]) if notes.exists() else 0
        made = self.folder / f".{piece}"
        made.write_text(f"{os.getpid()} {seen + 1}")
        made.rename(notes)
        if piece == self.fails:
            msg = f"piece {piece} is wrong"
            raise InputError(msg)
        if piece == self.dies and seen < self.times:
            os.kill(os.getpid(), signal.SIGKILL)
        for other in (other for own, other in self.follows if own == piece):
            while not (self.folder / str(other)).exists():
                time.sleep(0.01)
        if piece in self.waits:
            time.sleep(LONG_S)
        return piece * piece, os.getpid()


@dataclass(frozen=True)
class OnTile:
    """Does a piece of work for a tile: that of its number in the row."""

    work: Work
    size_px: int

    def __call__(self, tile):
        return self.work(tile.core.col // self.size_px)


@dataclass(frozen=True)
class Heavy:
    """More than a pipe holds."""

    load: bytes = bytes(1_000_000)

    def __call__(self, piece):
        return piece + len(self.load)
