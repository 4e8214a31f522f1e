"""A date of which no chart of a strip makes anything, where its pixels saw the same dates (`one_alike`).

Nearly all dates are of this kind: each pixel is green, or surely looks as forecast (`one_charts`). Such a
date is taken in by one loop, from the value to what is learnt of it, without rows between. The charts
of a few other pixels are fed apart, side by side; if they only go up, and keep no pixel from
learning, the others need not wait. Bytes are those of the loops that these stand for: the same operations
in the same order.
"""

import numpy as np

from changedetect.kernels._jit import uncounted
from changedetect.kernels.lanes import NONE, ONE, blend, bound, choose
from changedetect.kernels.one_charts import bound_of_loss, follow, set_loss_steps
from changedetect.kernels.one_common import Common, Gain, fill, fill_block
from changedetect.kernels.one_lanes import (
    AHEAD,
    B0,
    B1,
    B2,
    BEFORE,
    BLOCK,
    CLEAR,
    CONFIRMED,
    CUT,
    ENERGY,
    FIRST,
    INVERSE,
    LANES,
    LOSS,
    LOUD,
    MATURE,
    MEAN,
    NOISE,
    OFF,
    REST,
    RUN,
    START,
    STRENGTH,
    UNSURE,
    VALUE,
    Day,
    Learning,
    Loss,
    Signs,
    Z,
)

FEW = 16
"""Pixels of a strip up to which those are picked out of which a loss is not ruled out. [px]"""

_CHARTS = (LOSS, ENERGY, STRENGTH, MEAN, BEFORE, START, RUN)
_PICKED = (VALUE, B0, B1, B2, NOISE, LOUD, *_CHARTS)


@uncounted
def _is_green(of: Loss, k: int, s: np.ndarray) -> bool:
    """Lay the values of a date into their row; whether all are green, and no pixel has a loss so far."""
    values, odd = s[AHEAD + k * LANES : AHEAD + (k + 1) * LANES], np.int32(0)
    for i in range(LANES):
        value = values[i]
        s[VALUE + i] = value
        odd = np.int32(odd | np.int32((value < of.green) | (s[LOSS + i] > NONE)))
    return bool(odd == 0)


@uncounted
def count_unsure(on: Day, of: Loss, by: Gain, k: int, s: np.ndarray) -> int:
    """Return of how many pixels a loss is not ruled out on a date (see `one_charts.is_calm`).

    Parameters
    ----------
    on
        The day.
    of
        What green and bare look like.
    by
        What the date is to all pixels.
    k
        Number of the date, to find its values.
    s
        Rows of the strip; those pixels are marked, unless there are none.
    """
    if _is_green(of, k, s):
        return 0
    count = np.int32(0)
    for i in range(LANES):
        value, b1, b2 = s[VALUE + i], s[B1 + i], s[B2 + i]
        off = value - s[B0 + i] - b1 * on.x1 - b2 * on.x2
        tilt = b1 * on.t1 + b2 * on.t2
        sure = bound_of_loss(of, value, off, (tilt, s[NOISE + i], by.inverse, s[LOUD + i]))
        unsure = ((value < of.green) & (not sure)) | (s[LOSS + i] > NONE)
        s[UNSURE + i] = choose(unsure, ONE, NONE)
        count = np.int32(count + np.int32(unsure))
    return int(count)


@uncounted
def pick(common: Common, by: Gain, s: np.ndarray, few: np.ndarray) -> None:
    """Lay the pixels that are marked, at most `BLOCK`, side by side into rows of their own."""
    fill_block(few, MATURE, NONE)
    fill_block(few, REST, NONE)
    fill_block(few, INVERSE, by.inverse)
    fill_block(few, CLEAR, common.clear)
    fill_block(few, FIRST, common.first)
    j = 0
    for i in range(LANES):
        if s[UNSURE + i] > NONE:
            few[UNSURE + j] = np.float32(i)
            few[MATURE + j] = ONE
            for row in _PICKED:
                few[row + j] = s[row + i]
            j += 1


@uncounted
def judge(on: Day, of: Learning, by: Gain, charts: tuple[Loss, Signs], few: np.ndarray) -> bool:
    """Feed the charts of pixels that were picked; return whether all may learn as the others do."""
    for i in range(BLOCK):
        b1, b2, loud = few[B1 + i], few[B2 + i], few[LOUD + i]
        off = few[VALUE + i] - few[B0 + i] - b1 * on.x1 - b2 * on.x2
        wide = few[NOISE + i] + b1 * (on.q11 * b1 + on.q12 * b2) + on.q22 * (b2 * b2)
        louder = choose(loud > ONE, loud, ONE)
        few[Z + i] = off / np.sqrt((wide + of.floor) * by.spread * louder)
        few[OFF + i] = off
    set_loss_steps(on, charts[0], few)
    follow(on.day, charts[1], few)
    odd = np.int32(0)
    for i in range(BLOCK):
        kept = (few[LOSS + i] > of.most_loss) | (few[CONFIRMED + i] + few[REST + i] > NONE)
        odd = np.int32(odd | np.int32(kept & (few[MATURE + i] > NONE)))
    return bool(odd == 0)


@uncounted
def put_back(count: int, few: np.ndarray, s: np.ndarray) -> None:
    """Lay the charts of pixels that were picked back where they came from."""
    for j in range(count):
        i = np.uint64(np.int32(few[UNSURE + j]))
        for row in _CHARTS:
            s[row + i] = few[row + j]


@uncounted
def take_in(
    on: Day,
    numbers: tuple[Learning, Signs, tuple[np.float32, np.float32]],
    by: Gain,
    s: np.ndarray,
) -> None:
    """Look ahead, feed the charts, cut the innovation as it is kept, and learn, in one loop.

    Parameters
    ----------
    on, by, s
        As in `count_unsure`.
    numbers
        How pixels learn, how charts are fed; where innovations are cut [sigma], and one over the unit
        in which they are kept.
    """
    of, signs, (clip, unit) = numbers
    h0, h1, h2 = by.g0 * by.inverse, by.g1 * by.inverse, by.g2 * by.inverse
    for i in range(LANES):
        b0, b1, b2, noise, loud = s[B0 + i], s[B1 + i], s[B2 + i], s[NOISE + i], s[LOUD + i]
        off = s[VALUE + i] - b0 - b1 * on.x1 - b2 * on.x2
        wide = noise + b1 * (on.q11 * b1 + on.q12 * b2) + on.q22 * (b2 * b2)
        louder = choose(loud > ONE, loud, ONE)
        wide = (wide + of.floor) * by.spread
        root = np.sqrt(wide * louder)
        z, square = off / root, off * off / wide
        s[CUT + i] = np.rint(bound(z, clip) * unit)
        mean, short = s[MEAN + i], bound(z, signs.clip)
        along = choose(mean > NONE, z, choose(mean < NONE, -z, NONE))
        fits = (along <= signs.agree) & (along < NONE) & (z * z < signs.fitting)
        fits = choose(fits, ONE, NONE)
        s[ENERGY + i] = signs.kept_square * s[ENERGY + i] + signs.rate_square * short * short
        s[BEFORE + i] = blend(fits, on.day, s[BEFORE + i])
        s[MEAN + i] = signs.kept * mean + signs.rate * short
        bounded = choose(square < of.cap, square, of.cap)
        s[LOUD + i] = loud + of.pace * (bounded - loud)
        off = bound(off, of.huber * root)
        s[NOISE + i] = noise + by.rate * (off * off * by.inverse - noise)
        s[B0 + i] = b0 + h0 * off
        s[B1 + i] = b1 + h1 * off
        s[B2 + i] = b2 + h2 * off
    for place in (STRENGTH, START, RUN):
        fill(s, place, NONE)
