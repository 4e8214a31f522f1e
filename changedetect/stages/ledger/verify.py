"""Check a whole ledger from its first entry: numbers, digests, links, moves, roots and rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from changedetect.entries import CaseRow, ChainedEntry
from changedetect.errors import LedgerError
from changedetect.stages.ledger.chain import GENESIS, digest_of
from changedetect.stages.ledger.facts import read_payload
from changedetect.stages.ledger.merkle import merkle_root
from changedetect.stages.ledger.moves import Trail, after, check_move
from changedetect.stages.ledger.projection import advance

MONTH_CLOSED = "month_closed"


@dataclass(slots=True)
class Verifier:
    """Takes entries in order and remembers what they add up to.

    Memory grows with the number of cases, not with that of entries.

    Attributes
    ----------
    algorithm
        Digest of the ledger.
    keep_rows
        Whether the rows of all cases are made too; without, a sixth of the memory is needed.
    head
        Digest of the last entry taken; `GENESIS` before the first.
    count
        Entries taken.
    rows
        Case number -> what the entries say of it.
    months
        Month -> root recorded when it was closed, newest.
    """

    algorithm: str = "sha256"
    keep_rows: bool = True
    head: str = GENESIS
    count: int = 0
    rows: dict[str, CaseRow] = field(default_factory=dict)
    months: dict[str, str] = field(default_factory=dict)
    _trails: dict[str, Trail] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def take(self, item: ChainedEntry) -> None:
        """Check the next entry.

        Raises
        ------
        LedgerError
            Names the entry that does not fit, and how.
        """
        entry = item.entry
        where = f"entry {item.sequence} (case {entry.case or '-'})"
        if item.sequence != self.count + 1:
            msg = f"{where}: number {self.count + 1} was expected; an entry was removed, added or moved"
            raise LedgerError(msg)
        if item.previous != self.head:
            msg = f"{where}: it follows {item.previous[:12]}…, but the entry before is {self.head[:12]}…"
            raise LedgerError(msg)
        digest = digest_of(entry, item.sequence, item.previous, self.algorithm, item.form)
        if digest != item.digest:
            msg = (
                f"{where}: its contents differ from its digest {item.digest[:12]}…; it was altered"
            )
            raise LedgerError(msg)
        if entry.case:
            self._take_case(item)
        elif entry.event == MONTH_CLOSED:
            self._check_root(item, where)
        self._open.append(item.digest)
        self.count, self.head = item.sequence, item.digest

    def _take_case(self, item: ChainedEntry) -> None:
        entry = item.entry
        before = self._trails.get(entry.case)
        payload = check_move(entry, before, item.form)
        self._trails[entry.case] = after(entry, before)
        if self.keep_rows:
            self.rows[entry.case] = advance(self.rows.get(entry.case), item, payload)

    def _check_root(self, item: ChainedEntry, where: str) -> None:
        said = read_payload(item.entry.payload, where)
        root = merkle_root(self._open, self.algorithm)
        if said.get("root") != root or said.get("entries") != len(self._open):
            msg = f"{where}: the month {said.get('month')} has root {root[:12]}… over {len(self._open)} entries, {str(said.get('root'))[:12]}… over {said.get('entries')} was recorded"
            raise LedgerError(msg)
        self.months[str(said["month"])] = root
        self._open.clear()


def verify(
    ledger: Iterable[ChainedEntry], algorithm: str = "sha256", *, keep_rows: bool = True
) -> Verifier:
    """Check a whole ledger.

    Parameters
    ----------
    ledger
        Every entry, in order; it is read once.
    algorithm
        Digest of the ledger.
    keep_rows
        Make the rows of all cases too.

    Returns
    -------
    Verifier
        Head, rows and roots.

    Raises
    ------
    LedgerError
        Names the first entry that does not fit, and how.
    """
    state = Verifier(algorithm, keep_rows)
    for item in ledger:
        state.take(item)
    return state


def differences(
    replayed: Mapping[str, CaseRow], stored: Iterable[CaseRow], limit: int = 20
) -> tuple[str, ...]:
    """Compare the rows that the entries give with those that are stored.

    Parameters
    ----------
    replayed
        From `verify`.
    stored
        As the ledger keeps them, in any order.
    limit
        How many differences are named; one line more says that there are others.

    Returns
    -------
    tuple of str
        One line a difference, naming case and column; empty = the same.
    """
    lines: list[str] = []
    seen = set()
    for row in stored:
        seen.add(row.number)
        truth = replayed.get(row.number)
        if truth is None:
            lines.append(f"case {row.number}: a row without entries")
        elif truth != row:
            lines += [
                f"case {row.number}: {part.name} is {getattr(row, part.name)!r}, the entries say {getattr(truth, part.name)!r}"
                for part in fields(CaseRow)
                if getattr(truth, part.name) != getattr(row, part.name)
            ]
        if len(lines) > limit:
            return (*lines[:limit], "…")
    lines += [f"case {number}: its row is gone" for number in sorted(set(replayed) - seen)]
    return (*lines[:limit], "…") if len(lines) > limit else tuple(lines)
