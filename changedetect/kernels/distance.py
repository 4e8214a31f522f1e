"""Change distance and guide of whole tiles: pixels sorted by class, so that loops are vectorised.

What `conditional.nearest_class` and `conditional.nearest_outcome` do to one pixel in float64, done
to a piece of a row at once in float32: the pixels of one class lie side by side, every innermost
loop runs over pixels, and the compiler turns it into vector instructions. A pixel's values depend on
that pixel alone, never on its neighbours in the piece.
"""

import numpy as np

from changedetect.kernels._jit import kernel, uncounted
from changedetect.kernels.conditional import GUIDE_TOP, QUANTUM, SCORE_TOP

LANES = 8192
"""Pixels that are worked on together; their bands lie in the second-level cache. Of fewer, each class
has so few that the ends of its vector loops count."""

_AT_ONCE = 4
"""Pixels counted in turn, with counters of their own."""

_BANDS = 4
"""Images of so many bands have loops of their own, in which sums stay in registers."""


@uncounted
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


@uncounted
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
    c = 1
    while groups == 1 and c + 3 < len(levels):  # four classes at once: bands are read once for them
        v0, v1, v2, v3 = slopes[c], slopes[c + 1], slopes[c + 2], slopes[c + 3]
        v00, v01, v02, v03 = v0[0], v0[1], v0[2], v0[3]
        v10, v11, v12, v13 = v1[0], v1[1], v1[2], v1[3]
        v20, v21, v22, v23 = v2[0], v2[1], v2[2], v2[3]
        v30, v31, v32, v33 = v3[0], v3[1], v3[2], v3[3]
        l0, l1, l2, l3 = levels[c], levels[c + 1], levels[c + 2], levels[c + 3]
        c0, c1, c2, c3 = np.int32(c), np.int32(c + 1), np.int32(c + 2), np.int32(c + 3)
        for x in range(count):
            f0 = l0 + v00 * b0[x] + v01 * b1[x] + v02 * b2[x] + v03 * b3[x]
            f1 = l1 + v10 * b0[x] + v11 * b1[x] + v12 * b2[x] + v13 * b3[x]
            f2 = l2 + v20 * b0[x] + v21 * b1[x] + v22 * b2[x] + v23 * b3[x]
            f3 = l3 + v30 * b0[x] + v31 * b1[x] + v32 * b2[x] + v33 * b3[x]
            own, highest = best[x], top[x]
            own = c0 if f0 > highest else own
            highest = max(highest, f0)
            own = c1 if f1 > highest else own
            highest = max(highest, f1)
            own = c2 if f2 > highest else own
            highest = max(highest, f2)
            own = c3 if f3 > highest else own
            best[x], top[x] = own, max(highest, f3)
        c += 4
    for rest in range(c, len(levels)):
        here, level = np.int32(rest), levels[rest]
        if groups == 1:
            w0, w1, w2, w3 = slopes[rest, 0], slopes[rest, 1], slopes[rest, 2], slopes[rest, 3]
            for x in range(count):
                found = level + w0 * b0[x] + w1 * b1[x] + w2 * b2[x] + w3 * b3[x]
                best[x] = here if found > top[x] else best[x]
                top[x] = max(top[x], found)
        else:
            _linear(slopes[rest], level, pixels, 0, value)
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


@uncounted
def _sort(best: np.ndarray, starts: np.ndarray, order: np.ndarray) -> None:
    """Sort by class, counting: where each class begins, and which pixel stands where.

    Neighbours are often of one class, and a counter can not be read before it is written: so four pixels
    far from one another are counted in turn, each with counters of its own. Unsigned places can not be
    negative: no check for it stands before them.
    """
    count = len(best)
    stride = count // _AT_ONCE
    starts[:] = 0
    for x in range(stride):
        for part in range(_AT_ONCE):
            starts[np.uint64(_AT_ONCE * best[x + part * stride] + part)] += 1
    for x in range(_AT_ONCE * stride, count):
        starts[_AT_ONCE * best[x]] += 1
    total = 0
    for k in range(len(starts)):
        own = starts[k]
        starts[k] = total
        total += own
    for x in range(stride):
        for part in range(_AT_ONCE):
            place = x + part * stride
            slot = np.uint64(_AT_ONCE * best[place] + part)
            order[np.uint64(starts[slot])] = place
            starts[slot] += 1
    for x in range(_AT_ONCE * stride, count):
        k = _AT_ONCE * best[x]
        order[starts[k]] = x
        starts[k] += 1
    for k in range(len(starts) - 1, 0, -1):
        starts[k] = starts[k - 1]
    starts[0] = 0


@uncounted
def _outcome_of_four(
    gathered: np.ndarray,
    first: int,
    variates: tuple[np.ndarray, np.ndarray, float],
    old: np.ndarray,
    new: np.ndarray,
) -> None:
    """Set ``new`` to what is less, ``old`` or the squared distance to an outcome, for four bands.

    A pixel's variates stay in registers, two by two. In one array a number that does not change would
    be left out by a store under a mask, which costs some processors (Zen 3) ten times a plain one.
    """
    matrix, offset, start = variates
    last = first + len(new)
    a0, a1, a2, a3 = (
        gathered[0, first:last], gathered[1, first:last], gathered[2, first:last], gathered[3, first:last],
    )  # fmt: skip
    b0, b1, b2, b3 = (
        gathered[4, first:last], gathered[5, first:last], gathered[6, first:last], gathered[7, first:last],
    )  # fmt: skip
    p, q, r, s = matrix[0], matrix[1], matrix[2], matrix[3]
    p0, p1, p2, p3, p4, p5, p6, p7 = p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]
    q0, q1, q2, q3, q4, q5, q6, q7 = q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7]
    r0, r1, r2, r3, r4, r5, r6, r7 = r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]
    s0, s1, s2, s3, s4, s5, s6, s7 = s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
    pl, ql, rl, sl = -offset[0], -offset[1], -offset[2], -offset[3]
    for x in range(len(new)):
        u0, u1, u2, u3 = a0[x], a1[x], a2[x], a3[x]
        w0, w1, w2, w3 = b0[x], b1[x], b2[x], b3[x]
        one = pl + p0 * u0 + p1 * u1 + p2 * u2 + p3 * u3 + p4 * w0 + p5 * w1 + p6 * w2 + p7 * w3
        two = ql + q0 * u0 + q1 * u1 + q2 * u2 + q3 * u3 + q4 * w0 + q5 * w1 + q6 * w2 + q7 * w3
        total = start + one * one + two * two
        one = rl + r0 * u0 + r1 * u1 + r2 * u2 + r3 * u3 + r4 * w0 + r5 * w1 + r6 * w2 + r7 * w3
        two = sl + s0 * u0 + s1 * u1 + s2 * u2 + s3 * u3 + s4 * w0 + s5 * w1 + s6 * w2 + s7 * w3
        total = total + one * one + two * two
        new[x] = min(old[x], total)


@uncounted
def _least_of_four(
    gathered: np.ndarray,
    first: int,
    variates: tuple[np.ndarray, np.ndarray, np.ndarray],
    least: np.ndarray,
    spare: np.ndarray,
) -> None:
    """Do as `_least` for four bands."""
    matrix, offset, penalty = variates
    least[:] = np.float32(np.inf)
    turned = False
    for m in range(len(penalty)):
        if np.isinf(penalty[m]):
            continue
        own = matrix[m], offset[m], penalty[m]
        if turned:
            _outcome_of_four(gathered, first, own, spare, least)
        else:
            _outcome_of_four(gathered, first, own, least, spare)
        turned = not turned
    if turned:
        for x in range(len(least)):  # slices are set from arrays by counting references
            least[x] = spare[x]


@uncounted
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
            value[x] = min(least[x], total[x])  # not in its place: see `_outcome_of_four`
        for x in range(len(least)):
            least[x] = value[x]


@uncounted
def _guide_rows(
    pixels: np.ndarray,
    axes: tuple[np.ndarray, np.ndarray],
    bad: np.ndarray,
    value: np.ndarray,
    begin: int,
    guide: np.ndarray,
) -> None:
    """Project pixels on the axes of the guide and quantise; 0 where not observed."""
    top, quantum, nothing = np.float32(GUIDE_TOP), np.float32(QUANTUM), np.float32(0.0)
    for k in range(len(axes[1])):
        _linear(axes[0][k], -axes[1][k], pixels, 0, value)
        target = guide[k, begin : begin + len(value)]
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
    many = height * width
    flat, scores = stack.reshape(p, many), score.reshape(many)
    guides = guide.reshape(len(guide), many)
    rows = max(matrix.shape[3], chooser[0].shape[1])
    four = matrix.shape[2] == _BANDS and matrix.shape[3] == 2 * _BANDS
    pixels = np.zeros((rows, LANES), np.float32)
    gathered = np.zeros((rows, LANES), np.float32)
    value, total = np.empty(LANES, np.float32), np.empty(LANES, np.float32)
    least = np.empty(LANES, np.float32)
    best, order = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    starts = np.empty(_AT_ONCE * len(chooser[1]) + 1, np.int64)
    bad = np.empty(LANES, np.bool_)
    most = np.float32(min(cap, SCORE_TOP))
    for begin in range(0, many, LANES):
        count = min(LANES, many - begin)
        v, t, b, o, n = value[:count], total[:count], bad[:count], order[:count], best[:count]
        v[:] = np.float32(0.0)
        for i in range(p):
            source, target = flat[i, begin : begin + count], pixels[i, :count]
            for x in range(count):
                target[x] = source[x]
                v[x] += source[x] * np.float32(0.0)
        for x in range(count):
            b[x] = np.isnan(v[x])
        _choose(pixels, chooser, t, v, n)
        _sort(n, starts, o)
        for i in range(p):
            source, target = pixels[i, :count], gathered[i, :count]
            for x in range(count):
                target[x] = source[np.uint64(o[x])]
        for c in range(len(chooser[1])):
            first, last = starts[_AT_ONCE * c], starts[_AT_ONCE * (c + 1)]
            own, part = (matrix[c], offset[c], penalty[c]), slice(first, last)
            if first < last and four:
                _least_of_four(gathered, first, own, least[part], value[part])
            elif first < last:
                _least(gathered, first, own, least[part], value[part], total[part])
        for x in range(count):
            root = np.rint(np.sqrt(least[x]) * np.float32(QUANTUM))
            v[x] = min(most, root)
        line = scores[begin : begin + count]
        for x in range(count):
            line[np.uint64(o[x])] = np.int16(v[x])
        for x in range(count):
            line[x] = np.int16(-1) if b[x] else line[x]
        _guide_rows(pixels, axes, b, v, begin, guides)
