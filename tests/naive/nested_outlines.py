"""Choice of outlines from its definition: recursion over masks with scipy's labels."""

import numpy as np
from scipy import ndimage

EIGHT = np.ones((3, 3))


def chosen(levels, judge, cfg):
    """Return ``(y, x)`` levels of the patches that pixels belong to, 0 = none.

    ``judge(piece, level)`` gives how sure a component is (None = silent) and its share of new border.
    """
    out = np.zeros(levels.shape, np.int64)
    for piece in _components(levels >= 1):
        if piece.sum() >= cfg.min_pixels:
            for level, part in _chosen(piece, 1, levels, judge, cfg):
                out[part] = level
    return out


def _components(mask):
    labels, count = ndimage.label(mask, EIGHT)
    return [labels == number for number in range(1, count + 1)]


def _cores(piece, level, levels, cfg):
    return [core for core in _components(piece & (levels > level)) if core.sum() >= cfg.min_pixels]


def _surest(piece, level, levels, judge, cfg):
    """Worth of the surest outline inside a component; silent ones count for nearly nothing."""
    best = -np.inf
    for core in _cores(piece, level, levels, cfg):
        worth = judge(core, level + 1)[0]
        best = max(best, -1e300 if worth is None else worth)
        best = max(best, _surest(core, level + 1, levels, judge, cfg))
    return best


def _chosen(piece, level, levels, judge, cfg):
    """List patches as (level, mask), those further inside later."""
    worth = judge(piece, level)[0]
    cores = _cores(piece, level, levels, cfg)
    if worth is None:
        if not cores or max(core.sum() for core in cores) >= cfg.split_share * piece.sum():
            return [(level, piece)]
        return [(level, piece), *_all_in(cores, level, levels, judge, cfg)]
    sure = [(level, piece)] if worth > -np.inf else []
    if _surest(piece, level, levels, judge, cfg) <= worth + cfg.inner_margin_llr:
        return sure
    inside = _all_in(cores, level, levels, judge, cfg)
    own = [one for one in inside if not _silent_and_parted(one, inside)]
    share = judge(piece, level)[1]
    newest = _newest(piece, level, levels, judge, cfg)
    if sure and len(own) > 1 and newest < max(share, cfg.apart_new_share):
        return sure
    return inside


def _newest(piece, level, levels, judge, cfg):
    """Highest share of new border of the sure outlines inside a component that are no specks."""
    best = 0.0
    for core in _cores(piece, level, levels, cfg):
        worth, share = judge(core, level + 1)
        if worth is not None and worth > -np.inf and core.sum() >= cfg.size_from_px:
            best = max(best, share)
        best = max(best, _newest(core, level + 1, levels, judge, cfg))
    return best


def _all_in(cores, level, levels, judge, cfg):
    return [one for core in cores for one in _chosen(core, level + 1, levels, judge, cfg)]


def _silent_and_parted(one, others):
    """What is left of a silent component around its cores does not count as an outline."""
    level, mask = one
    return any(deeper > level and (mask & other).any() for deeper, other in others)
