"""A picture of a record layer: its ground in grey, counties as lines, faults in colour."""

import io
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline
from shapely.geometry.base import BaseGeometry

from changedetect.io.layer_report import LayerReport

MAX_DRAWN = 20_000
"""Of a larger layer every n-th row is drawn, and the picture says so."""

_SIZE_IN, _DPI = 8.0, 110
_COLOURS = {"fail": "#c62828", "warn": "#ef8f00"}
_RING_POINTS = 60.0
"""Size of the circles around faults, which may be too small to be seen. [point²]"""


def map_png(report: LayerReport, districts: gpd.GeoDataFrame) -> bytes:
    """Draw a layer, as PNG; words in the picture are codes, since fonts differ by machine.

    Parameters
    ----------
    report
        The layer, in the grid's CRS.
    districts
        Counties, in the same.
    """
    figure = Figure(figsize=(_SIZE_IN, _SIZE_IN), dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    shapes = report.shapes
    step = max(1, -(-len(shapes) // MAX_DRAWN))
    _fill(axes, shapes[::step])
    _borders(axes, districts)
    for state, colour in _COLOURS.items():
        _faults(axes, [shape for kind, _, shape in report.marks if kind == state], state, colour)
    axes.set_aspect("equal")
    axes.autoscale_view()
    axes.ticklabel_format(style="plain", useOffset=False)
    axes.tick_params(labelsize=7)
    shown = f", every {step}th row" if step > 1 else ""
    state = report.state.upper()
    axes.set_title(
        f"{report.manifest.name}: {state}, {report.manifest.rows} rows{shown}", fontsize=10
    )
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize=8, loc="best")
    stream = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def _fill(axes: Axes, shapes: np.ndarray) -> None:
    outlines = _outlines(shapes)
    axes.add_collection(
        PathCollection(outlines, facecolor="#cfd8dc", edgecolor="#90a4ae", linewidth=0.3),
        autolim=True,
    )


def _outlines(shapes: np.ndarray) -> list[Outline]:
    parts = shapely.get_parts(shapely.get_parts(shapes))
    surfaces = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    return [_outline(polygon) for polygon in surfaces[~shapely.is_empty(surfaces)]]


def _outline(polygon: BaseGeometry) -> Outline:
    rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(polygon)]
    codes = np.concatenate(
        [[Outline.MOVETO, *[Outline.LINETO] * (len(ring) - 2), Outline.CLOSEPOLY] for ring in rings]
    )
    return Outline(np.concatenate(rings), codes)


def _borders(axes: Axes, districts: gpd.GeoDataFrame) -> None:
    rings = shapely.get_rings(shapely.get_parts(districts.geometry.to_numpy()))
    lines = [shapely.get_coordinates(ring) for ring in rings]
    axes.add_collection(LineCollection(lines, colors="#263238", linewidths=1.0), autolim=True)


def _faults(axes: Axes, shapes: Sequence[BaseGeometry], state: str, colour: str) -> None:
    if not shapes:
        return
    whole = np.array(shapes, dtype=object)
    outlines = _outlines(whole)
    axes.add_collection(
        PathCollection(outlines, facecolor=colour, edgecolor=colour, linewidth=0.8, alpha=0.7)
    )
    points = shapely.get_coordinates(shapely.point_on_surface(whole))
    axes.scatter(
        points[:, 0], points[:, 1], s=_RING_POINTS, facecolors="none", edgecolors=colour,
        label=f"{state} ({len(shapes)})",
    )  # fmt: skip
