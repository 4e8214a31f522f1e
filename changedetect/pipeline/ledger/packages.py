"""Packages that stand alone: sealed when written, followed by their ledger entries, verified anywhere."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from changedetect.entries import ChainedEntry
from changedetect.errors import IntegrityError
from changedetect.io import seal, signing
from changedetect.io.ledger import LedgerReader, LedgerStore
from changedetect.io.publish import publish_bytes
from changedetect.pipeline.ledger import handout
from changedetect.pipeline.ledger.books import Report
from changedetect.pipeline.ledger.ledgerwork import is_handed_out
from changedetect.stages import ledger


def verify(folder: Path, public_key: str | None) -> Report:
    """Check a package against its seal, its ledger entries and its signature.

    Raises
    ------
    IntegrityError
        Something differs; every problem is named.
    """
    problems, notes = seal.verify(folder, public_key)
    if problems:
        msg = f"{folder}: {len(problems)} problem(s): " + "; ".join(problems[:20])
        raise IntegrityError(msg)
    lines = (
        f"{folder}: package verified / 案件包校验通过",
        *(f"note 说明: {note}" for note in notes),
    )
    return Report({"folder": str(folder), "problems": [], "notes": notes}, lines)


def write_chains(store: LedgerStore, run: Path, month: str) -> int:
    """Put the ledger's entries about each county's cases beside its package; return how many packages.

    Once the month is closed, entries that its root covers carry the path to it.
    """
    folders = sorted(path for path in (run / handout.PACKAGES).iterdir() if path.is_dir())
    with store.reading() as reader:
        covered, root = _covered(reader, month)
        for folder in folders:
            known = reader.work_list([folder.name.split("_")[0]])
            rows = [row for row in known if is_handed_out(row, month)]
            items = [item for row in rows for item in reader.entries(case=row.number)]
            items.sort(key=lambda item: item.sequence)
            said = {
                "algorithm": reader.algorithm,
                "root": root,
                "entries": [_line(item, covered) for item in items],
            }
            text = json.dumps(said, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
            publish_bytes(
                folder / seal.CHAIN, text.encode("utf-8", "surrogatepass"), overwrite=True
            )
    return len(folders)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Entries that a month's root covers: number of the first, how many, and the tree over them."""

    first: int = 0
    count: int = 0
    levels: tuple[list[str], ...] = ()

    def path(self, sequence: int) -> list[list[str]] | None:
        """Return the way from an entry to the root; None = the root does not cover it."""
        place = sequence - self.first
        if not 0 <= place < self.count:
            return None
        return [list(step) for step in ledger.path_in(self.levels, place)]


def _covered(reader: LedgerReader, month: str) -> tuple[_Stretch, str]:
    """Return the stretch that the month's root covers, and the root; empty while it is open."""
    closings = reader.of_event(ledger.MONTH_CLOSED)
    said = [(item, json.loads(item.entry.payload)) for item in closings]
    for place, (item, what) in enumerate(said):
        if what["month"] == month:
            start = said[place - 1][0].sequence - 1 if place else 0
            digests = list(reader.digests(after=start)[: item.sequence - 1 - start])
            levels = ledger.merkle_levels(digests, reader.algorithm)
            return _Stretch(start + 1, len(digests), levels), str(what["root"])
    return _Stretch(), ""


def _line(item: ChainedEntry, covered: _Stretch) -> dict[str, Any]:
    line: dict[str, Any] = {"digest": item.digest, "fields": ledger.said_of(item)}
    path = covered.path(item.sequence)
    return line if path is None else {**line, "path": path}


def sign(folder: Path, key: Path) -> Report:
    """Sign a sealed package that is as it was written.

    Raises
    ------
    IntegrityError
        It was changed since it was sealed.
    InputError, ResourceError
        As `signing.sign_manifest`.
    """
    verify(folder, None)
    public = signing.sign_manifest(folder, key)
    return Report({"public_key": public}, (f"{folder}: signed; public key 公钥 {public}",))
