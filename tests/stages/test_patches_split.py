"""Patches that hang together by weak evidence: against the naive twin, by hand, for any tiling."""

from functools import partial

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from changedetect.config.detection import PatchesSection
from changedetect.grid import Grid
from changedetect.stages import patches
from changedetect.stages.patches.split import layers
from tests.naive.split_patches import split, split_by_worth

CFG = PatchesSection(min_pixels=2, gap_px=0, split_steps_llr=(1.0, 2.0), split_share=0.6)
THRESHOLD = 100


def outlined(levels, size_px=64, order=1, cfg=CFG):
    """Outline evidence that has these levels, tile by tile."""
    height, width = levels.shape
    grid = Grid("", (1.0, 0.0, 0.0, 0.0, -1.0, float(height)), width, height)
    evidence = np.where(levels > 0, levels.astype(np.int16) * THRESHOLD, -500).astype(np.int16)
    parts = []
    for tile in list(grid.tiles(size_px, patches.halo_px(cfg)))[::order]:
        outer = np.ascontiguousarray(evidence[tile.outer.slices])
        channels = outer[None].astype(np.int32)
        parts.append(patches.tile_runs(outer, tile, THRESHOLD, channels, cfg))
    return patches.outline(parts, grid, cfg)


def pixels_of(outline, shape):
    rows, cols = np.indices(shape)
    x, y = cols.ravel() + 0.5, shape[0] - rows.ravel() - 0.5
    found = set()
    for polygon in outline.patches.geometry:
        inside = shapely.contains_xy(polygon, x, y)
        found.add(frozenset(zip(rows.ravel()[inside], cols.ravel()[inside], strict=True)))
    return found


LEVELS = hnp.arrays(
    np.uint8, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.integers(0, 3)
)


@given(LEVELS)
def test_split__equals_the_naive_twin(levels):
    outline = outlined(levels)
    assert pixels_of(outline, levels.shape) == split(levels, CFG.min_pixels, CFG.split_share)


@given(LEVELS, st.integers(1, 9), st.sampled_from([1, -1]))
def test_split__is_the_same_for_every_tiling(levels, size_px, order):
    whole, tiled = outlined(levels), outlined(levels, size_px, order)
    assert whole.patches.drop(columns="geometry").equals(tiled.patches.drop(columns="geometry"))
    assert [g.wkb for g in whole.patches.geometry] == [g.wkb for g in tiled.patches.geometry]
    assert np.array_equal(whole.moments, tiled.moments)
    assert np.array_equal(
        whole.painted(outline_window(levels)), tiled.painted(outline_window(levels))
    )


def outline_window(levels):
    return Grid("", (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), levels.shape[1], levels.shape[0]).window


@given(LEVELS)
def test_split__every_changed_pixel_is_in_a_patch_or_counted_as_noise(levels):
    outline = outlined(levels)
    assert int(outline.patches["pixels"].sum()) + outline.noise_px == int((levels > 0).sum())
    assert outline.patches.geometry.is_valid.all()
    assert np.isclose(outline.patches.geometry.area, outline.patches["pixels"]).all()


def drawn_worth(pixels, level, seed):
    """A worth that hangs on the pixels alone: mostly a share, sometimes no patch or no opinion."""
    draw = hash((seed, level, len(pixels), min(pixels), max(pixels))) % 12
    return {0: np.inf, 1: -np.inf, 2: -np.inf}.get(draw, draw / 12)


@given(LEVELS, st.integers(0, 99))
def test_layers__choose_the_best_outlined_of_nested_components_as_the_naive_twin(levels, seed):
    rows, cols = np.nonzero(levels)
    runs = np.column_stack([rows, cols, cols + 1]).astype(np.int32)
    worth = partial(drawn_worth, seed=seed)
    found = set()

    def worth_of(nested):
        return [one_worth(layer, level) for level, layer in enumerate(nested, start=1)]

    def one_worth(layer, level):
        sets = [pixels_of_group(layer, group) for group in range(len(layer.pixels))]
        small = layer.pixels < CFG.min_pixels
        values = np.array([worth(pixels, level) for pixels in sets], float)
        return np.where(small, -np.inf, values)

    parts = [(runs, levels[rows, cols].astype(np.int64))]
    for level, layer in enumerate(layers(parts, CFG, worth_of), start=1):
        kept = np.flatnonzero(one_worth(layer, level) > -np.inf)
        found |= {pixels_of_group(layer, group) for group in kept}
    margin = CFG.split_new_border_share
    assert found == split_by_worth(levels, CFG.min_pixels, CFG.split_share, worth, margin)


def pixels_of_group(layer, group):
    return frozenset(
        (int(row), col)
        for row, first, last in layer.runs[layer.group == group]
        for col in range(int(first), int(last))
    )


def test_layers__a_core_whose_border_is_newer_stands_in_place_of_the_ground_around_it():
    levels = np.zeros((12, 12), np.uint8)
    levels[1:11, 1:11] = 1
    levels[2:10, 2:10] = 3  # holds most of it: by size alone the patch would stay whole
    rows, cols = np.nonzero(levels)
    parts = [(np.column_stack([rows, cols, cols + 1]).astype(np.int32), levels[rows, cols] + 0)]
    shares = (0.4, 0.6, 0.62)

    def worth(nested):
        pairs = zip(nested, shares, strict=True)
        return [np.full(len(layer.pixels), share) for layer, share in pairs]

    sizes = [sorted(layer.pixels.tolist()) for layer in layers(parts, CFG, worth)]
    assert sizes == [[36], [64], []]
    assert [layer.pixels.tolist() for layer in layers(parts, CFG)] == [[100], [], []]


def test_split__two_strong_cores_in_weak_ground_are_three_patches():
    levels = np.ones((10, 20), np.uint8)
    levels[2:6, 2:6] = 3
    levels[3:8, 12:17] = 3
    assert sorted(outlined(levels).patches["pixels"]) == [16, 25, 159]


def test_split__one_core_that_fills_its_patch_stays_one():
    levels = np.ones((10, 10), np.uint8)
    levels[1:9, 1:9] = 3
    assert list(outlined(levels).patches["pixels"]) == [100]


def test_split__without_steps_nothing_is_parted():
    levels = np.ones((10, 20), np.uint8)
    levels[2:6, 2:6] = 3
    cfg = CFG.model_copy(update={"split_steps_llr": ()})
    assert list(outlined(levels, cfg=cfg).patches["pixels"]) == [200]
