"""The step ``cases`` against the ledger: what is entered, once, and what a recomputed month leaves."""

from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
import shapely

from changedetect.config.clues import CluesSection
from changedetect.config.job import CasesSection, DeadlinesSection, LedgerSection
from changedetect.entries import Entry
from changedetect.io import record_files
from changedetect.io.ledger import LedgerStore
from changedetect.pipeline.ledger.ledgerwork import enter
from changedetect.pipeline.runs.month_files import CASES, UNITS
from changedetect.pipeline.steps import casework
from changedetect.records import Case, Finding, TimeCode, Unit, UnitAreas, Verdict

NOW = datetime(2025, 7, 1, tzinfo=UTC)
THEMES = (
    SimpleNamespace(code="01", rhythm="quarter", dispatch=False),
    SimpleNamespace(code="02", rhythm="month", dispatch=True),
)


def unit(unit_id="P1", *, side=40, seen=date(2025, 6, 20), district="430991"):
    ground = shapely.MultiPolygon([shapely.box(0, 0, side, 40)])
    found = Finding(unit_id, "02", Verdict.YES, "21", 3, False, ("理由",), ("R",), ())
    return Unit(
        unit_id=unit_id, patch_id=unit_id, district=district, district_name="青禾县", town="", town_name="",
        village="", village_name="", siblings=(), geometry=ground, area_m2=ground.area, perimeter_m=160,
        area_sd_m2=40, before_date=date(2025, 5, 20), after_date=seen, before_scene="b", after_scene="a",
        before_gsd_m=2, after_gsd_m=2, sources=("optical",), family="building", family_probability=0.9,
        change_probability=0.95, areas=UnitAreas(1600, 1600, 0, 0, 0, 0, 0, None, None, None, 0), pieces=(),
        approvals=(), remainder=ground, time_code=TimeCode.NONE, findings=(found,),
    )  # fmt: skip


@pytest.fixture
def decide(tmp_path):
    """Decide a month from units; returns the step's result and the cases that it lists."""

    def work(units, month="2025-06", source="s1"):
        folder = tmp_path / month
        folder.mkdir(exist_ok=True)
        record_files.write_records(folder / UNITS, units, Unit)
        config = SimpleNamespace(
            clues=CluesSection(),
            deadlines=DeadlinesSection(),
            cases=CasesSection(),
            ledger=LedgerSection(),
        )
        context = SimpleNamespace(
            folder=folder, ledger_place=tmp_path / "l.sqlite", month=month, clock=lambda: NOW,
            job=SimpleNamespace(themes=THEMES, config=config, calendar=None), options=SimpleNamespace(actor="t"),
        )  # fmt: skip
        result = casework._decide(context, source)
        return result, record_files.read_records(folder / CASES, Case)

    return work


def entered(tmp_path):
    return [
        (item.entry.event, item.entry.to_state)
        for item in LedgerStore(tmp_path / "l.sqlite").entries()
    ]


def dispatch(tmp_path, case):
    sent = Entry(case.number, "dispatched", "10", "20", "t", NOW, "下发", "", "", "province")
    enter(LedgerStore(tmp_path / "l.sqlite"), lambda _: [sent])


def test_decide__what_nobody_has_yet_is_withdrawn_once(decide, tmp_path):
    decide([unit()])
    for _ in range(2):
        result, listed = decide([], source="s2")
        assert (listed, result.problems) == ((), ())
        assert result.facts["withdrawn"] == 1
    assert entered(tmp_path) == [("found", "10"), ("withdrawn", "99")]
    assert LedgerStore(tmp_path / "l.sqlite").entries()[-1].entry.reason.endswith("重算后不再成立")


def test_decide__what_people_work_on_is_told_and_entered_once(decide, tmp_path):
    _, (case,) = decide([unit()])
    dispatch(tmp_path, case)
    for _ in range(2):
        result, listed = decide([], source="s2")
        assert listed == ()
        assert len(result.problems) == 1
        assert case.number in result.problems[0]
    assert entered(tmp_path) == [("found", "10"), ("dispatched", "20"), ("unconfirmed", "20")]


def test_decide__june_again_after_july_enters_nothing_and_lists_june(decide, tmp_path):
    _, (june,) = decide([unit()])
    decide([unit("P9", side=80, seen=date(2025, 7, 18))], "2025-07")
    before = LedgerStore(tmp_path / "l.sqlite").entries()
    result, (again,) = decide([unit()], source="s2")
    assert LedgerStore(tmp_path / "l.sqlite").entries() == before
    assert (again.number, again.unit_id, again.area_m2) == (june.number, "P1", 1600)
    assert result.facts["cases"] == 1


def test_decide__outside_every_county_is_counted_and_no_case(decide):
    result, listed = decide([unit(), replace(unit("P2"), district="")])
    assert [case.unit_id for case in listed] == ["P1"]
    assert (result.facts["units"], result.facts["outside"]) == (2, 1)
