"""Memory that goes back to the system when it is let go.

The allocator of the C library keeps what is freed for later use, a heap for each thread, and a heap is
full of holes after blocks of many sizes came and went: a pair of 10,980² px held 375 MB of holes when
its blocks had been read, and 500 MB when its tiles were done. So decoded blocks lie in memory of
their own, of which a little is used again (the system clears every new page, which takes an eighth of the
time of decoding it), and what the rest left behind is given back between two parts of a run.
"""

import ctypes
import gc
import math
import mmap
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, reduce
from operator import or_

import numpy as np

_FLAGS = ("MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_POPULATE")
"""Not shared with other processes, and there at once, where the system knows such memory."""


AGAIN_BYTES = 16_000_000
"""Memory of arrays that are gone which waits for the next ones. [byte]"""

_WAITING: dict[int, list[mmap.mmap]] = {}
_LOCK = threading.RLock()  # an array may go, and its memory come back, in the midst of anything


def apart(shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> np.ndarray:
    """Return an array in memory of its own, which leaves the process with the array and its views.

    Parameters
    ----------
    shape, dtype
        Of the array, whose contents are whatever was there; worth it from some hundred kilobytes on.
    """
    kind = np.dtype(dtype)
    count = math.prod(shape)
    size = max(count * kind.itemsize, 1)
    with _LOCK:
        same = _WAITING.get(size)
        memory = same.pop() if same else None
    if memory is None:
        memory = _new(size)
    array = np.frombuffer(memory, kind, count)
    # Views are made of this array: it goes when the last of them goes.
    weakref.finalize(array, _wait, memory, size).atexit = False
    return array.reshape(shape)


def give_back() -> None:
    """Give memory that was freed back to the system, where the C library can do so (glibc)."""
    with _LOCK:
        _WAITING.clear()
    library = _library()
    if library is not None:
        library.malloc_trim(0)


@contextmanager
def old_left_alone() -> Iterator[None]:
    """Let Python look for cycles only among objects that are made inside.

    It would look through modules and all that is there again and again while records are made, which
    was a tenth of the time of a county.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _new(size: int) -> mmap.mmap:
    flags = reduce(or_, (getattr(mmap, name, 0) for name in _FLAGS))
    asked = {"flags": flags} if flags else {}
    return mmap.mmap(-1, size, **asked)


def _wait(memory: mmap.mmap, size: int) -> None:
    """Keep the memory of an array that is gone, if not too much waits already.

    What waits of other sizes gives way: blocks of a file's edge would wait long for the next of them.
    """
    with _LOCK:
        waiting = sum(one * len(some) for one, some in _WAITING.items())
        for other in [one for one in _WAITING if one != size]:
            if waiting + size > AGAIN_BYTES:
                waiting -= other * len(_WAITING.pop(other))
        if waiting + size <= AGAIN_BYTES:
            _WAITING.setdefault(size, []).append(memory)


@cache
def _library() -> "ctypes.CDLL | None":
    """Return the C library if it is one that gives memory back when it is asked (glibc)."""
    try:
        library = ctypes.CDLL(None)
        library.malloc_trim.argtypes = (ctypes.c_size_t,)
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return None
    return library
