"""The list of closed cases: some grounds are built on again, none gets an approval by it."""

from datetime import date
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import shapely

from changedetect.simulate.cleared import draw_cleared
from changedetect.simulate.legality import Label

START = date(2025, 6, 1)
CRS = "EPSG:4547"


def plan(family="building", day=date(2025, 6, 9), chain=0):
    return SimpleNamespace(family=family, days=(day,), chain=chain)


def at(x, y, size=30):
    return shapely.box(500000 + x, 3100000 + y, 500000 + x + size, 3100000 + y + size)


PLANNED = [
    (plan(), at(0, 0), Label("illegal", None, "none")),
    (plan("hard_surface"), at(100, 0), Label("illegal", None, "none")),
    (plan(), at(200, 0), Label("legal", "NZY", "valid")),
    (plan(), at(300, 0), Label("illegal", None, "later")),
    (plan(day=date(2025, 3, 1)), at(400, 0), Label("illegal", None, "none")),
    (plan("pond"), at(500, 0), Label("not_construction", None, "none")),
    (plan(chain=1), at(600, 0), Label("illegal", None, "none")),
]
FIELDS = [at(x, 300) for x in range(0, 700, 100)]
LAND = gpd.GeoDataFrame(
    {"DLBM": ["0101", "0103", "0101", "0601", "1206", "0601", "0301"]}, geometry=FIELDS, crs=CRS
)


def drawn(seed=5):
    plans, places, labels = zip(*PLANNED, strict=True)
    chance = np.random.default_rng(seed)
    return draw_cleared(chance, plans, places, labels, {"DLTB": LAND}, START)


def test_cleared__is_the_same_for_the_same_seed_and_sorted_by_day():
    first = drawn()
    assert first.equals(drawn())
    assert list(first["XHRQ"]) == sorted(first["XHRQ"])
    assert first["WBBH"].is_unique


def test_cleared__every_case_was_opened_before_it_was_closed_before_the_first_month():
    for row in drawn().itertuples():
        assert row.LARQ < row.XHRQ < START


def test_cleared__only_new_unlawful_buildings_stand_on_closed_ground_again():
    shapes = drawn().geometry
    again = [i for i, (_, place, _) in enumerate(PLANNED) if shapes.intersects(place).any()]
    assert again == [0, 1]
    for place in (PLANNED[0][1], PLANNED[1][1]):
        assert shapes[shapes.intersects(place)].iloc[0].covers(place)


def test_cleared__the_rest_lies_on_fields_and_on_bare_or_built_ground():
    on = {
        code
        for shape in drawn().geometry
        for code, field in zip(LAND["DLBM"], FIELDS, strict=True)
        if shape.intersects(field)
    }
    assert on & {"0101", "0103"}
    assert on & {"0601", "1206"}
    assert "0301" not in on
