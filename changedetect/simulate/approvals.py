"""Approval layers as offices deliver them: numbers, dates, projects; and records of other land."""

from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from changedetect.grid import Grid
from changedetect.measure import area_m2
from changedetect.simulate.canvas import Canvas
from changedetect.simulate.layers import APPROVAL_LAYERS
from changedetect.simulate.legality import Draft
from changedetect.simulate.rasters import burn, near
from changedetect.simulate.settlements import turned_box

_WORDS = {
    "NZY": "湘政地", "GY": "青自然资供", "LS": "青自然资临", "SS": "青设施农备", "ZJD": "云乡建",
    "CK": "湘采证", "ZJG": "湘自然资增减", "DJ": "湘青不动产权",
    "JC": "青耕平衡", "ZW": "青种植备", "ZB": "湘补耕", "ZZ": "湘整治", "XF": "湘修复", "HD": "青水许",
    "CS": "青采砂许", "ZR": "湘准入", "XA": "湘红线认", "GH": "青规许",
}  # fmt: skip
_BRACKETS = (
    "{w}〔{y}〕{n}号",
    "{w}[{y}]{n}号",
    "{w}（{y}）{n}号",
    "{w}({y}){n}号",
    "{w}〔{y}〕{n} 号",
)
_AGENCIES = {
    "NZY": "湖南省人民政府", "GY": "青禾县人民政府", "LS": "青禾县自然资源局", "SS": "云塘镇人民政府",
    "ZJD": "云塘镇人民政府", "CK": "湖南省自然资源厅", "ZJG": "湖南省自然资源厅", "DJ": "青禾县不动产登记中心",
    "JC": "青禾县人民政府", "ZW": "云塘镇人民政府", "ZB": "湖南省自然资源厅", "ZZ": "湖南省自然资源厅",
    "XF": "湖南省自然资源厅", "HD": "青禾县水利局", "CS": "青禾县水利局", "ZR": "湖南省自然资源厅",
    "XA": "湖南省人民政府", "GH": "青禾县自然资源局",
}  # fmt: skip
_PROJECTS = {
    "NZY": (
        "2023年度第三批次建设用地",
        "云塘镇工业集中区扩建",
        "县道X042改扩建工程",
        "石门桥镇光伏发电项目",
    ),
    "GY": ("竹溪乡农产品加工厂", "云塘镇标准厂房", "石门桥镇物流仓储中心"),
    "LS": ("县道改造施工便道", "高标准农田施工营地", "输电线路临时堆场"),
    "SS": ("生猪养殖场", "育秧中心", "农机库棚", "蔬菜大棚"),
    "ZJD": ("农村村民住宅建设",),
    "CK": ("青石岭建筑石料用灰岩矿", "大塘村砖瓦用页岩矿"),
    "ZJG": ("云塘镇城乡建设用地增减挂钩项目", "竹溪乡城乡建设用地增减挂钩项目"),
    "DJ": ("国有建设用地使用权", "集体建设用地使用权"),
    "JC": ("2025年耕地进出平衡方案地块",),
    "ZW": ("油茶种植备案", "季节性休耕地块"),
    "ZB": ("云塘镇补充耕地项目", "竹溪乡旱改水项目"),
    "ZZ": ("石门桥镇全域土地综合整治项目",),
    "XF": ("青石岭历史遗留矿山修复", "禾水岸坡生态修复"),
    "HD": ("禾水堤防护岸工程",),
    "CS": ("禾水河道采砂",),
    "ZR": ("农产品冷链准入项目",),
    "XA": ("红线内供电线路认定",),
    "GH": ("乡村建设规划许可",),
}
_USERS = (
    "青禾县城投开发有限公司", "湘禾农业发展有限公司", "白石新能源有限公司", "云塘镇人民政府", "罗家冲村村民委员会",
    "石门建材有限公司", "双江生态养殖专业合作社",
)  # fmt: skip
_HOUSEHOLDERS = ("张某", "李某", "罗某", "刘某", "彭某", "谭某")
_ELSEWHERE_PER_KM2 = {
    "NZY": 5.0, "GY": 4.0, "LS": 6.0, "SS": 5.0, "ZJD": 14.0, "CK": 1.5, "ZJG": 2.0, "DJ": 12.0,
}  # fmt: skip
_CLEARANCE_M = 9.0


def draw_elsewhere(
    rng: np.random.Generator, canvas: Canvas, grid: Grid, *, changed: np.ndarray, before: date
) -> list[Draft]:
    """Draw approvals that concern no change: old ones, and land approved but never built.

    Parameters
    ----------
    rng
        Source of chance.
    canvas
        The land before.
    grid
        1 m cells.
    changed
        ``(y, x)`` bool; ground of all changes, kept clear of.
    before
        First monitored day; all these approvals are older.
    """
    forbidden = near(changed, _CLEARANCE_M)
    old = {
        "NZY": canvas.is_code("0601", "0101", "0103"), "GY": canvas.is_code("0601", "0103"),
        "LS": canvas.is_code("0101", "0103", "1206"), "SS": canvas.is_code("1202", "0103"),
        "ZJD": canvas.village, "CK": canvas.is_code("0602", "0301"),
        "ZJG": canvas.is_code("0101", "0404"), "DJ": canvas.village | canvas.is_code("0601"),
    }  # fmt: skip
    drafts = []
    for kind, mask in old.items():
        places = np.argwhere(mask & ~forbidden)
        wanted = max(3, round(_ELSEWHERE_PER_KM2[kind] * canvas.size**2 / 1e6))
        for _ in range(wanted * 4 if len(places) else 0):
            draft = _elsewhere(rng, kind, places, grid, forbidden=forbidden, before=before)
            if draft is not None:
                drafts.append(draft)
            if sum(found.kind == kind for found in drafts) == wanted:
                break
    return drafts


def _elsewhere(
    rng: np.random.Generator,
    kind: str,
    places: np.ndarray,
    grid: Grid,
    *,
    forbidden: np.ndarray,
    before: date,
) -> Draft | None:
    """Draw one approval around a place; None if it comes near a change."""
    row, column = places[rng.integers(len(places))]
    side = float(np.exp(rng.normal(np.log(15 if kind in {"ZJD", "DJ"} else 32), 0.35)))
    box = turned_box(column, row, side * 1.3, side / 1.3, rng.uniform(0, np.pi))
    window, mask = burn(box, grid.width)
    if mask.sum() < 0.999 * box.area - 8 or forbidden[window.slices][mask].any():
        return None
    a, _, c, _, e, f = grid.transform
    shape = shapely.transform(box, lambda xy: np.column_stack([c + a * xy[:, 0], f + e * xy[:, 1]]))
    approved = before - timedelta(days=int(rng.integers(120, 4500)))
    valid_to = None
    if kind in {"LS", "CK", "SS"}:
        valid_to = approved + timedelta(days=int(rng.integers(300, 730 if kind == "LS" else 3600)))
    return Draft(kind, approved, valid_to, shape.intersection(shapely.box(*grid.bounds)))


def _row(rng: np.random.Generator, draft: Draft, crs: str) -> dict[str, object]:
    """Write one approval as an office would."""
    kind = draft.kind
    style = _BRACKETS[int(rng.integers(len(_BRACKETS)))]
    users = _HOUSEHOLDERS if kind == "ZJD" else _USERS
    return {
        "PZWH": style.format(w=_WORDS[kind], y=draft.approved_on.year, n=int(rng.integers(3, 900))),
        "PZJG": _AGENCIES[kind],
        "PZRQ": draft.approved_on,
        "YXQZ": draft.valid_to,
        "XMMC": str(rng.choice(_PROJECTS[kind])),
        "YDDW": str(rng.choice(users)),
        "SPMJ": round(area_m2(draft.geometry, crs), 2),
        "geometry": draft.geometry,
    }


def write_approvals(
    rng: np.random.Generator, drafts: list[Draft], crs: str
) -> dict[str, gpd.GeoDataFrame]:
    """Write drafts into the approval layers, sorted by day of approval.

    Parameters
    ----------
    rng
        Source of chance (numbers, names).
    drafts
        All approvals.
    crs
        CRS of the geometries.

    Returns
    -------
    dict
        Layer name (``SP_NZY`` …) -> table with BSM, PZWH, PZJG, PZRQ, YXQZ, XMMC, YDDW, SPMJ;
        dates are `datetime.date`, an empty one is None.
    """
    tables = {}
    for layer in APPROVAL_LAYERS:
        kind = layer.removeprefix("SP_")
        mine = sorted(
            (draft for draft in drafts if draft.kind == kind),
            key=lambda draft: (draft.approved_on, draft.geometry.bounds),
        )
        rows = [_row(rng, draft, crs) for draft in mine]
        columns = ("PZWH", "PZJG", "PZRQ", "YXQZ", "XMMC", "YDDW", "SPMJ")
        data = {"BSM": pd.Series([f"{kind}{i:05d}" for i in range(1, len(rows) + 1)], dtype=object)}
        for name in columns:
            kept = float if name == "SPMJ" else object
            data[name] = pd.Series([row[name] for row in rows], dtype=kept)
        shapes = [row["geometry"] for row in rows]
        tables[layer] = gpd.GeoDataFrame(data, geometry=shapes, crs=crs)
    return tables
