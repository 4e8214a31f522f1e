"""Rows and known cases -> what is to be entered, what changes nothing, and what is refused.

1. A county moves a case to 40 at most, or from docketed to rectified; what it holds for closed is a claim.
2. A row that says what the ledger knows already changes nothing, however often it comes.
3. A case without a row is without a reply; nothing is entered for it.
4. Two rows that say different things of one case are refused, both: nobody guesses which is meant.
5. The order of files and rows changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from changedetect.config.returns import ReturnsSection
from changedetect.measure import to_mu
from changedetect.stages.returns.areas import Outline, outline_of
from changedetect.stages.returns.claims import CLOSING, Claimed, Known, claims_of, judges
from changedetect.stages.returns.rows import Fault, Row

_AT_COUNTY = frozenset({"20", "30", "45", "55", "65"})
_FILED, _WAITING = "40", "10"
_UNDER_REVIEW = {"50": "市审", "60": "省审", "70": "认定合法或其他", "93": "异议"}
_ENDED = {"90": "销号", "98": "合并", "99": "撤销"}
_OURS = frozenset({"AJTB", "SPTH"})
"""Layers that the program fills."""
_PUT_RIGHT = frozenset({"75", "80", "85", "95"})
_PROPOSABLE = frozenset({"70", "85"})


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
    rows = tuple(rows)
    groups = _by_case(rows, known)
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
    } | _edited(rows, known, section)
    return Outcome(
        tuple(change for change, _ in outcomes.values() if change is not None),
        tuple(sorted(fault for _, faults in outcomes.values() for fault in faults)),
        tuple(number for number, (change, faults) in outcomes.items() if not (change or faults)),
        tuple(silent),
        tuple(sorted(notes)),
    )


def speaks(row: Row) -> bool:
    """Tell whether a county wrote a row: all of its own layers, the case list only where filled in."""
    if row.form in _OURS:
        return row.form == "AJTB" and (row.closing or judges(row))
    return True


def _by_case(rows: Iterable[Row], known: Mapping[str, Known]) -> dict[str, list[Row]]:
    """Group rows that say something by case; that a closed case is closed says nothing."""
    groups: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.place):
        state = known[row.case].state if row.case in known else ""
        idle = row.form == "AJTB" and not judges(row) and state in {"", "10", *_ENDED}
        if speaks(row) and not idle:
            groups.setdefault(row.case, []).append(row)
    return groups


def _edited(rows: Iterable[Row], known: Mapping[str, Known], section: ReturnsSection) -> set[str]:
    """Name outlines of the case list that differ from the case's: only those of HC_FW are taken."""
    notes = set()
    for row in rows:
        if row.form != "AJTB" or row.shape is None or row.case not in known:
            continue
        try:
            case = known[row.case]
            outline = outline_of([row.shape], row.crs, case.geometry, case.crs)
        except ValueError:
            continue
        if outline is not None and outline.difference_m2 > section.outline_tolerance_m2:
            notes.add(
                f"{row.place}: the outline of case {row.case} differs from the ledger's by "
                f"{to_mu(outline.difference_m2):.4f} mu; it is not taken, outlines are drawn in HC_FW (图斑图形与台账不符，未采用)"
            )
    return notes


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
    return ""


def _of_case(
    known: Known, rows: Sequence[Row], section: ReturnsSection
) -> tuple[Change | None, list[Fault]]:
    case = claims_of(known, rows, section)
    steps = _steps(case, rows)
    before = known.claims
    differences = tuple(
        (name, before.get(name, ""), text)
        for step in steps for name, text in sorted(step.claims.items()) if before.get(name, "") != text
    )  # fmt: skip
    change = Change(known.number, known.state, tuple(steps), differences) if steps else None
    return change, case.faults


def _steps(case: Claimed, rows: Sequence[Row]) -> list[Step]:
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
    case: Claimed, state: str, mended: Mapping[str, str], rows: Sequence[Row]
) -> list[Step]:
    mine = [row for row in rows if row.form == "ZG_JL"]
    moves = _rectifying(state, case.remaining) if mended else []
    return [_step(event, end, mended, mine) for event, end in moves]


def _refusal(state: str, fresh: Mapping[str, str], mended: Mapping[str, str]) -> str:
    if state == _WAITING:
        return "the case was not dispatched, or was found again and waits to be dispatched anew (尚未下发)"
    if state in _ENDED:
        return f"the case is closed ({state} {_ENDED[state]}); nothing is entered (案件已{_ENDED[state]})"
    only_closing = set(fresh) == {"AJZT"} and not mended
    if state in _UNDER_REVIEW and not only_closing:
        return f"the case lies in {state} {_UNDER_REVIEW[state]}; it is changed after it was returned (审核中，退回后方可修改)"
    if state in {"71", *_PUT_RIGHT} and {"HCJG", "RDEJ"} & set(fresh):
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
