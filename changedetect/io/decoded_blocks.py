"""Decoded blocks of images, shared by the threads of a process: what halos reach is decoded once.

Tiles overlap by their halos, and a halo of a few pixels touches whole blocks of a file: without this
store, tiles of four by four blocks decoded more than twice as many blocks as a file has. Blocks that
were used longest ago give way; two threads that want the same block decode it once.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

STORE_MB = 256
"""Decoded blocks that a process keeps. [MB]"""


@dataclass(slots=True)
class DecodedBlocks:
    """Least recently used blocks up to a size.

    Attributes
    ----------
    limit_bytes
        Memory of the blocks that are kept, beside those at work.
    """

    limit_bytes: int = STORE_MB * 1_000_000
    _blocks: OrderedDict[Hashable, "Future[np.ndarray]"] = field(default_factory=OrderedDict)
    _bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Hashable, decode: Callable[[], np.ndarray]) -> np.ndarray:
        """Return a block, decoded now or before; it must not be written to.

        Parameters
        ----------
        key
            File, bands and place.
        decode
            Called if the block is not there; what it raises is raised here, and nothing is kept.
        """
        own: Future[np.ndarray] = Future()
        with self._lock:
            found = self._blocks.get(key)
            if found is not None:
                self._blocks.move_to_end(key)
            else:
                self._blocks[key] = own
        if found is not None:
            return found.result()
        try:
            block = decode()
        except BaseException as error:
            with self._lock:
                del self._blocks[key]
            own.set_exception(error)
            raise
        block.setflags(write=False)
        own.set_result(block)
        with self._lock:
            self._bytes += block.nbytes
            self._shrink()
        return block

    def clear(self) -> None:
        """Let all blocks go that are not being decoded just now."""
        with self._lock:
            for key, future in list(self._blocks.items()):
                if future.done():
                    self._bytes -= self._blocks.pop(key).result().nbytes

    def _shrink(self) -> None:
        """Let the oldest finished blocks go until the rest fits."""
        for key, future in list(self._blocks.items()):
            if self._bytes <= self.limit_bytes:
                return
            if future.done():
                self._bytes -= self._blocks.pop(key).result().nbytes
