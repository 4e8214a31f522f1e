"""The months, one after the other: every step a command, every command's effect known beforehand."""

import pickle
import shutil
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tests.soak import counties
from tests.soak.book import LEDGER, Book, Standing, query
from tests.soak.province import Province, month_name
from tests.soak.worker import Answer, Worker

RUNS_KILLED, COMMANDS_KILLED = 0.35, 0.03
"""Share of runs, and of other commands, whose process is killed on the way."""

ALWAYS_KILLED = 1
"""The month whose run is killed whatever is drawn: a short soak must see one, too."""


class Months:
    """The soak under way: province, book, worker, what was counted and what was promised."""

    def __init__(self, province: Province, folder: Path, *, say: bool = True) -> None:
        self.province, self.folder, self.say = province, folder, say
        self.out = folder / "runs"
        self.config = folder / "config.yaml"
        self.worker = Worker(Path(__file__).parents[2])
        self.proof = folder / "验收单.pdf"
        self.book = Book(province, self.out)
        self.rng = np.random.default_rng([province.size.seed, 9])
        self.counts: Counter[str] = Counter()
        self.heads: list[str] = []
        self.late: list[tuple[str, Path, counties.Filled]] = []
        self.totals: dict[str, dict[str, int]] = {}
        self.done = 0
        self.now = self.at(0, 1)

    def begin(self) -> None:
        """Write the province."""
        self.province.write(self.folder)
        self.proof.write_bytes(b"%PDF-1.4 acceptance")

    def go(self) -> None:
        """Do every month that is left; what does not agree stops the soak."""
        with self.worker:
            for index, month in enumerate(self.province.size.names):
                if index < self.done:
                    continue
                begun = time.perf_counter()
                self.month(index, month)
                self.done = index + 1
                self._save()
                if self.say:
                    rest = Counter(case.state for case in self.book.cases.values())
                    print(
                        f"{month} {time.perf_counter() - begun:.0f} s: {len(self.book.cases)} cases {dict(sorted(rest.items()))}",
                        flush=True,
                    )

    _KEPT = ("now", "rng", "counts", "heads", "late", "totals", "done")

    def _save(self) -> None:
        """Keep what is needed to go on after this month, with the ledger as it is now."""
        state = {name: getattr(self, name) for name in self._KEPT}
        state |= {
            "cases": self.book.cases,
            "spent": self.worker.spent,
            "killed": self.worker.killed,
        }
        shutil.copyfile(self.out / LEDGER, self.folder / "kept.sqlite")
        (self.folder / "kept.pickle").write_bytes(pickle.dumps(state))

    def remember(self, folder: Path) -> None:
        """Know again what was kept in a folder after the last month that was finished."""
        state = pickle.loads((folder / "kept.pickle").read_bytes())  # noqa: S301 - of this soak
        self.book.cases = state.pop("cases")
        self.worker.spent, self.worker.killed = state.pop("spent"), state.pop("killed")
        for name, value in state.items():
            setattr(self, name, value)

    def take_up(self) -> None:
        """Go back to the end of the last month that was finished: a soak that stopped goes on there."""
        self.remember(self.folder)
        shutil.copyfile(self.folder / "kept.sqlite", self.out / LEDGER)
        for month in self.province.size.names[self.done :]:
            for folder in (self.out, self.folder / "back", self.folder / "reports"):
                shutil.rmtree(folder / month, ignore_errors=True)
        for index in range(self.done, self.province.size.months):
            for path in (self.folder / "scenes").glob(f"PMS2M_{self.province.day(index):%Y%m%d}*"):
                path.unlink()

    def month(self, index: int, month: str) -> None:
        """Do one month."""
        self.province.write_image(self.folder / "scenes", index)
        self._run(index, month)
        self.do(self.at(index, 2), "month", "open", "--month", month, "--actor", "sun")
        accepted = self._screen(index, month)
        self._judge_cleared(index)
        for late_month, path, filled in self.late:
            self._take(index, 4, late_month, path, filled)
        self.late = []
        self._dispatch(index, month, accepted)
        self._county_work(index, month)
        self._office(index)
        self.do(self.at(index, 21), "month", "status", "--month", month, "--remind")
        self._clear(index)
        self._agree(month)
        closed = self.do(self.at(index, 27), "month", "close", "--month", month, "--actor", "sun")
        self.totals[month] = closed.facts["totals"]
        self.heads.append(closed.facts["head"])
        self._look_after(index, month)

    def _dispatch(self, index: int, month: str, accepted: set[str]) -> None:
        """Send out what was accepted: with the month's packages, and what earlier months left behind."""
        left = set(accepted)
        for earlier in [month, *sorted({self.book.cases[n].month for n in accepted} - {month})]:
            self.do(
                self.at(index, 5),
                "month",
                "dispatch",
                "--month",
                earlier,
                "--actor",
                "sun",
                ok=(0, 3),
            )
            sent = set(query_numbers(self.out, "20")) - {c.number for c in self.book.in_state("20")}
            assert sent <= left, f"{earlier}: dispatched, not accepted: {sorted(sent - left)[:5]}"
            self.book.did("dispatched", sorted(sent), index)
            self.counts["event dispatched"] += len(sent)
            left -= sent
            if earlier != month:
                self._send_late(index, earlier, sent)
        assert not left, f"{month}: accepted, not dispatched: {sorted(left)[:5]}"

    def _send_late(self, index: int, earlier: str, numbers: set[str]) -> None:
        """Counties answer for cases that went out with the package of an earlier month."""
        for county, package in counties.packages(self.out / earlier).items():
            mine = {n: verdict(self.book.cases[n]) for n in sorted(numbers) if n.startswith(county)}
            if mine:
                filled = counties.Filled(
                    mine, f"{self.at(index, 6):%Y-%m-%d}", self._stamp(index, 7)
                )
                target = self.folder / "back" / earlier / county / f"late-{index}" / package.name
                self._take(index, 7, earlier, counties.fill(package, target, filled), filled)

    def at(self, index: int, day: int) -> datetime:
        """Return a day of the month after the found one."""
        name = month_name(self.province.size.start, index + 1)
        return datetime(int(name[:4]), int(name[5:]), day, 8, tzinfo=UTC)

    def _stamp(self, index: int, day: int) -> str:
        return f"{self.at(index, day):%Y-%m-%dT%H:%M:%S}.000Z"

    def do(self, now: datetime, *words: str, ok: tuple[int, ...] = (0,)) -> Answer:
        """Run a command that must end with one of some exit codes."""
        grouped = words[0] in {"month", "case", "ledger", "returns"}
        head = 2 if grouped else 1
        line = [*words[:head], str(self.config), *words[head:], "--out", str(self.out)]
        if "--remind" not in words:
            line.append("--json")
        self.now = max(self.now, now)
        answer = self.worker.ask(line, self.now)
        self.counts["commands"] += 1
        self.counts[" ".join(words[:head])] += 1
        assert answer.code in ok, (
            f"{' '.join(line)[:300]} ended with {answer.code}: {answer.out[-500:]} {answer.err[-1500:]}"
        )
        return answer

    def _kill_in(self, line: list[str], now: datetime, least_s: float, most_s: float) -> None:
        """Run a command whose process is killed after some seconds, finished or not."""
        self.now = max(self.now, now)
        self.worker.ask(line, self.now, kill_after_s=float(self.rng.uniform(least_s, most_s)))

    def _run(self, index: int, month: str) -> None:
        words = ("run", "--month", month, "--actor", "cd", "--progress", "none", "--quiet")
        now = self.at(index, 1)
        if self.rng.random() < RUNS_KILLED or index == ALWAYS_KILLED:
            line = ["run", str(self.config), *words[1:], "--out", str(self.out), "--json"]
            self._kill_in(line, now, 3, 45)
            self.counts["runs killed"] += 1
        self.do(now, *words, ok=(0, 3))
        found = self.book.after_run(index, month)
        self.counts["found"] += len(found["new"])
        self.counts["recurred"] += len(found["recurred"])
        self.do(now, *words, ok=(0, 3))
        assert self.book.after_run(index, month) == {"new": [], "recurred": []}, (
            "a repeated run did something"
        )

    def _screen(self, index: int, month: str) -> set[str]:
        """Accept what lies on a site, reject the rest; a few are left for the next month, a few merged."""
        waiting = self.book.in_state("10")
        decisions, accepted, rejected, merged = [], [], [], []
        for case in waiting:
            draw = self.rng.random()
            if case.site is None or not case.site.stands(index):
                decisions.append((case.number, "剔除", "非新增建设"))
                rejected.append(case.number)
            elif draw < 0.01:
                merged.append(case.number)
            elif draw < 0.03:
                decisions.append((case.number, "剔除", "判读为设施"))
                rejected.append(case.number)
            elif draw > 0.99:
                continue
            else:
                decisions.append((case.number, "通过", "影像清晰"))
                accepted.append(case.number)
        sheet = counties.screening_sheet(self.folder / "sheets" / f"{month}.csv", decisions)
        said = self.do(self.at(index, 3), "case", "screen", str(sheet), "--actor", "wang").facts
        self.book.did("rejected", rejected, index)
        assert set(said["rejected"]) == set(rejected), "screening rejected others"
        assert set(said["accepted"]) | set(said["known"]) == set(accepted), (
            "screening accepted others"
        )
        into = ("--into", accepted[0]) if accepted else ()
        self.enter(
            index, 3, "merged", merged if into else [], "wang", "interpreter", "并入相邻案件", *into
        )
        return set(accepted)

    def enter(
        self,
        index: int,
        day: int,
        event: str,
        numbers: list[str],
        who: str,
        role: str,
        why: str,
        *more: str,
    ) -> None:
        """Enter an event for some cases; now and then the process is killed in the middle of it."""
        if not numbers:
            return
        words = [
            "case",
            "enter",
            event,
            *numbers,
            "--reason",
            why,
            "--role",
            role,
            "--actor",
            who,
            *more,
        ]
        now = self.at(index, day)
        if self.rng.random() < COMMANDS_KILLED:
            line = [*words[:2], str(self.config), *words[2:], "--out", str(self.out)]
            before = self._sequence()
            self._kill_in(line, now, 0.02, 3.0)
            self.counts["entries killed"] += 1
            gained = self._sequence() - before
            assert gained in {0, len(set(numbers))}, (
                f"{event}: killed after {gained} of {len(numbers)} entries"
            )
            if gained:
                self.book.did(event, numbers, index, who)
                return
        self.do(now, *words)
        self.book.did(event, numbers, index, who)
        self.counts[f"event {event}"] += len(numbers)

    def _sequence(self) -> int:
        return int(query(self.out, "SELECT max(sequence) AS n FROM entries")[0]["n"] or 0)

    def _county_work(self, index: int, month: str) -> None:
        """Counties fill in their packages and send them."""
        run = self.out / month
        back = self.folder / "back" / month
        together: list[tuple[Path, counties.Filled]] = []
        for county, package in counties.packages(run).items():
            mine = self._asked(package, county)
            if not mine:
                continue
            results = {c.number: verdict(c) for c in mine}
            filled = counties.Filled(
                results, f"{self.at(index, 9):%Y-%m-%d}", self._stamp(index, 14)
            )
            kind = counties.habit(self.rng)
            self.counts[f"habit {kind}"] += 1
            target = back / county / package.name
            if kind == "right":
                counties.fill(package, target, filled)
                together.append((target, filled))
            else:
                self._odd(kind, index, month, package, target, filled)
        if together:
            paths = [path for path, _ in together]
            answer = self._import(index, 15, month, paths)
            for _, filled in together:
                self._filed(filled, index)
            assert answer.facts["entries"] == sum(len(f.results) + 1 for _, f in together), (
                answer.out[:2000]
            )

    def _asked(self, package: Path, county: str) -> list[Standing]:
        named = counties.listed(package)
        return [
            c
            for c in self.book.in_state("20", "45", "65")
            if c.county == county and c.number in named
        ]

    def _odd(
        self,
        kind: str,
        index: int,
        month: str,
        package: Path,
        target: Path,
        filled: counties.Filled,
    ) -> None:
        """Send a package back as counties sometimes do."""
        if kind == "twice":
            self._take(index, 15, month, counties.fill(package, target, filled), filled)
            again = self._import(index, 16, month, [target]).facts
            assert again["entries"] == 0
            assert any("taken before" in note for note in again["notes"])
        elif kind == "damaged":
            whole = counties.fill(package, target, filled)
            broken = counties.damage(whole, target.parent / "1" / package.name, self.rng)
            before = self._sequence()
            self._import(index, 15, month, [broken], ok=(4,))
            assert self._sequence() == before, "a damaged file was entered"
            self._take(index, 16, month, whole, filled)
        elif kind == "disordered":
            old = counties.Filled(filled.results, filled.day, self._stamp(index, 10))
            first = counties.fill(package, target.parent / "1" / package.name, old, "（初稿）")
            self._take(index, 15, month, counties.fill(package, target, filled), filled)
            before = self._sequence()
            refused = self._import(index, 16, month, [first], ok=(4,)).facts
            assert self._sequence() == before
            assert "taken before" in refused["wrong"][0]["message"]
        elif kind == "late":
            self.late.append((month, counties.fill(package, target, filled), filled))
        elif kind == "half":
            part = dict(list(filled.results.items())[::2])
            half = counties.Filled(part, filled.day, filled.saved)
            self._take(index, 15, month, counties.fill(package, target, half), half)
            whole = counties.Filled(filled.results, filled.day, self._stamp(index, 18))
            path = counties.fill(package, target.parent / "2" / package.name, whole)
            rest = {n: result for n, result in filled.results.items() if n not in part}
            if rest:
                self.late.append((month, path, counties.Filled(rest, filled.day, whole.saved)))
        else:
            self._foreign(index, month, package, target, filled)

    def _foreign(
        self, index: int, month: str, package: Path, target: Path, filled: counties.Filled
    ) -> None:
        """Send a row about another county's case: nothing of the file is entered."""
        others = [c.number for c in self.book.in_state("20") if c.county != target.parent.name]
        if not others:
            self._take(index, 15, month, counties.fill(package, target, filled), filled)
            return
        wrong = counties.Filled({**filled.results, others[0]: "2"}, filled.day, filled.saved)
        before = self._sequence()
        refused = self._import(
            index,
            15,
            month,
            [counties.fill(package, target.parent / "1" / package.name, wrong)],
            ok=(4,),
        ).facts
        assert self._sequence() == before
        assert refused["wrong"][0]["case"] == others[0]
        self._take(index, 16, month, counties.fill(package, target, filled), filled)

    def _import(
        self, index: int, day: int, month: str, paths: list[Path], ok: tuple[int, ...] = (0,)
    ) -> Answer:
        words = ("returns", "import", *map(str, paths), "--month", month, "--actor", "zhao")
        return self.do(self.at(index, day), *words, ok=ok)

    def _take(self, index: int, day: int, month: str, path: Path, filled: counties.Filled) -> None:
        """Import a file that is right; now and then the process is killed in the middle of it."""
        if self.rng.random() < COMMANDS_KILLED * 3:
            before = self._sequence()
            line = [
                "returns",
                "import",
                str(self.config),
                str(path),
                "--month",
                month,
                "--actor",
                "zhao",
                "--out",
                str(self.out),
            ]
            self._kill_in(line, self.at(index, day), 0.1, 4.0)
            self.counts["imports killed"] += 1
            gained = self._sequence() - before
            assert gained in {0, len(filled.results) + 1}, f"import killed after {gained} entries"
        self._import(index, day, month, [path])
        self._filed(filled, index)

    def _filed(self, filled: counties.Filled, index: int) -> None:
        self.book.did(
            "filed", [n for n in filled.results if self.book.cases[n].state != "40"], index
        )
        self.counts["event filed"] += len(filled.results)

    def _office(self, index: int) -> None:
        """City and province look at what was filed."""
        filed = [c.number for c in self.book.in_state("40")]
        draw = self.rng.random(len(filed))
        self.enter(
            index,
            20,
            "returned",
            [n for n, d in zip(filed, draw, strict=True) if d < 0.03],
            "qian",
            "city",
            "照片不清",
        )
        self.enter(
            index,
            20,
            "submitted",
            [n for n, d in zip(filed, draw, strict=True) if d >= 0.03],
            "qian",
            "city",
            "市级受理",
        )
        self.enter(
            index,
            21,
            "passed",
            [c.number for c in self.book.in_state("50")],
            "qian",
            "city",
            "市级通过",
        )
        at = self.book.in_state("60")
        legal = [c.number for c in at if verdict(c) == "1"]
        self.enter(index, 22, "judged_legal", legal, "sun", "province", "批准文件有效")
        self.enter(
            index,
            22,
            "judged_illegal",
            [c.number for c in at if verdict(c) != "1"],
            "sun",
            "province",
            "未见批准",
        )
        at71 = [c.number for c in self.book.in_state("71")]
        draw = self.rng.random(len(at71))
        self.enter(
            index,
            23,
            "transferred",
            [n for n, d in zip(at71, draw, strict=True) if d < 0.02],
            "sun",
            "province",
            "移交公安",
        )
        rest = [n for n, d in zip(at71, draw, strict=True) if d >= 0.02]
        self.enter(
            index, 23, "docketed", rest, "zhao", "county", "立案", "--claim", f"LABH=LA{index:03d}"
        )
        back = [c.number for c in self.book.in_state("95") if c.since < index]
        self.enter(index, 23, "resumed", back, "sun", "province", "移交回转", "--to", "75")

    def _clear(self, index: int) -> None:
        """Counties have structures taken down; two people close what the image shows is gone."""
        filed = [
            c.number
            for c in self.book.in_state("75")
            if c.site is not None and c.site.gone is not None
        ]
        self.enter(index, 24, "rectifying", filed, "zhao", "county", "责令拆除")
        gone = [
            c.number
            for c in self.book.in_state("80")
            if c.site is not None and not c.site.stands(index)
        ]
        self.enter(index, 24, "rectified", gone, "zhao", "county", "已拆除", "--claim", "ZGFS=1")
        legal = [c.number for c in self.book.in_state("70") if not c.proposer]
        self.enter(index, 25, "close_proposed", legal, "sun", "province", "合法，提请销号")
        self.enter(
            index, 26, "closed", legal, "zhou", "reviewer", "准予销号", "--source", str(self.proof)
        )

    def _judge_cleared(self, index: int) -> None:
        """Look at rectified cases on the new image; what stands again goes back, the rest is closed by two."""
        at = self.book.in_state("85")
        image = str(
            next((self.folder / "scenes").glob(f"PMS2M_{self.province.day(index):%Y%m%d}.tif"))
        )
        self.enter(
            index,
            4,
            "image_checked",
            [c.number for c in at],
            "wang",
            "interpreter",
            "影像复核",
            "--source",
            image,
        )
        stands = [c.number for c in at if c.site is not None and c.site.stands(index)]
        self.enter(index, 4, "rectifying", stands, "zhao", "county", "影像显示仍有建筑")
        gone = [c.number for c in at if c.number not in set(stands)]
        self.enter(index, 4, "close_proposed", gone, "wang", "interpreter", "影像显示已拆除")
        self.enter(index, 4, "closed", gone, "zhou", "reviewer", "准予销号", "--source", image)

    def _agree(self, month: str) -> None:
        wrong = self.book.differences()
        assert not wrong, f"{month}: {len(wrong)} cases differ: {wrong[:10]}"
        self.counts["states compared"] += len(self.book.cases)

    def _look_after(self, index: int, month: str) -> None:
        """Verify against every head kept so far, back up, and report."""
        now = self.at(index, 28)
        self.do(now, "ledger", "verify", "--head", self.heads[-1])
        if index % 3 == 2 or index == self.province.size.months - 1:
            copy = self.folder / f"backup-{month}.sqlite"
            self.do(now, "ledger", "backup", str(copy))
            copy.unlink()
            self.do(
                now,
                "report",
                "--period",
                month,
                "--to",
                str(self.folder / "reports" / month),
                "--day",
                f"{now:%Y-%m-%d}",
            )


def verdict(case: Standing) -> str:
    """Return what is true of a case: 1 legal, 2 illegal."""
    return "1" if case.site is not None and case.site.situation in {"valid", "later"} else "2"


def query_numbers(out: Path, state: str) -> list[str]:
    """Return the numbers in a state, by the ledger."""
    return [row["number"] for row in query(out, "SELECT number FROM cases WHERE state = ?", state)]
