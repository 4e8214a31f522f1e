"""The catalogue as a STAC 1.0.0 item collection: plain JSON values, no network, no validation."""

from typing import Any

import numpy as np

from changedetect.grid import Grid
from changedetect.io.catalogue import Catalogue
from changedetect.io.crs import to_degrees
from changedetect.records import Scene

_EXTENSIONS = (
    "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
    "https://stac-extensions.github.io/view/v1.0.0/schema.json",
)

_COMMON_NAMES = {"swir1": "swir16", "swir2": "swir22"}
"""Role -> common name of the eo extension, where they differ."""

_SHA256_PREFIX = "1220"
"""Multihash code of SHA-256 and its length in bytes."""


def to_stac(catalogue: Catalogue) -> dict[str, Any]:
    """Return an item collection; same catalogue, same values in the same order.

    Footprints are in degrees of the image's own datum (WGS 84 and CGCS2000 agree), four corners; images without georeference have none.
    """
    return {
        "type": "FeatureCollection",
        "features": [_item(scene, catalogue.sizes_bytes[scene.href]) for scene in catalogue.scenes],
    }


def _item(scene: Scene, size_bytes: int) -> dict[str, Any]:
    corners = _corners(scene.grid)
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": list(_EXTENSIONS),
        "id": scene.scene_id,
        "geometry": {"type": "Polygon", "coordinates": [corners]} if corners else None,
        "properties": _properties(scene),
        "links": [],
        "assets": {"data": _asset(scene, size_bytes)},
    }
    if corners:
        x, y = zip(*corners, strict=True)
        item["bbox"] = [min(x), min(y), max(x), max(y)]
    if scene.cloud_href:
        item["assets"]["cloud"] = {
            "href": scene.cloud_href.partition("#")[0],
            "roles": ["cloud"],
            "file:checksum": _SHA256_PREFIX + scene.sha256.partition(":")[2],
        }
    return item


def _properties(scene: Scene) -> dict[str, Any]:
    epsg = int(scene.grid.crs.removeprefix("EPSG:")) if scene.grid.crs else None
    found = {
        "datetime": scene.time.isoformat().replace("+00:00", "Z"),
        "instruments": [scene.sensor],
        "gsd": scene.gsd_m,
        "proj:epsg": epsg,
        "proj:shape": [scene.grid.height, scene.grid.width],
        "proj:transform": list(scene.grid.transform),
        "view:off_nadir": scene.off_nadir_deg,
        "view:sun_elevation": scene.sun_elevation_deg,
        "view:sun_azimuth": scene.sun_azimuth_deg,
    }
    return {key: value for key, value in found.items() if value is not None or key == "proj:epsg"}


def _asset(scene: Scene, size_bytes: int) -> dict[str, Any]:
    asset: dict[str, Any] = {
        "href": scene.href,
        "roles": ["data"],
        "file:checksum": _SHA256_PREFIX + scene.sha256.partition(":")[0],
        "file:size": size_bytes,
        "raster:bands": [
            {
                "data_type": scene.dtype,
                "scale": band.scale,
                "offset": band.offset,
                **({} if scene.nodata is None else {"nodata": _json_number(scene.nodata)}),
            }
            for band in scene.bands
        ],
    }
    if scene.kind != "radar":
        asset["eo:bands"] = [
            {"name": band.role, "common_name": _COMMON_NAMES.get(band.role, band.role)}
            for band in scene.bands
        ]
    return asset


def _json_number(value: float) -> float | str:
    return value if np.isfinite(value) else str(value)


def _corners(grid: Grid) -> list[list[float]]:
    if not grid.crs:
        return []
    west, south, east, north = grid.bounds
    x = [west, east, east, west, west]
    y = [south, south, north, north, south]
    lon, lat = to_degrees(grid.crs).transform(x, y)
    return [[round(float(a), 7), round(float(b), 7)] for a, b in zip(lon, lat, strict=True)]
