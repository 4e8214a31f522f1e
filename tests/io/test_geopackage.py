"""The case package as a file: version, styles, aliases, dates, text, the same bytes."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pandas as pd
import pyogrio
import pytest

from changedetect.casepackage import CODE_LISTS, FORMS
from changedetect.codes import PDJY
from changedetect.errors import IntegrityError, LayerError
from changedetect.io.geopackage import verify_case_package, write_case_package
from changedetect.io.qml import layer_qml
from changedetect.stages.deliver import layers
from changedetect.stages.deliver.sheets import tone
from tests.sample_package import empty_package, make_package

STAMP = datetime(2025, 7, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def tables():
    return layers(make_package())


@pytest.fixture(scope="module")
def path(tables, tmp_path_factory):
    path = tmp_path_factory.mktemp("gpkg") / "430991_202506_AJ.gpkg"
    write_case_package(path, tables, FORMS, stamp=STAMP, notes={"AJTB": "输入摘要 abc"})
    return path


def rows(path, sql, *values):
    with closing(sqlite3.connect(path)) as database:
        return database.execute(sql, values).fetchall()


def test_file__is_version_1_2_and_whole(path):
    assert rows(path, "PRAGMA user_version") == [(10200,)]
    assert rows(path, "PRAGMA application_id") == [(int.from_bytes(b"GPKG"),)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA foreign_key_check") == []


def test_layers__are_all_there_with_chinese_names(path, tables):
    found = dict(rows(path, "SELECT table_name, identifier FROM gpkg_contents"))
    assert {name: form.alias for name, form in FORMS.items()}.items() <= found.items()
    about = dict(rows(path, "SELECT table_name, description FROM gpkg_contents"))
    assert about["AJTB"].endswith("输入摘要 abc")
    assert rows(path, "SELECT DISTINCT srs_id FROM gpkg_geometry_columns") == [(4490,)]
    for name, table in tables.items():
        assert rows(path, f'SELECT count(*) FROM "{name}"') == [(len(table),)]  # noqa: S608


def test_values__come_back_as_they_were(path, tables):
    back = pyogrio.read_dataframe(path, layer="AJTB")
    table = tables["AJTB"]
    for field in FORMS["AJTB"].fields:
        for ours, theirs in zip(table[field.name], back[field.name], strict=True):
            if ours is None:
                assert pd.isna(theirs), field
            elif field.kind == "date":
                assert theirs.date() == ours
            else:
                assert theirs == ours, field
    assert all(a.equals(b) for a, b in zip(table.geometry, back.geometry, strict=True))


def test_columns__have_true_types(path):
    types = {name: kind for _, name, kind, *_ in rows(path, "PRAGMA table_info(AJTB)")}
    assert types["HCQX"] == "DATE"
    assert types["ZTDM"].startswith("TEXT")
    assert types["JCMJM"] == "REAL"
    held = rows(
        path,
        "SELECT DISTINCT typeof(ZTDM), typeof(AJBH), typeof(HCQX), typeof(XHRQ) FROM AJTB WHERE RCBZ = '0'",
    )
    assert held == [("text", "text", "text", "null")]


def test_text__holds_no_bytes_literal(path):
    for name in FORMS:
        for line in rows(path, f'SELECT * FROM "{name}"'):  # noqa: S608
            assert not any(isinstance(value, str) and value.startswith("b'") for value in line)


def test_county_layers__carry_no_unique_foreign_key_or_trigger_and_take_rows(path, tmp_path):
    for name in ("HC_JL", "HC_FW", "HC_ZP", "ZG_JL"):
        (sql,) = rows(path, "SELECT sql FROM sqlite_master WHERE type='table' AND name=?", name)[0]
        assert "UNIQUE" not in sql.upper()
        assert "REFERENCES" not in sql.upper()
        triggers = "SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name=?"
        assert rows(path, triggers, name) == []
        assert rows(path, "SELECT * FROM gpkg_extensions WHERE table_name=?", name) == []
    copy = tmp_path / "filled.gpkg"
    shutil.copy(path, copy)
    with closing(sqlite3.connect(copy)) as plain, plain:  # no function of GDAL is known here
        plain.execute("INSERT INTO HC_JL (AJBH) VALUES ('1')")
        plain.execute("UPDATE HC_JL SET AJBH = '2'")
    assert list(pyogrio.read_dataframe(copy, layer="HC_JL")["AJBH"]) == ["2"]
    assert pyogrio.read_info(copy, layer="HC_JL", force_feature_count=True)["features"] == 1


def test_styles__one_default_per_layer_with_aliases_and_value_maps(path):
    styles = rows(
        path, "SELECT f_table_name, styleQML, useAsDefault, f_geometry_column FROM layer_styles"
    )
    assert [name for name, *_ in styles] == list(FORMS)
    for name, qml, default, column in styles:
        assert default == 1
        assert column == ("geom" if FORMS[name].geometry else "")
        root = ET.fromstring(qml)  # noqa: S314 - our own text
        found = {entry.get("field"): entry.get("name") for entry in root.iter("alias")}
        assert found == {field.name: field.alias for field in FORMS[name].fields}
        maps = {
            entry.get("name")
            for entry in root.find("fieldConfiguration")
            if entry.find("editWidget").get("type") == "ValueMap"
        }
        assert maps == {field.name for field in FORMS[name].fields if field.codes}


def drawn_as(form, values):
    """Legend labels of the rules that draw a row; QGIS' filters here are plain SQL, and ELSE."""
    with closing(sqlite3.connect(":memory:")) as plain:
        names = ", ".join(f'? AS "{name}"' for name in values)
        met, rest = [], []
        for rule in ET.fromstring(layer_qml(form)).iter("rule"):  # noqa: S314 - our own text
            text = rule.get("filter", "1")
            if text == "ELSE":
                rest.append(rule.get("label"))
            elif plain.execute(
                f"SELECT 1 FROM (SELECT {names}) WHERE {text}",  # noqa: S608 - our own text
                list(values.values()),
            ).fetchall():
                met.append(rule.get("label"))
    return met or rest


@pytest.mark.parametrize("layer", ["AJTB", "AJDW"])
def test_styles__every_case_is_drawn_once_as_what_the_page_calls_it(layer):
    """Watched ground (codes 41 to 47) was once drawn by no rule: it could not be seen in QGIS."""
    groups = {"red": "疑似问题", "amber": "证据不足", "green": "有审批手续", "grey": "其他"}
    for code in [*PDJY, "99"]:
        expected = groups[tone(code)]
        assert drawn_as(FORMS[layer], {"RCBZ": "0", "PDJY": code}) == [expected], code
        for mark, label in (("1", "入池(不下发)"), ("2", "留痕(不下发)")):
            assert drawn_as(FORMS[layer], {"RCBZ": mark, "PDJY": code}) == [label]


def test_styles__every_piece_of_land_is_drawn_once():
    land = [form for form in FORMS.values() if form.style == "land"]
    assert land
    for form in land:
        for farmland in "019":
            for group in ["1", "2", "3", "4", "9", None]:
                found = drawn_as(form, {"SFYN": farmland, "DLFL": group})
                assert len(found) == 1, (farmland, group)


def test_styles__value_maps_know_the_themes_that_a_package_brings():
    own = {name: dict(codes.items) for name, codes in CODE_LISTS.items()}
    own["ZTDM"]["17"] = "水田保护"
    assert "17 水田保护" in layer_qml(FORMS["AJTB"], own)
    assert "17 水田保护" not in layer_qml(FORMS["AJTB"])


def test_schema_extension__holds_aliases_and_domains(path):
    aliases = dict(
        rows(path, "SELECT column_name, title FROM gpkg_data_columns WHERE table_name='AJTB'")
    )
    assert aliases["JCMJM"] == "监测面积(亩)"
    (domain,) = rows(
        path,
        "SELECT constraint_name FROM gpkg_data_columns WHERE table_name='AJTB' AND column_name='TBLX'",
    )
    listed = rows(
        path,
        "SELECT value, description FROM gpkg_data_column_constraints WHERE constraint_name=?",
        *domain,
    )
    assert dict(listed) == CODE_LISTS["TBLX"].items
    info = pyogrio.read_info(path, layer="AJTB")
    assert "TBLX" in info["fields"]


def test_bytes__are_the_same_for_the_same_input(tables, path, tmp_path):
    again = tmp_path / "other name.gpkg"
    write_case_package(again, tables, FORMS, stamp=STAMP, notes={"AJTB": "输入摘要 abc"})
    assert again.read_bytes() == path.read_bytes()
    later = tmp_path / "later.gpkg"
    write_case_package(later, tables, FORMS, stamp=STAMP.replace(day=6))
    assert later.read_bytes() != path.read_bytes()


def test_date_option__is_put_back(tables, tmp_path):
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2001-01-01T00:00:00.000Z"})
    try:
        write_case_package(tmp_path / "a.gpkg", {"DMB": tables["DMB"]}, FORMS, stamp=STAMP)
        assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") == "2001-01-01T00:00:00.000Z"
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def test_empty_month__is_a_valid_package(tmp_path):
    path = tmp_path / "empty.gpkg"
    write_case_package(path, layers(empty_package()), FORMS, stamp=STAMP)
    assert len(pyogrio.read_dataframe(path, layer="AJTB")) == 0
    assert len(pyogrio.read_dataframe(path, layer="WJCQ")) == 2
    names = pyogrio.read_info(path, layer="AJTB")["fields"]
    assert list(names) == list(FORMS["AJTB"].names)


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE AJTB; --", '<qgis a="b">&amp;', "𠮷字 \U0001f6f0", "=cmd|' /C calc'!A0"]
)
def test_text__of_any_kind_is_only_text(tmp_path, text):
    package = make_package()
    cases = tuple(replace(case, reasons=(text,)) for case in package.cases)
    path = tmp_path / "a.gpkg"
    write_case_package(path, layers(replace(package, cases=cases)), FORMS, stamp=STAMP)
    assert set(pyogrio.read_dataframe(path, layer="AJTB")["PDYJ"]) == {text}
    assert rows(path, "SELECT count(*) FROM AJTB") == [(len(cases),)]


def test_bad_values__are_refused_by_name(tables, tmp_path):
    for value, words in ((b"12", "b'12'"), (12, "12"), (True, "True")):
        table = tables["GZQD"].copy()
        table["BB"] = [value, "1", "1"]
        with pytest.raises(LayerError, match=f"GZQD, row 0: BB .版本. holds {words}"):
            write_case_package(tmp_path / "x.gpkg", {"GZQD": table}, FORMS, stamp=STAMP)
    with pytest.raises(LayerError, match="columns differ"):
        write_case_package(
            tmp_path / "x.gpkg", {"GZQD": tables["GZQD"].drop(columns="BB")}, FORMS, stamp=STAMP
        )
    with pytest.raises(LayerError, match="coordinate system"):
        write_case_package(
            tmp_path / "x.gpkg", {"AJTB": tables["AJTB"].to_crs(4547)}, FORMS, stamp=STAMP
        )


def test_verify__accepts_what_is_whole_and_names_what_is_not(tables, path, tmp_path):
    verify_case_package(path, tables)
    lost = tmp_path / "lost.gpkg"
    shutil.copy(path, lost)
    with closing(sqlite3.connect(lost)) as database, database:
        database.execute("DELETE FROM SPTH")
    with pytest.raises(IntegrityError, match="SPTH"):
        verify_case_package(lost, tables)
    cut = tmp_path / "cut.gpkg"
    cut.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(IntegrityError, match=r"cut\.gpkg"):
        verify_case_package(cut, tables)


def test_existing_file__is_not_touched(tables, tmp_path):
    path = tmp_path / "a.gpkg"
    path.write_bytes(b"mine")
    with pytest.raises(LayerError, match="exists already"):
        write_case_package(path, tables, FORMS, stamp=STAMP)
    assert path.read_bytes() == b"mine"


def test_qml__county_layers_may_be_edited_and_others_not():
    for form in FORMS.values():
        root = ET.fromstring(layer_qml(form))  # noqa: S314 - our own text
        assert root.get("readOnly") == ("0" if form.editable else "1")
