"""The time series: learns a season, holds through gaps, dates a break, and says what it can not."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.config.series import SeriesSection
from changedetect.errors import IntegrityError, LayerError
from changedetect.kernels import charts, harmonic
from changedetect.kernels.rules import LargeRules
from changedetect.schema import EVIDENCE, EVIDENCE_NODATA, check_array
from changedetect.stages.evidence import series
from changedetect.stages.evidence.series_state import STATE_ARRAYS
from tests.naive import harmonic as naive

CFG = SeriesSection()
ROLES = ("red", "nir", "swir1")
BEGIN = date(2021, 1, 3)


def season(day, *, double=False):
    """Greenness of a crop: one or two cycles a year."""
    angle = 2 * np.pi * day.timetuple().tm_yday / 365.25
    return 0.45 - 0.25 * np.cos(angle) + (0.2 * np.cos(2 * angle) if double else 0.0)


def crop(day, shape, rng, *, double=False, noise=0.01):
    """Red, near and short-wave infrared of a field."""
    ndvi = season(day, double=double)
    total = 0.40
    red, nir = total * (1 - ndvi) / 2, total * (1 + ndvi) / 2
    base = np.array([red, nir, 0.32 - 0.2 * ndvi])[:, None, None]
    return (base + noise * rng.standard_normal((3, *shape))).astype(np.float32)


def bare(shape, rng):
    base = np.array([0.22, 0.27, 0.33])[:, None, None]
    return (base + 0.01 * rng.standard_normal((3, *shape))).astype(np.float32)


def dates(years, step=8):
    return [BEGIN + timedelta(days=i) for i in range(0, int(years * 365.25), step)]


def run(days, image, shape=(3, 4), cfg=CFG, roles=ROLES):
    state = series.start(shape, roles, cfg)
    for day in days:
        state = series.update(state, day, image(day), cfg)
    return state


def clouded(image, rng, frac):
    return np.where(rng.random(image.shape[1:]) < frac, np.nan, image).astype(np.float32)


def test_break__is_found_and_its_bracket_holds_the_truth():
    rng = np.random.default_rng(1)
    truth = date(2023, 5, 1)

    def image(day):
        out = crop(day, (3, 4), rng)
        if day >= truth:
            out[:, 0, :2] = bare((1, 2), rng)[:, 0]
        return clouded(out, rng, 0.4)

    state = run(dates(2.8), image)
    found = series.evidence(state, date(2023, 4, 1), date(2023, 8, 1), CFG)
    check_array(found.llr, EVIDENCE)
    assert (found.llr[0, :2] > 200).all()
    assert (found.before_day[0, :2] < truth.toordinal()).all()
    assert (found.after_day[0, :2] >= truth.toordinal()).all()
    assert (found.after_day[0, :2] - found.before_day[0, :2] <= 60).all()
    assert (found.llr[1:] <= 0).all()
    assert (found.llr[1:] != EVIDENCE_NODATA).all()


@pytest.mark.parametrize("double", [False, True])
def test_seasons__never_alarm_even_with_floods_twice_a_year(double):
    rng = np.random.default_rng(2)
    shape = (20, 20)
    state = run(
        dates(4, 10), lambda d: clouded(crop(d, shape, rng, double=double), rng, 0.5), shape
    )
    assert (state.days[charts.BREAK_AFTER] == 0).all()


def test_gap__delays_and_does_not_alarm():
    rng = np.random.default_rng(3)
    days = [d for d in dates(4, 10) if not date(2022, 11, 1) < d < date(2023, 6, 1)]
    shape = (10, 10)
    state = run(days, lambda d: crop(d, shape, rng), shape)
    assert (state.days[charts.BREAK_AFTER] == 0).all()


def test_gap__around_the_change_widens_the_bracket():
    rng = np.random.default_rng(4)
    truth = date(2023, 4, 15)
    days = [d for d in dates(3) if not date(2023, 3, 1) < d < date(2023, 6, 1)]
    shape = (3, 4)
    state = run(days, lambda d: bare(shape, rng) if d >= truth else crop(d, shape, rng))
    found = series.evidence(state, date(2023, 5, 31), date(2023, 12, 1), CFG)
    assert (found.llr > 200).all()
    assert (found.before_day <= date(2023, 3, 1).toordinal()).all()
    assert (found.after_day >= date(2023, 6, 1).toordinal()).all()


def test_single_bad_date__is_not_a_break():
    rng = np.random.default_rng(5)
    bad = dates(3)[-8]

    def image(day):
        return crop(day, (3, 4), rng) + np.float32(0.5 if day == bad else 0.0)

    state = run(dates(3), image)
    found = series.evidence(state, bad - timedelta(days=10), dates(3)[-1], CFG)
    assert (found.llr <= 0).all()


def test_deviation_under_way__takes_back_quiet_but_is_no_alarm_yet():
    rng = np.random.default_rng(14)
    days = dates(2.2)
    state = run(days[:-2], lambda d: crop(d, (3, 4), rng))
    for day in days[-2:]:
        state = series.update(state, day, bare((3, 4), rng), CFG)
    found = series.evidence(state, days[-4], days[-1], CFG)
    assert (found.llr <= 0).all()
    assert (found.llr == round(100 * CFG.unconfirmed_llr)).mean() > 0.8
    assert (found.before_day < days[-2].toordinal()).all()
    assert (found.after_day[found.after_day > 0] >= days[-2].toordinal()).mean() > 0.6


def test_first_year__is_not_observed_rather_than_unchanged():
    rng = np.random.default_rng(6)
    state = run(dates(0.9), lambda d: crop(d, (3, 4), rng))
    found = series.evidence(state, BEGIN, date(2021, 12, 1), CFG)
    assert (found.llr == EVIDENCE_NODATA).all()
    assert (found.after_day == 0).all()


def test_readiness__names_why_there_is_not_enough():
    rng = np.random.default_rng(13)
    days = dates(3)
    seen = np.ones((len(days), 2, 2), bool)
    seen[:, 0, 0] = False
    seen[:-6, 0, 1] = False
    seen[np.arange(len(days)) % 14 > 0, 1, 0] = False

    def image(day):
        return np.where(seen[days.index(day)], crop(day, (2, 2), rng), np.nan).astype(np.float32)

    state = run(days, image, (2, 2))
    found = series.readiness(state, CFG)
    assert found.tolist() == [
        [series.NEVER_SEEN, series.TOO_SHORT],
        [series.TOO_FEW_DATES, series.READY],
    ]
    llr = series.evidence(state, days[-5], days[-1], CFG).llr
    assert ((llr == EVIDENCE_NODATA) == (found != series.READY)).all()


def test_clouds_and_shadows_that_were_missed__are_no_break():
    rng = np.random.default_rng(15)
    shape = (20, 20)

    def image(day):
        out = crop(day, shape, rng)
        bright = rng.random(shape) < 0.06
        dark = rng.random(shape) < 0.04
        return np.where(bright, out + np.float32(0.35), np.where(dark, out * np.float32(0.3), out))

    state = run(dates(4, 10), image, shape)
    assert (state.days[charts.BREAK_AFTER] > 0).mean() <= 0.005


def test_half_a_pixel__adds_up_where_one_date_says_little():
    rng = np.random.default_rng(16)
    shape, truth = (6, 6), date(2023, 2, 1)

    def image(day):
        green = crop(day, shape, rng, noise=0.015)
        return green if day < truth else (green + bare(shape, rng)) / 2

    state = run(dates(3), image, shape)
    broken = state.days[charts.BREAK_AFTER]
    assert (broken >= truth.toordinal()).mean() > 0.9
    assert (state.days[charts.BREAK_BEFORE] < truth.toordinal()).mean() > 0.8


def test_whole_pixel__is_found_months_sooner_with_the_chart_of_large_shifts():
    shape, truth = (6, 6), date(2023, 5, 1)

    def days_until(cfg):
        rng = np.random.default_rng(22)

        def image(day):
            # fresh concrete: brighter than the field, in all bands
            field = crop(day, shape, rng)
            return field if day < truth else bare(shape, rng) + np.float32(0.2)

        state, first = series.start(shape, ROLES, cfg), np.zeros(shape, int)
        for day in dates(4, 20):
            state = series.update(state, day, image(day), cfg)
            new = (state.days[charts.BREAK_AFTER] > 0) & (first == 0)
            first = np.where(new, day.toordinal(), first)
        assert (first > 0).all()
        return np.median(first) - truth.toordinal()

    without = SeriesSection(large_shared_frac=9.0)
    assert days_until(CFG) < days_until(without) - 40


def test_film_of_two_months__is_no_break():
    rng = np.random.default_rng(23)
    shape, laid = (6, 6), date(2023, 3, 1)

    def image(day):
        film = laid <= day < laid + timedelta(days=70)
        return crop(day, shape, rng) + np.float32(0.3 if film else 0.0)

    state = run(dates(3, 12), image, shape)
    assert (state.days[charts.BREAK_AFTER] == 0).all()
    hasty = SeriesSection(large_min_days=30)
    state = run(dates(3, 12), image, shape, cfg=hasty)
    assert (state.days[charts.BREAK_AFTER] > 0).all()


@pytest.mark.parametrize("yearly", [0.006, 0.008])
def test_slow_drift__is_learnt_and_no_break(yearly):
    rng = np.random.default_rng(17)
    shape = (6, 6)

    def image(day):
        years = (day - BEGIN).days / 365.25
        return crop(day, shape, rng) + np.float32(yearly * years)

    state = run(dates(5, 10), image, shape)
    assert (state.days[charts.BREAK_AFTER] == 0).all()
    nothing_usual = SeriesSection(usual_rate=0.0)
    state = run(dates(5, 10), image, shape, cfg=nothing_usual)
    assert (state.days[charts.BREAK_AFTER] > 0).any()


def test_expected__is_the_season_that_was_learnt():
    rng = np.random.default_rng(18)
    state = run(dates(3), lambda d: crop(d, (3, 4), rng))
    day = date(2024, 1, 10)
    mean, sigma = series.expected(state, day, CFG)
    assert mean.shape == sigma.shape == (len(state.indices), 3, 4)
    truth = series.measure_indices(crop(day, (3, 4), rng, noise=0.0), ROLES)
    assert (np.abs(mean - truth) < 3 * sigma).all()
    assert np.isnan(series.expected(series.start((1, 1), ROLES, CFG), day, CFG)[0]).all()


def test_month_of_cloud__is_not_observed():
    rng = np.random.default_rng(7)
    state = run(dates(2), lambda d: crop(d, (3, 4), rng))
    last = date.fromordinal(state.last_day)
    month = last + timedelta(days=30)
    cloud = np.full((3, 3, 4), np.nan, np.float32)
    assert (series.evidence(state, last - timedelta(days=30), last, CFG).llr <= 0).all()
    state = series.update(state, last + timedelta(days=20), cloud, CFG)
    assert (series.evidence(state, last, month, CFG).llr == EVIDENCE_NODATA).all()


def test_greening__is_no_evidence_unless_asked_for():
    rng = np.random.default_rng(8)
    truth = date(2023, 2, 1)

    def image(day):
        green = day >= truth
        ndvi = (0.75 if green else 0.15) + 0.02 * rng.standard_normal((1, 3, 4))
        return ndvi.astype(np.float32)

    for loss_only in (True, False):
        cfg = SeriesSection(vegetation_loss_only=loss_only)
        state = run(dates(3), image, cfg=cfg, roles=("ndvi",))
        broken = state.days[charts.BREAK_AFTER] > 0
        assert broken.any() != loss_only
        assert broken.all() != loss_only


def test_same_date_again__changes_nothing():
    rng = np.random.default_rng(9)
    state = run(dates(0.3), lambda d: crop(d, (3, 4), rng))
    day = date.fromordinal(state.last_day)
    assert series.update(state, day, crop(day, (3, 4), rng), CFG) is state


def test_older_date__is_refused_naming_both():
    rng = np.random.default_rng(10)
    state = run(dates(0.3), lambda d: crop(d, (3, 4), rng))
    with pytest.raises(LayerError, match=r"2021-01-03 is older than 2021-04-1\d"):
        series.update(state, BEGIN, crop(BEGIN, (3, 4), rng), CFG)


def test_bad_shape_window_and_bands__are_refused():
    state = series.start((3, 4), ROLES, CFG)
    with pytest.raises(LayerError, match=r"\(2, 3, 4\) found, \(3, 3, 4\)"):
        series.update(state, BEGIN, np.zeros((2, 3, 4), np.float32), CFG)
    with pytest.raises(LayerError, match="empty"):
        series.evidence(state, BEGIN, BEGIN, CFG)
    with pytest.raises(LayerError, match="red and nir"):
        series.start((3, 4), ("blue", "green"), CFG)


def test_state__survives_storage_and_refuses_another_version():
    rng = np.random.default_rng(11)
    state = run(dates(0.5), lambda d: crop(d, (3, 4), rng))
    arrays = state.to_arrays()
    assert all(array.dtype != object for array in arrays.values())
    again = series.SeriesState.from_arrays(arrays)
    day = date.fromordinal(state.last_day + 5)
    image = crop(day, (3, 4), rng)
    left, right = (series.update(s, day, image, CFG).to_arrays() for s in (state, again))
    assert all(np.array_equal(left[name], right[name]) for name in left)
    with pytest.raises(IntegrityError, match="version 99"):
        series.SeriesState.from_arrays(arrays | {"version": np.asarray(99)})
    with pytest.raises(IntegrityError, match="shift"):
        series.SeriesState.from_arrays({k: v for k, v in arrays.items() if k != "shift"})


def test_tiles__give_the_same_bytes_and_inputs_stay():
    rng = np.random.default_rng(12)
    days = dates(2)
    images = {d: clouded(crop(d, (4, 6), rng, noise=0.05), rng, 0.3) for d in days}
    kept = images[days[-1]].copy()
    whole = run(days, images.__getitem__, (4, 6))
    part = run(days, lambda d: images[d][:, 1:3, 2:5], (2, 3))
    turned = run(days, lambda d: images[d].transpose(0, 2, 1), (6, 4))
    assert np.array_equal(images[days[-1]], kept, equal_nan=True)
    for name in STATE_ARRAYS:
        mine = getattr(whole, name)
        assert np.array_equal(mine[..., 1:3, 2:5], getattr(part, name))
        assert np.array_equal(np.swapaxes(mine, -2, -1), getattr(turned, name))


@pytest.mark.parametrize("roles", [ROLES, ("ndvi",)])
def test_many_dates_at_once__give_the_bytes_of_one_by_one_wherever_strips_begin(roles):
    rng = np.random.default_rng(19)
    shape, days = (5, 41), dates(2.5, 12)
    images = np.stack([clouded(crop(day, shape, rng, noise=0.04), rng, 0.4) for day in days])
    images[50:, :, :3] = bare((3, 41), rng)
    if roles == ("ndvi",):
        images = (images[:, 1:2] - images[:, :1]) / (images[:, 1:2] + images[:, :1])
    state = series.start(shape, roles, CFG)
    for day, image in zip(days, images, strict=True):
        state = series.update(state, day, image, CFG)
    cuts = [0, 1, 40, len(days)]
    whole = series.start(shape, roles, CFG)
    for low, high in pairwise(cuts):
        whole = series.update_dates(whole, days[low:high], images[low:high], CFG)
    part = series.update_dates(series.start((3, 39), roles, CFG), days, images[:, :, 2:, 1:-1], CFG)
    assert (whole.days[charts.BREAK_AFTER] > 0).any()
    assert (whole.dates, whole.last_day) == (state.dates, state.last_day)
    for name in STATE_ARRAYS:
        assert getattr(whole, name).tobytes() == getattr(state, name).tobytes()
        assert np.array_equal(getattr(whole, name)[..., 2:, 1:-1], getattr(part, name))


def test_dates_out_of_order__are_refused_and_the_last_one_again_is_passed_over():
    rng = np.random.default_rng(20)
    days = dates(0.3)
    images = np.stack([crop(day, (3, 4), rng) for day in days])
    start = series.start((3, 4), ROLES, CFG)
    with pytest.raises(LayerError, match="is older than"):
        series.update_dates(start, days[::-1], images, CFG)
    state = series.update_dates(start, days[:5], images[:5], CFG)
    again = series.update_dates(state, days[4:], images[4:], CFG)
    assert again.dates == len(days)
    assert np.array_equal(again.days, series.update_dates(start, days, images, CFG).days)


RULES = harmonic.HarmonicRules(
    process_per_day=1e-3, gap_days=60.0, huber=2.0, forgetting=0.05, noise_weight=5.0,
    season_rate=0.2, season_cap=6.0, shift_days=8.0, amplitude=0.5, other=0.4, history_days=120,
    history_observations=6, dates_per_year=15.0,
)  # fmt: skip
CHART = charts.ChartRules(
    bare_level=0.1, bare_sd=0.15, outlier_share=0.05, bare_prior=0.1, bare_rate=0.3,
    deviating_llr=1.0, loss_threshold=7.0, loss_freeze=0.7, shift_rate=0.15, shift_clip=3.0,
    shift_fits=2.0, shift_agree=0.8, shift_threshold=0.8, shift_freeze=0.4,
    usual_rate=0.2, dates_per_year=36.0, dates_share=0.7, dates_range=0.3, loss_run=0.15,
    shift_run=0.3, confirm_days=5, confirm_observations=2, give_up_days=60, loss_only=1,
    date_clip=2.0, date_tolerance=1.5,
    large=LargeRules(clip=1.5, alarm=1.4, near=0.1, least=3, most=7, days=25, loss_only=1),
)  # fmt: skip
NOT_LEARNT = {"usual_rate": 0.0, "bare_rate": 0.0, "bare_prior": 0.0}
"""One index learns neither what is usual nor how often ground is bare: a path of its own."""

MODELS = (
    (1, 3, {}), (1, 5, {}), (2, 3, {}), (3, 5, {}), (1, 3, NOT_LEARNT),
    (1, 3, NOT_LEARNT | {"shift_threshold": np.inf}),
)  # fmt: skip


def empty_arrays(n_index, terms, pixels=1):
    packed = n_index * (n_index + 1) // 2
    shapes = (n_index, terms), (terms * (terms + 1) // 2,), (packed,), (4,), (4,), (n_index,)
    floats = [np.zeros((*shape, pixels), np.float32) for shape in (*shapes, (n_index,), (4,))]
    floats[3][:] = 1
    return (
        *floats, np.zeros((6, pixels), np.int32), np.zeros((3, pixels), np.int32),
        np.zeros((24, n_index, pixels), np.int8), np.zeros((24, pixels), np.uint16),
    )  # fmt: skip


@given(
    seed=st.integers(0, 10_000),
    model=st.sampled_from(MODELS),
    loss_only=st.integers(0, 1),
)
def test_kernel__equals_its_naive_twin(seed, model, loss_only):
    n_index, terms, others = model
    rng = np.random.default_rng(seed)
    large = CHART.large._replace(loss_only=loss_only, least=3 if n_index > 1 else 0)
    rules, chart = RULES, CHART._replace(loss_only=loss_only, large=large, **others)
    prior, floor = np.array([9.0, 4, 4, 1, 1])[:terms], np.full(n_index, 0.02)
    arrays = empty_arrays(n_index, terms)
    pixel, day = naive.blank(n_index, terms), 738_000
    for step in range(64):
        day += int(rng.integers(3, 20))
        y = 0.6 + 0.1 * rng.standard_normal(n_index) - (0.55 if step > 50 else 0.0)
        if rng.random() < 0.2:
            y[0] = np.nan
        bands = (np.zeros(0, np.int64), np.arange(n_index))
        image = y.astype(np.float32)[None, :, None]
        harmonic.absorb(np.array([day]), image, bands, (prior, floor), arrays, rules, chart)
        naive.absorb(pixel, day, image[0, :, 0].astype(float), (prior, floor, rules, chart))
    assert arrays[8][:, 0].tolist() == [
        pixel.first, pixel.last, pixel.before, pixel.start, pixel.broke_before, pixel.broke_after
    ]  # fmt: skip
    assert arrays[9][:2, 0].tolist() == [pixel.n, pixel.run]
    assert min(arrays[9][2, 0], 24) == len(pixel.window)
    np.testing.assert_allclose(arrays[5][:, 0], pixel.mean, atol=2e-3)
    sums = [pixel.loss, pixel.energy, pixel.strength, pixel.score]
    np.testing.assert_allclose(arrays[6][:, 0], pixel.usual, atol=2e-3)
    np.testing.assert_allclose(arrays[7][:, 0], sums, atol=5e-3)
    np.testing.assert_allclose(arrays[4][:, 0], pixel.bare, atol=1e-4)
    if pixel.n:
        np.testing.assert_allclose(arrays[0][:, :, 0], pixel.beta, atol=1e-3)


def test_one_index__differs_from_the_way_of_many_by_rounding_alone():
    rng = np.random.default_rng(21)
    days = np.cumsum(rng.integers(3, 12, 150)) + 738_000
    season = 0.5 + 0.25 * np.cos(2 * np.pi * days / 365.25)[:, None]
    values = season + 0.04 * rng.standard_normal((150, 500))
    values[100:, :200] = 0.15 + 0.04 * rng.standard_normal((50, 200))
    values[rng.random(values.shape) < 0.3] = np.nan
    image, bands = values.astype(np.float32)[:, None], (np.zeros(0, np.int64), np.arange(1))
    found = []
    for tiny in (0.0, 1e-30):
        # so small a rate changes no number, but takes the way of many indices
        arrays = empty_arrays(1, 3, 500)
        others = {"shift_threshold": np.inf, "large": CHART.large._replace(least=0)}
        chart = CHART._replace(**NOT_LEARNT)._replace(bare_rate=tiny, **others)
        model = (np.array([9.0, 4, 4]), np.array([0.02]))
        harmonic.absorb(days, image, bands, model, arrays, RULES, chart)
        found.append(arrays)
    assert (found[0][8][charts.BREAK_AFTER] > 0).mean() > 0.1
    for one, many in zip(*found, strict=True):
        if one.dtype.kind == "f":
            np.testing.assert_allclose(one, many, rtol=1e-4, atol=1e-4)
        else:
            assert np.abs(one.astype(int) - many.astype(int)).max() <= (one.dtype == np.int8)


def test_state_in_use__is_used_up_and_a_state_that_can_not_be_written_is_copied():
    rng = np.random.default_rng(22)
    days = dates(0.5)
    images = np.stack([crop(day, (3, 4), rng) for day in days])
    start = series.start((3, 4), ROLES, CFG)
    kept = series.update_dates(start, days[:5], images[:5], CFG)
    for array in kept.arrays():
        array.flags.writeable = False
    whole = series.update_dates(start, days, images, CFG)
    carried = series.carry_on(kept, days[5:], images[5:], CFG)
    assert kept.last_day == days[4].toordinal()
    assert not any(array.any() for array in (start.days, start.noise))
    again = series.carry_on(carried, [], images[:0], CFG)
    assert again is carried
    for name in STATE_ARRAYS:
        assert getattr(carried, name).tobytes() == getattr(whole, name).tobytes()
    last = series.carry_on(start, days[:1], images[:1], CFG)
    assert last.days is start.days
