"""Memory that goes back to the system when it is let go.

The allocator of the C library keeps what is freed for later use, a heap for each thread, and a heap is
full of holes after blocks of many sizes came and went: a pair of 10,980² px held 375 MB of holes when
its blocks had been read, and 500 MB when its tiles were done. So decoded blocks lie in memory of
their own, and what the rest left behind is given back between two parts of a run.
"""

import ctypes
import math
import mmap
from functools import cache, reduce
from operator import or_

import numpy as np

_FLAGS = ("MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_POPULATE")
"""Not shared with other processes, and there at once, where the system knows such memory."""


def apart(shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> np.ndarray:
    """Return an array in memory of its own, which leaves the process with the array; zeros.

    Parameters
    ----------
    shape, dtype
        Of the array; worth it from some hundred kilobytes on.
    """
    kind = np.dtype(dtype)
    count = math.prod(shape)
    flags = reduce(or_, (getattr(mmap, name, 0) for name in _FLAGS))
    asked = {"flags": flags} if flags else {}
    memory = mmap.mmap(-1, max(count * kind.itemsize, 1), **asked)
    return np.frombuffer(memory, kind, count).reshape(shape)


def give_back() -> None:
    """Give memory that was freed back to the system, where the C library can do so (glibc)."""
    library = _library()
    if library is not None:
        library.malloc_trim(0)


@cache
def _library() -> "ctypes.CDLL | None":
    """Return the C library if it is one that gives memory back when it is asked (glibc)."""
    try:
        library = ctypes.CDLL(None)
        library.malloc_trim.argtypes = (ctypes.c_size_t,)
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return None
    return library
