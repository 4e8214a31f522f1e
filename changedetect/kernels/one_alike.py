"""Dates of a strip of one index whose pixels saw the same dates: what they share is one number.

The covariance of the coefficients, the gain, ages and counts depend on dates, not on values. So
long as all pixels of a strip have them in common, they are carried as numbers, and a date takes one or two
loops over values, coefficients and noise. Once a pixel falls out (a chart keeps it from learning, its break is
confirmed, or it did not see what the others saw), the numbers are laid into rows, and `one_apart` goes
on, with the same results to the last bit: both do the same operations in the same order.
"""

import numpy as np

from changedetect.kernels import one_apart, one_calm, one_common, one_strips, one_window
from changedetect.kernels._jit import uncounted
from changedetect.kernels.lanes import NONE, ONE, bound, choose
from changedetect.kernels.one_lanes import (
    AHEAD,
    B0,
    B1,
    B2,
    BEFORE,
    C0,
    C1,
    C2,
    C11,
    C12,
    C22,
    CLEAR,
    CONFIRMED,
    FIRST,
    INVERSE,
    LANES,
    LAST,
    LENGTH,
    LOSS,
    LOUD,
    MATURE,
    NOISE,
    OFF,
    QUARTER_OF,
    REST,
    ROOT,
    SEEN,
    SEEN_OF,
    SQUARE,
    UNSURE,
    VALUE,
    WINDOWED,
    Day,
    History,
    Learning,
    Numbers,
    Z,
    day_of,
)
from changedetect.kernels.season import SEASONS


@uncounted
def _share(c: one_common.Common, s: np.ndarray) -> bool:
    """Whether all pixels share what the first one has."""
    odd = np.int32(0)
    for i in range(LANES):
        other = (s[FIRST + i] != c.first) | (s[LAST + i] != c.last)
        other = other | (s[CLEAR + i] != c.clear) | (s[WINDOWED + i] != c.windowed)
        odd = np.int32(odd | np.int32(other))
    for i in range(LANES):
        other = (s[C0 + i] != c.c0) | (s[C1 + i] != c.c1) | (s[C2 + i] != c.c2)
        other = other | (s[C11 + i] != c.c11) | (s[C12 + i] != c.c12) | (s[C22 + i] != c.c22)
        odd = np.int32(odd | np.int32(other))
    return bool(odd == 0)


@uncounted
def are_alike(plan: np.ndarray, s: np.ndarray) -> bool:
    """Whether all pixels of a strip saw, and will see, the same dates."""
    for k in range(len(plan)):
        if plan[k, SEEN_OF] != NONE and plan[k, SEEN_OF] != np.float32(LANES):
            return False
    return _share(one_common.common_of(s), s)


@uncounted
def _begin(
    day: np.float32, k: int, begins: np.ndarray, floor: np.float32, s: np.ndarray
) -> one_common.Common:
    """Set pixels that are seen for the first time back to what is known before."""
    values = s[AHEAD + k * LANES : AHEAD + (k + 1) * LANES]
    for i in range(LANES):
        s[B0 + i] = values[i]
        s[B1 + i] = NONE
        s[B2 + i] = NONE
        s[NOISE + i] = floor
        s[LOUD + i] = ONE
    level, first, second = np.float32(begins[0]), np.float32(begins[1]), np.float32(begins[2])
    return one_common.Common(day, day, NONE, s[WINDOWED], level, NONE, NONE, first, NONE, second)


@uncounted
def _learn_at_once(on: Day, of: Learning, by: one_common.Gain, k: int, s: np.ndarray) -> None:
    """Look ahead and learn in one loop, where no chart is asked."""
    one_strips.lay_values(k, s)
    h0, h1, h2 = by.g0 * by.inverse, by.g1 * by.inverse, by.g2 * by.inverse
    for i in range(LANES):
        b0, b1, b2, noise, loud = s[B0 + i], s[B1 + i], s[B2 + i], s[NOISE + i], s[LOUD + i]
        off = s[VALUE + i] - b0 - b1 * on.x1 - b2 * on.x2
        wide = noise + b1 * (on.q11 * b1 + on.q12 * b2) + on.q22 * (b2 * b2)
        louder = choose(loud > ONE, loud, ONE)
        wide = (wide + of.floor) * by.spread
        root = np.sqrt(wide * louder)
        bounded = off * off / wide
        bounded = choose(bounded < of.cap, bounded, of.cap)
        s[LOUD + i] = loud + of.pace * (bounded - loud)
        off = bound(off, of.huber * root)
        s[NOISE + i] = noise + by.rate * (off * off * by.inverse - noise)
        s[B0 + i] = b0 + h0 * off
        s[B1 + i] = b1 + h1 * off
        s[B2 + i] = b2 + h2 * off


@uncounted
def _look_ahead(on: Day, of: Learning, by: one_common.Gain, k: int, s: np.ndarray) -> None:
    """Set values, innovations and whitened innovations."""
    one_strips.lay_values(k, s)
    for i in range(LANES):
        b1, b2, loud = s[B1 + i], s[B2 + i], s[LOUD + i]
        off = s[VALUE + i] - s[B0 + i] - b1 * on.x1 - b2 * on.x2
        wide = s[NOISE + i] + b1 * (on.q11 * b1 + on.q12 * b2) + on.q22 * (b2 * b2)
        louder = choose(loud > ONE, loud, ONE)
        wide = (wide + of.floor) * by.spread
        root = np.sqrt(wide * louder)
        s[Z + i] = off / root
        s[ROOT + i] = root
        s[SQUARE + i] = off * off / wide
        s[OFF + i] = off


@uncounted
def _learn(of: Learning, by: one_common.Gain, s: np.ndarray) -> None:
    """Learn what charts let all pixels learn (`one_apart.learn`)."""
    h0, h1, h2 = by.g0 * by.inverse, by.g1 * by.inverse, by.g2 * by.inverse
    for i in range(LANES):
        loud, noise = s[LOUD + i], s[NOISE + i]
        bounded = choose(s[SQUARE + i] < of.cap, s[SQUARE + i], of.cap)
        s[LOUD + i] = loud + of.pace * (bounded - loud)
        off = bound(s[OFF + i], of.huber * s[ROOT + i])
        s[NOISE + i] = noise + by.rate * (off * off * by.inverse - noise)
        free = ONE - s[LENGTH + i] * of.per_shift
        off *= choose(free < ONE, free, ONE)
        s[B0 + i] += h0 * off
        s[B1 + i] += h1 * off
        s[B2 + i] += h2 * off


@uncounted
def _differ(of: Learning, s: np.ndarray) -> bool:
    """Whether a chart keeps a pixel from learning as the others do, or is set back."""
    odd = np.int32(0)
    for i in range(LANES):
        freed = (s[LOSS + i] <= of.most_loss) & (s[LENGTH + i] <= of.most_shift)
        odd = np.int32(odd | np.int32((not freed) | (s[CONFIRMED + i] + s[REST + i] > NONE)))
    return bool(odd != 0)


@uncounted
def _prepare(common: one_common.Common, gain: one_common.Gain, s: np.ndarray) -> None:
    """Set the rows that charts read and that are the same for all pixels."""
    one_common.fill(s, FIRST, common.first)
    one_common.fill(s, CLEAR, common.clear)
    one_common.fill(s, INVERSE, gain.inverse)
    one_common.fill(s, SEEN, ONE)
    one_common.fill(s, MATURE, ONE)
    one_common.fill(s, CONFIRMED, NONE)
    one_common.fill(s, REST, NONE)


@uncounted
def _next(plan: np.ndarray, k: int) -> int:
    """Return the next date from ``k`` on that was seen, or how many dates there are."""
    while k < len(plan) and plan[k, SEEN_OF] == NONE:
        k += 1
    return k


@uncounted
def _judge(
    on: Day,
    k: int,
    common: one_common.Common,
    gain: one_common.Gain,
    s: np.ndarray,
    numbers: Numbers,
) -> tuple[int, bool]:
    """Feed the charts with a date.

    Returns
    -------
    tuple
        How many breaks are confirmed; whether pixels differ now.
    """
    _prepare(common, gain, s)
    _look_ahead(on, numbers.learning, gain, k, s)
    confirmed = one_apart.watch_marked(on, numbers.loss, numbers.signs, s)
    return confirmed, _differ(numbers.learning, s)


@uncounted
def _stays(plan: np.ndarray, k: int, common: one_common.Common, of: History) -> bool:
    """Whether a date at rest stays in the window: the next one is judged, or there is none."""
    following = _next(plan, k + 1)
    if following == len(plan):
        return True
    return one_common.is_mature(plan[following, 0], of, common.first, common.clear)


@uncounted
def _rest(
    k: int,
    plan: np.ndarray,
    shared: tuple[one_common.Common, one_common.Gain, bool],
    strip: tuple[int, np.ndarray, np.ndarray],
    arrays: tuple[np.ndarray, ...],
    numbers: Numbers,
) -> one_common.Common:
    """Take in a date that charts are not asked about; ``shared`` tells, last, if they were fed before."""
    common, gain, fed = shared
    start, s, _ = strip
    on = day_of(plan, k)
    if fed:
        one_common.fill(s, REST, ONE)
        one_apart.rest(s)
    common = one_common.settle(on.day, common, gain, ONE)
    if _stays(plan, k, common, numbers.history):
        one_common.fill(s, BEFORE, on.day)
        _look_ahead(on, numbers.learning, gain, k, s)
        one_window.cut(numbers.clip, s)
        one_window.keep_alike(on.day - common.first, ONE, start, s, arrays[10], arrays[11])
    _learn_at_once(on, numbers.learning, gain, k, s)
    return common


@uncounted
def _is_harmless(
    on: Day,
    unsure: int,
    shared: tuple[one_common.Common, one_common.Gain],
    strip: tuple[int, np.ndarray, np.ndarray],
    numbers: Numbers,
) -> bool:
    """Whether the charts of pixels that are marked, fed apart, let them learn as the others do."""
    if unsure == 0:
        return True
    one_calm.pick(shared[0], shared[1], strip[1], strip[2])
    return one_calm.judge(on, numbers.learning, shared[1], (numbers.loss, numbers.signs), strip[2])


@uncounted
def _take_in(
    k: int,
    plan: np.ndarray,
    shared: tuple[one_common.Common, one_common.Gain],
    strip: tuple[int, np.ndarray, np.ndarray],
    arrays: tuple[np.ndarray, ...],
    numbers: Numbers,
) -> tuple[one_common.Common, bool]:
    """Take in a date that charts judge; where pixels differ then, apart."""
    common, gain = shared
    start, s, few = strip
    on = day_of(plan, k)
    held = common.windowed + ONE
    if numbers.loss.alone:
        unsure = one_calm.count_unsure(on, numbers.loss, gain, k, s)
        if unsure <= one_calm.FEW and _is_harmless(on, unsure, shared, strip, numbers):
            rules = (numbers.learning, numbers.signs, one_window.unit_of(numbers.clip))
            one_calm.take_in(on, rules, gain, s)
            one_calm.put_back(unsure, few, s)
            age = on.day - common.first
            one_window.keep_alike(age, held, start, s, arrays[10], arrays[11])
            return one_common.settle(on.day, common, gain, held), False
    else:
        one_common.fill(s, UNSURE, ONE)
    confirmed, apart = _judge(on, k, common, gain, s, numbers)
    if apart:
        one_common.spread(common, s)
        one_common.spread_gain(gain, s)
        one_apart.finish(on, (confirmed, True), start, s, arrays, numbers)
        return common, True
    one_window.cut(numbers.clip, s)
    one_window.keep_alike(on.day - common.first, held, start, s, arrays[10], arrays[11])
    _learn(numbers.learning, gain, s)
    return one_common.settle(on.day, common, gain, held), False


@uncounted
def follow(
    plan: np.ndarray,
    begins: np.ndarray,
    fed: bool,
    strip: tuple[int, np.ndarray, np.ndarray],
    arrays: tuple[np.ndarray, ...],
    numbers: Numbers,
) -> tuple[int, int, bool]:
    """Take dates into a strip of pixels that are alike, until one is not.

    Parameters
    ----------
    plan
        The dates (`one_lanes`).
    begins
        Variance of each coefficient before the first date. [noise variance]
    fed
        Whether a chart was fed since its rest.
    strip
        Its first pixel, its rows, and rows for a few pixels of it.
    arrays
        State, of which noise of seasons, window and breaks are changed.
    numbers
        What steers a strip.

    Returns
    -------
    tuple
        How many dates are done; the quarter of the year whose noise is in the rows, -1 = none;
        whether charts are fed now.
    """
    start, s, _ = strip
    c, quarter, apart = one_common.common_of(s), -1, False
    k = _next(plan, 0)
    while k < len(plan) and not apart:
        on, new = day_of(plan, k), int(plan[k, QUARTER_OF])
        if new != quarter:
            one_strips.turn(quarter, new, start, arrays[3], s)
            quarter = new
        if c.clear == NONE:
            c = _begin(on.day, k, begins, numbers.learning.floor, s)
            for q in range(SEASONS):
                one_strips.turn(q, -1, start, arrays[3], s)
        gain = one_common.look(on, numbers.learning, c)
        if one_common.is_mature(on.day, numbers.history, c.first, c.clear):
            c, apart = _take_in(k, plan, (c, gain), strip, arrays, numbers)
            fed = True
        else:
            c = _rest(k, plan, (c, gain, fed), strip, arrays, numbers)
        k = k + 1 if apart else _next(plan, k + 1)
    if not apart:
        one_common.spread(c, s)
    return k, quarter, fed
