"""What may follow what, and who may do it.

The rules of order are:

1. Every entry carries the digest of the entry before it; the first carries `GENESIS`.
2. The digest covers all that the entry says, as canonical JSON; sequence numbers have no gap.
3. A case begins with ``found`` (from no state to 10) and moves only along `MOVES`.
4. An entry names the state it left as it was. Facts in an entry are of its case and in the state
   that it leads to; what people claim stands beside the facts and never replaces them.
5. An event of `EVENTS` makes only its own moves, by its own roles; it says why.
6. A case is closed by another person than the one who proposed it, in the same state, with proof.
7. The state of a case is what its entries say, replayed in order; nothing else decides.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from changedetect.entries import Entry
from changedetect.errors import LedgerError
from changedetect.stages.ledger.facts import CLAIMS, read_payload

PROGRAM = "program"
ROLES = (PROGRAM, "interpreter", "county", "city", "province", "reviewer")
"""Who acts: the program, the image interpreter, the three levels of the office, the reviewer."""

MOVES: dict[str, frozenset[str]] = {
    "": frozenset({"10"}),
    "10": frozenset({"20", "98", "99"}),
    "20": frozenset({"30", "40", "93", "95", "98", "99"}),
    "30": frozenset({"40", "93", "95", "98", "99"}),
    "40": frozenset({"45", "50"}),
    "45": frozenset({"30", "40"}),
    "50": frozenset({"55", "60"}),
    "55": frozenset({"30", "40"}),
    "60": frozenset({"65", "70", "71"}),
    "65": frozenset({"30", "40"}),
    "70": frozenset({"90"}),
    "71": frozenset({"75", "95"}),
    "75": frozenset({"80", "95"}),
    "80": frozenset({"85"}),
    "85": frozenset({"80", "90"}),
    "90": frozenset({"10"}),
    "93": frozenset({"30", "40", "50", "60"}),
    "95": frozenset({"30", "71", "75", "80"}),
    "98": frozenset(),
    "99": frozenset(),
}
"""Legal moves between states (schema of the case package, section States; 90 → 10 = recurrence)."""

CLOSED = "90"
PROPOSED = "close_proposed"


@dataclass(frozen=True, slots=True)
class EventRule:
    """What an event does.

    Attributes
    ----------
    name
        In Chinese, for logs and pages.
    moves
        From state -> to state; the same state twice = it stays. Empty = in every state, stays.
    roles
        Who may enter it.
    """

    name: str
    moves: frozenset[tuple[str, str]]
    roles: frozenset[str]


def _rule(name: str, moves: str, *roles: str) -> EventRule:
    pairs = [move.split(">") for move in moves.split()]
    return EventRule(
        name,
        frozenset((start, end) for starts, end in pairs for start in starts.split("|")),
        frozenset(roles),
    )


_OFFICE = ("county", "city", "province")
EVENTS: dict[str, EventRule] = {
    "found": _rule("发现", ">10", PROGRAM),
    "confirmed": _rule("再次发现", "", PROGRAM),
    "restated": _rule("重算", "", PROGRAM),
    "unconfirmed": _rule("重算未再发现", "", PROGRAM),
    "withdrawn": _rule("程序撤销", "10>99", PROGRAM),
    "recurred": _rule("复发", "90>10", PROGRAM, "province"),
    "accepted": _rule("判读通过", "10>10", "interpreter", "province"),
    "edited": _rule("判读修改", "10>10", "interpreter"),
    "rejected": _rule("判读剔除", "10>99", "interpreter"),
    "dispatched": _rule("下发", "10>20", "province"),
    "started": _rule("开始核查", "20|45|55|65>30", "county"),
    "filed": _rule("县级填报", "20|30|45|55|65>40", "county"),
    "submitted": _rule("市级受理", "40>50", "city"),
    "returned": _rule("退回", "40>45 50>55 60>65", "city", "province"),
    "passed": _rule("市级通过", "50>60", "city"),
    "judged_legal": _rule("认定合法或其他", "60>70", "province"),
    "judged_illegal": _rule("认定违法", "60>71", "province"),
    "docketed": _rule("立案", "71|95>75", *_OFFICE),
    "rectifying": _rule("开始整改", "75|95>80 85>80", "county", PROGRAM),
    "rectified": _rule("整改完成待影像复核", "80>85", "county"),
    "image_checked": _rule("影像复核", "10>10 80>80 85>85 90>90", PROGRAM, "interpreter"),
    PROPOSED: _rule("提请销号", "70>70 85>85", *_OFFICE, "interpreter"),
    "closed": _rule("销号", "70|85>90", "province", "reviewer"),
    "objected": _rule("异议", "20|30>93", "county"),
    "resolved": _rule("异议处理", "93>30 93>40 93>50 93>60", "city", "province"),
    "transferred": _rule("移交", "20|30|71|75>95", "city", "province"),
    "resumed": _rule("移交回转", "95>30 95>71 95>75 95>80", "city", "province"),
    "merged": _rule("合并", "10|20|30>98", "interpreter", "province"),
    "revoked": _rule("撤销", "20|30>99", "province"),
    "claimed": _rule("填报信息", "", *_OFFICE, "interpreter", PROGRAM),
    "attached": _rule("挂接外部编号", "", "interpreter", "city", "province"),
    "no_reply": _rule("未回复", "", PROGRAM),
    "reminded": _rule("催办", "", PROGRAM, "city", "province"),
    "escalated": _rule("提级", "", "city", "province"),
}
"""Event -> what it does. An event that is not listed changes no state."""


def event_name(event: str) -> str:
    """Return the Chinese name of an event; one that is not listed keeps its own."""
    return EVENTS[event].name if event in EVENTS else event


class Standing(Protocol):
    """Where a case stands: its state, and who proposed to close it in this state."""

    @property
    def state(self) -> str:
        """Of `codes.STATES`."""

    @property
    def proposer(self) -> str:
        """Empty = nobody."""


@dataclass(frozen=True, slots=True)
class Trail:
    """The least that must be known of a case to judge its next entry."""

    state: str = ""
    proposer: str = ""


def follow(entry: Entry) -> Trail:
    """Return where an entry leaves its case."""
    return Trail(entry.to_state, entry.actor if entry.event == PROPOSED else "")


def check_moves(entries: Iterable[Entry], known: Mapping[str, Standing]) -> None:
    """Check new entries in order, before they are chained.

    Parameters
    ----------
    entries
        In the order in which they happened.
    known
        Case number -> where it stands now.

    Raises
    ------
    LedgerError
        As `check_move`.
    """
    reached: dict[str, Standing] = dict(known)
    for entry in entries:
        before = reached.get(entry.case)
        check_move(entry, before)
        reached[entry.case] = after(entry, before)


def after(entry: Entry, before: Standing | None) -> Trail:
    """Return where a case stands after an entry; a proposal lasts until its state is left."""
    now = follow(entry)
    if before is None or entry.to_state != before.state or now.proposer:
        return now
    return Trail(now.state, before.proposer)


def check_move(entry: Entry, known: Standing | None, form: int = 2) -> dict[str, Any]:
    """Refuse an entry that does not start from the case's state or makes an illegal move.

    Parameters
    ----------
    entry
        What is to be entered, or was.
    known
        Where its case stands; None = not known yet.
    form
        Entries of form 1 had no roles: rules 5 and 6 were not asked of them.

    Returns
    -------
    dict
        What its payload holds.

    Raises
    ------
    LedgerError
        Names the case, its state, and what the entry wanted; also where its facts are about
        another case or state than the entry.
    """
    if not entry.case:
        return {}
    state = known.state if known else ""
    _check_path(entry, state)
    payload = read_payload(entry.payload, f"case {entry.case}, entry {entry.event!r}")
    facts = CLAIMS not in payload
    if not state and (entry.event != "found" or not payload or not facts):
        msg = f"case {entry.case}: its first entry is {entry.event!r}; 'found' with its facts was expected"
        raise LedgerError(msg)
    if payload and facts:
        _check_facts(entry, payload)
    if form > 1:
        _check_event(entry)
        _check_closing(entry, known)
    return payload


def _check_path(entry: Entry, state: str) -> None:
    if entry.from_state != state:
        msg = (
            f"case {entry.case} is in state {state or 'none'}, but entry {entry.event!r} starts "
            f"from {entry.from_state or 'none'}; read the ledger again"
        )
        raise LedgerError(msg)
    if entry.to_state != state and entry.to_state not in MOVES.get(state, frozenset()):
        allowed = ", ".join(sorted(MOVES.get(state, frozenset()))) or "none"
        msg = f"case {entry.case}: {state or 'none'} -> {entry.to_state} is not a legal move ({allowed})"
        raise LedgerError(msg)


def _check_facts(entry: Entry, facts: Mapping[str, Any]) -> None:
    said = (facts.get("number"), facts.get("state"))
    if said != (entry.case, entry.to_state):
        msg = (
            f"case {entry.case}: entry {entry.event!r} leads to state {entry.to_state}, but its "
            f"facts are of case {said[0]} in state {said[1]}"
        )
        raise LedgerError(msg)


def _check_event(entry: Entry) -> None:
    move = (entry.from_state, entry.to_state)
    rule = EVENTS.get(entry.event)
    moves = rule.moves if rule else frozenset()
    if move not in moves and (moves or move[0] != move[1]):
        ways = ", ".join(f"{a or 'none'} -> {b}" for a, b in sorted(moves)) or "no move"
        msg = f"case {entry.case}: event {entry.event!r} can not lead {move[0] or 'none'} -> {move[1]} ({ways})"
        raise LedgerError(msg)
    if rule and entry.role not in rule.roles:
        allowed = ", ".join(sorted(rule.roles))
        msg = f"case {entry.case}: {entry.event!r} was entered by {entry.actor} as {entry.role or 'no role'}; {allowed} may"
        raise LedgerError(msg)
    if not entry.actor or not entry.reason:
        msg = f"case {entry.case}: entry {entry.event!r} has no actor or no reason; both are needed"
        raise LedgerError(msg)


def _check_closing(entry: Entry, known: Standing | None) -> None:
    if entry.to_state != CLOSED or entry.from_state == CLOSED:
        return
    proposer = known.proposer if known else ""
    if not proposer:
        msg = f"case {entry.case}: nobody proposed to close it in state {entry.from_state}; propose it first (提请销号), then another person closes it"
        raise LedgerError(msg)
    if proposer == entry.actor:
        msg = f"case {entry.case}: {entry.actor} proposed to close it and can not close it too; another person must (销号须两人)"
        raise LedgerError(msg)
    if not entry.source_sha256.strip("0"):
        msg = f"case {entry.case}: no proof stands behind its closing; name the file (image check, acceptance paper)"
        raise LedgerError(msg)
