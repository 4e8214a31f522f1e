"""Registration, masks and radiometry of a pair."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from changedetect.config.detection import EvidenceSection, PixelsSection
from changedetect.errors import RegistrationError, SceneError
from changedetect.grid import Grid, Window
from changedetect.schema import CLEAR, CLOUD, SHADOW, STACK, check_array
from changedetect.stages.pixels import (
    UNMASKED,
    PairSample,
    fit_pixels,
    halo_px,
    prepare_pair,
    sample_windows,
)

CFG = PixelsSection(sample_block_px=96, sample_blocks=4)
ROLES = ("blue", "green", "nir")
TIMES = datetime(2025, 5, 1, 3, tzinfo=UTC), datetime(2025, 6, 1, 3, tzinfo=UTC)
SIZE = 160


def land(seed, size=SIZE, bands=3):
    """Smoothed mosaic: a sensor's view of fields."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 6, (size // 10, size // 10)).repeat(10, 0).repeat(10, 1)
    spectra = rng.uniform(0.05, 0.4, (bands, 6))
    return np.stack([ndimage.gaussian_filter(s[classes], 1.0) for s in spectra])


def moved(image, dy, dx):
    """The ground at (y, x) lies at (y + dy, x + dx) in the result."""
    return np.stack([ndimage.shift(band, (dy, dx), order=3, mode="reflect") for band in image])


def samples_of(before, after, cfg=CFG, clouds=None):
    none = np.full(before.shape[1:], UNMASKED, np.uint8)
    first, second = clouds or (none, none)
    grid = Grid("EPSG:4547", (2.0, 0, 0, 0, -2.0, 0), before.shape[2], before.shape[1])
    a, b = before.astype(np.float32), after.astype(np.float32)
    return [
        PairSample(w, a[:, *w.slices], b[:, *w.slices], first[w.slices], second[w.slices])
        for w in sample_windows(grid, cfg)
    ]


def noisy(image, seed=1, sigma=0.004):
    return image + np.random.default_rng(seed).normal(0, sigma, image.shape)


def prepared(before, after, model, clouds=None):
    none = np.full(before.shape[1:], UNMASKED, np.uint8)
    a, b = before.astype(np.float32), after.astype(np.float32)
    return prepare_pair(a, b, clouds or (none, none), TIMES, model, CFG)


@pytest.mark.parametrize("shift", [(0.4, -1.3), (-2.6, 0.7), (5.0, 3.0)])
def test_fit_pixels__measures_a_shift_within_a_fifth_of_a_pixel(shift):
    before = land(4)
    samples = samples_of(noisy(before), noisy(moved(before, *shift), 2))
    model = fit_pixels(samples, ROLES, CFG)
    assert fit_pixels(samples, ROLES, CFG, workers=3) == model
    assert model.alignment.dy == pytest.approx(shift[0], abs=0.15)
    assert model.alignment.dx == pytest.approx(shift[1], abs=0.15)
    assert model.alignment.residual_px < 0.2
    assert model.alignment.blocks == 4


def test_fit_pixels__small_shifts_are_left_alone():
    before = land(4)
    model = fit_pixels(samples_of(before, moved(before, 0.03, -0.02)), ROLES, CFG)
    assert (model.alignment.dy, model.alignment.dx) == (0, 0)
    assert model.alignment.residual_px < 0.1


def test_prepare_pair__lays_the_image_after_on_the_image_before():
    before = land(4)
    after = moved(before, 1.0, -2.4)
    model = fit_pixels(samples_of(before, after), ROLES, CFG)
    stack = prepared(before, after, model)
    check_array(stack, STACK)
    assert list(stack.band.values) == list(ROLES)
    inner = stack.values[:, :, 8:-8, 8:-8]
    assert np.abs(inner[1] - inner[0]).mean() < 0.01
    assert np.abs(after - before)[:, 8:-8, 8:-8].mean() > 0.02


def test_fit_pixels__gains_and_offsets_are_taken_off_despite_change():
    before = land(4)
    gain, offset = np.array([0.6, 1.4, 2.0])[:, None, None], 0.07
    after = noisy(before) * gain + offset
    after[:, 20:70, 30:90] = 0.9
    model = fit_pixels(samples_of(before, after), ROLES, CFG)
    np.testing.assert_allclose(model.gain, 1 / gain.ravel(), rtol=0.02)
    stack = prepared(before, after, model).values
    assert np.abs(stack[1] - stack[0])[:, 100:].mean() < 0.01


def test_fit_pixels__blocks_that_disagree_are_refused():
    before = land(4)
    after = before.copy()
    for row, dy in ((0, -3.0), (80, 3.0)):
        for col, dx in ((0, 2.0), (80, -2.0)):
            part = np.s_[:, row : row + 80, col : col + 80]
            after[part] = moved(before[part], dy, dx)
    with pytest.raises(RegistrationError, match=r"disagrees by .* px.*refuse_residual_px"):
        fit_pixels(samples_of(before, after), ROLES, CFG)


def test_fit_pixels__nothing_to_align_on_is_unknown_not_zero():
    flat = np.full((3, SIZE, SIZE), 0.2)
    model = fit_pixels(samples_of(noisy(flat, 1), noisy(flat, 2)), ROLES, CFG)
    assert not model.alignment.known
    assert np.isnan(model.alignment.residual_px)
    assert "alignment unknown" in model.notes[0]


def test_fit_pixels__all_cloud_is_refused():
    before = land(4)
    cloud = np.full(before.shape[1:], CLOUD, np.uint8)
    clear = np.full(before.shape[1:], CLEAR, np.uint8)
    with pytest.raises(SceneError, match="only 0 sample pixels"):
        fit_pixels(samples_of(before, before, clouds=(cloud, clear)), ROLES, CFG)


def test_fit_pixels__other_number_of_bands_is_refused():
    before = land(4)
    with pytest.raises(SceneError, match="3 bands; 2 were expected"):
        fit_pixels(samples_of(before, before), ROLES[:2], CFG)


def test_prepare_pair__clouds_and_shadows_with_their_surroundings_hide_both_dates():
    before = land(4)
    model = fit_pixels(samples_of(before, before), ROLES, CFG)
    first = np.full(before.shape[1:], CLEAR, np.uint8)
    second = first.copy()
    first[50, 60], second[100, 20] = CLOUD, SHADOW
    hidden = np.isnan(prepared(before, before, model, (first, second)).values)
    assert (hidden == hidden[0, 0]).all()
    expected = np.zeros(first.shape, bool)
    expected[47:54, 57:64] = expected[97:104, 17:24] = True
    np.testing.assert_array_equal(hidden[0, 0], expected)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_prepare_pair__never_sees_what_was_not_seen_and_keeps_its_input(seed):
    rng = np.random.default_rng(seed)
    before, after = (land(s).astype(np.float32) for s in (4, 4))
    model = fit_pixels(samples_of(before, moved(before, 0.5, 0.5)), ROLES, CFG)
    before[:, rng.random(before.shape[1:]) < 0.01] = np.nan
    after[rng.random(after.shape) < 0.01] = np.nan
    copies = before.copy(), after.copy()
    stack = prepared(before, after, model)
    lost = np.isnan(before).any(axis=0)
    assert np.isnan(stack.values[:, :, lost]).all()
    np.testing.assert_array_equal(before, copies[0])
    np.testing.assert_array_equal(after, copies[1])


@given(st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=10)
def test_prepare_pair__same_bytes_in_any_window_with_its_halo(top, left):
    before = land(4)
    after = moved(before, 1.3, -0.6)
    model = fit_pixels(samples_of(before, after), ROLES, CFG, doubted=(True, True))
    after[:, 25:50, 30:70] += 0.2
    after[:, 70:84, 10:30] += 0.9
    after[:, 100:120, 90:110] *= 0.6
    cloud = np.full(before.shape[1:], CLEAR, np.uint8)
    cloud[30:38, 40:50] = CLOUD
    cloud[105:115, 95:105] = SHADOW
    cloud[72:82, 12:28] = CLOUD  # a roof
    whole = prepared(before, after, model, (cloud, cloud)).values
    halo = halo_px(CFG, EvidenceSection(guide_radius_px=0))
    outer = Window(top, left, 60, 60).grown(halo, Window(0, 0, SIZE, SIZE))
    part = prepared(
        before[:, *outer.slices],
        after[:, *outer.slices],
        model,
        (cloud[outer.slices], cloud[outer.slices]),
    ).values
    inner = Window(top, left, 60, 60).relative_to(outer)
    cut, full = part[..., *inner.slices], whole[..., *Window(top, left, 60, 60).slices]
    assert cut.tobytes() == full.tobytes()


def clouded(seed=4):
    """Land before, and the same under a soft cloud whose mask ends where it is half opaque."""
    before = land(seed)
    rows, cols = np.mgrid[:SIZE, :SIZE]
    opacity = np.clip((44.0 - np.hypot(rows - 80, cols - 80)) / 24, 0, 1)
    after = before * (1 - opacity) + 0.8 * opacity
    mask = np.where(opacity > 0.5, CLOUD, CLEAR).astype(np.uint8)
    return noisy(before), noisy(after, 2), mask, opacity


def test_prepare_pair__the_soft_edge_of_a_masked_cloud_is_hidden_too():
    before, after, mask, opacity = clouded()
    clear = np.full_like(mask, CLEAR)
    for first, second, masks in ((before, after, (clear, mask)), (after, before, (mask, clear))):
        model = fit_pixels(samples_of(first, second, clouds=masks), ROLES, CFG)
        hidden = np.isnan(prepared(first, second, model, masks).values[0, 0])
        assert hidden[opacity > 0.15].all()
        assert hidden[opacity == 0].mean() < 0.03


def test_prepare_pair__a_bright_new_object_is_hidden_neither_far_from_clouds_nor_beside_a_speck():
    before = noisy(land(4))
    after = before.copy()
    after[:, 60:80, 60:80] = 0.7
    mask = np.full(before.shape[1:], CLEAR, np.uint8)
    mask[:20, :20] = mask[84:88, 70:74] = CLOUD  # a cloud far away; a roof taken for one
    clear = np.full_like(mask, CLEAR)
    model = fit_pixels(samples_of(before, after, clouds=(clear, mask)), ROLES, CFG)
    hidden = np.isnan(prepared(before, after, model, (clear, mask)).values[0, 0])
    assert not hidden[60:80, 60:80].any()


def test_prepare_pair__what_stands_apart_from_a_cloud_is_no_edge_of_it():
    before, after, mask, opacity = clouded()
    after[:, 70:90, 130:140] += 0.4
    mask[130:136, 130:136] = CLOUD
    after[:, 126:140, 126:140] += 0.5  # a roof, the middle of which is taken for cloud
    clear = np.full_like(mask, CLEAR)
    samples = samples_of(before, after, clouds=(clear, mask))
    model = fit_pixels(samples, ROLES, CFG, doubted=(False, True))
    hidden = np.isnan(prepared(before, after, model, (clear, mask)).values[0, 0])
    assert hidden[opacity > 0.15].all()
    assert not hidden[70:90, 130:140].any()


def test_prepare_pair__gains_of_a_band_do_not_move_the_edge_of_a_cloud():
    before, after, mask, _ = clouded()
    clear = np.full_like(mask, CLEAR)
    gain = np.array([0.5, 3.0, 1.0])[:, None, None]
    hidden = []
    for factor in (1.0, gain):
        first, second = before * factor + 7, after * factor + 7
        model = fit_pixels(samples_of(first, second, clouds=(clear, mask)), ROLES, CFG)
        hidden.append(np.isnan(prepared(first, second, model, (clear, mask)).values[0, 0]))
    assert (hidden[0] != hidden[1]).mean() < 0.001


def test_sample_windows__cover_small_grids_and_stay_bounded_on_large_ones():
    small = Grid("EPSG:4547", (2.0, 0, 0, 0, -2.0, 0), 300, 200)
    windows = sample_windows(small, PixelsSection())
    assert sum(w.height * w.width for w in windows) == 300 * 200
    large = Grid("EPSG:4547", (2.0, 0, 0, 0, -2.0, 0), 90_000, 40_000)
    windows = sample_windows(large, PixelsSection())
    assert 40 <= len(windows) <= 48
    assert len(set(windows)) == len(windows)
    assert all(large.window.grown(0, large.window) for _ in windows)
    assert max(w.row for w in windows) > 30_000
    assert max(w.col for w in windows) > 75_000


def test_sample_windows__lie_where_the_pair_lies_whatever_the_grid():
    """A scene on a province: every block meets it; a pair on all of the grid changes nothing."""
    grid = Grid("EPSG:4547", (2.0, 0.0, 0.0, 0.0, -2.0, 0.0), 200_000, 150_000)
    part = Window(70_001, 120_345, 12_000, 12_000)
    for window in sample_windows(grid, PixelsSection(), part):
        assert part.row < window.row + window.height
        assert window.row < part.row + part.height
        assert part.col < window.col + window.width
        assert window.col < part.col + part.width
    whole = sample_windows(grid, PixelsSection())
    assert sample_windows(grid, PixelsSection(), grid.window) == whole
