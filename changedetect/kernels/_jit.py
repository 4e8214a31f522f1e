"""The one way in which a kernel is compiled."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


_compile = numba.njit(nogil=True, cache=True, fastmath=False, error_model="numpy")


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
