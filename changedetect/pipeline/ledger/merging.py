"""Cases that were merged into another one: which one it is, and where it went in the end."""

import json
from collections.abc import Mapping, Sequence

from changedetect.codes import STATES, is_case_number
from changedetect.entries import CaseRow
from changedetect.errors import InputError
from changedetect.io.ledger import LedgerReader

MERGED, EVENT = "98", "merged"
TARGET = "HBAJ"
"""Claim: number of the case that another one is merged into (合并至案件)."""

_ENDED = frozenset({"90", MERGED, "99"})


def check_target(
    reader: LedgerReader, numbers: Sequence[str], event: str, claims: Mapping[str, str]
) -> None:
    """Refuse a merging that does not tell into which case, or into one that can not take it up.

    Parameters
    ----------
    reader
        The ledger.
    numbers
        Cases that the event is about.
    event, claims
        What is to be entered.

    Raises
    ------
    InputError
        No target, one that is no number, not in the ledger, merged itself by this event, or ended.
    """
    target = claims.get(TARGET, "")
    if event != EVENT:
        if target:
            msg = f"{event}: {TARGET} names the case that another one is merged into; only {EVENT!r} takes it"
            raise InputError(msg)
        return
    if not target:
        msg = f"merged: into which case? name it with --into NUMBER (或 --claim {TARGET}=案件编号); 合并须指明并入哪个案件"
        raise InputError(msg)
    if not is_case_number(target):
        msg = f"merged into {target!r}: no case number, or a digit was changed on the way (check letter) / 案件编号校验不符"
        raise InputError(msg)
    if target in numbers:
        msg = f"merged into {target}: a case can not be merged into itself (不能并入自身)"
        raise InputError(msg)
    row = reader.row(target)
    if row is None:
        msg = (
            f"merged into {target}: not in this ledger; look it up with `case list` (台账无此案件)"
        )
        raise InputError(msg)
    if row.state in _ENDED:
        where = _where(reader, row)
        msg = f"merged into {target}: it stands in {row.state} {STATES[row.state]}{where}; name a case that is open (并入的案件须未结)"
        raise InputError(msg)


def _where(reader: LedgerReader, row: CaseRow) -> str:
    chain = chain_of(reader, row)
    return f", merged into {chain[-1]}" if chain else ""


def chain_of(reader: LedgerReader, row: CaseRow) -> tuple[str, ...]:
    """Return the cases into which one was merged, one after the other; the last is where it lives on.

    Empty for a case that was not merged, and for one whose entry names no target: ledgers from
    before targets were asked for hold such.
    """
    chain: list[str] = []
    here: CaseRow | None = row
    while here is not None and here.state == MERGED:
        target = str(json.loads(here.claims).get(TARGET, ""))
        if not target or target in {row.number, *chain}:
            break
        chain.append(target)
        here = reader.row(target)
    return tuple(chain)


def taken_up(reader: LedgerReader, row: CaseRow) -> tuple[str, ...]:
    """Return the cases of the same county that were merged into one, by number."""
    merged = reader.work_list([row.district], [MERGED])
    return tuple(
        sorted(one.number for one in merged if json.loads(one.claims).get(TARGET) == row.number)
    )
