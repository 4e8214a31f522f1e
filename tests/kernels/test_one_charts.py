"""Blocks without a loss: what a bound calls calm, the exact ratio never contradicts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels import one_charts, one_lanes
from changedetect.kernels.one_lanes import LANES
from tests.stages.test_series import CHART

FLOOR = 0.0016


def strip(rng, value, spread):
    """A strip of mature pixels that were seen, in the middle of a season."""
    s = np.zeros(one_lanes.SIZE, np.float32)
    row = {
        one_lanes.VALUE: value + spread * rng.standard_normal(LANES),
        one_lanes.OFF: spread * rng.standard_normal(LANES) * rng.choice([0.3, 1, 3]),
        one_lanes.NOISE: rng.uniform(0, 0.01, LANES),
        one_lanes.LOUD: rng.uniform(0.1, 4.0, LANES),
        one_lanes.INVERSE: rng.uniform(0.3, 1.0, LANES),
        one_lanes.B1: 0.2 * rng.standard_normal(LANES),
        one_lanes.B2: 0.2 * rng.standard_normal(LANES),
        one_lanes.SEEN: 1.0,
        one_lanes.MATURE: 1.0,
    }
    for place, numbers in row.items():
        s[place : place + LANES] = numbers
    return s


@given(
    seed=st.integers(0, 10_000),
    value=st.floats(-0.1, 0.8),
    spread=st.sampled_from([0.01, 0.05, 0.2]),
)
def test_calm__means_that_the_exact_ratio_is_below_zero(seed, value, spread):
    s = strip(np.random.default_rng(seed), value, spread)
    chart = CHART._replace(bare_prior=0.0, shift_threshold=np.inf, bare_sd=0.1)
    on = one_lanes.Day(*np.array([738_000, 0.5, 0.8, 0.1, 0.1, 0.2, 0.3, 0.2], np.float32))
    loss = one_lanes.loss_of(chart, FLOOR)
    if one_charts.is_calm(on, loss, s):
        one_charts.set_loss_steps(on, loss, s)
        steps = s[one_lanes.LOSS_STEP : one_lanes.LOSS_STEP + one_lanes.BLOCK]
        assert (steps < 0).all()


def test_calm__is_said_of_fields_and_not_of_bare_ground_or_of_a_loss_under_way():
    rng = np.random.default_rng(1)
    chart = CHART._replace(bare_prior=0.0, shift_threshold=np.inf, bare_sd=0.1)
    on = one_lanes.Day(*np.array([738_000, 0.5, 0.8, 0.1, 0.1, 0.2, 0.3, 0.2], np.float32))
    loss = one_lanes.loss_of(chart, FLOOR)
    green, bare = strip(rng, 0.7, 0.02), strip(rng, 0.1, 0.02)
    assert one_charts.is_calm(on, loss, green)
    assert not one_charts.is_calm(on, loss, bare)
    green[one_lanes.LOSS + 3] = 0.5
    assert not one_charts.is_calm(on, loss, green)
    green[one_lanes.SEEN + 3] = green[one_lanes.MATURE + 3] = 0
    assert one_charts.is_calm(on, loss, green)
