"""Large arrays that a thread uses again and again: touching new memory costs more than arithmetic.

The system clears every page that a program touches first; a tile's arrays are as large as hundreds
of megabytes, and clearing them took longer than filling them. So each thread keeps the arrays of its
last tile and fills them anew.
"""

import math
import threading

import numpy as np

_OWN = threading.local()


def scratch(name: str, shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> np.ndarray:
    """Return an array whose memory this thread used under the same name before.

    Parameters
    ----------
    name
        What it is for. A second call with the same name in the same thread gives the same memory:
        nothing made of the first may be in use then.
    shape, dtype
        Of the array; its contents are whatever was there.

    Returns
    -------
    ndarray
        Of that form, in C order.
    """
    kept: dict[str, np.ndarray] = _OWN.__dict__.setdefault("arrays", {})
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = kept.get(name)
    if memory is None or len(memory) < size:
        memory = kept[name] = np.empty(size, np.uint8)
    return memory[:size].view(dtype).reshape(shape)
