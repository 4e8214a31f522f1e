"""Tables of the case package: columns, closing areas, unknown is not zero, totals that add up."""

import random
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from changedetect.casepackage import CODE_LISTS, FORMS, NOTICE, NOTICE_SHORT
from changedetect.casepackage.charges import Charge
from changedetect.config.deliver import RankingSection
from changedetect.errors import LayerError
from changedetect.grid import Window
from changedetect.measure import area_m2, to_mu
from changedetect.records import Case, TimeCode, Unit, UnitAreas, UnobservedArea, Verdict
from changedetect.stages.deliver import (
    RuleRow,
    case_hash,
    layers,
    page_context,
    statistics,
    workbook,
)
from changedetect.stages.deliver.checks import checks
from changedetect.stages.deliver.land import closed_mu
from changedetect.stages.deliver.places import gauss
from changedetect.stages.deliver.sheets import by_urgency
from changedetect.stages.deliver.totals import size_class
from tests.sample_package import (
    CRS,
    box,
    case,
    empty_package,
    finding,
    illegal,
    make_package,
    piece,
    unit,
)

SCHEMA_AJTB = [
    "AJBH",
    "JCBH",
    "FJCBH",
    "ZXH",
    "WBBH",
    "WBLY",
    "XZQDM",
    "XZQMC",
    "XZDM",
    "XZMC",
    "CDM",
    "CMC",
    "JCZQ",
    "PCH",
    "QSX",
    "HSX",
    "QYXBH",
    "HYXBH",
    "QFBL",
    "HFBL",
    "SCFX",
    "ZJFX",
    "TBLX",
    "BHCD",
    "ZXD",
    "BHQDL",
    "BHHDL",
    "JCMJ",
    "JCMJM",
    "ZC",
    "MJWC",
    "ZXJD",
    "ZXWD",
    "ZXX",
    "ZXY",
    "DH",
    "NYDMJ",
    "GDMJ",
    "STMJ",
    "YJNTMJ",
    "QTNYMJ",
    "JSYDMJ",
    "WLYDMJ",
    "STHXMJ",
    "ZRBHMJ",
    "KFBWMJ",
    "FHGHMJ",
    "BFHGHMJ",
    "THNZY",
    "THGY",
    "THLS",
    "THSS",
    "THZJD",
    "THKQ",
    "THZJG",
    "THDJ",
    "THZMJ",
    "THBL",
    "WPMJ",
    "WPGDMJ",
    "WPYNMJ",
    "SPSX",
    "ZTDM",
    "ZTJH",
    "PDJY",
    "PDYJ",
    "GZBB",
    "QZJ",
    "YZDJ",
    "LJMJ",
    "LJYN",
    "XSGY",
    "XS342",
    "XSDA",
    "AJZT",
    "XFRQ",
    "HCQX",
    "ZGQX",
    "XHRQ",
    "CQTS",
    "ZRDW",
    "ZRR",
    "RDJG",
    "RDEJ",
    "RDYJ",
    "THYY",
    "LABH",
    "LARQ",
    "JARQ",
    "ZGFS",
    "SYWZG",
    "QTP",
    "HTP",
    "TTP",
    "BGP",
    "XXHX",
    "BZ",
    "BY1",
    "BY2",
    "BY3",
    "BY4",
    "BY5",
]
SCHEMA_SPTH = [
    "AJBH",
    "SPLX",
    "PZWH",
    "PZJG",
    "PZRQ",
    "YXQZ",
    "XMMC",
    "YDDW",
    "SPMJ",
    "THMJ",
    "THBL",
    "SPSX",
    "SJBB",
    "SFYX",
    "YY",
]
ORDER = [
    "AJTB",
    "AJDW",
    "DLTH",
    "SPTH",
    "WPFW",
    "WJCQ",
    "YXQD",
    "SJQD",
    "GZQD",
    "HC_JL",
    "HC_FW",
    "HC_ZP",
    "ZG_JL",
    "LZRZ",
    "TJ_XJ",
    "DMB",
]


@pytest.fixture(scope="module")
def package():
    return make_package()


@pytest.fixture(scope="module")
def tables(package):
    return layers(package)


def row(tables, unit_id, layer="AJTB"):
    table = tables[layer]
    return table[table["JCBH"] == unit_id].iloc[0]


def test_cases__know_whose_they_are_and_watched_cells_come_first(package):
    about = {unit.unit_id: unit for unit in package.units}
    crop = next(name for name in about if about[name].areas.cropland > 0)
    mine = Charge(crop, "W1", "1", "张某", "甲村", "王某", "甲站")
    found = layers(make_package(charges=(mine,)))
    case = row(found, crop)
    assert (case["ZRDW"], case["ZRR"], case["YXJ"]) == ("甲村", "田长张某；网格员王某", "1")
    others = found["AJTB"][found["AJTB"]["JCBH"] != crop]
    assert others["ZRDW"].isna().all()
    assert others["YXJ"].isna().all()
    rows = by_urgency(found["AJTB"].assign(YZDJ="3"), RankingSection())
    assert rows[0]["JCBH"] == crop


def test_urgency__weighs_probability_area_and_zone(tables):
    """Alike in severity: a sure small patch on basic farmland before a doubtful larger one."""
    two = tables["AJTB"].iloc[[0, 0, 0]].assign(
        YZDJ="3", YXJ=None, AJBH=["a", "b", "c"], ZXD=[0.2, 0.9, 0.9], JCMJM=[5.0, 1.0, 1.0],
        YJNTMJ=[0.0, 0.0, 1.0], STHXMJ=[None, None, None],
    )  # fmt: skip
    assert [row["AJBH"] for row in by_urgency(two, RankingSection())] == ["c", "a", "b"]
    flat = RankingSection(basic_farmland_weight=0.5)
    assert [row["AJBH"] for row in by_urgency(two, flat)] == ["a", "b", "c"]


def test_layers__hold_every_column_of_the_schema_in_its_order(tables):
    assert list(tables) == ORDER
    names = list(tables["AJTB"].columns)
    assert names[: len(SCHEMA_AJTB)] == SCHEMA_AJTB
    assert names[len(SCHEMA_AJTB) :] == ["DLBMMJ", "RCBZ", "YXJ", "geometry"]
    assert list(tables["SPTH"].columns) == SCHEMA_SPTH


def test_forms__names_fit_shapefile_and_refer_to_known_lists():
    for form in FORMS.values():
        assert len(set(form.names)) == len(form.names)
        for field in form.fields:
            assert field.name.isascii()
            assert field.name == field.name.upper()
            assert len(field.name) <= 10
            assert not field.codes or field.codes in CODE_LISTS
            assert any("\u4e00" <= letter <= "\u9fff" for letter in field.alias), field


def test_county_layers__are_empty_with_spare_columns(tables):
    for name in ("HC_JL", "HC_FW", "HC_ZP", "ZG_JL"):
        assert len(tables[name]) == 0
        assert [f"BY{n}" for n in range(1, 6)] == [c for c in tables[name] if c.startswith("BY")]


def test_areas__close_exactly_in_every_case(tables):
    for _, case_row in tables["AJTB"].iterrows():
        parts = [case_row[name] for name in ("GDMJ", "QTNYMJ", "JSYDMJ", "WLYDMJ", "DLBMMJ")]
        assert round(sum(parts), 4) == case_row["JCMJM"]
        pieces = tables["DLTH"][tables["DLTH"]["AJBH"] == case_row["AJBH"]]
        assert round(pieces["MJM"].sum(), 4) == case_row["JCMJM"]


def test_areas__by_hand(tables):
    # the L of 92 x 40 and 58 x 34 metres, cut at x = 60: 40 * 60 + 34 * 58 of paddy, 32 * 40 of dry land
    case_row = row(tables, "P000900000800")
    assert case_row["JCMJM"] == pytest.approx((92 * 40 + 58 * 34) * 3 / 2000, abs=2e-4)
    assert case_row["STMJ"] == pytest.approx((60 * 40 + 58 * 34) * 3 / 2000, abs=2e-4)
    assert case_row["YJNTMJ"] == case_row["STMJ"]
    assert case_row["GDMJ"] == case_row["JCMJM"]
    assert case_row["BHQDL"] == "0101"


def test_unknown__is_empty_never_zero(tables):
    case_row = row(tables, "P001500004200")
    assert case_row["SPSX"] == "9"
    for name in ("YJNTMJ", "THZMJ", "THBL", "WPMJ", "WPGDMJ", "WPYNMJ", "THKQ", "THZJG"):
        assert case_row[name] is None, name
    assert case_row["THNZY"] == 0.0  # that layer covers the county, so zero is known
    assert case_row["AJBH"] not in set(tables["WPFW"]["AJBH"])
    assert "采矿权(CK)" in case_row["QZJ"]


def test_ground_without_parcel__stands_in_its_own_column_and_in_the_missing_evidence(tables):
    case_row = row(tables, "P001000005100-430991")
    assert case_row["DLBMMJ"] == pytest.approx(30 * 30 * 3 / 2000, abs=2e-4)
    assert "地类底图未覆盖" in case_row["QZJ"]
    assert case_row["FJCBH"] == "P001000005100"
    assert case_row["ZXH"] == 1


def test_no_parcel_layer_at_all__leaves_every_group_empty():
    outline = box(100, 2000, 40, 40)
    name = "P002000000100"
    found = finding(name, "02", Verdict.UNKNOWN, "01", 2)
    about = unit(name, outline, [piece(name, outline, "")], findings=(found,))
    tables = layers(make_package(units=(about,), cases=(case(9, about),)))
    case_row = row(tables, name)
    for column in ("NYDMJ", "GDMJ", "STMJ", "QTNYMJ", "JSYDMJ", "WLYDMJ", "BHQDL"):
        assert case_row[column] is None, column
    assert case_row["DLBMMJ"] == case_row["JCMJM"]
    assert statistics([make_package(units=(about,))]).iloc[0]["GDMJ"] is None


def test_unsure_family__is_not_given_a_class():
    about = replace(illegal(), family="unsure")
    tables = layers(make_package(units=(about,), cases=(case(1, about),)))
    assert tables["AJTB"].iloc[0]["TBLX"] is None
    assert "图斑类型待判" in tables["AJTB"].iloc[0]["QZJ"]


def test_pooled_case__is_marked_and_not_dispatched(tables):
    case_row = row(tables, "P003100001700")
    assert case_row["RCBZ"] == "1"
    assert case_row["XFRQ"] is None
    assert case_row["QTP"] is None
    assert "不下发" in case_row["BZ"]


def test_points__lie_inside_their_patch(tables):
    for point, shape in zip(tables["AJDW"].geometry, tables["AJTB"].geometry, strict=True):
        assert shape.contains(point)


def test_gauss__puts_north_in_x_and_zone_in_y():
    here, abroad = gauss(np.array([[114.0, 28.0], [-74.0, 41.0]]))
    assert here["DH"] == 38
    assert here["ZXY"] == pytest.approx(38_500_000, abs=1e-3)
    assert here["ZXX"] == pytest.approx(3_098_573, abs=300)
    assert abroad == {"ZXX": None, "ZXY": None, "DH": None}


def test_codes__are_text_and_geometry_is_4490(tables):
    ajtb = tables["AJTB"]
    assert ajtb.crs.to_epsg() == 4490
    assert set(ajtb["ZTDM"]) <= set(CODE_LISTS["ZTDM"].items)
    assert all(isinstance(code, str) for code in ajtb["PDJY"])
    assert set(ajtb.geometry.geom_type) == {"MultiPolygon"}


def test_hash__follows_every_key_fact(tables):
    first = tables["AJTB"].iloc[0].to_dict()
    shape = first.pop("geometry")
    assert case_hash(first, shape) == first["XXHX"]
    changed = [{**first, name: "x"} for name in ("PDJY", "HYXBH", "GZBB", "JCMJM", "SPSX")]
    moved = shapely.transform(shape, lambda points: points + 1e-7)
    hashes = {case_hash(facts, shape) for facts in changed} | {case_hash(first, moved)}
    assert len(hashes) == 6
    assert first["XXHX"] not in hashes


@settings(max_examples=5)
@given(st.integers(0, 10_000))
def test_layers__do_not_depend_on_input_order(seed):
    shuffle = random.Random(seed)  # noqa: S311
    package = make_package()

    def mixed(values):
        return tuple(shuffle.sample(values, len(values)))

    units = tuple(
        replace(u, pieces=mixed(u.pieces), approvals=mixed(u.approvals)) for u in package.units
    )
    other = replace(
        package,
        units=mixed(units),
        cases=mixed(package.cases),
        scenes=mixed(package.scenes),
        manifests=mixed(package.manifests),
        rules=mixed(package.rules),
        unobserved=mixed(package.unobserved),
    )
    expected, found = layers(package), layers(other)
    for name, table in expected.items():
        assert table.astype(str).equals(found[name].astype(str)), name


def test_statistics__add_up_in_every_line(package):
    table = statistics([package])
    for _, line in table.iterrows():
        assert line["FXGS"] == line["HFGS"] + line["RCGS"] + line["XFGS"] + line["CYGS"]
        parts = sum(line[f"{kind}MJ"] for kind in ("HF", "RC", "XF", "CY"))
        assert line["FXMJ"] == pytest.approx(parts, abs=1e-9)
    county = table[table["JB"] == "县合计"].iloc[0]
    assert [county[f"{kind}GS"] for kind in ("FX", "HF", "RC", "XF", "CY")] == [7, 2, 1, 3, 1]
    assert county["JCFWMJ"] == pytest.approx(
        to_mu(area_m2(package.district_geometry, CRS)), abs=1e-3
    )


def test_statistics__details_add_up_to_their_theme(package):
    table = statistics([package])
    for theme in ("02", "03", "07"):
        mine = table[table["ZTDM"] == theme]
        total, leaves = mine[mine["JB"] == "主题合计"].iloc[0], mine[mine["JB"] == "明细"]
        for name in ("FXGS", "XFGS", "RCGS", "CYGS", "HFGS"):
            assert leaves[name].sum() == total[name]
        assert leaves["FXMJ"].sum() == pytest.approx(total["FXMJ"], abs=1e-9)


def test_statistics__lines_equal_the_cases(package, tables):
    county = statistics([package]).iloc[0]
    listed = [
        r for _, r in tables["AJTB"].iterrows() if r["PDJY"].startswith("2") and r["RCBZ"] == "0"
    ]
    assert county["XFGS"] == len(listed)
    assert county["XFMJ"] == pytest.approx(sum(r["JCMJM"] for r in listed), abs=1e-9)


@given(st.floats(0, 1e4), st.lists(st.floats(0.01, 1e3), min_size=1, max_size=5, unique=True))
def test_size_class__every_area_has_one(area, limits):
    label = size_class(area, limits)
    assert label[0] in "<≥" or "-" in label
    assert size_class(area, []) is None


def test_empty_month__says_so_and_how_much_was_not_observed():
    package = empty_package()
    tables = layers(package)
    assert list(tables) == ORDER
    assert len(tables["AJTB"]) == 0
    assert len(tables["WJCQ"]) == 2
    county = tables["TJ_XJ"].iloc[0]
    assert county["FXGS"] == 0
    assert county["FXMJ"] == 0.0
    assert county["WJCMJ"] == pytest.approx(to_mu(package.unobserved_m2), abs=1e-4)
    assert "本期无案件" in page_context(package, tables)["summary"]
    cover = workbook(package, tables).sheets[0]
    assert any("本期无案件" in str(value) for line in cover.rows for value in line)
    assert all(check.count == 0 for check in checks(package, tables) if check.fatal)


def test_checks__are_clean_on_the_sample_and_find_what_is_broken(package, tables):
    assert all(check.count == 0 for check in checks(package, tables) if check.fatal)
    broken = dict(tables)
    ajtb = tables["AJTB"].copy()
    ajtb.loc[0, "GDMJ"] = ajtb.loc[0, "GDMJ"] + 0.0001
    ajtb.loc[1, "AJBH"] = "43099102250600002A"
    ajtb.loc[2, "STHXMJ"] = 999.0
    ajtb.loc[0, "WPMJ"] = 1.0
    broken["AJTB"] = ajtb
    broken["DLTH"] = tables["DLTH"].iloc[1:]
    totals = tables["TJ_XJ"].copy()
    totals.loc[0, "XFGS"] = 99
    broken["TJ_XJ"] = totals
    short = replace(package, observed_px_m2=package.examined_m2 * 0.99)
    found = {check.name: check.count for check in checks(short, broken) if check.fatal}
    for name in ("案件编号唯一且校验位正确", "地类面积闭合", "套合碎片闭合", "审批面积闭合"):
        assert found[name] >= 1, name
    for name in ("部分不大于整体", "统计对账", "监测范围闭合"):
        assert found[name] == 1, name


def test_check_sheet__is_red_when_not_zero(package, tables):
    broken = {**tables, "DLTH": tables["DLTH"].iloc[1:]}
    sheet = next(sheet for sheet in workbook(package, broken).sheets if sheet.name == "校核")
    at = [line[0] for line in sheet.rows].index("套合碎片闭合")
    assert sheet.rows[at][2] == 1
    assert sheet.tones[at] == "red"


def test_areas_that_do_not_close__are_refused_with_the_unit_named():
    about = illegal()
    open_areas = replace(about.areas, cropland=about.areas.cropland - 20.0)
    package = make_package(units=(replace(about, areas=open_areas),), cases=(case(1, about),))
    with pytest.raises(LayerError, match=r"P000900000800.*面积不闭合"):
        layers(package)
    with pytest.raises(LayerError, match=r"0\.0150 mu, the whole is 0\.0300"):
        closed_mu([10.0], 20.0, "here")


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=6))
def test_closed_mu__rounded_parts_add_up_to_the_rounded_whole(parts):
    rounded = closed_mu(parts, sum(parts), "here")
    whole = round(to_mu(sum(parts)) * 10_000)
    assert sum(round(part * 10_000) for part in rounded) == whole
    assert all(abs(r - to_mu(p)) < 1.01e-4 for r, p in zip(rounded, parts, strict=True))


@pytest.mark.parametrize(
    "change", [{"district": "../../x"}, {"district": "4309911"}, {"month": "2025-13"}]
)
def test_names_from_outside__can_not_shape_a_path(change):
    with pytest.raises(LayerError, match="expected"):
        make_package(**change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: replace(c, unit_id="P9"), "names unit P9"),
        (lambda c: replace(c, district="430992"), "is of county 430992"),
    ],
)
def test_case_that_does_not_fit__is_named(change, words):
    about = illegal()
    strange = change(case(1, about))
    with pytest.raises(LayerError, match=words):
        layers(make_package(units=(about,), cases=(strange,)))
    with pytest.raises(LayerError, match="stands twice"):
        layers(make_package(units=(about,), cases=(case(1, about), case(1, about))))


def test_rules_without_row__are_still_named():
    about = illegal()
    package = make_package(
        rules=(RuleRow("R99", "1", "t", "s"),), units=(about,), cases=(case(1, about),)
    )
    assert layers(package)["AJTB"].iloc[0]["GZBB"] == "R02-1"


def test_remainder__stands_where_approvals_are_known(tables):
    numbers = set(tables["WPFW"]["AJBH"])
    for _, case_row in tables["AJTB"].iterrows():
        wanted = case_row["SPSX"] != TimeCode.LAYER_MISSING.value and case_row["WPMJ"] > 0
        assert (case_row["AJBH"] in numbers) == wanted


def test_records__carry_what_the_package_needs():
    """The package reads these fields; a change of the records must be seen here."""
    assert {"geometry", "siblings", "findings", "time_code"} <= set(Unit.__slots__)
    assert {"county_due", "clear_due", "pooled", "missing"} <= set(Case.__slots__)
    assert {"approved_union", "unapproved", "basic_farmland"} <= set(UnitAreas.__slots__)


def test_county_check__stands_only_where_pixels_were_counted(package, tables):
    names = {check.name for check in checks(package, tables)}
    assert "监测范围闭合" not in names
    counted = replace(package, observed_px_m2=package.examined_m2)
    found = {check.name: check.count for check in checks(counted, tables)}
    assert found["监测范围闭合"] == 0


def test_checks__thousands_of_places_fit_a_cell_and_are_counted(package, tables):
    patches = tuple(
        UnobservedArea("cloud", Window(0, 0, 9, 9), box(n, 0, 1, 1), 2000.0) for n in range(3700)
    )
    cloudy = replace(package, unobserved=patches)
    broken = {**tables, "AJTB": pd.concat([tables["AJTB"]] * 10, ignore_index=True)}
    found = {check.name: check for check in checks(cloudy, broken)}
    assert found["未监测区域"].where == "云遮挡3700处11100.00亩"
    more = found["证据不足的案件"]
    assert more.count == 10
    assert all(len(check.where) < 1000 for check in found.values())


def test_long_list__is_cut_with_its_count(package, tables):
    table = pd.concat([tables["AJTB"].iloc[:1]] * 25, ignore_index=True)
    table["GDMJ"] = 99.0
    found = {check.name: check for check in checks(package, {**tables, "AJTB": table})}
    assert found["地类面积闭合"].count == 25
    assert found["地类面积闭合"].where.endswith("…共25个")
    assert found["地类面积闭合"].where.count(table.loc[0, "AJBH"]) == 20


@pytest.mark.parametrize(("sliver_m2", "count"), [(60.0, 0), (0.0, 1)])
def test_approval_check__closes_with_slivers_and_is_red_for_a_real_gap(sliver_m2, count):
    about = illegal()
    areas = about.areas
    thin = replace(
        areas,
        unapproved=areas.unapproved - 60.0,
        raw={"unapproved": areas.unapproved - 60.0 + sliver_m2},
    )
    package = make_package(units=(replace(about, areas=thin),), cases=(case(1, about),))
    found = {check.name: check.count for check in checks(package, layers(package))}
    assert found["审批面积闭合"] == count


def test_recorded_case__is_counted_as_recorded_and_stands_on_its_own_sheet(package, tables):
    case_row = row(tables, "P002100002600")
    assert case_row["RCBZ"] == "2"
    assert "留痕" in case_row["BZ"]
    assert [case_row[name] for name in ("XFRQ", "HCQX", "ZGQX")] == [None] * 3
    book = workbook(package, tables)
    held = {
        s.name: [line[0] for line in s.rows]
        for s in book.sheets
        if s.name in ("台账", "入池", "留痕")
    }
    assert held["留痕"] == [case_row["AJBH"]]
    assert held["入池"] == [row(tables, "P003100001700")["AJBH"]]
    assert len(held["台账"]) == 4
    page = page_context(package, tables)
    assert [card["tone"] for card in page["cases"]][-2:] == ["pool", "record"]
    assert {card["county_due"] for card in page["cases"][-2:]} == {"—"}


def test_recording_theme__alone_is_never_to_be_dispatched():
    found = finding("P000900000800", "01", Verdict.YES, "38", 1)
    about = replace(illegal(), findings=(found,))
    alone = statistics([make_package(units=(about,), cases=())])
    assert [alone.iloc[0][f"{kind}GS"] for kind in ("HF", "RC", "XF", "CY")] == [1, 0, 0, 0]
    assert alone.iloc[1]["HFGS"] == 1
    unsure = finding("P000900000800", "02", Verdict.UNKNOWN, "01", 2)
    both = replace(about, findings=(found, unsure))
    assert statistics([make_package(units=(both,), cases=())]).iloc[0]["CYGS"] == 1


def test_lists__must_have_as_many_rows_as_the_totals_count(package, tables):
    for table_row, word in ((0, "台账"), (3, "入池")):
        assert tables["AJTB"].iloc[3]["RCBZ"] == "1"
        short = {**tables, "AJTB": tables["AJTB"].drop(index=table_row)}
        found = {check.name: check for check in checks(package, short)}
        assert found["台账对账"].count == 1
        assert found["台账对账"].where.startswith(word)


def test_related_cases__are_named_for_whoever_may_merge_them():
    about = illegal()
    entry = case(1, about, related=("43099102250500007K",))
    tables = layers(make_package(units=(about,), cases=(entry,)))
    assert tables["AJTB"].iloc[0]["BZ"].endswith("同地块另有在办案件43099102250500007K")


def test_labels__put_the_suggestion_first_and_no_verdict_into_the_theme(tables):
    labels = dict(zip(tables["AJDW"]["AJBH"], tables["AJDW"]["BQ"], strict=True))
    assert labels[row(tables, "P000900000800")["AJBH"]] == "疑似非农违法 主题02"
    assert labels[row(tables, "P003100001700")["AJBH"]] == "疑似非农违法 主题02(入池)"


def test_unknown_confidence__reads_unknown():
    about = replace(illegal(), change_probability=float("nan"))
    package = make_package(units=(about,), cases=(case(1, about),))
    assert page_context(package, layers(package))["cases"][0]["confidence"] == "未知"


def test_page__shows_a_reason_with_a_semicolon_as_one():
    reasons = ("占用耕地；其中水田", "变化前无审批")
    about = illegal()
    one = make_package(units=(about,), cases=(case(1, about, reasons=reasons),))
    tables = layers(one)
    assert page_context(one, tables)["cases"][0]["reasons"] == list(reasons)
    assert tables["AJTB"].iloc[0]["PDYJ"] == "；".join(reasons)


def test_notice__stands_on_every_sheet(package, tables):
    book = workbook(package, tables)
    assert book.footer == NOTICE_SHORT
    for sheet in book.sheets[1:]:
        assert NOTICE in sheet.notes, sheet.name
    assert any(NOTICE in line for line in book.sheets[0].rows)


def test_unobserved_reasons__are_codes_of_their_list(package):
    reasons = ("云、阴影或无影像", "图块处理失败", "cloud")
    areas = tuple(
        UnobservedArea(reason, Window(0, n, 9, 9), box(n, 0, 1, 1), 1.0)
        for n, reason in enumerate(reasons)
    )
    table = layers(replace(package, unobserved=areas))["WJCQ"]
    items = CODE_LISTS["WJCYY"].items
    assert [items[code] for code in table["YYDM"]] == list(table["YY"])
    assert set(table["YY"]) == {*reasons[:2], "云遮挡"}


def test_registration_error__stands_with_the_image_that_was_moved(package):
    known = replace(package, registration_px=(("GF1D_20250614", 0.1054),))
    table = layers(known)["YXQD"].set_index("YXBH")
    assert table.loc["GF1D_20250614", "PZZWC"] == 0.105
    assert table.loc["GF1D_20250428", "PZZWC"] is None
