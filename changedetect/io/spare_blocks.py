"""Decoded blocks laid aside in a file without a name, to be read again instead of decoded again.

Where a whole pair is looked at before its tiles are done, most of its blocks no longer fit into
memory when the tiles come. Writing a block and reading it back costs a fourth of decoding it
(docs/performance.md). The file is unlinked as soon as it is open: nothing is left of it, however the
process ends. It never grows beyond a limit, nor takes more than a quarter of the free disk; without
room, or after an error of the disk, blocks are decoded again.
"""

import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from changedetect.io.memory import apart

SPARE_MB = 4096
"""Decoded blocks that lie in the file at most. [MB]"""

FREE_SHARE = 0.25
"""Share of the free disk that the file may take. [0-1]"""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a block lies in the file, and its form."""

    start: int
    shape: tuple[int, ...]
    dtype: np.dtype


@dataclass(slots=True, weakref_slot=True)
class SpareBlocks:
    """Blocks by key in a temporary file; safe for several threads.

    Attributes
    ----------
    folder
        Where the file lies.
    limit_bytes
        Largest size of the file.
    """

    folder: Path
    limit_bytes: int = SPARE_MB * 1_000_000
    _file: int | None = None
    _closing: Callable[[], object] | None = None
    _places: dict[Hashable, _Place] = field(default_factory=dict)
    _end: int = 0
    _full: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, key: Hashable, block: np.ndarray) -> bool:
        """Lay a block aside; one that is there stays. Return whether it is there: there may be no room."""
        with self._lock:
            if key in self._places:
                return True
            if self._full or not self._opened():
                return False
            start, self._end = self._end, self._end + block.nbytes
            if self._end > self.limit_bytes or self._file is None:
                self._full = True
                return False
            number = self._file
        try:
            _write(number, np.ascontiguousarray(block), start)
        except OSError:  # the disk is full or gone: what lies there already can still be read
            self._full = True
            return False
        with self._lock:
            self._places[key] = _Place(start, block.shape, block.dtype)
        return True

    def get(self, key: Hashable) -> np.ndarray | None:
        """Return a block in new memory; None if it is not there or can not be read."""
        with self._lock:
            place = self._places.get(key)
            if place is None or self._file is None:
                return None
            number = self._file
        block = apart(place.shape, place.dtype)
        try:
            return block if _read(number, block, place.start) else None
        except OSError:
            return None

    def close(self) -> None:
        """Let all blocks go, and the file with them."""
        with self._lock:
            self._places.clear()
            self._end, self._full = 0, False
            if self._closing is not None:
                self._closing()
            self._file = self._closing = None

    def _opened(self) -> bool:
        """Open the file at its first use, if the system can read at places and there is room."""
        if self._file is None:
            try:
                self._open()
            except OSError:
                self._full = True
        return not self._full

    def _open(self) -> None:
        if not hasattr(os, "preadv"):
            self._full = True
            return
        free = shutil.disk_usage(self.folder).free
        self.limit_bytes = min(self.limit_bytes, int(FREE_SHARE * free))
        self._file, name = tempfile.mkstemp(dir=self.folder)
        self._closing = weakref.finalize(self, os.close, self._file)
        Path(name).unlink()


def _write(number: int, block: np.ndarray, start: int) -> None:
    left = block.reshape(-1).view(np.uint8).data
    while len(left):
        done = os.pwrite(number, left, start)
        left, start = left[done:], start + done


def _read(number: int, block: np.ndarray, start: int) -> bool:
    left = block.reshape(-1).view(np.uint8).data
    while len(left):
        done = os.preadv(number, [left], start)
        if done == 0:
            return False
        left, start = left[done:], start + done
    return True
