from datetime import UTC, date, datetime

import numpy as np
import pytest
import rasterio.features
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from rasterio.transform import Affine

from changedetect import measure, schema
from changedetect.config.detection import PatchesSection
from changedetect.errors import LayerError
from changedetect.grid import Grid, Window
from changedetect.records import Scene, ScenePair
from changedetect.stages.patches import (
    Parts,
    TileRuns,
    failed_tile,
    halo_px,
    outline,
    tile_runs,
    unobserved_areas,
)

THRESHOLD = 100
NODATA = schema.EVIDENCE_NODATA
MISSING = np.iinfo(np.int32).min
PLAIN = PatchesSection(min_pixels=1, gap_px=0)

STATES = arrays(
    np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=16), elements=st.integers(0, 2)
)
"""0 unchanged, 1 changed, 2 not observed."""


def grid_of(shape, crs="EPSG:4547"):
    return Grid(crs, (2.0, 0.0, 500_000.0, 0.0, -2.0, 3_200_000.0), shape[1], shape[0])


def evidence_of(states):
    """Evidence with a value of its own in each pixel, so that sums tell pixels apart."""
    places = np.arange(states.size).reshape(states.shape) % 97
    return np.select([states == 1, states == 2], [THRESHOLD + places, NODATA], -places).astype(
        np.int16
    )


def states_of(text):
    return np.array([[int(c) for c in line] for line in text.split()], np.uint8)


def channels_of(states):
    values = np.arange(states.size, dtype=np.int32).reshape(states.shape)
    gaps = np.where(values % 3 == 0, MISSING, -values)
    return np.stack([values, gaps]).astype(np.int32)


def cut(states, size, cfg, *, pair_index=0):
    evidence, channels, grid = evidence_of(states), channels_of(states), grid_of(states.shape)
    return [
        tile_runs(
            np.ascontiguousarray(evidence[tile.outer.slices]),
            tile,
            THRESHOLD,
            np.ascontiguousarray(channels[:, *tile.outer.slices]),
            cfg,
            pair_index=pair_index if np.isscalar(pair_index) else pair_index[tile.outer.slices],
        )
        for tile in grid.tiles(size, halo_px(cfg))
    ]


def outlined(states, cfg=PLAIN, size=64):
    return outline(cut(states, size, cfg), grid_of(states.shape), cfg)


def digest(result):
    """Everything an outline says, as values to compare."""
    table = result.patches
    return (
        [polygon.wkb for polygon in table.geometry],
        table.drop(columns="geometry").to_dict("list"),
        result.moments.tolist(),
        result.noise_groups,
        result.noise_px,
        result.observed_px,
        result.unobserved_px,
    )


@given(STATES, st.integers(1, 9), st.integers(0, 2), st.integers(1, 6), st.randoms())
def test_outline__is_the_same_for_every_tiling_and_order(states, size, gap, least, shuffler):
    cfg = PatchesSection(min_pixels=least, gap_px=gap)
    parts = cut(states, size, cfg)
    shuffler.shuffle(parts)
    whole = cut(states, 64, cfg)
    grid = grid_of(states.shape)
    assert digest(outline(parts, grid, cfg)) == digest(outline(whole, grid, cfg))
    read = Parts(tuple(lambda part=part: part for part in parts))
    assert digest(outline(read, grid, cfg)) == digest(outline(parts, grid, cfg))
    found, expected = (unobserved_areas(p, grid, cfg, reason="云") for p in (parts, whole))
    assert [area.geometry.wkb for area in found] == [area.geometry.wkb for area in expected]
    assert [area.window for area in found] == [area.window for area in expected]


@given(STATES)
def test_outline__equals_rasterio_and_shapely(states):
    result = outlined(states)
    mask = (states == 1).astype(np.uint8)
    transform = Affine(*grid_of(states.shape).transform)
    pieces = [
        shapely.geometry.shape(geometry)
        for geometry, _ in rasterio.features.shapes(mask, mask == 1, 4, transform)
    ]
    ours = list(result.patches.geometry)
    assert shapely.is_valid(ours).all()
    assert all(polygon.geom_type == "MultiPolygon" for polygon in ours)
    union = shapely.union_all(pieces)
    assert shapely.symmetric_difference(shapely.union_all(ours), union).area == 0
    assert sum(len(polygon.geoms) for polygon in ours) == len(pieces)
    assert [polygon.area / 4 for polygon in ours] == result.patches.pixels.tolist()


@given(STATES)
def test_outline__rings_are_oriented_and_ids_name_the_first_pixel(states):
    patches = outlined(states).patches
    assert patches.patch_id.is_unique
    assert patches.patch_id.is_monotonic_increasing
    for patch_id, multi in zip(patches.patch_id, patches.geometry, strict=True):
        row, col = int(patch_id[1:7]), int(patch_id[7:])
        assert states[row, col] == 1
        assert not (states[row, :col] == 1)[max(col - 1, 0) :].any()
        assert multi.covers(shapely.Point(500_001 + 2 * col, 3_199_999 - 2 * row))
        assert all(p.exterior.is_ccw for p in multi.geoms)
        assert not any(ring.is_ccw for p in multi.geoms for ring in p.interiors)


@given(STATES, st.integers(0, 2), st.integers(1, 6))
def test_outline__nothing_disappears_and_nothing_unobserved_is_filled(states, gap, least):
    cfg = PatchesSection(min_pixels=least, gap_px=gap)
    result = outline(cut(states, 5, cfg), grid_of(states.shape), cfg)
    kept = int(result.patches.pixels.sum())
    changed = int((states == 1).sum())
    assert kept + result.noise_px >= changed
    assert kept + result.noise_px == changed or gap > 0
    assert (result.patches.pixels >= least).all()
    assert result.observed_px + result.unobserved_px == states.size
    assert result.unobserved_px == (states == 2).sum()
    hidden = unobserved_areas(cut(states, 5, cfg), grid_of(states.shape), cfg, reason="云")
    assert sum(area.geometry.area for area in hidden) == 4 * result.unobserved_px
    if hidden and kept:
        ground = shapely.union_all([area.geometry for area in hidden])
        assert shapely.union_all(list(result.patches.geometry)).intersection(ground).area == 0


@given(STATES)
def test_outline__sums_are_those_of_the_pixels(states):
    result = outlined(states, size=3)
    channels, evidence = channels_of(states), evidence_of(states)
    transform = Affine(*grid_of(states.shape).transform)
    for number, patch in enumerate(result.patches.itertuples()):
        inside = (
            rasterio.features.rasterize([patch.geometry], states.shape, transform=transform) == 1
        )
        values = evidence[inside].astype(int)
        assert patch.llr_mean == values.sum() / len(values) / schema.EVIDENCE_SCALE
        assert patch.llr_max == values.max() / schema.EVIDENCE_SCALE
        for channel, moments in zip(channels, result.moments[number].tolist(), strict=True):
            known = channel[inside].astype(int)
            known = known[known != MISSING]
            assert moments == [len(known), known.sum(), (known**2).sum()]


@pytest.mark.parametrize(
    ("text", "pixels", "polygons", "holes"),
    [
        ("1", [1], 1, 0),
        ("111 111", [6], 1, 0),
        ("111 101 111", [8], 1, 1),
        ("10 01", [2], 2, 0),
        ("111 101 110", [7], 1, 1),
        ("11111 10101 11111", [13], 1, 2),
        ("11111 11011 10101 11011 11111", [21], 2, 1),
        ("1111 1011 1101 1111", [14], 1, 2),
        ("101", [1, 1], 2, 0),
        ("000", [], 0, 0),
        ("222 212 222", [1], 1, 0),
    ],
)
def test_outline__by_hand(text, pixels, polygons, holes):
    patches = outlined(states_of(text)).patches
    assert patches.pixels.tolist() == pixels
    assert patches.geometry.is_valid.all()
    parts = [part for multi in patches.geometry for part in multi.geoms]
    assert len(parts) == polygons
    assert sum(len(part.interiors) for part in parts) == holes
    assert patches.geometry.area.tolist() == [4.0 * count for count in pixels]


def test_outline__drops_points_on_straight_lines():
    (polygon,) = outlined(np.ones((9, 7), np.uint8), size=2).patches.geometry
    assert shapely.get_num_coordinates(polygon) == 5
    assert polygon.bounds == grid_of((9, 7)).bounds


def test_outline__measures_on_the_ellipsoid_as_measure_does():
    states = states_of("1111 1001 1011 1111")
    patches = outlined(states).patches
    assert patches.area_m2[0] == pytest.approx(
        measure.area_m2(patches.geometry[0], "EPSG:4547"), rel=1e-12
    )
    assert patches.perimeter_m[0] == pytest.approx(
        measure.perimeter_m(patches.geometry[0], "EPSG:4547"), rel=1e-9
    )
    assert patches.area_sd_m2[0] == measure.area_sd_m2(patches.perimeter_m[0], 2.0)


def test_outline__without_georeference_is_planar():
    states = states_of("110 100")
    parts = cut(states, 64, PLAIN)
    grid = Grid("", (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), 3, 2)
    patches = outline(parts, grid, PLAIN).patches
    assert patches.crs is None
    assert (patches.area_m2[0], patches.perimeter_m[0]) == (3.0, 8.0)


def scene(name, day):
    return Scene(
        name, "s", "optical", datetime.combine(day, datetime.min.time(), UTC), "a.tif",
        grid_of((4, 4)), (), "uint16", None, 2.0, "",
    )  # fmt: skip


def pair(number):
    return ScenePair(
        scene(f"before{number}", date(2025, 1, number)),
        scene(f"after{number}", date(2025, 6, number)),
    )


def test_outline__names_the_pair_under_most_of_a_patch():
    states = states_of("11111 00000 11110")
    index = np.array([[2, 2, 1, 1, 1], [0] * 5, [2, 2, 1, 1, 0]], np.int16)
    grid = grid_of(states.shape)
    for size in (1, 2, 64):
        patches = outline(
            cut(states, size, PLAIN, pair_index=index), grid, PLAIN, [pair(1), pair(2), pair(3)]
        ).patches
        schema.check_table(patches, schema.PATCHES)
        assert list(patches.columns) == list(schema.PATCHES.names)
        assert patches.before_scene.tolist() == ["before2", "before2"]
        assert patches.after_date.tolist() == [date(2025, 6, 2)] * 2


def test_outline__refuses_a_pair_that_was_not_given():
    states = states_of("11")
    parts = cut(states, 64, PLAIN, pair_index=np.full((1, 2), 3))
    with pytest.raises(LayerError, match="scene pair 3; 0 to 0"):
        outline(parts, grid_of(states.shape), PLAIN, [pair(1)])


def test_outline__of_no_tiles_is_empty():
    result = outline([], grid_of((4, 4)), PLAIN, [pair(1)])
    schema.check_table(result.patches, schema.PATCHES)
    assert len(result.patches) == 0
    assert unobserved_areas([], grid_of((4, 4)), PLAIN, reason="云") == ()


def test_tile_runs__closing_stops_at_what_was_not_observed():
    states = states_of("101 121 101")
    assert outlined(states, PatchesSection(min_pixels=1, gap_px=1)).patches.pixels.tolist() == [8]


def test_tile_runs__a_sampler_gives_what_arrays_give():
    states = states_of("1101 0111 1200")
    (tile,) = grid_of(states.shape).tiles(64, 0)
    channels = channels_of(states)
    asked = []

    def sampler(rows, cols):
        asked.append(len(rows))
        return channels[:, rows, cols]

    by_array = tile_runs(evidence_of(states), tile, THRESHOLD, channels, PLAIN)
    by_sampler = tile_runs(evidence_of(states), tile, THRESHOLD, sampler, PLAIN)
    assert np.array_equal(by_array.moments, by_sampler.moments)
    assert sum(asked) == 7


def test_tile_runs__blocks_of_pixels_add_up(monkeypatch):
    states = np.ones((6, 11), np.uint8)
    expected = digest(outlined(states))
    monkeypatch.setattr("changedetect.stages.patches.sums._PIXELS_AT_ONCE", 7)
    assert digest(outlined(states)) == expected


def test_tile_runs__drops_noise_inside_a_tile_only():
    states = np.zeros((6, 6), np.uint8)
    states[2, 2] = states[4, 4] = states[5, 5] = 1
    cfg = PatchesSection(min_pixels=2, gap_px=0)
    (part,) = cut(states, 64, cfg)
    assert part.runs[:, 0].tolist() == [4, 5]
    assert part.counts.tolist() == [36, 0, 1, 1]
    result = outline([part], grid_of(states.shape), PatchesSection(min_pixels=3))
    assert (len(result.patches), result.noise_groups, result.noise_px) == (0, 2, 3)
    assert result.noise_area_m2 == pytest.approx(12.0, rel=1e-3)


def test_tile_runs__survives_storage():
    states = states_of("1101 0111 1200")
    (part,) = cut(states, 64, PLAIN)
    again = TileRuns.from_arrays(part.to_arrays())
    grid = grid_of(states.shape)
    assert digest(outline([again], grid, PLAIN)) == digest(outline([part], grid, PLAIN))
    arrays_by_name = part.to_arrays()
    del arrays_by_name["votes"]
    with pytest.raises(LayerError, match="votes"):
        TileRuns.from_arrays(arrays_by_name)


def test_tile_runs__refuses_evidence_of_another_form():
    (tile,) = grid_of((3, 3)).tiles(64, 0)
    with pytest.raises(LayerError, match="int16"):
        tile_runs(np.zeros((3, 3)), tile, 1, channels_of(np.zeros((3, 3))), PLAIN)
    with pytest.raises(LayerError, match="outer window"):
        tile_runs(np.zeros((2, 3), np.int16), tile, 1, channels_of(np.zeros((3, 3))), PLAIN)


@given(STATES, st.integers(0, 5), st.integers(0, 5))
def test_painted__is_what_was_outlined(states, row, col):
    cfg = PatchesSection(min_pixels=3, gap_px=0)
    result = outline(cut(states, 5, cfg), grid_of(states.shape), cfg)
    whole = Window(0, 0, *states.shape)
    painted = result.painted(whole)
    drawn = rasterio.features.rasterize(
        [(geometry, 1) for geometry in result.patches.geometry] or [(shapely.Point(0, 0), 0)],
        states.shape,
        transform=Affine(*grid_of(states.shape).transform),
    )
    assert np.array_equal(painted, drawn == 1)
    window = Window(row, col, 4, 3).grown(0, whole)
    if window.height > 0 and window.width > 0:
        assert np.array_equal(result.painted(window), painted[window.slices])


def test_tile_runs__thresholds_may_differ_by_pixel():
    states = states_of("11 11")
    (tile,) = grid_of(states.shape).tiles(64, 0)
    threshold = np.array([[THRESHOLD, 20_000], [20_000, THRESHOLD]], np.int32)
    part = tile_runs(evidence_of(states), tile, threshold, channels_of(states), PLAIN)
    assert part.runs.tolist() == [[0, 0, 1], [1, 1, 2]]


def test_failed_tile__is_unobserved_ground():
    states = np.ones((4, 8), np.uint8)
    grid = grid_of(states.shape)
    tiles = list(grid.tiles(4, 0))
    parts = cut(states, 4, PLAIN)
    parts[1] = failed_tile(tiles[1], 2)
    result = outline(parts, grid, PLAIN)
    assert (result.observed_px, result.unobserved_px) == (16, 16)
    assert result.patches.pixels.tolist() == [16]
    (area,) = unobserved_areas(parts, grid, PLAIN, reason="切片失败")
    assert (area.window, area.reason) == (tiles[1].core, "切片失败")
    assert area.area_m2 == pytest.approx(64.0, rel=1e-3)


def test_unobserved_areas__puts_specks_together():
    states = states_of("2000 0000 0022 2022 0000 2022")
    cfg = PatchesSection(min_pixels=3, gap_px=0)
    large, specks = unobserved_areas(cut(states, 3, cfg), grid_of(states.shape), cfg, reason="云")
    assert (large.geometry.area, large.window) == (16.0, Window(2, 2, 2, 2))
    assert len(specks.geometry.geoms) == 4
    assert (specks.geometry.area, specks.window) == (20.0, Window(0, 0, 6, 4))
