"""The land records that patches are checked against, and what is known of each layer.

A record that is absent is not the absence of an approval: whether a layer may be trusted for a
county is told by its manifest, never by whether it holds rows there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from changedetect.codes import APPROVAL_KINDS
from changedetect.errors import GridError
from changedetect.records import LayerManifest
from changedetect.schema import APPROVALS, DISTRICTS, PARCELS, ZONES, TableSpec, check_table

PARCEL_LAYER, FARMLAND_LAYER, RED_LINE_LAYER = "DLTB", "YJJBNTBHTB", "STBHHX"
TOWN_BOUNDARY_LAYER, COUNTY_LAYER = "CZKFBJ", "XZQ"

LAYER_NAMES: dict[str, str] = {
    PARCEL_LAYER: "地类图斑",
    FARMLAND_LAYER: "永久基本农田",
    RED_LINE_LAYER: "生态保护红线",
    TOWN_BOUNDARY_LAYER: "城镇开发边界",
    COUNTY_LAYER: "行政区",
    "ZRBHD": "自然保护地",
    "GHFW": "规划允许建设范围",
    "HHAX": "河湖岸线",
}
"""Names of layers in reasons."""

CORE_MARK = "核心"
"""Part of the name of a red-line zone that is a core reserve."""


@dataclass(frozen=True, slots=True)
class References:
    """Land records in the grid's CRS; a table may be empty, its manifest tells why.

    Attributes
    ----------
    parcels
        schema.PARCELS.
    basic_farmland, red_line, town_boundary
        schema.ZONES; names of core reserves hold 核心.
    districts, towns, villages
        schema.DISTRICTS.
    approvals
        schema.APPROVALS, all kinds in one table.
    manifests
        One a layer: DLTB, YJJBNTBHTB, STBHHX, CZKFBJ, XZQ, XZ, C, and each kind of approval.
        A layer without a manifest is missing.
    zones
        Further zones by short layer name (ZRBHD, GHFW, HHAX …): schema.ZONES.
    """

    parcels: gpd.GeoDataFrame
    basic_farmland: gpd.GeoDataFrame
    red_line: gpd.GeoDataFrame
    town_boundary: gpd.GeoDataFrame
    districts: gpd.GeoDataFrame
    towns: gpd.GeoDataFrame
    villages: gpd.GeoDataFrame
    approvals: gpd.GeoDataFrame
    manifests: tuple[LayerManifest, ...]
    zones: Mapping[str, gpd.GeoDataFrame] = field(default_factory=dict)

    def manifest(self, name: str) -> LayerManifest | None:
        """Return what is known of a layer; None = nothing, so it is missing."""
        return next((found for found in self.manifests if found.name == name), None)

    def covers(self, name: str, district: str) -> bool:
        """Tell whether a layer is declared complete for a district."""
        found = self.manifest(name)
        return found is not None and bool(district) and found.covers_district(district)

    def stale(self, name: str, before: date, after_days: int) -> bool:
        """Tell whether a layer may lack records from before a day: it is older, or undated."""
        found = self.manifest(name)
        if found is None or found.as_of is None:
            return True
        return found.as_of + timedelta(days=after_days) < before


def ordered(refs: References, crs: str) -> References:
    """Check every table and sort its rows by identifier, so that their order means nothing.

    Raises
    ------
    LayerError
        A column is missing or empty where it may not be.
    GridError
        A table is in another coordinate system than the patches.
    """
    return References(
        parcels=_ordered(refs.parcels, PARCELS, crs, PARCEL_LAYER),
        basic_farmland=_ordered(refs.basic_farmland, ZONES, crs, FARMLAND_LAYER),
        red_line=_ordered(refs.red_line, ZONES, crs, RED_LINE_LAYER),
        town_boundary=_ordered(refs.town_boundary, ZONES, crs, TOWN_BOUNDARY_LAYER),
        districts=ordered_districts(refs.districts, crs),
        towns=_ordered(refs.towns, DISTRICTS, crs, "XZ"),
        villages=_ordered(refs.villages, DISTRICTS, crs, "C"),
        approvals=_ordered(refs.approvals, APPROVALS, crs, "SP"),
        manifests=tuple(sorted(refs.manifests, key=lambda found: found.name)),
        zones={
            name: _ordered(table, ZONES, crs, name) for name, table in sorted(refs.zones.items())
        },
    )


def ordered_districts(districts: gpd.GeoDataFrame, crs: str) -> gpd.GeoDataFrame:
    """Check and sort the counties alone; see `ordered`."""
    return _ordered(districts, DISTRICTS, crs, COUNTY_LAYER)


def _ordered(table: gpd.GeoDataFrame, spec: TableSpec, crs: str, where: str) -> gpd.GeoDataFrame:
    check_table(table, spec, where)
    if table.crs is not None and len(table) and not _same_crs(table.crs, crs):
        msg = (
            f"layer {where} is in {table.crs.to_string()}, the patches are in {crs}; "
            "reproject the layer to the grid before the cross-check"
        )
        raise GridError(msg)
    names = [name for name in ("kind", spec.names[0]) if name in table.columns]
    texts = [table[name].astype(str).to_numpy(object) for name in names]  # Arrow's go one by one
    digests = np.full(len(table), b"", object)
    twice = pd.DataFrame(dict(enumerate(texts))).duplicated(keep=False).to_numpy()
    digests[twice] = shapely.to_wkb(table.geometry.to_numpy()[twice])
    keys = list(zip(*texts, digests, strict=True))
    return table.iloc[sorted(range(len(table)), key=keys.__getitem__)].reset_index(drop=True)


def _same_crs(found: CRS, expected: str) -> bool:
    return bool(found.equals(CRS.from_user_input(expected), ignore_axis_order=True))


def kind_name(kind: str) -> str:
    """Return the Chinese name of a layer or kind of approval."""
    return APPROVAL_KINDS.get(kind, LAYER_NAMES.get(kind, kind))
