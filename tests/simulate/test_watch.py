"""Cells, field chiefs and wardens of a simulated county."""

import geopandas as gpd
import shapely
from shapely.geometry import box

from changedetect.grid import Grid
from changedetect.simulate.watch import CELL_M, draw_watch

CRS = "EPSG:4547"
GRID = Grid(CRS, (1.0, 0.0, 500000.0, 0.0, -1.0, 3101000.0), 1000, 1000)


def table(shapes, **columns):
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)


def records():
    west = box(500000, 3100000, 500500, 3101000)
    east = box(500500, 3100000, 501000, 3101000)
    return {
        "YJJBNTBHTB": table([box(500000, 3100000, 500400, 3100400)], YJJBNTTBBH=["1"]),
        "STBHHX": table([box(500900, 3100900, 501000, 3101000)], HXBM=["1"]),
        "XZ": table([west, east], XZDM=["430991101", "430991202"], XZMC=["云塘镇", "竹溪乡"]),
        "C": table([west, east], CDM=["430991101201", "430991202201"], CMC=["禾坪村", "双江村"]),
    }


def test_watch__cells_tile_the_world_and_the_closely_watched_ones_hold_farmland():
    cells = draw_watch(records(), GRID)["YXWG"]
    assert shapely.union_all(cells.geometry.to_numpy()).equals(box(*GRID.bounds))
    assert cells.area.sum() == GRID.width * GRID.height
    assert (cells.area <= CELL_M**2).all()
    assert dict(zip(cells["WGBH"], cells["YXJ"], strict=True))["WG0001"] == "重点"
    assert cells["YXJ"].tolist().count("重点") == 1


def test_watch__every_village_has_a_chief_and_a_warden_every_town_a_chief():
    layers = draw_watch(records(), GRID)
    assert layers["TZ"]["TZJB"].tolist() == ["乡级", "乡级", "村级", "村级"]
    assert layers["TZ"]["TZDW"].tolist()[:2] == ["云塘镇人民政府", "竹溪乡人民政府"]
    assert layers["WGY"]["WGYDW"].tolist() == ["禾坪村网格站", "双江村网格站"]
    assert layers["WGY"]["WGYXM"].str.fullmatch(r".某").all()
