"""One digest for a month: a Merkle root over its entries, and short proofs that an entry is in it.

The tree is that of RFC 6962, section 2.1: leaves and nodes are hashed under different prefixes, so
that no node can pass for a leaf, and a month of one entry differs from that entry's digest.
"""

from collections.abc import Iterable, Sequence

from changedetect.stages.ledger.chain import hash_of, hasher

_LEAF, _NODE = b"\x00", b"\x01"
_BLOCK = 4096
"""Leaves that are joined level by level, which is twice as fast as one after another; a power of two."""


def merkle_root(digests: Sequence[str], algorithm: str = "sha256") -> str:
    """Return the root over the digests of a month's entries, in order.

    Parameters
    ----------
    digests
        Hexadecimal; an empty month has the hash of nothing (RFC 6962, MTH of the empty list).
    algorithm
        Digest of the ledger.

    Examples
    --------
    >>> merkle_root([])[:8]
    'e3b0c442'
    """
    if not digests:
        return hash_of(b"", algorithm)
    return merkle_levels(digests, algorithm)[-1][0]


def merkle_levels(digests: Sequence[str], algorithm: str = "sha256") -> tuple[list[str], ...]:
    """Return the tree over entries, level by level from the leaves: for the paths of many entries.

    Parameters
    ----------
    digests
        Of the month's entries, in order.
    algorithm
        Digest of the ledger.
    """
    levels = [[_leaf(digest, algorithm) for digest in digests]]
    while len(level := levels[-1]) > 1:
        paired = [_node(level[i], level[i + 1], algorithm) for i in range(0, len(level) - 1, 2)]
        levels.append(paired + level[len(paired) * 2 :])
    return tuple(levels)


def path_in(levels: Sequence[Sequence[str]], place: int) -> tuple[tuple[str, str], ...]:
    """Return the audit path of one entry: what to hash it with, from leaf to root.

    Parameters
    ----------
    levels
        From `merkle_levels`.
    place
        Index of the entry.

    Returns
    -------
    tuple
        Pairs of side (``left`` or ``right`` of what is known so far) and digest.
    """
    path = []
    for level in levels[:-1]:
        other = place ^ 1
        if other < len(level):
            path.append(("left" if other < place else "right", level[other]))
        place //= 2
    return tuple(path)


def root_of_path(digest: str, path: Sequence[tuple[str, str]], algorithm: str = "sha256") -> str:
    """Follow an audit path from an entry's digest to the root that it belongs to."""
    here = _leaf(digest, algorithm)
    for side, other in path:
        here = _node(other, here, algorithm) if side == "left" else _node(here, other, algorithm)
    return here


class Mountains:
    """A root over digests that come one after another; memory grows with the logarithm of their number.

    Whole subtrees of sizes that are powers of two are kept, the largest first; the root joins them
    from the right (RFC 6962, section 2.1, read from the leaves).

    Parameters
    ----------
    algorithm
        Digest of the ledger.
    """

    __slots__ = ("_algorithm", "_count", "_leaves", "_new", "_peaks")

    def __init__(self, algorithm: str = "sha256") -> None:
        self._algorithm = algorithm
        self._new = hasher(algorithm)
        self._peaks: list[bytes] = []
        self._leaves: list[bytes] = []
        self._count = 0

    def add(self, digests: Iterable[str]) -> None:
        """Take the next digests (hexadecimal)."""
        self.add_bytes(map(bytes.fromhex, digests))

    def add_bytes(self, digests: Iterable[bytes]) -> None:
        """Take the next digests (bytes)."""
        new, leaves = self._new, self._leaves
        leaves += [new(_LEAF + digest).digest() for digest in digests]
        while len(leaves) >= _BLOCK:
            level = leaves[:_BLOCK]
            del leaves[:_BLOCK]
            while len(level) > 1:
                pairs = zip(level[::2], level[1::2], strict=True)
                level = [new(_NODE + left + right).digest() for left, right in pairs]
            self._peak(level[0], _BLOCK)

    def _peak(self, node: bytes, size: int) -> None:
        """Put a whole subtree behind those that are there; two of one size become one."""
        self._count += size
        while not self._count & size:
            node = self._new(_NODE + self._peaks.pop() + node).digest()
            size <<= 1
        self._peaks.append(node)

    def root(self) -> str:
        """Return the root over all digests taken; none can be added after it."""
        for leaf in self._leaves:
            self._peak(leaf, 1)
        self._leaves.clear()
        if not self._peaks:
            return hash_of(b"", self._algorithm)
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = self._new(_NODE + peak + node).digest()
        return str(node.hex())


def _leaf(digest: str, algorithm: str) -> str:
    return hash_of(_LEAF + bytes.fromhex(digest), algorithm)


def _node(left: str, right: str, algorithm: str) -> str:
    return hash_of(_NODE + bytes.fromhex(left) + bytes.fromhex(right), algorithm)
