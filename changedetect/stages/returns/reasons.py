"""Why a reviewer would send a filed case back (THYY), told before it is sent.

Each rule is the reviewers' own, as the schema of the case package lists them; what a word in a free text
means is our choice. A rule that lacks its evidence (no list of approvals, no photos folder) says nothing.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.codes import is_case_number, normalise_document
from changedetect.config.returns import ReturnsSection
from changedetect.measure import distance_m, to_mu
from changedetect.stages.returns.areas import handled, outline_of
from changedetect.stages.returns.photos import PhotoDoubts
from changedetect.stages.returns.rows import EXTRA, Fault, Place, Row
from changedetect.stages.returns.shots import PHOTOS, named_path

LEGAL, ILLEGAL, OTHER = "1", "2", "3"
_BUILT = frozenset({"20"})
_STARTED = frozenset({"20", "YH", "GF", "DL1", "SJ"})
_EARTH = frozenset({"TD", "DT", "TP"})
_MINING = "CK"
_DOCUMENT = re.compile(r"[^\s,，。；;、()（）]{1,20}〔\d{4}〕第?\d{1,6}号?")
"""A document number in its one form (see `normalise_document`)."""
_FOREIGN_NUMBER = re.compile(r"\d{17}[A-Y]")
_SPEAKING = frozenset({"HCQK", "BZ", "XMMC", "PZWH"})
"""Columns of a county in which it may name a document."""
_INSIDE = ("内部", "室内", "屋内")
_TEMPORARY, _FACILITY = ("临时用地", "临时"), ("设施农", "养殖", "大棚", "圈舍")
_EARTH_WORDS, _MINING_WORDS = ("推填土", "推土", "填土", "堆土", "未建设"), ("采矿", "采石", "采砂")


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval that the package lists for a case: document, kind, common area [mu]."""

    document: str
    kind: str
    overlap_mu: float


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A case as it was dispatched.

    Attributes
    ----------
    number, family, suggestion
        AJBH, TBLX, PDJY.
    area_mu, basic_mu, open_mu
        Area, basic farmland in it, ground without approval; None = not known. [mu]
    approvals
        None = the package has no list of them.
    geometry, crs
        Outline.
    """

    number: str
    family: str
    suggestion: str
    area_mu: float
    basic_mu: float | None
    open_mu: float | None
    approvals: tuple[Approval, ...] | None
    geometry: BaseGeometry
    crs: str


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """Why a case would come back: number, THYY, what exactly, where it stands."""

    case: str
    reason: str
    message: str
    place: Place


@dataclass(frozen=True, slots=True)
class _File:
    """All that a county says of one case."""

    case: Dispatched
    rows: tuple[Row, ...]
    doubts: tuple[PhotoDoubts, ...]
    section: ReturnsSection
    others: Mapping[str, Dispatched]

    def of(self, form: str) -> list[Row]:
        """Rows of a layer."""
        return [row for row in self.rows if row.form == form]

    @property
    def check(self) -> Row:
        """The row of HC_JL (or of the list) that is sent."""
        return min(
            (row for row in self.rows if row.form in {"HC_JL", "AJTB"}),
            key=lambda row: (row.form != "HC_JL", row.place),
        )

    @property
    def verdict(self) -> str:
        """HCJG; empty = not filled in."""
        return self.check.values.get("HCJG") or self.check.values.get("RDJG", "")

    def says(self, words: Iterable[str]) -> bool:
        """Tell whether use, situation or remark names one of some words."""
        text = " ".join(self.check.values.get(name, "") for name in ("SJYT", "HCQK", "BZ"))
        return any(word in text for word in words)

    @property
    def documents(self) -> set[str]:
        """Numbers of documents that the county names anywhere, in one form."""
        texts = [
            text
            for row in self.rows
            for name, text in row.values.items()
            if name in _SPEAKING or (name.startswith(EXTRA) and "文号" in name)
        ]
        return {
            match.group()
            for text in texts
            for match in _DOCUMENT.finditer(normalise_document(text))
        }


def sent_back(
    rows: Iterable[Row],
    cases: Mapping[str, Dispatched],
    doubts: Iterable[PhotoDoubts],
    section: ReturnsSection,
) -> tuple[Reason, ...]:
    """Tell what reviewers would send back.

    Parameters
    ----------
    rows
        Of all files that are to be sent, in any order.
    cases
        Case number -> the case as it was dispatched.
    doubts
        About the photos.
    section
        Limits.

    Returns
    -------
    tuple of Reason
        By case; only for cases whose 核查结果 is filled in, and for photos of any case.
    """
    groups: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.place):
        if row.case in cases and row.form != "SPTH":
            groups.setdefault(row.case, []).append(row)
    about: dict[str, list[PhotoDoubts]] = {}
    for doubt in doubts:
        about.setdefault(doubt.case, []).append(doubt)
    found: set[Reason] = set()
    for number, mine in groups.items():
        file = _File(cases[number], tuple(mine), tuple(about.get(number, ())), section, cases)
        if not any(row.form in {"HC_JL", "AJTB"} for row in mine) or not file.verdict:
            continue
        for rule in _RULES:
            found |= {
                Reason(number, reason, text, place or file.check.place)
                for reason, text, place in rule(file)
            }
    return tuple(sorted(found))


Found = Iterator[tuple[str, str, Place | None]]


def _documents(file: _File) -> Found:
    if file.verdict != LEGAL:
        return
    named, listed = file.documents, file.case.approvals
    if not named:
        known = [
            f"{one.document}（套合{one.overlap_mu:g}亩）" for one in listed or () if one.document
        ]
        hint = f"；底数中有{'、'.join(known)}，请核对后填写" if known else ""
        yield "需补农转用/供地手续", f"核查结果为合法，但没有填写批准文号{hint}", None
    elif listed is not None:
        met = {normalise_document(one.document) for one in listed if one.overlap_mu > 0}
        for number in sorted(named):
            if not any(number in one or one in number for one in met if one):
                yield "需提供套合图", f"文号{number}与图斑套合为0亩（审批套合中没有）", None


def _photos(file: _File) -> Found:
    shots = file.of(PHOTOS)
    if not shots:
        yield "需补实地照片/内部照片", "没有实地照片", None
        return
    inside = any(
        word in row.values.get("ZPLX", "") + named_path(row) for row in shots for word in _INSIDE
    )
    if file.case.family in _BUILT and not inside and file.verdict != ILLEGAL:
        yield "需补实地照片/内部照片", "图斑为建构筑物，没有内部照片（照片类型含“内部”）", None


def _doubtful(file: _File) -> Found:
    for doubt in file.doubts:
        where = Place(doubt.path)
        for code, text in sorted(doubt.found.items()):
            if code == "7":
                yield "需补实地照片/内部照片", f"照片{doubt.path}：{text}", where
            elif code == "2":
                yield "材料位置/面积/图斑号不符", f"照片{doubt.path}距图斑{text}", where
            elif code in {"5", "6"}:
                yield "有弄虚作假嫌疑", f"照片{doubt.path}：{text}", where
            elif code in {"1", "3", "4"}:
                yield "需补实地照片/内部照片", f"照片{doubt.path}：{text}", where


def _strangers(file: _File) -> Found:
    for row in file.of(PHOTOS):
        for number in _FOREIGN_NUMBER.findall(named_path(row).upper()):
            if number != file.case.number and is_case_number(number):
                yield "材料非本图斑", f"照片{named_path(row)}是案件{number}的", row.place


def _position(file: _File) -> Found:
    row = file.check
    try:
        lon, lat = float(row.values["GPSJD"]), float(row.values["GPSWD"])
    except (KeyError, ValueError):
        return
    limit = file.section.photo_distance_m
    own = distance_m(lon, lat, file.case.geometry, file.case.crs)
    if own <= limit:
        return
    inside = [
        number
        for number, other in sorted(file.others.items())
        if number != file.case.number and distance_m(lon, lat, other.geometry, other.crs) <= limit
    ]
    whose = f"，而在案件{inside[0]}处" if inside else ""
    yield "材料位置/面积/图斑号不符", f"核查点距图斑{own:.0f}米，限{limit:g}米{whose}", None


def _areas(file: _File) -> Found:
    rows, limit = file.of("HC_FW"), file.section.area_tolerance_mu
    written = sum(float(row.values["HCMJ"]) for row in rows if row.values.get("HCMJ"))
    shapes = [row.shape for row in rows if row.shape is not None]
    place = rows[0].place if rows else None
    try:
        drawn = outline_of(shapes, rows[0].crs, file.case.geometry, file.case.crs) if rows else None
    except ValueError as error:
        yield "材料位置/面积/图斑号不符", f"核查范围不可用：{error}", place
        return
    if written:
        area = to_mu(drawn.area_m2) if drawn else file.case.area_mu
        what = "勾绘范围" if drawn else "图斑面积"
        if abs(written - area) > limit:
            yield (
                "材料位置/面积/图斑号不符",
                f"核查面积{written:g}亩与{what}{area:.4f}亩相差超过{limit:g}亩",
                place,
            )
    if drawn and not shapely.from_wkb(drawn.wkb).intersects(file.case.geometry):
        yield "材料非本图斑", "勾绘范围与图斑不相交", place


def _rectified(file: _File) -> Found:
    rows = file.of("ZG_JL")
    if not rows:
        return
    area_m2 = file.case.area_mu / to_mu(1.0)
    try:
        handled([row.values for row in rows], area_m2, file.section.area_tolerance_mu)
    except ValueError as error:
        yield "材料位置/面积/图斑号不符", f"整改面积有误：{error}", rows[0].place


def _temporary(file: _File) -> Found:
    kinds = {one.kind for one in file.case.approvals or () if one.overlap_mu > 0}
    temporary = file.case.suggestion in {"15", "24"} or kinds == {"LS"} or file.says(_TEMPORARY)
    if file.verdict != ILLEGAL and temporary and file.case.family in _BUILT:
        yield "临时用地禁止永久建筑", "按临时用地填报，影像为建构筑物（永久性屋顶）", None


def _facility(file: _File) -> Found:
    land = file.check.values.get("SDDL", "")
    facility = file.case.suggestion in {"16", "25"} or land == "1202" or file.says(_FACILITY)
    limit = file.section.area_tolerance_mu
    if file.verdict != ILLEGAL and facility and (file.case.basic_mu or 0.0) > limit:
        yield "设施农不得占耕", f"按设施农业用地填报，占永久基本农田{file.case.basic_mu:g}亩", None


def _earth(file: _File) -> Found:
    if file.verdict != ILLEGAL and file.says(_EARTH_WORDS) and file.case.family in _STARTED:
        yield "明显已动工非推土", f"填报为推填土或未建设，影像图斑类型为{file.case.family}", None


def _mining(file: _File) -> Found:
    mining = file.case.family == _MINING or file.says(_MINING_WORDS)
    if mining and file.verdict == LEGAL and not file.check.values.get("KQZH"):
        yield "采矿用地", "采矿用地按合法填报，没有填写矿权证号(KQZH)", None


def _unexcused(file: _File) -> Found:
    """Other, on ground that nothing allows: a building without a word of explanation is judged illegal."""
    bare = (
        file.case.open_mu is not None
        and file.case.open_mu >= file.case.area_mu - file.section.area_tolerance_mu
    )
    if file.verdict != OTHER or not bare or file.documents:
        return
    if file.case.family in _STARTED and not file.check.values.get("HCQK"):
        yield "应判违法", "图斑全部未批，核查结果为其他，但没有说明核查情况(HCQK)", None
    if file.case.family in _STARTED | _EARTH and file.case.area_mu >= file.section.large_work_mu:
        yield "大面积工程建设", f"图斑{file.case.area_mu:g}亩，全部未批，不能按其他填报", None


_RULES: tuple[Callable[[_File], Found], ...] = (
    _documents, _photos, _doubtful, _strangers, _position, _areas, _rectified, _temporary, _facility,
    _earth, _mining, _unexcused,
)  # fmt: skip


def strangers(rows: Iterable[Row], cases: Mapping[str, Dispatched]) -> list[Fault]:
    """Name rows about cases that the package does not hold."""
    return [
        Fault(row.place, row.case, f"案件{row.case}不在案件包中 (not in the package)")
        for row in rows
        if row.case not in cases and row.form not in {"SPTH", "AJTB"}
    ]


def dispatched_cases(rows: Sequence[Row]) -> dict[str, Dispatched]:
    """Make the cases of a package from its own rows (AJTB with outlines, SPTH).

    Rows without an outline or an area are left out: they are no package's.
    """
    listed = any(row.form == "SPTH" for row in rows)
    approvals: dict[str, list[Approval]] = {}
    for row in rows:
        if row.form == "SPTH" and row.values.get("SFYX", "1") != "0":
            one = Approval(
                row.values.get("PZWH", ""), row.values.get("SPLX", ""), _mu(row, "THMJ") or 0.0
            )
            approvals.setdefault(row.case, []).append(one)
    return {
        row.case: Dispatched(
            row.case, row.values.get("TBLX", ""), row.values.get("PDJY", ""), area, _mu(row, "YJNTMJ"),
            _mu(row, "WPMJ"), tuple(approvals.get(row.case, ())) if listed else None,
            shapely.from_wkb(row.shape), row.crs,
        )
        for row in rows
        if row.form == "AJTB" and row.shape and (area := _mu(row, "JCMJM")) is not None
    }  # fmt: skip


def _mu(row: Row, name: str) -> float | None:
    text = row.values.get(name, "")
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None
