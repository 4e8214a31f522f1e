"""Change distance and guide of whole tiles: rows sorted by class, so that loops are vectorised.

What `conditional.nearest_class` and `conditional.nearest_outcome` do to one pixel in float64, done
to a piece of a row at once in float32: the pixels of one class lie side by side, every innermost
loop runs over pixels, and the compiler turns it into vector instructions. A pixel's values depend on
that pixel alone, never on its neighbours in the piece.
"""

import numpy as np

from changedetect.kernels._jit import kernel
from changedetect.kernels.conditional import GUIDE_TOP, QUANTUM, SCORE_TOP

LANES = 1024
"""Pixels of a row that are worked on together; their bands lie in the second-level cache."""


@kernel
def _linear(
    weights: np.ndarray, level: float, bands: np.ndarray, first: int, out: np.ndarray
) -> None:
    """Set ``out`` to ``level + weights @ bands`` from a pixel on, four bands in one pass."""
    last = first + len(out)
    for i in range(0, len(weights), 4):
        w0, w1, w2, w3 = weights[i], weights[i + 1], weights[i + 2], weights[i + 3]
        b0, b1 = bands[i, first:last], bands[i + 1, first:last]
        b2, b3 = bands[i + 2, first:last], bands[i + 3, first:last]
        if i == 0:
            for x in range(len(out)):
                out[x] = level + w0 * b0[x] + w1 * b1[x] + w2 * b2[x] + w3 * b3[x]
        else:
            for x in range(len(out)):
                out[x] = out[x] + w0 * b0[x] + w1 * b1[x] + w2 * b2[x] + w3 * b3[x]


@kernel
def _choose(
    pixels: np.ndarray,
    chooser: tuple[np.ndarray, np.ndarray],
    top: np.ndarray,
    value: np.ndarray,
    best: np.ndarray,
) -> None:
    """Find the class with the largest linear score, the first of equals."""
    slopes, levels = chooser
    count, groups = len(best), slopes.shape[1] // 4
    b0, b1, b2, b3 = pixels[0, :count], pixels[1, :count], pixels[2, :count], pixels[3, :count]
    best[:] = 0
    _linear(slopes[0], levels[0], pixels, 0, top)
    for c in range(1, len(levels)):
        here, level = np.int32(c), levels[c]
        if groups == 1:
            w0, w1, w2, w3 = slopes[c, 0], slopes[c, 1], slopes[c, 2], slopes[c, 3]
            for x in range(count):
                found = level + w0 * b0[x] + w1 * b1[x] + w2 * b2[x] + w3 * b3[x]
                best[x] = here if found > top[x] else best[x]
                top[x] = max(top[x], found)
        else:
            _linear(slopes[c], level, pixels, 0, value)
            for x in range(count):
                best[x] = here if value[x] > top[x] else best[x]
                top[x] = max(top[x], value[x])


@kernel
def padded(weights: np.ndarray) -> np.ndarray:
    """Return weights as float32 with their last axis filled with zeros to a multiple of four.

    Parameters
    ----------
    weights
        ``(row, band)`` float64.
    """
    rows, many = weights.shape
    out = np.zeros((rows, -(-many // 4) * 4), np.float32)
    for row in range(rows):
        for i in range(many):
            out[row, i] = np.float32(weights[row, i])
    return out


@kernel
def _sort(best: np.ndarray, count: int, starts: np.ndarray, order: np.ndarray) -> None:
    """Sort by class, counting: where each class begins, and which pixel stands where."""
    starts[:] = 0
    for x in range(count):
        starts[best[x] + 1] += 1
    for c in range(1, len(starts)):
        starts[c] += starts[c - 1]
    for x in range(count):
        c = best[x]
        order[starts[c]] = x
        starts[c] += 1
    for c in range(len(starts) - 1, 0, -1):
        starts[c] = starts[c - 1]
    starts[0] = 0


@kernel
def _least(
    gathered: np.ndarray,
    first: int,
    variates: tuple[np.ndarray, np.ndarray, np.ndarray],
    least: np.ndarray,
    value: np.ndarray,
    total: np.ndarray,
) -> None:
    """Squared distance, penalty included, to the outcome of one class that explains best."""
    matrix, offset, penalty = variates
    least[:] = np.float32(np.inf)
    for m in range(len(penalty)):
        if np.isinf(penalty[m]):
            continue
        total[:] = penalty[m]
        for k in range(matrix.shape[1]):
            _linear(matrix[m, k], -offset[m, k], gathered, first, value)
            for x in range(len(total)):
                total[x] += value[x] * value[x]
        for x in range(len(total)):
            least[x] = min(least[x], total[x])


@kernel
def _guide_rows(
    pixels: np.ndarray,
    axes: tuple[np.ndarray, np.ndarray],
    bad: np.ndarray,
    value: np.ndarray,
    place: tuple[int, int],
    guide: np.ndarray,
) -> None:
    """Project pixels on the axes of the guide and quantise; 0 where not observed."""
    top, quantum, nothing = np.float32(GUIDE_TOP), np.float32(QUANTUM), np.float32(0.0)
    for k in range(len(axes[1])):
        _linear(axes[0][k], -axes[1][k], pixels, 0, value)
        target = guide[k, place[0], place[1] : place[1] + len(value)]
        for x in range(len(target)):
            scaled = np.rint(value[x] * quantum)
            scaled = min(scaled, top)
            scaled = max(scaled, -top)
            target[x] = np.int16(np.int32(nothing if bad[x] else scaled))


@kernel
def distance_rows(
    stack: np.ndarray,
    chooser: tuple[np.ndarray, np.ndarray],
    variates: tuple[np.ndarray, np.ndarray, np.ndarray],
    axes: tuple[np.ndarray, np.ndarray],
    cap: int,
    score: np.ndarray,
    guide: np.ndarray,
) -> None:
    """Compute the change distance of every pixel and the guide of its neighbourhood, quantised.

    Parameters
    ----------
    stack
        ``(2 * band, y, x)`` float32; bands before, then bands after; NaN is no data in any.
    chooser
        Slopes ``(class, band)`` and levels ``(class,)`` of `conditional.nearest_class`, float32;
        here and below the last axis is `padded` to a multiple of four.
    variates
        Matrix ``(class, outcome, variate, 2 * band)``, offset ``(class, outcome, variate)`` and
        penalty ``(class, outcome)`` of `conditional.nearest_outcome`, float32.
    axes
        Matrix ``(guide, 2 * band)`` and offset ``(guide,)`` of the guide, float32.
    cap
        Largest score.
    score
        ``(y, x)`` int16, is set: root of the sum of squared variates × 256, at most the cap, -1
        where not observed.
    guide
        ``(guide, y, x)`` int16, is set: guide × 256, clipped, 0 where not observed.
    """
    p, height, width = stack.shape
    matrix, offset, penalty = variates
    rows = max(matrix.shape[3], chooser[0].shape[1])
    pixels = np.zeros((rows, LANES), np.float32)
    gathered = np.zeros((rows, LANES), np.float32)
    value, total = np.empty(LANES, np.float32), np.empty(LANES, np.float32)
    least = np.empty(LANES, np.float32)
    best, order = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    starts = np.empty(len(chooser[1]) + 1, np.int64)
    bad = np.empty(LANES, np.bool_)
    most = np.float32(min(cap, SCORE_TOP))
    for y in range(height):
        for begin in range(0, width, LANES):
            count = min(LANES, width - begin)
            v, t, b, o, n = value[:count], total[:count], bad[:count], order[:count], best[:count]
            v[:] = np.float32(0.0)
            for i in range(p):
                source, target = stack[i, y, begin : begin + count], pixels[i, :count]
                for x in range(count):
                    target[x] = source[x]
                    v[x] += source[x] * np.float32(0.0)
            for x in range(count):
                b[x] = np.isnan(v[x])
            _choose(pixels, chooser, t, v, n)
            _sort(n, count, starts, o)
            for i in range(p):
                source, target = pixels[i, :count], gathered[i, :count]
                for x in range(count):
                    target[x] = source[o[x]]
            for c in range(len(chooser[1])):
                first, last = starts[c], starts[c + 1]
                if first < last:
                    own = matrix[c], offset[c], penalty[c]
                    part = slice(first, last)
                    _least(gathered, first, own, least[part], value[part], total[part])
            for x in range(count):
                root = np.rint(np.sqrt(least[x]) * np.float32(QUANTUM))
                v[x] = min(most, root)
            line = score[y, begin : begin + count]
            for x in range(count):
                line[o[x]] = np.int16(v[x])
            for x in range(count):
                line[x] = np.int16(-1) if b[x] else line[x]
            _guide_rows(pixels, axes, b, v, (y, begin), guide)
