"""Decoded blocks of images, shared by the threads of a process: what halos reach is decoded once.

Tiles overlap by their halos, and a halo of a few pixels touches whole blocks of a file: without this
store, tiles of four by four blocks decoded more than twice as many blocks as a file has. Blocks that
were used longest ago give way; two threads that want the same block decode it once. Blocks that will
be read again may be laid aside in a file (`spare_blocks`) when they give way.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from changedetect.io.spare_blocks import SpareBlocks

STORE_MB = 256
"""Decoded blocks that a process keeps. [MB]"""


@dataclass(slots=True)
class DecodedBlocks:
    """Least recently used blocks up to a size.

    Attributes
    ----------
    limit_bytes
        Memory of the blocks that are kept, beside those at work.
    spare
        Where blocks that give way are laid aside while `laying_aside`; None = nowhere.
    """

    limit_bytes: int = STORE_MB * 1_000_000
    spare: SpareBlocks | None = None
    _aside: bool = False
    _blocks: OrderedDict[Hashable, "Future[np.ndarray]"] = field(default_factory=OrderedDict)
    _bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(
        self, key: Hashable, decode: Callable[[], np.ndarray], *, costly: bool = True
    ) -> np.ndarray:
        """Return a block, decoded now or before; it must not be written to.

        Parameters
        ----------
        key
            File, bands and place.
        decode
            Called if the block is not there; what it raises is raised here, and nothing is kept.
        costly
            Decoding takes longer than reading back what was laid aside: blocks that now give way
            are.
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
            again = None if self.spare is None else self.spare.get(key)
            block = decode() if again is None else again
        except BaseException as error:
            with self._lock:
                del self._blocks[key]
            own.set_exception(error)
            raise
        block.setflags(write=False)
        own.set_result(block)
        with self._lock:
            self._bytes += block.nbytes
            gone = self._shrink()
        if costly and self._aside and self.spare is not None:
            for key_gone, block_gone in gone:
                self.spare.put(key_gone, block_gone)
        return block

    @property
    def held_bytes(self) -> int:
        """Memory of the blocks that are kept. [byte]"""
        return self._bytes

    @contextmanager
    def laying_aside(self) -> Iterator[None]:
        """Lay aside, inside the block, what gives way: it will be read again."""
        self._aside = True
        try:
            yield
        finally:
            self._aside = False

    def clear(self) -> None:
        """Let all blocks go that are not being decoded just now, and what was laid aside."""
        with self._lock:
            for key, future in list(self._blocks.items()):
                if future.done():
                    self._bytes -= self._blocks.pop(key).result().nbytes
        if self.spare is not None:
            self.spare.close()

    def _shrink(self) -> list[tuple[Hashable, np.ndarray]]:
        """Let the oldest finished blocks go until the rest fits; return them."""
        gone: list[tuple[Hashable, np.ndarray]] = []
        for _ in range(len(self._blocks)):
            if self._bytes <= self.limit_bytes:
                break
            key, future = self._blocks.popitem(last=False)
            if future.done():
                gone.append((key, future.result()))
                self._bytes -= gone[-1][1].nbytes
            else:
                self._blocks[key] = future  # being decoded just now: as good as used
        return gone
