"""Dates of a strip of one index whose pixels each have a past of their own (see `one_alike`)."""

import numpy as np

from changedetect.kernels import charts, dating, one_charts, one_window
from changedetect.kernels._jit import uncounted
from changedetect.kernels.lanes import NONE, ONE, blend, bound, choose
from changedetect.kernels.one_lanes import (
    B0,
    B1,
    B2,
    BEFORE,
    BLOCK,
    C0,
    C1,
    C2,
    C11,
    C12,
    C22,
    CLEAR,
    CONFIRMED,
    ENERGY,
    FIRST,
    G0,
    G1,
    G2,
    INVERSE,
    LANES,
    LAST,
    LENGTH,
    LOSS,
    LOUD,
    MATURE,
    MEAN,
    NOISE,
    OFF,
    REST,
    ROOT,
    RUN,
    SEEN,
    SQUARE,
    START,
    STEP,
    STRENGTH,
    UNSURE,
    VALUE,
    WINDOWED,
    Day,
    History,
    Learning,
    Loss,
    Numbers,
    Signs,
    Z,
)

_MOST = np.float32(1 << 24)
"""More innovations than a pixel ever has, still exact as float32."""


@uncounted
def _mark_mature(day: np.float32, history: History, s: np.ndarray) -> int:
    """Mark pixels seen that have history enough to judge the day by; return how many there are."""
    count = np.int32(0)
    for i in range(LANES):
        age = day - s[FIRST + i]
        enough = history.daily * age
        enough = choose(enough > history.fewest, enough, history.fewest)
        mature = (s[SEEN + i] > NONE) & (age >= history.youngest) & (s[CLEAR + i] >= enough)
        s[MATURE + i] = choose(mature, ONE, NONE)
        s[CONFIRMED + i] = NONE
        s[REST + i] = choose(mature, NONE, s[SEEN + i])
        count = np.int32(count + np.int32(mature))
    return int(count)


@uncounted
def begin(day: np.float32, prior: np.ndarray, floor: np.float32, s: np.ndarray) -> None:
    """Set pixels that are seen for the first time back to what is known before."""
    level, first, second = np.float32(prior[0]), np.float32(prior[1]), np.float32(prior[2])
    for i in range(LANES):
        fresh = choose(s[CLEAR + i] == NONE, s[SEEN + i], NONE)
        kept = ONE - fresh
        s[FIRST + i] = blend(fresh, day, s[FIRST + i])
        s[LAST + i] = blend(fresh, day, s[LAST + i])
        s[B0 + i] = blend(fresh, s[VALUE + i], s[B0 + i])
        s[B1 + i] *= kept
        s[B2 + i] *= kept
        s[NOISE + i] = blend(fresh, floor, s[NOISE + i])
        s[C0 + i] = blend(fresh, level, s[C0 + i])
        s[C1 + i] *= kept
        s[C2 + i] *= kept
        s[C11 + i] = blend(fresh, first, s[C11 + i])
        s[C12 + i] *= kept
        s[C22 + i] = blend(fresh, second, s[C22 + i])


@uncounted
def _look_ahead(on: Day, of: Learning, s: np.ndarray) -> None:
    """Let the coefficients walk; set ``P x``, one over ``1 + xᵀ P x``, and whitened innovations."""
    for i in range(LANES):
        gap = on.day - s[LAST + i]
        step = of.per_day * choose(gap < of.gap, gap, of.gap)
        c1, c2, c12 = s[C1 + i], s[C2 + i], s[C12 + i]
        g0 = (s[C0 + i] + step) + c1 * on.x1 + c2 * on.x2
        g1 = c1 + (s[C11 + i] + step) * on.x1 + c12 * on.x2
        g2 = c2 + c12 * on.x1 + (s[C22 + i] + step) * on.x2
        spread = ONE + g0 + g1 * on.x1 + g2 * on.x2
        b1, b2 = s[B1 + i], s[B2 + i]
        off = s[VALUE + i] - s[B0 + i] - b1 * on.x1 - b2 * on.x2
        wide = s[NOISE + i] + b1 * (on.q11 * b1 + on.q12 * b2) + on.q22 * (b2 * b2)
        loud = s[LOUD + i]
        louder = choose(loud > ONE, loud, ONE)
        wide = (wide + of.floor) * spread
        root = np.sqrt(wide * louder)
        s[Z + i] = off / root
        s[SQUARE + i] = off * off / wide
        s[ROOT + i] = root
        s[OFF + i] = off
        s[G0 + i] = g0
        s[G1 + i] = g1
        s[G2 + i] = g2
        s[STEP + i] = step
        s[INVERSE + i] = ONE / spread


@uncounted
def _is_calm(on: Day, of: Loss, low: int, s: np.ndarray) -> bool:
    """Whether the block from a lane on is calm."""
    return one_charts.is_calm(on, of, s[low:])


@uncounted
def _keep_calm(today: np.float32, of: Signs, low: int, s: np.ndarray) -> None:
    """Feed the charts of the calm block from a lane on."""
    one_charts.keep_calm(today, of, s[low:])


@uncounted
def _follow(on: Day, loss: Loss, signs: Signs, low: int, s: np.ndarray) -> int:
    """Feed the charts of the block from a lane on; return how many breaks are confirmed."""
    one_charts.set_loss_steps(on, loss, s[low:])
    return one_charts.follow(on.day, signs, s[low:])


@uncounted
def watch(on: Day, loss: Loss, signs: Signs, s: np.ndarray) -> tuple[int, bool]:
    """Feed the charts of a strip, block by block.

    Returns
    -------
    tuple
        How many breaks are confirmed; whether all blocks were calm.
    """
    confirmed, calm = 0, True
    for low in range(0, LANES, BLOCK):
        if loss.alone and _is_calm(on, loss, low, s):
            _keep_calm(on.day, signs, low, s)
        else:
            confirmed += _follow(on, loss, signs, low, s)
            calm = False
    return confirmed, calm


@uncounted
def watch_marked(on: Day, loss: Loss, signs: Signs, s: np.ndarray) -> int:
    """Feed the charts of a strip whose unsure pixels are marked; return how many breaks are confirmed."""
    confirmed = 0
    for low in range(0, LANES, BLOCK):
        marks, unsure = s[UNSURE + low : UNSURE + low + BLOCK], np.int32(0)
        for i in range(BLOCK):
            unsure = np.int32(unsure | np.int32(marks[i] > NONE))
        if unsure == 0:
            _keep_calm(on.day, signs, low, s)
        else:
            confirmed += _follow(on, loss, signs, low, s)
    return confirmed


@uncounted
def rest(s: np.ndarray) -> None:
    """Set the charts of pixels at rest back."""
    for i in range(LANES):
        going = ONE - s[REST + i]
        s[START + i] *= going
        s[RUN + i] *= going
        s[LOSS + i] *= going
        s[ENERGY + i] *= going
        s[STRENGTH + i] *= going
        s[LENGTH + i] *= going
        s[MEAN + i] *= going


@uncounted
def _remember(day: np.float32, s: np.ndarray) -> tuple[int, int, bool]:
    """Count the date.

    Returns
    -------
    tuple
        Fewest and most innovations that a pixel seen now has in its window; whether there are pixels
        at rest.
    """
    most, lacking, resting = np.int32(0), np.int32(0), np.int32(0)
    for i in range(LANES):
        seen, still = s[SEEN + i], s[REST + i]
        s[CLEAR + i] += seen
        s[LAST + i] = blend(seen, day, s[LAST + i])
        s[BEFORE + i] = blend(still, day, s[BEFORE + i])
        kept = s[WINDOWED + i] * (ONE - still) + seen
        s[WINDOWED + i] = kept
        count = np.int32(kept * seen)
        most = max(most, count)
        lacking = max(lacking, np.int32(_MOST * seen) - count)
        resting = np.int32(resting | np.int32(still > NONE))
    return int(_MOST) - int(lacking), int(most), bool(resting != 0)


@uncounted
def _conclude(
    day: np.float32,
    start: int,
    s: np.ndarray,
    arrays: tuple[np.ndarray, ...],
    rules: tuple[float, float],
) -> None:
    """Note confirmed breaks, dated anew, and have the model begin with the next clear date."""
    sums, days, recent, recent_days = arrays[7], arrays[8], arrays[10], arrays[11]
    for i in range(min(LANES, recent.shape[1] - start)):
        s[REST + i] = s[CONFIRMED + i]
        if s[CONFIRMED + i] == NONE:
            continue
        pixel, kept = start + i, int(s[WINDOWED + i])
        before, after = int(s[BEFORE + i]), int(s[START + i])
        if kept > 1:
            before, after = dating.bracket(
                kept, recent[:, pixel : pixel + 1], recent_days[:, pixel], rules, arrays[12]
            )
            before, after = before + int(s[FIRST + i]), after + int(s[FIRST + i])
        sums[charts.SCORE, pixel] = s[STRENGTH + i]
        days[charts.BREAK_BEFORE, pixel] = before
        days[charts.BREAK_AFTER, pixel] = after
        s[BEFORE + i] = day
        s[CLEAR + i] = NONE
        s[WINDOWED + i] = NONE
    rest(s)


@uncounted
def _learn(of: Learning, s: np.ndarray) -> None:
    """Kalman update of coefficients with bounded innovations, of their covariance, and of the noise.

    Coefficients learn the less, the further the shift chart is: what it sums up is not to be learnt.
    """
    for i in range(LANES):
        length, loud = s[LENGTH + i], s[LOUD + i]
        may = (s[SEEN + i] > NONE) & (s[CONFIRMED + i] == NONE)
        may = may & (s[LOSS + i] <= of.most_loss) & (length <= of.most_shift)
        inverse = choose(may, s[INVERSE + i], NONE)
        rate = ONE / (s[CLEAR + i] + of.weight)
        rate = choose(may, choose(rate > of.forgetting, rate, of.forgetting), NONE)
        bounded = choose(s[SQUARE + i] < of.cap, s[SQUARE + i], of.cap)
        s[LOUD + i] = loud + choose(may, of.pace, NONE) * (bounded - loud)
        off = bound(s[OFF + i], of.huber * s[ROOT + i])
        noise = s[NOISE + i]
        s[NOISE + i] = noise + rate * (off * off * inverse - noise)
        free = ONE - length * of.per_shift
        off *= choose(free < ONE, free, ONE)
        g0, g1, g2 = s[G0 + i], s[G1 + i], s[G2 + i]
        h0, h1, h2 = g0 * inverse, g1 * inverse, g2 * inverse
        s[B0 + i] += h0 * off
        s[B1 + i] += h1 * off
        s[B2 + i] += h2 * off
        step = choose(may, s[STEP + i], NONE)
        s[C0 + i] += step - g0 * h0
        s[C1 + i] -= g0 * h1
        s[C2 + i] -= g0 * h2
        s[C11 + i] += step - g1 * h1
        s[C12 + i] -= g1 * h2
        s[C22 + i] += step - g2 * h2


@uncounted
def finish(
    on: Day,
    chart: tuple[int, bool],
    start: int,
    s: np.ndarray,
    arrays: tuple[np.ndarray, ...],
    numbers: Numbers,
) -> None:
    """Keep, date and learn what a day showed, once its charts are fed.

    Parameters
    ----------
    on
        The day.
    chart
        How many breaks it confirms; whether a chart was fed since its rest.
    start, s
        First pixel of the strip, and its rows.
    arrays
        State, of which the window and what is known of breaks are changed.
    numbers
        What steers a strip.
    """
    one_window.cut(numbers.clip, s)
    fewest, most, resting = _remember(on.day, s)
    if chart[1] and resting:
        rest(s)
    one_window.keep(on.day, (fewest, most), start, s, arrays[10], arrays[11])
    if chart[0] > 0:
        _conclude(on.day, start, s, arrays, (numbers.date_clip, numbers.tolerance))
    _learn(numbers.learning, s)


@uncounted
def take_in(
    on: Day,
    fed: bool,
    start: int,
    s: np.ndarray,
    arrays: tuple[np.ndarray, ...],
    numbers: Numbers,
) -> bool:
    """Take a date of which a strip saw something into it; return whether charts are fed now."""
    _look_ahead(on, numbers.learning, s)
    confirmed = 0
    if _mark_mature(on.day, numbers.history, s) > 0:
        confirmed, _ = watch(on, numbers.loss, numbers.signs, s)
        fed = True
    finish(on, (confirmed, fed), start, s, arrays, numbers)
    return fed
