"""The chain itself, checked by its links: numbers without gaps, each digest followed, months' roots.

`Links` are kept while entries are read case by case, and joined by `ChainBook`, so that nothing is
read twice. `check_links` reads a stretch in order: it names what is wrong where they do not join.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from changedetect.errors import LedgerError
from changedetect.stages.ledger.merkle import Mountains

_DIGEST_BYTES = 32
_HEX = 2 * _DIGEST_BYTES


def are_digests(texts: Sequence[str], whole: bytes) -> bool:
    """Tell whether some texts are the digests whose bytes stand one behind the other in `whole`."""
    return set(map(len, texts)) == {_HEX} and "".join(texts) == whole.hex()


@dataclass(slots=True)
class Links:
    """Links of entries, in the order in which they were read.

    Attributes
    ----------
    numbers
        Of the entries.
    previous, digests
        Bytes of the digests before and of their own, one behind the other.
    broken
        Whether a digest before was none.
    """

    numbers: "array[int]" = field(default_factory=partial(array, "q"))
    previous: bytearray = field(default_factory=bytearray)
    digests: bytearray = field(default_factory=bytearray)
    broken: bool = False

    def take(self, numbers: Sequence[int], previous: Sequence[str], digests: bytes) -> None:
        """Take the links of some entries; the digests are sure."""
        try:
            before = bytes.fromhex("".join(previous))
        except ValueError:
            before = b""
        if not are_digests(previous, before):
            self.broken, before = True, bytes(len(digests))
        self.numbers.extend(numbers)
        self.previous += before
        self.digests += digests


class ChainBook:
    """The links of all entries of a ledger, 64 bytes each, put in as they come.

    Parameters
    ----------
    entries
        How many there are; numbers outside are refused by `whole`.
    """

    __slots__ = ("_digests", "_previous", "_sound")

    def __init__(self, entries: int) -> None:
        self._previous = np.zeros((entries, _DIGEST_BYTES), np.uint8)
        self._digests = np.zeros((entries, _DIGEST_BYTES), np.uint8)
        self._sound = True

    def put(self, links: Links) -> None:
        """Put in the links of some entries."""
        places = np.array(links.numbers, np.int64) - 1
        inside = bool(((places >= 0) & (places < len(self._digests))).all())
        self._sound &= inside and not links.broken
        if inside:
            shape = (-1, _DIGEST_BYTES)
            self._previous[places] = np.frombuffer(links.previous, np.uint8).reshape(shape)
            self._digests[places] = np.frombuffer(links.digests, np.uint8).reshape(shape)

    def whole(self, genesis: str) -> bool:
        """Tell whether every number was put in, and each entry follows the one before."""
        if not self._sound or not self._digests.any(axis=1).all():
            return False
        if not len(self._digests):
            return True
        first = self._previous[0].tobytes().hex() == genesis
        return first and bool(np.array_equal(self._previous[1:], self._digests[:-1]))

    def between(self, first: int, last: int) -> bytes:
        """Return the digests of the entries between two numbers, both among them."""
        return self._digests[first - 1 : last].tobytes()

    def head(self, genesis: str) -> str:
        """Return the digest of the last entry; the one given where there is none."""
        return self._digests[-1].tobytes().hex() if len(self._digests) else genesis


def root_over(digests: bytes, algorithm: str) -> str:
    """Return the Merkle root over digests that stand one behind the other."""
    tree = Mountains(algorithm)
    tree.add_bytes(digests[at : at + _DIGEST_BYTES] for at in range(0, len(digests), _DIGEST_BYTES))
    return tree.root()


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
            _grow(tree, numbers, digests)
        count, head = numbers[-1], digests[-1]
    if count != stretch.last:
        msg = f"entry {count + 1} is missing; the ledger was cut or an entry was removed"
        raise LedgerError(msg)
    if tree is not None:
        _check_root(tree.root(), stretch)
    return head


def _grow(tree: Mountains, numbers: Sequence[int], digests: Sequence[str]) -> None:
    try:
        tree.add(digests)
    except ValueError as error:
        wrong = next(n for n, digest in zip(numbers, digests, strict=True) if not _is_hex(digest))
        msg = f"entry {wrong}: its digest is no digest any more; it was altered"
        raise LedgerError(msg) from error


def _is_hex(digest: str) -> bool:
    try:
        return len(bytes.fromhex(digest)) > 0
    except ValueError:
        return False


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
