"""Evidence of an optical pair: planted change, invariances, any cut."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from changedetect.config.detection import EvidenceSection
from changedetect.errors import LayerError, SceneError
from changedetect.kernels.conditional import class_distances
from changedetect.schema import EVIDENCE, EVIDENCE_NODATA, check_array
from changedetect.stages.evidence.optical import fit_pair, measure_pair

CFG = EvidenceSection()
SIZE = 96
PLACE = (slice(40, 58), slice(30, 50))


def stack_of(before, after, bands=("blue", "green", "red", "nir")):
    times = np.array(["2025-05-01", "2025-06-01"], "datetime64[ns]")
    return xr.DataArray(
        np.stack([before, after]).astype(np.float32),
        dims=("time", "band", "y", "x"),
        coords={"time": times, "band": list(bands)},
    )


def fields(rng, bands=4, size=SIZE):
    """Land in blocks of 8 pixels with their own spectra, and texture."""
    classes = rng.integers(0, 6, (size // 8, size // 8)).repeat(8, 0).repeat(8, 1)
    spectra = rng.uniform(0.05, 0.4, (bands, 6))
    return spectra[:, classes] + rng.normal(0, 0.008, (bands, size, size))


def pair(seed=5, changed=True, noise=0.006):
    rng = np.random.default_rng(seed)
    before = fields(rng)
    after = before + rng.normal(0, noise, before.shape)
    if changed:
        after[:, *PLACE] = np.array([0.3, 0.32, 0.34, 0.36])[:, None, None] + rng.normal(
            0, 0.01, (4, 18, 20)
        )
    return before, after


def test_measure_pair__finds_the_planted_change_and_little_else():
    stack = stack_of(*pair())
    model = fit_pair([stack], CFG)
    evidence = measure_pair(stack, model, CFG)
    check_array(evidence, EVIDENCE)
    alarm = evidence >= model.threshold
    assert alarm[PLACE].mean() > 0.95
    alarm[38:60, 28:52] = False
    assert alarm.mean() < 2 * model.false_alarm_rate < 0.05


def test_measure_pair__no_change_gives_few_alarms_at_the_stated_rate():
    stack = stack_of(*pair(changed=False))
    model = fit_pair([stack], CFG)
    assert model.false_alarm_rate <= CFG.false_alarm_rate
    assert (measure_pair(stack, model, CFG) >= model.threshold).mean() <= 2 * CFG.false_alarm_rate


@given(st.lists(st.floats(0.2, 5), min_size=4, max_size=4), st.floats(-100, 100))
@settings(max_examples=10)
def test_measure_pair__gains_and_offsets_of_a_date_do_not_matter(gains, offset):
    before, after = pair()
    plain = stack_of(before, after)
    moved = stack_of(before, after * np.array(gains)[:, None, None] + offset)
    a = measure_pair(plain, fit_pair([plain], CFG), CFG).astype(int)
    b = measure_pair(moved, fit_pair([moved], CFG), CFG).astype(int)
    assert (
        np.quantile(np.abs(a - b), 0.99) <= 75
    )  # less than a log unit: float32 moves the fitted tail


def test_measure_pair__transposed_scene_gives_transposed_evidence():
    before, after = pair()
    stack = stack_of(before, after)
    model = fit_pair([stack], CFG)
    turned = stack_of(before.transpose(0, 2, 1), after.transpose(0, 2, 1))
    got = measure_pair(turned, model, CFG)
    # float32 sums are taken along rows: a last digit may fall to the other side
    assert np.abs(got.T.astype(int) - measure_pair(stack, model, CFG)).max() <= 1


@given(st.integers(0, 70), st.integers(0, 70), st.integers(1, 26))
@settings(max_examples=15)
def test_measure_pair__same_bytes_however_it_is_cut(top, left, size):
    stack = stack_of(*pair())
    stack.values[:, :, 10:14, 70:90] = np.nan
    model = fit_pair([stack], CFG)
    whole = measure_pair(stack, model, CFG)
    halo = CFG.guide_reach_px
    row, col = max(top - halo, 0), max(left - halo, 0)
    outer = stack[:, :, row : top + size + halo, col : left + size + halo]
    part = measure_pair(outer, model, CFG, (row, col))
    core = part[top - row : top - row + size, left - col : left - col + size]
    assert core.tobytes() == whole[top : top + size, left : left + size].tobytes()


def test_fit_pair__same_bytes_twice_and_input_unchanged():
    stack = stack_of(*pair())
    before = stack.values.copy()
    first, second = fit_pair([stack], CFG), fit_pair([stack.copy(deep=True)], CFG)
    assert first.alteration.matrix.tobytes() == second.alteration.matrix.tobytes()
    assert first.null == second.null
    measure_pair(stack, first, CFG)
    np.testing.assert_array_equal(stack.values, before)


def test_measure_pair__same_image_twice_is_unchanged_everywhere():
    before, _ = pair()
    stack = stack_of(before, before)
    model = fit_pair([stack], CFG)
    evidence = measure_pair(stack, model, CFG)
    assert (evidence != EVIDENCE_NODATA).all()
    assert evidence.max() < -200
    assert model.threshold > 0


def test_measure_pair__not_observed_stays_not_observed():
    stack = stack_of(*pair())
    stack.values[1, 2, 5:9, 5:9] = np.nan
    evidence = measure_pair(stack, fit_pair([stack], CFG), CFG)
    hidden = np.zeros((SIZE, SIZE), bool)
    hidden[5:9, 5:9] = True
    np.testing.assert_array_equal(evidence == EVIDENCE_NODATA, hidden)


def test_measure_pair__window_without_a_single_observation():
    stack = stack_of(*pair())
    model = fit_pair([stack], CFG)
    empty = stack.copy(data=np.full(stack.shape, np.nan, np.float32))
    assert (measure_pair(empty, model, CFG) == EVIDENCE_NODATA).all()


def test_fit_pair__every_sample_block_counts_not_the_last_one_alone():
    """The blocks' distances once shared one array, and the null was that of the last block."""
    blocks = [stack_of(*pair(seed, noise=noise)) for seed, noise in ((5, 0.004), (6, 0.02))]
    one, other = fit_pair(blocks, CFG), fit_pair(blocks[::-1], CFG)
    assert abs(one.threshold - other.threshold) <= 10  # a tenth of a log unit
    assert one.false_alarm_rate == pytest.approx(other.false_alarm_rate, rel=0.1)
    lone = [fit_pair([block], CFG).null for block in blocks]
    assert one.null not in lone


def test_fit_pair__is_the_same_for_any_number_of_workers():
    blocks = [stack_of(*pair(seed, noise=noise)) for seed, noise in ((5, 0.004), (6, 0.02))]
    alone, shared = fit_pair(blocks, CFG), fit_pair(blocks, CFG, workers=3)
    assert (alone.cap, alone.null, alone.kept) == (shared.cap, shared.null, shared.kept)
    assert alone.contrast.tobytes() == shared.contrast.tobytes()
    for one, other in zip(alone.alteration.variates, shared.alteration.variates, strict=True):
        assert one.tobytes() == other.tobytes()


def test_fit_pair__all_cloud_is_refused_by_name():
    stack = stack_of(*pair())
    stack.values[:] = np.nan
    with pytest.raises(SceneError, match=r"only 0 sample pixels.*min_sample_pixels"):
        fit_pair([stack], CFG)


def test_fit_pair__constant_and_copied_bands_are_left_out_and_named():
    before, after = pair()
    before = np.concatenate([before, np.full((1, SIZE, SIZE), 7.0), before[:2].mean(0)[None]])
    after = np.concatenate([after, np.full((1, SIZE, SIZE), 7.0), after[:2].mean(0)[None]])
    names = ("blue", "green", "red", "nir", "flat", "mean")
    model = fit_pair([stack_of(before, after, names)], CFG)
    assert model.kept == (0, 1, 2, 3)
    assert "flat, mean" in model.notes[0]


def test_fit_pair__images_without_any_variation_are_refused():
    flat = np.full((4, SIZE, SIZE), 0.2)
    with pytest.raises(SceneError, match="constant"):
        fit_pair([stack_of(flat, flat)], CFG)


@pytest.mark.parametrize("bands", [1, 3, 13])
def test_fit_pair__any_number_of_bands(bands):
    rng = np.random.default_rng(bands)
    before = fields(rng, bands)
    after = before + rng.normal(0, 0.005, before.shape)
    after[:, *PLACE] += 0.2
    stack = stack_of(before, after, tuple(f"b{i}" for i in range(bands)))
    model = fit_pair([stack], CFG)
    evidence = measure_pair(stack, model, CFG)
    assert np.median(evidence[PLACE]) > np.median(evidence)


def test_measure_pair__refuses_an_array_of_another_form():
    stack = stack_of(*pair())
    with pytest.raises(LayerError, match="stack"):
        fit_pair([stack.astype(np.float64)], CFG)


def test_fit_pair__rare_and_common_change_share_one_null():
    """The null's place moves little between no change and a twelfth of the scene changed."""
    rng = np.random.default_rng(1)
    before = fields(rng)
    quiet = before + rng.normal(0, 0.006, before.shape)
    busy = quiet.copy()
    busy[:, :8] = busy[:, 70:78] * 0.4 + 0.3
    calm, loud = (fit_pair([stack_of(before, after)], CFG) for after in (quiet, busy))
    assert abs(calm.null.log_median - loud.null.log_median) < 0.15
    assert calm.null.changed_share < 0.02
    assert 0.05 < loud.null.changed_share < 0.15


@pytest.mark.parametrize(("scattered", "usual"), [(True, True), (False, False)])
def test_outcome__of_one_place_is_no_season_however_much_of_a_kind_it_took(scattered, usual):
    """A fifth of a rare kind turned bright: on many fields it is the season, in one place a change."""
    rng = np.random.default_rng(5)
    before = rng.normal(0.1, 0.004, (4, 256, 256))
    rare, here = np.zeros((256, 256), bool), np.zeros((256, 256), bool)
    here[100:140, 60:100] = True
    rare[here] = rng.random(here.sum()) < 0.5
    rare |= ~here & (rng.random(rare.shape) < 0.05)
    before[:, rare] += 0.2
    after = before + rng.normal(0, 0.004, before.shape)
    bright = rare & ((rng.random(rare.shape) < 0.2) if scattered else here)
    assert 0.15 < bright.sum() / rare.sum() < 0.25
    after[:, bright] += 0.15
    found = stack_of(before, after)
    alteration = fit_pair([found], CFG).alteration
    pixels = found.values.reshape(8, -1).T
    _, squared = class_distances(
        np.ascontiguousarray(pixels), alteration.chooser, alteration.variates
    )
    distance = np.sqrt(squared).reshape(rare.shape)
    changed, same = np.median(distance[bright]), np.median(distance[rare & ~bright])
    assert bool(changed < 3 * same) is usual


@pytest.mark.parametrize(("after", "usual"), [("2025-06-01", True), ("2028-05-01", False)])
def test_fit_pair__what_a_twentieth_did_in_many_places_is_the_season_unless_years_went_by(
    after, usual
):
    rng = np.random.default_rng(8)
    before = rng.normal(0.2, 0.02, (4, 384, 384))
    later = before + rng.normal(0, 0.006, before.shape)
    covered = np.zeros((384, 384), bool)
    covered[8:28, 8:28] = True
    covered = np.tile(covered[:96, :64], (4, 6))  # 24 squares: a fifteenth
    later[:, covered] = 0.35 + rng.normal(0, 0.01, (4, int(covered.sum())))
    stack = stack_of(before, later)
    stack["time"] = np.array(["2025-05-01", after], "datetime64[ns]")
    evidence = measure_pair(stack, fit_pair([stack], CFG), CFG)[covered]
    # What is left is the price of a rare outcome. [log-likelihood ratio x 100]
    assert np.median(evidence) < 700 if usual else np.median(evidence) > 2000


def test_fit_pair__what_a_twentieth_did_in_one_place_is_change_even_in_a_month():
    rng = np.random.default_rng(8)
    before = rng.normal(0.2, 0.02, (4, 384, 384))
    later = before + rng.normal(0, 0.006, before.shape)
    later[:, 100:186, 100:186] = 0.35 + rng.normal(0, 0.01, (4, 86, 86))
    stack = stack_of(before, later)
    model = fit_pair([stack], CFG)
    assert (measure_pair(stack, model, CFG) >= model.threshold)[100:186, 100:186].mean() > 0.9


def scattered_change(days):
    """One kind of ground, of which a twentieth changed in small squares: too many to be trimmed away."""
    rng = np.random.default_rng(3)
    before = rng.normal(0.2, 0.02, (4, 256, 256))
    later = before + rng.normal(0, 0.006, before.shape)
    changed = np.zeros((256, 256), bool)
    for y, x in rng.integers(4, 240, (40, 2)):
        changed[y : y + 9, x : x + 9] = True
    later[:, changed] += rng.normal(0.05, 0.02, (4, int(changed.sum())))
    stack = stack_of(before, later)
    stack["time"] = stack.time.values[0] + np.array([0, days]).astype("timedelta64[D]")
    return stack, changed


def test_fit_pair__changed_ground_is_left_out_of_what_is_usual_within_half_a_year():
    twice, changed = scattered_change(30)
    once = CFG.model_copy(update={"rare": CFG.rare.model_copy(update={"second_fit_days": 0})})
    first, second = (measure_pair(twice, fit_pair([twice], cfg), cfg) for cfg in (once, CFG))
    assert np.median(second[changed]) > np.median(first[changed])
    assert (second >= fit_pair([twice], CFG).threshold)[~changed].mean() < 0.01
    years, _ = scattered_change(400)
    alone, again = fit_pair([years], once), fit_pair([years], CFG)
    assert alone.null == again.null


def test_fit_pair__where_most_looks_changed_the_first_fit_stays():
    stack, _ = scattered_change(30)
    rare = CFG.rare.model_copy(update={"least_left_share": 1.0})
    kept = fit_pair([stack], CFG.model_copy(update={"rare": rare}))
    rare = CFG.rare.model_copy(update={"second_fit_days": 0})
    first = fit_pair([stack], CFG.model_copy(update={"rare": rare}))
    assert kept.null == first.null
    assert kept.null != fit_pair([stack], CFG).null
