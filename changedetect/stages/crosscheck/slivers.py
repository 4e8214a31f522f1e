"""What of an overlap is more than registration error."""

import math

import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.config.crosscheck import CrosscheckSection

from .overlay import shared

EMPTY = shapely.MultiPolygon()

ARC_SEGMENTS = 2
"""Corners of a quarter circle: the width comes out at most 8% short, far below its own meaning."""


OF_PATCH = 0.5
"""An overlap at least this wide, as a share of the patch's own width, is no rim of it (our choice)."""


def sliver_width_m(patch: BaseGeometry, gsd_m: float, cfg: CrosscheckSection) -> float:
    """Return the width below which an overlap is registration error. [m]

    A sliver is thin beside its patch: a lane as narrow as the registration error lies in a zone
    over its own whole width, and that is no error.
    """
    own_m = strip_width_m(patch, gsd_m)
    return min(max(cfg.sliver_width_m, cfg.sliver_width_px * gsd_m), OF_PATCH * own_m)


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


def strip_width_m(geometry: BaseGeometry, pixel_m: float) -> float:
    """Estimate the width of a long narrow patch.

    A strip of length L and width w has the area L·w and the perimeter 2(L + w); w is the smaller
    root. The outline on pixel edges is a staircase, so it is smoothed by one pixel first.

    Parameters
    ----------
    geometry
        Patch in a projected CRS.
    pixel_m
        Pixel size. [m]

    Returns
    -------
    float
        Width; the side of a square for a compact patch. [m]

    Examples
    --------
    >>> round(strip_width_m(shapely.box(0, 0, 200, 6), 2.0), 1)
    6.0
    """
    smooth = geometry.simplify(pixel_m)
    half = (smooth if smooth.length > 0 else geometry).length / 2
    root = math.sqrt(max(half**2 - 4 * geometry.area, 0.0))
    return float(half - root) / 2
