"""Polygons that judge: read with all their columns, burnt on the grid of what they judge."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from rasterio.features import rasterize, shapes
from rasterio.transform import Affine
from shapely.geometry.base import BaseGeometry

from changedetect.config.job import LayerSection
from changedetect.grid import Grid, Window
from changedetect.io.layer_shapes import carry, clean, present_rows
from changedetect.io.layer_source import declared_crs, read_raw

RASTER_SUFFIXES = frozenset({".tif", ".tiff", ".bmp", ".png", ".jpg", ".jpeg", ".jp2", ".img", ""})


def is_raster(path: Path) -> bool:
    """Tell by its name whether a truth file is a raster."""
    return path.is_file() and path.suffix.lower() in RASTER_SUFFIXES


def read_polygons(path: Path, layer: str | None, target_crs: str) -> gpd.GeoDataFrame:
    """Read a polygon layer with all its columns.

    Parameters
    ----------
    layer
        Layer inside the file; None where it has just one.
    target_crs
        Coordinate system of the result; empty = plane coordinates of a picture, as they stand.

    Raises
    ------
    LayerError
        Not readable, no polygons, or no coordinate system where one is needed.
    """
    notes: list[str] = []
    source, raw = read_raw(path, LayerSection(path=str(path), layer=layer), None, notes)
    frame = raw.frame
    shapes_found = np.asarray(frame.geometry.array)
    present = present_rows(shapes_found, raw.rows, notes)
    place, rows = source.place, raw.rows[present]
    whole = clean(shapes_found[present], rows, place, notes)
    columns = frame[present].drop(columns=frame.geometry.name).reset_index(drop=True)
    if not target_crs:
        return gpd.GeoDataFrame(columns, geometry=whole)
    moved = carry(whole, rows, declared_crs(raw, source, None), target_crs, place)
    return gpd.GeoDataFrame(columns, geometry=moved, crs=target_crs)


@dataclass(frozen=True, slots=True)
class Burner:
    """Draws polygons into windows of a grid: a pixel belongs to what covers its centre."""

    grid: Grid
    geometries: Sequence[BaseGeometry]
    tree: shapely.STRtree

    @classmethod
    def of(cls, grid: Grid, geometries: Sequence[BaseGeometry]) -> "Burner":
        """Index the polygons."""
        return cls(grid, geometries, shapely.STRtree(list(geometries)))

    def numbers(self, window: Window) -> np.ndarray:
        """Return 1 + index of the polygon on each pixel, ``(y, x)`` int32; 0 is none.

        Where polygons overlap, the later one counts.
        """
        box = shapely.box(*self.grid.sub(window).bounds)
        found = np.sort(self.tree.query(box, predicate="intersects"))
        if len(found) == 0:
            return np.zeros((window.height, window.width), np.int32)
        drawn = rasterize(
            [(self.geometries[i], int(i) + 1) for i in found],
            out_shape=(window.height, window.width),
            transform=Affine(*self.grid.window_transform(window)),
            dtype="int32",
        )
        return np.asarray(drawn)

    def covers(self, window: Window) -> np.ndarray:
        """Tell which pixels some polygon covers, ``(y, x)`` bool."""
        return np.asarray(self.numbers(window) > 0)


def outlines(mask: np.ndarray, grid: Grid) -> list[BaseGeometry]:
    """Outline groups of pixels that touch (8 neighbours) along their pixel edges.

    Parameters
    ----------
    mask
        ``(y, x)`` bool of the whole grid.
    """
    if not mask.any():
        return []
    found = shapes(
        mask.astype(np.uint8), mask=mask, connectivity=8, transform=Affine(*grid.transform)
    )
    return [shapely.make_valid(shapely.geometry.shape(shape)) for shape, _ in found]
