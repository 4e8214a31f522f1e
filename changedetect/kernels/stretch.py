"""Brightness of a picture from numbers between two limits, and where the limits lie."""

import numpy as np

from changedetect.kernels._jit import kernel


@kernel
def brighten(
    band: np.ndarray, observed: np.ndarray, low: float, high: float, out: np.ndarray
) -> None:
    """Write one band of a picture: 0 at the lower limit, 255 at the upper one, cut beyond them.

    Parameters
    ----------
    band
        ``(y, x)`` float32, any unit; NaN only where not observed.
    observed
        ``(y, x)`` bool; other pixels of the picture stay as they are.
    low, high
        Limits; everything is 0 where they are one.
    out
        ``(y, x)`` uint8, any strides. [0-255]
    """
    span = high - low
    for y in range(band.shape[0]):
        for x in range(band.shape[1]):
            if not observed[y, x]:
                continue
            share = (np.float64(band[y, x]) - low) / span if span > 0 else 0.0
            out[y, x] = np.uint8(np.rint(min(max(share, 0.0), 1.0) * 255.0))


_SHIFT = np.uint32(19)
_CLASSES = 1 << 13
_SIGN, _ALL = np.uint32(0x80000000), np.uint32(0xFFFFFFFF)


@kernel
def gather(band: np.ndarray, wanted: np.ndarray, out: np.ndarray) -> int:
    """Write the wanted pixels of a band one after the other; return how many there are.

    Parameters
    ----------
    band, wanted
        ``(y, x)`` float32 and bool.
    out
        ``(n,)`` float32, large enough.
    """
    count = 0
    for y in range(band.shape[0]):
        for x in range(band.shape[1]):
            if wanted[y, x]:
                out[count] = band[y, x]
                count += 1
    return count


@kernel
def ranked(values: np.ndarray, ranks: np.ndarray, out: np.ndarray) -> None:
    """Pick the numbers at some ranks of many: counted by their first bits, few of them sorted.

    Parameters
    ----------
    values
        ``(n,)`` float32, C order, no NaN.
    ranks
        ``(k,)`` int64 from 0 to n - 1, rising; 0 = the smallest.
    out
        ``(k,)`` float32; filled with what ``numpy.sort(values)[ranks]`` gives.
    """
    bits = values.view(np.uint32)
    counts = np.zeros(_CLASSES, np.int32)
    for n in range(bits.size):
        counts[_key(bits[n]) >> _SHIFT] += 1
    known, here, before = -1, 0, 0
    few = values[:0].copy()
    for k in range(ranks.size):
        while before + counts[here] <= ranks[k]:
            before += counts[here]
            here += 1
        if here != known:
            few = np.empty(counts[here], np.float32)
            found = 0
            for n in range(bits.size):
                if np.int64(_key(bits[n]) >> _SHIFT) == here:
                    few[found] = values[n]
                    found += 1
            few.sort()
            known = here
        out[k] = few[ranks[k] - before]


@kernel
def _key(bits: np.uint32) -> np.uint32:
    """Turn the bits of a float32 into a number that orders as it does."""
    return np.uint32(bits ^ (_ALL if bits & _SIGN else _SIGN))
