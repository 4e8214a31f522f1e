"""Reports of a period: figures against a count by hand, reconciled, the same bytes, readable files."""

import shutil
from collections import Counter
from dataclasses import replace
from datetime import date

import docx
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.entries import Entry
from changedetect.errors import ConfigError, InputError
from changedetect.io import report_files
from changedetect.pipeline.ledger.ledgerwork import enter, open_ledger
from changedetect.pipeline.loop import reporting
from changedetect.pipeline.loop.reporting import ReportOptions, period_of, write_report
from changedetect.pipeline.runs.job import open_job
from changedetect.stages import cases, deliver, ledger
from tests.pipeline import tiny_job
from tests.pipeline.test_month_loop import QIAN, SUN, WANG, ZHAO, ZHOU, Clock, a_case, do, find

PERIOD = period_of("2025Q2", date(2025, 7, 25))

LIVES = [
    (), ("20",), ("20", "30"), ("20", "40", "50", "60", "70"), ("20", "40", "50", "60", "70", "90"),
    ("20", "40", "50", "60", "71"), ("20", "40", "50", "60", "71", "75", "80"),
    ("20", "40", "50", "60", "71", "75", "80", "85"), ("20", "40", "50", "60", "71", "75", "80", "85", "90"),
    ("99",), ("98",), ("20", "40", "50", "60", "71", "75", "80", "85", "90", "10"),
    ("20", "40", "50", "60", "71", "75", "80", "85", "90", "10", "20"),
]  # fmt: skip


def course(number, life, month, district, kind):
    case = a_case(number, month, district, pooled=kind == "pooled", record_only=kind == "record")
    found = Entry(
        case.number, "found", "", "10", "t", Clock.now, "r", "", ledger.payload_of(case), "program"
    )
    row = ledger.advance(None, ledger.chain([found], None)[0])
    states = ("10", *life) if kind == "" else ("10",)
    return deliver.CaseCourse(replace(row, state=states[-1]), states)


def by_hand(cases, day):
    """Count from the meaning of the words, case by case, with no table of the code under test."""
    count = Counter()
    for case in cases:
        row, states = case.row, list(case.states)
        count["found"] += 1
        if row.record_only:
            count["recorded"] += 1
            continue
        if row.pooled:
            count["pooled"] += 1
            continue
        while "90" in states[:-1]:
            states = states[states.index("90") + 1 :]
        count["listed"] += 1
        count["dispatched"] += "20" in states
        count["cleared"] += states[-1] == "90"
        count["merged"] += states[-1] == "98"
        count["dropped"] += states[-1] == "99"
        is_open = states[-1] not in ("90", "98", "99")
        count["open"] += is_open
        if "71" in states:
            count["illegal"] += 1
            count["docketed" if "75" in states else "undocketed"] += 1
            count["rectified" if states[-1] in ("85", "90") else "unrectified"] += 1
        if "70" in states:
            count["legal"] += 1
        count["verified"] += "70" in states or "71" in states
        count["overdue"] += (
            is_open and row.county_due < day and states[-1] in ("20", "30", "45", "55", "65")
        )
    return +count


@given(
    st.lists(
        st.tuples(
            st.sampled_from(LIVES), st.sampled_from(PERIOD.months), st.sampled_from(["430991", "430992"]),
            st.sampled_from(["", "", "", "pooled", "record"]),
        ),
        min_size=1, max_size=12,
    )
)  # fmt: skip
def test_figures__are_those_counted_by_hand_and_reconcile(drawn):
    cases = tuple(course(i, *one) for i, one in enumerate(drawn, 1))
    assert deliver.figures(cases, PERIOD.day) == by_hand(cases, PERIOD.day)
    months = tuple(deliver.MonthFacts(month, None) for month in PERIOD.months)
    given_ = deliver.PeriodInput(PERIOD, cases, months, {"430991": "青禾县"})
    assert [check.count for check in deliver.period_checks(given_)] == [0] * 7
    content = deliver.report(given_)
    sheets = {sheet.name: sheet for sheet in content.sheets}
    for name in ("分县", "分专题", "逐月"):
        rows = sheets[name].rows
        heads = sheets[name].frozen_columns
        for place in range(heads, heads + 17):
            assert rows[-1][place] == sum(row[place] for row in rows[:-1])


def test_checks__are_able_to_fail():
    twice = course(1, ("20",), "2025-04", "430991", "")
    outside = course(2, ("20",), "2025-09", "430991", "")
    bad = deliver.PeriodInput(PERIOD, (twice, twice, outside), (), {})
    assert deliver.period_checks(bad)[-1].count == 2


@pytest.mark.parametrize(
    ("text", "months", "title"),
    [
        ("2025-06", ("2025-06",), "2025年6月月发现"),
        ("2025Q4", ("2025-10", "2025-11", "2025-12"), "2025年第4季度季小结"),
    ],
)
def test_period__is_read(text, months, title):
    found = period_of(text, date(2026, 1, 5))
    assert (found.months, found.title) == (months, title)


@pytest.mark.parametrize("text", ["2025-13", "2025Q5", "25", "2025-6", "x"])
def test_period__others_are_refused(text):
    with pytest.raises(ConfigError, match="YYYYQn"):
        period_of(text, date(2026, 1, 5))


def test_report__files_can_be_read_and_are_the_same_bytes(tmp_path):
    cases = tuple(
        course(i, life, PERIOD.months[i % 3], "430991", "") for i, life in enumerate(LIVES, 1)
    )
    months = tuple(
        deliver.MonthFacts(month, 1000.0, (("DLTB", "2024-12-31"),)) for month in PERIOD.months
    )
    given_ = deliver.PeriodInput(
        PERIOD, cases, months, {"430991": "青禾县"}, (("总体精度", "0.9470", "0.93 – 0.96", 640),),
        (
            deliver.CaseTie(cases[0].row.number, "430991", "扩大", "2025-06 监测；较上次扩大约40平方米"),
            deliver.CaseTie(cases[1].row.number, "430991", "相邻", "2025-06 监测；与在办案件相邻"),
        ),
    )  # fmt: skip
    content = deliver.report(given_)
    trend = [(month, 4, 2, 1) for month in PERIOD.months]
    first = report_files.write_report(tmp_path / "a", content, trend, overwrite=False)
    second = report_files.write_report(tmp_path / "b", content, trend, overwrite=False)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    page, sheet, document = first
    assert "季小结" in page.read_text(encoding="utf-8")
    assert "青禾县" in page.read_text(encoding="utf-8")
    book = openpyxl.load_workbook(sheet)
    assert book.sheetnames[:3] == ["说明", "汇总", "分县"]
    counted = list(book["关联"].iter_rows(values_only=True))
    assert ("合计", "", 1, 0, 0, 1) in counted
    assert ("430991", "青禾县", 1, 0, 0, 1) in counted
    assert any("扩大1件，相邻1件" in str(row) for row in book["说明"].iter_rows(values_only=True))
    assert [
        row[2] for row in book["关联案件"].iter_rows(values_only=True) if row[1] == "青禾县"
    ] == ["扩大", "相邻"]
    text = "\n".join(p.text for p in docx.Document(document).paragraphs)
    assert "校核" in text
    assert len(docx.Document(document).tables) == 12
    with pytest.raises(InputError, match="--overwrite"):
        report_files.write_report(tmp_path / "a", content, trend, overwrite=False)


def test_report__of_a_ledger_that_people_worked_in(whole, tiny_base, tmp_path, monkeypatch):
    tiny_job.use_model(tiny_base, monkeypatch)
    shutil.copytree(whole.parent, tmp_path / "job")
    config, clock = tmp_path / "job" / "config.yaml", Clock()
    out = config.parent / "out"
    store = open_ledger(out / "ledger.sqlite")
    with store.reading() as reader:
        waiting = [row.number for row in reader.work_list() if not (row.pooled or row.record_only)]
    one = waiting[:1]
    do(store, clock, one, "accepted", WANG)
    for event, who in [
        ("dispatched", SUN),
        ("filed", ZHAO),
        ("submitted", QIAN),
        ("passed", QIAN),
        ("judged_legal", SUN),
        ("close_proposed", SUN),
    ]:
        do(store, clock, one, event, who)
    do(store, clock, one, "closed", ZHOU, source=config)
    options = ReportOptions(date(2025, 12, 1), out)
    done = write_report(open_job(config), tiny_job.MONTH, tmp_path / "report", options)
    figures = done.facts()["figures"]
    assert done.exit_code == 0
    assert (figures["listed"], figures["cleared"], figures["legal"]) == (len(waiting), 1, 1)
    assert figures["open"] == len(waiting) - 1
    with pytest.raises(InputError, match="no case"):
        write_report(open_job(config), "2024", tmp_path / "none", options)


def test_report__of_a_month_that_found_nothing_is_zeros(whole, tiny_base, tmp_path, monkeypatch):
    tiny_job.use_model(tiny_base, monkeypatch)
    shutil.copytree(whole.parent, tmp_path / "job")
    config = tmp_path / "job" / "config.yaml"
    out = config.parent / "out"
    (out / "ledger.sqlite").unlink()
    open_ledger(out / "ledger.sqlite")
    options = ReportOptions(date(2025, 12, 1), out)
    done = write_report(open_job(config), tiny_job.MONTH, tmp_path / "report", options)
    assert done.exit_code == 0
    assert not any(done.facts()["figures"].values())
    assert len(list((tmp_path / "report").iterdir())) == 3


def test_reasons__of_ties_are_read_back_from_the_ledger(tmp_path):
    """What the step `cases` writes into reasons is what the report finds: kinds and cases, each once."""
    store, clock = open_ledger(tmp_path / "l.sqlite"), Clock()
    numbers = find(store, clock, a_case(1), a_case(2), a_case(3, month="2025-03"))
    ties = [
        cases.Tie("grown", (), 40.0), cases.Tie("beside", (numbers[0],)), cases.Tie("joined", (numbers[0],)),
    ]  # fmt: skip
    for number, tie in zip(numbers, ties, strict=True):
        for _ in range(2):
            told = Entry(
                number,
                "reminded",
                "10",
                "10",
                "cd",
                clock(),
                f"监测；{tie.reason()}",
                "",
                "",
                "program",
            )
            enter(store, lambda _, told=told: [told])
    found = reporting._ties(store, PERIOD)
    assert [(tie.number, tie.kind) for tie in found] == [(numbers[0], "扩大"), (numbers[1], "相邻")]
    assert numbers[0] in found[1].said
    assert dict(zip(cases.KINDS[1:], deliver.TIES, strict=True)) == {
        "grown": "扩大", "split_off": "分出", "joined": "连片", "beside": "相邻",
    }  # fmt: skip
