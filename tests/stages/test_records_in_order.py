"""Records come in the order of identifier, then shape, whatever order they were given in."""

import geopandas as gpd
import numpy as np
import shapely

from changedetect.stages.crosscheck import references

CRS = "EPSG:4547"
CODES = ["431002", "431001", "431002", "431001", "431003"]


def districts(order):
    shapes = [shapely.MultiPolygon([shapely.box(x, 0, x + 1, 1)]) for x in (5, 3, 2, 4, 1)]
    rows = {"code": CODES, "name": list("abcde")}
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS).iloc[list(order)]


def test_ordered__by_identifier_then_shape():
    def by_hand(row):
        return districts(range(5))["code"][row], shapely.to_wkb(districts(range(5)).geometry[row])

    expected = [districts(range(5))["name"][row] for row in sorted(range(5), key=by_hand)]
    rng = np.random.default_rng(1)
    for order in [range(5), *(rng.permutation(5) for _ in range(10))]:
        found = references.ordered_districts(districts(order), CRS)
        assert found["name"].tolist() == expected
