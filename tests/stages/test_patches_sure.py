"""Weak evidence makes a patch where its border is new; strong evidence does so anywhere."""

from functools import partial

import numpy as np
import pytest
import xarray as xr

from changedetect import schema
from changedetect.config.detection import PatchesSection
from changedetect.grid import Grid
from changedetect.stages import patches
from changedetect.stages.evidence.borders import REACH_PX, told_borders, usual_contrast

CFG = PatchesSection()
CANDIDATE = round(CFG.candidate_llr * schema.EVIDENCE_SCALE)
SHAPE = (48, 120)
FIELDS = {"old": 10, "new": 40, "strong": 70, "unseen": 100}
"""First columns of four squares: one whose border was there before, and so on."""


def squares(names=tuple(FIELDS)):
    mask = np.zeros(SHAPE, bool)
    for name in names:
        mask[15:30, FIELDS[name] : FIELDS[name] + 14] = True
    return mask


def scene():
    """Images of both dates, evidence, and where the pair observed nothing."""
    rng = np.random.default_rng(4)
    images = rng.normal(0.1, 0.01, (2, 3, *SHAPE)).astype(np.float32)
    images[1][:, squares(("old", "new", "strong"))] += 0.2
    images[0][:, squares(("old", "strong"))] -= 0.2
    stack = xr.DataArray(images, dims=("time", "band", "y", "x"))
    evidence = np.where(squares(), 150, -200).astype(np.int16)
    evidence[squares(("strong",))] = 900
    unseen = np.zeros(SHAPE, bool)
    unseen[:, 95:] = True
    return stack, evidence, unseen


def outlined(size_px=256, cfg=CFG):
    stack, evidence, unseen = scene()
    contrast = usual_contrast([stack])
    needed = round(cfg.least_llr * schema.EVIDENCE_SCALE)
    asked = np.where(unseen, patches.MISSING, needed).astype(np.int32)
    grid = Grid("", (2.0, 0.0, 0.0, 0.0, -2.0, 0.0), SHAPE[1], SHAPE[0])
    parts = []
    for tile in grid.tiles(size_px, patches.halo_px(cfg) + REACH_PX):
        view = tile.outer.slices
        tell = told_borders(stack[:, :, *view], contrast, cfg.border_rules)
        sampler = partial(sampled, evidence[view])
        bordered = patches.Bordered(sampler, tell, partial(taken, asked[view]))
        outer = np.ascontiguousarray(evidence[view])
        parts.append(patches.tile_runs(outer, tile, CANDIDATE, bordered, cfg))
    return patches.outline(parts, grid, cfg, bordered=True)


def taken(values, rows, cols):
    return values[rows, cols]


def sampled(evidence, rows, cols):
    return evidence[rows, cols][None].astype(np.int32)


def found(outline):
    return {
        name
        for name, col in FIELDS.items()
        if any(col <= shape.centroid.x / 2.0 <= col + 14 for shape in outline.patches.geometry)
    }


def test_outline__keeps_what_is_sure():
    outline = outlined()
    assert found(outline) == {"new", "strong", "unseen"}
    assert len(outline.patches) == 3
    assert (outline.noise_groups, outline.noise_px) == (1, 15 * 14)
    assert outline.moments.shape[1] == 1  # the channels of the borders are gone
    assert outline.moments[:, 0, 1].tolist() == [150 * 210, 900 * 210, 150 * 210]


@pytest.mark.parametrize("size_px", [7, 16, 50])
def test_outline__is_sure_of_the_same_in_any_tiling(size_px):
    whole, tiled = outlined(), outlined(size_px)
    assert [g.wkb for g in whole.patches.geometry] == [g.wkb for g in tiled.patches.geometry]
    assert np.array_equal(whole.moments, tiled.moments)
    assert whole.noise_px == tiled.noise_px


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"new_border_llr": 0.0}, {"strong", "unseen"}),
        ({"least_llr": 1.0}, {"old", "new", "strong", "unseen"}),
        ({"least_llr": 15.0}, {"unseen"}),
    ],
)
def test_outline__follows_its_settings(change, expected):
    assert found(outlined(cfg=CFG.model_copy(update=change))) == expected


def test_usual_contrast__by_hand_and_for_gains():
    ramp = np.broadcast_to(np.arange(40.0, dtype=np.float32), (2, 1, 30, 40))
    stack = xr.DataArray(ramp * np.array([1.0, 3.0], np.float32)[:, None, None, None] + 5.0,
                         dims=("time", "band", "y", "x"))  # fmt: skip
    steps = usual_contrast([stack])
    assert steps.shape == (2, 1)
    assert steps[1, 0] == pytest.approx(3.0 * steps[0, 0], rel=1e-5)
    # 12 x 19 steps down the ramp are 0, 14 x 17 along it are 4, and one 0 is put in
    assert steps[0, 0] == pytest.approx(1.4826 * 4.0, rel=1e-5)


def test_usual_contrast__of_nothing_seen_is_not_zero():
    blank = xr.DataArray(np.full((2, 1, 9, 9), np.nan, np.float32), dims=("time", "band", "y", "x"))
    assert (usual_contrast([blank]) > 0).all()
