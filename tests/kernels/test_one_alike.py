"""Strips whose pixels saw the same dates: the bytes of pixels followed apart, until one falls out."""

import numpy as np
import pytest

from changedetect.kernels import charts, harmonic, one_alike, one_lanes, one_strips
from changedetect.kernels.one_lanes import LANES
from tests.stages.test_series import CHART, NOT_LEARNT, RULES, empty_arrays

PIXELS = 2 * LANES
MODEL = np.array([9.0, 4, 4]), np.array([0.02])
BANDS = np.zeros(0, np.int64), np.arange(1)


def course(seed, count=110):
    """Days and values of fields without clouds but on whole dates; some are lost for good."""
    rng = np.random.default_rng(seed)
    days = np.cumsum(rng.integers(3, 12, count)) + 738_000
    season = 0.5 + 0.25 * np.cos(2 * np.pi * days / 365.25)[:, None]
    values = season + 0.05 * rng.standard_normal((count, PIXELS))
    values[70:, LANES + 5 : LANES + 9] = 0.12
    values[rng.random(count) < 0.3] = np.nan
    return days, values.astype(np.float32)


def absorb(days, values, step, chart):
    arrays = empty_arrays(1, 3, values.shape[1])
    for low in range(0, len(days), step):
        image = np.ascontiguousarray(values[low : low + step, None])
        harmonic.absorb(days[low : low + step], image, BANDS, MODEL, arrays, RULES, chart)
    return arrays


@pytest.mark.parametrize("threshold", [np.inf, 0.8])
@pytest.mark.parametrize("step", [1, 9, 110])
def test_whole_strips__give_the_bytes_of_parts_of_strips(step, threshold):
    """Parts of a strip are always followed pixel by pixel."""
    days, values = course(1)
    chart = CHART._replace(**NOT_LEARNT)._replace(shift_threshold=threshold)
    whole = absorb(days, values, step, chart)
    assert (whole[8][charts.BREAK_AFTER, LANES + 5 : LANES + 9] > 0).all()
    for low, high in ((0, 300), (300, 600), (600, PIXELS)):
        part = absorb(days, values[:, low:high], step, chart)
        for mine, theirs in zip(whole, part, strict=True):
            assert mine[..., low:high].tobytes() == theirs.tobytes()


def test_clouds_over_some_pixels__give_the_bytes_of_parts_of_strips():
    days, values = course(2)
    values[10, :7] = np.nan
    values[60:63, 370:410] = np.nan
    chart = CHART._replace(**NOT_LEARNT)._replace(shift_threshold=np.inf)
    whole = absorb(days, values, 9, chart)
    for low, high in ((0, 350), (350, 700), (700, PIXELS)):
        part = absorb(days, values[:, low:high], 9, chart)
        for mine, theirs in zip(whole, part, strict=True):
            assert mine[..., low:high].tobytes() == theirs.tobytes()


def read_strip(values):
    plan = np.zeros((len(values), one_lanes.COLUMNS), np.float32)
    s = np.ones(one_lanes.SIZE + len(values) * LANES, np.float32)
    one_strips.gather(np.ascontiguousarray(values[:, None]), 0, 0, s, plan)
    return plan, s


def test_alike__are_only_whole_strips_of_one_past_that_see_the_same_dates():
    values = course(3, 12)[1][:, :LANES]
    plan, s = read_strip(values)
    assert one_alike.are_alike(plan, s)
    assert set(plan[:, one_lanes.SEEN_OF]) <= {0.0, float(LANES)}
    for place in (one_lanes.LAST, one_lanes.WINDOWED, one_lanes.C22):
        s[place + 17] += 1
        assert not one_alike.are_alike(plan, s)
        s[place + 17] -= 1
    seen = np.flatnonzero(np.isfinite(values[:, 0]))[0]
    clouded = values.copy()
    clouded[seen, -1] = np.nan
    assert not one_alike.are_alike(*read_strip(clouded))
    assert not one_alike.are_alike(*read_strip(values[:, :-1]))
