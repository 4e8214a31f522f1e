"""Returns of a county through the ledger: filled packages and sheets, twice, late, wrong."""

import json
import re
import sqlite3
import zipfile
from contextlib import closing
from datetime import UTC, date, datetime

import openpyxl
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from changedetect.measure import to_mu
from changedetect.pipeline.ledger import books
from tests.pipeline.returned_county import County, copy, fill, gpkg_blob, write_package


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return write_package(tmp_path_factory.mktemp("package"))


@pytest.fixture
def county(tmp_path):
    return County(tmp_path)


@pytest.fixture
def back(package, tmp_path):
    """A copy of the package, for the county to fill in."""
    return copy(package, tmp_path / "back")


def sheet(path, header, rows, title="核查记录", modified=datetime(2025, 7, 15, tzinfo=UTC)):
    book = openpyxl.Workbook()
    page = book.active
    page.title = title
    page.append(["云溪县2025年6月核查记录"])
    page.append(header)
    for row in rows:
        page.append(row)
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    told = f"{modified:%Y-%m-%dT%H:%M:%SZ}</dcterms:modified>".encode()
    parts["docProps/core.xml"] = re.sub(
        rb"[^>]*</dcterms:modified>", told, parts["docProps/core.xml"]
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def csv(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def messages(report):
    return " | ".join(one["message"] for one in report.values["wrong"])


def test_import__a_filled_package_moves_its_cases_to_filed(county, back):
    first, second = county.cases[0], county.cases[4]
    fill(back, "HC_JL", [
        {"AJBH": first, "HCRQ": "2025-07-10", "HCR": "赵", "HCJG": "2", "HCQK": "已建厂房", "geom": None},
        {"AJBH": second, "HCRQ": "2025-07-11", "HCR": "赵", "HCJG": "合法"},
    ])  # fmt: skip
    report = county.take(back)
    assert report.exit_code == 0, report.text
    assert county.row(first).state == county.row(second).state == "40"
    assert json.loads(county.row(first).claims)["HCQK"] == "已建厂房"
    assert json.loads(county.row(second).claims)["HCJG"] == "1"
    assert set(report.values["no_reply"]) == set(county.cases) - {first, second}
    assert all(county.row(number).state == "20" for number in report.values["no_reply"])
    entry = county.store.entries()[-1].entry
    assert entry.source_row.startswith(f"{back.name}#HC_JL:")
    assert len(entry.source_sha256) == 64
    assert (
        county.folder / "returns" / f"{entry.source_sha256}.gpkg"
    ).read_bytes() == back.read_bytes()
    books.check(county.store)


def test_import__result_and_its_kind_from_the_case_list(county):
    number, other = county.cases[0], county.cases[1]
    path = csv(
        county.folder / "430991_台账.csv", "案件编号,认定结果,认定二级", f"{number},其他,伪变化",
        f"{other},,",
    )  # fmt: skip
    assert county.take(path).exit_code == 0
    claims = json.loads(county.row(number).claims)
    assert (claims["HCJG"], claims["RDEJ"]) == ("3", "34")
    assert county.row(number).state == "40"
    assert county.row(other).state == "20"
    again = csv(county.folder / "430991_2_台账.csv", "案件编号,认定二级", f"{other},99")
    assert "认定二级(RDEJ)" in str(county.take(again).values["wrong"])


def test_import__the_same_file_twice_is_nothing_new(county, back, tmp_path):
    fill(back, "HC_JL", [{"AJBH": county.cases[0], "HCJG": "2", "HCRQ": "2025-07-10"}])
    county.take(back)
    before = county.store.entries()
    again = copy(back, tmp_path / "again", "430991_other_name.gpkg")
    for place in (back, again):
        report = county.take(place)
        assert county.store.entries() == before
        assert (report.exit_code, report.values["entries"]) == (0, 0)
        assert any("taken before" in note for note in report.values["notes"])


def test_import__a_package_that_says_the_same_again_changes_no_case(county, back):
    row = {"AJBH": county.cases[0], "HCJG": "2", "HCRQ": "2025-07-10"}
    county.take(fill(back, "HC_JL", [row]))
    saved = fill(back, "HC_JL", [], changed="2025-07-16T08:00:00.000Z")
    report = county.take(saved)
    assert report.values["changes"] == []
    assert report.values["unchanged"] == [county.cases[0]]
    assert report.values["entries"] == 1  # that the file was taken


def test_import__a_dry_run_shows_the_differences_and_enters_nothing(county, back):
    number = county.cases[0]
    county.take(fill(back, "HC_JL", [{"AJBH": number, "HCJG": "2", "HCR": "赵"}]))
    before = county.store.entries()
    day = datetime(2025, 7, 16, tzinfo=UTC)
    head = ["案件编号", "核查结果", "核查人"]
    newer = sheet(county.folder / "430991.xlsx", head, [[number, "违法", "钱"]], modified=day)
    report = county.take(newer, dry=True)
    assert county.store.entries() == before
    assert report.values["changes"] == [
        {"case": number, "from": "40", "to": "40", "events": ["claimed"], "fields": [{"field": "HCR", "old": "赵", "new": "钱"}]}
    ]  # fmt: skip
    assert "    HCR: 赵 → 钱" in report.text
    assert not list((county.folder / "returns").glob("*.xlsx"))


def test_import__a_sheet_by_aliases_and_chinese_codes_keeps_own_columns(county):
    number = county.cases[0]
    path = sheet(
        county.folder / "430991_核查.xlsx",
        ["序号", "案件编号", "核查日期", "核查结果", "实地地类", "施工单位"],
        [[1, number, date(2025, 7, 9), "2 违法", 101, "某公司"]],
    )
    report = county.take(path)
    assert report.exit_code == 0, report.text
    claims = json.loads(county.row(number).claims)
    assert (claims["HCRQ"], claims["HCJG"], claims["SDDL"]) == ("2025-07-09", "2", "0101")
    assert claims["附加:施工单位"] == "某公司"
    assert any("施工单位" in note for note in report.values["notes"])


def test_import__one_wrong_row_stops_all_and_is_named(county):
    good, bad = county.cases[0], county.cases[4]
    path = sheet(
        county.folder / "430991.xlsx",
        ["案件编号", "核查日期", "核查结果"],
        [[good, "2025-07-09", "2"], [bad, "2025-02-30", "2"], [bad[:-1] + "X", "", "2"]],
    )
    before = county.store.entries()
    report = county.take(path)
    assert report.exit_code == 4
    assert county.store.entries() == before
    places = [(one["table"], one["row"], one["column"]) for one in report.values["wrong"]]
    assert places == [("核查记录", 4, "核查日期(HCRQ)"), ("核查记录", 5, "案件编号(AJBH)")]
    for word in ("no date", "check letter"):
        assert word in messages(report)


def test_import__partial_enters_the_good_rows_and_names_the_others(county):
    good, bad = county.cases[0], county.cases[4]
    path = sheet(
        county.folder / "430991.xlsx",
        ["案件编号", "核查日期", "核查结果"],
        [[good, "2025-07-09", "2"], [bad, "2025-02-30", "2"]],
    )
    report = county.take(path, partial=True)
    assert report.exit_code == 3
    assert (county.row(good).state, county.row(bad).state) == ("40", "20")
    books.check(county.store)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("43099202250600001", "check letter"),
        (4.30991022506e16, "is a number"),
        ('=CONCATENATE("43099102250600001","C")', "formula"),
        (None, "no case number"),
    ],
)
def test_import__case_numbers_that_prove_nothing_are_named(county, number, expected):
    path = sheet(
        county.folder / "430991.xlsx",
        ["案件编号", "核查结果"],
        [[number, "2"], [county.cases[0], "2"]],
    )
    report = county.take(path, dry=True)
    assert expected in messages(report)
    assert [one["case"] for one in report.values["changes"]] == [county.cases[0]]


def test_import__strangers_are_named(county):
    from changedetect.codes import case_number

    unknown = case_number("430991", "02", "2025-06", 777)
    foreign = case_number("430992", "02", "2025-06", 1)
    path = sheet(
        county.folder / "430991.xlsx", ["案件编号", "核查结果"], [[unknown, "2"], [foreign, "2"]]
    )
    text = messages(county.take(path))
    assert f"case {unknown} is not in the ledger" in text
    assert f"case {foreign} is of county 430992" in text


def test_import__two_different_rows_of_one_case_are_both_refused(county):
    number = county.cases[0]
    path = sheet(
        county.folder / "430991.xlsx", ["案件编号", "核查结果"], [[number, "2"], [number, "1"]]
    )
    report = county.take(path, partial=True)
    assert [one["row"] for one in report.values["wrong"]] == [3, 4]
    assert "different things (HCJG)" in messages(report)
    assert county.row(number).state == "20"


def test_import__an_older_return_is_refused_unless_it_is_meant(county):
    number = county.cases[0]
    head = ["案件编号", "核查结果"]
    newer = sheet(
        county.folder / "430991_b.xlsx",
        head,
        [[number, "2"]],
        modified=datetime(2025, 7, 16, tzinfo=UTC),
    )
    older = sheet(
        county.folder / "430991_a.xlsx",
        head,
        [[number, "1"]],
        modified=datetime(2025, 7, 12, tzinfo=UTC),
    )
    assert county.take(newer).exit_code == 0
    report = county.take(older)
    assert report.exit_code == 4
    assert "a return of 430991 for 2025-06 last changed 2025-07-16" in messages(report)
    assert json.loads(county.row(number).claims)["HCJG"] == "2"
    assert county.take(older, anyway=True).exit_code == 0
    assert json.loads(county.row(number).claims)["HCJG"] == "1"


def test_import__closed_is_a_claim_and_moves_to_40_at_most(county):
    number = county.cases[0]
    path = sheet(
        county.folder / "430991.xlsx", ["案件编号", "核查结果", "案件状态"], [[number, "2", ""]]
    )
    path = csv(
        county.folder / "430991_台账.csv", "案件编号,认定结果,案件状态", f"{number},违法,销号"
    )
    assert county.take(path).exit_code == 0
    assert county.row(number).state == "40"
    assert json.loads(county.row(number).claims)["AJZT"] == "90"


@pytest.mark.parametrize("state", ["70", "85"])
def test_import__closed_is_proposed_where_it_can_be(county, state):
    number = county.cases[0]
    steps = [("filed", "40", "county"), ("submitted", "50", "city"), ("passed", "60", "city")]
    if state == "70":
        steps += [("judged_legal", "70", "province")]
    else:
        steps += [
            ("judged_illegal", "71", "province"), ("docketed", "75", "county"), ("rectifying", "80", "county"), ("rectified", "85", "county"),
        ]  # fmt: skip
    county.move(number, *steps)
    path = csv(county.folder / "430991_台账.csv", "案件编号,案件状态", f"{number},90")
    assert county.take(path).exit_code == 0
    row = county.row(number)
    assert (row.state, row.proposer) == (state, "zhao")


def test_import__a_closed_case_takes_nothing(county):
    number = county.cases[0]
    county.move(
        number, ("filed", "40", "county"), ("submitted", "50", "city"), ("passed", "60", "city"),
        ("judged_legal", "70", "province"), ("close_proposed", "70", "province"), ("closed", "90", "province"),
    )  # fmt: skip
    path = csv(county.folder / "430991_核查记录.csv", "案件编号,核查结果", f"{number},2")
    report = county.take(path)
    assert report.exit_code == 4
    assert "closed (90 销号)" in messages(report)
    assert county.row(number).state == "90"


def test_import__while_the_city_reviews_nothing_changes_under_its_hands(county):
    number = county.cases[0]
    county.move(number, ("filed", "40", "county"), ("submitted", "50", "city"))
    path = csv(county.folder / "430991_核查记录.csv", "案件编号,核查结果", f"{number},2")
    assert "50 市审" in messages(county.take(path))


def test_import__a_drawn_outline_is_a_claim_and_the_case_keeps_its_own(county, back):
    case = county.package.cases[0]
    drawn = shapely.MultiPolygon([case.geometry.buffer(5, join_style="mitre")])
    fill(back, "HC_FW", [{"AJBH": case.number, "HCRQ": "2025-07-09", "shape": drawn}])
    report = county.take(back)
    assert report.exit_code == 0, report.text
    claims = json.loads(county.row(case.number).claims)
    assert float(claims["HC_FW.MJ"]) == pytest.approx(to_mu(drawn.area), rel=1e-3)
    assert float(claims["HC_FW.CYMJ"]) == pytest.approx(
        to_mu(drawn.area - case.geometry.area), rel=2e-3
    )
    entry = county.store.entries()[-1].entry
    told = json.loads(entry.payload)["outline"]
    assert shapely.from_wkb(told["wkb"]).equals_exact(drawn, 0.01) or told["difference_m2"] > 0
    assert county.row(case.number).area_m2 == case.area_m2
    with county.store.reading() as reader:
        facts = json.loads(reader.facts([case.number])[case.number])
    assert shapely.from_wkb(facts["geometry"]).equals(case.geometry)


def docketed(county, number):
    county.move(
        number, ("filed", "40", "county"), ("submitted", "50", "city"), ("passed", "60", "city"),
        ("judged_illegal", "71", "province"), ("docketed", "75", "county"),
    )  # fmt: skip


@pytest.mark.parametrize(("share", "state", "left"), [(0.4, "80", 0.6), (1.0, "85", 0.0)])
def test_import__what_was_put_right_moves_a_docketed_case(county, back, share, state, left):
    case = county.package.cases[0]
    docketed(county, case.number)
    area = round(to_mu(case.area_m2), 4)
    fill(back, "ZG_JL", [
        {"AJBH": case.number, "ZGFS": "拆除", "CCMJ": round(area * share / 2, 4), "RQ": "2025-07-12"},
        {"AJBH": case.number, "ZGFS": "复耕", "FGMJ": round(area * share - round(area * share / 2, 4), 4), "RQ": "2025-07-14"},
    ])  # fmt: skip
    report = county.take(back)
    assert report.exit_code == 0, report.text
    assert county.row(case.number).state == state
    claims = json.loads(county.row(case.number).claims)
    assert float(claims["SYWZG"]) == pytest.approx(area * left, abs=1e-3)
    assert claims["ZGFS"] == "复耕、拆除"


def test_import__more_put_right_than_there_is_is_refused(county, back):
    case = county.package.cases[0]
    docketed(county, case.number)
    fill(back, "ZG_JL", [{"AJBH": case.number, "ZGFS": "拆除", "CCMJ": 999, "RQ": "2025-07-12"}])
    assert "more than the case's" in messages(county.take(back))
    assert county.row(case.number).state == "75"


def test_import__a_file_whose_reader_dies_stops_the_others_unless_partial(county, back):
    fill(back, "HC_JL", [{"AJBH": county.cases[0], "HCJG": "2"}])
    broken = county.folder / "430991_broken.gpkg"
    broken.write_bytes(b"SQLite format 3\0" + bytes(4000))
    assert county.take(back, broken).exit_code == 4
    assert county.row(county.cases[0]).state == "20"
    assert county.take(back, broken, partial=True).exit_code == 3
    assert county.row(county.cases[0]).state == "40"


def test_import__the_order_of_files_and_rows_changes_nothing(tmp_path):
    base = County(tmp_path)
    head = ["案件编号", "核查日期", "核查结果", "核查情况"]
    lines = [
        [base.cases[0], "2025-07-09", "2", "甲"],
        [base.cases[2], "2025-07-10", "1", "乙"],
        [base.cases[4], "", "3", "丙"],
    ]
    paths = [
        sheet(tmp_path / "430991_1.xlsx", head, lines[:2]),
        csv(tmp_path / "430991_核查范围.csv", "案件编号,核查面积", f"{base.cases[0]},1.5"),
        csv(
            tmp_path / "430991_核查记录.csv", "案件编号,核查结果,核查情况", f"{base.cases[5]},2,丁"
        ),
    ]
    seen = set()
    for number, order in enumerate([paths, paths[::-1], paths[1:] + paths[:1]]):
        folder = tmp_path / f"turn{number}"
        folder.mkdir()
        county = County(folder)
        sheet(paths[0], head, lines[::-1] if number % 2 else lines)
        assert county.take(*order).exit_code == 0
        seen.add(tuple((row.number, row.state, row.claims) for row in county.rows().values()))
    assert len(seen) == 1


RETURN = st.tuples(
    st.integers(1, 9),
    st.dictionaries(st.integers(0, 5), st.sampled_from("123"), min_size=1, max_size=4),
)


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    sent=st.lists(RETURN, min_size=1, max_size=4, unique_by=lambda one: one[0]),
    order=st.randoms(use_true_random=False),
)
def test_import__returns_in_any_order_leave_what_a_plain_model_says(tmp_path_factory, sent, order):
    """The newest that came so far wins; older ones, and the same once more, change nothing."""
    folder = tmp_path_factory.mktemp("returns")
    county = County(folder)
    coming = [*sent, sent[0]]
    order.shuffle(coming)
    model, newest, taken = {}, 0, set()
    for day, verdicts in coming:
        path = folder / f"430991_核查记录_{day}.csv"
        csv(
            path,
            "案件编号,核查结果,核查日期",
            *(f"{county.cases[k]},{v},2025-07-0{day}" for k, v in verdicts.items()),
        )
        report = county.take(path)
        if day in taken:
            assert report.values["entries"] == 0
        elif day < newest:
            assert report.exit_code == 4
        else:
            taken.add(day)
            newest = day
            model |= {county.cases[k]: v for k, v in verdicts.items()}
    found = {
        row.number: json.loads(row.claims).get("HCJG")
        for row in county.rows().values()
        if row.state == "40"
    }
    assert found == model
    books.check(county.store)


def test_import__a_clock_that_runs_ahead_does_not_shut_the_door(county):
    head, number = ["案件编号", "核查结果"], county.cases[0]
    ahead = sheet(
        county.folder / "430991_a.xlsx",
        head,
        [[number, "2"]],
        modified=datetime(2031, 1, 1, tzinfo=UTC),
    )
    report = county.take(ahead)
    assert report.values["files"][0]["stamp"] == "2025-07-18T08:00:00"
    assert any("ahead" in note for note in report.values["notes"])
    county.clock.now = datetime(2025, 7, 19, tzinfo=UTC)
    later = sheet(
        county.folder / "430991_b.xlsx",
        head,
        [[number, "1"]],
        modified=datetime(2025, 7, 19, tzinfo=UTC),
    )
    assert county.take(later).exit_code == 0


def test_import__a_package_that_nobody_filled_in_is_no_reply_and_no_return(county, back):
    before = county.store.entries()
    report = county.take(back)
    assert (report.exit_code, report.values["entries"]) == (0, 0)
    assert report.values["no_reply"] == sorted(county.cases)
    assert any("nothing is filled in" in note for note in report.values["notes"])
    assert county.store.entries() == before


def test_import__that_a_closed_case_is_closed_says_nothing(county):
    number = county.cases[0]
    county.move(
        number, ("filed", "40", "county"), ("submitted", "50", "city"), ("passed", "60", "city"),
        ("judged_legal", "70", "province"), ("close_proposed", "70", "province"), ("closed", "90", "province"),
    )  # fmt: skip
    path = csv(
        county.folder / "430991_台账.csv",
        "案件编号,案件状态",
        f"{number},90",
        f"{county.cases[1]},20",
    )
    report = county.take(path)
    assert (report.exit_code, report.values["wrong"], report.values["changes"]) == (0, [], [])


def test_import__an_outline_edited_in_the_case_list_is_named_and_not_taken(county, back):
    case = county.package.cases[0]
    wider = gpkg_blob(shapely.MultiPolygon([case.geometry.buffer(3)]))
    with closing(sqlite3.connect(back)) as base:
        base.create_function("ST_IsEmpty", 1, lambda _: 0)
        for name in ("ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY"):
            base.create_function(name, 1, lambda _: 0.0)
        base.execute("UPDATE AJTB SET geom = ? WHERE AJBH = ?", (wider, case.number))
        base.commit()
    fill(back, "HC_JL", [{"AJBH": case.number, "HCJG": "2"}])
    report = county.take(back)
    assert report.exit_code == 0, report.text
    (note,) = [note for note in report.values["notes"] if "differs from the ledger" in note]
    assert case.number in note
    assert not [
        name for name in json.loads(county.row(case.number).claims) if name.startswith("HC_FW")
    ]
