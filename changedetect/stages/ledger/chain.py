"""Entries are chained: each carries the digest of the one before, so that no past can be edited."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC
from functools import partial
from json.encoder import encode_basestring
from typing import Any

from changedetect.entries import FORM, ChainedEntry, Entry
from changedetect.errors import ConfigError

GENESIS = "0" * 64
"""What stands before the first entry."""

ALGORITHMS = ("sha256", "sm3")
"""Digests a ledger can be chained with; SM3 is GB/T 32905-2016."""


def digest_of(
    entry: Entry, sequence: int, previous: str, algorithm: str = "sha256", form: int = FORM
) -> str:
    """Return the digest of an entry in its place.

    Parameters
    ----------
    entry
        What happened.
    sequence
        Its number, counted from 1.
    previous
        Digest of the entry before, or `GENESIS`.
    algorithm
        One of `ALGORITHMS`.
    form
        1 leaves out role and row, which entries of that form did not have.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    said = _said(entry, previous, form)
    # A JSON list, written piece by piece since ledgers of a million entries are checked whole.
    end = f",{form}]" if form > 1 else "]"
    text = f"[{sequence}," + ",".join(map(encode_basestring, said)) + end
    return hash_of(text.encode("utf-8", "surrogatepass"), algorithm)


def said_of(item: ChainedEntry) -> list[str | int]:
    """Return what an entry's digest covers: as a JSON list without spaces it is what is hashed."""
    end = [item.form] if item.form > 1 else []
    return [item.sequence, *_said(item.entry, item.previous, item.form), *end]


def _said(entry: Entry, previous: str, form: int) -> list[str]:
    said = [
        previous, entry.case, entry.event, entry.from_state, entry.to_state, entry.actor,
        entry.time.astimezone(UTC).isoformat(), entry.reason, entry.source_sha256, entry.payload,
    ]  # fmt: skip
    return [*said, entry.role, entry.source_row] if form > 1 else said


def hash_of(data: bytes, algorithm: str) -> str:
    """Hash bytes with the algorithm of a ledger; errors as `hasher`."""
    return str(hasher(algorithm)(data).hexdigest())


def hasher(algorithm: str) -> Callable[[bytes], Any]:
    """Return what makes a hash object of bytes, for the algorithm of a ledger.

    Raises
    ------
    ConfigError
        The algorithm is unknown, or this machine's OpenSSL lacks it.
    """
    if algorithm not in ALGORITHMS or algorithm not in hashlib.algorithms_available:
        msg = f"digest {algorithm!r}: one of {', '.join(ALGORITHMS)} was expected, and this machine must have it"
        raise ConfigError(msg)
    return hashlib.sha256 if algorithm == "sha256" else partial(hashlib.new, algorithm)


def chain(
    entries: Iterable[Entry], last: ChainedEntry | None, algorithm: str = "sha256"
) -> tuple[ChainedEntry, ...]:
    """Put new entries behind the last one of the ledger.

    Parameters
    ----------
    entries
        In the order in which they happened.
    last
        The ledger's head; None for an empty ledger.
    algorithm
        Digest of the ledger.
    """
    chained = []
    for entry in entries:
        sequence = last.sequence + 1 if last else 1
        previous = last.digest if last else GENESIS
        last = ChainedEntry(
            sequence, previous, digest_of(entry, sequence, previous, algorithm), entry
        )
        chained.append(last)
    return tuple(chained)
