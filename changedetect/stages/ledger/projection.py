"""What the entries say of every case today: rows for work lists and totals, never a second truth.

Rows can always be made again from the entries, and `verify` compares them.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any

import shapely

from changedetect.entries import CaseRow, ChainedEntry
from changedetect.records import Case
from changedetect.stages.ledger.facts import CLAIMS, canonical, case_of, read_payload
from changedetect.stages.ledger.moves import PROPOSED

_SCREENED = frozenset({"accepted", "edited"})


def advance(
    row: CaseRow | None, item: ChainedEntry, payload: Mapping[str, Any] | None = None
) -> CaseRow:
    """Let one entry change what is known of its case.

    Parameters
    ----------
    row
        Before; None for a case that begins.
    item
        The entry, in its place.
    payload
        Of the entry, if it has been read already (see `check_move`).
    """
    entry = item.entry
    if payload is None:
        payload = read_payload(entry.payload, f"entry {item.sequence}")
    if payload and CLAIMS not in payload:
        row = _from_facts(row, item, payload)
    assert row is not None, "check_move lets no case begin without facts"
    moved = entry.to_state != row.state or row.last_sequence == 0
    claims = row.claims
    if CLAIMS in payload:
        claims = canonical({**json.loads(row.claims), **payload[CLAIMS]})
    proposer = "" if moved else row.proposer
    return replace(
        row,
        state=entry.to_state,
        since=_day(item) if moved else row.since,
        screened=_screened(row, item),
        proposer=entry.actor if entry.event == PROPOSED else proposer,
        claims=claims,
        last_sequence=item.sequence,
    )


def _screened(row: CaseRow, item: ChainedEntry) -> str:
    if item.entry.event in _SCREENED:
        return "accepted"
    return "" if item.entry.event == "recurred" else row.screened


def _day(item: ChainedEntry) -> str:
    return item.entry.time.astimezone(UTC).date().isoformat()


def _from_facts(row: CaseRow | None, item: ChainedEntry, facts: Mapping[str, Any]) -> CaseRow:
    west, south, east, north = shapely.from_wkb(facts["geometry"]).bounds
    return CaseRow(
        number=facts["number"],
        parent=facts["parent"],
        district=facts["district"],
        main_theme=facts["main_theme"],
        themes=",".join(facts["themes"]),
        month=facts["month"],
        state=row.state if row else "",
        since=row.since if row else _day(item),
        pooled=bool(facts["pooled"]),
        record_only=bool(facts["record_only"]),
        severity=int(facts["severity"]),
        suggestion=facts["suggestion"],
        area_m2=float(facts["area_m2"]),
        first_found=facts["first_found"],
        last_confirmed=facts["last_confirmed"],
        county_due=facts["county_due"],
        clear_due=facts["clear_due"],
        west=west,
        south=south,
        east=east,
        north=north,
        screened=row.screened if row else "",
        proposer=row.proposer if row else "",
        claims=row.claims if row else "{}",
        facts_sequence=item.sequence,
        last_sequence=row.last_sequence if row else 0,
    )


def project(ledger: Iterable[ChainedEntry]) -> dict[str, Case]:
    """Replay entries into the latest facts and state of every case, keyed by number.

    The state is where the last entry led; the facts are those of the last entry that holds any.
    """
    cases: dict[str, Case] = {}
    for item in ledger:
        entry = item.entry
        if not entry.case:
            continue
        payload = read_payload(entry.payload, f"entry {item.sequence}")
        holds = bool(payload) and CLAIMS not in payload
        known = case_of(entry.payload) if holds else cases.get(entry.case)
        if known is not None:
            cases[entry.case] = replace(known, state=entry.to_state)
    return cases
