"""Shared areas without shapes: against hand answers and against shapely, on any polygon."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from changedetect.bench import compare, generated
from changedetect.stages.crosscheck.areas import areas_of_pairs, pair_areas, rings_of
from changedetect.stages.crosscheck.overlay import pairs

EAST, NORTH = 500_000.0, 3_100_000.0


def area(one, other):
    both = np.array([one, other], dtype=object)
    return float(areas_of_pairs(both[:1], both[1:], np.array([[0, 0]]))[0])


RING = shapely.box(0, 0, 10, 10).difference(shapely.box(3, 3, 7, 7))
HAND = {
    "whole": (shapely.box(0, 0, 4, 4), shapely.box(-9, -9, 9, 9), 16),
    "corner": (shapely.box(0, 0, 4, 4), shapely.box(3, 3, 9, 9), 1),
    "touch": (shapely.box(0, 0, 4, 4), shapely.box(4, 0, 8, 4), 0),
    "apart": (shapely.box(0, 0, 4, 4), shapely.box(5, 5, 8, 8), 0),
    "triangle": (shapely.box(0, 0, 4, 4), shapely.Polygon([(0, 0), (4, 0), (0, 4)]), 8),
    "crossing": (
        shapely.Polygon([(0, 0), (4, 0), (4, 4)]), shapely.Polygon([(0, 0), (4, 0), (0, 4)]), 4,
    ),
    "hole": (RING, shapely.box(2, 2, 8, 8), 20),
    "in the hole": (RING, shapely.box(4, 4, 6, 6), 0),
    "two holes": (RING, RING, 84),
    "parts": (
        shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(5, 0, 6, 1)]),
        shapely.box(0.5, 0, 5.5, 1), 1,
    ),
    "level with the floor": (shapely.box(0, 0, 2, 2), shapely.box(0, 0, 2, 1), 2),
}  # fmt: skip


@pytest.mark.parametrize("name", HAND)
@pytest.mark.parametrize("turned", [False, True])
def test_area__hand_answers_whichever_way_rings_run(name, turned):
    one, other, expected = HAND[name]
    if turned:
        one, other = (shapely.orient_polygons(shape, exterior_cw=True) for shape in (other, one))
    assert area(one, other) == pytest.approx(expected, abs=1e-12)


def star(seed, corners, hole):
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    reach = rng.uniform(5, 60, corners)
    x, y = rng.uniform(-30, 30, 2)
    ring = np.column_stack([EAST + x + reach * np.cos(angle), NORTH + y + reach * np.sin(angle)])
    shape = shapely.Polygon(ring)
    if not shape.is_valid:
        shape = shape.convex_hull
    inner = shapely.Point(EAST + x, NORTH + y).buffer(4, quad_segs=2)
    return shape.difference(inner) if hole else shape


@settings(max_examples=150, deadline=None)
@given(
    seeds=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
    corners=st.tuples(st.integers(3, 40), st.integers(3, 40)),
    holes=st.tuples(st.booleans(), st.booleans()),
)
def test_area__is_that_of_shapely_and_does_not_depend_on_order_or_place(seeds, corners, holes):
    one, other = (star(s, c, h) for s, c, h in zip(seeds, corners, holes, strict=True))
    found = area(one, other)
    assert found == pytest.approx(shapely.intersection(one, other).area, abs=1e-9 * one.area + 1e-6)
    assert found == pytest.approx(area(other, one), rel=1e-12, abs=1e-9)
    near = [
        shapely.transform(shape, lambda points: points - (EAST, NORTH)) for shape in (one, other)
    ]
    assert found == pytest.approx(area(*near), rel=1e-9, abs=1e-6)
    swapped = [shapely.transform(shape, lambda points: points[:, ::-1]) for shape in near]
    assert area(*near) == pytest.approx(area(*swapped), rel=1e-12, abs=1e-9)


def test_areas__of_patches_and_parcels_are_those_of_the_overlay_and_close():
    """Blobs with holes over a mesh without gaps: 1e-9 of a patch each, and their sum the patch."""
    plan = generated.Plan(640, blobs=60, seed=5)
    shapes = compare.our_polygons(compare.mask_of(plan), compare.grid_of(640))
    records = generated.parcels(640).geometry.to_numpy()
    tree = shapely.STRtree(records)
    left, right, found = pair_areas(tree, shapes, records)
    expected = {
        (k, row): part.area for k, row, part in zip(*pairs(tree, shapes, records), strict=True)
    }
    sizes = shapely.area(shapes)
    ours = dict(zip(zip(left.tolist(), right.tolist(), strict=True), found.tolist(), strict=True))
    assert len(expected) > 300
    for key in expected.keys() | ours.keys():
        assert ours.get(key, 0.0) == pytest.approx(expected.get(key, 0.0), abs=1e-9 * sizes[key[0]])
    np.testing.assert_allclose(np.bincount(left, found, len(shapes)), sizes, rtol=1e-11)


def test_rings__signs_and_places():
    points, starts = rings_of(np.array([RING, shapely.box(0, 0, 1, 1)], dtype=object))
    assert starts.tolist() == [0, 12, 18]
    assert np.isnan(points[[5, 11, 17]]).all()
    edges = points[:-1][~np.isnan(points[:-1, 0]) & ~np.isnan(points[1:, 0])]
    assert set(edges[:, 2].tolist()) <= {1.0, -1.0}
    assert len(rings_of(np.empty(0, object))[0]) == 0
