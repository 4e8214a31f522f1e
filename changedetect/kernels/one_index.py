"""A series of one index and one cycle a year: what `harmonic` does, in few loops.

One index has no pairs, needs few rows, and its pixels are mostly quiet: so a date takes three or four
loops over all rows of a strip, where many indices need thirty. How often ground is bare, and what
innovation is usual, are not learnt from one index. Numbers differ from those of `harmonic` by rounding.
"""

import numpy as np

from changedetect.kernels import charts, dating, one_charts, one_strips, strips
from changedetect.kernels._jit import kernel
from changedetect.kernels.lanes import LANES, NONE, ONE, blend, choose
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
    CUT,
    ENERGY,
    FIRST,
    G0,
    G1,
    G2,
    INVERSE,
    LAST,
    LENGTH,
    LOSS,
    LOUD,
    MATURE,
    MEAN,
    NOISE,
    OFF,
    REST,
    RUN,
    SEASON,
    SEEN,
    SIZE,
    START,
    STEP,
    STRENGTH,
    VALUE,
    WINDOWED,
    Day,
    History,
    Learning,
    Loss,
    Signs,
    Z,
    learning_of,
    loss_of,
    signs_of,
)
from changedetect.kernels.rules import ChartRules, HarmonicRules
from changedetect.kernels.season import SEASONS, YEAR_DAYS, season_of


@kernel
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


@kernel
def _begin(day: np.float32, prior: np.ndarray, floor: np.float32, s: np.ndarray) -> None:
    """Set pixels that are seen for the first time back to what is known before."""
    level, first, second = np.float32(prior[0]), np.float32(prior[1]), np.float32(prior[2])
    for i in range(LANES):
        fresh = choose(s[CLEAR + i] == NONE, s[SEEN + i], NONE)
        kept = ONE - fresh
        s[FIRST + i] = blend(fresh, day, s[FIRST + i])
        s[LAST + i] = blend(fresh, day, s[LAST + i])
        s[LOUD + i] = blend(fresh, ONE, s[LOUD + i])
        for quarter in range(SEASONS):
            place = SEASON + quarter * LANES
            s[place + i] = blend(fresh, ONE, s[place + i])
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


@kernel
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
        tilt = b1 * on.t1 + b2 * on.t2
        swing = b1 * on.w1 + b2 * on.w2
        wide = s[NOISE + i] + tilt * tilt + swing * swing + of.other * (b1 * b1 + b2 * b2)
        loud = s[LOUD + i]
        louder = choose(loud > ONE, loud, ONE)
        s[Z + i] = off / np.sqrt((wide + of.floor) * spread * louder)
        s[OFF + i] = off
        s[G0 + i] = g0
        s[G1 + i] = g1
        s[G2 + i] = g2
        s[STEP + i] = step
        s[INVERSE + i] = ONE / spread


@kernel
def _watch(on: Day, loss: Loss, signs: Signs, s: np.ndarray) -> int:
    """Feed the charts of a strip, block by block; return how many breaks are confirmed."""
    confirmed = 0
    for low in range(0, LANES, BLOCK):
        block = s[low:]
        if loss.alone and one_charts.is_calm(on, loss, block):
            one_charts.keep_calm(on.day, signs, block)
        else:
            one_charts.set_loss_steps(on, loss, block)
            confirmed += one_charts.follow(on.day, signs, block)
    return confirmed


@kernel
def _rest(s: np.ndarray) -> None:
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


@kernel
def _remember(day: np.float32, clip: np.float32, s: np.ndarray) -> tuple[int, bool]:
    """Count the date, and make innovations what is kept of them (see `dating.remember`).

    Returns
    -------
    tuple
        Place in the window to which all pixels write, -1 if they do not write to one; whether there
        are pixels at rest.
    """
    steps, counted = np.float32(dating.STEPS), s[WINDOWED] * (ONE - s[REST]) + s[SEEN]
    apart, resting = np.int32(0), np.int32(0)
    for i in range(LANES):
        z, seen, still = s[Z + i], s[SEEN + i], s[REST + i]
        size = np.abs(z)
        s[CUT + i] = np.rint(steps / choose(size > clip, size, clip) * z)
        s[CLEAR + i] += seen
        s[LAST + i] = blend(seen, day, s[LAST + i])
        s[BEFORE + i] = blend(still, day, s[BEFORE + i])
        kept = s[WINDOWED + i] * (ONE - still) + seen
        s[WINDOWED + i] = kept
        apart = np.int32(apart | np.int32((kept != counted) | (seen == NONE)))
        resting = np.int32(resting | np.int32(still > NONE))
    return -1 if apart != 0 else int(counted - ONE) % dating.WINDOW, bool(resting != 0)


@kernel
def _keep(
    day: np.float32,
    slot: int,
    start: int,
    s: np.ndarray,
    recent: np.ndarray,
    recent_days: np.ndarray,
) -> None:
    """Write innovations over the oldest ones: to one place, or where it is -1 each to its own."""
    count = min(LANES, recent.shape[2] - start)
    if slot < 0:
        for i in range(count):
            if s[SEEN + i] > NONE:
                own = int(s[WINDOWED + i] - ONE) % dating.WINDOW
                recent_days[own, start + i] = np.uint16(np.int32(day - s[FIRST + i]))
                recent[own, 0, start + i] = np.int8(np.int32(s[CUT + i]))
        return
    row, days = recent[slot, 0, start : start + LANES], recent_days[slot, start : start + LANES]
    for i in range(len(row)):
        row[i] = np.int8(np.int32(s[CUT + i]))
    for i in range(len(days)):
        days[i] = np.uint16(np.int32(day - s[FIRST + i]))


@kernel
def _conclude(
    day: np.float32,
    start: int,
    s: np.ndarray,
    arrays: tuple[np.ndarray, ...],
    rules: tuple[float, float],
) -> None:
    """Note confirmed breaks, dated anew, and have the model begin with the next clear date."""
    sums, days, recent, recent_days = arrays[7], arrays[8], arrays[10], arrays[11]
    for i in range(min(LANES, recent.shape[2] - start)):
        s[REST + i] = s[CONFIRMED + i]
        if s[CONFIRMED + i] == NONE:
            continue
        pixel, kept = start + i, int(s[WINDOWED + i])
        before, after = int(s[BEFORE + i]), int(s[START + i])
        if kept > 1:
            before, after = dating.change_dates(
                kept, recent[:, :, pixel], recent_days[:, pixel], rules[0], rules[1]
            )
            before, after = before + int(s[FIRST + i]), after + int(s[FIRST + i])
        sums[charts.SCORE, pixel] = s[STRENGTH + i]
        days[charts.BREAK_BEFORE, pixel] = before
        days[charts.BREAK_AFTER, pixel] = after
        s[BEFORE + i] = day
        s[CLEAR + i] = NONE
        s[WINDOWED + i] = NONE
    _rest(s)


@kernel
def _learn(of: Learning, s: np.ndarray) -> None:
    """Kalman update of coefficients with bounded innovations, of their covariance, and of the noise.

    Coefficients learn the less, the further the shift chart is: what it sums up is not to be learnt.
    """
    for i in range(LANES):
        length, z, loud = s[LENGTH + i], s[Z + i], s[LOUD + i]
        may = (s[SEEN + i] > NONE) & (s[CONFIRMED + i] == NONE)
        may = may & (s[LOSS + i] <= of.most_loss) & (length <= of.most_shift)
        size = np.abs(z)
        inverse = choose(may, s[INVERSE + i], NONE)
        rate = ONE / (s[CLEAR + i] + of.weight)
        rate = choose(may, choose(rate > of.forgetting, rate, of.forgetting), NONE)
        bounded = z * z * choose(loud > ONE, loud, ONE)
        bounded = choose(bounded < of.cap, bounded, of.cap)
        s[LOUD + i] = loud + choose(may, of.pace, NONE) * (bounded - loud)
        off = choose(size <= of.huber, ONE, of.huber / size) * s[OFF + i]
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


@kernel
def _take_in(
    on: Day, fed: bool, s: np.ndarray, numbers: tuple[History, Learning, Loss, Signs, np.float32]
) -> tuple[int, int, bool]:
    """Take a date of which a strip saw something into its charts.

    Returns
    -------
    tuple
        How many breaks are confirmed; place in the window (`_remember`); whether charts are fed now.
    """
    history, learning, loss, signs, clip = numbers
    _look_ahead(on, learning, s)
    confirmed = 0
    if _mark_mature(on.day, history, s) > 0:
        confirmed = _watch(on, loss, signs, s)
        fed = True
    slot, resting = _remember(on.day, clip, s)
    if fed and resting:
        _rest(s)
    return confirmed, slot, fed


@kernel
def _days(
    days: np.ndarray, calendar: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of every `Day` in a row, and its quarter of the year."""
    out, quarters = np.empty((len(days), 7), np.float32), np.empty(len(days), np.int64)
    x, tilt, swing = calendar
    for k in range(len(days)):
        out[k, 0] = days[k]
        out[k, 1:3] = x[k, 1:]
        out[k, 3:5] = tilt[k, 1:]
        out[k, 5:] = swing[k, 1:]
        quarters[k] = season_of(days[k])
    return out, quarters


@kernel
def _numbers(
    floor: float, rules: HarmonicRules, chart: ChartRules
) -> tuple[History, Learning, Loss, Signs, np.float32]:
    """Return what steers a strip."""
    history = History(
        np.float32(rules.history_days),
        np.float32(rules.history_observations),
        np.float32(rules.dates_per_year / YEAR_DAYS),
    )
    learning = learning_of(rules, chart, floor)
    return history, learning, loss_of(chart, floor), signs_of(chart), np.float32(chart.date_clip)


@kernel
def absorb(
    days: np.ndarray,
    calendar: tuple[np.ndarray, np.ndarray, np.ndarray],
    given: tuple[np.ndarray, int],
    model: tuple[np.ndarray, np.ndarray],
    arrays: tuple[np.ndarray, ...],
    rules: HarmonicRules,
    chart: ChartRules,
) -> None:
    """Absorb dates of one index, one after the other, into the state of every pixel, in place.

    Parameters
    ----------
    days, model, arrays, rules, chart
        As in `harmonic.absorb`.
    calendar
        Terms of every date, ``(date, term)`` float32: ``x(t)``, of a shifted and of a lost season.
    given
        ``(date, band, px)`` float32, NaN = not observed; and the band of the index.
    """
    values, band = given
    prior, floor = model[0], np.float32(model[1][0])
    numbers = _numbers(model[1][0], rules, chart)
    terms, quarters = _days(days, calendar)
    dates = (chart.date_clip, chart.date_tolerance)
    recent, recent_days = arrays[10], arrays[11]
    s, ahead = np.zeros(SIZE, np.float32), np.empty((len(days), LANES), np.float32)
    for start in range(0, values.shape[2], LANES):
        fed, quarter = one_strips.read(arrays, start, s), -1
        strips.gather_one(values, band, start, ahead)
        for k in range(len(days)):
            seen, fresh = one_strips.observe(ahead[k], s)
            if seen == 0:
                continue
            if quarters[k] != quarter:
                one_strips.turn(quarter, quarters[k], s)
                quarter = quarters[k]
            t = terms[k]
            on = Day(t[0], t[1], t[2], t[3], t[4], t[5], t[6])
            if fresh > 0:
                _begin(on.day, prior, floor, s)
            confirmed, slot, fed = _take_in(on, fed, s, numbers)
            _keep(on.day, slot, start, s, recent, recent_days)
            if confirmed > 0:
                _conclude(on.day, start, s, arrays, dates)
            _learn(numbers[1], s)
        if quarter >= 0:
            one_strips.turn(quarter, -1, s)
            one_strips.write(s, start, arrays)
