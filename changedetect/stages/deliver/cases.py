"""The case list (AJTB) and the points to drive to (AJDW)."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.casepackage import FORMS
from changedetect.casepackage.charges import Charge
from changedetect.codes import FAMILIES, PDJY, SOURCE_NAMES
from changedetect.records import Case, TimeCode, Unit
from changedetect.stages.deliver.land import land_columns, main_class
from changedetect.stages.deliver.package import PackageInput, chip_paths, listing
from changedetect.stages.deliver.places import places
from changedetect.stages.deliver.tables import Row, as_multis, make_table, mu_or_none, rows_of

_OVERLAPS = {
    "THNZY": "NZY",
    "THGY": "GY",
    "THLS": "LS",
    "THSS": "SS",
    "THZJD": "ZJD",
    "THKQ": "CK",
    "THZJG": "ZJG",
    "THDJ": "DJ",
}
"""Column -> kind of approval."""

RESERVE_LAYER, PLANNED_LAYER = "ZRBHD", "GHFW"
"""Zones behind ZRBHMJ, and FHGHMJ with BFHGHMJ."""

_HASHED = (
    "AJBH", "JCBH", "XZQDM", "JCZQ", "QSX", "HSX", "QYXBH", "HYXBH", "TBLX", "JCMJ", "JCMJM", "GDMJ",
    "YJNTMJ", "STHXMJ", "THZMJ", "WPMJ", "SPSX", "ZTJH", "PDJY", "GZBB", "QZJ",
)  # fmt: skip
"""Key fields of the case hash; all stand in the same row, so anybody can compute it again."""

_HASH_DECIMALS = 9
"""Coordinates are hashed in degrees to this many decimals, 0.1 mm on the ground."""


_NOT_SENT = {
    "1": "小于主题最小面积，入池留存并累计，不下发",
    "2": "仅记录类主题命中，留痕备查，不下发",
}

_MARKS = {"1": "(入池)", "2": "(留痕)"}


def case_tables(package: PackageInput) -> dict[str, pd.DataFrame]:
    """Return AJTB and AJDW, both by case number."""
    charges = {one.unit_id: one for one in reversed(package.charges)}
    pairs = package.pairs()
    shapes = [unit.geometry for _, unit in pairs]
    rows = [
        _case_row(package, case, unit, charges.get(unit.unit_id) or Charge(unit.unit_id), place)
        for (case, unit), place in zip(pairs, places(shapes, package.crs), strict=True)
    ]
    surfaces = as_multis(shapes, package.crs)
    for row, geometry in zip(rows, surfaces, strict=True):
        row["geometry"] = geometry
    return {
        "AJTB": _with_hash(make_table(FORMS["AJTB"], rows)),
        "AJDW": make_table(FORMS["AJDW"], [_point_row(row) for row in rows]),
    }


def _case_row(package: PackageInput, case: Case, unit: Unit, charge: Charge, place: Row) -> Row:
    return {
        **_identity(package, case, unit),
        **_images(case, unit),
        **place,
        **_areas(unit),
        **_overlaps(package, unit),
        **_judgement(package, case, unit),
        **_handling(package, case, unit, charge),
    }


def _identity(package: PackageInput, case: Case, unit: Unit) -> Row:
    family = sorted((unit.unit_id, *unit.siblings))
    split = bool(unit.siblings)
    place = family.index(unit.unit_id) + 1 if split else 1 if unit.parent else 0
    return {
        "AJBH": case.number,
        "JCBH": unit.unit_id,
        "FJCBH": unit.patch_id if split else unit.parent or case.parent,
        "ZXH": place,
        "XZQDM": package.district,
        "XZQMC": package.district_name,
        "XZDM": unit.town,
        "XZMC": unit.town_name,
        "CDM": unit.village,
        "CMC": unit.village_name,
        "JCZQ": case.month.replace("-", ""),
        "PCH": package.stem,
    }


def _images(case: Case, unit: Unit) -> Row:
    confirmed = case.last_confirmed > case.first_found or len(unit.sources) > 1
    return {
        "QSX": f"{unit.before_date:%Y%m%d}",
        "HSX": f"{unit.after_date:%Y%m%d}",
        "QYXBH": unit.before_scene,
        "HYXBH": unit.after_scene,
        "QFBL": float(unit.before_gsd_m),
        "HFBL": float(unit.after_gsd_m),
        "SCFX": case.first_found,
        "ZJFX": case.last_confirmed,
        "TBLX": FAMILIES.get(unit.family),
        "BHCD": "2" if confirmed else "1",
        "ZXD": None if unit.watch else float(unit.change_probability),
        "BHQDL": main_class(unit),
    }


def _areas(unit: Unit) -> Row:
    areas = unit.areas
    return {
        "JCMJ": unit.area_m2,
        "JCMJM": mu_or_none(unit.area_m2),
        "ZC": unit.perimeter_m,
        "MJWC": mu_or_none(unit.area_sd_m2),
        **land_columns(unit),
        "YJNTMJ": mu_or_none(areas.basic_farmland),
        "STHXMJ": mu_or_none(areas.red_line),
        "KFBWMJ": mu_or_none(areas.outside_town),
        **_planning(unit),
    }


def _planning(unit: Unit) -> Row:
    """Fill nature reserve and planning; a layer that is not given, or does not cover, gives None."""
    zones = unit.areas.zones
    planned = zones.get(PLANNED_LAYER)
    return {
        "ZRBHMJ": mu_or_none(zones.get(RESERVE_LAYER)),
        "FHGHMJ": mu_or_none(planned),
        "BFHGHMJ": None if planned is None else mu_or_none(unit.area_m2 - planned),
    }


def _overlaps(package: PackageInput, unit: Unit) -> Row:
    """Fill the approval columns; a layer that does not cover the county gives None, never 0."""
    areas = unit.areas
    row: Row = {"SPSX": unit.time_code.value}
    for column, kind in _OVERLAPS.items():
        overlap = areas.approved.get(kind, 0.0)
        row[column] = mu_or_none(overlap) if overlap > 0 or package.covered(kind) else None
    unknown = unit.time_code is TimeCode.LAYER_MISSING
    if not unknown or areas.approved_union > 0:
        row["THZMJ"] = mu_or_none(areas.approved_union)
        row["THBL"] = areas.approved_union / unit.area_m2
    if not unknown:
        row["WPMJ"] = mu_or_none(areas.unapproved)
        row["WPGDMJ"] = mu_or_none(areas.unapproved_cropland)
        row["WPYNMJ"] = mu_or_none(areas.unapproved_basic_farmland)
    return row


def _judgement(package: PackageInput, case: Case, unit: Unit) -> Row:
    versions = {rule.rule_id: rule.version for rule in package.rules}
    rules = [
        f"{rule}@{versions[rule]}" if rule in versions else rule
        for rule in sorted(set(case.rule_ids))
    ]
    return {
        "ZTDM": case.main_theme,
        "ZTJH": ",".join(case.themes),
        "PDJY": case.suggestion,
        "PDYJ": "；".join((*case.reasons, *(case.clues.reasons if case.clues else ()))),
        "GZBB": ",".join(rules),
        "QZJ": "；".join(missing(case, unit)),
        "YZDJ": str(case.severity),
        **_clues(case),
    }


def _clues(case: Case) -> Row:
    clues = case.clues
    if clues is None:
        return {}
    return {
        "LJMJ": mu_or_none(clues.accumulated_m2),
        "LJYN": mu_or_none(clues.accumulated_farmland_m2),
        "XSGY": clues.public_interest,
        "XS342": clues.criminal,
        "XSDA": clues.large,
    }


def missing(case: Case, unit: Unit) -> list[str]:
    """Return the evidence that a case lacks (QZJ), one thing each."""
    names = list(case.missing)
    unknown = land_columns(unit)["DLBMMJ"]
    if unknown:
        names.append(f"地类底图未覆盖{unknown:.4f}亩")
    if unit.family not in FAMILIES and not unit.watch:
        names.append("图斑类型待判")
    return names


def witnesses(unit: Unit) -> str:
    """Say in Chinese which evidence speaks for a change, and which against it.

    Empty where the optical pair speaks alone.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> witnesses(SimpleNamespace(sources=("optical", "series"), against=("radar",)))
    '光学影像对、时间序列支持；雷达不支持，证据有争议'
    """
    if unit.sources == ("optical",) and not unit.against:
        return ""
    for_it, against = (
        "、".join(label for name, label in SOURCE_NAMES.items() if name in said)
        for said in (unit.sources, unit.against)
    )
    return f"{for_it}支持" + (f"；{against}不支持，证据有争议" if against else "")


def _handling(package: PackageInput, case: Case, unit: Unit, charge: Charge) -> Row:
    notes = [*filter(None, [witnesses(unit)])]
    listed = listing(case)
    if listed != "0":
        notes.append(_NOT_SENT[listed])
    if case.related:
        notes.append(f"同地块另有在办案件{'、'.join(sorted(case.related))}")
    if unit.siblings:
        notes.append(f"跨行政区图斑，父图斑{unit.patch_id}，同源{'、'.join(sorted(unit.siblings))}")
    if unit.watch:
        notes.append("监管地块，不是变化图斑：面积为地块面积")
    if case.parent:
        notes.append(f"父案件{case.parent}")
    row: Row = {
        "ZRDW": charge.office(takes_cropland=unit.areas.cropland > 0) or None,
        "ZRR": charge.people or None,
        "YXJ": charge.priority or None,
        "AJZT": case.state,
        "RCBZ": listed,
        "BZ": "；".join(notes),
    }
    if listed == "0":
        row.update(XFRQ=package.dispatched_on, HCQX=case.county_due, ZGQX=case.clear_due)
    if case.number in package.chips:
        row.update(zip(("QTP", "HTP", "TTP"), chip_paths(case.number), strict=True))
    return row


def _point_row(row: Row) -> Row:
    longitude, latitude = row["ZXJD"], row["ZXWD"]
    theme, suggestion = str(row["ZTDM"]), str(row["PDJY"])
    mark = _MARKS.get(str(row["RCBZ"]), "")
    return {
        **{name: row[name] for name in ("AJBH", "PDJY", "YZDJ", "ZXJD", "ZXWD", "RCBZ")},
        "BQ": f"{PDJY.get(suggestion, suggestion)} 主题{theme}{mark}",
        "DHLJ": f"geo:{latitude:.6f},{longitude:.6f}",
        "geometry": shapely.Point(longitude, latitude),
    }


def case_hash(row: dict[str, Any], geometry: BaseGeometry) -> str:
    """Return the hash of a case (XXHX): geometry, key fields, image ids, rule versions.

    Parameters
    ----------
    row
        A row of AJTB as delivered.
    geometry
        Its geometry as delivered (EPSG:4490).

    Returns
    -------
    str
        SHA-256, hexadecimal, over the JSON text (sorted keys, UTF-8) of the key fields and of the
        normalised geometry's WKB, coordinates rounded to 9 decimals.
    """
    return _hash(row, _rounded_wkb([geometry])[0])


def _hash(row: dict[str, Any], wkb: str) -> str:
    facts = {name: row[name] for name in _HASHED}
    facts["geometry"] = wkb
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _rounded_wkb(geometries: Sequence[BaseGeometry]) -> list[str]:
    """Return the normalised WKB of geometries with rounded coordinates, hexadecimal."""
    shapes = np.array(geometries, dtype=object)
    rounded = shapely.transform(shapes, lambda points: np.round(points, _HASH_DECIMALS))
    found = shapely.to_wkb(shapely.normalize(rounded), byte_order=1)
    return [wkb.hex().upper() for wkb in found]


def _with_hash(table: pd.DataFrame) -> pd.DataFrame:
    shapes = _rounded_wkb(table["geometry"].tolist())
    hashes = [_hash(row, wkb) for row, wkb in zip(rows_of(table), shapes, strict=True)]
    return table.assign(XXHX=pd.Series(hashes, index=table.index, dtype=object))
