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
