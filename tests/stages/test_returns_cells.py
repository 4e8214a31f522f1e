"""Case numbers, cells and columns as they come back from spreadsheets and field software."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.casepackage import FORMS, Field
from changedetect.casepackage.returned import RawRow, RawTable, ReturnedFile
from changedetect.codes import case_number, is_case_number
from changedetect.stages.returns import read_rows
from changedetect.stages.returns.cells import is_closing, read_cell
from changedetect.stages.returns.numbers import read_number
from changedetect.stages.returns.rows import form_of

NUMBER = "43099102250600001C"
FIELDS = {field.name: field for field in FORMS["HC_JL"].fields}
TODAY = date(2025, 7, 18)

numbers = st.builds(
    case_number, st.sampled_from(["430991", "430992"]), st.sampled_from(["02", "07"]),
    st.sampled_from(["2025-06", "2025-11"]), st.integers(1, 99999),
)  # fmt: skip


@pytest.mark.parametrize(
    "cell",
    [
        NUMBER,
        f" {NUMBER} ",
        NUMBER.lower(),
        f"'{NUMBER}",
        "４３０９９１０２２５０６００００１C",
        "4309910225O6OOOO1C",
        "430991 02 2506 00001 C",
    ],
)
def test_number__what_the_letter_proves_is_mended(cell):
    assert read_number(cell)[0] == NUMBER


@pytest.mark.parametrize(
    "cell",
    [
        4.3099102250600001e16,
        10**17 + 3,
        "4.30991E+16",
        "43099102250600001",
        "43099102250600001D",
        "abc",
        True,
    ],
)
def test_number__what_it_does_not_prove_is_refused(cell):
    with pytest.raises(ValueError, match="number"):
        read_number(cell)


@given(number=numbers, place=st.integers(0, 16), digit=st.integers(0, 9))
def test_number__a_changed_digit_is_always_seen(number, place, digit):
    changed = number[:place] + str(digit) + number[place + 1 :]
    if changed != number:
        with pytest.raises(ValueError, match="altered"):
            read_number(changed)


@given(number=numbers)
def test_number__is_read_as_it_was_written(number):
    assert read_number(number) == (number, "")
    assert is_case_number(number)


@pytest.mark.parametrize(
    ("name", "cell", "expected"),
    [
        ("HCJG", "1", "1"), ("HCJG", 1, "1"), ("HCJG", 2.0, "2"), ("HCJG", "违法", "2"), ("HCJG", "2 违法", "2"),
        ("HCJG", "2-违法", "2"), ("HCJG", "待定", "0"), ("SDDL", "101", "0101"), ("SDDL", 101, "0101"),
        ("SDDL", "水田", "0101"), ("SFBH", "是", "1"), ("HCRQ", "2025-07-03", "2025-07-03"),
        ("HCRQ", "20250703", "2025-07-03"), ("HCRQ", 20250703, "2025-07-03"), ("HCRQ", "2025/7/3", "2025-07-03"),
        ("HCRQ", "2025年7月3日", "2025-07-03"), ("HCRQ", "2025-07-03T10:00:00", "2025-07-03"), ("ZPSL", "3", "3"),
        ("GPSJD", "-113.5", "-113.5"), ("GPSJD", 113.12345678912, "113.12345679"), ("HCR", "  赵 ", "赵"), ("HCR", None, ""),
    ],
    ids=repr,
)  # fmt: skip
def test_cell__is_read(name, cell, expected):
    assert read_cell(FIELDS[name], cell) == expected


@pytest.mark.parametrize(
    ("name", "cell"),
    [("HCJG", "5"), ("HCJG", "可能"), ("HCRQ", "2025-02-30"), ("HCRQ", "昨天"), ("HCRQ", 45840), ("HCRQ", "1925-01-01"), ("ZPSL", "2.5"),
     ("ZPSL", "-1"), ("GPSJDU", "nan"), ("GPSJDU", "inf"), ("GPSJDU", "很准")],
)  # fmt: skip
def test_cell__that_makes_no_sense_is_refused(name, cell):
    with pytest.raises(ValueError, match=str(cell) if not isinstance(cell, int) else "45840"):
        read_cell(FIELDS[name], cell)


def test_cell__areas_keep_four_decimals():
    assert read_cell(Field("CCMJ", "拆除面积(亩)", "float", decimals=4), 1.23456) == "1.2346"
    assert read_cell(Field("CCMJ", "拆除面积(亩)", "float", decimals=4), 100) == "100"


@pytest.mark.parametrize(
    ("text", "closed"),
    [("90", True), ("销号", True), ("90 销号", True), ("未销号", False), ("9", False)],
)
def test_closing__is_what_people_write(text, closed):
    assert is_closing(text) is closed


def table(name, columns, *rows, **more):
    return RawTable(
        name,
        tuple(columns),
        tuple(RawRow(n, dict(zip(columns, row, strict=True))) for n, row in enumerate(rows, 2)),
        **more,
    )


@pytest.mark.parametrize(
    ("name", "columns", "expected"),
    [
        ("HC_JL", ["AJBH"], "HC_JL"), ("hc_jl", ["AJBH"], "HC_JL"), ("核查记录", ["案件编号"], "HC_JL"),
        ("430991_HC_FW", ["AJBH"], "HC_FW"), ("Sheet1", ["案件编号", "核查结果", "核查人"], "HC_JL"),
        ("Sheet1", ["案件编号", "拆除面积", "整改方式"], "ZG_JL"), ("台账", ["案件编号"], "AJTB"),
        ("Sheet1", ["案件编号"], None), ("代码表", ["代码", "含义"], None), ("WPFW", ["AJBH", "MJ"], None),
    ],
)  # fmt: skip
def test_table__is_known_by_name_or_by_columns(name, columns, expected):
    form = form_of(table(name, columns))
    assert (form.name if form else None) == expected


def reading(*tables):
    return read_rows(ReturnedFile("430991.xlsx", "d" * 64, "2025-07-15T00:00:00Z", tables), TODAY)


def test_rows__columns_by_name_alias_and_alias_without_unit():
    for header in (
        ["AJBH", "CCMJ"],
        ["案件编号", "拆除面积(亩)"],
        ["案件编号", "拆除面积（亩）"],
        ["案件编号", "拆除面积"],
        ["ajbh", "ccmj"],
    ):
        (row,) = reading(table("ZG_JL", header, [NUMBER, "1.5"])).rows
        assert row.values == {"CCMJ": "1.5"}


def test_rows__an_error_names_file_sheet_row_and_column():
    found = reading(
        table("核查记录", ["案件编号", "核查日期"], [NUMBER, "x"], [NUMBER, "2025-07-10"])
    )
    assert [str(fault) for fault in found.faults] == [
        "430991.xlsx / 核查记录 / row 2 / 核查日期(HCRQ): 'x' is no date; YYYY-MM-DD from 2000 to 2100 was expected (日期无效)"
    ]
    assert [row.place.row for row in found.rows] == [3]


def test_rows__a_date_of_tomorrow_is_wrong():
    (fault,) = reading(table("核查记录", ["案件编号", "核查日期"], [NUMBER, "2025-07-19"])).faults
    assert "future" in fault.message


def test_rows__a_last_line_with_a_notice_is_no_row():
    found = reading(
        table(
            "核查记录",
            ["案件编号", "核查人"],
            [NUMBER, "赵"],
            [
                "本成果图斑由遥感影像自动发现，是线索，不是证据；判定建议须经实地核查，由人认定。",
                None,
            ],
        )
    )
    assert (len(found.rows), found.faults) == (1, ())


def test_rows__the_file_is_as_new_as_its_newest_date():
    found = reading(table("核查记录", ["案件编号", "核查日期"], [NUMBER, "2025-07-17"]))
    assert found.stamp == "2025-07-17T00:00:00"


def test_rows__a_sheet_of_cases_without_its_number_column_is_named():
    (fault,) = reading(table("核查记录", ["编号", "核查人"], ["1", "赵"])).faults
    assert "案件编号" in fault.message
