"""The ledger's rules: what may follow what, how entries are chained, and what they add up to.

Pure: storing is the business of ``io``. The rules of order are:

1. Every entry carries the digest of the entry before it; the first carries `GENESIS`.
2. The digest covers all that the entry says, as canonical JSON; sequence numbers have no gap.
3. A case begins with ``found`` (from no state to 10) and moves only along `MOVES`.
4. An entry that changes no state (``confirmed``, ``restated``) names the state it left as it was.
   Facts in an entry are of its case and in the state it leads to.
5. The state of a case is what its entries say, replayed in order; nothing else decides.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC

from pydantic import TypeAdapter

from changedetect.errors import LedgerError
from changedetect.records import Case, ChainedEntry, Entry

GENESIS = "0" * 64
"""What stands before the first entry."""

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

_CASE = TypeAdapter(Case)


def payload_of(case: Case) -> str:
    """Write the facts of a case as canonical JSON text (sorted keys, geometry as WKB)."""
    facts = _CASE.dump_python(case, mode="json")
    return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def case_of(payload: str) -> Case:
    """Read the facts of a case back from an entry's payload."""
    return _CASE.validate_json(payload)


def digest_of(entry: Entry, sequence: int, previous: str) -> str:
    """Return the SHA-256 of an entry in its place.

    Parameters
    ----------
    entry
        What happened.
    sequence
        Its number, counted from 1.
    previous
        Digest of the entry before, or `GENESIS`.
    """
    said = [
        sequence, previous, entry.case, entry.event, entry.from_state, entry.to_state, entry.actor,
        entry.time.astimezone(UTC).isoformat(), entry.reason, entry.source_sha256, entry.payload,
    ]  # fmt: skip
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def chain(entries: Iterable[Entry], last: ChainedEntry | None) -> tuple[ChainedEntry, ...]:
    """Put new entries behind the last one of the ledger.

    Parameters
    ----------
    entries
        In the order in which they happened.
    last
        The ledger's head; None for an empty ledger.
    """
    chained = []
    for entry in entries:
        sequence = last.sequence + 1 if last else 1
        previous = last.digest if last else GENESIS
        last = ChainedEntry(sequence, previous, digest_of(entry, sequence, previous), entry)
        chained.append(last)
    return tuple(chained)


def verify(ledger: Sequence[ChainedEntry]) -> None:
    """Check a whole ledger: numbers, digests, links and moves.

    Raises
    ------
    LedgerError
        Names the first entry that does not fit, and how.
    """
    previous, states = GENESIS, dict[str, str]()
    for place, item in enumerate(ledger, 1):
        where = f"entry {item.sequence} (case {item.entry.case or '-'})"
        if item.sequence != place:
            msg = f"{where}: number {place} was expected; an entry was removed, added or moved"
            raise LedgerError(msg)
        if item.previous != previous:
            msg = f"{where}: it follows {item.previous[:12]}…, but the entry before is {previous[:12]}…"
            raise LedgerError(msg)
        if digest_of(item.entry, item.sequence, item.previous) != item.digest:
            msg = (
                f"{where}: its contents differ from its digest {item.digest[:12]}…; it was altered"
            )
            raise LedgerError(msg)
        check_move(item.entry, states.get(item.entry.case, ""))
        states[item.entry.case] = item.entry.to_state
        previous = item.digest


def check_moves(entries: Iterable[Entry], states: Mapping[str, str]) -> None:
    """Check new entries in order, before they are chained.

    Parameters
    ----------
    entries
        In the order in which they happened.
    states
        Case number -> its state now.

    Raises
    ------
    LedgerError
        As `check_move`.
    """
    reached = dict(states)
    for entry in entries:
        check_move(entry, reached.get(entry.case, ""))
        reached[entry.case] = entry.to_state


def check_move(entry: Entry, state: str) -> None:
    """Refuse an entry that does not start from the case's state or makes an illegal move.

    Raises
    ------
    LedgerError
        Names the case, its state, and what the entry wanted; also where its facts are about
        another case or state than the entry.
    """
    if not entry.case:
        return
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
    if not state and (entry.event != "found" or not entry.payload):
        msg = f"case {entry.case}: its first entry is {entry.event!r}; 'found' with its facts was expected"
        raise LedgerError(msg)
    if entry.payload:
        _check_facts(entry)


def _check_facts(entry: Entry) -> None:
    try:
        facts = json.loads(entry.payload)
        said = (facts["number"], facts["state"])
    except (ValueError, KeyError, TypeError) as error:
        msg = f"case {entry.case}: the facts of entry {entry.event!r} can not be read ({error!r}); restore a backup"
        raise LedgerError(msg) from error
    if said != (entry.case, entry.to_state):
        msg = (
            f"case {entry.case}: entry {entry.event!r} leads to state {entry.to_state}, but its "
            f"facts are of case {said[0]} in state {said[1]}"
        )
        raise LedgerError(msg)


def project(ledger: Iterable[ChainedEntry]) -> dict[str, Case]:
    """Replay entries into the latest facts and state of every case, keyed by number.

    The state is where the last entry led; the facts are those of the last entry that holds any.
    """
    cases: dict[str, Case] = {}
    for item in ledger:
        entry = item.entry
        if not entry.case:
            continue
        known = case_of(entry.payload) if entry.payload else cases.get(entry.case)
        if known is not None:
            cases[entry.case] = replace(known, state=entry.to_state)
    return cases
