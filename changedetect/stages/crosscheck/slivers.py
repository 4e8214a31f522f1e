"""What of an overlap is more than registration error."""

import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.config.crosscheck import CrosscheckSection

from .overlay import shared

EMPTY = shapely.MultiPolygon()

ARC_SEGMENTS = 2
"""Corners of a quarter circle: the width comes out at most 8% short, far below its own meaning."""


def sliver_width_m(gsd_m: float, cfg: CrosscheckSection) -> float:
    """Return the width below which an overlap is registration error. [m]"""
    return max(cfg.sliver_width_m, cfg.sliver_width_px * gsd_m)


def without_slivers(
    overlap: BaseGeometry, ground_m2: float, width_m: float, cfg: CrosscheckSection
) -> BaseGeometry:
    """Drop the thin rims of an overlap, and overlaps that are too small to mean anything.

    What survives shrinking by half the width is kept, with everything of the overlap within the
    full width of it, so that corners stay. An overlap that takes a large share of the ground can
    not come from a shift of one pixel, and stays whole.

    Parameters
    ----------
    overlap
        Polygonal, in a projected CRS. [m]
    ground_m2
        Area of what it overlaps. [m²]
    width_m
        Width of registration error. [m]
    cfg
        Smallest area and largest share.

    Returns
    -------
    BaseGeometry
        Part of the overlap; empty where nothing remains.
    """
    if overlap.is_empty or overlap.area >= cfg.sliver_max_share * ground_m2:
        return overlap
    body = overlap.buffer(-width_m / 2, quad_segs=ARC_SEGMENTS)
    if body.is_empty:
        return EMPTY
    kept = shared(overlap, body.buffer(width_m, quad_segs=ARC_SEGMENTS))
    return kept if kept.area >= cfg.sliver_min_m2 else EMPTY
