"""The reckoning at the end: what became of every true change, and whether the promises were kept.

Everything is read from files and by SQL; of the program only the reader of its own lists is used.
The invariants are those of the design: I1 one state, I2 legal moves, I3 no number lost or repeated,
I4 rows are what entries say, I5 chain, I6 areas, I7 what was found never changes, I8 closing, I9 files,
I10 examined and not examined make the whole.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely

from changedetect.io import record_files
from changedetect.records import Scene, Unit, UnobservedArea
from tests.soak.book import MOVES, STAYS, Book, query
from tests.soak.province import Province, Site

SHARE = 0.3
"""A true change is found when this share of it is covered."""
SPEAKS = {"found", "confirmed", "recurred", "restated"}
OPEN = {"10", "20", "30", "40", "45", "50", "55", "60", "65", "71", "75", "80", "85", "93", "95"}
GENESIS = "0" * 64
PSEUDO = "90"


@dataclass(slots=True)
class Reckoning:
    """What was counted, and what does not agree."""

    figures: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Change:
    """One true change: what was built (again) or went, in which month, where."""

    site: Site
    month: int
    gone: bool

    @property
    def name(self) -> str:
        """Site, month, and what happened."""
        return f"{self.site.name} {'goes' if self.gone else 'comes'} in month {self.month}"


def reckon(
    province: Province, book: Book, heads: list[str], totals: dict[str, dict[str, int]]
) -> Reckoning:
    """Do the whole reckoning."""
    out, result = book.out, Reckoning()
    entries = query(out, "SELECT * FROM entries ORDER BY sequence")
    rows = book.rows()
    result.wrong += book.differences()
    result.wrong += _chain(entries, heads)
    result.wrong += _moves(entries, rows)
    result.wrong += _numbers(entries, rows, set(book.cases))
    result.wrong += _areas(entries, rows)
    for month in province.size.names:
        result.wrong += _files(out / month)
        result.wrong += _whole(out / month, province)
        result.wrong += _scenes(out / month, out.parent / "scenes")
        result.wrong += _told(month, totals, rows)
    _changes(province, out, entries, result)
    result.figures |= {
        "cases": len(rows),
        "entries": len(entries),
        "pooled": sum(row["pooled"] and not row["record_only"] for row in rows.values()),
        "recorded": sum(row["record_only"] for row in rows.values()),
        "states": dict(sorted(Counter(row["state"] for row in rows.values()).items())),
        "events": dict(Counter(entry["event"] for entry in entries).most_common()),
    }
    return result


def _chain(entries: list[Any], heads: list[str]) -> list[str]:
    wrong, previous, digests, last = [], GENESIS, [], ""
    names = (
        "case_number",
        "event",
        "from_state",
        "to_state",
        "actor",
        "time",
        "reason",
        "source_sha256",
        "payload",
        "role",
        "source_row",
    )
    for number, entry in enumerate(entries, 1):
        said = [number, previous, *(entry[name] for name in names), entry["form"]]
        text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()
        if (entry["sequence"], entry["previous"], entry["digest"]) != (number, previous, digest):
            wrong.append(
                f"I5 entry {entry['sequence']}: its digest does not follow from what it says"
            )
        if entry["time"][:10] < last:
            wrong.append(f"I5 entry {number}: {entry['time']} lies before the entry before it")
        previous, last = entry["digest"], entry["time"][:10]
        digests.append(entry["digest"])
    for head in heads:
        number, _, digest = head.partition(":")
        if int(number) > len(digests) or digests[int(number) - 1] != digest:
            wrong.append(f"I7 head {number} kept by the second office is not in the chain any more")
    return wrong


def _moves(entries: list[Any], rows: dict[str, Any]) -> list[str]:
    wrong: list[str] = []
    reached: dict[str, str] = {}
    proposed: dict[str, str] = {}
    for entry in entries:
        case, event, start, end = (
            entry["case_number"],
            entry["event"],
            entry["from_state"],
            entry["to_state"],
        )
        if not case:
            continue
        legal = (
            (start, end) == ("", "10")
            if event == "found"
            else start == end
            if event in STAYS
            else MOVES.get(event, {}).get(start) == end
        )
        if not legal:
            wrong.append(f"I2 {case}: {event} {start} -> {end}")
        if reached.get(case, "") != start:
            wrong.append(
                f"I4 {case}: {event} starts from {start}, it stood in {reached.get(case, '')}"
            )
        if event == "closed" and (
            proposed.get(case, "") in {"", entry["actor"]}
            or not entry["source_sha256"]
            or not entry["reason"]
        ):
            wrong.append(f"I8 {case}: closed by {entry['actor']}, proposed by {proposed.get(case)}")
        if start != end:
            proposed.pop(case, None)
        if event == "close_proposed":
            proposed[case] = entry["actor"]
        reached[case] = end
    wrong += [
        f"I4 {n}: row says {row['state']}, entries say {reached.get(n)}"
        for n, row in rows.items()
        if reached.get(n) != row["state"]
    ]
    return wrong


def _numbers(entries: list[Any], rows: dict[str, Any], booked: set[str]) -> list[str]:
    found = Counter(entry["case_number"] for entry in entries if entry["event"] == "found")
    named = {entry["case_number"] for entry in entries} - {""}
    wrong = [f"I3 {n}: found {count} times" for n, count in found.items() if count > 1]
    wrong += [f"I1 {n}: entries without a row, or a row without" for n in sorted(named ^ set(rows))]
    wrong += [f"I3 {n}: never found" for n in sorted(named - set(found))]
    wrong += [f"I3 {n}: the book knows it, the ledger does not" for n in sorted(booked - named)]
    return wrong


def _shapes(entries: list[Any]) -> dict[int, Any]:
    """Sequence -> outline and facts of every entry that the program wrote about a case."""
    picked = [
        (entry["sequence"], json.loads(entry["payload"]))
        for entry in entries
        if entry["event"] in SPEAKS
    ]
    shapes = shapely.from_wkb([facts["geometry"] for _, facts in picked])
    return {number: (shape, facts) for (number, facts), shape in zip(picked, shapes, strict=True)}


def _areas(entries: list[Any], rows: dict[str, Any]) -> list[str]:
    wrong, first = [], {}
    for entry in entries:
        if entry["event"] == "found":
            facts = json.loads(entry["payload"])
            if not facts["watch"]:  # what is watched lies on the ground of another case
                first[entry["case_number"]] = facts["geometry"]
    for month in sorted({row["month"] for row in rows.values()}):
        mine = [
            n
            for n, row in rows.items()
            if row["month"] == month and not row["parent"] and row["state"] in OPEN and n in first
        ]
        shapes = shapely.from_wkb([first[n] for n in mine])
        if not len(shapes):
            continue
        whole, parts = shapely.union_all(shapes).area, shapely.area(shapes).sum()
        if abs(whole - parts) > 1e-6 * parts:
            wrong.append(f"I6 {month}: live cases overlap, {parts - whole:.3f} m2")
    return wrong


def _files(run: Path) -> list[str]:
    manifest = json.loads((run / "run.json").read_bytes())
    listed = {
        name: digest for step in manifest["steps"] for name, digest in step["outputs"].items()
    }
    wrong = [
        f"I9 {run.name}/{name}: {why}"
        for name, digest in listed.items()
        if (why := _changed(run / name, digest))
    ]
    packages = [path for path in (run / "packages").rglob("*") if path.is_file()]
    own = {"chain.json", "manifest.json", "verify.py"}
    extra = [
        path
        for path in packages
        if path.relative_to(run).as_posix() not in listed and path.name not in own
    ]
    return wrong + [f"I9 {path.relative_to(run.parent)}: in no list" for path in extra]


def _changed(path: Path, digest: str) -> str:
    if not path.is_file():
        return "missing"
    return "" if hashlib.sha256(path.read_bytes()).hexdigest() == digest else "changed"


def _whole(run: Path, province: Province) -> list[str]:
    with rasterio.open(run / "change.tif", driver="GTiff") as dataset:
        values = dataset.read(1)
    kinds = set(np.unique(values).tolist())
    beyond = (
        values.size - len(province.codes) * province.size.side_px**2
    )  # places of the lattice without a county
    hidden = float((values == 255).sum() - beyond) * 4.0
    said = next(
        step["facts"]
        for step in json.loads((run / "run.json").read_bytes())["steps"]
        if step["name"] == "deliver"
    )
    told = said["not_observed_mu"] * 2000 / 3
    wrong = []
    if values.shape != (province.grid.height, province.grid.width) or not kinds <= {0, 1, 255}:
        wrong.append(f"I10 {run.name}: {values.shape} {kinds}")
    if abs(told - hidden) > 0.02 * max(hidden, 1000):
        wrong.append(
            f"I10 {run.name}: {told:.0f} m2 told as not observed, {hidden:.0f} m2 in the raster"
        )
    return wrong


def _scenes(run: Path, folder: Path) -> list[str]:
    scenes = record_files.read_records(run / "scenes.json", Scene)
    newest = max(scenes, key=lambda scene: scene.time)
    names = (newest.href, newest.cloud_href)
    wrong = [
        name
        for name, digest in zip(names, newest.sha256.split(":"), strict=True)
        if _changed(folder / name, digest)
    ]
    return [f"I7 {run.name}: image {name} is another one than it was" for name in wrong]


def _told(month: str, totals: dict[str, dict[str, int]], rows: dict[str, Any]) -> list[str]:
    said = totals[month]
    found = sum(row["month"] == month for row in rows.values())
    parts = said["pooled"] + said["recorded"] + said["listed"]
    rest = said["cleared"] + said["open"] + said["merged"] + said["dropped"]
    wrong = (
        []
        if said["found"] == parts and said["listed"] == rest
        else [f"{month}: figures do not add up: {said}"]
    )
    return (
        wrong
        if said["found"] == found
        else [*wrong, f"{month}: {said['found']} found told at closing, {found} in the ledger"]
    )


def _changes(province: Province, out: Path, entries: list[Any], result: Reckoning) -> None:
    """Tell what became of every true change; each has exactly one fate."""
    changes = all_changes(province)
    by_month: dict[int, list[Change]] = {}
    for change in changes:
        by_month.setdefault(change.month, []).append(change)
    shapes = _shapes(entries)
    fates: dict[str, Counter[str]] = {"comes": Counter(), "goes": Counter()}
    false_alarms = cases_seen = 0
    for index, month in enumerate(province.size.names):
        day = province.day(index)
        spoken = [one for one in shapes.values() if one[1]["last_confirmed"] == day.isoformat()]
        units = record_files.read_records(out / month / "units.json", Unit)
        hidden = record_files.read_records(out / month / "unobserved.json", UnobservedArea)
        looked = {
            one["case"]: one["result"]
            for one in json.loads((out / month / "rechecks.json").read_bytes())
        }
        mine = by_month.get(index, [])
        truth = np.array([province.polygon(change.site) for change in mine], object)
        for change, fate in zip(
            mine, _fates(mine, truth, spoken, (units, looked), hidden), strict=True
        ):
            fates["goes" if change.gone else "comes"][fate] += 1
            if fate.startswith("LOST"):
                result.wrong.append(f"{change.name}: {fate}")
        outlines = np.array([shape for shape, _ in spoken], object)
        touched = (
            np.unique(shapely.STRtree(truth).query(outlines, predicate="intersects")[0])
            if len(truth) and len(outlines)
            else []
        )
        cases_seen += len(outlines)
        false_alarms += len(outlines) - len(touched)
    counted = sum(sum(group.values()) for group in fates.values())
    if counted != len(changes):
        result.wrong.append(f"{len(changes)} true changes, {counted} accounted for")
    result.figures |= {
        "true_changes": len(changes),
        "fates": {name: dict(group.most_common()) for name, group in fates.items()},
        "case_months_on_no_true_change": f"{false_alarms} of {cases_seen}",
    }


def all_changes(province: Province) -> list[Change]:
    """Return everything that comes and goes within the months."""
    changes = []
    for site in province.sites:
        for month, gone in ((site.built, False), (site.gone, True), (site.again, False)):
            if month is not None and month < province.size.months:
                changes.append(Change(site, month, gone))
    return changes


def _fates(
    changes: list[Change], truth: np.ndarray, spoken: list[Any], seen: Any, hidden: Any
) -> list[str]:
    units, looked = seen
    cases = np.array([shape for shape, _ in spoken], object)
    grounds = np.array([unit.geometry for unit in units], object)
    covers = np.array([area.geometry for area in hidden], object)
    by_case, by_unit, unseen = (_cover(truth, one) for one in (cases, grounds, covers))
    named = []
    for number, change in enumerate(changes):
        mine = [spoken[i][1] for i, share in by_case[number].items() if share > 0]
        touching = [units[i] for i in by_unit[number]]
        if sum(by_case[number].values()) >= SHARE:
            best = max(by_case[number], key=by_case[number].__getitem__)
            facts = spoken[best][1]
            named.append(
                "recorded" if facts["record_only"] else "pooled" if facts["pooled"] else "case"
            )
        elif sum(unseen[number].values()) > 1 - SHARE:
            named.append("not observed")
        elif change.site.situation == "tiny":
            named.append("below threshold")
        elif sum(by_unit[number].values()) >= SHARE:
            named.append(_of_unit(touching, mine, looked))
        else:
            named.append("partly covered" if touching else "missed by the evidence")
    return named


def _of_unit(units: list[Any], cases: list[Any], looked: dict[str, str]) -> str:
    """Say what stands behind a found ground that is no case: no theme asks about it, or it was lost.

    Ground of a rectified or closed case is asked about by its number: the case is in the ledger, and
    what the month says of it is an image check, or it was lost.
    """
    again = [unit.unit_id.removeprefix("W13-")[:18] for unit in units if unit.watch == "case"]
    if unseen := [number for number in again if number not in looked]:
        return f"LOST: {unseen[0]} is watched, but was not looked at"
    if again and all(unit.watch == "case" for unit in units):
        return f"its case was looked at again: {looked[again[0]]}"
    asked = [
        f
        for unit in units
        if not unit.parent and unit.watch != "case"
        for f in unit.findings
        if f.verdict.value in {"yes", "unknown"}
    ]
    if asked and not cases:
        return "LOST: a theme asks about its ground, but the ledger has no case"
    return (
        "rejected as no change"
        if any(f.suggestion == PSEUDO for unit in units for f in unit.findings)
        else "excused by every theme"
    )


def _cover(truth: np.ndarray, shapes: np.ndarray) -> list[dict[int, float]]:
    found: list[dict[int, float]] = [{} for _ in truth]
    if not len(truth) or not len(shapes):
        return found
    left, right = shapely.STRtree(shapes).query(truth, predicate="intersects")
    shares = shapely.area(shapely.intersection(truth[left], shapes[right])) / shapely.area(
        truth[left]
    )
    for number, shape, share in zip(left.tolist(), right.tolist(), shares.tolist(), strict=True):
        if share > 0:
            found[number][shape] = share
    return found
