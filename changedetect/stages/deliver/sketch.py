"""A sketch of the county as SVG paths: border, patches, ground not observed. No tiles, no server."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.stages.deliver.package import PackageInput

_WIDTH, _MARGIN = 1000.0, 40.0
"""Size of the drawing and its rim. [drawing unit]"""

_DETAIL = 0.5
"""Detail finer than this is left out of the drawing (of the drawing only). [drawing unit]"""

_BAR_STEPS_M = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
_BAR_SHARE = 5


@dataclass(frozen=True, slots=True)
class _Frame:
    """From the grid's CRS to the drawing, y downwards."""

    west: float
    north: float
    scale: float

    def paths(self, surfaces: Sequence[BaseGeometry]) -> list[str]:
        """Return surfaces as the data of SVG paths."""
        drawn = shapely.transform(
            np.array(surfaces, dtype=object),
            lambda points: (points - [self.west, self.north]) * [self.scale, -self.scale] + _MARGIN,
        )
        parts, owner = shapely.get_parts(shapely.simplify(drawn, _DETAIL), return_index=True)
        is_surface = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
        rings, part = shapely.get_rings(parts[is_surface], return_index=True)
        corners = shapely.get_coordinates(rings).tolist()
        ends = np.cumsum(shapely.get_num_coordinates(rings)).tolist()
        found: list[list[str]] = [[] for _ in surfaces]
        begin = 0
        for surface, end in zip(owner[is_surface][part].tolist(), ends, strict=True):
            text = " L".join([f"{x:.1f},{y:.1f}" for x, y in corners[begin : max(end - 1, begin)]])
            found[surface].append(f"M{text} Z")
            begin = end
        return [" ".join(texts) for texts in found]

    def points(self, surfaces: Sequence[BaseGeometry]) -> list[tuple[float, float]]:
        """Return a point inside each surface, in the drawing."""
        inside = shapely.get_coordinates(shapely.point_on_surface(np.array(surfaces, dtype=object)))
        return [
            (
                round((x - self.west) * self.scale + _MARGIN, 1),
                round((self.north - y) * self.scale + _MARGIN, 1),
            )
            for x, y in inside.tolist()
        ]


def sketch(package: PackageInput, tones: dict[str, str]) -> dict[str, object]:
    """Draw the county.

    Parameters
    ----------
    package
        County, cases and unobserved ground, in a projected CRS. [m]
    tones
        Case number -> tone, in the order of the list; markers carry the place in it.

    Returns
    -------
    dict
        ``width``, ``height``, ``county``, ``unobserved``, ``patches`` (number, order, tone, path, x, y), ``bar``.
    """
    west, south, east, north = package.district_geometry.bounds
    scale = (_WIDTH - 2 * _MARGIN) / (east - west)
    frame = _Frame(west, north, scale)
    fitting = [step for step in _BAR_STEPS_M if step * scale <= _WIDTH / _BAR_SHARE]
    bar_m = fitting[-1] if fitting else _BAR_STEPS_M[0]
    by_number = {case.number: unit.geometry for case, unit in package.pairs()}
    shapes = [by_number[number] for number in tones]
    drawn = zip(tones.items(), frame.paths(shapes), frame.points(shapes), strict=True)
    patches = [
        {"number": number, "order": order, "tone": tone, "path": path, "x": x, "y": y}
        for order, ((number, tone), path, (x, y)) in enumerate(drawn, 1)
    ]
    kilo = 1000
    return {
        "width": _WIDTH,
        "height": round((north - south) * scale + 2 * _MARGIN, 1),
        "county": frame.paths([package.district_geometry])[0],
        "unobserved": frame.paths([area.geometry for area in package.unobserved]),
        "patches": patches,
        "bar": {
            "length": round(bar_m * scale, 1),
            "label": f"{bar_m // kilo} km" if bar_m >= kilo else f"{bar_m} m",
        },
    }
