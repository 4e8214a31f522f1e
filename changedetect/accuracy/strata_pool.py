"""Strata of verified changes, and the rule by which those too small are pooled.

The rule looks at numbers of changes only, never at their scores: what is promised of a pool is as
good as if the pool had been drawn up beforehand.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ANY = "*"
"""Value of a field over which a pool reaches."""

FIELDS = ("sensor", "season", "class", "size")
"""Fields of a stratum; pooling gives up the last first."""

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pool:
    """Changes for which one promise is made.

    Attributes
    ----------
    key
        Value of each field; `ANY` where it reaches over several.
    members
        Strata that it holds, sorted.
    rows
        ``(n,)`` places of its changes.
    """

    key: Key
    members: tuple[Key, ...]
    rows: np.ndarray

    @property
    def name(self) -> str:
        """Return it in one word."""
        return "/".join(self.key)


def pooled(keys: Sequence[Key], least: int) -> tuple[Pool, ...]:
    """Pool strata with fewer than `least` changes.

    A stratum with enough changes stands alone. The others are pooled with those that differ in the
    last field only; pools still too small give up the field before it, and so on, but the first
    field never. What is too small even then stays as it is, and no promise is made for it.

    Parameters
    ----------
    keys
        Stratum of each change, one value a field of `FIELDS`.
    least
        Fewest changes with which a promise can be made at all.

    Examples
    --------
    >>> keys = [("a", "x", "1")] * 3 + [("a", "x", "2")] * 1 + [("a", "y", "1")] * 1
    >>> [(pool.name, len(pool.rows)) for pool in pooled(keys, 2)]
    [('a/*/*', 2), ('a/x/1', 3)]
    """
    waiting = {key: [key] for key in sorted(set(keys))}
    counts = Counter(keys)
    done: dict[Key, list[Key]] = {}
    depth = len(next(iter(waiting), ())) - 1
    while waiting:
        large = {
            key: members
            for key, members in waiting.items()
            if sum(counts[one] for one in members) >= least or depth < 1
        }
        done |= large
        small = {key: members for key, members in waiting.items() if key not in large}
        waiting = {}
        for key, members in small.items():
            wide = (*key[:depth], ANY, *key[depth + 1 :])
            waiting.setdefault(wide, []).extend(members)
        depth -= 1
    return tuple(
        Pool(key, tuple(sorted(members)), np.flatnonzero([one in set(members) for one in keys]))
        for key, members in sorted(done.items())
    )


def size_class(area: float, edges: Sequence[float]) -> str:
    """Name the size class of an area; edges in the same unit, rising.

    Examples
    --------
    >>> [size_class(area, (0.5, 2.0)) for area in (0.2, 0.5, 7)]
    ['< 0.5', '0.5-2', '>= 2']
    """
    place = int(np.searchsorted(np.asarray(edges, float), area, side="right"))
    if place == 0:
        return f"< {edges[0]:g}" if len(edges) else ANY
    if place == len(edges):
        return f">= {edges[-1]:g}"
    return f"{edges[place - 1]:g}-{edges[place]:g}"
