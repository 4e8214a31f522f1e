"""Whether compiled code of a kernel lies on disk."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

_INDEX = ".nbi"
"""Ending of the file in which numba lists what it compiled of a function."""


def is_compiled(kernel: Callable[..., Any]) -> bool:
    """Tell whether a kernel, as it is now, was compiled on this machine before.

    Parameters
    ----------
    kernel
        From `kernels._jit`. Code of another processor or version of numba counts, too: it is compiled
        anew where it is needed.
    """
    stats = getattr(kernel, "stats", None)
    if stats is None:  # compiling is switched off (NUMBA_DISABLE_JIT)
        return True
    source = Path(inspect.getfile(getattr(kernel, "py_func", kernel)))
    name = f"{source.stem}.{kernel.__name__}-*{_INDEX}"
    changed = source.stat().st_mtime
    return any(found.stat().st_mtime >= changed for found in Path(stats.cache_path).glob(name))
