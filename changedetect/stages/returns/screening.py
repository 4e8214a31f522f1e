"""A sheet of an interpreter's decisions: case number, 判读结论 (通过 / 剔除), 理由."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from changedetect.casepackage.returned import RawTable, ReturnedFile
from changedetect.stages.returns.cells import plain_text
from changedetect.stages.returns.numbers import read_number
from changedetect.stages.returns.rows import Fault, Place

_NUMBER, _VERDICT, _WHY = ("案件编号", "AJBH"), ("判读结论", "PDJL"), ("理由", "LY")
_WORDS = {
    "通过": "accepted", "判读通过": "accepted", "accepted": "accepted",
    "剔除": "rejected", "判读剔除": "rejected", "rejected": "rejected",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decision:
    """What an interpreter decided of a case: event ``accepted`` or ``rejected``, why, where it stands."""

    case: str
    event: str
    reason: str
    place: Place
    digest: str


def read_decisions(file: ReturnedFile) -> tuple[tuple[Decision, ...], tuple[Fault, ...]]:
    """Read the decisions of a sheet; rows without one are left out.

    Returns
    -------
    tuple
        Decisions by case, each case once; and what is wrong with other rows.
    """
    decisions: list[Decision] = []
    faults: list[Fault] = []
    tables = [table for table in file.tables if _header(table, _VERDICT)]
    if not tables:
        faults.append(
            Fault(
                Place(file.name), "", "no sheet has the columns 案件编号, 判读结论, 理由 (缺少列)"
            )
        )
    for table in tables:
        for found in _decisions(file, table):
            if isinstance(found, Fault):
                faults.append(found)
            else:
                decisions.append(found)
    return _once(decisions, faults), tuple(sorted(faults))


def _header(table: RawTable, names: Iterable[str]) -> str:
    return next((column for column in table.columns if column.strip() in names), "")


def _decisions(file: ReturnedFile, table: RawTable) -> Iterable[Decision | Fault]:
    number, verdict, why = (_header(table, names) for names in (_NUMBER, _VERDICT, _WHY))
    for row in table.rows:
        word = plain_text(row.cells.get(verdict))
        if not word:
            continue
        place = Place(file.name, table.name, row.number)
        try:
            case = _case(row.cells.get(number), formula=number in row.formulas)
        except ValueError as error:
            yield Fault(place, "", str(error))
            continue
        event, reason = _WORDS.get(word), plain_text(row.cells.get(why))
        if event is None:
            yield Fault(place, case, f"判读结论 {word!r}: 通过 or 剔除 was expected")
        elif event == "rejected" and not reason:
            yield Fault(place, case, "剔除 needs a reason (请填写理由)")
        else:
            yield Decision(case, event, reason or "判读通过", place, file.digest)


def _case(cell: object, *, formula: bool) -> str:
    if formula:
        msg = "the case number is a formula; paste it as text (案件编号不得为公式)"
        raise ValueError(msg)
    number, _ = read_number(cell)
    if not number:
        msg = "the row has no case number (缺少案件编号)"
        raise ValueError(msg)
    return number


def _once(decisions: Iterable[Decision], faults: list[Fault]) -> tuple[Decision, ...]:
    groups: dict[str, list[Decision]] = {}
    for decision in sorted(decisions, key=lambda one: (one.case, one.place)):
        groups.setdefault(decision.case, []).append(decision)
    kept = []
    for case, mine in groups.items():
        if len({(one.event, one.reason) for one in mine}) == 1:
            kept.append(mine[0])
        else:
            faults += [
                Fault(one.place, case, "rows of one case decide differently (同一案件结论不一致)")
                for one in mine
            ]
    return tuple(kept)


def fitting(
    decisions: Iterable[Decision], states: Mapping[str, tuple[str, str]]
) -> tuple[tuple[Decision, ...], tuple[str, ...], tuple[Fault, ...]]:
    """Tell which decisions are new, which say what is known, and which no longer fit.

    Parameters
    ----------
    decisions
        From `read_decisions`.
    states
        Case number -> its state and ``accepted`` or nothing, of the cases that are known.
    """
    new, known, faults = [], [], []
    for one in decisions:
        state, screened = states.get(one.case, ("", ""))
        if not state:
            faults.append(
                Fault(one.place, one.case, f"case {one.case} is not in the ledger (台账无此案件)")
            )
        elif (one.event, state) == ("rejected", "99") or (one.event == "accepted" and screened):
            known.append(one.case)
        elif state != "10":
            faults.append(
                Fault(
                    one.place,
                    one.case,
                    f"case {one.case} is in state {state}; it is screened before it is dispatched (已下发，不能再判读)",
                )
            )
        else:
            new.append(one)
    return tuple(new), tuple(known), tuple(faults)
