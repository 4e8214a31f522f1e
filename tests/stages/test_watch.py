"""Whose ground a unit lies on: cell, field chief, warden; the order of rows means nothing."""

from dataclasses import dataclass

import geopandas as gpd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from changedetect.casepackage.charges import Charge
from changedetect.errors import LayerError
from changedetect.stages.cases import charges


@dataclass(frozen=True)
class Patch:
    unit_id: str
    geometry: object


def table(rows, names):
    data = {name: [row[k] for row in rows] for k, name in enumerate(names)}
    shapes = [row[-1] for row in rows]
    return gpd.GeoDataFrame(data, geometry=shapes, crs="EPSG:4547")


def cells(rows):
    return table(
        [(key, level, None, shape) for key, level, shape in rows], ("cell_id", "priority", "name")
    )


def people(rows):
    return table(rows, ("area_id", "person", "office", "level"))


CELLS = [("W1", "2", box(0, 0, 100, 100)), ("W2", "1", box(100, 0, 200, 100))]
CHIEFS = [
    ("T0", "县长", "县政府", "县", box(0, 0, 1000, 1000)),
    ("T1", "张某", "甲村", "村", box(0, 0, 100, 100)),
    ("T2", "李某", "乙村", "村", box(100, 0, 200, 100)),
]
WARDENS = [
    ("G1", "王某", None, None, box(0, 0, 60, 100)),
    ("G2", "赵某", "乙站", None, box(60, 0, 200, 100)),
]


def of(shape, chiefs=CHIEFS, wardens=WARDENS, grid=CELLS):
    return charges([Patch("P1", shape)], cells(grid), people(chiefs), people(wardens))[0]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (box(10, 10, 20, 20), Charge("P1", "W1", "2", "张某", "甲村", "王某", "")),
        (box(95, 10, 100, 20), Charge("P1", "W1", "2", "张某", "甲村", "赵某", "乙站")),
        (box(70, 10, 105, 20), Charge("P1", "W2", "1", "县长", "县政府", "赵某", "乙站")),
        (box(500, 500, 510, 510), Charge("P1", "", "", "县长", "县政府", "", "")),
        (box(5000, 0, 5010, 10), Charge("P1")),
    ],
)
def test_charges__by_hand(shape, expected):
    """A village's chief where the unit lies within the village; who has more of it where it does not."""
    assert of(shape) == expected


def test_charges__touching_a_border_is_not_lying_on_it():
    assert of(box(80, 10, 100, 20)).cell == "W1"


@given(st.permutations(range(3)), st.permutations(range(2)))
def test_charges__order_of_rows_means_nothing(chiefs, others):
    found = of(
        box(95, 10, 100, 20),
        [CHIEFS[k] for k in chiefs], [WARDENS[k] for k in others], [CELLS[k] for k in others],
    )  # fmt: skip
    assert found == of(box(95, 10, 100, 20))


def test_charges__no_layers_no_answer():
    assert of(box(10, 10, 20, 20), [], [], []) == Charge("P1")
    assert charges([], cells(CELLS), people(CHIEFS), people(WARDENS)) == ()


def test_charges__a_table_that_is_none_is_refused():
    broken = cells(CELLS).drop(columns="priority")
    with pytest.raises(LayerError, match="priority"):
        charges([], broken, people(CHIEFS), people(WARDENS))


def test_charge__cropland_goes_to_the_field_chief_else_to_the_warden():
    one = Charge("P1", chief="张某", chief_office="甲村", warden="赵某", warden_office="乙站")
    assert (one.office(takes_cropland=True), one.office(takes_cropland=False)) == ("甲村", "乙站")
    assert one.people == "田长张某；网格员赵某"
    assert Charge("P1", warden_office="乙站").office(takes_cropland=True) == "乙站"
    assert Charge("P1").people == ""
