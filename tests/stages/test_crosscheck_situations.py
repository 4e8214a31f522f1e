"""Situations written by hand from the domain files: what lies there, what must be said of it.

Columns: what it is · patch · family · records (kind, where, approved, valid to) · theme ->
verdict, suggestion (PDJY), severity; ``says`` and ``missing`` must occur in the reasons and in the
missing evidence. The map stands in `crosscheck_land`.
"""

from dataclasses import dataclass, field
from datetime import date

import pytest

from changedetect.records import TimeCode, Verdict
from tests.stages import crosscheck_land as land

at = land.at

EARLY, OLD = date(2025, 3, 1), date(2020, 1, 1)
INSIDE, LATE = date(2025, 5, 15), date(2025, 7, 1)
ENDED, RUNNING = date(2025, 4, 1), date(2026, 12, 31)

FIELD = at(250, 50, 40, 40)  # paddy, no PBF, 1600 m²
PBF = at(50, 50, 40, 40)  # paddy in PBF, 1600 m²
WOOD = at(450, 250, 40, 40)  # wood outside the red line
RED = at(560, 50, 40, 40)  # wood in the red line
CORE = at(420, 50, 40, 40)  # wood in its core reserve
WORKS = at(50, 450, 40, 40)  # industrial land
GRASS = at(800, 500, 40, 40)  # unused
VILLAGE = at(800, 50, 40, 40)  # 0702 in 203
VILLAGE_FIELD = at(920, 50, 40, 40)  # 0103 in 203
BARE = at(100, 800, 40, 40)  # no parcel
SMALL = at(250, 150, 18, 18)  # 324 m² on paddy
TINY = at(250, 150, 10, 10)  # 100 m² on paddy
HALF = at(250, 50, 20, 40)  # western half of FIELD
EAST_HALF = at(270, 50, 20, 40)  # the rest of FIELD
DRY = at(400, 800, 40, 40)  # dry land, no PBF, no red line
MOST = at(250, 50, 39, 40)  # all of FIELD but a strip of 1 m
LANE = at(220, 200, 150, 6)  # 6 m wide
ROAD = at(220, 200, 150, 14)  # 14 m wide


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    patch: object
    family: str
    records: list
    theme: str
    verdict: str
    suggestion: str
    severity: int
    says: str = ""
    missing: str = ""
    pooled: bool = False
    code: str = ""
    without: tuple = ()
    stale: tuple | dict = ()
    states: tuple = ()
    facts: dict = field(default_factory=dict)


def rec(kind, where=FIELD, approved=EARLY, valid_to=None):
    return (kind, where, approved, valid_to)


Y, N, U = "yes", "no", "unknown"
TABLE = [
    # --- 02: nothing approved -----------------------------------------------------------------
    Case("works hall on paddy, no record", FIELD, "building", [], "02", Y, "21", 3, "未批面积2.40亩", code="0"),
    Case("works hall on PBF, no record", PBF, "building", [], "02", Y, "21", 4, "未批占永久基本农田2.40亩"),
    Case("hard surface on wood", WOOD, "hard_surface", [], "02", Y, "21", 3),
    Case("hard surface on wood in the red line", RED, "hard_surface", [], "02", Y, "21", 4, "占生态保护红线2.40亩"),
    Case("panels on unused grass", GRASS, "photovoltaic", [], "02", Y, "21", 3),
    Case("wide road over paddy", ROAD, "road", [], "02", Y, "21", 3),
    Case("farmer's house on paddy", SMALL, "building", [], "02", Y, "29", 3, "住宅大小"),
    Case("house-sized hard surface is no house", SMALL, "hard_surface", [], "02", Y, "21", 3),
    Case("earthwork on paddy, no record", FIELD, "earthwork", [], "02", Y, "33", 3, "推填土", "下期影像"),
    Case("pit in the wood, no right", WOOD, "mining", [], "06", Y, "26", 4, "采矿权"),
    Case("6 mu of PBF: threshold of five", at(50, 50, 80, 50), "building", [], "02", Y, "21", 5, "限值5.00亩", facts={"area_sd_m2": 900.0}),
    Case("11 mu of paddy: threshold of ten", at(220, 50, 100, 74), "building", [], "02", Y, "21", 5, "未批占耕地11.10亩"),
    Case("9.9 mu of paddy stays below ten, inside the band", at(220, 50, 100, 66), "building", [], "02", Y, "21", 3, "可能达严重等级5", facts={"area_sd_m2": 200.0}),
    # --- 02: where it does not apply ----------------------------------------------------------
    Case("rebuilt on industrial land", WORKS, "building", [], "02", N, "38", 1, "变化前地类不属本专题"),
    Case("house on village land", VILLAGE, "building", [], "02", N, "32", 1, "203"),
    Case("house on a village field", VILLAGE_FIELD, "building", [], "02", N, "32", 1, "203"),
    Case("village land but for a rim of 30 m²", at(740, 360, 100, 40.3), "building", [], "02", N, "32", 1, "203"),
    Case("half village, half orchard beside it", at(660, 360, 80, 40), "building", [], "02", Y, "21", 3, "涉及本专题2.40亩"),
    Case("orchard planted on paddy", FIELD, "planting", [], "02", N, "38", 1, "不属本专题"),
    Case("rural road, 6 m", LANE, "road", [], "02", N, "31", 1, "农村道路"),
    Case("rural road over PBF says so", at(20, 200, 150, 6), "road", [], "02", N, "31", 1, "占永久基本农田1.35亩"),
    Case("road of 8.6 m: the limit lies inside the error", at(220, 200, 150, 8.6), "road", [], "02", U, "02", 2, "须实地量测", "实测路宽"),
    Case("road of 8.6 m, converted", at(220, 200, 150, 8.6), "road", [rec("NZY", at(220, 190, 150, 30))], "02", N, "12", 1),
    Case("road of 9.4 m is no rural road", at(220, 200, 150, 9.4), "road", [], "02", Y, "21", 3),
    Case("road of 8 m is a rural road", at(220, 200, 150, 8), "road", [], "02", N, "31", 1, "8.0米"),
    Case("building of 6 m width is no road", LANE, "building", [], "02", Y, "21", 3),
    Case("a strip of 1.5 m on paddy is registration error", at(50, 398.5, 40, 41.5), "building", [], "02", N, "38", 1, "碎条"),
    # --- 02: valid approvals ------------------------------------------------------------------
    Case("converted and supplied", FIELD, "building", [rec("NZY"), rec("GY")], "02", N, "11", 1, "湘政地〔2025〕1号", code="1"),
    Case("converted only", FIELD, "building", [rec("NZY")], "02", N, "12", 1, "", "供地手续", code="1"),
    Case("supplied only", FIELD, "building", [rec("GY")], "02", N, "13", 1, "", "农用地转用批准文件"),
    Case("registered only", FIELD, "building", [rec("DJ", approved=OLD)], "02", N, "14", 1),
    Case("temporary earthwork, in time", FIELD, "earthwork", [rec("LS", valid_to=RUNNING)], "02", N, "15", 1, code="1"),
    Case("facility on paddy outside PBF", FIELD, "building", [rec("SS")], "02", N, "16", 1),
    Case("facility on PBF asks for its use", PBF, "building", [rec("SS", PBF)], "02", U, "16", 2, "尚须", "设施用途"),
    Case("homestead", SMALL, "building", [rec("ZJD", SMALL)], "02", N, "17", 1),
    Case("pit inside its right", WOOD, "mining", [rec("CK", WOOD, OLD, RUNNING)], "06", N, "18", 1),
    Case("linked-quota project", FIELD, "building", [rec("ZJG")], "02", N, "19", 1),
    Case("consolidation excuses earthwork", FIELD, "earthwork", [rec("ZZ")], "02", N, "19", 1),
    Case("approved by two that tile it", FIELD, "building", [rec("NZY", HALF), rec("NZY", at(270, 50, 20, 40))], "02", N, "12", 1, code="1"),
    Case("two that overlap count once", FIELD, "building", [rec("NZY", HALF), rec("NZY", HALF)], "02", Y, "23", 3, "未批面积1.20亩", code="4"),
    Case("a strip of 1 m beyond is registration error", FIELD, "building", [rec("NZY", MOST)], "02", N, "12", 1),
    Case("half on works, half on approved paddy", at(210, 380, 40, 40), "building", [rec("NZY", at(210, 380, 40, 20))], "02", N, "12", 1, code="1"),
    Case("approval reaching far beyond the patch", FIELD, "building", [rec("NZY", at(200, 0, 200, 200))], "02", N, "12", 1),
    # --- 02: dates ----------------------------------------------------------------------------
    Case("approved on QSX itself counts as before", FIELD, "building", [rec("NZY", approved=land.BEFORE)], "02", N, "12", 1, code="1"),
    Case("approved inside the bracket: undecided, asked", FIELD, "building", [rec("NZY", approved=INSIDE)], "02", U, "12", 2, "尚须", "动工日期", code="9"),
    Case("03 approved inside the bracket: undecided, asked", FIELD, "building", [rec("NZY", approved=INSIDE)], "03", U, "12", 2, "", "动工日期"),
    Case("one half decided, the other inside the bracket", FIELD, "building", [rec("NZY", HALF), rec("NZY", EAST_HALF, INSIDE)], "02", U, "12", 2, "", "动工日期", code="9"),
    Case("decided covers it, another dated inside the bracket", FIELD, "building", [rec("NZY"), rec("GY", approved=INSIDE)], "02", N, "12", 1, "", "供地手续", code="1"),
    Case("half approved inside the bracket: the rest is beyond", FIELD, "building", [rec("NZY", HALF, INSIDE)], "02", Y, "23", 3, "未批面积1.20亩"),
    Case("approved on HSX: inside the bracket", FIELD, "building", [rec("NZY", approved=land.AFTER)], "02", U, "12", 2, "", "动工日期"),
    Case("approved after the change", FIELD, "building", [rec("NZY", approved=LATE)], "02", Y, "21", 3, code="2"),
    Case("temporary land expired before", FIELD, "hard_surface", [rec("LS", approved=OLD, valid_to=ENDED)], "02", Y, "24", 3, "到期", code="3"),
    Case("temporary land ends on QSX: undecided", FIELD, "earthwork", [rec("LS", approved=OLD, valid_to=land.BEFORE)], "02", U, "15", 2, "", "动工日期"),
    Case("temporary land ends on HSX: in time", FIELD, "earthwork", [rec("LS", approved=OLD, valid_to=land.AFTER)], "02", N, "15", 1),
    Case("no date of approval", FIELD, "building", [rec("NZY", approved=None)], "02", U, "01", 2, "时效不能判定", "批准日期", code="9"),
    Case("mining right expired", WOOD, "mining", [rec("CK", WOOD, OLD, ENDED)], "06", Y, "26", 4, code="3"),
    # --- 02: beyond and other use -------------------------------------------------------------
    Case("half approved", FIELD, "building", [rec("NZY", HALF)], "02", Y, "23", 3, "未批面积1.20亩", code="4"),
    Case("pit beyond its right", WOOD, "mining", [rec("CK", at(450, 250, 20, 40), OLD, RUNNING)], "06", Y, "27", 4, "超出采矿权"),
    Case("neighbour's approval touches it", FIELD, "building", [rec("NZY", at(200, 50, 51, 40))], "02", Y, "21", 3),
    Case("permanent house on temporary land", FIELD, "building", [rec("LS", valid_to=RUNNING)], "02", Y, "21", 3, "永久性建筑"),
    Case("concrete on temporary land", FIELD, "hard_surface", [rec("LS", valid_to=RUNNING)], "02", Y, "21", 3, "硬化"),
    Case("no temporary layer does not touch a hall", FIELD, "building", [], "02", Y, "21", 3, without=("LS",)),
    Case("panels on facility land", FIELD, "photovoltaic", [rec("SS")], "02", Y, "25", 3, "用途不符"),
    Case("homestead does not excuse a pit", WOOD, "mining", [rec("ZJD", WOOD)], "06", Y, "26", 4),
    Case("96% approved, 3 mu left: a case of its own", at(220, 50, 170, 320), "building", [rec("NZY", at(220, 50, 170, 308))], "02", Y, "23", 3, "未批面积3.06亩"),
    # --- 02: what is missing ------------------------------------------------------------------
    Case("no conversion layer", FIELD, "building", [], "02", U, "01", 2, "证据不足", "NZY", without=("NZY",), code="9"),
    Case("no temporary layer, earthwork", FIELD, "earthwork", [], "02", U, "01", 2, "证据不足", "LS", without=("LS",)),
    Case("no mining layer does not touch a building", FIELD, "building", [], "02", Y, "21", 3, without=("CK",)),
    Case("no mining layer, pit", WOOD, "mining", [], "06", U, "01", 2, "证据不足", "CK", without=("CK",)),
    Case("expired and another layer missing", FIELD, "earthwork", [rec("LS", approved=OLD, valid_to=ENDED)], "02", U, "01", 2, "", "NZY", without=("NZY",)),
    Case("covered although a layer is missing", FIELD, "building", [rec("NZY")], "02", N, "12", 1, without=("LS", "ZJD")),
    Case("conversion layer is stale", FIELD, "building", [], "02", U, "01", 2, "", "已过时", stale=("NZY",)),
    Case("conversion layer does not say its date", FIELD, "building", [], "02", U, "01", 2, "", "NZY 农用地转用图层（未注明数据截止日期）", stale={"NZY": None}, code="9"),
    Case("conversion layer a week older than QSX", FIELD, "building", [], "02", Y, "21", 3, stale={"NZY": date(2025, 4, 24)}),
    Case("conversion layer two months older than QSX", FIELD, "building", [], "02", U, "01", 2, "", "已过时", stale={"NZY": date(2025, 3, 1)}),
    Case("conversion layer without any record", FIELD, "building", [], "02", U, "01", 2, "", "NZY 农用地转用图层（本地无任何记录", states=(("NZY", "empty"),), code="9"),
    Case("covered although the undated layer may lack records", FIELD, "building", [rec("NZY")], "02", N, "12", 1, stale={"NZY": None}),
    Case("no parcels at all", FIELD, "building", [], "02", U, "01", 2, "", "DLTB", without=("DLTB",)),
    Case("ground that no parcel names", BARE, "building", [], "02", U, "01", 2, "", "DLTB"),
    Case("PBF layer missing: severity stays, said", FIELD, "building", [], "02", Y, "21", 3, "永久基本农田未知", "YJJBNTBHTB", without=("YJJBNTBHTB",)),
    Case("outside every county", at(2100, 50, 40, 40), "building", [], "02", U, "01", 2, "县级行政区", "XZQ"),
    Case("images of 10 m", at(220, 50, 100, 60), "building", [], "02", U, "02", 2, "10米", "影像", facts={"before_gsd_m": 10.0}),
    Case("kind of change unsure", FIELD, "unsure", [], "02", U, "03", 2, "类型不确定"),
    Case("kind of change improbable", FIELD, "building", [], "02", U, "03", 2, "类型不确定", facts={"family_probability": 0.3}),
    Case("change itself improbable", FIELD, "building", [], "02", U, "03", 2, "变化概率0.40", facts={"change_probability": 0.4}),
    Case("rejected by the classifier", FIELD, "building", [], "02", N, "34", 1, "伪变化", facts={"change_probability": 0.05}),
    Case("under a cloud, radar alone says so", FIELD, "unsure", [], "02", U, "02", 2, "没有清晰光学影像，仅雷达显示变化（变化概率0.25）", "清晰光学影像", facts={"is_unseen": True, "sources": "radar", "change_probability": 0.25, "family_probability": 0.0}),
    Case("under a cloud, likely, is no certainty either", FIELD, "unsure", [], "02", U, "02", 2, "仅雷达、时间序列显示变化", facts={"is_unseen": True, "sources": "series;radar", "change_probability": 0.95, "family_probability": 0.0}),
    Case("under a cloud, hardly anything says so", FIELD, "unsure", [], "02", N, "34", 1, "伪变化", facts={"is_unseen": True, "sources": "radar", "change_probability": 0.15, "family_probability": 0.0}),
    Case("under a cloud, a promise of recall sets the limit", FIELD, "unsure", [], "02", N, "34", 1, "伪变化", facts={"is_unseen": True, "sources": "radar", "change_probability": 0.25, "family_probability": 0.0, "reject_below": 0.3}),
    Case("seen, as improbable as that", FIELD, "building", [], "02", N, "34", 1, "伪变化", facts={"change_probability": 0.25}),
    Case("probabilities missing", FIELD, "building", [], "02", U, "03", 2, facts={"change_probability": float("nan")}),
    Case("registration layer missing", FIELD, "building", [], "02", U, "01", 2, "", "DJ", without=("DJ",)),
    Case("expired right, no mining layer for the county", WOOD, "mining", [], "06", U, "01", 2, "", "CK 采矿权图层", without=("CK",)),
    Case("several layers missing are all named", FIELD, "building", [], "02", U, "01", 2, "GY 供地图层", "GY", without=("NZY", "GY")),
    Case("later approval and its layer stale all the same", FIELD, "building", [rec("NZY", approved=LATE)], "02", U, "01", 2, "", "已过时", stale=("GY",)),
    # --- 02: small ----------------------------------------------------------------------------
    Case("100 m² goes to the pool", TINY, "building", [], "02", Y, "29", 3, "入池", pooled=True),
    Case("20 pixels of 4 m are 320 m²: pooled, images too coarse", SMALL.buffer(-0.2), "building", [], "02", U, "02", 2, "", pooled=True, facts={"after_gsd_m": 4.0}),
    # --- 01 -----------------------------------------------------------------------------------
    Case("01 records a building", WORKS, "building", [], "01", Y, "38", 1, "常规监测"),
    Case("01 looks again at earthwork", FIELD, "earthwork", [], "01", Y, "33", 1, "", "下期影像"),
    Case("01 orchard is a shift inside farming", FIELD, "planting", [], "01", Y, "36", 1),
    Case("01 keeps a change of unsure kind", FIELD, "unsure", [], "01", Y, "38", 1),
    Case("01 orchard below 400 m² is pooled", SMALL, "planting", [], "01", Y, "36", 1, pooled=True),
    Case("01 other below 600 m² is pooled", at(250, 50, 23, 23), "demolition", [], "01", Y, "38", 1, pooled=True),
    Case("01 pseudo-change", FIELD, "building", [], "01", N, "34", 1, facts={"change_probability": 0.01}),
    Case("01 outside every county", at(2100, 50, 40, 40), "building", [], "01", U, "01", 1, "", "XZQ"),
    # --- 03 -----------------------------------------------------------------------------------
    Case("03 hall on paddy", FIELD, "building", [], "03", Y, "21", 3),
    Case("03 hall on converted paddy", FIELD, "building", [rec("NZY")], "03", N, "12", 1),
    Case("03 supply alone does not convert: asked, not accused", FIELD, "building", [rec("GY")], "03", U, "13", 2, "尚须", "农用地转用或进出平衡依据"),
    Case("03 facility on dry land: its yearly balance is asked", DRY, "building", [rec("SS", DRY)], "03", U, "16", 2, "", "农用地转用或进出平衡依据"),
    Case("03 homestead on dry land", DRY, "building", [rec("ZJD", DRY)], "03", U, "17", 2, "", "农用地转用或进出平衡依据"),
    Case("03 registered on dry land", DRY, "building", [rec("DJ", DRY, OLD)], "03", U, "14", 2, "", "农用地转用或进出平衡依据"),
    Case("03 pit inside its right on dry land", DRY, "mining", [rec("CK", DRY, OLD, RUNNING)], "03", U, "18", 2, "", "农用地转用或进出平衡依据"),
    Case("03 temporary earthwork in time is no outflow", DRY, "earthwork", [rec("LS", DRY, valid_to=RUNNING)], "03", N, "15", 1),
    Case("03 house on temporary land is one", DRY, "building", [rec("LS", DRY, valid_to=RUNNING)], "03", Y, "21", 3),
    Case("03 converted and supplied cover it together only", FIELD, "building", [rec("NZY", HALF), rec("GY", EAST_HALF)], "03", U, "12", 2, "", "农用地转用或进出平衡依据"),
    Case("02 converted and supplied cover it together only", FIELD, "building", [rec("NZY", HALF), rec("GY", EAST_HALF)], "02", N, "12", 1),
    Case("03 supplied a half, nothing for the rest", FIELD, "building", [rec("GY", HALF)], "03", Y, "23", 3, "未批面积1.20亩"),
    Case("03 facility register not given", FIELD, "building", [], "03", U, "01", 2, "", "SS", without=("SS",)),
    Case("03 orchard on paddy", FIELD, "planting", [], "03", Y, "22", 3, "进出平衡"),
    Case("03 orchard in the yearly plan", FIELD, "planting", [rec("JC")], "03", N, "19", 1),
    Case("03 orchard, plan not given", FIELD, "planting", [], "03", U, "01", 2, "", "JC", without=("JC",)),
    Case("03 pond seen by one pair only", FIELD, "pond", [], "03", U, "02", 2, "时间序列", facts={"sources": "optical"}),
    Case("03 wood is no cropland", WOOD, "building", [], "03", N, "38", 1),
    Case("03 half of the paddy converted", FIELD, "building", [rec("NZY", HALF)], "03", Y, "23", 3),
    Case("03 below 400 m²", SMALL, "building", [], "03", Y, "21", 3, pooled=True),
    Case("03 rural road over paddy: its yearly balance is asked", LANE, "road", [], "03", U, "31", 2, "农村道路", "JC 耕地进出平衡依据"),
    Case("03 rural road in the yearly plan", LANE, "road", [rec("JC", at(210, 190, 170, 30))], "03", N, "31", 1),
    Case("03 rural road converted", LANE, "road", [rec("NZY", at(210, 190, 170, 30))], "03", N, "12", 1),
    Case("03 wide road in the yearly plan is construction", ROAD, "road", [rec("JC", at(210, 190, 170, 30))], "03", Y, "21", 3),
    Case("03 earthwork on paddy", FIELD, "earthwork", [], "03", Y, "33", 3, "", "下期影像"),
    Case("03 dry land in county B", at(1400, 400, 40, 40), "building", [], "03", Y, "21", 3),
    Case("03 greenhouse on paddy", FIELD, "greenhouse", [], "03", Y, "22", 3, "进出平衡", "耕作层"),
    Case("03 greenhouse in the yearly plan", FIELD, "greenhouse", [rec("JC")], "03", N, "19", 1),
    Case("03 greenhouse in the facility register", FIELD, "greenhouse", [rec("SS")], "03", U, "16", 2, "", "进出平衡依据"),
    Case("03 greenhouse, plan not given", FIELD, "greenhouse", [], "03", U, "01", 2, "", "JC", without=("JC",)),
    Case("03 orchard half in the yearly plan", FIELD, "planting", [rec("JC", HALF)], "03", Y, "23", 3, "未批面积1.20亩"),
    Case("03 pond under a consolidation project", FIELD, "pond", [rec("ZZ")], "03", N, "19", 1),
    # --- 07 -----------------------------------------------------------------------------------
    Case("07 house in the red line", RED, "building", [], "07", Y, "28", 4, "", "认定意见"),
    Case("07 house in the core reserve", CORE, "building", [], "07", Y, "28", 5, "核心保护区"),
    Case("07 pit in the red line", RED, "mining", [], "07", Y, "28", 5),
    Case("07 outside the red line", WOOD, "building", [], "07", N, "38", 1, "不在生态保护红线内"),
    Case("07 converted: a further paper decides", RED, "building", [rec("NZY", RED)], "07", U, "12", 2, "尚须", "认定意见"),
    Case("07 residents' house", RED, "building", [rec("ZJD", RED)], "07", N, "17", 1),
    Case("07 no red-line layer", RED, "building", [], "07", U, "01", 2, "", "STBHHX", without=("STBHHX",)),
    Case("07 touching it by 2 m is registration error", at(560, 198, 40, 40), "building", [], "07", N, "38", 1, "碎条"),
    Case("07 core of 150 m² is dispatched", at(420, 50, 15, 10), "hard_surface", [], "07", Y, "28", 5),
    Case("07 150 m² outside the core is pooled", at(560, 50, 15, 10), "hard_surface", [], "07", Y, "28", 4, pooled=True),
    Case("07 orchard planted in the red line is left to other themes", RED, "planting", [], "07", N, "38", 1),
    Case("07 greenhouse in the red line", RED, "greenhouse", [], "07", Y, "28", 4),
    Case("07 demolition is no activity of the theme", RED, "demolition", [], "07", N, "38", 1),
    Case("07 mining right in the red line: a further paper", RED, "mining", [rec("CK", RED, OLD, RUNNING)], "07", U, "18", 2, "", "认定意见"),
    Case("07 no conversion layer, hard surface", RED, "hard_surface", [], "07", U, "01", 2, "", "NZY", without=("NZY",)),
    Case("07 unsure kind in the red line", RED, "unsure", [], "07", U, "03", 2),
    Case("07 homestead does not excuse a road", RED, "road", [rec("ZJD", RED)], "07", Y, "28", 4),
]  # fmt: skip


@pytest.mark.parametrize("case", TABLE, ids=[case.name for case in TABLE])
def test_situation(case, repository):
    refs = land.references(case.records, case.without, case.stale, states=case.states)
    units = land.one(repository, case.patch, case.family, refs=refs, **case.facts)
    assert len(units) == 1
    unit = units[0]
    finding = next(found for found in unit.findings if found.theme == case.theme)
    told = "；".join(finding.reasons)
    assert (finding.verdict, finding.suggestion, finding.severity) == (
        Verdict(case.verdict), case.suggestion, case.severity,
    ), told  # fmt: skip
    assert case.says in told
    assert case.missing in "；".join(finding.missing)
    assert finding.below_minimum is case.pooled, told
    if case.code:
        assert unit.time_code is TimeCode(case.code)
    assert "违法" not in told.replace("违法用地：", "")
    assert all(rule in told for rule in finding.rule_ids)


def test_table_is_long_enough():
    assert len(TABLE) >= 120
    assert len({case.name for case in TABLE}) == len(TABLE)
