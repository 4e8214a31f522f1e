"""Rings: the outline of runs along pixel edges, without ever drawing the mask.

Each run has two upright edges: its left one walks down (south), its right one up, so that the
changed ground is always on the left hand and outer rings run counter-clockwise on a north-up map.
Edge ``2 i`` is the left edge of run ``i``, edge ``2 i + 1`` the right one.

Between two rows the ends of the upright edges, sorted by column, pair up: a level edge lies between
the first and the second, the third and the fourth, and so on, because crossing an end flips
"exactly one of the two rows is changed". Where two pixels touch in a corner only, two ends share a
place; the order given to them decides which way the ring turns there. Two different parts
(connected by edges) are kept apart; one part that touches itself there closes its ring at once,
which keeps every ring free of repeated points: a polygon made of them is valid by construction.
"""

import numpy as np

from changedetect.kernels._jit import kernel


@kernel
def _pair_row(
    runs: np.ndarray, parts: np.ndarray, above: tuple[int, int], below: tuple[int, int],
    following: np.ndarray,
) -> None:  # fmt: skip
    """Link the ends of upright edges between the rows ``above`` and ``below`` (ranges of edges)."""
    up, up_end = above
    down, down_end = below
    waiting, waiting_above = -1, False
    while up < up_end or down < down_end:
        take_above = down >= down_end
        if up < up_end and down < down_end:
            up_col = runs[up >> 1, 1 + (up & 1)]
            down_col = runs[down >> 1, 1 + (down & 1)]
            take_above = up_col < down_col
            if up_col == down_col:
                same_part = parts[up >> 1] == parts[down >> 1]
                take_above = ((up & 1) == 1) != same_part
        if take_above:
            edge = up
            up += 1
        else:
            edge = down
            down += 1
        if waiting < 0:
            waiting, waiting_above = edge, take_above
            continue
        if waiting_above == ((waiting & 1) == 0):
            following[waiting] = edge
        else:
            following[edge] = waiting
        waiting = -1


@kernel
def link_edges(runs: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Tell which upright edge follows each upright edge along its ring.

    Parameters
    ----------
    runs
        ``(n, 3)`` int32, sorted; runs of one row do not touch.
    parts
        ``(n,)`` int64; part (connected by edges, `label_runs` with reach 0) of each run.

    Returns
    -------
    ndarray
        ``(2 n,)`` int64.
    """
    count = runs.shape[0]
    following = np.full(2 * count, -1, dtype=np.int64)
    first, last = 0, 0
    before_first, before_last, before_row = 0, 0, -2
    while first < count:
        row = runs[first, 0]
        last = first
        while last < count and runs[last, 0] == row:
            last += 1
        if before_row != row - 1:
            _pair_row(runs, parts, (2 * before_first, 2 * before_last), (0, 0), following)
            before_first, before_last = 0, 0
        _pair_row(
            runs, parts, (2 * before_first, 2 * before_last), (2 * first, 2 * last), following
        )
        before_first, before_last, before_row = first, last, row
        first = last
    _pair_row(runs, parts, (2 * before_first, 2 * before_last), (0, 0), following)
    return following


@kernel
def trace_rings(
    runs: np.ndarray, parts: np.ndarray, following: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Walk along all rings, keeping only the points where a ring turns.

    Parameters
    ----------
    runs, parts
        As in `link_edges`.
    following
        What `link_edges` returned.

    Returns
    -------
    tuple of ndarray
        Points ``(p, 2)`` int32 (row, column of pixel corners; the last point of a ring repeats its
        first), where each ring begins ``(rings + 1,)`` int64, and its part ``(rings,)`` int64.
        The first ring of a part is its outer one (counter-clockwise), the others are its holes
        (clockwise).
    """
    edges = following.shape[0]
    rings, points = 0, 0
    seen = np.zeros(edges, dtype=np.bool_)
    for begin in range(edges):
        if seen[begin]:
            continue
        rings += 1
        points += 1
        edge = begin
        while not seen[edge]:
            seen[edge] = True
            after = following[edge]
            if runs[edge >> 1, 1 + (edge & 1)] != runs[after >> 1, 1 + (after & 1)]:
                points += 2
            edge = after
    line = np.empty((points, 2), dtype=np.int32)
    starts = np.empty(rings + 1, dtype=np.int64)
    owner = np.empty(rings, dtype=np.int64)
    seen[:] = False
    k, ring = 0, 0
    for begin in range(edges):
        if seen[begin]:
            continue
        starts[ring] = k
        owner[ring] = parts[begin >> 1]
        edge = begin
        while not seen[edge]:
            seen[edge] = True
            after = following[edge]
            here, there = runs[edge >> 1, 1 + (edge & 1)], runs[after >> 1, 1 + (after & 1)]
            if here != there:
                level = runs[edge >> 1, 0] + 1 - (edge & 1)
                line[k, 0], line[k, 1] = level, here
                line[k + 1, 0], line[k + 1, 1] = level, there
                k += 2
            edge = after
        line[k] = line[starts[ring]]
        k += 1
        ring += 1
    starts[rings] = k
    return line, starts, owner
