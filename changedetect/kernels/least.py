"""The lesser of two measures of the same ground, on one scale; int16, one pass."""

import numpy as np

from changedetect.kernels._jit import kernel


@kernel
def least_of(
    first: np.ndarray,
    second: np.ndarray,
    shift: float,
    line: tuple[float, float],
    form: tuple[int, int],
    out: np.ndarray,
) -> None:
    """Set ``out`` to a straight line of the lesser of two measures.

    Parameters
    ----------
    first, second
        ``(y, x)`` int16.
    shift
        Added to the second one before they are compared.
    line
        Slope and level: ``slope * min(first, second + shift) + level``, rounded half to even.
    form
        Results are cut at ± the first; the second stands for not observed, in both and in ``out``.
    out
        ``(y, x)`` int16, is set; not observed where either is not.
    """
    slope, level = np.float32(line[0]), np.float32(line[1])
    top, added = np.float32(form[0]), np.float32(shift)
    nothing = np.int32(form[1])
    for y in range(out.shape[0]):
        a, b, target = first[y], second[y], out[y]
        for x in range(len(target)):
            least = min(np.float32(a[x]), np.float32(b[x]) + added)
            value = max(min(np.rint(slope * least + level), top), -top)
            seen = (a[x] != nothing) & (b[x] != nothing)
            target[x] = np.int16(np.int32(value) if seen else nothing)
