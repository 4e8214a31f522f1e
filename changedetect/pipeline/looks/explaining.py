"""``explain``: why a case says what it says, from the recorded run alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from changedetect.casepackage import CODE_LISTS, NOTICE
from changedetect.casepackage.lists import THEMES
from changedetect.codes import APPROVAL_KINDS, PDJY, SPSX, is_case_number
from changedetect.errors import InputError
from changedetect.io import record_files
from changedetect.measure import to_mu
from changedetect.pipeline.runs.month_files import CASES, UNITS
from changedetect.pipeline.runs.runstore import MANIFEST, RunStore
from changedetect.records import ApprovalOverlap, Case, Finding, Unit, Verdict

_VERDICTS = {Verdict.YES: "疑似", Verdict.NO: "不列为疑似", Verdict.UNKNOWN: "证据不足"}
_CLUES = {"0": "否", "1": "是", "2": "在误差范围内", None: "不明"}
_AREAS = (
    ("total", "面积"),
    ("cropland", "耕地"),
    ("other_agricultural", "其他农用地"),
    ("construction", "建设用地"),
    ("unused", "未利用地"),
    ("unknown", "地类不明"),
    ("basic_farmland", "永久基本农田"),
    ("red_line", "生态保护红线"),
    ("approved_union", "有效批准合并覆盖"),
    ("unapproved", "未批"),
    ("unapproved_cropland", "未批占耕地"),
    ("unapproved_basic_farmland", "未批占永久基本农田"),
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A case, its unit, and all that was said of it."""

    case: Case | None
    unit: Unit

    def facts(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {
            "case": self.case.number if self.case else None,
            "unit": self.unit.unit_id,
            "suggestion": self.case.suggestion if self.case else None,
            "time_code": self.unit.time_code.value,
            "areas_mu": {
                name: None if (size := getattr(self.unit.areas, name)) is None else to_mu(size)
                for name, _ in _AREAS
            },
            "approvals": [_approval_facts(overlap) for overlap in self.unit.approvals],
            "findings": [_finding_facts(finding) for finding in self.unit.findings],
        }

    def lines(self) -> list[str]:
        """Return it for people."""
        return [*_head(self.case, self.unit), *_body(self.unit), *_clues(self.case), NOTICE]


def explain(run: Path, name: str) -> Explanation:
    """Read what a run said of a case, or of a unit that became none.

    Parameters
    ----------
    run
        Folder of a month's run.
    name
        Case number (AJBH), or unit id (JCBH).

    Raises
    ------
    InputError
        The run is not finished, or knows no such case.
    """
    if not (run / MANIFEST).is_file():
        msg = f"{run}: no folder of a run (it has no {MANIFEST}); name runs/JOB/YYYY-MM"
        raise InputError(msg)
    with RunStore(run) as store:
        store.record("cases")
    cases = record_files.read_records(run / CASES, Case)
    units = {unit.unit_id: unit for unit in record_files.read_records(run / UNITS, Unit)}
    case = next((case for case in cases if name in (case.number, case.unit_id)), None)
    unit = units.get(case.unit_id if case else name)
    if unit is None:
        word = "" if is_case_number(name) else " (its check letter does not fit: was it mistyped?)"
        near = sorted(case.number for case in cases if case.number.startswith(name[:12]))[:5]
        msg = (
            f"{run}: no case or unit {name}{word}; of {len(cases)} cases those nearest are "
            f"{', '.join(near) or 'none'} / 本期无此案件"
        )
        raise InputError(msg)
    return Explanation(case, unit)


def _head(case: Case | None, unit: Unit) -> Iterator[str]:
    place = " ".join(filter(None, (unit.district_name, unit.town_name, unit.village_name)))
    if case is None:
        yield f"图斑 {unit.unit_id}  {place}：各主题均不列为疑似，未立案件"
    else:
        where = "入池" if case.pooled else "留痕" if case.record_only else "下发"
        yield f"案件 {case.number}  图斑 {unit.unit_id}  {place}"
        yield f"判定建议 {case.suggestion} {PDJY[case.suggestion]}  严重等级{case.severity}  {where}"
    watched = f"监管地块（{unit.watch}）" if unit.watch else "变化图斑"
    yield (
        f"{watched}：{unit.before_date.isoformat()} 至 {unit.after_date.isoformat()}，"
        f"面积{to_mu(unit.area_m2):.4f}亩 ± {to_mu(unit.area_sd_m2):.4f}亩"
    )


def _body(unit: Unit) -> Iterator[str]:
    yield "面积（亩；未知不是零）："
    sizes = [(label, getattr(unit.areas, name)) for name, label in _AREAS]
    yield "  " + "，".join(
        f"{label}{'未知' if size is None else f'{to_mu(size):.4f}'}" for label, size in sizes
    )
    yield f"审批时效 {unit.time_code.value} {SPSX[unit.time_code.value]}"
    for overlap in unit.approvals:
        yield f"  {_approval(overlap)}"
    for finding in unit.findings:
        yield from _finding(finding)


def _approval(overlap: ApprovalOverlap) -> str:
    kind = APPROVAL_KINDS.get(overlap.kind, overlap.kind)
    number = overlap.doc_no or f"记录{overlap.record_id}（无文号）"
    used = "计入" if overlap.used else "不计入"
    code = overlap.time_code.value
    return (
        f"{kind} {number}：占{overlap.share:.1%}（{to_mu(overlap.overlap_m2):.4f}亩），"
        f"时效{code} {SPSX[code]}，{used}；{overlap.reason}"
    )


def _finding(finding: Finding) -> Iterator[str]:
    name = THEMES.get(finding.theme, "")
    pool = "，小于最小面积，入池" if finding.below_minimum else ""
    yield (
        f"主题{finding.theme} {name}：{_VERDICTS[finding.verdict]}，建议{finding.suggestion} "
        f"{PDJY[finding.suggestion]}，等级{finding.severity}{pool}"
    )
    yield from (f"  理由：{reason}" for reason in finding.reasons)
    yield from (f"  待补证据：{name}" for name in finding.missing)
    yield from (f"  何以改变：{text}" for text in finding.changed_by)


def _clues(case: Case | None) -> Iterator[str]:
    if case is None or case.clues is None:
        return
    clues = case.clues
    yield (
        f"线索：公益诉讼 {_CLUES[clues.public_interest]}，刑法342条 {_CLUES[clues.criminal]}，"
        f"大图斑 {_CLUES[clues.large]}；十二个月累计{to_mu(clues.accumulated_m2):.4f}亩"
    )
    yield from (f"  {reason}" for reason in clues.reasons)


def _approval_facts(overlap: ApprovalOverlap) -> dict[str, Any]:
    return {
        "kind": overlap.kind,
        "document": overlap.doc_no,
        "share": overlap.share,
        "time_code": overlap.time_code.value,
        "used": overlap.used,
        "reason": overlap.reason,
    }


def _finding_facts(finding: Finding) -> dict[str, Any]:
    return {
        "theme": finding.theme,
        "verdict": finding.verdict.value,
        "suggestion": finding.suggestion,
        "meaning": CODE_LISTS["PDJY"].items[finding.suggestion],
        "severity": finding.severity,
        "pooled": finding.below_minimum,
        "reasons": list(finding.reasons),
        "rules": list(finding.rule_ids),
        "missing": list(finding.missing),
        "changed_by": list(finding.changed_by),
    }
