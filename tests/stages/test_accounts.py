"""Accounts of the year: cropland out and in, the fifteen per cent, quota; every sum closes."""

from dataclasses import replace
from datetime import date

import pytest

from changedetect.config.deliver import DeliverSection
from changedetect.measure import to_mu
from changedetect.stages.crosscheck import check, cropland_m2
from changedetect.stages.deliver import (
    CountyAccount,
    Sums,
    account_tables,
    open_accounts,
    sums_of,
)
from tests.stages import crosscheck_land as land

at = land.at
EARLY = date(2025, 3, 1)
SECTION = DeliverSection()
PATCHES = [
    ("P1", at(220, 50, 40, 40), "building"),  # suspected
    ("P2", at(300, 50, 40, 40), "building"),  # converted
    ("P3", at(220, 200, 40, 40), "planting"),  # suspected outflow, no taking
    ("P4", at(300, 200, 40, 40), "building"),  # supplied only: 03 asks, 02 lets it pass
    ("P5", at(20, 300, 40, 40), "building"),  # facility on PBF: both ask
    ("P6", at(800, 500, 40, 40), "building"),  # grass: no cropland, suspected
    ("P7", at(1400, 500, 40, 40), "building"),  # county B
]
RECORDS = [
    ("NZY", at(300, 50, 40, 40), EARLY, None),
    ("GY", at(300, 200, 40, 40), EARLY, None),
    ("SS", at(20, 300, 40, 40), EARLY, None),
]


def sums(repository, records=RECORDS):
    themes = [land.theme(repository, code) for code in land.CODES]
    units = check(land.patches(*PATCHES), land.references(records), themes, land.CRS, land.CFG)
    return sums_of(units, {}, "2025-06", SECTION)


def account(found, code="430991", **facts):
    return CountyAccount(code, "甲县", "2025-06", ("2025-06",), found, found, **facts)


def test_sums__by_hand(repository):
    found = sums(repository)[land.A]
    assert found.outflow_suspected == pytest.approx(3200, abs=1)  # P1, P3
    assert found.outflow_excused == pytest.approx(1600, abs=1)  # P2
    assert found.outflow_pending == pytest.approx(3200, abs=1)  # P4, P5
    assert found.to_planting == pytest.approx(1600, abs=1)
    assert found.taken_cropland == pytest.approx(6400, abs=1)  # P1, P2, P4, P5
    assert found.suspected_cropland == pytest.approx(1600, abs=1)  # P1
    assert found.suspected == pytest.approx(3200, abs=1)  # P1, P6
    assert found.suspected_count == 2


def test_ratio__stands_with_its_band(repository):
    made = account_tables([account(sums(repository)[land.A])], SECTION)
    row = made["TJ_15"].to_dict("records")[0]
    assert (row["FZ"], row["FM"]) == (pytest.approx(2.4, abs=1e-3), pytest.approx(9.6, abs=1e-3))
    assert row["BL"] == pytest.approx(0.25, abs=1e-3)
    assert row["BLXX"] <= row["BL"] <= row["BLSX"]
    assert row["DX"] == "1"


@pytest.mark.parametrize(
    ("suspected", "pending", "flag"), [(10.0, 0.0, "0"), (10.0, 20.0, "2"), (20.0, 0.0, "1")]
)
def test_ratio__is_three_valued(suspected, pending, flag):
    found = Sums(taken_cropland=100.0, suspected_cropland=suspected, pending_cropland=pending)
    assert account_tables([account(found)], SECTION)["TJ_15"].iloc[0]["DX"] == flag


def test_ratio__without_any_taking_is_unknown_not_zero():
    assert account_tables([account(Sums())], SECTION)["TJ_15"].iloc[0]["BL"] is None


def test_counties__add_up_to_the_province(repository):
    found = sums(repository)
    made = account_tables([account(found[land.A]), account(found[land.B], land.B)], SECTION)
    assert open_accounts(made) == []
    table = made["TJ_GD"]
    whole = table[(table["XZQMC"] == "合计") & (table["QJ"] == "本月")].iloc[0]
    parts = table[(table["XZQMC"] != "合计") & (table["QJ"] == "本月")]
    assert whole["LCHJ"] == pytest.approx(parts["LCHJ"].sum(), abs=1e-3)


def test_checks__find_a_sum_that_does_not_close(repository):
    made = account_tables([account(sums(repository)[land.A])], SECTION)
    made["TJ_GD"].loc[0, "LCYS"] += 1.0
    assert open_accounts(made) == ["耕地流出甲县本月"]


def test_target__and_stock_give_the_gap():
    stock = cropland_m2(land.references())
    assert stock[land.A] == pytest.approx(400 * 400 + 100 * 400 + 700 * 300, rel=1e-5)
    assert cropland_m2(land.references(without=("DLTB",))) == {}
    found = account(Sums(outflow_suspected=2000.0), stock_m2=stock[land.A], target_m2=stock[land.A])
    row = account_tables([found], SECTION)["TJ_GD"].iloc[0]
    assert row["MBC"] == pytest.approx(-3.0)
    assert row["GDCL"] == pytest.approx(to_mu(stock[land.A]), abs=1e-3)


def test_remainders__are_not_counted_twice(repository):
    """Half of P1 converted: outflow is the whole patch once, suspicion its other half."""
    records = [("NZY", at(220, 50, 20, 40), EARLY, None)]
    themes = [land.theme(repository, code) for code in land.CODES]
    units = check(land.patches(PATCHES[0]), land.references(records), themes, land.CRS, land.CFG)
    assert [unit.parent for unit in units] == ["", "P1"]
    found = sums_of(units, {}, "2025-06", SECTION)[land.A]
    assert found.taken_cropland == pytest.approx(1600, abs=1)
    assert found.suspected == pytest.approx(800, abs=1)


def test_cases_of_earlier_months__are_not_counted_again(repository):
    from tests.stages.test_clues import decide

    units, decisions = decide(repository, [PATCHES[0]])
    known = {d.case.unit_id: d.case for d in decisions}
    assert sums_of(units, known, "2025-06", SECTION)[land.A].suspected > 0
    older = {name: replace(case, month="2025-05") for name, case in known.items()}
    assert land.A not in sums_of(units, older, "2025-06", SECTION)
