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

_COPIED = (
    "number", "parent", "district", "main_theme", "month", "pooled", "record_only", "suggestion",
    "first_found", "last_confirmed", "county_due", "clear_due",
)  # fmt: skip
"""Facts that a row shows as they are."""

SCREENED = frozenset({"accepted", "edited"})
"""Events by which an interpreter lets a case pass."""


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
    holds_facts = bool(payload) and CLAIMS not in payload
    assert row is not None or holds_facts, "check_move lets no case begin without facts"
    stays = row is not None and row.state == entry.to_state
    kept = (row.since, row.proposer) if row is not None and stays else (_day(item), "")
    changed: dict[str, Any] = {
        "state": entry.to_state,
        "since": kept[0],
        "screened": _screened(row, item),
        "proposer": entry.actor if entry.event == PROPOSED else kept[1],
        "claims": _claims(row, payload),
        "last_sequence": item.sequence,
    }
    if row is None or holds_facts:
        return CaseRow(**_measured(payload), facts_sequence=item.sequence, **changed)
    return replace(row, **changed)


def _claims(row: CaseRow | None, payload: Mapping[str, Any]) -> str:
    before = row.claims if row else "{}"
    if CLAIMS not in payload:
        return before
    return canonical({**json.loads(before), **payload[CLAIMS]})


def _screened(row: CaseRow | None, item: ChainedEntry) -> str:
    if item.entry.event in SCREENED:
        return "accepted"
    return "" if row is None or item.entry.event == "recurred" else row.screened


def _day(item: ChainedEntry) -> str:
    return item.entry.time.astimezone(UTC).date().isoformat()


def _measured(facts: Mapping[str, Any]) -> dict[str, Any]:
    west, south, east, north = shapely.from_wkb(bytes.fromhex(facts["geometry"])).bounds
    return {
        **{name: facts[name] for name in _COPIED},
        "themes": ",".join(facts["themes"]),
        "severity": int(facts["severity"]),
        "area_m2": float(facts["area_m2"]),
        "west": west,
        "south": south,
        "east": east,
        "north": north,
    }


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
