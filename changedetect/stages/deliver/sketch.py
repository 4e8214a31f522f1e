"""A sketch of the county as SVG paths: border, patches, ground not observed. No tiles, no server."""

from dataclasses import dataclass

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

    def path(self, geometry: BaseGeometry) -> str:
        """Return a surface as the data of an SVG path."""
        drawn = shapely.transform(
            geometry,
            lambda points: (points - [self.west, self.north]) * [self.scale, -self.scale] + _MARGIN,
        )
        rings = [
            ring
            for part in shapely.get_parts(drawn.simplify(_DETAIL))
            if part.geom_type == "Polygon"
            for ring in (part.exterior, *part.interiors)
        ]
        return " ".join(
            "M"
            + " L".join(f"{x:.1f},{y:.1f}" for x, y in shapely.get_coordinates(ring)[:-1])
            + " Z"
            for ring in rings
        )

    def point(self, geometry: BaseGeometry) -> tuple[float, float]:
        """Return a point inside a surface, in the drawing."""
        inside = shapely.point_on_surface(geometry)
        return (
            round((inside.x - self.west) * self.scale + _MARGIN, 1),
            round((self.north - inside.y) * self.scale + _MARGIN, 1),
        )


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
    shapes = {case.number: unit.geometry for case, unit in package.pairs()}
    patches = []
    for order, (number, tone) in enumerate(tones.items(), 1):
        x, y = frame.point(shapes[number])
        place = {"path": frame.path(shapes[number]), "x": x, "y": y}
        patches.append({"number": number, "order": order, "tone": tone, **place})
    kilo = 1000
    return {
        "width": _WIDTH,
        "height": round((north - south) * scale + 2 * _MARGIN, 1),
        "county": frame.path(package.district_geometry),
        "unobserved": [frame.path(area.geometry) for area in package.unobserved],
        "patches": patches,
        "bar": {
            "length": round(bar_m * scale, 1),
            "label": f"{bar_m // kilo} km" if bar_m >= kilo else f"{bar_m} m",
        },
    }
