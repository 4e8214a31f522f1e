"""Evidence of structure: planted buildings, seasons, exposure, any cut, and which pairs get it."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from changedetect.config.detection import EvidenceSection
from changedetect.errors import SceneError
from changedetect.schema import EVIDENCE, EVIDENCE_NODATA, check_array
from changedetect.stages.evidence import pair
from changedetect.stages.evidence.optical import PairModel
from changedetect.stages.evidence.structure import (
    StructureModel,
    fit_structure,
    measure_structure,
)

CFG = EvidenceSection().structure
SIZE = 192
NEW = (slice(60, 84), slice(100, 130))
RGB = ("red", "green", "blue")
SOIL, GRASS, ROOF = np.array([[0.32, 0.25, 0.16], [0.2, 0.28, 0.13], [0.55, 0.56, 0.58]])


def stack_of(before, after, bands=RGB):
    times = np.array(["2025-05-01", "2025-06-01"], "datetime64[ns]")
    return xr.DataArray(
        np.stack([before, after]).astype(np.float32),
        dims=("time", "band", "y", "x"),
        coords={"time": times, "band": list(bands)},
    )


def village(*, new=False, grass=0.5, noise=1):
    """Fields with a rough surface, old roofs in rows, and perhaps one new roof; ``(3, y, x)``."""
    rng = np.random.default_rng(11)
    share = np.kron(rng.uniform(0, 1, (8, 8)), np.ones((24, 24))) * grass
    image = SOIL[:, None, None] * (1 - share) + GRASS[:, None, None] * share
    image = image * (1 + 0.15 * rng.standard_normal((SIZE, SIZE)))
    for row in range(10, SIZE - 20, 44):
        for col in range(8, 90, 32):
            image[:, row : row + 16, col : col + 20] = ROOF[:, None, None]
            image[:, row + 16 : row + 19, col : col + 20] = 0.03
    if new:
        image[:, *NEW] = ROOF[:, None, None]
        image[:, 84:88, 100:130] = 0.03
    return image + 0.01 * np.random.default_rng(noise).standard_normal(image.shape)


def changed_pair():
    return village(), village(new=True, noise=2)


def test_fit_structure__finds_the_new_roof_and_little_else():
    stack = stack_of(*changed_pair())
    model = fit_structure([stack], CFG, 200)
    evidence = measure_structure(stack, model, CFG)
    check_array(evidence, EVIDENCE)
    alarm = evidence >= model.threshold
    assert alarm[NEW].mean() > 0.8
    alarm[50:98, 90:140] = False
    assert alarm.mean() < 0.005


def test_fit_structure__a_roof_that_went_is_found_too():
    after, before = changed_pair()
    stack = stack_of(before, after)
    model = fit_structure([stack], CFG, 200)
    assert (measure_structure(stack, model, CFG) >= model.threshold)[NEW].mean() > 0.8


@pytest.mark.parametrize("grass", [0.0, 1.0])
def test_fit_structure__a_season_and_another_exposure_alarm_hardly_anything(grass):
    exposed = np.clip(village(grass=grass, noise=3) * 1.5 + 0.05, 0, 0.8)
    stack = stack_of(village(), exposed)
    model = fit_structure([stack], CFG, 200)
    assert model.changed_share < 0.2
    assert (measure_structure(stack, model, CFG) >= model.threshold).mean() <= 0.005


def test_fit_structure__other_ground_altogether_is_told_from_the_same():
    other = np.ascontiguousarray(village(noise=4)[:, ::-1, ::-1])
    same = fit_structure([stack_of(village(), village(noise=2))], CFG, 200)
    unlike = fit_structure([stack_of(village(), other)], CFG, 200)
    assert same.changed_share < 0.1
    assert unlike.changed_share > 0.6


@given(st.floats(0.4, 2.5), st.floats(0.0, 0.3))
@settings(max_examples=6)
def test_fit_structure__gain_and_offset_of_a_band_do_not_matter(gain, offset):
    before, after = changed_pair()
    moved = after * np.array([gain, 1.0, 1.3])[:, None, None] + offset
    plain, other = stack_of(before, after), stack_of(before, moved)
    a = measure_structure(plain, fit_structure([plain], CFG, 200), CFG).astype(int)
    b = measure_structure(other, fit_structure([other], CFG, 200), CFG).astype(int)
    assert np.quantile(np.abs(a - b), 0.99) <= 20


def test_measure_structure__order_of_the_bands_does_not_matter():
    stack = stack_of(*changed_pair())
    turned = stack.isel(band=[2, 0, 1])
    a = measure_structure(stack, fit_structure([stack], CFG, 200), CFG)
    b = measure_structure(turned, fit_structure([turned], CFG, 200), CFG)
    assert a.tobytes() == b.tobytes()


def test_measure_structure__transposed_scene_gives_transposed_evidence():
    before, after = changed_pair()
    model = fit_structure([stack_of(before, after)], CFG, 200)
    turned = stack_of(before.transpose(0, 2, 1), after.transpose(0, 2, 1))
    whole = measure_structure(stack_of(before, after), model, CFG).astype(int)
    assert np.abs(measure_structure(turned, model, CFG).T - whole).max() <= 1


@given(st.integers(0, 150), st.integers(0, 150), st.integers(1, 40))
@settings(max_examples=8)
def test_measure_structure__same_bytes_however_it_is_cut(top, left, size):
    stack = stack_of(*changed_pair())
    stack.values[:, :, 100:106, 70:90] = np.nan
    model = fit_structure([stack], CFG, 200)
    whole = measure_structure(stack, model, CFG)
    halo = CFG.reach_px
    row, col = max(top - halo, 0), max(left - halo, 0)
    outer = stack[:, :, row : top + size + halo, col : left + size + halo]
    part = measure_structure(outer, model, CFG)
    core = part[top - row : top - row + size, left - col : left - col + size]
    assert core.tobytes() == whole[top : top + size, left : left + size].tobytes()


def test_fit_structure__same_model_twice_and_input_unchanged():
    stack = stack_of(*changed_pair())
    kept = stack.values.copy()
    assert fit_structure([stack], CFG, 200) == fit_structure([stack.copy(deep=True)], CFG, 200)
    np.testing.assert_array_equal(stack.values, kept)


def test_measure_structure__black_margins_stay_not_observed():
    stack = stack_of(*changed_pair())
    stack.values[:, :, :20] = np.nan
    stack.values[:, :, :, 170:] = np.nan
    evidence = measure_structure(stack, fit_structure([stack], CFG, 200), CFG)
    hidden = np.zeros((SIZE, SIZE), bool)
    hidden[:20], hidden[:, 170:] = True, True
    np.testing.assert_array_equal(evidence == EVIDENCE_NODATA, hidden)


def test_measure_structure__window_without_a_single_observation():
    stack = stack_of(*changed_pair())
    model = fit_structure([stack], CFG, 200)
    assert (measure_structure(stack * np.float32(np.nan), model, CFG) == EVIDENCE_NODATA).all()


def test_measure_structure__same_image_twice_alarms_nowhere():
    stack = stack_of(village(), village())
    model = fit_structure([stack], CFG, 200)
    assert measure_structure(stack, model, CFG).max() < 0 < model.threshold


def test_fit_structure__jpeg_blocks_are_no_likeness():
    """Blocks of 8 px at the same place in both dates: strangers share them, so ranks do not rise."""
    step = np.kron(np.indices((24, 24)).sum(0) % 2, np.ones((8, 8))) * 0.02
    other = np.ascontiguousarray(village(noise=4)[:, ::-1, ::-1])
    blocks = fit_structure([stack_of(village() + step, other + step)], CFG, 200)
    assert blocks.changed_share > 0.5


def test_fit_structure__refusals_say_what_is_wrong():
    stack = stack_of(*changed_pair())
    with pytest.raises(SceneError, match="sample pixels are observed"):
        fit_structure([stack * np.float32(np.nan)], CFG, 200)
    flat = stack.copy(deep=True)
    flat.values[1, 2] = 0.4
    with pytest.raises(SceneError, match="band blue of the image after is constant"):
        fit_structure([flat], CFG, 200)


def test_pair__evidence_follows_bands_and_pixel_size():
    before, after = changed_pair()
    rgb = stack_of(before, after)
    four = stack_of(*(np.concatenate([x, x[:1] * 1.3 + 0.02 * x[1:2] ** 2]) for x in (before, after)),
                    (*RGB, "nir"))  # fmt: skip
    cfg = EvidenceSection()
    assert isinstance(pair.fit([rgb], cfg, 0.5), StructureModel)
    assert isinstance(pair.fit([rgb], cfg, 8.0), PairModel)
    assert isinstance(pair.fit([four], cfg, 0.5), PairModel)
    for stack, gsd_m in ((rgb, 0.5), (rgb, 8.0), (four, 0.5)):
        check_array(pair.measure(stack, pair.fit([stack], cfg, gsd_m), cfg), EVIDENCE)
