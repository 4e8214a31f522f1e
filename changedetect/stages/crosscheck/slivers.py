"""What of an overlap is more than registration error."""

import math
from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.config.crosscheck import CrosscheckSection

from .overlay import polygonal, shared

EMPTY = shapely.MultiPolygon()

ARC_SEGMENTS = 2
"""Corners of a quarter circle: the width comes out at most 8% short, far below its own meaning."""


OF_PATCH = 0.5
"""An overlap at least this wide, as a share of the patch's own width, is no rim of it (our choice)."""


def sliver_widths_m(
    patches: np.ndarray, gsd_m: Sequence[float], cfg: CrosscheckSection
) -> list[float]:
    """Return the width below which an overlap with each of many patches is registration error. [m]

    A sliver is thin beside its patch: a lane as narrow as the registration error lies in a zone
    over its own whole width, and that is no error.
    """
    own_m = _strip_widths_m(patches, gsd_m)
    return [
        min(max(cfg.sliver_width_m, cfg.sliver_width_px * pixel_m), OF_PATCH * width_m)
        for pixel_m, width_m in zip(gsd_m, own_m, strict=True)
    ]


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


def without_slivers_many(
    overlaps: np.ndarray, ground_m2: np.ndarray, width_m: np.ndarray, cfg: CrosscheckSection
) -> np.ndarray:
    """Do `without_slivers` for ``(n,)`` overlaps, areas and widths; the same shapes come out."""
    found = overlaps.copy()
    asked = np.flatnonzero(
        ~shapely.is_empty(overlaps) & (shapely.area(overlaps) < cfg.sliver_max_share * ground_m2)
    )
    width = width_m[asked]
    bodies = shapely.buffer(overlaps[asked], -width / 2, quad_segs=ARC_SEGMENTS)
    found[asked] = EMPTY
    some = np.flatnonzero(~shapely.is_empty(bodies))
    grown = shapely.buffer(bodies[some], width[some], quad_segs=ARC_SEGMENTS)
    kept = polygonal(shapely.intersection(overlaps[asked[some]], grown))
    large = shapely.area(kept) >= cfg.sliver_min_m2
    found[asked[some[large]]] = kept[large]
    return found


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
    return _strip_widths_m(np.array([geometry], dtype=object), [pixel_m])[0]


def _strip_widths_m(patches: np.ndarray, pixel_m: Sequence[float]) -> list[float]:
    smooth = shapely.length(shapely.simplify(patches, np.array(pixel_m)))
    length = np.where(smooth > 0, smooth, shapely.length(patches))
    measured = zip((length / 2).tolist(), shapely.area(patches).tolist(), strict=True)
    return [(half - math.sqrt(max(half**2 - 4 * area, 0.0))) / 2 for half, area in measured]
