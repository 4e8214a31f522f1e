"""Rows of a strip of pixels of one index and one cycle a year, and the numbers its loops need.

All rows lie in one array at places that are known when the kernel is compiled (`lanes` says why).
Numbers are handed over as float32 in named tuples: they stay in registers.
"""

from typing import NamedTuple

import numpy as np

from changedetect.kernels._jit import kernel
from changedetect.kernels.rules import ChartRules, HarmonicRules
from changedetect.kernels.season import YEAR_DAYS

LANES = 384
"""Pixels of a strip: one index has few rows, and long ones wait less for memory. [px]"""

BLOCK = 32
"""Pixels of a strip whose charts are fed together: quiet ones need less. [px]"""

_ROWS = tuple(range(0, 38 * LANES, LANES))
FIRST, LAST, BEFORE, START, CLEAR, RUN, WINDOWED, LOSS, ENERGY, STRENGTH, MEAN = _ROWS[:11]
"""Rows of the state: first and last clear date of the model, last one before and first of the
deviation under way; clear dates of the model and of the deviation, innovations in the window; sums
of the charts, how far the nearer one is, mean innovation."""

B0, B1, B2, NOISE, C0, C1, C2, C11, C12, C22, LOUD = _ROWS[11:22]
"""… coefficients, noise, covariance of the coefficients, noise of the season under way."""

VALUE, SEEN, MATURE, OFF, Z, G0, G1, G2, STEP, INVERSE = _ROWS[22:32]
LOSS_STEP, CONFIRMED, REST, LENGTH, ROOT, SQUARE = _ROWS[32:38]
CUT, UNSURE = LOSS_STEP, G0
"""Rows of a date: value, seen (1 or 0), mature, innovation, whitened innovation, ``P x``, what
variances of coefficients gain, one over ``1 + xᵀ P x``, step of the loss chart, confirmed, at rest,
squared length of the mean innovation, what an innovation of 1 sigma is, squared
whitened innovation against the whole year's noise; once charts are fed, innovation as it is kept;
before, where pixels are alike, whether a loss is not ruled out."""

AHEAD = 38 * LANES
"""First of the rows of values of all dates; NaN = not observed."""

SIZE = 38 * LANES
"""Of an array without dates."""

INVERSE_ROOT_TAU = np.float32(1.0 / np.sqrt(2.0 * np.pi))
LEAST_STEP, LOG_TINY = np.float32(-3.0), np.float32(np.log(1e-12))
_MARGIN = 1.001
"""Bounds are taken by so much worse than they are: rounding never decides."""


class Day(NamedTuple):
    """What a day is to all pixels: terms of ``x(t)``, and of a shifted season.

    The last three are terms of the square form by which the two coefficients of a season widen the noise:
    it may be shifted, lost, or another.
    """

    day: np.float32
    x1: np.float32
    x2: np.float32
    t1: np.float32
    t2: np.float32
    q11: np.float32
    q12: np.float32
    q22: np.float32


class History(NamedTuple):
    """What it takes to judge a date: least age [day], clear dates, clear dates a day."""

    youngest: np.float32
    fewest: np.float32
    daily: np.float32


class Learning(NamedTuple):
    """How pixels learn: see `HarmonicRules`; and the charts beyond which they do not."""

    per_day: np.float32
    gap: np.float32
    floor: np.float32
    huber: np.float32
    forgetting: np.float32
    weight: np.float32
    cap: np.float32
    pace: np.float32
    most_loss: np.float32
    most_shift: np.float32
    per_shift: np.float32


class Loss(NamedTuple):
    """What green and bare look like; bounds of what surely is no loss (see `one_charts.is_calm`)."""

    level: np.float32
    inverse_sd: np.float32
    log_unit: np.float32
    floor: np.float32
    outlier: np.float32
    usual: np.float32
    green: np.float32
    bare: np.float32
    alone: bool


class Signs(NamedTuple):
    """How the charts are fed, and from where on they speak: see `ChartRules`."""

    clip: np.float32
    rate: np.float32
    kept: np.float32
    rate_square: np.float32
    kept_square: np.float32
    agree: np.float32
    fitting: np.float32
    deviating: np.float32
    most_loss: np.float32
    loss_unit: np.float32
    shift_unit: np.float32
    loss_run: np.float32
    shift_run: np.float32
    wanted: np.float32
    alarm_share: np.float32
    alarm_range: np.float32
    often: np.float32
    lasting: np.float32
    stale: np.float32
    both: bool


@kernel
def learning_of(rules: HarmonicRules, chart: ChartRules, floor: float) -> Learning:
    """Return the numbers of `Learning`; ``floor`` is the variance added to the noise. [index²]"""
    most_shift = chart.shift_freeze * chart.shift_threshold
    return Learning(
        np.float32(rules.process_per_day),
        np.float32(rules.gap_days),
        np.float32(floor),
        np.float32(rules.huber),
        np.float32(rules.forgetting),
        np.float32(rules.noise_weight),
        np.float32(rules.season_cap),
        np.float32(rules.season_rate),
        np.float32(chart.loss_freeze * chart.loss_threshold),
        np.float32(most_shift),
        np.float32(1.0 / most_shift),
    )


@kernel
def loss_of(chart: ChartRules, floor: float) -> Loss:
    """Return the numbers of `Loss`."""
    unit = 1.0 / (chart.bare_sd * np.sqrt(2.0 * np.pi))
    above = np.sqrt(max(0.0, 2.0 * np.log(_MARGIN * unit / chart.outlier_share)))
    return Loss(
        np.float32(chart.bare_level),
        np.float32(1.0 / chart.bare_sd),
        np.float32(np.log(unit)),
        np.float32(floor),
        np.float32(chart.outlier_share),
        np.float32((1.0 - chart.outlier_share) / np.sqrt(2.0 * np.pi)),
        np.float32(chart.bare_level + chart.bare_sd * _MARGIN * above),
        np.float32(_MARGIN * unit),
        1.0 / chart.shift_threshold == 0.0,
    )


@kernel
def signs_of(chart: ChartRules) -> Signs:
    """Return the numbers of `Signs`."""
    rate, kept = np.float32(chart.shift_rate), np.float32(1.0 - chart.shift_rate)
    return Signs(
        np.float32(chart.shift_clip),
        rate,
        kept,
        np.float32(rate * rate),
        np.float32(kept * kept),
        np.float32(chart.shift_agree),
        np.float32(chart.shift_fits * chart.shift_fits),
        np.float32(chart.deviating_llr),
        np.float32(2.0 * chart.loss_threshold),
        np.float32(1.0 / chart.loss_threshold),
        np.float32(1.0 / chart.shift_threshold),
        np.float32(chart.loss_run),
        np.float32(chart.shift_run),
        np.float32(chart.dates_per_year / YEAR_DAYS),
        np.float32(chart.dates_share),
        np.float32(chart.dates_range),
        np.float32(chart.confirm_observations),
        np.float32(chart.confirm_days),
        np.float32(chart.give_up_days),
        chart.loss_only == 0,
    )


class Numbers(NamedTuple):
    """What steers a strip; lengths at which innovations are cut [sigma], tolerance of dating."""

    history: History
    learning: Learning
    loss: Loss
    signs: Signs
    clip: np.float32
    date_clip: float
    tolerance: float


QUARTER_OF, SEEN_OF, COLUMNS = 8, 9, 10
"""Columns of a plan, ``(date, COLUMNS)`` float32, behind the numbers of each `Day`: quarter of the year, and
how many pixels of a strip see it."""


@kernel
def day_of(plan: np.ndarray, k: int) -> Day:
    """Return a day of a plan."""
    d = plan[k]
    return Day(d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7])


@kernel
def numbers_of(floor: float, rules: HarmonicRules, chart: ChartRules) -> Numbers:
    """Return what steers a strip; ``floor`` is the variance added to the noise. [index²]"""
    history = History(
        np.float32(rules.history_days),
        np.float32(rules.history_observations),
        np.float32(rules.dates_per_year / YEAR_DAYS),
    )
    return Numbers(
        history,
        learning_of(rules, chart, floor),
        loss_of(chart, floor),
        signs_of(chart),
        np.float32(chart.date_clip),
        chart.date_clip,
        chart.date_tolerance,
    )
