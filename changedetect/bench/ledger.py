"""A ledger of many cases, made through its own door, and what asking and verifying it costs."""

import hashlib
import json
import struct
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any

import shapely

from changedetect.bench.measure import Cost, alone, timed
from changedetect.codes import case_number
from changedetect.entries import FORM
from changedetect.io.digest import forget_cached
from changedetect.io.ledger import LedgerStore
from changedetect.pipeline.ledger import books
from changedetect.pipeline.ledger.ledgerwork import rebuild
from changedetect.records import Case
from changedetect.stages import ledger

MONTHS, COUNTIES = 36, 100
_CHUNK = 20_000
_FIRST = datetime(2024, 1, 20, tzinfo=UTC)
_RING = ((0, 0), (20, 0), (20, 14), (9, 14), (9, 30), (0, 30), (0, 0))
CLAIMED = ledger.claims_payload({"RDJG": "1", "RDYJ": "村道硬化，已办设施农用地备案", "SFBH": "1"})
_ASKED = 200
"""Cases asked by number, spread over the ledger."""
GOALS = {"by_number": 0.005, "work_list": 0.3, "summary": 1.0, "verify": 30.0}
"""Wall time allowed at a million cases. [s]"""


@dataclass(frozen=True, slots=True)
class LedgerCosts:
    """What was measured: size of the ledger, and name of the question -> its cost."""

    cases: int
    entries: int
    megabytes: float
    costs: dict[str, Cost]

    def facts(self) -> dict[str, Any]:
        """Return the report as JSON-able values."""
        costs = {name: asdict(cost) for name, cost in self.costs.items()}
        return {"cases": self.cases, "entries": self.entries, "mb": self.megabytes, "costs": costs}

    def lines(self) -> list[str]:
        """Return the report for people."""
        head = f"{self.cases} cases, {self.entries} entries, {self.megabytes} MB"
        return [head, *(_line(name, cost) for name, cost in self.costs.items())]


def _line(name: str, cost: Cost) -> str:
    peak = f", peak {cost.peak_mb} MB" if cost.peak_mb else ""
    goal = GOALS.get(name.removesuffix("_cold").removesuffix("_warm"))
    aim = f" (goal {goal} s wall)" if goal else ""
    return f"  {name}: wall {cost.wall_s:.4f} s, cpu {cost.cpu_s:.4f} s{peak}{aim}"


def measure(cases: int, server: str | None, told: Callable[[str], None]) -> LedgerCosts:
    """Make a ledger and measure it.

    Parameters
    ----------
    cases
        How many it holds; three entries a case on average, over three years and a hundred counties.
    server
        Address of an empty PostgreSQL database; None = an SQLite file.
    told
        Hears what is done next.
    """
    with tempfile.TemporaryDirectory() as folder:
        place: Path | str = server or Path(folder) / "ledger.sqlite"
        told("entries")
        made = timed(lambda: fill(LedgerStore(place), cases))
        told("rows")
        costs = {"made": made, "rebuild": alone(_rebuild, place)[0]}
        for name, cached in (("cold", False), ("warm", True)):
            told(f"questions, {name}")
            for question, ask in QUESTIONS.items():
                if not cached and isinstance(place, Path):
                    forget_cached(place)
                cost, _ = alone(partial(_ask, ask, place))
                costs[f"{question}_{name}"] = cost
        store = LedgerStore(place)
        with store.reading() as reader:
            count = reader.bulk().count()
        size = place.stat().st_size / 1e6 if isinstance(place, Path) else 0.0
        return LedgerCosts(cases, count, round(size, 1), costs)


def _rebuild(place: Path | str) -> int:
    return rebuild(LedgerStore(place))


def _ask(question: Callable[[LedgerStore], int], place: Path | str) -> int:
    return question(LedgerStore(place))


def _by_number(store: LedgerStore) -> int:
    with store.reading() as reader:
        names = [cuts[0] for cuts in reader.bulk().ranges(1_000)][1 : _ASKED + 1]
        return sum(reader.row(str(name)) is not None for name in names)


def _work_list(store: LedgerStore) -> int:
    with store.reading() as reader:
        return len(reader.work_list([_county(7)], ["10", "20", "40"]))


def _summary(store: LedgerStore) -> int:
    with store.reading() as reader:
        return len(ledger.month_totals(reader.summary("2026-12-31")))


def _verify(store: LedgerStore) -> int:
    return int(books.check(store).facts()["cases"])


QUESTIONS: dict[str, Callable[[LedgerStore], int]] = {
    f"by_number_x{_ASKED}": _by_number,
    "work_list": _work_list,
    "summary": _summary,
    "verify": _verify,
}


def fill(store: LedgerStore, cases: int) -> None:
    """Enter so many cases: found, screened, dispatched and filed by turns, and months closed."""
    head, sequence = ledger.GENESIS, 0
    entries = _entries(cases)
    since: list[str] = []
    while batch := list(islice(entries, _CHUNK)):
        lines = []
        for case, event, payload, *rest in batch:
            text = payload
            if event == ledger.MONTH_CLOSED:
                said = {"month": payload, "entries": len(since), "root": ledger.merkle_root(since)}
                text = ledger.canonical(said)
                since.clear()
            sequence += 1
            start, end, actor, time, reason, source, role, row = rest
            said_of = (case, event, start, end, actor, time, reason, source, text, role, row)
            joined = ",".join(map(encode_basestring, (head, *said_of)))
            digest = hashlib.sha256(f"[{sequence},{joined},{FORM}]".encode()).hexdigest()
            lines.append((sequence, head, digest, *said_of, FORM))
            head = digest
            since.append(digest)
        store.load(lines)


def _entries(cases: int) -> Iterator[tuple[str, ...]]:
    """Give case, event, payload, states, actor, time, reason, source, role and row of each entry.

    Each step of a month is entered in order of case numbers, as the monthly loop does.
    """
    a_month = -(-cases // MONTHS)
    for start in range(0, cases, a_month):
        month = start // a_month
        within = range(start, min(start + a_month, cases))
        pairs = sorted((_numbered(i, month), i) for i in within)
        names, numbers = [name for name, _ in pairs], [i for _, i in pairs]
        facts = _template(month)
        for i, name in zip(numbers, names, strict=True):
            yield _told(name, "found", _payload(i, month, facts), month, 0, ("", "10", "program"))
        for name in names:
            yield _told(name, "accepted", "", month, 2, ("10", "10", "interpreter"))
        sent = [name for i, name in zip(numbers, names, strict=True) if i % 4]
        for name in sent:
            yield _told(name, "dispatched", "", month, 8, ("10", "20", "province"))
        for name in sent[::3]:
            yield _told(name, "filed", CLAIMED, month, 15, ("20", "40", "county"))
        yield _told("", ledger.MONTH_CLOSED, _month(month), month, 25, ("", "", "province"))


def _month(month: int) -> str:
    return f"{2024 + month // 12}-{month % 12 + 1:02d}"


def _county(i: int) -> str:
    return f"43{i % COUNTIES:04d}"


def _numbered(i: int, month: int) -> str:
    return case_number(_county(i), "02", _month(month), i // COUNTIES % 99_999 + 1)


def _case(month: int) -> Case:
    day = date(2025, 7, 20)
    return Case(
        number=_numbered(0, month), unit_id="P000000000001", district=_county(0), themes=("01", "02"), main_theme="02",
        suggestion="21", severity=3, state="10", month=_month(month), first_found=day,
        last_confirmed=day, county_due=day, clear_due=day,
        geometry=shapely.MultiPolygon([shapely.box(0, 0, 20, 30)]), area_m2=424.0 + month / 7,
        reasons=("现状耕地上出现建构筑物，未见农用地转用审批", "变化时间在 2025-05-14 与 2025-06-18 之间"),
        rule_ids=("02-01", "02-04"), missing=("农转用批文",), family="built",
    )  # fmt: skip


def _payload(i: int, month: int, template: str) -> str:
    """Fill number, county and outline into the facts of a month's first case."""
    x, y = 500_000.0 + i % 10_000 * 37, 3_000_000.0 + i // 10_000 * 41
    points = [v for dx, dy in _RING for v in (x + dx, y + dy)]
    outline = struct.pack("<BIIBIII14d", 1, 6, 1, 1, 3, 1, 7, *points).hex().upper()
    number = _numbered(i, month)
    return template % (number[:6], outline, number)


def _template(month: int) -> str:
    case = _case(month)
    said = json.loads(ledger.payload_of(case))
    said |= {"district": "%s", "geometry": "%s", "number": "%s"}
    return ledger.canonical(said)


def _told(
    case: str, event: str, payload: str, month: int, after: int, move: tuple[str, str, str]
) -> tuple[str, ...]:
    start, end, role = move
    time = (_FIRST + timedelta(days=30 * month + after)).isoformat()
    reason = f"{_month(month)} 监测、判读与下发"
    return case, event, payload, start, end, "wang", time, reason, "ab" * 32, role, "Sheet1 行 12"
