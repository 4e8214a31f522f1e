"""What the soak itself holds of every case, in dicts, beside the ledger and without its code.

The book is told what people did, and works out where every case must stand. The ledger is only
looked at through SQLite, by column names.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.soak.province import PITCH_PX, Province, Site

LEDGER = "ledger.sqlite"

STEPS = {
    "accepted": "10>10", "rejected": "10>99", "dispatched": "10>20", "filed": "20>40 30>40 45>40 65>40",
    "submitted": "40>50", "returned": "40>45 50>55 60>65", "passed": "50>60", "judged_legal": "60>70",
    "judged_illegal": "60>71", "docketed": "71>75 95>75", "rectifying": "75>80 95>80 85>80",
    "rectified": "80>85", "image_checked": "80>80 85>85 90>90", "close_proposed": "70>70 85>85",
    "closed": "70>90 85>90", "objected": "20>93", "resolved": "93>40", "transferred": "71>95",
    "resumed": "95>75", "merged": "10>98", "revoked": "20>99", "recurred": "90>10",
}  # fmt: skip
"""Event -> moves; written down again from the schema, so that the ledger is not asked to judge itself."""
MOVES = {event: dict(move.split(">") for move in moves.split()) for event, moves in STEPS.items()}
STAYS = {
    "confirmed",
    "restated",
    "unconfirmed",
    "claimed",
    "attached",
    "reminded",
    "no_reply",
    "escalated",
}


@dataclass(slots=True)
class Standing:
    """What is known of a case: where it stands, on which site, since which month."""

    number: str
    county: str
    month: str
    site: Site | None
    state: str = "10"
    pooled: bool = False
    recorded: bool = False
    proposer: str = ""
    since: int = 0

    @property
    def idle(self) -> bool:
        """Whether nobody is asked about it."""
        return self.pooled or self.recorded


class Book:
    """All cases by number."""

    def __init__(self, province: Province, out: Path) -> None:
        self.province, self.out = province, out
        self.cases: dict[str, Standing] = {}
        self._place = np.full((province.grid.height, province.grid.width), -1, np.int32)
        for index, site in enumerate(province.sites):
            rows, cols = site.slices
            half = (PITCH_PX - 9) // 2
            self._place[
                max(0, rows.start - half) : rows.stop + half,
                max(0, cols.start - half) : cols.stop + half,
            ] = index

    def rows(self) -> dict[str, sqlite3.Row]:
        """Read the ledger's rows."""
        return {row["number"]: row for row in query(self.out, "SELECT * FROM cases")}

    def site_of(self, row: sqlite3.Row) -> Site | None:
        """Return the site under the middle of a case."""
        west, _, _, north = self.province.grid.bounds
        line = int((north - (row["south"] + row["north"]) / 2) / 2)
        column = int(((row["west"] + row["east"]) / 2 - west) / 2)
        height, width = self._place.shape
        index = int(self._place[min(max(line, 0), height - 1), min(max(column, 0), width - 1)])
        return self.province.sites[index] if index >= 0 else None

    def after_run(self, index: int, month: str) -> dict[str, list[str]]:
        """Take up what a run did: new cases, recurred ones; everything else must stand as before."""
        found: dict[str, list[str]] = {"new": [], "recurred": []}
        rows = self.rows()
        lost = sorted(set(self.cases) - set(rows))
        assert not lost, f"cases vanished: {lost[:5]}"
        for number, row in rows.items():
            case = self.cases.get(number)
            if case is None:
                assert (row["state"], row["month"]) == ("10", month), (
                    f"{number} begins in {row['state']}, {row['month']}"
                )
                case = Standing(number, row["district"], month, self.site_of(row), since=index)
                self.cases[number] = case
                found["new"].append(number)
            elif row["state"] != case.state:
                moved = (case.state, row["state"])
                assert moved == ("90", "10"), f"{number} was moved {moved} by a run"
                case.state, case.proposer, case.since = "10", "", index
                found["recurred"].append(number)
            case.pooled, case.recorded = bool(row["pooled"]), bool(row["record_only"])
        return found

    def did(self, event: str, numbers: list[str], index: int, actor: str = "") -> None:
        """Take up what people did; a step that the schema does not know is an error of the soak."""
        for number in numbers:
            case = self.cases[number]
            end = MOVES[event][case.state]
            if end != case.state:
                case.proposer, case.since = "", index
            case.state = end
            if event == "close_proposed":
                case.proposer = actor

    def differences(self) -> list[str]:
        """Name every case whose state in the ledger is not the one of the book."""
        rows = self.rows()
        wrong = [f"{n}: not in the ledger" for n in sorted(set(self.cases) - set(rows))]
        wrong += [f"{n}: not in the book" for n in sorted(set(rows) - set(self.cases))]
        wrong += [
            f"{n}: {rows[n]['state']} in the ledger, {case.state} in the book"
            for n, case in sorted(self.cases.items())
            if n in rows and rows[n]["state"] != case.state
        ]
        return wrong

    def in_state(self, *states: str) -> list[Standing]:
        """Return the cases in some states that somebody is asked about, by number."""
        return [
            case for _, case in sorted(self.cases.items()) if case.state in states and not case.idle
        ]


def query(out: Path, text: str, *values: object) -> list[sqlite3.Row]:
    """Ask the ledger by SQL, read only, from this process."""
    with closing(sqlite3.connect(f"file:{out / LEDGER}?mode=ro", uri=True)) as base:
        base.row_factory = sqlite3.Row
        return base.execute(text, values).fetchall()
