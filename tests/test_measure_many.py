import numpy as np
import pytest
import shapely

from changedetect import measure
from changedetect.errors import GridError


def test_measure_many__equals_measuring_one_by_one():
    rng = np.random.default_rng(7)
    polygons = []
    for _ in range(40):
        x, y = rng.uniform([420_000, 3_000_000], [580_000, 3_300_000])
        disc = shapely.Point(x, y).buffer(rng.uniform(5, 900), quad_segs=int(rng.integers(1, 9)))
        ring = disc.difference(shapely.Point(x, y).buffer(2))
        parts = [ring, shapely.box(x + 2000, y, x + 2010, y + 5)][: int(rng.integers(1, 3))]
        polygons.append(shapely.MultiPolygon(parts))
    turned = [shapely.reverse(polygon) for polygon in polygons]
    for given in (polygons, turned):
        areas, lengths = measure.measure_many(np.array(given), "EPSG:4547")
        assert areas == pytest.approx(
            [measure.area_m2(p, "EPSG:4547") for p in polygons], rel=1e-12
        )
        assert lengths == pytest.approx(
            [measure.perimeter_m(p, "EPSG:4547") for p in polygons], rel=1e-12
        )


def test_measure_many__takes_one_takes_none_and_refuses_the_impossible():
    one = np.array([shapely.MultiPolygon([shapely.box(500_000, 3e6, 500_100, 3e6 + 100)])])
    assert measure.measure_many(one, "EPSG:4547")[0] == pytest.approx([1e4], rel=2e-3)
    assert [len(found) for found in measure.measure_many(one[:0], "EPSG:4547")] == [0, 0]
    with pytest.raises(GridError, match="do not exist"):
        measure.measure_many(shapely.transform(one, lambda xy: xy * 1e9), "EPSG:4547")


def test_areas__are_those_of_shapes_alone_to_the_last_digit():
    box = shapely.box(500_000, 3_100_000, 500_040, 3_100_060)
    holed = shapely.Polygon(
        box.exterior.coords,
        [
            shapely.box(500_000 + k, 3_100_001, 500_000 + k + 2, 3_100_003).exterior.coords
            for k in (1, 5, 9)
        ],
    )
    shapes = [
        holed,
        shapely.MultiPolygon(),
        shapely.MultiPolygon([holed, shapely.box(500_100, 3_100_000, 500_103, 3_100_007)]),
        shapely.GeometryCollection([shapely.Point(500_000, 3_100_000), box]),
        shapely.LineString([(500_000, 3_100_000), (500_001, 3_100_000)]),
    ]
    found = measure.areas_m2(np.array(shapes, dtype=object), "EPSG:4547")
    assert found == [measure.area_m2(shape, "EPSG:4547") for shape in shapes]
    assert measure.areas_m2(np.array([], dtype=object), "EPSG:4547") == []
