"""The package checks itself: numbers that must be zero, and notices of what is not known."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from changedetect.casepackage import CLOSING_MU
from changedetect.casepackage.lists import UNOBSERVED
from changedetect.codes import is_case_number
from changedetect.measure import area_m2, to_mu
from changedetect.records import UnitAreas
from changedetect.stages.deliver.accounts import open_accounts
from changedetect.stages.deliver.package import PackageInput
from changedetect.stages.deliver.tables import rows_of

_DUST = 1e-9
"""Binary dust of sums of four-decimal numbers. [mu]"""

_COUNTY_FRAC = 0.001
"""Examined and unobserved ground are counted in pixels; they miss the county line by a rim."""

_NAMED = 20
"""A check names this many places; how many there are in all is told beside them."""

_LAND = ("GDMJ", "QTNYMJ", "JSYDMJ", "WLYDMJ", "DLBMMJ")


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the check sheet: what must hold, how often it does not, where.

    ``fatal`` checks must be zero; the others tell what is not known (evidence is missing).
    """

    name: str
    rule: str
    count: int
    where: str
    fatal: bool = True


def checks(package: PackageInput, tables: Mapping[str, pd.DataFrame]) -> tuple[Check, ...]:
    """Check a finished package against itself, from its delivered numbers alone.

    Returns
    -------
    tuple of Check
        Those that must be zero first.
    """
    cases = rows_of(tables["AJTB"])
    slivers = {case.number: _sliver_mu(unit.areas) for case, unit in package.pairs()}
    return (
        _must("案件编号唯一且校验位正确", "重复或校验位不符的编号数", _bad_numbers(cases)),
        _must(
            "地类面积闭合", "耕地+其他农用地+建设用地+未利用地+地类不明=监测面积", _open_land(cases)
        ),
        _must(
            "套合碎片闭合",
            f"地类套合(DLTH)面积合计与监测面积之差≤{CLOSING_MU}亩",
            _open_pieces(cases, tables["DLTH"]),
        ),
        _must(
            "审批面积闭合",
            f"套合合计+未批面积+细碎面积与监测面积之差≤{CLOSING_MU}亩（细碎面积：窄于定位误差、不计入未批的部分）",
            [row["AJBH"] for row in cases if _open_approval(row, slivers)],
        ),
        _must(
            "部分不大于整体",
            "永农、红线、开发边界外、套合合计均不大于监测面积",
            [row["AJBH"] for row in cases if _too_large(row)],
        ),
        _must(
            "统计对账",
            "发现=合法、排除或留痕+入池+应下发+存疑(个数、面积)",
            _open_totals(tables["TJ_XJ"]),
        ),
        _must(
            "台账对账",
            "县合计的应下发+存疑=台账行数；入池=入池表行数",
            _unlisted(cases, tables["TJ_XJ"]),
        ),
        *_account_check(package),
        _must("案件有图斑面", "图斑几何为空的案件数", _empty(tables["AJTB"])),
        *_county_check(package),
        *_notices(package, cases),
    )


def _must(name: str, rule: str, bad: Sequence[str]) -> Check:
    return Check(name, rule, len(bad), _named(bad))


def _named(places: Sequence[str]) -> str:
    """Name the first places and say how many there are; a cell holds no thousands of them."""
    more = f"…共{len(places)}个" if len(places) > _NAMED else ""
    return "、".join(places[:_NAMED]) + more


def _bad_numbers(cases: Sequence[dict[str, object]]) -> list[str]:
    numbers = Counter(str(row["AJBH"]) for row in cases)
    return [
        number
        for number, count in sorted(numbers.items())
        if count > 1 or not is_case_number(number)
    ]


def _value(row: Mapping[str, object], name: str) -> float:
    value = row[name]
    return float(value) if isinstance(value, (int, float)) else 0.0


def _open_land(cases: Sequence[dict[str, object]]) -> list[str]:
    return [
        str(row["AJBH"])
        for row in cases
        if abs(sum(_value(row, name) for name in _LAND) - _value(row, "JCMJM")) > _DUST
    ]


def _open_pieces(cases: Sequence[dict[str, object]], pieces: pd.DataFrame) -> list[str]:
    sums: dict[str, float] = {}
    for number, area in zip(pieces["AJBH"], pieces["MJM"], strict=True):
        sums[number] = sums.get(number, 0.0) + area
    return [
        str(row["AJBH"])
        for row in cases
        if abs(sums.get(str(row["AJBH"]), 0.0) - _value(row, "JCMJM")) > CLOSING_MU
    ]


def _sliver_mu(areas: UnitAreas) -> float:
    """Return the unapproved ground that was left out as thinner than the position error. [mu]"""
    return to_mu(max(areas.raw.get("unapproved", areas.unapproved) - areas.unapproved, 0.0))


def _open_approval(row: Mapping[str, object], slivers_mu: Mapping[str, float]) -> bool:
    if row["THZMJ"] is None or row["WPMJ"] is None:
        return False
    parts = _value(row, "THZMJ") + _value(row, "WPMJ") + slivers_mu.get(str(row["AJBH"]), 0.0)
    return abs(parts - _value(row, "JCMJM")) > CLOSING_MU


def _too_large(row: Mapping[str, object]) -> bool:
    parts = ("YJNTMJ", "STHXMJ", "KFBWMJ", "THZMJ")
    return any(_value(row, name) > _value(row, "JCMJM") + CLOSING_MU for name in parts)


def _open_totals(totals: pd.DataFrame) -> list[str]:
    bad = []
    for row in rows_of(totals):
        for unit in ("GS", "MJ"):
            parts = sum(_value(row, f"{kind}{unit}") for kind in ("HF", "RC", "XF", "CY"))
            if abs(parts - _value(row, f"FX{unit}")) > _DUST * max(1.0, parts):
                bad.append(f"{row['JB']}{row['ZTDM'] or ''}")
    return bad


def _unlisted(cases: Sequence[dict[str, object]], totals: pd.DataFrame) -> list[str]:
    """Compare the county line with the lists that people count."""
    county = totals.to_dict("records")[0]
    rows = Counter(str(row["RCBZ"]) for row in cases)
    pairs = (
        ("台账", rows["0"], _value(county, "XFGS") + _value(county, "CYGS")),
        ("入池", rows["1"], _value(county, "RCGS")),
    )
    return [
        f"{name}{listed}行，统计{counted:.0f}个"
        for name, listed, counted in pairs
        if listed != counted
    ]


def _account_check(package: PackageInput) -> tuple[Check, ...]:
    """Check the accounts of the year, where there are any."""
    if not package.accounts:
        return ()
    rule = "流出=有依据+疑似+存疑=各去向之和；分子+待查≤分母；已销号+未销号=新增疑似"
    return (_must("年度账目闭合", rule, open_accounts(package.accounts)),)


def _empty(cases: pd.DataFrame) -> list[str]:
    return [
        number
        for number, shape in zip(cases["AJBH"], cases.geometry, strict=True)
        if shape.is_empty
    ]


def _county_check(package: PackageInput) -> tuple[Check, ...]:
    """Compare with the ground counted in pixels; without that count there is nothing to compare."""
    if package.observed_px_m2 is None:
        return ()
    whole = area_m2(package.district_geometry, package.crs)
    gap = package.observed_px_m2 + package.unobserved_m2 - whole
    rule = f"按像元统计的已监测面积+未监测面积=县域面积({_COUNTY_FRAC:.1%}以内)"
    bad = [f"相差{to_mu(gap):.4f}亩"] if abs(gap) > whole * _COUNTY_FRAC else []
    return (_must("监测范围闭合", rule, bad),)


def _notices(package: PackageInput, cases: Sequence[dict[str, object]]) -> list[Check]:
    bad_layers = [
        manifest.name
        for manifest in sorted(package.manifests, key=lambda manifest: manifest.name)
        if not manifest.covers_district(package.district)
    ]
    unknown_land = [str(row["AJBH"]) for row in cases if row["DLBMMJ"]]
    doubtful = [str(row["AJBH"]) for row in cases if str(row["PDJY"]).startswith("0")]
    listed = [
        ("未覆盖本县的底数", "缺失、不可读、无日期或未声明覆盖本县的图层数", bad_layers),
        ("地类不明的案件", "地类底图未覆盖部分图斑的案件数", unknown_land),
        ("证据不足的案件", "判定建议为01、02、03的案件数", doubtful),
    ]
    unseen = Check(
        "未监测区域", "未监测区图斑数", len(package.unobserved), _unseen(package), fatal=False
    )
    return [
        *(
            Check(name, rule, len(found), _named(found), fatal=False)
            for name, rule, found in listed
        ),
        unseen,
    ]


def _unseen(package: PackageInput) -> str:
    """Sum ground that was not observed by its reason."""
    sums: dict[str, list[float]] = {}
    for area in package.unobserved:
        sums.setdefault(UNOBSERVED.get(area.reason, area.reason), []).append(area.area_m2)
    return "、".join(
        f"{reason}{len(areas)}处{to_mu(math.fsum(areas)):.2f}亩"
        for reason, areas in sorted(sums.items())
    )
