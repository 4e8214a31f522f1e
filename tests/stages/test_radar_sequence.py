"""The sequential omnibus test: sums against definition, calibrated null, brackets, terrain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.config.radar import RadarSection
from changedetect.errors import LayerError
from changedetect.kernels import omnibus
from changedetect.schema import EVIDENCE, EVIDENCE_NODATA, check_array
from changedetect.stages.evidence import radar_sequence as sequence
from changedetect.stages.evidence import radar_terrain as terrain
from tests.naive import omnibus as naive

CFG = RadarSection()


def speckle(rng, looks, dates, shape=(150, 150), channels=2):
    return rng.gamma(looks, 1 / looks, (dates, channels, *shape))


def run_dates(images, looks, cfg=CFG, *, calibrate=True, rate=None):
    """All steps of a series; days 100, 112, …"""
    if rate is not None:
        cfg = cfg.model_copy(update={"sequence_alarm_rate": rate})
    state, steps = sequence.begin_sequence(images.shape[1:]), []
    for number, image in enumerate(images):
        inflation = 1.0
        if calibrate:
            alike = sequence.last_against_rest(state, image)
            inflation = sequence.inflation_of(alike, looks, image.shape[0])
        step = sequence.extend_sequence(state, image, 100 + 12 * number, (looks, inflation), cfg)
        state = step.state
        steps.append(step)
    return steps


@given(seed=st.integers(0, 10_000), dates=st.integers(2, 6), channels=st.integers(1, 2))
def test_running_sums__equal_the_likelihoods(seed, dates, channels):
    rng = np.random.default_rng(seed)
    series = rng.gamma(3.0, 1.0, (dates, channels, 1, 1)) * 10 ** rng.normal(0, 1)
    count, logs, total = np.zeros((1, 1), np.int64), *np.zeros((2, channels, 1, 1))
    for image in series:
        count, logs, total, q, r = omnibus.extend(count, logs, total, image)
    assert (q[0, 0], r[0, 0]) == pytest.approx(naive.ratios(series[:, :, 0, 0]), abs=1e-9)


def test_hand_answer__one_and_four_looks_alike():
    one = np.ones((1, 1, 1))
    count, logs, total, *_ = omnibus.extend(
        np.zeros((1, 1), np.int64), np.zeros((1, 1, 1)), np.zeros((1, 1, 1)), one
    )
    *_, q, r = omnibus.extend(count, logs, total, 3 * one)
    assert q[0, 0] == pytest.approx(np.log(4 * 3 / 16))
    assert r[0, 0] == pytest.approx(q[0, 0])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("looks", [4.0, 8.0, 20.0])
def test_null__is_calibrated(looks, channels):
    rng = np.random.default_rng(int(looks) + channels)
    images = speckle(rng, looks, 5, channels=channels)
    state = sequence.begin_sequence(images.shape[1:])
    count, logs, total = state.count, state.log_sum, state.total
    for image in images:
        count, logs, total, q, r = omnibus.extend(count, logs, total, image)
    for statistic, last in ((q, False), (r, True)):
        chance = sequence.chance_of(statistic, looks, count, channels, last_only=last)
        assert (chance < 0.01).mean() == pytest.approx(0.01, abs=0.0025)
        assert (chance < 0.1).mean() == pytest.approx(0.1, abs=0.01)


def test_looks_30_percent_too_high__are_put_right_by_the_median():
    rng = np.random.default_rng(5)
    images = speckle(rng, 8.0, 5)
    naive_rate, mended_rate = (
        np.mean([
            (step.probability < 0.01).mean()
            for step in run_dates(images, 8.0 * 1.3, calibrate=calibrate, rate=1e-9)[1:]
        ])
        for calibrate in (False, True)
    )  # fmt: skip
    assert naive_rate > 0.018
    assert mended_rate == pytest.approx(0.01, abs=0.003)


def test_change__gets_its_bracket_and_a_new_start():
    rng = np.random.default_rng(6)
    images = speckle(rng, 20.0, 8, shape=(60, 60))
    images[4:, :, 10:30, 10:30] *= 10 ** (-0.5)
    steps = run_dates(images, 20.0)
    hit = steps[4]
    check_array(hit.llr, EVIDENCE)
    inner = np.s_[10:30, 10:30]
    found = hit.after_day[inner] == 100 + 12 * 4
    assert found.mean() > 0.9
    assert (hit.before_day[inner][found] == 100 + 12 * 3).all()
    assert (hit.state.count[inner][found] == 1).all()
    later = np.stack([step.after_day[inner] > 0 for step in steps[5:]])
    assert later[:, found].mean() < 0.02
    outside = np.ones((60, 60), bool)
    outside[inner] = False
    alarms = np.mean([(step.after_day[outside] > 0).mean() for step in steps])
    assert alarms < 2 * CFG.sequence_alarm_rate


def test_power__needs_looks():
    rng = np.random.default_rng(7)
    found = []
    for looks in (4.4, 20.0):
        images = speckle(rng, looks, 6, shape=(80, 80), channels=1)
        images[5:] *= 10**0.3
        found.append((run_dates(images, looks, calibrate=False)[5].after_day > 0).mean())
    assert found[0] < 0.1
    assert found[1] > 0.3


def test_not_observed__keeps_the_state_and_widens_the_bracket():
    rng = np.random.default_rng(8)
    images = speckle(rng, 20.0, 6, shape=(20, 20))
    images[3, 0, 5, 5] = np.nan
    images[4:, :, 5, 5] *= 20
    steps = run_dates(images, 20.0)
    assert steps[0].llr[5, 5] == EVIDENCE_NODATA
    assert steps[3].llr[5, 5] == EVIDENCE_NODATA
    assert (steps[3].llr == EVIDENCE_NODATA).sum() == 1
    assert steps[3].state.count[5, 5] == 3
    assert (steps[4].before_day[5, 5], steps[4].after_day[5, 5]) == (124, 148)


def test_gain_of_all_dates_and_transposition__cost_nothing():
    rng = np.random.default_rng(9)
    images = speckle(rng, 12.0, 4, shape=(30, 40))
    plain = run_dates(images, 12.0)[-1].llr
    assert np.abs(run_dates(images * 7.3, 12.0)[-1].llr.astype(int) - plain).max() <= 1
    turned = run_dates(images.transpose(0, 1, 3, 2).copy(), 12.0)[-1].llr
    assert np.array_equal(turned.T, plain)


def test_averaging__reaches_the_looks():
    rng = np.random.default_rng(10)
    image = 10 * np.log10(speckle(rng, 4.4, 1, channels=1)[0]) - 12
    image[0, 5, 5] = np.nan
    mean, looks = sequence.average_looks(image.astype(np.float32), 4.4, CFG)
    assert looks >= CFG.sequence_looks
    assert np.isnan(mean[0, 5, 5])
    apart = mean[0, 7::3, 7::3]
    assert np.square(apart.mean()) / apart.var() == pytest.approx(looks, rel=0.1)


def test_dates_out_of_order__are_refused():
    images = np.ones((2, 1, 5, 5))
    state = run_dates(images, 10.0)[-1].state
    with pytest.raises(LayerError, match="order of time"):
        sequence.extend_sequence(state, images[0], 100, (10.0, 1.0), CFG)


def test_terrain__layover_and_shadow_are_not_observed():
    x = np.arange(60) * 10.0
    ridge = np.interp(x, [0, 200, 260, 320, 600], [0, 0, 90, 0, 0])
    heights = np.tile(ridge, (5, 1))
    angle = terrain.local_incidence(heights, 10.0, 90.0, 38.0)
    assert angle[2, 10] == pytest.approx(38.0)
    assert angle[2, 23] == pytest.approx(38.0 - np.rad2deg(np.arctan(1.5)))
    assert angle[2, 29] == pytest.approx(38.0 + np.rad2deg(np.arctan(1.5)))
    shown = terrain.hide_terrain(np.zeros((2, 1, 5, 60), np.float32), angle, CFG)
    assert np.isnan(shown[:, :, 2, [23, 29]]).all()
    assert np.isfinite(shown[:, :, 2, [5, 45]]).all()
    west = terrain.local_incidence(heights, 10.0, 270.0, 38.0)
    assert np.allclose(west[2, 23], angle[2, 29])
    turned = terrain.local_incidence(heights.T, 10.0, 180.0, 38.0)
    assert np.allclose(turned.T, angle)
    with pytest.raises(LayerError, match="angles"):
        terrain.hide_terrain(np.zeros((5, 5), np.float32), angle, CFG)
