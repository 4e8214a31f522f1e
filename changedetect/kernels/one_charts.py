"""The charts of `charts` for one index, fed block by block: a quiet block needs no logarithm.

Most pixels are green, or look as forecast. A bound of the log-likelihood ratio of a loss, without
exponential and logarithm, shows it for a block of pixels at once; the loss chart of such a block
stays at zero, whatever the exact ratio is. Rows stand in `one_lanes`; those handed in begin at a block.
"""

import numpy as np

from changedetect.kernels._jit import kernel
from changedetect.kernels.lanes import HALF, NONE, ONE, blend, bound, choose, exponential, logarithm
from changedetect.kernels.one_lanes import (
    B1,
    B2,
    BEFORE,
    BLOCK,
    CLEAR,
    CONFIRMED,
    ENERGY,
    FIRST,
    INVERSE,
    LEAST_STEP,
    LENGTH,
    LOG_TINY,
    LOSS,
    LOSS_STEP,
    LOUD,
    MATURE,
    MEAN,
    NOISE,
    OFF,
    REST,
    RUN,
    SEEN,
    START,
    STRENGTH,
    VALUE,
    Day,
    Loss,
    Signs,
    Z,
)

_NEAR, _FAR = np.float32(0.5 / 32.0), np.float32(0.5 / 16.0)


@kernel
def _steepness(
    tilt: np.float32, noise: np.float32, inverse: np.float32, loud: np.float32, floor: np.float32
) -> np.float32:
    """Return one over the spread of the forecast of greenness, its season shifted."""
    louder = choose(loud > ONE, loud, ONE)
    return np.float32(np.sqrt(inverse / ((noise + tilt * tilt + floor) * louder)))


@kernel
def _is_green(of: Loss, s: np.ndarray) -> bool:
    """Whether the pixels of a block that were seen are mature, green, and without a loss so far."""
    odd = np.int32(0)
    for i in range(BLOCK):
        may = (s[VALUE + i] < of.green) | (s[LOSS + i] > NONE)
        odd = np.int32(odd | np.int32(may & (s[SEEN + i] > NONE)))
        odd = np.int32(odd | np.int32(s[MATURE + i] != s[SEEN + i]))
    return bool(odd == 0)


@kernel
def bound_of_loss(
    of: Loss,
    value: np.float32,
    off: np.float32,
    noise: tuple[np.float32, np.float32, np.float32, np.float32],
) -> np.bool_:
    """Whether a value surely is no loss (see `is_calm`), by its innovation and what `_steepness` takes."""
    above = (value - of.level) * of.inverse_sd
    above = choose(above > NONE, above, NONE)
    steep = _steepness(noise[0], noise[1], noise[2], noise[3], of.floor)
    off = off * steep
    near = ONE - off * off * _NEAR
    near = choose(near > NONE, near, NONE)
    near *= near
    near *= near
    near *= near
    near *= near
    near *= near
    far = ONE + above * above * _FAR
    far *= far
    far *= far
    far *= far
    far *= far
    return (of.outlier + of.usual * near * steep) * far > of.bare


@kernel
def is_calm(on: Day, of: Loss, s: np.ndarray) -> bool:
    """Whether the loss chart of a block surely stays at zero.

    A loss is less likely than the forecast where the density of bare ground, at most
    ``(1 + u/16)^-16`` of its largest for ``exp(-u)``, is below what outliers and the forecast have at
    least, ``(1 - u/32)^32`` for ``exp(-u)``. Pixels without history are not calm.
    """
    if _is_green(of, s):
        return True
    odd = np.int32(0)
    for i in range(BLOCK):
        tilt = s[B1 + i] * on.t1 + s[B2 + i] * on.t2
        noise = (tilt, s[NOISE + i], s[INVERSE + i], s[LOUD + i])
        sure = bound_of_loss(of, s[VALUE + i], s[OFF + i], noise)
        odd = np.int32(odd | np.int32((s[SEEN + i] > NONE) & ((not sure) | (s[LOSS + i] > NONE))))
        odd = np.int32(odd | np.int32(s[MATURE + i] != s[SEEN + i]))
    return bool(odd == 0)


@kernel
def keep_calm(today: np.float32, of: Signs, s: np.ndarray) -> None:
    """Feed the charts of a calm block, where only a loss is an alarm."""
    for i in range(BLOCK):
        seen = s[SEEN + i]
        z, mean = s[Z + i], s[MEAN + i]
        short = bound(z, of.clip)
        along = choose(mean > NONE, z, choose(mean < NONE, -z, NONE))
        square = z * z
        energy = of.kept_square * s[ENERGY + i] + of.rate_square * short * short
        fits = (along <= of.agree) & (along < NONE) & (square < of.fitting)
        before = choose(fits, today, s[BEFORE + i])
        mean = of.kept * mean + of.rate * short
        s[MEAN + i] = blend(seen, mean, s[MEAN + i])
        s[ENERGY + i] = blend(seen, energy, s[ENERGY + i])
        s[BEFORE + i] = blend(seen, before, s[BEFORE + i])
        going = ONE - seen
        s[STRENGTH + i] *= going
        s[START + i] *= going
        s[RUN + i] *= going


@kernel
def set_loss_steps(on: Day, of: Loss, s: np.ndarray) -> None:
    """Set log-likelihood ratios of "bare, built or water" against "as forecast" (see `charts`)."""
    for i in range(BLOCK):
        above = (s[VALUE + i] - of.level) * of.inverse_sd
        above = choose(above > NONE, above, NONE)
        power = of.log_unit - HALF * above * above
        tilt = s[B1 + i] * on.t1 + s[B2 + i] * on.t2
        steep = _steepness(tilt, s[NOISE + i], s[INVERSE + i], s[LOUD + i], of.floor)
        off = s[OFF + i] * steep
        expected = of.usual * (exponential(-HALF * off * off) * steep) + of.outlier
        step = choose(power > LOG_TINY, power, LOG_TINY) - logarithm(expected)
        s[LOSS_STEP + i] = choose(step > LEAST_STEP, step, LEAST_STEP)


@kernel
def follow(today: np.float32, of: Signs, s: np.ndarray) -> int:
    """Feed both charts of a block and keep the bracket of deviations, as `charts` does.

    Returns
    -------
    int
        How many breaks are confirmed.
    """
    count = np.int32(0)
    for i in range(BLOCK):
        mature, step = s[MATURE + i], s[LOSS_STEP + i]
        z, mean = s[Z + i], s[MEAN + i]
        short = bound(z, of.clip)
        along = choose(mean > NONE, z, choose(mean < NONE, -z, NONE))
        square = z * z
        energy = of.kept_square * s[ENERGY + i] + of.rate_square * short * short
        mean = blend(mature, of.kept * mean + of.rate * short, mean)
        loss = s[LOSS + i] + step
        loss = choose(loss > NONE, loss, NONE)
        loss = choose(loss < of.most_loss, loss, of.most_loss)
        length = choose(of.both | (mean < NONE), mean * mean, NONE) - energy
        lacking = ONE - s[CLEAR + i] / (of.wanted * (today + ONE - s[FIRST + i]))
        lacking = choose(lacking > NONE, lacking, NONE)
        part = ONE - of.alarm_share * choose(lacking < of.alarm_range, lacking, of.alarm_range)
        near, strength = loss * of.loss_unit, length * of.shift_unit / part
        strength = choose(strength > near, strength, near)
        deviates = (step > of.deviating) | (along > of.agree)
        fits = (not deviates) & (step < NONE) & (along < NONE) & (square < of.fitting)
        quiet = (near < of.loss_run) & (strength < of.shift_run)
        start, run = s[START + i], s[RUN + i] + choose(deviates, ONE, NONE)
        before = choose(quiet & fits, today, s[BEFORE + i])
        start = choose(quiet, NONE, choose(start == NONE, today, start))
        going = (mature > NONE) & (not quiet)
        confirmed = going & (strength > ONE) & (run >= of.often) & (today - start >= of.lasting)
        stale = going & (not confirmed) & (today - start > of.stale)
        s[MEAN + i] = mean
        s[ENERGY + i] = blend(mature, energy, s[ENERGY + i])
        s[LOSS + i] = blend(mature, loss, s[LOSS + i])
        s[LENGTH + i] = length
        s[STRENGTH + i] = blend(mature, strength, s[STRENGTH + i])
        s[BEFORE + i] = blend(mature, before, s[BEFORE + i])
        s[START + i] = blend(mature, start, s[START + i])
        s[RUN + i] = blend(mature, choose(quiet, NONE, run), s[RUN + i])
        s[CONFIRMED + i] = choose(confirmed, ONE, NONE)
        s[REST + i] += choose(stale, ONE, NONE)
        count = np.int32(count + np.int32(confirmed))
    return int(count)
