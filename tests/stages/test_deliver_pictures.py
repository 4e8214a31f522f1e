"""Pictures of a patch: one stretch for both dates, the right window, outlines in pixels."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from changedetect.config.deliver import DeliverSection
from changedetect.errors import GridError
from changedetect.grid import Grid
from changedetect.stages.deliver import chip_window, outline_px, overlay_surfaces, stretch_pair
from changedetect.stages.deliver.pictures import NOT_OBSERVED_GREY
from tests.sample_package import illegal, legal, red_line, unknown

CONFIG = DeliverSection()
FULL = DeliverSection(stretch_low_percent=0.0, stretch_high_percent=100.0, stretch_headroom=1000)
GRID = Grid("EPSG:4547", (2.0, 0.0, 500_000.0, 0.0, -2.0, 3_100_400.0), 300, 200)


def test_stretch__by_hand():
    before = np.stack([np.array([[0.0, 0.5], [1.0, np.nan]])] * 3).astype(np.float32)
    after = np.stack([np.array([[0.25, 2.0], [0.0, 0.0]])] * 3).astype(np.float32)
    first, second = stretch_pair(before, after, FULL)
    assert first[..., 0].tolist() == [[0, 64], [128, NOT_OBSERVED_GREY]]
    assert second[..., 0].tolist() == [[32, 255], [0, 0]]


def test_stretch__equal_ground_looks_equal():
    ground = np.random.default_rng(3).uniform(0, 0.3, (3, 20, 20)).astype(np.float32)
    changed = ground.copy()
    changed[:, :5, :5] = 0.6
    first, second = stretch_pair(ground, changed, CONFIG)
    assert np.array_equal(first[5:], second[5:])
    assert not np.array_equal(first[:5, :5], second[:5, :5])


def test_stretch__nothing_observed_is_grey_not_black():
    empty = np.full((3, 4, 5), np.nan, dtype=np.float32)
    for picture in stretch_pair(empty, empty, CONFIG):
        assert picture.shape == (4, 5, 3)
        assert (picture == NOT_OBSERVED_GREY).all()


def test_stretch__flat_band_and_unchanged_input():
    flat = np.full((3, 4, 4), 0.2, dtype=np.float32)
    copy = flat.copy()
    first, _ = stretch_pair(flat, flat, CONFIG)
    assert (first == 0).all()
    assert np.array_equal(flat, copy)


@given(
    st.floats(500_000, 500_560), st.floats(3_100_000, 3_100_360), st.floats(2, 40), st.floats(2, 40)
)
def test_window__lies_in_the_grid_and_holds_the_patch(x, y, width, height):
    patch = shapely.box(x, y, x + width, y + height)
    window = chip_window(patch, GRID, CONFIG)
    assert window.row >= 0
    assert window.col >= 0
    assert window.row + window.height <= GRID.height
    assert window.col + window.width <= GRID.width
    assert shapely.box(*GRID.sub(window).bounds).buffer(1e-6).covers(patch)
    assert window.height == window.width == 100  # 200 m at 2 m


def test_window__outside_the_grid_is_refused():
    with pytest.raises(GridError, match="outside the grid"):
        chip_window(shapely.box(0, 0, 1, 1), GRID, CONFIG)


def test_overlay__shows_known_facts_only():
    labels = [
        [s.label for s in overlay_surfaces(about)] for about in (illegal(), legal(), red_line())
    ]
    assert labels == [["永久基本农田"], ["有效审批"], ["生态红线"]]
    assert overlay_surfaces(unknown()) == ()
    (farmland,) = overlay_surfaces(illegal())
    assert farmland.geometry.area == pytest.approx(60 * 40 + 58 * 34)


def test_outline__by_hand():
    patch = shapely.box(500_010, 3_100_380, 500_020, 3_100_390)
    (ring,) = outline_px(patch, GRID).rings
    assert ring.min(axis=0).tolist() == [5, 5]
    assert ring.max(axis=0).tolist() == [10, 10]
    hole = patch.difference(shapely.box(500_012, 3_100_382, 500_014, 3_100_384))
    assert len(outline_px(hole, GRID).rings) == 2


def test_stretch__a_cloud_on_one_date_does_not_blacken_the_ground():
    random = np.random.default_rng(5)
    before = random.uniform(0.05, 0.15, (3, 64, 64)).astype(np.float32)
    after = before.copy()
    after[:, :32] = 0.9
    pictures = stretch_pair(before, after, DeliverSection())
    assert np.median(pictures[0]) > 60
    assert np.array_equal(pictures[0][32:], pictures[1][32:])  # equal ground still looks equal
    assert (pictures[1][:32] == 255).all()


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.9), st.booleans())
def test_stretch__limits_are_the_percentiles_of_numpy(seed, hidden, partly):
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(1, 12, 2))
    dates = [rng.uniform(0, 0.4, (3, *size)).astype(np.float32) for _ in range(2)]
    dates[0][:, rng.random(size) < hidden] = np.nan
    if partly:  # one band alone lacks pixels
        dates[1][1, rng.random(size) < hidden] = np.nan
    config = DeliverSection()
    pictures = stretch_pair(dates[0], dates[1], config)
    seen = [np.isfinite(date).all(axis=0) for date in dates]
    if not (seen[0].any() or seen[1].any()):
        assert (np.stack(pictures) == NOT_OBSERVED_GREY).all()
        return
    ends = [config.stretch_low_percent, config.stretch_high_percent]
    for band in range(3):
        values = [date[band].astype(np.float64) for date in dates]
        both = np.concatenate([date[own] for date, own in zip(values, seen, strict=True)])
        low, high = np.percentile(both, ends)
        finite = [date[np.isfinite(date)] for date in values]
        reach = min(np.percentile(date, ends[1]) for date in finite if date.size)
        reach = low + config.stretch_headroom * (reach - low)
        high = min(high, reach) if reach > low else high
        for date, own, picture in zip(values, seen, pictures, strict=True):
            share = (date[own] - low) / (high - low) if high > low else np.zeros(own.sum())
            expected = np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)
            np.testing.assert_array_equal(picture[..., band][own], expected)
            assert (picture[..., band][~own] == NOT_OBSERVED_GREY).all()
