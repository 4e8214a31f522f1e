"""The ledger against a small model of its own: random months, and the two agree after every step.

The model is a plain dict of what each case should be, written from the states of the case package
and the promises; it shares no rule table with the code under test.
"""

from datetime import UTC, date, datetime, timedelta

import pytest
import shapely
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from changedetect.codes import case_number
from changedetect.entries import Entry
from changedetect.errors import LedgerError
from changedetect.io.ledger import LedgerStore
from changedetect.io.ledger.tables import case_line, entry_line
from changedetect.pipeline.ledger.ledgerwork import enter, rebuild
from changedetect.records import Case
from changedetect.stages import ledger
from tests import promises

START = datetime(2025, 1, 1, tzinfo=UTC)
PEOPLE = {
    "interpreter": ("wang", "li"), "county": ("zhao",), "city": ("qian",), "province": ("sun", "zhou"),
    "reviewer": ("wu",),
}  # fmt: skip

ROADS = [
    # (from, event, to, role), as the schema draws them
    ("10", "accepted", "10", "interpreter"), ("10", "rejected", "99", "interpreter"),
    ("10", "dispatched", "20", "province"), ("20", "started", "30", "county"),
    ("20", "filed", "40", "county"), ("30", "filed", "40", "county"), ("40", "submitted", "50", "city"),
    ("40", "returned", "45", "city"), ("45", "filed", "40", "county"), ("50", "passed", "60", "city"),
    ("50", "returned", "55", "province"), ("55", "started", "30", "county"),
    ("60", "judged_legal", "70", "province"), ("60", "judged_illegal", "71", "province"),
    ("60", "returned", "65", "province"), ("65", "filed", "40", "county"), ("71", "docketed", "75", "county"),
    ("75", "rectifying", "80", "county"), ("80", "rectified", "85", "county"),
    ("85", "rectifying", "80", "county"), ("20", "objected", "93", "county"), ("93", "resolved", "60", "city"),
    ("71", "transferred", "95", "province"), ("95", "resumed", "80", "city"), ("30", "merged", "98", "interpreter"),
    ("20", "revoked", "99", "province"),
]  # fmt: skip


def facts(number, state, month, at):
    box = shapely.MultiPolygon([shapely.box(at, 0, at + 10, 10)])
    day = date.fromisoformat(f"{month}-15")
    return Case(
        number=number, unit_id=f"P{at}", district=number[:6], themes=("02",), main_theme="02", suggestion="21",
        severity=3, state=state, month=month, first_found=day, last_confirmed=day, county_due=day,
        clear_due=day, geometry=box, area_m2=100.0,
    )  # fmt: skip


class LedgerMachine(RuleBasedStateMachine):
    """Drives a real ledger and a dict side by side."""

    folder = None
    place = None
    cases = Bundle("cases")

    def __init__(self):
        super().__init__()
        self.model = {}
        self.log = []
        self.ticks = 0
        self.closed = []
        self.since_close = 0
        self.kept = {}
        self.kept_upto = []

    @initialize()
    def begin(self):
        self.setup()

    def setup(self):
        type(self).count = getattr(type(self), "count", 0) + 1
        self.store = LedgerStore(self.new_place())

    def new_place(self):
        return self.folder / f"{type(self).__name__}{type(self).count}.sqlite"

    def put(self, number, event, state, to, actor, role, *, payload="", source="", reason="理由"):
        self.ticks += 1
        entry = Entry(
            number, event, state, to, actor, START + timedelta(hours=self.ticks), reason, source, payload,
            role, "sheet 1 row 2",
        )  # fmt: skip
        enter(self.store, lambda _: [entry])
        self.log.append((number, event, to))
        self.since_close += 1

    def refused(self, *args, **kwargs):
        before = self.store.entries()
        with pytest.raises(LedgerError):
            self.put(*args, **kwargs)
        assert self.store.entries() == before

    @rule(
        target=cases,
        month=st.sampled_from(["2025-01", "2025-02", "2025-03"]),
        theme=st.sampled_from(["02", "07"]),
    )
    def find(self, month, theme):
        district = "430991"
        prefix = f"{district}{theme}{month[2:4]}{month[5:]}"
        with self.store.reading() as reader:
            last = reader.last_numbers([prefix])[prefix]
        used = [int(n[12:17]) for n in self.model if n.startswith(prefix)]
        assert last == max(used, default=0)
        number = case_number(district, theme, month, last + 1)
        assert number not in self.model
        at = 20 * len(self.model)
        self.put(
            number, "found", "", "10", "cd", "program",
            payload=ledger.payload_of(facts(number, "10", month, at)),
        )  # fmt: skip
        self.model[number] = {
            "state": "10",
            "proposer": None,
            "month": month,
            "at": at,
            "claims": {},
        }
        return number

    @rule(number=cases, road=st.sampled_from(ROADS))
    def stray(self, number, road):
        start, event, end, role = road
        if self.model[number]["state"] != start:
            self.refused(number, event, start, end, PEOPLE[role][0], role)

    @rule(number=cases)
    def hurry(self, number):
        """Take a case to where it can be closed, so that closing is reached often."""
        for event, start, end, role in [
            ("dispatched", "10", "20", "province"), ("filed", "20", "40", "county"),
            ("submitted", "40", "50", "city"), ("passed", "50", "60", "city"),
            ("judged_legal", "60", "70", "province"),
        ]:  # fmt: skip
            if self.model[number]["state"] == start:
                self.put(number, event, start, end, PEOPLE[role][0], role)
                self.model[number].update(state=end, proposer=None)

    @rule(number=cases, pick=st.integers(0, 11), who=st.integers(0, 1))
    def walk(self, number, pick, who):
        known = self.model[number]
        roads = [road for road in ROADS if road[0] == known["state"]]
        if not roads:
            return
        start, event, end, role = roads[pick % len(roads)]
        actor = PEOPLE[role][who % len(PEOPLE[role])]
        self.put(number, event, start, end, actor, role)
        if end != start:
            known["proposer"] = None
        known["state"] = end

    @rule(number=cases, road=st.sampled_from(ROADS))
    def wrong_role(self, number, road):
        start, event, end, role = road
        if self.model[number]["state"] == start and role != "reviewer":
            self.refused(number, event, start, end, "wu", "reviewer")

    @rule(number=cases, who=st.sampled_from(["zhao", "sun"]))
    def propose(self, number, who):
        known = self.model[number]
        role = "county" if who == "zhao" else "province"
        if known["state"] not in {"70", "85"}:
            self.refused(number, "close_proposed", known["state"], known["state"], who, role)
            return
        self.put(number, "close_proposed", known["state"], known["state"], who, role)
        known["proposer"] = who

    @rule(number=cases, who=st.sampled_from(["sun", "zhou", "wu"]), proof=st.booleans())
    def close_case(self, number, who, proof):
        known = self.model[number]
        role = "reviewer" if who == "wu" else "province"
        source = "ab" * 32 if proof else ""
        allowed = known["state"] in {"70", "85"} and known["proposer"] not in {None, who} and proof
        if not allowed:
            self.refused(number, "closed", known["state"], "90", who, role, source=source)
            return
        self.put(number, "closed", known["state"], "90", who, role, source=source)
        known.update(state="90", proposer=None)

    @rule(number=cases)
    def recur(self, number):
        known = self.model[number]
        if known["state"] != "90":
            return
        again = facts(number, "10", known["month"], known["at"])
        self.put(number, "recurred", "90", "10", "cd", "program", payload=ledger.payload_of(again))
        known.update(state="10", proposer=None)

    @rule(number=cases, column=st.sampled_from(["RDJG", "LABH"]), text=st.text(max_size=5))
    def claim(self, number, column, text):
        known = self.model[number]
        clean = text.replace("\x00", "")
        self.put(
            number, "claimed", known["state"], known["state"], "zhao", "county",
            payload=ledger.claims_payload({column: clean}),
        )  # fmt: skip
        known["claims"][column] = clean

    @rule(number=cases)
    def no_reason(self, number):
        state = self.model[number]["state"]
        self.refused(number, "claimed", state, state, "zhao", "county", reason="")

    @rule()
    def reopen_the_file(self):
        self.store = LedgerStore(self.new_place())

    @rule()
    def close_month(self):
        def build(reader):
            last = reader.last_of(ledger.MONTH_CLOSED)
            digests = reader.digests(after=last.sequence - 1 if last else 0)
            name = f"m{len(self.closed)}"
            payload = {"month": name, "entries": len(digests), "root": ledger.merkle_root(digests)}
            self.ticks += 1
            when = START + timedelta(hours=self.ticks)
            return [
                Entry(
                    "",
                    ledger.MONTH_CLOSED,
                    "",
                    "",
                    "sun",
                    when,
                    "关闭",
                    "",
                    ledger.canonical(payload),
                    "province",
                )
            ]

        (item,) = enter(self.store, build)
        self.log.append(("", "month_closed", ""))
        assert f'"entries":{self.since_close}' in item.entry.payload
        self.closed.append(item)
        self.since_close = 1

    @rule()
    def make_rows_again(self):
        with self.store.reading() as reader:
            before = list(reader.all_rows())
        assert rebuild(self.store) == len(self.model)
        with self.store.reading() as reader:
            assert list(reader.all_rows()) == before

    @invariant()
    def agree(self):
        if not hasattr(self, "store"):
            return
        with self.store.reading() as reader:
            rows = {row.number: row for row in reader.all_rows()}
            entries = list(reader.entries())
            summary = reader.summary("2025-02-01")
        assert [(i.entry.case, i.entry.event, i.entry.to_state) for i in entries] == self.log
        assert set(rows) == set(self.model)  # I3: no number vanishes or repeats
        for number, known in self.model.items():
            row = rows[number]
            assert row.state == known["state"]  # I1, I4
            assert row.proposer == (known["proposer"] or "")
            assert row.claims == ledger.canonical(known["claims"])
            assert row.west == known["at"]  # I7: the outline of record stays
        self.promises_hold(entries)
        found = ledger.verify(entries)  # I5
        assert not ledger.differences(found.rows, rows.values())
        counted = ledger.month_totals(summary)
        for month, total in counted.items():
            mine = [known for known in self.model.values() if known["month"] == month]
            assert total.found == len(mine) == total.pooled + total.recorded + total.listed
            assert total.listed == total.cleared + total.open + total.merged + total.dropped
            assert total.cleared == sum(known["state"] == "90" for known in mine)

    def plain(self, entries):
        """Entries and rows as plain dicts, from the file itself where it is one."""
        if self.store.path is not None:
            return promises.read(self.store.path)
        with self.store.reading() as reader:
            rows = {row.number: case_line(row) for row in reader.all_rows()}
        return [entry_line(item) for item in entries], rows

    def promises_hold(self, entries):
        """I1 to I8, by functions that read the file alone."""
        said, stood = self.plain(entries)
        for entry in said[len(self.kept_upto) :]:
            if entry["event"] == "found":
                self.kept |= promises.finding_digests([entry])
        self.kept_upto = said
        assert promises.i1_one_state(said, stood) == []
        assert promises.i2_legal_events(said) == []
        assert promises.i3_numbers(said, stood, self.kept) == []
        assert promises.i4_projection(said, stood) == []
        assert promises.i5_chain(said) == []
        assert promises.i6_areas(said, stood) == []
        assert promises.i7_record(said, self.kept) == []
        assert promises.i8_closing(said) == []
        assert len(entries) == len(said)


@pytest.fixture
def machine(tmp_path):
    return type("Machine", (LedgerMachine,), {"folder": tmp_path, "count": 0})


def test_ledger__agrees_with_the_model(machine):
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        machine, settings=settings(max_examples=20, stateful_step_count=30, deadline=None)
    )


def test_machine__is_able_to_fail(machine, monkeypatch):
    """Negative control: a ledger that lets one person close a case is caught."""
    from hypothesis.stateful import run_state_machine_as_test

    from changedetect.stages.ledger import moves

    monkeypatch.setattr(moves, "_check_closing", lambda _entry, _known: None)
    with pytest.raises(BaseException):  # noqa: B017, PT011 - whatever the machine raises
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=60, stateful_step_count=30, deadline=None, phases=[Phase.generate]
            ),
        )
