"""How new ground stands to open cases, against a model of cells: random months, merges, splits, returns."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from changedetect.config.job import CasesSection, DeadlinesSection
from changedetect.stages import cases
from tests.stages.test_cases import THEMES, decide, unit

MONTHS = [f"{2025 + i // 12}-{i % 12 + 1:02d}" for i in range(24)]
WIDTH = 10


def patch(name, start, end, month="2025-06", **changes):
    """Ground from one cell to another (without it), cells of ten metres side by side."""
    seen = date.fromisoformat(f"{month}-20")
    return replace(unit(name, at=(start * WIDTH, 0, end * WIDTH, WIDTH), seen=seen), **changes)


def found(*units, known=(), month="2025-06"):
    return {d.case.unit_id: d for d in decide(units, known, month)}


def a_case(start, end, month="2025-05", **changes):
    (decision,) = decide([patch("old", start, end, month)], month=month)
    return replace(decision.case, **changes)


@pytest.mark.parametrize(
    ("was", "is_now"), [("building", "demolition"), ("demolition", "building")]
)
def test_same_ground__what_is_built_and_what_is_pulled_down_are_two_matters(was, is_now):
    old = a_case(0, 4, family=was)
    decision = found(patch("P", 0, 4, family=is_now), known=[old])["P"]
    assert decision.case.number != old.number


def test_same_ground__continues():
    old = a_case(0, 4)
    decision = found(patch("P", 0, 4), known=[old])["P"]
    assert (decision.event, decision.tie.kind) == ("confirmed", "continued")
    assert decision.case.number == old.number
    assert decision.tie.reason() == ""


def test_more_ground__has_grown_and_tells_how_much():
    old = a_case(0, 4)
    decision = found(patch("P", 0, 6), known=[old])["P"]
    assert (decision.case.number, decision.tie.kind) == (old.number, "grown")
    assert decision.tie.grown_m2 == pytest.approx(200)
    assert "扩大约200平方米" in decision.tie.reason()


def test_two_parts_of_a_case__the_larger_keeps_the_number_and_the_other_is_split_off():
    old = a_case(0, 10)
    told = found(patch("A", 0, 6), patch("B", 7, 10), known=[old])
    assert told["A"].case.number == old.number
    assert told["B"].event == "found"
    assert (told["B"].tie.kind, told["B"].tie.numbers) == ("split_off", (old.number,))
    assert told["B"].case.related == (old.number,)


def test_one_patch_over_two_cases__continues_the_larger_and_names_the_other():
    left, right = a_case(0, 6), replace(a_case(7, 10), number="43099102250500002B")
    decision = found(patch("P", 0, 10), known=[left, right])["P"]
    assert decision.case.number == left.number
    assert (decision.tie.kind, decision.tie.numbers) == ("joined", (right.number,))
    assert right.number in decision.tie.reason()


@pytest.mark.parametrize(("gap", "kind"), [(0, "beside"), (1, "beside"), (2, "")])
def test_new_ground_beside_an_open_case__may_be_its_extension(gap, kind):
    old = a_case(0, 4)
    decision = found(patch("P", 4 + gap, 8 + gap), known=[old])["P"]
    assert decision.event == "found"
    assert (decision.tie.kind, decision.tie.numbers) == (kind, (old.number,) if kind else ())
    assert decision.case.related == decision.tie.numbers


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "90"},
        {"state": "98"},
        {"district": "430992"},
        {"watch": "LS"},
        {"month": "2025-06"},
    ],
)
def test_nothing_is_beside_a_case_that_is_closed_or_elsewhere_or_of_this_month(changes):
    decision = found(patch("P", 4, 8), known=[a_case(0, 4, **changes)])["P"]
    assert decision.tie.kind == ""


def test_cleared_ground_found_again__recurs_with_its_number():
    old = a_case(0, 4, state="90")
    decision = found(patch("P", 0, 4), known=[old])["P"]
    assert (decision.event, decision.case.number) == ("recurred", old.number)


def test_reason__tells_its_kind_back():
    for tie in (cases.Tie("grown", (), 3), cases.Tie("split_off", ("a",)), cases.Tie("joined", ("a",)), cases.Tie("beside", ("a",))):  # fmt: skip
        assert cases.kind_of(f"2025-06 监测；{tie.reason()}") == tie.kind
    assert cases.kind_of("2025-06 监测") == ""


class GroundMachine(RuleBasedStateMachine):
    """Months of patches on a row of cells; the model knows cells and months only, no geometry."""

    def __init__(self):
        super().__init__()
        self.known = {}
        self.model = {}
        self.month = 0

    @rule(
        cuts=st.lists(st.integers(0, 30), min_size=2, max_size=8, unique=True), back=st.booleans()
    )
    def a_month_is_found(self, cuts, back):
        """Patches between every second pair of cuts; now and then a month is computed again."""
        self.month = min(self.month + (not back or not self.model), len(MONTHS) - 1)
        month = MONTHS[self.month]
        cuts = sorted(cuts)
        spans = list(zip(cuts[::2], cuts[1::2], strict=False))
        units = [patch(f"P{i}", start, end, month) for i, (start, end) in enumerate(spans)]
        told = cases.decide(
            units, self.known, cases.Terms(month, THEMES, DeadlinesSection()), CasesSection()
        )
        expected = self.expected(spans, month)
        assert {d.case.unit_id: self.seen(d) for d in told if d.listed} == expected["units"]
        assert {d.case.number for d in told if not d.listed} == expected["gone"]
        again = cases.decide(
            units[::-1], dict(reversed(self.known.items())),
            cases.Terms(month, THEMES, DeadlinesSection()), CasesSection(),
        )  # fmt: skip
        assert again == told
        for d in told:
            self.known[d.case.number] = d.kept
            span = spans[int(d.case.unit_id[1:])] if d.listed else None
            before = self.model.get(d.case.number)
            cells = set(range(*span)) if span else before["cells"]
            self.model[d.case.number] = {
                "cells": cells, "state": d.kept.state, "month": d.kept.month, "last": d.kept.last_confirmed.isoformat()[:7],
                "gone": d.event == "withdrawn", "born": before["born"] if before else month,
            }  # fmt: skip

    def seen(self, decision):
        return decision.event, decision.case.number if decision.event != "found" else "new", decision.tie.kind, decision.tie.numbers  # fmt: skip

    def expected(self, spans, month):
        """Work it out again from cells: largest common ground first, then what touches."""
        open_states = {
            "10",
            "20",
            "30",
            "40",
            "45",
            "50",
            "55",
            "60",
            "65",
            "71",
            "75",
            "80",
            "85",
            "93",
            "95",
        }
        free = {
            n: m for n, m in self.model.items()
            if not m["gone"] and (m["state"] in open_states | {"90"} or m["month"] <= month <= max(m["month"], m["last"]))
        }  # fmt: skip
        ground = [set(range(*span)) for span in spans]
        pairs = sorted(
            (-len(cells & m["cells"]), n, f"P{i}")
            for i, cells in enumerate(ground)
            for n, m in free.items()
            if 2 * len(cells & m["cells"]) >= min(len(cells), len(m["cells"]))
            and cells & m["cells"]
        )
        own, taken = {}, set()
        for _, n, name in pairs:
            if name not in own and n not in taken:
                own[name] = n
                taken.add(n)
        live = {n for n, m in self.model.items() if m["state"] in open_states}
        units = {
            f"P{i}": self.tie(f"P{i}", cells, own, live & set(free), month)
            for i, cells in enumerate(ground)
        }
        gone = {
            n for n, m in self.model.items()
            if n not in taken and m["month"] == month and m["state"] not in {"98", "99"} and m["last"] <= month
        }  # fmt: skip
        return {"units": units, "gone": gone}

    def tie(self, name, cells, own, live, month):
        number = own.get(name)
        touched = sorted(n for n in live if n != number and cells & self.model[n]["cells"])
        if number is None:
            wider = {c + d for c in cells for d in (-2, -1, 0, 1, 2)}
            near = sorted(
                n for n in live
                if self.model[n]["month"] < month and wider & self.model[n]["cells"]
            )  # fmt: skip
            if touched:
                return "found", "new", "split_off", tuple(touched)
            return "found", "new", "beside" if near else "", tuple(near)
        m = self.model[number]
        closed_before = m["state"] == "90" and max(m["month"], m["last"]) < month
        event = "recurred" if closed_before else "restated" if m["month"] == month else "confirmed"
        joined = tuple(n for n in touched if n not in own.values())
        if joined:
            return event, number, "joined", joined
        more = len(cells - m["cells"])
        grown = m["state"] != "90" and number in live and more > 0.2 * len(m["cells"])
        return event, number, "grown" if grown else "continued", ()

    @rule(
        pick=st.integers(0, 50),
        state=st.sampled_from(["20", "40", "60", "71", "85", "90", "98", "99"]),
    )
    def people_move_a_case(self, pick, state):
        if not self.model:
            return
        number = sorted(self.model)[pick % len(self.model)]
        if self.model[number]["gone"]:
            return
        self.known[number] = replace(self.known[number], state=state)
        self.model[number]["state"] = state

    @invariant()
    def numbers_are_never_lost(self):
        assert set(self.known) == set(self.model)


def test_ground__agrees_with_the_model_of_cells():
    run_state_machine_as_test(
        GroundMachine, settings=settings(max_examples=60, stateful_step_count=12, deadline=None)
    )


def test_machine__is_able_to_fail(monkeypatch):
    """Negative control: cases that forget what lies beside are caught."""
    from changedetect.stages.cases import ties

    monkeypatch.setattr(ties, "_beside", lambda *_: {})
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            GroundMachine, settings=settings(max_examples=80, stateful_step_count=12, deadline=None)
        )
