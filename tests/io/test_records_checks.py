"""What is looked at before a record layer is used: a table of faults, each found and named."""

import datetime as dt
import sqlite3
import struct
from contextlib import closing

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.affinity import translate
from shapely.geometry import Point, Polygon, box

from changedetect.config.job import LayerSection
from changedetect.config.record_forms import RecordChecksSection
from changedetect.io import layer_geometry
from changedetect.io.layer_checks import Ground, compared, inspect
from changedetect.io.vectors import Kind, load_layer
from changedetect.pipeline.runs.job import SHARED_CONFIG, read_form
from changedetect.schema import APPROVALS, PARCELS, PRIORITY_CELLS

CRS = "EPSG:4547"
X, Y = 500000, 3100000
COUNTIES = gpd.GeoDataFrame(
    {"code": ["430991", "430992"], "name": ["甲县", "乙县"]},
    geometry=[box(X, Y, X + 1000, Y + 1000), box(X + 1000, Y, X + 2000, Y + 1000)],
    crs=CRS,
)
GROUND = Ground(COUNTIES, CRS, RecordChecksSection())
SPECS = {"DLTB": PARCELS, "YXWG": PRIORITY_CELLS}


def square(x=0, y=0, side=50):
    return box(X + x, Y + y, X + x + side, Y + y + side)


def approvals(shapes, **columns):
    n = len(shapes)
    rows = {
        "BSM": [str(k) for k in range(1, n + 1)],
        "PZWH": [f"湘〔2025〕{k}号" for k in range(n)],
        "PZRQ": ["2025-01-01"] * n,
        "YXQZ": ["2027-01-01"] * n,
        "SPMJ": [1.0 if s is None else max(s.area, 1.0) for s in shapes],
    }
    return gpd.GeoDataFrame({**rows, **columns}, geometry=list(shapes), crs=CRS)


@pytest.fixture
def look(tmp_path):
    def look(frame, name="LS", **section):
        path = tmp_path / "a.gpkg"
        pyogrio.write_dataframe(frame, path, geometry_type="Unknown")
        section = LayerSection(**{"path": "a.gpkg", "covers": ("430991", "430992"), **section})
        kind = Kind(name, SPECS.get(name, APPROVALS), read_form(SHARED_CONFIG, name))
        return inspect(load_layer(path, section, kind), kind, section, GROUND)

    return look


def check(report, name):
    return next(one for one in report.checks if one.name == name)


SOUND = (square(), square(300), square(1200))


def test_a_sound_layer_passes_everything(look):
    report = look(approvals(SOUND), as_of="2025-06-30", source="省厅", version="v1")
    assert {one.state for one in report.checks} == {"pass"}
    assert report.state == "pass"
    assert [(c.county, c.rows, c.declared) for c in report.coverage] == [
        ("430991", 2, True), ("430992", 1, True),
    ]  # fmt: skip
    assert (report.manifest.rows, report.manifest.source) == (3, "省厅")
    assert report.manifest.first_date == report.manifest.last_date == dt.date(2025, 1, 1)


def damaged():
    with np.errstate(invalid="ignore"):
        return shapely.from_wkt("POLYGON ((0 0, 0 NaN, 9 9, 0 0))")


BOWTIE = Polygon([(X, Y), (X + 50, Y + 50), (X + 50, Y), (X, Y + 50)])
SPIKE = Polygon(
    [(X, Y), (X + 50, Y), (X + 50, Y + 50), (X + 80, Y + 50), (X + 50, Y + 50), (X, Y + 50)]
)
FAULTS = {
    "no geometry": (lambda: approvals([None, *SOUND]), "absent", "warn", (1,)),
    "point": (lambda: approvals([*SOUND, Point(X, Y)]), "surface", "fail", (4,)),
    "zone prefix": (
        lambda: approvals([*SOUND, translate(square(), 38e6)]), "system", "fail", (4,),
    ),
    "swapped": (
        lambda: approvals([*SOUND, shapely.transform(square(), lambda p: p[:, ::-1])]), "system", "fail", (4,),
    ),
    "not a number": (lambda: approvals([*SOUND, damaged()]), "finite", "fail", (4,)),
    "bowtie": (lambda: approvals([*SOUND[1:], BOWTIE]), "valid", "fail", (3,)),
    "spike": (lambda: approvals([*SOUND[1:], SPIKE]), "valid", "warn", (3,)),
    "same id": (lambda: approvals(SOUND, BSM=["1", "2", "1"]), "same_id", "warn", (3,)),
    "same ground": (lambda: approvals([*SOUND, SOUND[0].reverse()]), "same_ground", "warn", (4,)),
    "sliver": (lambda: approvals([*SOUND, box(X, Y + 500, X + 200, Y + 500.3)]), "sliver", "warn", (4,)),
    "overlap": (lambda: approvals([*SOUND, square(40)]), "overlap", "warn", (1, 4)),
    "outside": (lambda: approvals([*SOUND, square(5000)]), "inside", "warn", (4,)),
    "wrong area": (lambda: approvals(SOUND, SPMJ=[2400.0, 2500.0, 2500.0]), "area", "warn", (1,)),
    "no date": (lambda: approvals(SOUND, PZRQ=[None, "2025-01-01", "2025-01-01"]), "dated", "warn", (1,)),
    "no date at all": (lambda: approvals(SOUND, PZRQ=[None] * 3), "dated", "fail", (1, 2, 3)),
    "ends before": (
        lambda: approvals(SOUND, YXQZ=["2024-01-01", "2027-01-01", "2027-01-01"]), "date_order", "fail", (1,),
    ),
    "begins after": (
        lambda: approvals(SOUND, YXQQ=["2028-01-01", None, None]), "date_order", "fail", (1,),
    ),
    "after the layer": (
        lambda: approvals(SOUND, PZRQ=["2025-07-01", "2025-01-01", "2025-01-01"]), "as_of", "warn", (1,),
    ),
    "no end": (lambda: approvals(SOUND, YXQZ=[None, "2027-01-01", "长期"]), "has_end", "warn", (1, 3)),
    "no number": (lambda: approvals(SOUND, PZWH=["x", None, ""]), "document", "warn", (2, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_fault__is_found_and_its_rows_named(look, name):
    make, key, state, rows = FAULTS[name]
    report = look(make(), as_of="2025-06-30")
    found = check(report, key)
    assert (found.state, found.rows, found.count) == (state, rows, len(rows))
    assert any(str(rows[0]) in line for line in report.lines())
    assert report.state == ("fail" if state == "fail" else report.state)


def test_repair__is_told_with_both_areas_and_the_original_is_kept(look):
    report = look(approvals([*SOUND[1:], BOWTIE]))
    assert "第 3 行 0.00 → 1250.00" in check(report, "valid").text
    assert [row for row, _ in report.originals] == [3]
    assert report.originals[0][1].equals_exact(BOWTIE)
    assert shapely.is_valid(report.shapes).all()
    assert ("fail", "拓扑有效") not in [(state, title) for state, title, _ in report.marks]


@pytest.mark.parametrize(("unit", "factor"), [("公顷", 10_000), ("亩", 2000 / 3)])
def test_stated_area__in_another_unit_is_told(look, unit, factor):
    frame = approvals(SOUND)
    frame["SPMJ"] = (frame["SPMJ"] / factor).round(4)
    assert f"疑以{unit}计" in check(look(frame), "area").text
    declared = look(frame, area_unit={"公顷": "ha", "亩": "mu"}[unit])
    assert check(declared, "area").state == "pass"


def test_stated_area__absent_is_not_checked(look):
    assert check(look(approvals(SOUND).drop(columns="SPMJ")), "area").state == "skip"


def parcels(shapes, classes):
    n = len(shapes)
    rows = {"BSM": [str(k) for k in range(n)], "DLBM": classes}
    return gpd.GeoDataFrame(rows, geometry=list(shapes), crs=CRS)


def test_parcels__overlap_is_a_fault_and_gaps_are_told(look):
    whole = [box(X, Y, X + 1000, Y + 1000), box(X + 1000, Y, X + 2000, Y + 1000)]
    good = look(parcels(whole, ["0101", "0301"]), "DLTB")
    assert good.state == "pass"
    assert [one.share for one in good.coverage] == [1.0, 1.0]
    gap = look(parcels([whole[0], box(X + 1000, Y, X + 1900, Y + 1000)], ["0101"] * 2), "DLTB")
    assert check(gap, "coverage").state == "fail"
    assert "430992 已声明覆盖但不足县域 99%" in check(gap, "coverage").text
    over = look(parcels([whole[0], box(X + 990, Y, X + 2000, Y + 1000)], ["0101"] * 2), "DLTB")
    assert check(over, "overlap").state == "fail"
    assert "1 对重叠, 共 10000.0 m²: 1×2" in check(over, "overlap").text
    hair = look(parcels([whole[0], box(X + 999.95, Y, X + 2000, Y + 1000)], ["0101"] * 2), "DLTB")
    assert check(hair, "overlap").state == "pass", "thinner than drawing error"
    codes = look(parcels(whole, ["0101", "9999"]), "DLTB")
    assert check(codes, "land_class").rows == (2,)


def test_coverage__declared_without_rows_and_rows_without_declaration(look):
    report = look(approvals(SOUND[:2]))
    assert "430992 已声明覆盖但无一行" in check(report, "coverage").text
    report = look(approvals(SOUND), covers=("430991",))
    assert "430992 有数据但未声明覆盖" in check(report, "coverage").text


def test_priorities__other_words_are_named(look):
    rows = {"WGBH": ["1", "2"], "YXJ": ["重点", "很重点"]}
    frame = gpd.GeoDataFrame(rows, geometry=[square(), square(100)], crs=CRS)
    assert check(look(frame, "YXWG"), "priority").rows == (2,)


def test_curves__are_turned_into_chords_and_told(tmp_path, look):
    """A circle stored as CURVEPOLYGON (SQL/MM part 3): read as a polygon, with a note."""
    path = tmp_path / "a.gpkg"
    frame = approvals([square()])
    pyogrio.write_dataframe(frame, path, geometry_type="Unknown", SPATIAL_INDEX="NO")
    corners = [(X, Y + 50), (X + 50, Y + 100), (X + 100, Y + 50), (X + 50, Y), (X, Y + 50)]
    arcs = struct.pack("<BII", 1, 8, 5) + b"".join(struct.pack("<dd", *one) for one in corners)
    curve = struct.pack("<BII", 1, 10, 1) + arcs
    with closing(sqlite3.connect(path)) as base:
        ((blob,),) = base.execute("SELECT geom FROM a").fetchall()
        head = blob[:3] + bytes([blob[3] & ~14]) + blob[4:8]  # no envelope
        base.execute("UPDATE a SET geom = ?", (head + curve,))
        base.execute("UPDATE gpkg_geometry_columns SET geometry_type_name = 'CURVEPOLYGON'")
        base.commit()
    kind = Kind("LS", APPROVALS, read_form(SHARED_CONFIG, "LS"))
    section = LayerSection(path="a.gpkg")
    report = inspect(load_layer(path, section, kind), kind, section, GROUND)
    assert check(report, "curves").state == "warn"
    assert report.shapes[0].area == pytest.approx(np.pi * 50**2, rel=0.01)
    assert check(look(approvals(SOUND)), "curves").state == "pass"


@pytest.mark.parametrize(("last", "state"), [(None, "skip"), (3, "pass"), (6, "pass"), (7, "warn")])
def test_rows_that_fell_by_half_are_pointed_out(look, last, state):
    report = compared(look(approvals(SOUND)), last, GROUND.checks)
    assert check(report, "rows").state == state


@given(st.permutations(range(6)))
def test_overlaps__order_of_rows_means_nothing(order):
    shapes = np.array(
        [square(), square(40), square(40, 40), square(45), square(200), square(210, 10, 5)]
    )
    first, second, shared = layer_geometry.overlaps(shapes[list(order)], GROUND.checks)
    found = {
        (*sorted((order[a], order[b])), round(area.area))
        for a, b, area in zip(first, second, shared, strict=True)
    }
    naive = {
        (a, b, round(shapes[a].intersection(shapes[b]).area))
        for a in range(6)
        for b in range(a + 1, 6)
        if shapes[a].intersection(shapes[b]).area > 1
    }
    assert found == naive
