"""The chain itself, checked by its links: numbers without gaps, each digest followed, months' roots."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from changedetect.errors import LedgerError
from changedetect.stages.ledger.merkle import Mountains


@dataclass(frozen=True, slots=True)
class Stretch:
    """Entries between two numbers, both among them.

    Attributes
    ----------
    first, last
        Their numbers.
    month, root, entries
        Of the closed month that they are, as recorded; empty month = none was closed over them.
    closing
        Number of the entry that recorded it.
    """

    first: int
    last: int
    month: str = ""
    root: str = ""
    entries: int = 0
    closing: int = 0


def check_links(
    batches: Iterable[Sequence[tuple[int, str, str]]],
    before: str,
    stretch: Stretch,
    algorithm: str,
) -> str:
    """Check the links of a stretch, and its root if a month was closed over it.

    Parameters
    ----------
    batches
        Number, previous digest and own digest of its entries, in order, some at once.
    before
        Digest of the entry before the first.
    stretch
        What is checked.
    algorithm
        Digest of the ledger.

    Returns
    -------
    str
        Digest of the last entry.

    Raises
    ------
    LedgerError
        Names the entry that does not fit, and how.
    """
    tree = Mountains(algorithm) if stretch.month else None
    count, head = stretch.first - 1, before
    for batch in batches:
        numbers, previous, digests = zip(*batch, strict=True)
        follows = (head, *digests[:-1])
        expected = tuple(range(count + 1, count + 1 + len(batch)))
        if numbers != expected or previous != follows:
            raise LedgerError(_break(numbers, expected, previous, follows))
        if tree is not None:
            tree.add(digests)
        count, head = numbers[-1], digests[-1]
    if count != stretch.last:
        msg = f"entry {count + 1} is missing; the ledger was cut or an entry was removed"
        raise LedgerError(msg)
    if tree is not None:
        _check_root(tree.root(), stretch)
    return head


def _break(
    numbers: Sequence[int], expected: Sequence[int], previous: Sequence[str], follows: Sequence[str]
) -> str:
    for found, number, said, truth in zip(numbers, expected, previous, follows, strict=True):
        if found != number:
            return (
                f"entry {found}: number {number} was expected; an entry was removed, added or moved"
            )
        if said != truth:
            return f"entry {found}: it follows {said[:12]}…, but the entry before is {truth[:12]}…"
    return f"entry {numbers[0]}: it does not fit"


def _check_root(root: str, stretch: Stretch) -> None:
    size = stretch.last - stretch.first + 1
    if (root, size) != (stretch.root, stretch.entries):
        msg = f"entry {stretch.closing}: the month {stretch.month} has root {root[:12]}… over {size} entries, {stretch.root[:12]}… over {stretch.entries} was recorded"
        raise LedgerError(msg)
