"""Before and after as pictures: which window, one stretch for both dates, outlines in pixels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.config.deliver import DeliverSection
from changedetect.errors import GridError
from changedetect.grid import Grid, Window
from changedetect.kernels.scratch import scratch
from changedetect.kernels.stretch import brighten, gather, ranked
from changedetect.records import TimeCode, Unit, Verdict

NOT_OBSERVED_GREY = 160
"""Grey of a pixel that was not observed. [0-255]"""


@dataclass(frozen=True, slots=True)
class OverlaySurface:
    """A surface of the overlay picture: Chinese label, colour (red, green, blue), geometry."""

    label: str
    colour: tuple[int, int, int]
    geometry: BaseGeometry


@dataclass(frozen=True, slots=True)
class PixelOutline:
    """Rings of a surface in pixels of a picture: arrays ``(n, 2)`` of column and row."""

    rings: tuple[np.ndarray, ...]


def chip_window(geometry: BaseGeometry, grid: Grid, config: DeliverSection) -> Window:
    """Choose the square of ground that the pictures of a patch show.

    Parameters
    ----------
    geometry
        The patch, in the grid's CRS.
    grid
        Grid of the images.
    config
        Margin as a share of the patch's longer side; shortest side of a picture.

    Returns
    -------
    Window
        Square round the patch's middle, moved inside the grid; smaller where the grid is.

    Raises
    ------
    GridError
        The patch does not touch the grid.
    """
    west, south, east, north = geometry.bounds
    if not shapely.box(*grid.bounds).intersects(shapely.box(west, south, east, north)):
        msg = (
            f"patch with bounds {geometry.bounds} lies outside the grid {grid.bounds} ({grid.crs}); "
            "patch and grid must share one coordinate system"
        )
        raise GridError(msg)
    side_m = max(
        max(east - west, north - south) * (1 + 2 * config.chip_margin_frac), config.chip_min_side_m
    )
    side = int(np.ceil(side_m / grid.resolution))
    left = int(np.floor(((west + east) / 2 - grid.bounds[0]) / grid.resolution - side / 2))
    top = int(np.floor((grid.bounds[3] - (south + north) / 2) / grid.resolution - side / 2))
    height, width = min(side, grid.height), min(side, grid.width)
    row = min(max(top, 0), grid.height - height)
    col = min(max(left, 0), grid.width - width)
    return Window(row, col, height, width)


def picture_side_px(shape: tuple[int, ...], config: DeliverSection) -> int:
    """Choose the longer side of a picture: where there is little ground, a smaller one shows all of it.

    Parameters
    ----------
    shape
        Rows and columns of the ground that it shows. [pixel]
    config
        Longest and least side; pixels of the picture that a pixel of ground shall have.

    Returns
    -------
    int
        Side. [px]

    Examples
    --------
    >>> [picture_side_px((side, side), DeliverSection()) for side in (20, 192, 220, 900)]
    [384, 384, 440, 512]
    """
    wanted = max(config.chip_least_side_px, math.ceil(config.chip_least_zoom * max(shape[:2])))
    return min(config.chip_side_px, wanted)


def outline_px(geometry: BaseGeometry, grid: Grid) -> PixelOutline:
    """Carry the rings of a surface to pixels of a grid (columns and rows from its corner)."""
    a, _, c, _, e, f = grid.transform
    rings = [
        ring
        for part in shapely.get_parts(geometry)
        if part.geom_type == "Polygon"
        for ring in (part.exterior, *part.interiors)
    ]
    return PixelOutline(tuple((shapely.get_coordinates(ring) - [c, f]) / [a, e] for ring in rings))


def overlay_surfaces(unit: Unit) -> tuple[OverlaySurface, ...]:
    """Return what the overlay picture (套合图) shows inside a unit, in the order of drawing.

    Ground under valid approvals, permanent basic farmland, red line; only what there is. Unknown
    zones are not drawn: the picture shows facts.
    """
    approved = shapely.Polygon()
    if unit.time_code is not TimeCode.LAYER_MISSING and not _is_same(unit):
        approved = unit.geometry.difference(unit.remainder)
    farmland = [piece.geometry for piece in unit.pieces if piece.basic_farmland is Verdict.YES]
    red_line = [piece.geometry for piece in unit.pieces if piece.red_line is Verdict.YES]
    surfaces = (
        OverlaySurface("永久基本农田", (255, 170, 0), shapely.union_all(farmland)),
        OverlaySurface("生态红线", (200, 40, 200), shapely.union_all(red_line)),
        OverlaySurface("有效审批", (40, 190, 90), approved),
    )
    return tuple(surface for surface in surfaces if surface.geometry.area > 0)


def _is_same(unit: Unit) -> bool:
    """Tell whether nothing of a unit is approved: what is left of it is the unit, corner by corner."""
    return bool(shapely.equals_exact(unit.geometry, unit.remainder))


def stretch_pair(
    before: np.ndarray, after: np.ndarray, config: DeliverSection
) -> tuple[np.ndarray, np.ndarray]:
    """Turn two images into pictures with one stretch, so that equal ground looks equal.

    Parameters
    ----------
    before, after
        ``(3, y, x)`` red, green, blue; NaN = not observed. [reflectance, 0-1, or any unit]
    config
        Shares that are clipped. [%]

    Returns
    -------
    tuple of ndarray
        Two uint8 ``(y, x, 3)``; a pixel not observed in any band is grey 160. Limits are the
        percentiles of both dates together, band by band; the upper one goes no further than the
        headroom over the darker date, so that a cloud on one date does not blacken the ground on
        both. A flat band becomes black.
    """
    dates = before, after
    observed = [np.isfinite(date).all(axis=0) for date in dates]
    pictures = [
        np.full((*seen.shape, len(date)), NOT_OBSERVED_GREY, dtype=np.uint8)
        for date, seen in zip(dates, observed, strict=True)
    ]
    if observed[0].any() or observed[1].any():
        for band in range(len(before)):
            low, high = _limits([date[band] for date in dates], observed, config)
            for date, seen, picture in zip(dates, observed, pictures, strict=True):
                brighten(date[band], seen, low, high, picture[..., band])
    return pictures[0], pictures[1]


def _limits(
    dates: Sequence[np.ndarray], observed: Sequence[np.ndarray], config: DeliverSection
) -> tuple[float, float]:
    """Return the darkest and brightest value that a band of both pictures shows."""
    both = scratch("stretch", (sum(date.size for date in dates),), np.float32)
    first = gather(dates[0], observed[0], both)
    count = first + gather(dates[1], observed[1], both[first:])
    ends = config.stretch_low_percent, config.stretch_high_percent
    low, high = _percentiles(both[:count], ends)
    brightest = []
    for date, own in zip(dates, (both[:first], both[first:count]), strict=True):
        finite = np.isfinite(date)
        values = own if np.count_nonzero(finite) == len(own) else date[finite]
        if len(values):
            brightest += _percentiles(values, ends[1:])
    reach = low + config.stretch_headroom * (min(brightest) - low)
    return low, min(high, reach) if reach > low else high


def _percentiles(values: np.ndarray, percents: Sequence[float]) -> list[float]:
    """Return rising percentiles as `numpy.percentile` does, between two numbers linearly."""
    places = [(len(values) - 1) * (percent / 100) for percent in percents]
    ranks = [min(int(place) + k, len(values) - 1) for place in places for k in (0, 1)]
    found = np.empty(len(ranks), np.float32)
    ranked(values, np.array(ranks), found)
    ends = found.astype(float).reshape(-1, 2).tolist()
    return [
        _between(first, second, place - int(place))
        for place, (first, second) in zip(places, ends, strict=True)
    ]


def _between(first: float, second: float, part: float) -> float:
    step = second - first
    return first + step * part if part < 1 / 2 else second - step * (1 - part)
