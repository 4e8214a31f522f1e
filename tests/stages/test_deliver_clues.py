"""What the package says of clues, planning, watched ground, remainders and the year's accounts."""

from dataclasses import replace

import pandas as pd
import pytest

from changedetect.config.deliver import DeliverSection
from changedetect.measure import M2_PER_MU, to_mu
from changedetect.records import Verdict
from changedetect.stages.deliver import (
    CountyAccount,
    Sums,
    account_tables,
    all_totals,
    delivered,
    layers,
    page_context,
    statistics,
    summary_context,
    summary_workbook,
    workbook,
)
from changedetect.stages.deliver.checks import checks
from changedetect.takings import Clues
from tests.sample_package import box, case, finding, illegal, make_package, piece, unit

SUMS = Sums(
    outflow_suspected=2000.0, to_construction=2000.0, taken_cropland=2000.0,
    suspected_cropland=2000.0, suspected=3000.0, suspected_count=2,
)  # fmt: skip


def account(sums=SUMS, code="430991"):
    return CountyAccount(code, "云溪县", "2025-06", ("2025-05", "2025-06"), sums, sums)


def accounts():
    return account_tables([account()], DeliverSection())


def test_clues__fill_their_columns_and_stand_in_the_reasons():
    about = illegal()
    clues = Clues(6000.0, None, ("X",), "2", None, "0", ("累计未批9.00亩",))
    tables = layers(make_package(units=(about,), cases=(replace(case(1, about), clues=clues),)))
    row = tables["AJTB"].iloc[0]
    assert (row["LJMJ"], row["LJYN"]) == (9.0, None)
    assert (row["XSGY"], row["XS342"], row["XSDA"]) == ("2", None, "0")
    assert row["PDYJ"].endswith("累计未批9.00亩")


def test_planning__is_empty_where_no_layer_is_given():
    about = illegal()
    row = layers(make_package(units=(about,), cases=(case(1, about),)))["AJTB"].iloc[0]
    assert (row["ZRBHMJ"], row["FHGHMJ"], row["BFHGHMJ"]) == (None, None, None)
    zones = {"ZRBHD": 0.0, "GHFW": about.area_m2 / 4}
    known = replace(about, areas=replace(about.areas, zones=zones))
    row = layers(make_package(units=(known,), cases=(case(1, known),)))["AJTB"].iloc[0]
    assert row["ZRBHMJ"] == 0.0
    assert row["FHGHMJ"] + row["BFHGHMJ"] == pytest.approx(row["JCMJM"], abs=1e-3)


def watched():
    outline = box(1200, 2600, 50, 40)
    about = unit("W08-GY-1", outline, [piece("W08-GY-1", outline, "0103")], family="")
    found = finding("W08-GY-1", "08", Verdict.YES, "42", 2, reasons=("满一年未动工",))
    return replace(about, watch="GY", findings=(found,))


def test_watched_ground__is_named_so_and_counted_apart():
    ground, about = watched(), illegal()
    package = make_package(units=(ground, about), cases=(case(1, ground), case(2, about)))
    tables = layers(package)
    row = tables["AJTB"][tables["AJTB"]["JCBH"] == "W08-GY-1"].iloc[0]
    assert "监管地块" in row["BZ"]
    assert row["ZXD"] is None
    assert "图斑类型待判" not in (row["QZJ"] or "")
    totals = statistics([package]).to_dict("records")
    levels = {line["JB"]: line for line in totals if line["ZTDM"] is None}
    parts = [levels["其中变化图斑"], levels["其中监管地块"]]
    for name in ("FXGS", "FXMJ", "XFGS", "XFMJ"):
        assert sum(part[name] for part in parts) == pytest.approx(levels["县合计"][name])
    assert all(check.count == 0 for check in checks(package, tables) if check.fatal)


def test_remainder__stands_beside_its_whole_and_counts_once():
    whole = illegal()
    outline = whole.geometry.buffer(-6)
    rest = replace(
        unit("P-R", outline, [piece("P-R", outline, "0103")]),
        parent=whole.unit_id, findings=whole.findings,
    )  # fmt: skip
    first = case(1, whole, record_only=True)
    second = replace(case(2, rest), parent=first.number)
    package = make_package(units=(whole, rest), cases=(first, second))
    tables = layers(package)
    row = tables["AJTB"][tables["AJTB"]["JCBH"] == "P-R"].iloc[0]
    assert (row["FJCBH"], row["ZXH"]) == (whole.unit_id, 1)
    assert first.number in row["BZ"]
    county = tables["TJ_XJ"].iloc[0]
    assert (county["FXGS"], county["XFGS"]) == (1, 1)
    assert county["FXMJ"] == pytest.approx(to_mu(whole.area_m2), abs=1e-3)
    assert all(check.count == 0 for check in checks(package, tables) if check.fatal)


def test_accounts__stand_in_workbook_page_and_checks():
    package = make_package(accounts=accounts())
    tables = layers(package)
    names = [sheet.name for sheet in workbook(package, tables).sheets]
    assert {"耕地流入流出", "百分之十五比例", "增违挂钩"} <= set(names)
    titles = [register["title"] for register in page_context(package, tables)["registers"]]
    assert "百分之十五比例" in titles
    assert any(
        check.name == "年度账目闭合" and check.count == 0 for check in checks(package, tables)
    )


def test_broken_accounts__are_red():
    broken = accounts()
    broken["TJ_ZW"].loc[0, "WXHMJ"] += 5.0
    package = make_package(accounts=broken)
    found = next(c for c in checks(package, layers(package)) if c.name == "年度账目闭合")
    assert found.count == 1


def test_totals__of_counties_kept_one_by_one_are_those_of_all_at_once():
    """A column that is empty in one county and filled in the other keeps its type and its order."""
    full = make_package()
    empty = replace(full, district="430001", units=(), cases=())
    whole = statistics([full, empty])
    pd.testing.assert_frame_equal(
        all_totals([delivered(one, statistics([one])) for one in (full, empty)]), whole
    )
    assert list(whole["XZQDM"].unique()) == ["430001", full.district]


def test_province__has_one_workbook_and_page_with_a_sum():
    both = [account(), account(code="430992")]
    made = account_tables(both, DeliverSection())
    totals = statistics([make_package()])
    book = summary_workbook(totals, made, "2025-06")
    assert [sheet.name for sheet in book.sheets] == [
        "统计",
        "耕地流入流出",
        "百分之十五比例",
        "增违挂钩",
    ]
    shown = summary_context(
        [delivered(make_package(), totals)], [("430992", "乙县")], made, "2025-06"
    )
    assert any("合计" in row for register in shown["registers"] for row in register["rows"])
    county = totals[totals["JB"] == "县合计"].iloc[0]
    (line,) = shown["counties"]
    assert line["parts"][0] == {"count": str(county["FXGS"]), "area": f"{county['FXMJ']:,.2f}"}
    assert line["page"].startswith(f"{county['XZQDM']}_202506/")
    assert shown["undelivered"] == ["430992 乙县"]
    assert shown["figures"][-1]["unit"].endswith("1个县未交付")
    whole = made["TJ_GD"][made["TJ_GD"]["XZQMC"] == "合计"].iloc[0]
    assert whole["LCHJ"] == pytest.approx(2 * 2000 / M2_PER_MU)
