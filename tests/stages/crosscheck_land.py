"""An invented pair of counties, 2 km × 1 km, whose every figure can be checked by hand.

Metres east and north of (500000, 3100000) in EPSG:4547, on the central meridian, where the plane
and the ellipsoid agree to 1e-6.

::

    1000 +-----------+----------------------+--------------------+
         | no parcel |   0103 dry land      |                    |
     700 +-----------+----+-------+---------+                    |
         | 0601 works     | 0201  |  0404   |      county B      |
         | (town boundary)|orchard|  grass  |      430992        |
     400 +-------+--------+-------+----+----+      0103          |
         | 0101  | 0101   | 0301  |0702|0103|      dry land      |
         | paddy | paddy  | wood  |203 |203 |                    |
         | PBF   |        |(red)  |    |    |                    |
       0 +-------+--------+-------+----+----+--------------------+
         0      200      400     700  900  1000                2000

Red line: wood below y = 200; its core reserve is x 400 to 500. Shore (HHAX): the western 60 m of the
grass. Nature reserve (ZRBHD): the wood's eastern 100 m. Planned for building (GHFW): the orchard.
"""

from datetime import date
from functools import cache

import geopandas as gpd
import pandas as pd
import shapely
from ruamel.yaml import YAML

from changedetect.config.crosscheck import CrosscheckSection
from changedetect.config.themes import Theme
from changedetect.measure import area_m2, perimeter_m
from changedetect.records import LayerManifest
from changedetect.stages.crosscheck import References, check

CRS = "EPSG:4547"
EAST, NORTH = 500000.0, 3100000.0
A, B = "430991", "430992"
BEFORE, AFTER = date(2025, 5, 1), date(2025, 6, 1)
CFG = CrosscheckSection()
LAYERS = ("DLTB", "YJJBNTBHTB", "STBHHX", "CZKFBJ", "XZQ", "XZ", "C", "HHAX", "ZRBHD", "GHFW")
KINDS = (
    "NZY", "ZS", "GY", "LS", "SS", "ZJD", "CK", "ZJG", "ZZ", "DJ", "JC", "TG", "GH", "ZB", "XF", "HD",
    "CS", "ZR", "ZW", "XA", "ZG",
)  # fmt: skip


def at(x, y, width, height):
    """Rectangle by its lower left corner and its size. [m]"""
    return shapely.box(EAST + x, NORTH + y, EAST + x + width, NORTH + y + height)


def table(rows, columns):
    frame = pd.DataFrame([row[:-1] for row in rows], columns=columns, dtype=object)
    return gpd.GeoDataFrame(frame, geometry=[row[-1] for row in rows], crs=CRS)


def parcels():
    rows = [
        ("P01", "0101", None, at(0, 0, 400, 400)),
        ("P02", "0301", None, at(400, 0, 300, 400)),
        ("P03", "0702", "203", at(700, 0, 200, 400)),
        ("P04", "0103", "203", at(900, 0, 100, 400)),
        ("P05", "0601", None, at(0, 400, 400, 300)),
        ("P06", "0201", None, at(400, 400, 300, 300)),
        ("P07", "0404", None, at(700, 400, 300, 300)),
        ("P08", "0103", None, at(300, 700, 700, 300)),
        ("P09", "0103", None, at(1000, 0, 1000, 1000)),
    ]
    return table(rows, ["parcel_id", "land_class", "settlement"])


def zones(*rows):
    return table(list(rows), ["zone_id", "name"])


def approvals(records):
    columns = ["record_id", "kind", "doc_no", "agency", "approved_on", "valid_to", "project",
               "land_user", "area_m2"]  # fmt: skip
    rows = []
    for number, (kind, shape, approved, valid_to) in enumerate(records, 1):
        doc = f"湘政地（２０２５）{number}号"
        size = shape.area
        rows.append(
            (f"R{number}", kind, doc, "省厅", approved, valid_to, "项目", "某公司", size, shape)
        )
    return table(rows, columns)


CODES = tuple(f"{number:02d}" for number in range(1, 17))
"""Every theme."""

SURVEYED = date(2024, 12, 31)


def manifest(name, covers=(A, B), state="ok", as_of=date(2025, 6, 30)):
    return LayerManifest(name, "2025", as_of, 1, tuple(covers), "00", state)


def as_of(name, stale, surveyed):
    """The parcels are those of the yearly survey; all else is current, or as ``stale`` says."""
    if name == "DLTB":
        return surveyed
    return stale.get(name) if name in stale else date(2025, 6, 30)


def references(records=(), without=(), stale=(), surveyed=SURVEYED, states=()):
    """Everything is known, except the layers named in ``without``: they have no manifest.

    ``stale``: names of layers of 2024, or names with their dates; ``states``: (name, state).
    """
    dated = stale if isinstance(stale, dict) else dict.fromkeys(stale, date(2024, 1, 1))
    told = dict(states)
    manifests = tuple(
        manifest(name, state=told.get(name, "ok"), as_of=as_of(name, dated, surveyed))
        for name in (*LAYERS, *KINDS)
        if name not in without
    )
    farmland = zones(("F1", None, at(0, 0, 200, 400)))
    core = ("L1", "核心保护区", at(400, 0, 100, 200))
    red_line = zones(core, ("L2", "一般控制区", at(500, 0, 200, 200)))
    towns = [
        ("430991100", "西镇", at(0, 0, 500, 1000)),
        ("430991101", "东镇", at(500, 0, 500, 1000)),
    ]
    counties = [(A, "甲县", at(0, 0, 1000, 1000)), (B, "乙县", at(1000, 0, 1000, 1000))]
    return References(
        parcels=parcels().iloc[: 0 if "DLTB" in without else None],
        basic_farmland=farmland.iloc[: 0 if "YJJBNTBHTB" in without else None],
        red_line=red_line.iloc[: 0 if "STBHHX" in without else None],
        town_boundary=zones(("T1", None, at(0, 400, 400, 300))),
        districts=table(counties, ["code", "name"]),
        towns=table(towns, ["code", "name"]),
        villages=table([], ["code", "name"]),
        approvals=approvals(records),
        manifests=manifests,
        zones={
            "HHAX": zones(("S1", "岸线", at(700, 400, 60, 300))),
            "ZRBHD": zones(("N1", "保护地", at(600, 0, 100, 400))),
            "GHFW": zones(("G1", "允许建设", at(400, 400, 300, 300))),
        },
    )


def patches(*rows, **facts):
    """Rows of (patch_id, shape, family); facts overrule the defaults of every row."""
    known = {
        "pixels": 100, "area_sd_m2": 50.0, "llr_mean": 9.0, "llr_max": 12.0,
        "before_scene": "S1", "after_scene": "S2", "before_date": BEFORE, "after_date": AFTER,
        "sources": "optical;series", "against": "", "disputed": False, "optical_llr": 5.0,
        "series_llr": 2.0, "radar_llr": None, "model_llr": None, "family_probability": 0.9, "change_probability": 0.95,
        "before_gsd_m": 2.0, "after_gsd_m": 2.0, **facts,
    }  # fmt: skip
    frame = pd.DataFrame(
        [
            {"patch_id": name, "family": family, "area_m2": area_m2(shape, CRS),
             "perimeter_m": perimeter_m(shape, CRS), **known}
            for name, shape, family in rows
        ]
    )  # fmt: skip
    return gpd.GeoDataFrame(frame, geometry=[shape for _, shape, _ in rows], crs=CRS)


@cache
def theme(repository, code):
    text = (repository / "configs" / "themes" / f"{code}.yaml").read_text(encoding="utf-8")
    return Theme.model_validate(YAML(typ="safe").load(text))


def one(repository, shape, family, *, codes=CODES, refs=None, cfg=CFG, **facts):
    """Check one patch; return its units, without remainders."""
    refs = references() if refs is None else refs
    themes = [theme(repository, code) for code in codes]
    units = check(patches(("P1", shape, family), **facts), refs, themes, CRS, cfg)
    return [unit for unit in units if not unit.parent]
