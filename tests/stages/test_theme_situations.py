"""Situations of the themes beyond 01, 02, 03 and 07, written by hand from the domain files.

Patches: what lies there, what must be said. Watched ground: polygons without a patch. The map
stands in `crosscheck_land`.
"""

from dataclasses import dataclass, field
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changedetect.records import Verdict
from changedetect.stages.crosscheck import (
    Change,
    ClosedCase,
    Greenness,
    Sight,
    check,
    due,
    look,
)
from tests.stages import crosscheck_land as land
from tests.stages import test_crosscheck_situations as first

Case, rec = first.Case, first.rec
BARE = first.BARE
DRY = first.DRY
EARLY = first.EARLY
ENDED = first.ENDED
FIELD = first.FIELD
GRASS = first.GRASS
HALF = first.HALF
INSIDE = first.INSIDE
LATE = first.LATE
OLD = first.OLD
PBF = first.PBF
RED = first.RED
ROAD = first.ROAD
RUNNING = first.RUNNING
SMALL = first.SMALL
TINY = first.TINY
VILLAGE = first.VILLAGE
VILLAGE_FIELD = first.VILLAGE_FIELD
WOOD = first.WOOD
WORKS = first.WORKS
at = land.at
Y, N, U = "yes", "no", "unknown"
FINE = {"before_gsd_m": 0.8, "after_gsd_m": 0.8}
SHORE = at(705, 500, 40, 40)  # grass on the shore
HOUSE = at(250, 150, 14, 14)  # 196 m² on paddy
PBF_HOUSE = at(50, 150, 14, 14)
EDGE = at(655, 100, 14, 14)  # wood beside the village
PAIR = {"sources": "optical"}
TEN = {"before_gsd_m": 10.0, "after_gsd_m": 10.0}

TABLE = [
    # --- 04: a season's series, never one pair; always looked at again ---------------------------
    Case("04 orchard on paddy, seen over a season", FIELD, "planting", [], "04", Y, "22", 2, "须复核", "实地复核"),
    Case("04 orchard on PBF", PBF, "planting", [], "04", Y, "22", 4, "占永久基本农田2.40亩"),
    Case("04 pond on PBF", PBF, "pond", [], "04", Y, "22", 4, "挖塘"),
    Case("04 pond on paddy", FIELD, "pond", [], "04", Y, "22", 2, "挖塘"),
    Case("04 orchard by one pair only", FIELD, "planting", [], "04", U, "02", 2, "影像不足", "时间序列", facts=PAIR),
    Case("04 pond by one pair only", FIELD, "pond", [], "04", U, "02", 2, "", "时间序列", facts=PAIR),
    Case("04 planting on file", FIELD, "planting", [rec("ZW")], "04", N, "36", 1, "合并覆盖"),
    Case("04 in the yearly plan", FIELD, "planting", [rec("JC")], "04", N, "19", 1),
    Case("04 on file later than the change", FIELD, "planting", [rec("ZW", approved=LATE)], "04", Y, "22", 2, "晚于变化"),
    Case("04 half in the plan", FIELD, "planting", [rec("JC", HALF)], "04", Y, "22", 2, "超出备案"),
    Case("04 pond on facility land is asked", FIELD, "pond", [rec("SS")], "04", U, "16", 2, "尚须", "耕作层"),
    Case("04 planting register not given", FIELD, "planting", [], "04", U, "01", 2, "证据不足", "ZW", without=("ZW",)),
    Case("04 plan not given", FIELD, "planting", [], "04", U, "01", 2, "", "JC", without=("JC",)),
    Case("04 no cropland", WOOD, "planting", [], "04", N, "38", 1),
    Case("04 a hall is not its business", FIELD, "building", [], "04", N, "38", 1),
    Case("04 below 400 m²", SMALL, "planting", [], "04", Y, "22", 2, pooled=True),
    Case("04 at 10 m one mu is enough", at(220, 50, 26, 26), "planting", [], "04", Y, "22", 2, facts=TEN),
    Case("04 at 10 m less than one mu is pooled", at(220, 50, 25, 25), "planting", [], "04", Y, "22", 2, pooled=True, facts=TEN),
    Case("04 PBF layer missing: severity stays, said", FIELD, "planting", [], "04", Y, "22", 2, "", "YJJBNTBHTB", without=("YJJBNTBHTB",)),
    # --- 05: a roof of 60-400 m² ------------------------------------------------------------------
    Case("05 house on paddy, fine image", HOUSE, "building", [], "05", Y, "29", 3, "住宅大小", "一户一宅", facts=FINE),
    Case("05 house on PBF", PBF_HOUSE, "building", [], "05", Y, "29", 4, "占永久基本农田", facts=FINE),
    Case("05 at 2 m it is a cue", HOUSE, "building", [], "05", U, "02", 2, "仅作线索", "优于1米"),
    Case("05 at 4 m it is nothing", SMALL, "building", [], "05", U, "02", 2, "影像不足", "优于1米", facts={"after_gsd_m": 4.0}),
    Case("05 with its homestead", HOUSE, "building", [rec("ZJD", HOUSE)], "05", N, "17", 1, facts=FINE),
    Case("05 with its homestead, even at 2 m", HOUSE, "building", [rec("ZJD", HOUSE)], "05", N, "17", 1),
    Case("05 homestead later", HOUSE, "building", [rec("ZJD", HOUSE, LATE)], "05", Y, "29", 3, "晚于建房", facts=FINE),
    Case("05 homestead covers a half", HOUSE, "building", [rec("ZJD", at(250, 150, 7, 14))], "05", Y, "23", 3, "超出宅基地", facts=FINE),
    Case("05 converted land is no farmer's house", HOUSE, "building", [rec("NZY", HOUSE)], "05", N, "12", 1, facts=FINE),
    Case("05 in the village", at(800, 50, 14, 14), "building", [], "05", N, "32", 1, "203", facts=FINE),
    Case("05 at the edge of the village, on wood", EDGE, "building", [], "05", Y, "21", 3, facts=FINE),
    Case("05 a hall of 1600 m² is no house", FIELD, "building", [], "05", N, "38", 1, "只看", facts=FINE),
    Case("05 a hut of 25 m² is no house", at(250, 150, 5, 5), "building", [], "05", N, "38", 1, "只看", pooled=True, facts={**FINE, "area_sd_m2": 10.0}),
    Case("05 420 ± 50 m² may be a house", at(250, 150, 20, 21), "building", [], "05", Y, "29", 3, facts=FINE),
    Case("05 70 m² is pooled", at(250, 150, 7, 10), "building", [], "05", Y, "29", 3, pooled=True, facts=FINE),
    Case("05 homestead register not given", HOUSE, "building", [], "05", U, "01", 2, "", "ZJD", without=("ZJD",), facts=FINE),
    Case("05 hard surface is no house", HOUSE, "hard_surface", [], "05", N, "38", 1, facts=FINE),
    Case("05 planning permit alone asks for the homestead", HOUSE, "building", [rec("GH", HOUSE)], "05", U, "14", 2, "", "宅基地批准文件", facts=FINE),
    # --- 06: 无证 and 越界 apart ---------------------------------------------------------------------
    Case("06 pit on paddy, no right", FIELD, "mining", [], "06", Y, "26", 4, "采矿权"),
    Case("06 pit in the red line", RED, "mining", [], "06", Y, "26", 5, "占生态保护红线"),
    Case("06 pit on works land is asked too", WORKS, "mining", [], "06", Y, "26", 4),
    Case("06 sand permit", GRASS, "mining", [rec("CS", GRASS)], "06", N, "18", 1),
    Case("06 temporary land", WOOD, "mining", [rec("LS", WOOD, valid_to=RUNNING)], "06", N, "15", 1),
    Case("06 restoration", WOOD, "mining", [rec("XF", WOOD)], "06", N, "19", 1),
    Case("06 right later than the pit", WOOD, "mining", [rec("CK", WOOD, LATE, RUNNING)], "06", Y, "26", 4, "晚于采挖"),
    Case("06 right granted between the images", WOOD, "mining", [rec("CK", WOOD, INSIDE, RUNNING)], "06", U, "18", 2, "", "动工日期"),
    Case("06 1 m beyond the right is the position's error", WOOD, "mining", [rec("CK", at(451, 250, 40, 40), OLD, RUNNING)], "06", N, "18", 1),
    Case("06 10 m beyond the right", WOOD, "mining", [rec("CK", at(460, 250, 40, 40), OLD, RUNNING)], "06", Y, "27", 4, "未批面积0.60亩"),
    Case("06 sand permit layer missing", WOOD, "mining", [], "06", U, "01", 2, "", "CS", without=("CS",)),
    Case("06 10 m images give a cue", at(420, 210, 100, 100), "mining", [], "06", U, "02", 2, "仅作线索", "优于2米", facts=TEN),
    Case("06 a building is not its business", FIELD, "building", [], "06", N, "38", 1),
    Case("06 300 m² is pooled", at(450, 250, 17, 17), "mining", [], "06", Y, "26", 4, pooled=True),
    # --- 09: clustered construction outside the boundary ------------------------------------------
    Case("09 a hall of 2400 m² outside the boundary", at(250, 50, 60, 40), "building", [], "09", Y, "21", 3, "城镇开发边界外"),
    Case("09 one of 1600 m² stands alone", FIELD, "building", [], "09", N, "38", 1, "不属成片"),
    Case("09 inside the boundary", at(50, 450, 60, 60), "building", [], "09", N, "38", 1, "不在城镇开发边界以外"),
    Case("09 on the entry list", at(250, 50, 60, 40), "building", [rec("ZR", at(250, 50, 60, 40))], "09", N, "14", 1),
    Case("09 converted", at(250, 50, 60, 40), "building", [rec("NZY", at(250, 50, 60, 40))], "09", N, "12", 1),
    Case("09 supplied only", at(250, 50, 60, 40), "building", [rec("GY", at(250, 50, 60, 40))], "09", U, "13", 2, "", "准入清单"),
    Case("09 village plan", at(250, 50, 60, 40), "building", [rec("GH", at(250, 50, 60, 40))], "09", N, "14", 1),
    Case("09 in the village", at(710, 50, 60, 60), "building", [], "09", N, "32", 1),
    Case("09 boundary not given", at(250, 50, 60, 40), "building", [], "09", U, "01", 2, "", "CZKFBJ", without=("CZKFBJ",)),
    Case("09 entry list not given", at(250, 50, 60, 40), "building", [], "09", U, "01", 2, "", "ZR", without=("ZR",)),
    Case("09 beyond the entry list", at(250, 50, 60, 40), "building", [rec("ZR", at(250, 50, 30, 40))], "09", Y, "23", 3, "未批面积1.80亩"),
    Case("09 a road is not its business", ROAD, "road", [], "09", N, "38", 1),
    Case("02 an entry list is no approval of land", at(250, 50, 60, 40), "building", [rec("ZR", at(250, 50, 60, 40))], "02", Y, "21", 3, "未批面积3.60亩"),
    # --- 10: facility farm land -------------------------------------------------------------------
    Case("10 greenhouse without record", FIELD, "greenhouse", [], "10", Y, "25", 3, "未见备案", "上图"),
    Case("10 greenhouse on record", FIELD, "greenhouse", [rec("SS")], "10", N, "16", 1),
    Case("10 greenhouse on record, on PBF: its use is asked", PBF, "greenhouse", [rec("SS", PBF)], "10", U, "16", 2, "", "耕作层"),
    Case("10 shed inside its record", FIELD, "building", [rec("SS")], "10", N, "16", 1),
    Case("10 panels on facility land", FIELD, "photovoltaic", [rec("SS")], "10", Y, "25", 3, "用途不符"),
    Case("10 beyond its record", FIELD, "building", [rec("SS", HALF)], "10", Y, "25", 3, "超出备案范围"),
    Case("10 beyond its record, hard, on PBF", PBF, "building", [rec("SS", at(50, 50, 20, 40))], "10", Y, "25", 4, "永久基本农田"),
    Case("10 record ran out", FIELD, "greenhouse", [rec("SS", approved=OLD, valid_to=ENDED)], "10", Y, "25", 3, "到期"),
    Case("10 record later", FIELD, "greenhouse", [rec("SS", approved=LATE)], "10", Y, "25", 3, "晚于建设"),
    Case("10 a hall without record is theme 02's", FIELD, "building", [], "10", N, "38", 1, "无关"),
    Case("10 register not given", FIELD, "greenhouse", [], "10", U, "01", 2, "", "SS", without=("SS",)),
    Case("10 works land", WORKS, "greenhouse", [], "10", N, "38", 1),
    # --- 11: something permanent on temporary land ------------------------------------------------
    Case("11 house on temporary land", FIELD, "building", [rec("LS", valid_to=RUNNING)], "11", Y, "21", 4, "永久性建筑"),
    Case("11 concrete on temporary land off cropland", WOOD, "hard_surface", [rec("LS", WOOD, valid_to=RUNNING)], "11", Y, "21", 3),
    Case("11 converted as well", FIELD, "building", [rec("LS", valid_to=RUNNING), rec("NZY")], "11", N, "12", 1),
    Case("11 earthwork is what it is for", FIELD, "earthwork", [rec("LS", valid_to=RUNNING)], "11", N, "38", 1),
    Case("11 no temporary land", FIELD, "building", [], "11", N, "38", 1, "不在临时用地批准范围内"),
    Case("11 ran out before: no such ground any more", FIELD, "building", [rec("LS", approved=OLD, valid_to=ENDED)], "11", N, "38", 1),
    Case("11 temporary layer not given", FIELD, "building", [], "11", U, "01", 2, "", "LS", without=("LS",)),
    Case("11 half of it on temporary land", FIELD, "building", [rec("LS", HALF, valid_to=RUNNING)], "11", Y, "21", 4, "涉及本专题1.20亩"),
    # --- 14: the negative list inside a project ----------------------------------------------------
    Case("14 pit inside a project", WOOD, "mining", [rec("ZZ", WOOD)], "14", Y, "45", 3, "采矿"),
    Case("14 pit in project and red line", RED, "mining", [rec("ZZ", RED)], "14", Y, "45", 4),
    Case("14 digging a wooded hill", WOOD, "earthwork", [rec("ZZ", WOOD)], "14", Y, "45", 3, "挖山"),
    Case("14 levelling fields is what it is for", FIELD, "earthwork", [rec("ZZ")], "14", N, "38", 1, "负面清单"),
    Case("14 pond dug in its cropland", FIELD, "pond", [rec("ZZ")], "14", Y, "45", 3, "挖塘"),
    Case("14 razed houses", VILLAGE, "demolition", [rec("ZZ", VILLAGE)], "14", Y, "45", 3, "拆除村庄"),
    Case("14 demolition off the village", WORKS, "demolition", [rec("ZZ", WORKS)], "14", N, "38", 1),
    Case("14 converted building", WOOD, "building", [rec("ZZ", WOOD), rec("NZY", WOOD)], "14", N, "12", 1),
    Case("14 outside every project", WOOD, "mining", [], "14", N, "38", 1, "不在土地整治项目区内"),
    Case("14 projects not given", WOOD, "mining", [], "14", U, "01", 2, "", "ZZ", without=("ZZ",)),
    # --- 16: shore ---------------------------------------------------------------------------------
    Case("16 hall on the shore", SHORE, "building", [], "16", Y, "47", 4, "岸线", "涉河许可"),
    Case("16 with a water permit", SHORE, "building", [rec("HD", SHORE)], "16", N, "14", 1),
    Case("16 beyond the permit", SHORE, "building", [rec("HD", at(705, 500, 20, 40))], "16", Y, "23", 4, "超出涉河许可"),
    Case("16 sand pit", SHORE, "mining", [], "16", Y, "26", 4, "采砂"),
    Case("16 sand pit with its permit", SHORE, "mining", [rec("CS", SHORE)], "16", N, "18", 1),
    Case("16 off the shore", GRASS, "building", [], "16", N, "38", 1, "不在河湖岸线内"),
    Case("16 half on the shore", at(740, 500, 40, 40), "building", [], "16", Y, "47", 4, "涉及本专题1.20亩"),
    Case("16 shore not given", SHORE, "building", [], "16", U, "01", 2, "", "HHAX 河湖岸线图层", without=("HHAX",)),
    Case("16 permits not given", SHORE, "building", [], "16", U, "01", 2, "", "HD", without=("HD",)),
    Case("16 a rim of 1 m is registration error", at(759, 500, 40, 40), "building", [], "16", N, "38", 1, "不在河湖岸线内"),
    # --- every theme -----------------------------------------------------------------------------
    Case("06 outside every county", at(2100, 50, 40, 40), "mining", [], "06", U, "01", 2, "县级行政区", "XZQ"),
    Case("16 rejected by the classifier", SHORE, "building", [], "16", N, "34", 1, "伪变化", facts={"change_probability": 0.05}),
    Case("09 ground that no parcel names", at(100, 760, 60, 60), "building", [], "09", U, "01", 2, "", "DLTB"),
    Case("10 ground that no parcel names", BARE, "greenhouse", [], "10", U, "01", 2, "", "DLTB"),
    Case("05 village field", VILLAGE_FIELD, "building", [], "05", N, "32", 1),
    Case("04 dry land", DRY, "planting", [], "04", Y, "22", 2),
    Case("05 100 m² at 2 m is a cue", TINY, "building", [], "05", U, "02", 2, "仅作线索"),
]  # fmt: skip


@pytest.mark.parametrize("case", TABLE, ids=[case.name for case in TABLE])
def test_theme_situation(case, repository):
    first.test_situation(case, repository)


# --- watched ground ------------------------------------------------------------------------------

PLOT = at(250, 50, 40, 40)  # paddy, 2.4 mu
YARD = at(50, 450, 40, 40)  # industrial land in the survey: built


@dataclass(frozen=True)
class Watch:
    """One row about a watched polygon: record, what was seen, what must be said."""

    name: str
    records: list
    theme: str
    verdict: str | None
    suggestion: str = ""
    severity: int = 0
    says: str = ""
    missing: str = ""
    changes: list = field(default_factory=list)
    green: float | None = None
    cropped: float | None = None
    unseen: object = None
    without: tuple = ()
    closed: list = field(default_factory=list)


def change(family, where=PLOT, seen=land.AFTER, sure=True):
    return Change(family, seen, sure, where)


def green_of(watched, row):
    if row.green is None and row.cropped is None:
        return {}
    return {
        one.watch_id: Greenness(one.watch_id, row.green, row.cropped, 9, land.BEFORE, land.AFTER)
        for one in watched
    }


TWO_YEARS, ONE_YEAR, MONTHS = date(2023, 3, 1), date(2024, 3, 1), date(2025, 1, 1)
LEASE = rec("LS", PLOT, OLD, ENDED)
WATCHES = [
    # --- 08 --------------------------------------------------------------------------------------
    Watch("08 supplied two years ago, nothing built", [rec("GY", PLOT, TWO_YEARS)], "08", Y, "42", 3, "满两年未动工", "闲置原因"),
    Watch("08 supplied over a year ago, nothing built", [rec("GY", PLOT, ONE_YEAR)], "08", Y, "42", 2, "满一年未动工"),
    Watch("08 supplied this year: not asked yet", [rec("GY", PLOT, MONTHS)], "08", None),
    Watch("08 supplied and built by the survey", [rec("GY", YARD, TWO_YEARS)], "08", N, "40", 2, "已建比例100%"),
    Watch("08 supplied, built this month", [rec("GY", PLOT, TWO_YEARS)], "08", N, "40", 2, "", changes=[change("building")]),
    Watch("08 supplied, a quarter built", [rec("GY", PLOT, TWO_YEARS)], "08", Y, "42", 2, "不足三分之一", changes=[change("building", at(250, 50, 10, 40))]),
    Watch("08 supplied, half built", [rec("GY", PLOT, TWO_YEARS)], "08", N, "40", 2, "", changes=[change("building", HALF)]),
    Watch("08 supplied, a doubtful change", [rec("GY", PLOT, TWO_YEARS)], "08", U, "02", 2, "影像不足", "变化类型", changes=[change("building", sure=False)]),
    Watch("08 supplied, not observed this month", [rec("GY", PLOT, TWO_YEARS)], "08", U, "02", 2, "未监测100%", "未监测部分", unseen=PLOT),
    Watch("08 not observed, but green all the season", [rec("GY", PLOT, TWO_YEARS)], "08", Y, "42", 3, "", unseen=PLOT, green=1.0),
    Watch("08 parcels not given", [rec("GY", PLOT, TWO_YEARS)], "08", U, "01", 2, "", "DLTB", without=("DLTB",)),
    Watch("08 supplied, no date", [rec("GY", PLOT, None)], "08", U, "01", 2, "日期不详", "日期"),
    Watch("08 converted over two years ago, never supplied", [rec("NZY", PLOT, date(2023, 5, 1))], "08", Y, "41", 2, "未供应", "未供原因"),
    Watch("08 converted and supplied: watched as supplied only", [rec("NZY", PLOT, TWO_YEARS), rec("GY", PLOT, MONTHS)], "08", None),
    Watch("08 converted, half supplied: the other half", [rec("NZY", PLOT, TWO_YEARS), rec("GY", HALF, MONTHS)], "08", Y, "41", 2, "1.20亩"),
    Watch("08 converted last year: not asked yet", [rec("NZY", PLOT, ONE_YEAR)], "08", None),
    # --- 10 --------------------------------------------------------------------------------------
    Watch("10 facility ran out, bare all the season", [rec("SS", PLOT, OLD, ENDED)], "10", Y, "25", 3, "未恢复", green=0.2),
    Watch("10 facility ran out, green again", [rec("SS", PLOT, OLD, ENDED)], "10", N, "40", 1, "已恢复", green=0.9),
    Watch("10 facility ran out, no series", [rec("SS", PLOT, OLD, ENDED)], "10", U, "02", 2, "影像不足", "时间序列"),
    Watch("10 facility renewed", [rec("SS", PLOT, OLD, ENDED), ("SS", PLOT, MONTHS, RUNNING)], "10", None),
    # --- 11 --------------------------------------------------------------------------------------
    Watch("11 temporary land ran out, shed found there", [LEASE], "11", Y, "24", 4, "到期后仍有建设", "续期批准", changes=[change("building", HALF)]),
    Watch("11 ran out, on works land: built by the survey", [rec("LS", YARD, OLD, ENDED)], "11", Y, "24", 3, "已建比例100%"),
    Watch("11 ran out, green again", [LEASE], "11", N, "40", 1, "已恢复", green=0.95),
    Watch("11 ran out, bare all the season", [rec("LS", PLOT, OLD, date(2025, 3, 1))], "11", Y, "24", 4, "未见植被", green=0.3),
    Watch("11 ran out long ago, no series", [rec("LS", PLOT, OLD, date(2025, 3, 1))], "11", U, "02", 2, "", "时间序列"),
    Watch("11 ran out, renewed by another permit", [LEASE, ("LS", PLOT, MONTHS, RUNNING)], "11", None),
    Watch("11 ran out, half converted since", [LEASE, rec("NZY", HALF)], "11", Y, "24", 4, "1.20亩", changes=[change("building", PLOT)]),
    Watch("11 still valid: not watched", [rec("LS", PLOT, OLD, RUNNING)], "11", None),
    Watch("11 without a last day: not watched", [rec("LS", PLOT, OLD)], "11", None),
    Watch("11 ran out, not observed", [LEASE], "11", U, "02", 2, "", "未监测", unseen=PLOT),
    # --- 12 --------------------------------------------------------------------------------------
    Watch("12 new cropland tilled in two seasons", [rec("ZB", PLOT, TWO_YEARS)], "12", N, "40", 1, "正常耕种", cropped=0.95, green=1.0),
    Watch("12 new cropland not tilled", [rec("ZB", PLOT, TWO_YEARS)], "12", Y, "43", 3, "未见连续耕种", "种植记录", cropped=0.4, green=0.9),
    Watch("12 new cropland, no series", [rec("ZB", PLOT, TWO_YEARS)], "12", U, "02", 2, "影像不足", "时间序列"),
    Watch("12 new cropland, only one season seen", [rec("ZB", PLOT, TWO_YEARS)], "12", U, "02", 2, "", "时间序列", green=1.0),
    Watch("12 new cropland built over", [rec("ZJG", PLOT, TWO_YEARS)], "12", Y, "43", 3, "出现建设", changes=[change("building", HALF)]),
    Watch("12 accepted this year: two seasons are not over", [rec("ZB", PLOT, MONTHS)], "12", None),
    # --- 13 --------------------------------------------------------------------------------------
    Watch("13 rebuilt after closing", [], "13", Y, "44", 5, "再次出现建设", changes=[change("building")], closed=[("C1", EARLY)]),
    Watch("13 restored and green", [], "13", N, "40", 1, "已恢复", green=1.0, closed=[("C1", EARLY)]),
    Watch("13 bare all the season", [], "13", Y, "44", 3, "未恢复", green=0.1, closed=[("C1", EARLY)]),
    Watch("13 nothing seen yet", [], "13", U, "02", 2, "影像不足", "时间序列", closed=[("C1", EARLY)]),
    Watch("13 built before closing does not count", [], "13", N, "40", 1, "", changes=[change("building", seen=MONTHS)], green=1.0, closed=[("C1", EARLY)]),
    Watch("13 listed by the city, rebuilt", [rec("ZG", PLOT, EARLY)], "13", Y, "44", 5, "外部清单", changes=[change("hard_surface")]),
    Watch("13 listed by the city, green again", [rec("ZG", PLOT, EARLY)], "13", N, "40", 1, "已恢复", green=1.0),
    Watch("13 listed by the city, bare all the season", [rec("ZG", PLOT, EARLY)], "13", Y, "44", 3, "未恢复", green=0.1),
    Watch("13 listed by the city, under a cloud", [rec("ZG", PLOT, EARLY)], "13", U, "02", 2, "", "未监测", green=1.0, unseen=PLOT),
    # --- 14 --------------------------------------------------------------------------------------
    Watch("14 project keeps its cropland", [rec("ZZ", PLOT)], "14", N, "40", 1, "未见减少"),
    Watch("14 a tenth of its cropland became a pond", [rec("ZZ", PLOT)], "14", Y, "45", 3, "流出超过", "耕地账", changes=[change("pond", at(250, 50, 4, 40))]),
    Watch("14 levelling is no outflow", [rec("ZZ", PLOT)], "14", N, "40", 1, changes=[change("earthwork")]),
    Watch("14 not observed", [rec("ZZ", PLOT)], "14", U, "02", 2, "", "未监测", unseen=PLOT),
    # --- 15 --------------------------------------------------------------------------------------
    Watch("15 mining resumed", [rec("XF", PLOT, TWO_YEARS)], "15", Y, "26", 4, "恢复采挖", changes=[change("mining", HALF)]),
    Watch("15 green again", [rec("XF", PLOT, TWO_YEARS)], "15", N, "40", 1, "植被已恢复", green=0.9),
    Watch("15 still bare after a year", [rec("XF", PLOT, TWO_YEARS)], "15", Y, "46", 2, "未见植被", green=0.2),
    Watch("15 no series", [rec("XF", PLOT, TWO_YEARS)], "15", U, "02", 2, "", "时间序列"),
    Watch("15 in its first year only mining is asked", [rec("XF", PLOT, MONTHS)], "15", N, "40", 1),
]  # fmt: skip


@pytest.mark.parametrize("row", WATCHES, ids=[row.name for row in WATCHES])
def test_watched_situation(row, repository):
    refs = land.references(row.records, row.without)
    theme = land.theme(repository, row.theme)
    closed = [ClosedCase(number, day, PLOT) for number, day in row.closed]
    watched = due(refs, [theme], closed, land.AFTER, land.CRS)
    if row.verdict is None:
        assert not watched
        return
    sight = Sight(
        before=land.BEFORE, after=land.AFTER, before_scene="S1", after_scene="S2", gsd_m=2.0,
        changes=tuple(row.changes), unseen=(row.unseen,) if row.unseen else (),
        greenness=green_of(watched, row), surveyed=land.SURVEYED,
    )  # fmt: skip
    (unit,) = look(watched, refs, [theme], sight, land.CRS, land.CFG)
    (found,) = unit.findings
    told = "；".join(found.reasons)
    assert (found.verdict, found.suggestion, found.severity) == (
        Verdict(row.verdict), row.suggestion, found.severity if row.verdict == N else row.severity,
    ), told  # fmt: skip
    assert row.says in told
    assert row.missing in "；".join(found.missing)
    assert all(rule in told for rule in found.rule_ids if found.verdict is Verdict.YES)
    assert unit.watch
    assert "违法" not in told


def test_closed_cases_of_others_excuse_nothing_and_stand_in_no_patch(repository):
    """A list of cases is no approval: a patch on such ground is judged as if the list was not there."""
    themes = [land.theme(repository, code) for code in land.CODES]
    patch = land.patches(("P1", PLOT, "building"))
    bare, listed = (
        check(patch, land.references(records), themes, land.CRS, land.CFG)
        for records in ([], [rec("ZG", PLOT, EARLY)])
    )
    assert listed == bare
    (unit,) = listed
    assert unit.approvals == ()
    assert {f.theme for f in unit.findings if f.verdict is Verdict.YES} >= {"02", "03"}


LEASES = [
    ("LS", PLOT, OLD, ENDED), ("GY", at(400, 450, 60, 60), date(2022, 1, 1), None),
    ("NZY", at(300, 50, 60, 60), date(2022, 1, 1), None), ("ZZ", at(200, 0, 200, 300), EARLY, None),
]  # fmt: skip
SEEN = [("building", at(300, 50, 30, 60)), ("pond", at(220, 200, 30, 30)), ("road", HALF)]


def watch_all(repository, records, changes=SEEN):
    themes = [land.theme(repository, code) for code in land.CODES]
    refs = land.references(records)
    sight = Sight(
        before=land.BEFORE, after=land.AFTER, before_scene="S1", after_scene="S2", gsd_m=2.0,
        changes=tuple(change(family, where) for family, where in changes), surveyed=land.SURVEYED,
    )  # fmt: skip
    watched = due(refs, themes, [], land.AFTER, land.CRS)
    return look(watched, refs, themes, sight, land.CRS, land.CFG)


def said(units):
    """What is said of each ground, whatever its record's number."""
    return sorted(
        (round(unit.geometry.area, 3), f.theme, f.verdict.value, f.suggestion, f.severity)
        for unit in units
        for f in unit.findings
    )


@given(order=st.permutations(range(4)), seen=st.permutations(range(3)))
@settings(max_examples=8)
def test_watched__order_of_records_and_changes_changes_nothing(repository, order, seen):
    plain = watch_all(repository, LEASES)
    other = watch_all(repository, [LEASES[k] for k in order], [SEEN[k] for k in seen])
    assert said(plain) == said(other)


@given(x=st.integers(1100, 1800), y=st.integers(0, 800))
@settings(max_examples=8)
def test_watched__an_unrelated_record_adds_itself_at_most(repository, x, y):
    more = [*LEASES, ("GY", at(x, y, 50, 50), date(2022, 1, 1), None)]
    assert set(said(watch_all(repository, LEASES))) <= set(said(watch_all(repository, more)))


def test_watched__ground_across_a_border_is_split_once_and_adds_up(repository):
    lease = [("GY", at(970, 500, 60, 40), date(2022, 1, 1), None)]
    west, east = watch_all(repository, lease, ())
    assert {west.district, east.district} == {land.A, land.B}
    assert west.siblings == (east.unit_id,)
    assert west.area_m2 + east.area_m2 == pytest.approx(2400, abs=0.1)


def test_every_theme_has_situations():
    told = [case.theme for case in (*first.TABLE, *TABLE)] + [row.theme for row in WATCHES]
    assert {code: told.count(code) for code in land.CODES if told.count(code) < 4} == {}
    assert len(told) >= 270
    names = [case.name for case in (*first.TABLE, *TABLE)] + [row.name for row in WATCHES]
    assert len(set(names)) == len(names)
