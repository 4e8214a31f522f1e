"""The one way in which a kernel is compiled."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


_compile = numba.njit(nogil=True, cache=True, fastmath=False, error_model="numpy")
_UNCOUNTED: dict[str, Any] = {"_nrt": False}  # not in numba's types
_compile_uncounted = numba.njit(
    nogil=True, cache=True, fastmath=False, error_model="numpy", **_UNCOUNTED
)


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel: no GIL, one thread, no fast-math, compiled code cached on disk.

    ``parallel=True`` kernels called from several threads can abort the process, and fast-math
    breaks NaN tests, so neither is used: tiling owns the parallelism. The cache sits beside the
    source file or where ``NUMBA_CACHE_DIR`` points. Divisions follow numpy (0 / 0 is NaN): a check
    for zero at every division would keep the compiler from vectorising.

    Parameters
    ----------
    function
        Plain Python function over numpy arrays and scalars.

    Returns
    -------
    Callable
        The compiled function with the same signature.
    """
    return cast("Callable[P, R]", _compile(function))


def uncounted(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel that allocates nothing, and so need not count references to arrays.

    Counting is an atomic operation for every slice and every array in a tuple: where little is done
    between them, it takes as long as the work. Arrays handed in must live on while the kernel runs;
    it makes none and returns none, and what it calls is compiled in the same way.

    Parameters
    ----------
    function
        As of `kernel`.

    Returns
    -------
    Callable
        The compiled function with the same signature.
    """
    return cast("Callable[P, R]", _compile_uncounted(function))
