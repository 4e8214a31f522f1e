"""The lesser of two measures on a straight line, written from the definition."""

import numpy as np


def least(first, second, shift, slope, level, top, nodata):
    if nodata in (first, second):
        return nodata
    value = np.float32(slope) * min(np.float32(first), np.float32(second) + np.float32(shift))
    return int(np.clip(np.rint(value + np.float32(level)), -top, top))
