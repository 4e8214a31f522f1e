"""Cells of the territory by priority, and the areas of field chiefs and wardens; nobody is real."""

import geopandas as gpd
import numpy as np
import shapely

from changedetect.grid import Grid
from changedetect.simulate.zones import table

CELL_M = 400
"""Side of a cell. [m]"""

_KEY_SHARE = 0.35
"""A cell with more basic farmland or red line than this share is watched closely."""

_SURNAMES = "张李罗刘彭谭周王陈黄"


def draw_watch(records: dict[str, gpd.GeoDataFrame], grid: Grid) -> dict[str, gpd.GeoDataFrame]:
    """Draw cells (YXWG), field chiefs by town and village (TZ), and wardens by village (WGY).

    Nothing is left to chance: it follows from the zones and villages, so that the other layers of a
    world stay what they were.

    Parameters
    ----------
    records
        Layers of the world: basic farmland, red line, towns and villages.
    grid
        Cells of 1 m.
    """
    return {
        "YXWG": _cells(records, grid),
        "TZ": _chiefs(records, grid.crs),
        "WGY": _wardens(records["C"], grid.crs),
    }


def _cells(records: dict[str, gpd.GeoDataFrame], grid: Grid) -> gpd.GeoDataFrame:
    west, south, east, north = grid.bounds
    corners = [
        (x, y) for y in np.arange(south, north, CELL_M) for x in np.arange(west, east, CELL_M)
    ]
    boxes = np.array(
        [shapely.box(x, y, min(x + CELL_M, east), min(y + CELL_M, north)) for x, y in corners]
    )
    kept = [records[name].geometry.to_numpy() for name in ("YJJBNTBHTB", "STBHHX")]
    ground = shapely.union_all(np.concatenate(kept))
    share = shapely.area(shapely.intersection(boxes, ground)) / shapely.area(boxes)
    words = np.where(share > _KEY_SHARE, "重点", "一般").tolist()
    numbers = [f"WG{number:04d}" for number in range(1, len(boxes) + 1)]
    return table({"WGBH": numbers, "YXJ": words}, boxes, grid.crs)


def _chiefs(records: dict[str, gpd.GeoDataFrame], crs: str) -> gpd.GeoDataFrame:
    rows, shapes = [], []
    for layer, code, name, level in (("XZ", "XZDM", "XZMC", "乡级"), ("C", "CDM", "CMC", "村级")):
        found = records[layer]
        for key, place, shape in zip(found[code], found[name], found.geometry, strict=True):
            office = "人民政府" if level == "乡级" else "村民委员会"
            rows.append((f"TZ{key}", _name(str(key), 0), f"{place}{office}", level))
            shapes.append(shape)
    columns = zip(*rows, strict=True)
    names = ("ZRQBH", "TZXM", "TZDW", "TZJB")
    return table(dict(zip(names, map(list, columns), strict=True)), shapes, crs)


def _wardens(villages: gpd.GeoDataFrame, crs: str) -> gpd.GeoDataFrame:
    keys = [str(key) for key in villages["CDM"]]
    return table(
        {
            "WGBH": [f"WGY{key}" for key in keys],
            "WGYXM": [_name(key, 3) for key in keys],
            "WGYDW": [f"{name}网格站" for name in villages["CMC"]],
        },
        villages.geometry.to_numpy(),
        crs,
    )


def _name(key: str, shift: int) -> str:
    return f"{_SURNAMES[(int(key) * 7 + shift) % len(_SURNAMES)]}某"
