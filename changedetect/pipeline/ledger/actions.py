"""What people do to cases: one event on one or more cases, all of it or nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from changedetect.codes import STATES, is_case_number
from changedetect.config.job import LedgerSection
from changedetect.entries import CaseRow, Entry
from changedetect.errors import InputError
from changedetect.io.digest import sha256_file
from changedetect.io.ledger import LedgerReader, LedgerStore
from changedetect.pipeline.ledger import merging
from changedetect.pipeline.ledger.books import Report
from changedetect.pipeline.ledger.ledgerwork import enter
from changedetect.pipeline.ledger.pressing import check_claims
from changedetect.stages import ledger

NO_SOURCE = ""
"""Digest of an event that rests on no file."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and in which role."""

    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Deed:
    """What is done to cases.

    Attributes
    ----------
    event
        Of `ledger.EVENTS`.
    reason
        Why; never empty.
    to_state
        Where it leads, for events that can lead to several states; None = the event tells.
    claims
        Columns of the case package that people fill in (RDJG, LABH …).
    source
        File that proves it; its digest is entered, the file stays where it is.
    """

    event: str
    reason: str
    to_state: str | None = None
    claims: Mapping[str, str] | None = None
    source: Path | None = None


def act(
    store: LedgerStore,
    numbers: Sequence[str],
    deed: Deed,
    actor: Actor,
    clock: Callable[[], datetime],
) -> Report:
    """Enter what a person did.

    Parameters
    ----------
    store
        The ledger.
    numbers
        Case numbers; each is checked by its check letter first.
    deed, actor
        What, why, who.
    clock
        Tells the time, aware.

    Raises
    ------
    InputError
        A number that is none or that the ledger does not know; an event that nobody knows.
    LedgerError
        A move that the rules forbid; nothing was entered for any case.
    """
    _check(numbers, deed)
    digest = sha256_file(deed.source) if deed.source else NO_SOURCE
    payload = ledger.claims_payload(deed.claims) if deed.claims else ""

    def build(reader: LedgerReader) -> list[Entry]:
        known = reader.rows(numbers)
        unknown = sorted(set(numbers) - set(known))
        if unknown:
            msg = f"case {', '.join(unknown)}: not in this ledger; look it up with `case list`"
            raise InputError(msg)
        merging.check_target(reader, numbers, deed.event, deed.claims or {})
        return [
            Entry(
                case=number,
                event=deed.event,
                from_state=known[number].state,
                to_state=deed.to_state or target(deed.event, known[number]),
                actor=actor.name,
                time=clock(),
                reason=deed.reason,
                source_sha256=digest,
                payload=payload,
                role=actor.role,
                source_row=deed.source.name if deed.source else "",
            )
            for number in sorted(set(numbers))
        ]

    items = enter(store, build)
    moved = [
        f"{item.entry.case}: {STATES[item.entry.from_state]} → {STATES[item.entry.to_state]}"
        for item in items
    ]
    values = {"entries": len(items), "event": deed.event, "head": items[-1].digest}
    name = ledger.EVENTS[deed.event].name
    return Report(values, (f"{deed.event} {name}: {len(items)} case(s) by {actor.name}", *moved))


def _check(numbers: Sequence[str], deed: Deed) -> None:
    wrong = [number for number in numbers if not is_case_number(number)]
    if wrong:
        msg = f"case {', '.join(wrong)}: no case number, or a digit was changed on the way (check letter) / 案件编号校验不符"
        raise InputError(msg)
    if not numbers:
        msg = "no case number was given; at least one was expected"
        raise InputError(msg)
    if deed.event not in ledger.EVENTS:
        msg = f"event {deed.event!r}: one of {', '.join(sorted(ledger.EVENTS))} was expected"
        raise InputError(msg)
    if not deed.reason.strip():
        msg = f"{deed.event}: a reason was expected (--reason); the ledger keeps none without"
        raise InputError(msg)
    check_claims(deed.event, deed.claims or {})


def target(event: str, row: CaseRow) -> str:
    """Return where an event leads a case from its state.

    Raises
    ------
    InputError
        It may lead to several states, and none was named.
    """
    ends = sorted({end for start, end in ledger.EVENTS[event].moves if start == row.state})
    if len(ends) > 1:
        names = ", ".join(f"{end} {STATES[end]}" for end in ends)
        msg = f"case {row.number}: {event!r} leads to {names}; name one with --to"
        raise InputError(msg)
    return ends[0] if ends else row.state


def role_of(name: str, wanted: str | None, event: str, section: LedgerSection) -> Actor:
    """Decide in which role somebody acts.

    Parameters
    ----------
    name
        Who acts.
    wanted
        Role asked for; None = the only one that this person has and the event allows.
    event
        What they want to do.
    section
        Who may do what.

    Raises
    ------
    InputError
        The person has not that role, or several fit and none was named.
    """
    held = section.people.get(name, ()) if section.people else ledger.ROLES[1:]
    if wanted is not None and wanted not in held:
        known = ", ".join(held) or "no role"
        msg = f"{name} is {known}, not {wanted} (ledger.people in the job file)"
        raise InputError(msg)
    allowed = ledger.EVENTS[event].roles if event in ledger.EVENTS else frozenset()
    fitting = [role for role in held if role in allowed]
    if wanted is None and len(fitting) != 1:
        some = ", ".join(fitting) or f"none of {', '.join(held) or 'no role'}"
        msg = f"{name} would do {event!r} as {some}: name the role with --role"
        raise InputError(msg)
    return Actor(name, wanted or fitting[0])


def history(store: LedgerStore, number: str) -> Report:
    """Show what the ledger knows of a case: where it stands, and every entry.

    Raises
    ------
    InputError
        The ledger does not know it.
    """
    with store.reading() as reader:
        row = reader.row(number)
        items = tuple(reader.entries(case=number))
        into = merging.chain_of(reader, row) if row else ()
        taken = merging.taken_up(reader, row) if row else ()
    if row is None:
        msg = f"case {number}: not in this ledger; look it up with `case list`"
        raise InputError(msg)
    lines = [
        f"{number} {STATES[row.state]}（{row.since}起） {row.main_theme} 期限 {row.county_due} / {row.clear_due}",
        *([f"  并入 {' → '.join(into)}"] if into else []),
        *([f"  已并入本案：{'、'.join(taken)}"] if taken else []),
        *(
            f"  {item.sequence} {item.entry.time.date()} {ledger.event_name(item.entry.event)} "
            f"{STATES.get(item.entry.from_state, '—')}→{STATES[item.entry.to_state]} "
            f"{item.entry.actor}（{item.entry.role or '—'}）：{item.entry.reason}"
            for item in items
        ),
    ]
    values = {
        "case": number,
        "state": row.state,
        "merged_into": list(into),
        "merged_here": list(taken),
        "entries": [
            {
                "sequence": item.sequence,
                "digest": item.digest,
                "event": item.entry.event,
                "from": item.entry.from_state,
                "to": item.entry.to_state,
                "actor": item.entry.actor,
                "role": item.entry.role,
                "time": item.entry.time.isoformat(),
                "reason": item.entry.reason,
                "source_sha256": item.entry.source_sha256,
                "source_row": item.entry.source_row,
            }
            for item in items
        ],
    }
    return Report(values, tuple(lines))


def listing(
    store: LedgerStore, districts: Sequence[str], states: Sequence[str], month: str | None
) -> Report:
    """List cases, the most urgent first."""
    with store.reading() as reader:
        rows = reader.work_list(districts, states, month)
        into = {row.number: chain[-1] for row in rows if (chain := merging.chain_of(reader, row))}
    lines = [
        f"{row.number} {STATES[row.state]} {row.suggestion} 等级{row.severity} 县级期限 {row.county_due}"
        f"{' 池' if row.pooled else ''}{' 留痕' if row.record_only else ''}"
        f"{f' 并入 {into[row.number]}' if row.number in into else ''}"
        for row in rows
    ]
    values = {
        "cases": [
            {
                "case": row.number,
                "state": row.state,
                "due": row.county_due,
                "severity": row.severity,
                **({"merged_into": into[row.number]} if row.number in into else {}),
            }
            for row in rows
        ]
    }
    return Report(values, (f"{len(rows)} case(s)", *lines))
