"""Rows and known cases -> what is to be entered, what changes nothing, and what is refused.

1. A county moves a case to 40 at most, or from docketed to rectified; what it holds for closed is a claim.
2. A row that says what the ledger knows already changes nothing, however often it comes.
3. A case without a row is without a reply; nothing is entered for it.
4. Two rows that say different things of one case are refused, both: nobody guesses which is meant.
5. The order of files and rows changes nothing.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shapely.geometry.base import BaseGeometry

from changedetect.config.returns import ReturnsSection
from changedetect.measure import to_mu
from changedetect.stages.returns.areas import Outline, handled, outline_of
from changedetect.stages.returns.rows import KEY, Fault, Place, Row
from changedetect.stages.returns.shots import EXIF, file_name, named_path

CLOSING = {"AJZT": "90"}
"""The claim that a case is closed."""

_AT_COUNTY = frozenset({"20", "30", "45", "55", "65"})
_FILED = "40"
_UNDER_REVIEW = {"50": "市审", "60": "省审", "70": "认定合法或其他", "93": "异议"}
_ENDED = {"90": "销号", "98": "合并", "99": "撤销"}
_PUT_RIGHT = frozenset({"75", "80", "85", "95"})
_PROPOSABLE = frozenset({"70", "85"})


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a case before the return: state, area [m²], outline with its CRS, claims so far."""

    number: str
    state: str
    area_m2: float
    geometry: BaseGeometry
    crs: str
    claims: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to enter: event, where it leads, claims, drawn outline, digest and places of its rows."""

    event: str
    to_state: str
    claims: Mapping[str, str]
    digest: str
    places: tuple[str, ...]
    outline: Outline | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a return changes of a case: steps in order, and claim -> old and new text."""

    case: str
    state: str
    steps: tuple[Step, ...]
    differences: tuple[tuple[str, str, str], ...]

    @property
    def to_state(self) -> str:
        """Where the case stands afterwards."""
        return self.steps[-1].to_state


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a return of one county amounts to."""

    changes: tuple[Change, ...] = ()
    faults: tuple[Fault, ...] = ()
    unchanged: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Case:
    """Rows of one case by layer, and its claims as they are gathered."""

    known: Known
    faults: list[Fault] = field(default_factory=list)
    claims: dict[str, str] = field(default_factory=dict)
    rectified: dict[str, str] = field(default_factory=dict)
    remaining: float | None = None
    outline: Outline | None = None
    closing: bool = False


def decide(
    rows: Iterable[Row],
    known: Mapping[str, Known],
    county: str,
    expected: Iterable[str],
    section: ReturnsSection,
) -> Outcome:
    """Decide what a county's return changes.

    Parameters
    ----------
    rows
        Of all its files, in any order.
    known
        Case number -> what is known; numbers that are not there are unknown.
    county
        Whose return it is; other counties' cases are foreign.
    expected
        Cases that wait for this county's reply.
    section
        Limits.
    """
    groups = _by_case(rows)
    outcomes = {
        number: _judged(number, mine, known, county, section)
        for number, mine in sorted(groups.items())
    }
    replied = {number for number, mine in groups.items() if any(_replies(row) for row in mine)}
    silent = sorted(
        number
        for number in expected
        if number not in replied and not known[number].claims.get("HCJG")
    )
    notes = {
        f"{row.place}: case number {row.mended!r} was read as {row.case}, proven by its check letter (编号已按校验位还原)"
        for mine in groups.values()
        for row in mine
        if row.mended
    }
    return Outcome(
        tuple(change for change, _ in outcomes.values() if change is not None),
        tuple(sorted(fault for _, faults in outcomes.values() for fault in faults)),
        tuple(number for number, (change, faults) in outcomes.items() if not (change or faults)),
        tuple(silent),
        tuple(sorted(notes)),
    )


def _by_case(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Group rows that say something by case; rows of the case list say something only where filled in."""
    groups: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.place):
        listed = row.form == "AJTB" and not (row.closing or row.values.get("RDJG"))
        if row.form != "SPTH" and not listed:
            groups.setdefault(row.case, []).append(row)
    return groups


def _replies(row: Row) -> bool:
    return row.form in {"HC_JL", "AJTB"}


def _judged(
    number: str,
    rows: Sequence[Row],
    known: Mapping[str, Known],
    county: str,
    section: ReturnsSection,
) -> tuple[Change | None, list[Fault]]:
    if refusal := _stranger(number, known, county):
        return None, [Fault(row.place, number, refusal) for row in rows]
    return _of_case(known[number], rows, section)


def _stranger(number: str, known: Mapping[str, Known], county: str) -> str:
    if number[:6] != county:
        return f"case {number} is of county {number[:6]}, this return is of {county} (非本县案件)"
    if number not in known:
        return f"case {number} is not in the ledger (台账无此案件)"
    state = known[number].state
    if state == "10":
        return f"case {number} was not dispatched (尚未下发)"
    return ""


def _of_case(
    known: Known, rows: Sequence[Row], section: ReturnsSection
) -> tuple[Change | None, list[Fault]]:
    case = _Case(known, closing=any(row.closing for row in rows))
    for form, gather in _GATHER.items():
        mine = [row for row in rows if row.form == form]
        if mine:
            gather(case, mine, section)
    if case.closing:
        case.claims |= CLOSING
    steps = _steps(case, rows)
    before = known.claims
    differences = tuple(
        (name, before.get(name, ""), text)
        for step in steps for name, text in sorted(step.claims.items()) if before.get(name, "") != text
    )  # fmt: skip
    change = Change(known.number, known.state, tuple(steps), differences) if steps else None
    return change, case.faults


def _gather_check(case: _Case, rows: Sequence[Row], _section: ReturnsSection) -> None:
    said = [{name: text for name, text in row.values.items() if name != KEY} for row in rows]
    if not _agree(case, rows, said):
        return
    case.claims |= said[0]


def _gather_list(case: _Case, rows: Sequence[Row], _section: ReturnsSection) -> None:
    verdicts = [{"HCJG": row.values["RDJG"]} for row in rows if row.values.get("RDJG")]
    if verdicts and _agree(case, rows, verdicts):
        written = case.claims.get("HCJG")
        if written and written != verdicts[0]["HCJG"]:
            case.faults += [
                Fault(
                    row.place,
                    row.case,
                    f"认定结果 {verdicts[0]['HCJG']} differs from 核查结果 {written} of HC_JL (前后矛盾)",
                )
                for row in rows
            ]
            case.claims.clear()
            return
        case.claims |= verdicts[0]


def _agree(case: _Case, rows: Sequence[Row], said: Sequence[Mapping[str, str]]) -> bool:
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


def _gather_outline(case: _Case, rows: Sequence[Row], section: ReturnsSection) -> None:
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


def _gather_photos(case: _Case, rows: Sequence[Row], _section: ReturnsSection) -> None:
    """Photos by their file names; those that were sent are told by digest and doubts."""
    names = sorted({file_name(named_path(row)) for row in rows} - {""})
    seen = [row for row in rows if row.place.table == EXIF]
    doubts = {code for row in seen for code in row.values["YCBZ"].split(",")} - {""}
    case.claims |= {"HC_ZP.ZPMC": "|".join(names), "HC_ZP.ZPSL": str(len(names))}
    if seen:
        sent = sorted(row.values["SHA256"] for row in seen)
        whole = hashlib.sha256("\n".join(sent).encode()).hexdigest()
        case.claims |= {"HC_ZP.SHA256": whole, "HC_ZP.YCBZ": ",".join(sorted(doubts))}


def _gather_rectified(case: _Case, rows: Sequence[Row], section: ReturnsSection) -> None:
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


def _steps(case: _Case, rows: Sequence[Row]) -> list[Step]:
    state, before = case.known.state, case.known.claims
    fresh = {name: text for name, text in case.claims.items() if before.get(name, "") != text}
    mended = {name: text for name, text in case.rectified.items() if before.get(name, "") != text}
    if not fresh and not mended:
        return []
    if refusal := _refusal(state, fresh, mended):
        case.faults += [Fault(row.place, row.case, refusal) for row in rows]
        return []
    steps: list[Step] = []
    closing = fresh.pop("AJZT", None) is not None
    if fresh or (closing and state in _AT_COUNTY):
        event, state = _check_move(state, case.claims, closing=closing)
        claims = fresh | (CLOSING if closing and state not in _PROPOSABLE else {})
        steps.append(
            _step(
                event,
                state,
                claims,
                [row for row in rows if row.form != "ZG_JL"] or rows,
                case.outline,
            )
        )
        closing = closing and state in _PROPOSABLE
    steps += _mended_steps(case, state, mended, rows)
    state = steps[-1].to_state if steps else state
    if closing:
        event = "close_proposed" if state in _PROPOSABLE else "claimed"
        steps.append(_step(event, state, CLOSING, [row for row in rows if row.closing]))
    return steps


def _mended_steps(
    case: _Case, state: str, mended: Mapping[str, str], rows: Sequence[Row]
) -> list[Step]:
    mine = [row for row in rows if row.form == "ZG_JL"]
    moves = _rectifying(state, case.remaining) if mended else []
    return [_step(event, end, mended, mine) for event, end in moves]


def _refusal(state: str, fresh: Mapping[str, str], mended: Mapping[str, str]) -> str:
    if state in _ENDED:
        return f"the case is closed ({state} {_ENDED[state]}); nothing is entered (案件已{_ENDED[state]})"
    only_closing = set(fresh) == {"AJZT"} and not mended
    if state in _UNDER_REVIEW and not only_closing:
        return f"the case lies in {state} {_UNDER_REVIEW[state]}; it is changed after it was returned (审核中，退回后方可修改)"
    if state in {"71", *_PUT_RIGHT} and ("HCJG" in fresh):
        return f"the case was judged ({state}); its 核查结果 can not be changed any more (已认定)"
    return ""


def _check_move(state: str, claims: Mapping[str, str], *, closing: bool) -> tuple[str, str]:
    """Return event and new state for what was found on site."""
    if state in _AT_COUNTY and (claims.get("HCJG") or closing):
        return "filed", _FILED
    if state in _AT_COUNTY - {"30"}:
        return "started", "30"
    return "claimed", state


def _rectifying(state: str, remaining: float | None) -> list[tuple[str, str]]:
    """Return events and states for what was put right; only where the case is docketed."""
    done = remaining == 0.0
    if state in {"75", "95"}:
        return [("rectifying", "80"), ("rectified", "85")] if done else [("rectifying", "80")]
    if state == "80" and done:
        return [("rectified", "85")]
    if state == "85" and not done:
        return [("rectifying", "80")]
    return [("claimed", state)]


def _step(
    event: str,
    state: str,
    claims: Mapping[str, str],
    rows: Sequence[Row],
    outline: Outline | None = None,
) -> Step:
    first = min(rows, key=lambda row: (row.form != "HC_JL", row.place))
    places = tuple(f"{row.place.file}#{row.place.table}:{row.place.row}" for row in rows)
    return Step(event, state, dict(claims), first.digest, places, outline)


__all__ = ["CLOSING", "Change", "Known", "Outcome", "Place", "Step", "decide"]
