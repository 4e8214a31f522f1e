"""The ground a job answers for: its counties, and the product grid over them."""

import math
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from changedetect import schema
from changedetect.errors import LayerError
from changedetect.grid import Grid, Window
from changedetect.io import vectors
from changedetect.kernels.levels import between
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.record_layers import COUNTIES
from changedetect.records import LayerManifest


@dataclass(frozen=True, slots=True)
class Land:
    """Which pixels of a grid lie in a county: by their centre, whatever window is asked for.

    Attributes
    ----------
    grid
        The grid.
    edges
        One array a county, ``(edge, 4)`` float64: x and y of the upper end, x and y of the lower.
    """

    grid: Grid
    edges: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, districts: gpd.GeoDataFrame, grid: Grid) -> "Land":
        """Take the borders of counties that are in the grid's CRS."""
        return cls(grid, tuple(_edges(shape) for shape in districts.geometry))

    def inside(self, window: Window) -> np.ndarray:
        """Tell which pixels of a window have their centre in a county.

        Rows of pixel centres are crossed with the borders (even-odd rule). A centre on a border
        belongs to what lies south or east of it, so that counties that share a border share no
        pixel and leave none out.

        Returns
        -------
        ndarray
            ``(y, x)`` bool.
        """
        found = np.zeros((window.height, window.width), bool)
        for edges in self.edges:
            row, col = _crossings(edges, self.grid, window)
            between(row - window.row, col - window.col, found)
        return found


def _edges(shape: shapely.Geometry) -> np.ndarray:
    """List the edges of all rings, ``(edge, 4)``, upper end first; level ones are left out."""
    rings = shapely.get_rings(shapely.get_parts(shape))
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    first, second = corners[:-1][same], corners[1:][same]
    upper = np.where((first[:, 1] >= second[:, 1])[:, None], first, second)
    lower = np.where((first[:, 1] >= second[:, 1])[:, None], second, first)
    edges: np.ndarray = np.hstack([upper, lower])[upper[:, 1] > lower[:, 1]]
    return edges


def _crossings(edges: np.ndarray, grid: Grid, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Cross edges with the rows of a window.

    Returns
    -------
    tuple
        Row of each crossing, and the first column whose centre is not west of it; columns west of
        the window count as its first, columns east of it as the one after its last.
    """
    size, _, left, _, _, top = grid.transform
    first_row, end_row = (
        np.clip(
            np.ceil((top - edges[:, place]) / size - 0.5), window.row, window.row + window.height
        ).astype(np.int64)
        for place in (1, 3)
    )
    rows_each = np.maximum(end_row - first_row, 0)
    which = np.repeat(np.arange(len(edges)), rows_each)
    begin = np.repeat(np.cumsum(rows_each) - rows_each, rows_each)
    row = first_row[which] + np.arange(len(which)) - begin
    x0, y0, x1, y1 = edges[which].T
    y = top - size * (row + 0.5)
    x = x0 + (x1 - x0) * ((y0 - y) / (y0 - y1))
    col = np.ceil((x - left) / size - 0.5)
    return row, np.clip(col, window.col, window.col + window.width).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Territory:
    """Counties and grid.

    Attributes
    ----------
    districts
        schema.DISTRICTS in the grid's CRS.
    manifest
        What is known of the layer.
    grid
        Covers all counties, on whole multiples of the pixel size.
    """

    districts: gpd.GeoDataFrame
    manifest: LayerManifest
    grid: Grid

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Box around all counties: west, south, east, north. [m]"""
        west, south, east, north = (float(value) for value in self.districts.total_bounds)
        return west, south, east, north

    @property
    def land(self) -> Land:
        """Which pixels of the grid lie in a county."""
        return Land.of(self.districts, self.grid)


def read_territory(job: Job) -> Territory:
    """Read the counties of a job and lay the product grid over them.

    Raises
    ------
    LayerError
        There is no county, or the layer can not be used.
    """
    config = job.config
    section = config.records.districts
    kind = vectors.Kind(COUNTIES, schema.DISTRICTS, job.form(section.form or COUNTIES))
    districts, manifest = vectors.read_kind(job.root / section.path, section, kind, config.grid.crs)
    if len(districts) == 0:
        msg = f"{section.path}: no county in it; the districts layer says what is to be watched"
        raise LayerError(msg)
    return Territory(
        districts, manifest, product_grid(districts, config.grid.crs, config.grid.resolution_m)
    )


def product_grid(districts: gpd.GeoDataFrame, crs: str, resolution_m: float) -> Grid:
    """Lay a grid over counties, its lines on whole multiples of the pixel size.

    Any job with the same pixel size gets the same grid lines, so that results of months and
    counties fit on one another.
    """
    west, south, east, north = districts.total_bounds
    left = math.floor(west / resolution_m) * resolution_m
    top = math.ceil(north / resolution_m) * resolution_m
    width = math.ceil((east - left) / resolution_m)
    height = math.ceil((top - south) / resolution_m)
    return Grid(crs, (resolution_m, 0.0, left, 0.0, -resolution_m, top), width, height)
