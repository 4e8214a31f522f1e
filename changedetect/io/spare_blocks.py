"""Decoded blocks laid aside in files without a name, to be read again instead of decoded again.

Where a whole pair is looked at before its tiles are done, most of its blocks no longer fit into
memory when the tiles come. Writing a block and reading it back costs a fourth of decoding it
(docs/performance.md). A file is unlinked as soon as it is open: nothing is left of it, however the
process ends. Each thread that lays blocks aside has a file of its own, since the system lets one at a
time write to a file. Together they never grow beyond a limit, nor take more than a quarter of the free
disk; without room, or after an error of the disk, blocks are decoded again.
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
"""Decoded blocks that lie in the files at most. [MB]"""

FREE_SHARE = 0.25
"""Share of the free disk that the files may take. [0-1]"""


@dataclass(frozen=True, slots=True)
class _Place:
    """In which file a block lies, where, and its form."""

    number: int
    start: int
    shape: tuple[int, ...]
    dtype: np.dtype


@dataclass(slots=True, eq=False)
class _Own:
    """The file of a thread: its number, and where it ends."""

    number: int
    end: int = 0


@dataclass(slots=True, weakref_slot=True)
class SpareBlocks:
    """Blocks by key in temporary files; safe for several threads.

    Attributes
    ----------
    folder
        Where the files lie.
    limit_bytes
        Largest size of all of them.
    """

    folder: Path
    limit_bytes: int = SPARE_MB * 1_000_000
    _files: dict[int, _Own] = field(default_factory=dict)
    _closing: list[Callable[[], object]] = field(default_factory=list)
    _places: dict[Hashable, _Place] = field(default_factory=dict)
    _bytes: int = 0
    _full: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, key: Hashable, block: np.ndarray) -> bool:
        """Lay a block aside; one that is there stays. Return whether it is there: there may be no room."""
        with self._lock:
            if key in self._places:
                return True
            own = self._own_file()
            if own is None:
                return False
            self._bytes += block.nbytes
            if self._bytes > self.limit_bytes:
                self._full = True
                return False
            start, own.end = own.end, own.end + block.nbytes
        try:
            _write(own.number, np.ascontiguousarray(block), start)
        except OSError:  # the disk is full or gone: what lies there already can still be read
            self._full = True
            return False
        with self._lock:
            if (
                own not in self._files.values()
            ):  # closed in between: its number may be another's now
                return False
            self._places[key] = _Place(own.number, start, block.shape, block.dtype)
        return True

    def get(self, key: Hashable) -> np.ndarray | None:
        """Return a block in new memory; None if it is not there or can not be read."""
        with self._lock:
            place = self._places.get(key)
        if place is None:
            return None
        block = apart(place.shape, place.dtype)
        try:
            return block if _read(place.number, block, place.start) else None
        except OSError:
            return None

    def close(self) -> None:
        """Let all blocks go, and the files with them."""
        with self._lock:
            self._places.clear()
            self._files.clear()
            self._bytes, self._full = 0, False
            for close in self._closing:
                close()
            self._closing.clear()

    def _own_file(self) -> _Own | None:
        """Return the file of this thread, opened at its first use; None without room."""
        if self._full or not hasattr(os, "preadv"):
            return None
        thread = threading.get_ident()
        if thread not in self._files:
            try:
                self._files[thread] = self._opened()
            except OSError:
                self._full = True
                return None
        return self._files[thread]

    def _opened(self) -> _Own:
        if not self._files:
            free = shutil.disk_usage(self.folder).free
            self.limit_bytes = min(self.limit_bytes, int(FREE_SHARE * free))
        number, name = tempfile.mkstemp(dir=self.folder)
        self._closing.append(weakref.finalize(self, os.close, number))
        Path(name).unlink()
        return _Own(number)


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
