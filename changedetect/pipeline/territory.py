"""The ground a job answers for: its counties, and the product grid over them."""

import math
from dataclasses import dataclass

import geopandas as gpd

from changedetect import schema
from changedetect.errors import LayerError
from changedetect.grid import Grid
from changedetect.io import vectors
from changedetect.pipeline.job import Job
from changedetect.records import LayerManifest


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


def read_territory(job: Job) -> Territory:
    """Read the counties of a job and lay the product grid over them.

    Raises
    ------
    LayerError
        There is no county, or the layer can not be used.
    """
    config = job.config
    section = config.records.districts
    districts, manifest = vectors.read_layer(
        job.root / section.path,
        spec=schema.DISTRICTS,
        section=section,
        name="XZQ",
        target_crs=config.grid.crs,
    )
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
