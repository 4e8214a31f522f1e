"""Packages and sheets that went through real QGIS, LibreOffice and a QField folder come back whole, without a warning.

What came back is held against the same values written straight into the file: no claim may differ.
"""

import csv
import json
import subprocess
from datetime import UTC, date, datetime

import openpyxl
import pytest
import shapely

from changedetect.casepackage import FORMS
from changedetect.config.returns import ReturnsSection
from changedetect.io.returned.keep import find_returned, keep
from changedetect.io.returned.parent import read_returned
from changedetect.stages.returns import read_rows
from tests.photos_in_code import ground, jpeg
from tests.pipeline.returned_county import NAME, County, fill, write_package
from tests.sample_package import make_package
from tests.validation.other_software import (
    SOFFICE,
    degrees,
    edit_in_calc,
    edit_in_qgis,
    every_field,
    has_module,
    wkt,
)

SECTION = ReturnsSection()
CASES = {case.number: case.geometry for case in make_package().cases}
NUMBERS = list(CASES)
FIRST, SECOND = NUMBERS[0], NUMBERS[4]
SHARES = {
    "CCMJ": 0.01,
    "CCGDMJ": 0.005,
    "BBMJ": 0.01,
    "BBGDMJ": 0.005,
    "FGMJ": 0.01,
    "FGGDMJ": 0.005,
}
"""Areas of ZG_JL that fit together. [mu]"""
PROGRAM = ("SHA256", "JLDW", "YCBZ")
"""Columns of HC_ZP that only the program fills."""


def wanted(number):
    """Layer -> what is filled in there for a case, with shapes in the job's CRS."""
    outline = CASES[number]
    return {
        "HC_JL": {**every_field("HC_JL", number), "shape": outline.representative_point()},
        "HC_FW": {
            **every_field("HC_FW", number),
            "shape": shapely.MultiPolygon([outline.buffer(-1.0).envelope]),
        },
        "ZG_JL": {**every_field("ZG_JL", number), **SHARES},
    }


def taken(folder, place):
    """Import what lies in a folder into a fresh ledger; nothing may be said about it."""
    folder.mkdir()
    county = County(folder)
    county.clock.now = datetime.now(UTC)
    report = county.take(place)
    assert report.exit_code == 0, report.text
    assert (report.values["notes"], report.values["wrong"]) == ([], [])
    return county


def outlines(county):
    """Case -> area and difference of the outline that it was told."""
    found = {}
    for item in county.store.entries():
        said = json.loads(item.entry.payload or "{}").get("outline")
        if said:
            found[item.entry.case] = (said["area_m2"], said["difference_m2"])
    return found


def test_qgis__loses_nothing_of_what_is_typed_and_drawn_there(tmp_path):
    if not has_module("qgis.core"):
        pytest.skip("QGIS is not installed (python3-qgis, qgis-providers)")
    there, straight = tmp_path / "back", tmp_path / "straight"
    for folder in (there, straight):
        folder.mkdir()
        write_package(folder)
    first: dict = {}
    later: dict = {}
    for number in (FIRST, SECOND):
        for layer, row in wanted(number).items():
            fill(straight / NAME, layer, [row])
            plain = {key: value for key, value in row.items() if key != "shape"}
            shape = {"wkt": wkt(row["shape"])} if "shape" in row else {}
            drafted = (
                {"wkt": wkt(CASES[number] if layer == "HC_FW" else row["shape"])} if shape else {}
            )
            first.setdefault(layer, []).append({**plain, **drafted, "BY1": "草稿"})
            later.setdefault(layer, []).append({"AJBH": number, "BY1": row["BY1"], **shape})
    edit_in_qgis(there / NAME, first, tmp_path)
    edit_in_qgis(there / NAME, later, tmp_path)
    ours, theirs = taken(tmp_path / "a", straight), taken(tmp_path / "b", there)
    for number in (FIRST, SECOND):
        claims = json.loads(theirs.row(number).claims)
        assert claims == json.loads(ours.row(number).claims)
        assert claims["HCQK"] == wanted(number)["HC_JL"]["HCQK"]
        assert claims["ZG_JL.BY5"] == wanted(number)["ZG_JL"]["BY5"]
        assert theirs.row(number).state == "40"
    assert outlines(theirs) == outlines(ours)
    assert set(outlines(ours)) == {FIRST, SECOND}


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    if SOFFICE is None:
        pytest.skip("LibreOffice is not installed (soffice)")
    folder = tmp_path_factory.mktemp("office")
    book = openpyxl.Workbook()
    page = book.active
    page.title = "核查记录"
    page.append(["案件编号", "核查日期", "核查结果", "实地地类", "核查情况"])
    for number in NUMBERS:
        page.append([number, date(2025, 7, 10), "2", "0101", "已建厂房"])
    for cell in (cell for line in page.iter_rows(min_row=2) for cell in (line[0], line[3])):
        cell.number_format = "@"
    book.save(folder / "in.xlsx")
    return folder / "in.xlsx"


def convert(path, target, name, folder):
    out = folder / name.replace(".", "_")
    subprocess.run(
        [SOFFICE, f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", target, "--outdir", str(out), str(path)],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    (found,) = out.glob("in.*")
    return found


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("a.xlsx", "xlsx:Calc MS Excel 2007 XML"),
        ("utf8.csv", "csv:Text - txt - csv (StarCalc):44,34,76,1"),
        ("gb18030.csv", "csv:Text - txt - csv (StarCalc):44,34,85,1"),
        ("gbk.csv", "csv:Text - txt - csv (StarCalc):44,34,61,1"),
    ],
)
def test_libreoffice__saved_again_says_the_same(sheet, name, target, tmp_path):
    path = convert(sheet, target, name, tmp_path)
    (found,), _ = find_returned([path])
    read = read_rows(
        read_returned(keep(tmp_path / "store", found, SECTION.file_max_mb), SECTION),
        date(2030, 1, 1),
    )
    assert (read.faults, read.notes) == ((), ())
    assert [row.case for row in read.rows] == NUMBERS
    assert {row.values["HCRQ"] for row in read.rows} == {"2025-07-10"}
    assert {(row.values["HCJG"], row.values["SDDL"]) for row in read.rows} == {("2", "0101")}
    assert not any(row.mended for row in read.rows)
    if path.suffix == ".csv":
        encoding = "utf-8" if name == "utf8.csv" else "gb18030"
        with path.open(encoding=encoding, newline="") as file:
            assert next(csv.reader(file))[0].lstrip("\ufeff") == "案件编号"


def titled(form, row):
    """Name the columns as people see them."""
    titles = {field.name: field.alias for field in FORMS[form].fields}
    return {titles[key]: value for key, value in row.items() if key != "shape"}


def empty_book(path, forms):
    """Write a workbook whose sheets have the titles, and the number of every case."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for form in forms:
        page = book.create_sheet(FORMS[form].alias)
        page.append([field.alias for field in FORMS[form].fields])
        for number in (FIRST, SECOND):
            page.append([number])
            page.cell(page.max_row, 1).number_format = "@"
    book.save(path)
    return path


def test_libreoffice__loses_nothing_of_what_is_typed_into_cells(tmp_path):
    if SOFFICE is None or not has_module("uno"):
        pytest.skip("LibreOffice is not installed (libreoffice-calc, python3-uno)")
    forms = ("HC_JL", "ZG_JL")
    rows = {
        FORMS[form].alias: [titled(form, wanted(number)[form]) for number in (FIRST, SECOND)]
        for form in forms
    }
    empty = empty_book(tmp_path / "empty.xlsx", forms)
    back = tmp_path / "back"
    back.mkdir()
    edit_in_calc(empty, back / "430991_核查.xlsx", rows, tmp_path)
    straight = tmp_path / "straight"
    straight.mkdir()
    write_package(straight)
    for number in (FIRST, SECOND):
        for form in forms:
            row = {key: value for key, value in wanted(number)[form].items() if key != "shape"}
            fill(straight / NAME, form, [row])
    ours, theirs = taken(tmp_path / "a", straight), taken(tmp_path / "b", back)
    for number in (FIRST, SECOND):
        assert json.loads(theirs.row(number).claims) == json.loads(ours.row(number).claims)
        assert theirs.row(number).state == "40"


def test_qfield__photos_in_its_own_folder_go_to_the_cases_that_name_them(tmp_path):
    folder = tmp_path / "back"
    folder.mkdir()
    write_package(folder)
    (folder / "DCIM").mkdir()
    rows = []
    for count, number in enumerate((FIRST, SECOND, SECOND)):
        name = f"HC_ZP_2025071009{count:02d}.jpg"
        point = degrees(CASES[number].representative_point())
        data = jpeg(ground(40 + count), lon=point.x, lat=point.y, bearing=70.0 * count)
        (folder / "DCIM" / name).write_bytes(data)
        rows.append(
            {
                **every_field("HC_ZP", number, skip=PROGRAM),
                "ZPMC": name, "ZPLJ": f"DCIM/{name}", "JD": point.x, "WD": point.y, "FWJ": 70.0 * count,
                "PSSJ": "2025-07-10T09:30:00", "shape": CASES[number].representative_point(),
            }
        )  # fmt: skip
    fill(folder / NAME, "HC_ZP", rows)
    fill(folder / NAME, "HC_JL", [wanted(number)["HC_JL"] for number in (FIRST, SECOND)])
    county = taken(tmp_path / "a", folder)
    for number, count in ((FIRST, 1), (SECOND, 2)):
        claims = json.loads(county.row(number).claims)
        assert claims["HC_ZP.ZPSL"] == str(count)
        assert not claims.get("HC_ZP.YCBZ")
        for field in ("ZPLX", "SB", "BY1", "BY5"):
            assert claims[f"HC_ZP.{field}"] == every_field("HC_ZP", number, skip=PROGRAM)[field]
        assert len(claims["HC_ZP.SHA256"]) == 64
        assert claims["HCQK"] == wanted(number)["HC_JL"]["HCQK"]
    kept = {path.name for path in (tmp_path / "a" / "returns").glob("*.jpg")}
    assert len(kept) == 3


def test_qfield__a_photo_that_no_row_names_is_said_and_left_out(tmp_path):
    folder = tmp_path / "back"
    folder.mkdir()
    write_package(folder)
    (folder / "DCIM" / "100").mkdir(parents=True)
    (folder / "DCIM" / "100" / "x.jpg").write_bytes(jpeg(ground(51)))
    fill(folder / NAME, "HC_JL", [wanted(FIRST)["HC_JL"]])
    (tmp_path / "a").mkdir()
    county = County(tmp_path / "a")
    report = county.take(folder)
    assert report.exit_code == 0
    assert [note for note in report.values["notes"] if "DCIM/100/x.jpg" in note]
    assert "HC_ZP.ZPSL" not in json.loads(county.row(FIRST).claims)
