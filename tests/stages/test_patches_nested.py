"""Which of nested outlines are patches: against the naive twin, by hand, for any tiling."""

from functools import partial

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import gaussian_filter

from changedetect import schema
from changedetect.config.detection import PatchesSection
from changedetect.grid import Grid
from changedetect.kernels.runs import find_runs
from changedetect.stages import patches
from changedetect.stages.evidence.borders import REACH_PX, told_borders, usual_contrast
from changedetect.stages.patches.split import owner_levels
from changedetect.stages.patches.sure import NO_OPINION, NOT_SURE
from tests.naive.nested_outlines import chosen

CFG = PatchesSection(min_pixels=2, inner_margin_llr=2.0, apart_new_share=0.5, size_from_px=4)
LEVELS = hnp.arrays(
    np.uint8, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.integers(0, 4)
)


def drawn(row, col, pixels, level, seed):
    """How sure a component is, and how new its border: any number, but always the same one."""
    rng = np.random.default_rng([row, col, pixels, level, seed])
    kind, worth, share = rng.random(), rng.integers(0, 9), rng.random()
    return (None if kind < 0.2 else -np.inf if kind < 0.5 else float(worth)), share


def judge_of(seed):
    def judge(joined, level):
        told = [
            drawn(row, col, pixels, level, seed)
            for (row, col), pixels in zip(
                joined.first_pixels.tolist(), joined.pixels.tolist(), strict=True
            )
        ]
        worth = [NO_OPINION if w is None else NOT_SURE if w == -np.inf else w for w, _ in told]
        return np.array(worth, np.float64), np.array([share for _, share in told], np.float64)

    return judge


def runs_of(levels):
    parts = [
        (runs, np.full(len(runs), value, np.int64))
        for value in range(1, int(levels.max(initial=0)) + 1)
        for runs in [find_runs((levels == value).astype(np.uint8), 0, 0)]
    ]
    runs = np.concatenate([np.zeros((0, 3), np.int32), *(runs for runs, _ in parts)])
    return runs, np.concatenate([np.zeros(0, np.int64), *(level for _, level in parts)])


@given(LEVELS, st.integers(0, 99))
def test_owner_levels__equal_the_naive_twin(levels, seed):
    runs, level = runs_of(levels)
    order = np.lexsort((runs[:, 1], runs[:, 0]))
    owner = owner_levels((runs, order), level[order], CFG, judge_of(seed))
    found = np.zeros(levels.shape, np.int64)
    for (row, begin, end), value in zip(runs[order].tolist(), owner.tolist(), strict=True):
        found[row, begin:end] = value

    def judge(piece, value):
        row, col = np.argwhere(piece)[0].tolist()
        return drawn(row, col, int(piece.sum()), value, seed)

    assert np.array_equal(found, chosen(levels, judge, CFG))


SHAPE = (60, 90)
WHOLE = slice(10, 50), slice(10, 80)
CORES = ((slice(18, 32), slice(20, 34)), (slice(18, 32), slice(50, 64)))


def scene(edge, cores, around, inside, places=CORES):
    """Images and evidence of ground with two cores: is its edge new, are those of the cores."""
    rng = np.random.default_rng(4)
    images = rng.normal(0.1, 0.005, (2, 3, *SHAPE)).astype(np.float32)
    images[1][:, *WHOLE] += 0.1
    evidence = np.full(SHAPE, -300, np.int16)
    evidence[WHOLE] = around
    if not edge:
        images[0][:, *WHOLE] -= 0.1
    news = cores if isinstance(cores, tuple) else (cores, cores)
    for core, new in zip(places, news, strict=True):
        evidence[core] = inside
        images[1][:, *core] += 0.1
        if not new:
            images[0][:, *core] -= 0.1
    return xr.DataArray(images, dims=("time", "band", "y", "x")), evidence


SHIPPED = PatchesSection()


def outlined(made, size_px=256, cfg=SHIPPED, spy=None):
    grid = Grid("", (2.0, 0.0, 0.0, 0.0, -2.0, 0.0), SHAPE[1], SHAPE[0])
    return patches.outline(tiles_of(made, size_px, cfg, spy), grid, cfg, bordered=True)


def tiles_of(made, size_px=256, cfg=SHIPPED, spy=None):
    stack, evidence = made
    contrast = usual_contrast([stack])
    needed = round(cfg.least_llr * schema.EVIDENCE_SCALE)
    grid = Grid("", (2.0, 0.0, 0.0, 0.0, -2.0, 0.0), SHAPE[1], SHAPE[0])
    parts = []
    for tile in grid.tiles(size_px, patches.halo_px(cfg) + REACH_PX):
        view = tile.outer.slices
        outer = np.ascontiguousarray(evidence[view])
        bordered = patches.Bordered(
            spy or partial(sampled, outer),
            told_borders(stack[:, :, *view], contrast, cfg.border_rules),
            partial(asked, needed),
        )
        least = round(cfg.candidate_llr * schema.EVIDENCE_SCALE)
        parts.append(patches.tile_runs(outer, tile, least, bordered, cfg))
    return parts


def asked(needed, rows, _cols):
    return np.full(len(rows), needed, np.int32)


def sampled(evidence, rows, cols):
    return evidence[rows, cols][None].astype(np.int32)


WHOLE_PX, CORE_PX = 40 * 70, 14 * 14
SPECKS = ((slice(18, 23), slice(20, 25)), (slice(18, 23), slice(50, 55)))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        # A hall whose parts differ in evidence but have no borders of their own: one patch.
        ({"edge": True, "cores": False, "around": 150, "inside": 1500}, [WHOLE_PX]),
        # Sites in ground of the season: the sites alone.
        ({"edge": False, "cores": True, "around": 50, "inside": 600}, [CORE_PX, CORE_PX]),
        # Ground and cores that are about as sure: the ground.
        ({"edge": True, "cores": True, "around": 400, "inside": 450}, [WHOLE_PX]),
        # Two buildings far surer than the new ground around them, with borders of their own.
        ({"edge": True, "cores": True, "around": 20, "inside": 1500}, [CORE_PX, CORE_PX]),
        # One building beside a field, in ground of the season that is sure itself: not that ground.
        ({"edge": False, "cores": (True, False), "around": 250, "inside": 1500}, [CORE_PX, CORE_PX]),
        # Specks with new borders of their own inside new ground: the ground.
        ({"edge": True, "cores": True, "around": 20, "inside": 1500, "places": SPECKS}, [WHOLE_PX]),
        ({"edge": False, "cores": False, "around": 50, "inside": 150}, []),
    ],
)  # fmt: skip
def test_outline__takes_the_surest_of_nested_outlines(made, expected):
    outline = outlined(scene(**made))
    assert sorted(outline.patches["pixels"]) == expected
    assert int(outline.patches["pixels"].sum()) + outline.noise_px == WHOLE_PX


@pytest.mark.parametrize("size_px", [7, 16, 50])
@pytest.mark.parametrize("around", [20, 150])
def test_outline__of_nested_ground_is_the_same_in_any_tiling(size_px, around):
    made = scene(edge=True, cores=True, around=around, inside=1500)
    whole, tiled = outlined(made), outlined(made, size_px)
    assert [g.wkb for g in whole.patches.geometry] == [g.wkb for g in tiled.patches.geometry]
    assert np.array_equal(whole.moments, tiled.moments)
    assert (whole.noise_groups, whole.noise_px) == (tiled.noise_groups, tiled.noise_px)


def drawn_scene(seed):
    """Smooth evidence and images that know nothing of one another; most borders are of any kind."""
    rng = np.random.default_rng(seed)
    images = rng.normal(0.1, 0.005, (2, 3, *SHAPE)).astype(np.float32)
    images += gaussian_filter(rng.normal(0, 0.4, images.shape), (0, 0, 2, 2)).astype(np.float32)
    evidence = gaussian_filter(rng.normal(0, 1, SHAPE), rng.uniform(1, 3))
    evidence = (evidence / evidence.std() - 0.7) * rng.uniform(400, 900)
    evidence[rng.random(SHAPE) < 0.01] = schema.EVIDENCE_NODATA
    return xr.DataArray(images, dims=("time", "band", "y", "x")), evidence.astype(np.int16)


@pytest.mark.parametrize("seed", range(6))
def test_outline__of_drawn_ground_is_the_same_whether_tiles_or_the_grid_choose(seed):
    """With tiles of 3 px all ground waits for the grid, with one tile hardly any does."""
    made, small = drawn_scene(seed), PatchesSection(least_llr=3.0, inner_margin_llr=1.0)
    whole, chosen_inside = outlined(made, cfg=small), tiles_of(made, cfg=small)[0].closed
    assert chosen_inside.any()
    assert min(len(whole.patches), whole.noise_groups) > 3
    for size_px in (3, 11, 40):
        tiled = outlined(made, size_px, small)
        assert [g.wkb for g in whole.patches.geometry] == [g.wkb for g in tiled.patches.geometry]
        columns = ["patch_id", "pixels", "llr_mean", "llr_max"]
        assert whole.patches[columns].equals(tiled.patches[columns])
        assert np.array_equal(whole.moments, tiled.moments)
        assert np.array_equal(whole.runs, tiled.runs)
        assert (whole.noise_groups, whole.noise_px) == (tiled.noise_groups, tiled.noise_px)


def test_tile_runs__ground_waits_only_where_another_tile_may_enlarge_it():
    made = scene(edge=True, cores=True, around=20, inside=1500)
    (whole,) = tiles_of(made)
    assert whole.closed.tolist() == [True, True]
    assert sorted(whole.pixels.tolist()) == [CORE_PX, CORE_PX]
    halves = tiles_of(made, 45)
    assert not np.concatenate([half.closed for half in halves]).any()
    assert sum(int(half.pixels.sum()) for half in halves) == WHOLE_PX


def test_outline__a_large_patch_needs_less():
    made = scene(edge=False, cores=False, around=400, inside=400)
    assert sorted(outlined(made).patches["pixels"]) == [WHOLE_PX]
    assert not len(outlined(made, cfg=PatchesSection(size_llr=0.0)).patches)


def test_tile_runs__asks_no_channels_of_ground_that_can_not_become_a_patch():
    asked_of = []

    def spying(rows, _cols):
        asked_of.append(len(rows))
        return np.zeros((1, len(rows)), np.int32)

    made = scene(edge=False, cores=False, around=50, inside=150)
    outline = outlined(made, spy=spying)
    assert sum(asked_of) == 0
    assert (outline.noise_groups, outline.noise_px) == (1, WHOLE_PX)
    outlined(scene(edge=True, cores=False, around=150, inside=150), spy=spying)
    assert sum(asked_of) == WHOLE_PX
