"""What lies under a case: land pieces (DLTH), approvals (SPTH), unapproved ground (WPFW)."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from changedetect.casepackage import FORMS
from changedetect.codes import LandGroup, land_class_name
from changedetect.measure import to_mu
from changedetect.records import ApprovalOverlap, Case, TimeCode, Unit, Verdict
from changedetect.stages.deliver.land import piece_mu
from changedetect.stages.deliver.package import PackageInput
from changedetect.stages.deliver.tables import Row, as_multis, make_table, mu_or_none

_YES_NO = {Verdict.YES: "1", Verdict.NO: "0", Verdict.UNKNOWN: "9"}

_GROUP_CODES = {
    LandGroup.CROPLAND: "1",
    LandGroup.OTHER_AGRICULTURAL: "2",
    LandGroup.CONSTRUCTION: "3",
    LandGroup.UNUSED: "4",
    LandGroup.UNKNOWN: "9",
}


def overlay_tables(package: PackageInput) -> dict[str, pd.DataFrame]:
    """Return DLTH, SPTH and WPFW, by case number."""
    land: list[dict[str, Any]] = []
    approvals: list[Row] = []
    remainders: list[dict[str, Any]] = []
    for case, unit in package.pairs():
        land.extend(_land_rows(case, unit))
        ordered = sorted(unit.approvals, key=lambda overlap: (overlap.kind, overlap.record_id))
        approvals.extend(_approval_row(case, overlap) for overlap in ordered)
        if unit.time_code is not TimeCode.LAYER_MISSING:
            remainders.append(_remainder_row(case, unit))
    _carry_over(land, package.crs)
    _carry_over(remainders, package.crs)
    left = [row for row in remainders if not row["geometry"].is_empty]
    return {
        "DLTH": make_table(FORMS["DLTH"], land),
        "SPTH": make_table(FORMS["SPTH"], approvals),
        "WPFW": make_table(FORMS["WPFW"], left),
    }


def _carry_over(rows: Sequence[dict[str, Any]], crs: str) -> None:
    """Carry the geometries of rows to the delivered system, all at once."""
    carried = as_multis([row["geometry"] for row in rows], crs)
    for row, geometry in zip(rows, carried, strict=True):
        row["geometry"] = geometry


def _land_rows(case: Case, unit: Unit) -> list[dict[str, Any]]:
    return [
        {
            "AJBH": case.number,
            "XH": number,
            "DLBM": piece.land_class,
            "DLMC": land_class_name(piece.land_class) if piece.land_class else "地类不明",
            "DLFL": _GROUP_CODES[piece.group],
            "CZCSXM": piece.settlement,
            "SFYN": _YES_NO[piece.basic_farmland],
            "SFHX": _YES_NO[piece.red_line],
            "SFKFB": _YES_NO[piece.in_town_boundary],
            "MJ": piece.area_m2,
            "MJM": area_mu,
            "geometry": piece.geometry,
        }
        for number, (piece, area_mu) in enumerate(piece_mu(unit), 1)
    ]


def _approval_row(case: Case, overlap: ApprovalOverlap) -> Row:
    return {
        "AJBH": case.number,
        "SPLX": overlap.kind,
        "PZWH": overlap.doc_no,
        "PZJG": overlap.agency,
        "PZRQ": overlap.approved_on,
        "YXQZ": overlap.valid_to,
        "XMMC": overlap.project,
        "YDDW": overlap.land_user,
        "SPMJ": to_mu(overlap.record_area_m2),
        "THMJ": to_mu(overlap.overlap_m2),
        "THBL": float(overlap.share),
        "SPSX": overlap.time_code.value,
        "SJBB": overlap.layer_version,
        "SFYX": "1" if overlap.used else "0",
        "YY": overlap.reason,
    }


def _remainder_row(case: Case, unit: Unit) -> dict[str, Any]:
    areas = unit.areas
    return {
        "AJBH": case.number,
        "MJ": areas.unapproved,
        "WPMJ": to_mu(areas.unapproved),
        "WPGDMJ": mu_or_none(areas.unapproved_cropland),
        "WPYNMJ": mu_or_none(areas.unapproved_basic_farmland),
        "geometry": unit.remainder,
    }
