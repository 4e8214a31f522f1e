"""Forms of records: what offices call our columns and values, and how they write days and numbers."""

import datetime as dt

import geopandas as gpd
import pyogrio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from changedetect.codes import APPROVAL_KINDS, normalise_document
from changedetect.config.job import LayerSection
from changedetect.errors import ConfigError, LayerError
from changedetect.io.layer_dates import calendar_day, last_day
from changedetect.io.vectors import Kind, read_kind
from changedetect.pipeline.runs.job import SHARED_CONFIG, read_form
from changedetect.pipeline.runs.record_layers import SPECS, WATCH_SPECS
from changedetect.schema import APPROVALS, DISTRICTS, PARCELS, PRIORITY_CELLS, VERIFIED, ZONES

CRS = "EPSG:4547"
SHAPE = box(500000, 3100000, 500100, 3100100)
TABLES = (
    {"SP": APPROVALS, "XZQ": DISTRICTS, "BHHS": VERIFIED}
    | dict(SPECS.values())
    | dict(WATCH_SPECS.values())
)


ZONE_FORMS = ("FQ", "ZRBHD", "GHFW", "HHAX")
"""Zones, some of which only a job with their themes has."""


def form(name):
    return read_form(SHARED_CONFIG, name)


def test_form__a_layer_without_one_is_read_by_that_of_its_table():
    zone = read_form(SHARED_CONFIG, "SYSHX", "FQ")
    assert (zone.code, zone.name) == ("SYSHX", "SYSHX")
    assert "名称" in zone.columns["name"].aliases
    with pytest.raises(ConfigError, match=r"records/SYSHX\.yaml not found"):
        read_form(SHARED_CONFIG, "SYSHX")


def layer(path, rows, encoding="UTF-8"):
    frame = gpd.GeoDataFrame(rows, geometry=[SHAPE] * len(next(iter(rows.values()))), crs=CRS)
    pyogrio.write_dataframe(frame, path, encoding=encoding)
    return path


def read(path, name, spec=APPROVALS, **section):
    kind = Kind(name, spec, form(name))
    return read_kind(path, LayerSection(path=path.name, **section), kind, CRS)


@pytest.mark.parametrize(
    "file", sorted((SHARED_CONFIG / "records").glob("*.yaml")), ids=lambda p: p.stem
)
def test_form__is_of_its_kind_and_speaks_of_columns_that_exist(file):
    found = form(file.stem)
    assert found.code == file.stem
    spec = ZONES if file.stem in ZONE_FORMS else TABLES.get(file.stem, APPROVALS)
    assert set(found.columns) <= set(spec.names)
    for column in found.columns.values():
        units = set(column.units) - set(column.aliases)
        assert not units, "a unit for a name that is no alias is never used"


def test_form__every_kind_of_approval_and_every_layer_has_one():
    files = {path.stem for path in (SHARED_CONFIG / "records").glob("*.yaml")}
    assert set(APPROVAL_KINDS) | set(TABLES) <= files
    for kind in APPROVAL_KINDS:
        assert form(kind).name == APPROVAL_KINDS[kind]
        assert kind in form(kind).columns["kind"].values.values()


def test_form__beside_the_job_comes_first_and_may_not_extend_itself(tmp_path):
    folder = tmp_path / "records"
    folder.mkdir()
    text = "code: NZY\nname: 农转用\nextends: SP\ncolumns:\n  doc_no: {aliases: [本省文号]}\n"
    (folder / "NZY.yaml").write_text(text, encoding="utf-8")
    assert read_form(tmp_path, "NZY").columns["doc_no"].aliases[:2] == (
        "本省文号",
        "BSM"[:0] or "PZWH",
    )
    (folder / "NZY.yaml").write_text(text.replace("SP", "NZY"), encoding="utf-8")
    with pytest.raises(ConfigError, match="is the form itself"):
        read_form(tmp_path, "NZY")
    (folder / "NZY.yaml").write_text(text.replace("aliases", "alias"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"NZY\.yaml:5: .*did you mean aliases"):
        read_form(tmp_path, "NZY")


def test_chinese_names__are_found_in_any_width_and_case(tmp_path):
    rows = {
        "标识码": ["0012"], "批准文号": ["湘政地（2025）第 12 号"], "批准日期": ["2025年3月1日"],
        "用地单位": ["某公司"], "批准面积（公顷）": [1.0], "土地用途": ["工业用地"], " 项目名称 ": ["厂房"],
    }  # fmt: skip
    table, _ = read(layer(tmp_path / "a.gpkg", rows), "NZY")
    row = table.iloc[0]
    assert (row["record_id"], row["doc_no"], row["doc_key"]) == (
        "0012", "湘政地（2025）第 12 号", "湘政地〔2025〕12号",
    )  # fmt: skip
    assert row["approved_on"] == dt.date(2025, 3, 1)
    assert (row["land_user"], row["area_m2"], row["purpose"]) == ("某公司", 10000.0, "工业用地")
    assert row["project"] == "厂房"


def test_pinyin_names_in_a_gbk_shapefile(tmp_path):
    rows = {"bsm": ["001"], "GYMJ": ["2000"], "SRR": ["某公司"], "DZJGH": ["4309912025A00012"]}
    path = layer(tmp_path / "gy.shp", {**rows, "QDRQ": ["20250301"]}, encoding="GBK")
    table, _ = read(path, "GY")
    assert table.iloc[0]["record_id"] == "001"
    assert (table.iloc[0]["area_m2"], table.iloc[0]["land_user"]) == (2000.0, "某公司")
    assert table.iloc[0]["approved_on"] == dt.date(2025, 3, 1)


def test_a_kinds_own_names_come_before_those_of_all_kinds(tmp_path):
    rows = {
        "登记日期": ["2020-01-01"],
        "批准日期": ["2010-01-01"],
        "宗地代码": ["430991001001GB00001"],
    }
    table, _ = read(layer(tmp_path / "a.gpkg", rows), "DJ")
    assert table["approved_on"].tolist() == [dt.date(2020, 1, 1)]
    assert table["record_id"].tolist() == ["430991001001GB00001"]


def test_words_stand_for_codes(tmp_path):
    rows = {"BSM": ["1", "2"], "地类编码": ["水田", "0103"], "CZCSXM": ["村庄", None]}
    table, _ = read(layer(tmp_path / "a.gpkg", rows), "DLTB", PARCELS)
    assert table["land_class"].tolist() == ["0101", "0103"]
    assert table["settlement"].tolist() == ["203", None]
    rows = {"网格编号": ["1", "2"], "优先级": ["重点", "一般"]}
    table, _ = read(layer(tmp_path / "b.gpkg", rows), "YXWG", PRIORITY_CELLS)
    assert table["priority"].tolist() == ["1", "2"]
    table, _ = read(layer(tmp_path / "c.gpkg", {"审批类型": ["农用地转用"]}), "NZY")
    assert table["kind"].tolist() == ["NZY"]


def test_a_required_column_that_is_missing_is_asked_for(tmp_path):
    path = layer(tmp_path / "b.gpkg", {"网格编号": ["1"]})
    with pytest.raises(LayerError, match=r"no field for priority .* it has 网格编号"):
        read(path, "YXWG", PRIORITY_CELLS)


def test_unit_of_areas__job_file_then_name_of_the_column(tmp_path):
    path = layer(tmp_path / "a.gpkg", {"面积（亩）": ["3"]})
    assert read(path, "NZY")[0]["area_m2"].tolist() == [2000.0]
    assert read(path, "NZY", area_unit="ha")[0]["area_m2"].tolist() == [30000.0]


@pytest.mark.parametrize(
    "text",
    ["20250301", "2025-03-01", "2025-3-1", "2025/3/1", "2025/03/01 00:00:00", "2025.3.1", "2025年3月1日",
     "2025年03月01日", "２０２５－０３－０１", "2025-03-01T08:00:00", 20250301, 20250301.0, 45717, "45717", 45717.0,
     dt.date(2025, 3, 1), dt.datetime(2025, 3, 1, 8)],  # noqa: DTZ001
    ids=repr,
)  # fmt: skip
def test_day__every_form(text):
    assert calendar_day(text) == dt.date(2025, 3, 1)


@pytest.mark.parametrize(
    "text",
    [
        "2025-13-01",
        "2025年13月1日",
        "2025-02-30",
        "25-3-1",
        "2025年3月",
        "三月",
        "1",
        12345,
        "",
    ],
)
def test_day__none(text):
    with pytest.raises(ValueError, match=r"is not a date|outside"):
        calendar_day(text)


@given(st.dates(dt.date(1950, 1, 1), dt.date(2150, 1, 1)))
def test_day__any_form_of_any_day_is_the_same_day(day):
    serial = (day - dt.date(1899, 12, 30)).days
    texts = (
        f"{day:%Y%m%d}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.year}/{day.month}/{day.day}",
        serial,
    )
    assert {calendar_day(text) for text in texts} == {day}
    assert last_day("长期") is None


@given(
    year=st.integers(1990, 2030),
    number=st.integers(1, 99999),
    brackets=st.sampled_from(["〔〕", "[]", "（）", "()", "［］", "【】", "﹝﹞"]),
    word=st.sampled_from(["", "第"]),
    end=st.sampled_from(["号", " 号", ""]),
    wide=st.booleans(),
)
def test_document__every_way_of_writing_is_the_same_number(year, number, brackets, word, end, wide):
    text = f"湘政地 {brackets[0]}{year}{brackets[1]}{word}{number}{end}"
    if wide:
        text = text.translate({ord(str(d)): chr(0xFF10 + d) for d in range(10)})
    assert normalise_document(text) == f"湘政地〔{year}〕{number}号"


def test_document__other_numbers_stay():
    assert normalise_document("C4300002010127130052345") == "C4300002010127130052345"
    assert (
        normalise_document("湘（2020）某市不动产权第0001234号")
        == "湘〔2020〕某市不动产权第0001234号"
    )
