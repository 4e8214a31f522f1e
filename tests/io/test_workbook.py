"""The workbook: text stays text, nothing is cut, the same bytes."""

import re
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime

import openpyxl
import pytest

from changedetect.casepackage import FORMS, NOTICE, NOTICE_SHORT, Column, Sheet, WorkbookContent
from changedetect.errors import IntegrityError, LayerError
from changedetect.io.chips import thumbnail
from changedetect.io.tables import csv_bytes
from changedetect.io.workbook import CELL_LIMIT, verify_workbook, write_workbook
from changedetect.stages.deliver import layers, statistics, workbook
from tests.sample_package import empty_package, make_package, sample_chips

PAYLOADS = (
    "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "\uff1d1+1", "\uff20x", '=HYPERLINK("http://x","y")',
    "http://example.org/a", "file:///etc/passwd", "internal:Sheet1!A1", "external:c:\\x.xlsx", "mailto:a@b.c",
    "ftp://x", "<script>alert(1)</script>", "\"'`;--", "{=1}", "0101", "1e5", "TRUE", "#REF!", "２０２５", "_x0041_",
)  # fmt: skip
CREATED = datetime(2025, 6, 1, tzinfo=UTC)


def simple(*values):
    columns = (Column("甲"), Column("乙", codes="SF"))
    rows = tuple((value, "1") for value in values)
    sheet = Sheet("表", "题", ("注",), columns, rows)
    return WorkbookContent("a.xlsx", "题", CREATED, (sheet,), {"SF": {"0": "否", "1": "是"}})


@pytest.fixture(scope="module")
def package():
    return make_package()


@pytest.fixture(scope="module")
def content(package):
    return workbook(package, layers(package))


@pytest.fixture(scope="module")
def pictures(package):
    return {path: thumbnail(data, 160) for path, data in sample_chips(package, 128).items()}


@pytest.fixture(scope="module")
def path(content, pictures, tmp_path_factory):
    path = tmp_path_factory.mktemp("xlsx") / content.file_name
    write_workbook(path, content, pictures)
    return path


@pytest.fixture(scope="module")
def book(path):
    return openpyxl.load_workbook(path)


def parts(path, pattern):
    with zipfile.ZipFile(path) as archive:
        return {n: archive.read(n).decode() for n in archive.namelist() if re.search(pattern, n)}


def test_payloads__stay_text_in_every_cell(tmp_path):
    path = tmp_path / "a.xlsx"
    write_workbook(path, simple(*PAYLOADS))
    sheet = openpyxl.load_workbook(path)["表"]
    found = [sheet.cell(4 + number, 1) for number in range(len(PAYLOADS))]
    # openpyxl calls text that starts with = a formula: the stored type decides
    stored = parts(path, r"worksheets/sheet1\.xml$")["xl/worksheets/sheet1.xml"]
    assert "<f>" not in stored
    assert "<hyperlink" not in stored
    assert not [name for name in parts(path, "_rels/sheet") if name]
    assert [cell.value for cell in found] == list(PAYLOADS)
    for number in range(len(PAYLOADS)):
        assert f'<c r="A{4 + number}"' in stored
        assert re.search(rf'<c r="A{4 + number}"[^>]* t="s"', stored)


def test_whole_workbook__holds_no_formula_and_no_link(path):
    for name, text in parts(path, r"worksheets/sheet\d+\.xml$").items():
        assert "<f>" not in text, name
        assert "<hyperlink" not in text, name
    outside = parts(path, r"\.rels$")
    assert not [name for name, text in outside.items() if 'TargetMode="External"' in text]


def test_codes_and_numbers__are_text(book):
    sheet = book["台账"]
    header = [cell.value for cell in sheet[4]]
    row = dict(zip(header, sheet[5], strict=True))
    assert row["案件编号"].data_type == "s"
    assert row["主题代码"].value == "07"
    assert row["主题代码"].data_type == "s"
    assert row["主题代码"].number_format == "@"
    assert row["监测面积(亩)"].number_format == "0.0000"
    assert row["核查期限"].is_date


def test_list__is_frozen_filtered_with_drop_downs_and_thumbnails(book, pictures):
    sheet = book["台账"]
    assert sheet.freeze_panes == "B5"
    assert sheet.auto_filter.ref.startswith("A4:")
    lists = {str(v.sqref).split(":")[0]: v.formula1 for v in sheet.data_validations.dataValidation}
    header = [cell.value for cell in sheet[4]]
    column = openpyxl.utils.get_column_letter(header.index("认定结果") + 1)
    assert lists[f"{column}5"].startswith("_代码!$")
    shown = len(sheet._images) + len(book["留痕"]._images)
    assert shown == len([path for path in pictures if path.endswith("_T.jpg")])
    codes = book["_代码"]
    assert codes.sheet_state == "hidden"
    values = {cell.value for column in codes.iter_cols(min_row=2) for cell in column if cell.value}
    assert {"01", "21", "DL1"} <= values
    assert all(isinstance(value, str) for value in values)


def test_sheets__are_all_there_and_unknown_is_blank(book, content):
    assert book.sheetnames == [*(sheet.name for sheet in content.sheets), "_代码"]
    sheet = book["台账"]
    header = [cell.value for cell in sheet[4]]
    numbers = [sheet.cell(row, 1).value for row in range(5, 10)]
    row = 5 + numbers.index(next(n for n in numbers if n.endswith("00003G")))
    assert sheet.cell(row, header.index("未批面积(亩)") + 1).value is None
    assert "线索，不是证据" in sheet.cell(2, 1).value


def test_bytes__are_the_same_for_the_same_input(content, pictures, path, tmp_path):
    again = tmp_path / "b.xlsx"
    write_workbook(again, content, pictures)
    assert again.read_bytes() == path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert "2025-06-01T00:00:00Z" in archive.read("docProps/core.xml").decode()


def test_long_text__is_refused_never_cut(tmp_path):
    path = tmp_path / "a.xlsx"
    write_workbook(path, simple("长" * CELL_LIMIT))
    assert len(openpyxl.load_workbook(path)["表"].cell(4, 1).value) == CELL_LIMIT
    with pytest.raises(LayerError, match=r"sheet 表, row 2, column 甲: text has 32768 characters"):
        write_workbook(tmp_path / "b.xlsx", simple("ok", "长" * (CELL_LIMIT + 1)))
    assert not (tmp_path / "b.xlsx").exists()


@pytest.mark.parametrize("bad", ["\x00", "\x0b", "\x1f", "\ufffe", "\ud800"])
def test_control_characters__are_refused_by_place(tmp_path, bad):
    with pytest.raises(LayerError, match=r"row 1, column 甲: text holds control character"):
        write_workbook(tmp_path / "a.xlsx", simple(f"a{bad}b"))


def test_new_lines_and_wide_characters__are_kept(tmp_path):
    path = tmp_path / "a.xlsx"
    write_workbook(path, simple("一\n二", "𠮷"))
    sheet = openpyxl.load_workbook(path)["表"]
    assert [sheet.cell(4, 1).value, sheet.cell(5, 1).value] == ["一\n二", "𠮷"]


def test_empty_month__opens_and_says_so(tmp_path):
    package = empty_package()
    path = tmp_path / "a.xlsx"
    write_workbook(path, workbook(package, layers(package)))
    book = openpyxl.load_workbook(path)
    assert "本期无案件" in " ".join(str(cell.value) for row in book["说明"] for cell in row)
    assert book["台账"].max_row <= 5


def test_payload_in_every_field__reaches_no_formula(package, tmp_path):
    text = "=cmd|' /C calc'!A0"
    units = tuple(replace(u, town_name=text, village_name=text) for u in package.units)
    cases = tuple(replace(c, reasons=(text,), missing=(text,)) for c in package.cases)
    manifests = tuple(replace(m, note=text, version=text) for m in package.manifests)
    hostile = replace(package, units=units, cases=cases, manifests=manifests, district_name=text)
    path = tmp_path / "a.xlsx"
    write_workbook(path, workbook(hostile, layers(hostile)))
    for stored in parts(path, r"worksheets/sheet\d+\.xml$").values():
        assert "<f>" not in stored
        assert "<hyperlink" not in stored


def test_verify__accepts_what_is_whole_and_names_what_is_not(content, path, tmp_path):
    verify_workbook(path, content)
    cut = tmp_path / "cut.xlsx"
    cut.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(IntegrityError, match=r"cut\.xlsx can not be opened"):
        verify_workbook(cut, content)
    with pytest.raises(IntegrityError, match="sheets"):
        verify_workbook(path, simple("a"))


def test_dates__are_dates(tmp_path):
    sheet = Sheet("表", "题", (), (Column("日", "date"),), ((date(2025, 6, 14),), (None,)))
    path = tmp_path / "a.xlsx"
    write_workbook(path, WorkbookContent("a.xlsx", "题", CREATED, (sheet,)))
    cell = openpyxl.load_workbook(path)["表"].cell(3, 1)
    assert cell.value == datetime(2025, 6, 14)  # noqa: DTZ001 - cells have no zone


def test_footer__stands_under_every_page(path):
    book = openpyxl.load_workbook(path)
    for sheet in book.worksheets[:-1]:
        assert sheet.oddFooter.center.text == NOTICE_SHORT, sheet.title


def test_totals_as_csv__end_with_the_notice(package):
    text = csv_bytes(statistics([package]), FORMS["TJ_XJ"], NOTICE).decode("utf-8-sig")
    assert text.splitlines()[-1] == f'"{NOTICE}"'
    assert csv_bytes(statistics([package]), FORMS["TJ_XJ"]).decode().count("\r\n") == (
        text.count("\r\n") - 1
    )
