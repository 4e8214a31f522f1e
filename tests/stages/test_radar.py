"""Radar evidence: exact windows, a null that change does not move, speckle that does not alarm."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.config.radar import RadarSection
from changedetect.errors import LayerError
from changedetect.kernels import speckle
from changedetect.schema import EVIDENCE, EVIDENCE_NODATA, check_array
from changedetect.stages.evidence import radar
from tests.naive import speckle as naive

CFG = RadarSection()


def stack(rng, mean_db, dates, looks=4.4, pols=1):
    """Dates of gamma speckle over a mean image in dB."""
    power = 10 ** (mean_db / 10) * rng.gamma(looks, 1 / looks, (dates, pols, *mean_db.shape))
    return (10 * np.log10(power)).astype(np.float32)


def scene(shape=(96, 96), jump_db=9.0):
    before = np.full(shape, -12.0)
    before[:, 48:] = -15.0
    after = before.copy()
    after[30:50, 20:44] += jump_db
    return before, after


@given(seed=st.integers(0, 10_000), radius=st.integers(0, 6))
def test_box_sum__equals_its_naive_twin(seed, radius):
    rng = np.random.default_rng(seed)
    values = rng.integers(-(10**6), 10**6, rng.integers(1, 9, 2))
    assert np.array_equal(speckle.box_sum(values, radius), naive.box_sum(values, radius))


@given(seed=st.integers(0, 10_000))
def test_guided__equals_its_naive_twin_within_rounding(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(3, 10, 2))
    real = [rng.normal(0, 1.5, shape) for _ in range(3)]
    valid = (rng.random(shape) < 0.8).astype(np.int64)
    whole = [np.rint(a * speckle.UNIT).astype(np.int64) * valid for a in real]
    fast = speckle.guided(*whole, valid, 2, 0.2) / speckle.UNIT
    slow = naive.guided(*(a / speckle.UNIT for a in whole), valid, 2, 0.2)
    np.testing.assert_allclose(fast, slow, atol=1e-3)


@pytest.mark.parametrize("dates", [1, 4])
@pytest.mark.parametrize("jump_db", [9.0, -9.0])
def test_change__speaks_and_speckle_does_not(dates, jump_db):
    rng = np.random.default_rng(1)
    before, after = scene(jump_db=jump_db)
    stacks = stack(rng, before, dates), stack(rng, after, dates)
    model = radar.fit_radar([stacks], CFG)
    llr = radar.measure_radar(*stacks, model, CFG)
    check_array(llr, EVIDENCE)
    inner = np.zeros(before.shape, bool)
    inner[33:47, 23:41] = True
    assert (llr[inner] >= model.threshold).mean() > 0.93
    quiet = before == after
    quiet[26:54, 16:48] = False
    assert (llr[quiet] >= model.threshold).mean() < 1e-3


def alarms(before, after, cfg=CFG):
    """Alarm map of a pair, fitted on itself."""
    model = radar.fit_radar([(before, after)], cfg)
    return radar.measure_radar(before, after, model, cfg) >= model.threshold


def test_more_dates__find_a_weaker_change():
    rng = np.random.default_rng(2)
    before, after = scene(jump_db=5.0)
    inner = np.zeros(before.shape, bool)
    inner[33:47, 23:41] = True
    found = []
    for dates in (1, 6):
        stacks = stack(rng, before, dates), stack(rng, after, dates)
        found.append(alarms(*stacks)[inner].mean())
    assert found[0] < 0.5
    assert found[1] > 0.95


def test_two_polarisations__beat_one():
    rng = np.random.default_rng(3)
    before, after = scene(jump_db=7.5)
    stacks = stack(rng, before, 1, pols=2), stack(rng, after, 1, pols=2)
    truth = before != after
    both = alarms(*stacks)
    one = alarms(stacks[0][:, :1], stacks[1][:, :1])
    assert both[truth].mean() > one[truth].mean() + 0.1
    assert both[:, 60:].mean() < 2e-3


def test_gain_between_dates__costs_nothing():
    rng = np.random.default_rng(4)
    before, after = scene()
    first, second = stack(rng, before, 2), stack(rng, after, 2)
    plain = alarms(first, second)
    cfg = RadarSection(floor_db=CFG.floor_db - 10)
    louder = second + np.float32(2.5)
    assert (plain == alarms(first, louder, cfg)).mean() > 0.998


def test_dates_exchanged__give_the_same_evidence():
    rng = np.random.default_rng(5)
    before, after = scene()
    first, second = stack(rng, before, 2), stack(rng, after, 2)
    model = radar.fit_radar([(first, second)], CFG)
    back = radar.fit_radar([(second, first)], CFG)
    assert back.centre[0] == pytest.approx(-model.centre[0], abs=1e-2)
    there = radar.measure_radar(first, second, model, CFG).astype(int)
    assert np.abs(there - radar.measure_radar(second, first, back, CFG)).max() <= 25


def test_tiles__give_the_same_bytes_and_inputs_stay():
    rng = np.random.default_rng(6)
    before, after = scene()
    first, second = stack(rng, before, 2, pols=2), stack(rng, after, 2, pols=2)
    first[:, :, 40:45, 10:60] = np.nan
    kept = first.copy()
    model = radar.fit_radar([(first, second)], CFG)
    whole = radar.measure_radar(first, second, model, CFG)
    assert np.array_equal(first, kept, equal_nan=True)
    halo = radar.radar_halo_px(CFG)
    for row in range(0, 96, 37):
        top, low = max(row - halo, 0), min(row + 37 + halo, 96)
        part = radar.measure_radar(first[:, :, top:low], second[:, :, top:low], model, CFG)
        core = part[row - top : row - top + min(37, 96 - row)]
        assert np.array_equal(core, whole[row : row + 37])


def test_transposed_images__give_transposed_evidence():
    rng = np.random.default_rng(10)
    before, after = scene((60, 90))
    first, second = stack(rng, before, 2), stack(rng, after, 2)
    model = radar.fit_radar([(first, second)], CFG)
    whole = radar.measure_radar(first, second, model, CFG)
    turned = [s.transpose(0, 1, 3, 2) for s in (first, second)]
    assert np.array_equal(radar.measure_radar(*turned, model, CFG), whole.T)


def test_not_observed__stays_not_observed():
    rng = np.random.default_rng(7)
    before, after = scene()
    first, second = stack(rng, before, 2), stack(rng, after, 2)
    first[0, :, 5, 5] = np.nan
    first[:, :, 9, 9] = np.nan
    second[:, :, 7, 7] = np.nan
    llr = radar.measure_radar(first, second, radar.fit_radar([(first, second)], CFG), CFG)
    assert llr[9, 9] == EVIDENCE_NODATA
    assert llr[7, 7] == EVIDENCE_NODATA
    assert (llr == EVIDENCE_NODATA).sum() == 2


@pytest.mark.parametrize("looks", [1.0, 4.4, 12.0])
def test_looks__are_estimated_though_a_part_is_textured(looks):
    rng = np.random.default_rng(8)
    mean = np.full((140, 140), -12.0)
    mean[:40] += 4 * rng.standard_normal((40, 140))
    found = radar.estimate_looks(stack(rng, mean, 1, looks)[:, 0], CFG)
    assert found == pytest.approx(looks, rel=0.25)


def test_null__is_hardly_moved_by_a_third_of_change():
    rng = np.random.default_rng(9)
    before = np.full((96, 96), -12.0)
    changed = before.copy()
    changed[:, :32] += 10
    quiet = radar.fit_radar([(stack(rng, before, 2), stack(rng, before, 2))], CFG)
    moved = radar.fit_radar([(stack(rng, before, 2), stack(rng, changed, 2))], CFG)
    assert abs(moved.centre[0] - quiet.centre[0]) < 0.1
    assert moved.scale[0] < 2.2 * quiet.scale[0]


def test_bad_stacks__are_refused():
    with pytest.raises(LayerError, match="no sample"):
        radar.fit_radar([], CFG)
    good = np.zeros((1, 1, 20, 20), np.float32)
    with pytest.raises(LayerError, match="same polarisations"):
        radar.fit_radar([(good, np.zeros((1, 2, 20, 20), np.float32))], CFG)
    with pytest.raises(LayerError, match="at least one date"):
        radar.fit_radar([(good[:0], good)], CFG)
    with pytest.raises(LayerError, match="0 pixels"):
        radar.fit_radar([(good, np.full_like(good, np.nan))], CFG)
    model = radar.RadarModel((4.0,), (0.01,), (0.0,), (0.3,), (0.5,), 0.0, 1.0, 100)
    two = np.zeros((1, 2, 20, 20), np.float32)
    with pytest.raises(LayerError, match="model of 1"):
        radar.measure_radar(two, two, model, CFG)


def season(seed, *, dates=(12, 2), shape=(160, 160), planted=True):
    """A patchwork of two kinds of ground; one kind's echo swings with the season, both pols."""
    rng = np.random.default_rng(seed)
    rows, cols = np.indices(shape)
    kind = (rows // 16 + cols // 20) % 2
    field = rng.normal(0, 0.8, (shape[0] // 16 + 1, shape[1] // 20 + 1))[rows // 16, cols // 20]
    days = np.arange(sum(dates))
    truth = np.zeros(shape, bool)
    if planted:
        truth[40:48, 60:70] = truth[100:106, 20:30] = True
    images = []
    for day in days:
        swing = np.where(kind == 1, 4.0 * np.sin(day / 4.0), 0.0)
        now = np.stack([-11 + field + swing, -17 + field + 0.5 * swing])
        if day >= dates[0]:
            now = np.where(truth, now + np.array([-4.0, -4.0])[:, None, None], now)
        images.append(stack(rng, now, 1)[0, 0])
    whole = np.stack(images)
    return whole[: dates[0]], whole[dates[0] :], truth


def test_month_with_many_dates__finds_change_and_no_season():
    before, after, truth = season(11)
    model = radar.fit_radar([(before, after)], CFG)
    assert model.course is not None
    alarm = radar.measure_radar(before, after, model, CFG) >= model.threshold
    assert alarm[truth].mean() > 0.9
    far = np.ones_like(truth)
    far[34:54, 54:76] = far[94:112, 14:36] = False
    assert alarm[far].mean() < 2 * model.false_alarm_rate
    pair = CFG.model_copy(update={"course_least_dates": 99})
    assert alarms(before, after, pair)[truth].mean() < alarm[truth].mean()


def calendar(seed, shape=(120, 140)):
    """Fields that are cut in one of two seasons, as every year; truth: cut in the wrong one."""
    rng = np.random.default_rng(seed)
    rows, cols = np.indices(shape)
    late = rng.random((shape[0] // 10 + 1, shape[1] // 10 + 1))[rows // 10, cols // 10] < 0.5
    truth = np.zeros(shape, bool)
    truth[40:50, 60:70] = truth[100:110, 20:30] = True
    days = [date(2024, 1, 4) + timedelta(days=12 * number) for number in range(43)]
    images = []
    for day in days:
        cut = np.where(late, 150, 110) < day.timetuple().tm_yday
        wrong = truth & (day >= date(2025, 4, 25))
        level = np.where(np.where(wrong, late, cut), -14.0, -10.5)
        images.append(stack(rng, np.stack([level, level - 6.0]), 1)[0, 0])
    whole, ends = np.stack(images), [day for day in days if day >= date(2025, 4, 25)][:2]
    first = days.index(ends[0])
    return whole[:first], whole[first : first + 2], truth, (days[:first], ends)


def test_month_with_a_year_before__knows_each_fields_own_calendar():
    before, after, truth, days = calendar(21)
    last_year = (days[0][20:], days[1])
    blind = radar.fit_radar([(before[20:], after)], CFG, last_year)
    knowing = radar.fit_radar([(before, after)], CFG, days)
    found = [
        radar.measure_radar(b, after, model, CFG) >= model.threshold
        for b, model in ((before[20:], blind), (before, knowing))
    ]
    assert found[0][truth].mean() < 0.2
    assert found[1][truth].mean() > 0.9
    assert found[1][:35].mean() < 2 * knowing.false_alarm_rate


def test_month_with_days_of_other_dates__is_refused():
    before, after, _, days = calendar(22, shape=(60, 60))
    with pytest.raises(LayerError, match="one day a date"):
        radar.fit_radar([(before, after)], CFG, (days[0][1:], days[1]))
    with pytest.raises(LayerError, match="in order of time"):
        radar.fit_radar([(before, after)], CFG, (days[0][::-1], days[1]))


def test_month_without_change__alarms_no_more_than_stated():
    before, after, _ = season(12, planted=False)
    model = radar.fit_radar([(before, after)], CFG)
    rate = (radar.measure_radar(before, after, model, CFG) >= model.threshold).mean()
    assert rate < 2 * model.false_alarm_rate


def test_change_between_dates_after__is_found_by_the_last():
    before, after, truth = season(13, dates=(12, 3))
    after[0] = season(13, dates=(12, 3), planted=False)[1][0]
    alarm = alarms(before, after)
    assert alarm[truth].mean() > 0.7


def test_month__same_bytes_in_tiles_and_turned():
    before, after, _ = season(14, shape=(80, 100))
    before[3:6, :, 20:30, 20:40] = np.nan
    after[:, :, 50, 50] = np.nan
    model = radar.fit_radar([(before, after)], CFG)
    whole = radar.measure_radar(before, after, model, CFG)
    assert whole[50, 50] == EVIDENCE_NODATA
    assert (whole == EVIDENCE_NODATA).sum() == 1
    halo = radar.radar_halo_px(CFG)
    part = radar.measure_radar(before[..., 30 - halo :, :], after[..., 30 - halo :, :], model, CFG)
    assert np.array_equal(part[halo:], whole[30:])
    turned = [s.transpose(0, 1, 3, 2) for s in (before, after)]
    assert np.array_equal(radar.measure_radar(*turned, model, CFG), whole.T)


def test_month_of_other_dates__is_refused():
    before, after, _ = season(15, shape=(80, 80))
    model = radar.fit_radar([(before, after)], CFG)
    with pytest.raises(LayerError, match="same dates"):
        radar.measure_radar(before[1:], after, model, CFG)


def test_month_of_one_polarisation__works_too():
    before, after, truth = season(16)
    alarm = alarms(before[:, :1], after[:, :1])
    assert alarm[truth].mean() > 0.8
    assert alarm[:30].mean() < 2 * CFG.false_alarm_rate
