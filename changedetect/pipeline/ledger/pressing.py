"""What presses among open cases: due soon, overdue, transferred without a receipt, taken up to a higher level."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from changedetect.config.holidays import WorkCalendar
from changedetect.entries import CaseRow
from changedetect.errors import InputError
from changedetect.io.ledger import LedgerReader
from changedetect.stages import ledger

DEPARTMENT, RECEIPT, LEVEL = "YSBM", "YSHZ", "TJJB"
"""Claims: to whom a case was transferred, under which receipt; to which level it was taken up."""

DEPARTMENTS = (
    "纪检监察", "检察", "公安", "法院", "审计", "生态环境", "农业农村", "林业", "水利", "住建", "交通", "应急管理", "其他",
)  # fmt: skip
LEVELS = ("提级立案", "省级直接立案")
_NAMED = 10


@dataclass(frozen=True, slots=True)
class Pressing:
    """Counts, and the most urgent of the overdue cases with their days."""

    soon: int
    overdue: tuple[tuple[str, int], ...]
    transferred: Mapping[str, tuple[int, int]]
    raised: Mapping[str, int]

    def facts(self) -> dict[str, object]:
        """Return it as JSON-able values; transferred: department -> cases, and those without receipt."""
        return {
            "due_soon": self.soon,
            "overdue_days": dict(self.overdue),
            "transferred": {name: list(counts) for name, counts in self.transferred.items()},
            "escalated": dict(self.raised),
        }

    def lines(self) -> list[str]:
        """Return it for people; nothing where nothing presses."""
        lines = [f"  近期到期 {self.soon}"] if self.soon else []
        if self.overdue:
            some = "，".join(f"{number}（{days}天）" for number, days in self.overdue[:_NAMED])
            lines.append(
                f"  县级超期 {len(self.overdue)}：{some}{'…' if len(self.overdue) > _NAMED else ''}"
            )
        lines += [
            f"  移送{name} {count}" + (f"，未取得回执 {open_}" if open_ else "")
            for name, (count, open_) in self.transferred.items()
        ]
        return lines + [f"  {name} {count}" for name, count in self.raised.items()]


def pressing(
    reader: LedgerReader, day: date, calendar: WorkCalendar | None, soon_days: int
) -> Pressing:
    """Look at what waits at counties, and at what lies with other departments or higher levels.

    Parameters
    ----------
    reader
        The ledger.
    day
        As of which day.
    calendar
        By which days late and soon are counted; None = every day counts.
    soon_days
        So near is soon.
    """
    at_county = [row for row in reader.work_list(states=ledger.HOLDERS["县级"]) if _counts(row)]
    away = {
        row.number: _days(day, date.fromisoformat(row.county_due), calendar) for row in at_county
    }
    late = sorted(((number, -days) for number, days in away.items() if days < 0), key=_by_days)
    transferred = reader.work_list(states=ledger.HOLDERS["移交"])
    still_open = [state for states in ledger.HOLDERS.values() for state in states]
    return Pressing(
        soon=sum(0 <= days <= soon_days for days in away.values()),
        overdue=tuple(late),
        transferred=_by_department(transferred),
        raised=_raised(reader.work_list(states=still_open)),
    )


def _counts(row: CaseRow) -> bool:
    return not (row.pooled or row.record_only)


def _days(day: date, due: date, calendar: WorkCalendar | None) -> int:
    """Days from a day to a deadline; at least one day late where the deadline is over."""
    if due < day:
        return min(calendar.between(day, due), -1) if calendar else (due - day) // timedelta(days=1)
    return calendar.between(day, due) if calendar else (due - day) // timedelta(days=1)


def _by_days(late: tuple[str, int]) -> tuple[int, str]:
    return -late[1], late[0]


def _by_department(rows: Iterable[CaseRow]) -> dict[str, tuple[int, int]]:
    every: Counter[str] = Counter()
    without: Counter[str] = Counter()
    for row in rows:
        claims = json.loads(row.claims)
        name = claims.get(DEPARTMENT) or "（未注明部门）"
        every[name] += 1
        without[name] += not claims.get(RECEIPT)
    return {name: (every[name], without[name]) for name in sorted(every)}


def _raised(rows: Iterable[CaseRow]) -> dict[str, int]:
    found = Counter(json.loads(row.claims).get(LEVEL, "") for row in rows if LEVEL in row.claims)
    return {name: found[name] for name in sorted(found) if name}


def check_claims(event: str, claims: Mapping[str, str]) -> None:
    """Refuse a transfer to nobody that we know, and a level that there is not.

    Raises
    ------
    InputError
        Names what was expected.
    """
    for column, names in ((DEPARTMENT, DEPARTMENTS), (LEVEL, LEVELS)):
        if column in claims and claims[column] not in names:
            msg = f"{event}: {column}={claims[column]!r}: one of {'、'.join(names)} was expected"
            raise InputError(msg)
