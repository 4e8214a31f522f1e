"""What the rows of one case claim: columns -> text, the outline drawn on site, what was put right."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shapely.geometry.base import BaseGeometry

from changedetect.config.returns import ReturnsSection
from changedetect.measure import to_mu
from changedetect.stages.returns.areas import Outline, handled, outline_of
from changedetect.stages.returns.rows import KEY, VERDICTS, Fault, Row
from changedetect.stages.returns.shots import EXIF, file_name, named_path

CLOSING = {"AJZT": "90"}
"""The claim that a case is closed."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a case before the return: state, area [m²], outline with its CRS, claims so far."""

    number: str
    state: str
    area_m2: float
    geometry: BaseGeometry
    crs: str
    claims: Mapping[str, str]


@dataclass(slots=True)
class Claimed:
    """Rows of one case by layer, and its claims as they are gathered."""

    known: Known
    faults: list[Fault] = field(default_factory=list)
    claims: dict[str, str] = field(default_factory=dict)
    rectified: dict[str, str] = field(default_factory=dict)
    remaining: float | None = None
    outline: Outline | None = None
    closing: bool = False


def _gather_check(case: Claimed, rows: Sequence[Row], _section: ReturnsSection) -> None:
    said = [{name: text for name, text in row.values.items() if name != KEY} for row in rows]
    if not _agree(case, rows, said):
        return
    case.claims |= said[0]


def _gather_list(case: Claimed, rows: Sequence[Row], _section: ReturnsSection) -> None:
    """Take the result (认定结果) and its kind (认定二级) from the case list, where a county filled them in."""
    verdicts = [
        {into: row.values[name] for name, into in _VERDICT_CLAIMS if row.values.get(name)}
        for row in rows
        if judges(row)
    ]
    if not verdicts or not _agree(case, rows, verdicts):
        return
    told, written = verdicts[0], case.claims.get("HCJG")
    wrong = _contradiction(told.get("HCJG"), written, told.get("RDEJ"))
    if wrong:
        case.faults += [Fault(row.place, row.case, wrong) for row in rows]
        case.claims.clear()
        return
    case.claims |= told


def judges(row: Row) -> bool:
    """Tell whether a row of the case list says what a county found: the result, or its kind."""
    return any(row.values.get(name) for name in VERDICTS)


_VERDICT_CLAIMS = tuple(zip(VERDICTS, ("HCJG", "RDEJ"), strict=True))
"""Column of the case list -> claim."""


def _contradiction(told: str | None, written: str | None, kind: str | None) -> str:
    """Tell what does not go together: the result here, the one of HC_JL, the kind; '' = all does."""
    if told and written and told != written:
        return f"认定结果 {told} differs from 核查结果 {written} of HC_JL (前后矛盾)"
    result = told or written
    if kind and not result:
        return f"认定二级 {kind} without 认定结果; fill in the result too (缺少认定结果)"
    if kind and not kind.startswith(str(result)):
        return (
            f"认定二级 {kind} does not go with 认定结果 {result}; kinds of result {result} begin with "
            f"{result} (前后矛盾)"
        )
    return ""


def _agree(case: Claimed, rows: Sequence[Row], said: Sequence[Mapping[str, str]]) -> bool:
    if all(one == said[0] for one in said):
        return True
    names = sorted(
        {name for one in said for name in one if one.get(name) != said[0].get(name)}
        | {name for name in said[0] if any(one.get(name) != said[0][name] for one in said)}
    )
    places = "; ".join(str(row.place) for row in rows)
    message = f"rows of one case say different things ({', '.join(names)}): {places}; keep one of them (同一案件多行填报不一致)"
    case.faults += [Fault(row.place, row.case, message) for row in rows]
    return False


def _gather_outline(case: Claimed, rows: Sequence[Row], section: ReturnsSection) -> None:
    shapes = [row.shape for row in rows if row.shape is not None]
    try:
        outline = outline_of(shapes, rows[0].crs, case.known.geometry, case.known.crs)
    except ValueError as error:
        case.faults += [Fault(row.place, row.case, str(error)) for row in rows]
        return
    claims = _joined("HC_FW", rows, skip=("HCMJ",))
    written = [float(row.values["HCMJ"]) for row in rows if row.values.get("HCMJ")]
    if written:
        claims["HC_FW.HCMJ"] = _figure(sum(written))
    if outline is not None:
        same = outline.difference_m2 <= section.outline_tolerance_m2
        claims["HC_FW.MJ"] = _figure(to_mu(outline.area_m2))
        claims["HC_FW.CYMJ"] = _figure(0.0 if same else to_mu(outline.difference_m2))
        case.outline = None if same else outline
    case.claims |= claims


_TOLD_BY_PHOTOS = ("ZPMC", "ZPLJ", "SHA256", "JLDW", "YCBZ")
"""Columns of HC_ZP that are worked out from all photos, or by the program."""


def _gather_photos(case: Claimed, rows: Sequence[Row], _section: ReturnsSection) -> None:
    """Photos by their file names; those that were sent are told by digest and doubts."""
    names = sorted({file_name(named_path(row)) for row in rows} - {""})
    seen = [row for row in rows if row.place.table == EXIF]
    written = [row for row in rows if row.place.table != EXIF]
    told = _joined("HC_ZP", written, skip=_TOLD_BY_PHOTOS)
    case.claims |= {name: text for name, text in told.items() if text}
    doubts = {code for row in seen for code in row.values["YCBZ"].split(",")} - {""}
    case.claims |= {"HC_ZP.ZPMC": "|".join(names), "HC_ZP.ZPSL": str(len(names))}
    if seen:
        sent = sorted(row.values["SHA256"] for row in seen)
        whole = hashlib.sha256("\n".join(sent).encode()).hexdigest()
        case.claims |= {"HC_ZP.SHA256": whole, "HC_ZP.YCBZ": ",".join(sorted(doubts))}


def _gather_rectified(case: Claimed, rows: Sequence[Row], section: ReturnsSection) -> None:
    unique = {tuple(sorted(row.values.items())): row for row in rows}
    rows = sorted(unique.values(), key=lambda row: tuple(sorted(row.values.items())))
    try:
        found = handled([row.values for row in rows], case.known.area_m2, section.area_tolerance_mu)
    except ValueError as error:
        case.faults += [Fault(row.place, row.case, str(error)) for row in rows]
        return
    claims = _joined("ZG_JL", rows, skip=("ZGFS", *found.sums))
    claims |= {name: _figure(value) for name, value in found.sums.items()}
    claims["ZGFS"] = "、".join(
        sorted({row.values["ZGFS"] for row in rows if row.values.get("ZGFS")})
    )
    claims["SYWZG"] = _figure(found.remaining_mu)
    case.rectified, case.remaining = claims, found.remaining_mu


def _joined(form: str, rows: Sequence[Row], skip: Sequence[str]) -> dict[str, str]:
    """Join what several rows of a case say of each column; the same text once."""
    names = sorted({name for row in rows for name in row.values} - {KEY, *skip})
    return {
        f"{form}.{name}": "；".join(
            sorted({row.values[name] for row in rows if row.values.get(name)})
        )
        for name in names
    }


def _figure(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


_GATHER: dict[str, Any] = {
    "HC_JL": _gather_check,
    "AJTB": _gather_list,
    "HC_FW": _gather_outline,
    "HC_ZP": _gather_photos,
    "ZG_JL": _gather_rectified,
}


def claims_of(known: Known, rows: Sequence[Row], section: ReturnsSection) -> Claimed:
    """Gather what the rows of one case claim; what can not stand is among its faults."""
    case = Claimed(known, closing=any(row.closing for row in rows))
    for form, gather in _GATHER.items():
        mine = [row for row in rows if row.form == form]
        if mine:
            gather(case, mine, section)
    if case.closing:
        case.claims |= CLOSING
    return case
