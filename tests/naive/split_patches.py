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


def split_by_worth(levels, min_pixels, share, worth, margin):
    """As `split`, but each component has a worth of its own: inf = nothing tells, -inf = no patch.

    ``worth``: set of pixels (frozen), level -> number. A core is taken in place of what is around it
    if one inside is worth more by a margin.
    """
    found = []
    for piece in _components(levels >= 1):
        found += _chosen(piece, levels, 1, (min_pixels, share, worth, margin))
    sets = [(_pixels(piece), level) for piece, level in found if piece.sum() >= min_pixels]
    return {pixels for pixels, level in sets if worth(pixels, level) > -np.inf}


def _pixels(piece):
    return frozenset(zip(*(axis.tolist() for axis in np.nonzero(piece)), strict=True))


def _cores(piece, levels, level, min_pixels):
    return [core for core in _components(piece & (levels > level)) if core.sum() >= min_pixels]


def _best_inside(piece, levels, level, how):
    values = [-np.inf]
    for core in _cores(piece, levels, level, how[0]):
        own = how[2](_pixels(core), level + 1)
        values += [own if own < np.inf else -np.inf, _best_inside(core, levels, level + 1, how)]
    return max(values)


def _chosen(piece, levels, level, how):
    min_pixels, share, worth, margin = how
    cores = _cores(piece, levels, level, min_pixels)
    own = worth(_pixels(piece), level)
    if own == np.inf:
        parted = bool(cores) and max(core.sum() for core in cores) < share * piece.sum()
    else:
        parted = bool(cores) and _best_inside(piece, levels, level, how) > own + margin
    if not parted:
        return [(piece, level)]
    rest, found = piece.copy(), []
    for core in cores:
        rest &= ~core
        found += _chosen(core, levels, level + 1, how)
    return found + [(left, level) for left in _components(rest)]
