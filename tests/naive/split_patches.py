"""Parting of patches from its definition: recursion over masks with scipy's labels."""

import numpy as np
from scipy import ndimage

EIGHT = np.ones((3, 3))


def split(levels, min_pixels, share):
    """Return the patches as a set of frozen sets of pixels; ``levels`` 0 = unchanged."""
    found = []
    for piece in _components(levels >= 1):
        found += _parted(piece, levels, 1, min_pixels, share)
    return {
        frozenset(zip(*np.nonzero(piece), strict=True))
        for piece in found
        if piece.sum() >= min_pixels
    }


def _components(mask):
    labels, count = ndimage.label(mask, EIGHT)
    return [labels == number for number in range(1, count + 1)]


def _parted(piece, levels, level, min_pixels, share):
    cores = [core for core in _components(piece & (levels > level)) if core.sum() >= min_pixels]
    if not cores or max(core.sum() for core in cores) >= share * piece.sum():
        return [piece]
    rest = piece.copy()
    found = []
    for core in cores:
        rest &= ~core
        found += _parted(core, levels, level + 1, min_pixels, share)
    return found + _components(rest)
