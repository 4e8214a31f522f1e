"""Totals that add up: found = excused or recorded + pooled + to dispatch + in doubt, by count and by area.

Two ways of counting stand side by side. The county line counts every unit once; a theme line
counts a unit in every theme that looked at it, so theme lines may exceed the county line. The
unapproved remainder of a unit is no unit of its own here: the whole counts, by what became of it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from changedetect.casepackage import FORMS
from changedetect.codes import FAMILIES
from changedetect.measure import to_mu
from changedetect.records import Case, Finding, Unit, Verdict
from changedetect.stages.deliver.land import land_columns
from changedetect.stages.deliver.package import PackageInput, listing
from changedetect.stages.deliver.tables import Row, make_table, mu_or_none

_DECIMALS = 4
_KINDS = ("HF", "RC", "XF", "CY")
"""Excused or recorded, pooled, to dispatch, in doubt."""

_DOUBT = "0"
"""PDJY of missing evidence starts with it."""


_Key = tuple[str | None, str | None, str | None]
"""Theme, class and size of a line; None = all of them."""

_ALL: _Key = (None, None, None)


@dataclass(frozen=True, slots=True)
class _Count:
    """One unit as one line counts it."""

    key: _Key
    kind: str
    unit: Unit


def finding_kind(finding: Finding, recording: frozenset[str]) -> str:
    """Tell how a finding is counted: HF excused or recorded, RC pooled, XF to dispatch, CY in doubt."""
    if finding.verdict is Verdict.NO or finding.theme in recording:
        return "HF"
    if finding.below_minimum:
        return "RC"
    return "XF" if finding.verdict is Verdict.YES else "CY"


def unit_kind(unit: Unit, case: Case | None, recording: frozenset[str]) -> str:
    """Tell how a unit is counted once.

    Its case decides, so that the totals are those of the lists that go out. Without one, its most
    serious finding does: to dispatch before in doubt before pooled before excused or recorded. The
    ground of a rectified case that is looked at again counts only where its case is listed again.
    """
    if case is not None:
        doubtful = "CY" if case.suggestion.startswith(_DOUBT) else "XF"
        return {"0": doubtful, "1": "RC", "2": "HF"}[listing(case)]
    if unit.watch == "case":
        return "HF"
    kinds = {finding_kind(finding, recording) for finding in unit.findings}
    return next((kind for kind in ("XF", "CY", "RC") if kind in kinds), "HF")


def size_class(area_mu: float, limits_mu: Sequence[float]) -> str | None:
    """Name the size class of an area; None where no limits are set.

    Examples
    --------
    >>> size_class(0.4, (0.5, 10)), size_class(0.5, (0.5, 10)), size_class(11.0, (0.5, 10))
    ('<0.5', '0.5-10', '≥10')
    """
    if not limits_mu:
        return None
    limits = sorted(limits_mu)
    below = sum(area_mu >= limit for limit in limits)
    if below == 0:
        return f"<{limits[0]:g}"
    if below == len(limits):
        return f"≥{limits[-1]:g}"
    return f"{limits[below - 1]:g}-{limits[below]:g}"


def statistics(packages: Iterable[PackageInput]) -> pd.DataFrame:
    """Return the totals of counties (TJ_XJ): by county, theme, class and size.

    Returns
    -------
    DataFrame
        Lines of three levels (JB): 县合计 (every unit once), 主题合计, 明细 (theme × class × size).
        Counts and areas [mu, 4 decimals] of what was found and of its four parts, which add up
        exactly; cropland, basic farmland and red line inside what is to dispatch or in doubt (None
        where the layer of any unit is unknown); ground examined and not observed on the county line.
    """
    rows: list[Row] = []
    for package in sorted(packages, key=lambda package: package.district):
        rows.extend(_county_rows(package))
    return make_table(FORMS["TJ_XJ"], rows)


def _county_rows(package: PackageInput) -> list[Row]:
    cases = {case.unit_id: case for case in package.cases}
    for unit in package.units:
        if unit.parent and unit.unit_id in cases:
            cases[unit.parent] = cases[unit.unit_id]
    whole = [unit for unit in package.units if not unit.parent]
    once = [
        _Count(_ALL, unit_kind(unit, cases.get(unit.unit_id), package.recording), unit)
        for unit in whole
    ]
    county = _line(package, "县合计", once)
    county["JCFWMJ"] = to_mu(package.examined_m2 + package.unobserved_m2)
    county["WJCMJ"] = to_mu(package.unobserved_m2)
    leaves = [
        _Count(_key(package, unit, finding), finding_kind(finding, package.recording), unit)
        for unit in whole
        for finding in unit.findings
    ]
    rows = [county, *_kinds_of_ground(package, once)]
    for theme in sorted({finding.theme for unit in whole for finding in unit.findings}):
        mine = [count for count in leaves if count.key[0] == theme]
        rows.append(_line(package, "主题合计", mine, (theme, None, None)))
        keys = sorted({count.key for count in mine}, key=_key_order)
        rows.extend(
            _line(package, "明细", [count for count in mine if count.key == key], key)
            for key in keys
        )
    return rows


def _kinds_of_ground(package: PackageInput, once: Sequence[_Count]) -> list[Row]:
    """Tell changes and watched ground apart, where there is any; together they are the county line."""
    watched = [count for count in once if count.unit.watch]
    if not watched:
        return []
    changed = [count for count in once if not count.unit.watch]
    return [
        _line(package, "其中变化图斑", changed),
        _line(package, "其中监管地块", watched),
    ]


def _key(package: PackageInput, unit: Unit, finding: Finding) -> _Key:
    size = size_class(to_mu(unit.area_m2), package.sizes_mu)
    return finding.theme, FAMILIES.get(unit.family), size


def _key_order(key: _Key) -> tuple[str, float]:
    """Classes by code, unknown last; sizes from small to large."""
    _, family, size = key
    text = (size or "").lstrip("≥").split("-")[0]
    return family or "~", -1.0 if not text or text.startswith("<") else float(text)


def _line(package: PackageInput, level: str, counts: Sequence[_Count], key: _Key = _ALL) -> Row:
    theme, family, size = key
    row: Row = {
        "XZQDM": package.district,
        "XZQMC": package.district_name,
        "JCZQ": package.period,
        "JB": level,
        "ZTDM": theme,
        "TBLX": family,
        "MJFJ": size,
        "FXGS": len(counts),
        "FXMJ": _total([to_mu(count.unit.area_m2) for count in counts]),
    }
    for kind in _KINDS:
        areas = [to_mu(count.unit.area_m2) for count in counts if count.kind == kind]
        row[f"{kind}GS"] = len(areas)
        row[f"{kind}MJ"] = _total(areas)
    active = [count.unit for count in counts if count.kind in ("XF", "CY")]
    row["GDMJ"] = _known([land_columns(unit)["GDMJ"] for unit in active])
    row["YJNTMJ"] = _known([mu_or_none(unit.areas.basic_farmland) for unit in active])
    row["STHXMJ"] = _known([mu_or_none(unit.areas.red_line) for unit in active])
    return row


def _total(areas_mu: Iterable[float]) -> float:
    """Add areas that were rounded first, so that printed lines add up to printed totals."""
    return round(math.fsum(round(area, _DECIMALS) for area in areas_mu), _DECIMALS)


def _known(areas_mu: Sequence[float | None]) -> float | None:
    """Add areas; the sum is unknown as soon as one of them is."""
    known = [area for area in areas_mu if area is not None]
    return _total(known) if len(known) == len(areas_mu) else None
