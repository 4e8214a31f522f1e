"""The invariants I1 to I10 of the design, each a function of its own that reads files and tables only.

Nothing of the rules of the code under test is used: moves and states are written down again from the
schema. Every function returns what is wrong, a line each; nothing = the promise is kept.
"""

import hashlib
import json
import sqlite3
from collections import Counter
from contextlib import closing

import geopandas as gpd
import numpy as np
import rasterio
import shapely

GENESIS = "0" * 64
GROUPS = {
    "waiting": {"10"}, "out": {"20", "30"}, "returned": {"45", "55", "65"}, "review": {"40", "50", "60", "93"},
    "judged": {"70", "71"}, "put right": {"75", "80", "85", "95"}, "closed": {"90"}, "rejected": {"99"},
    "superseded": {"98"},
}  # fmt: skip
"""Where a case can be: every state is in one group."""
LIVE = set().union(*GROUPS.values()) - {"90", "98", "99"}

STEPS = {
    "found": ">10", "accepted": "10>10", "edited": "10>10", "rejected": "10>99", "withdrawn": "10>99",
    "dispatched": "10>20", "started": "20>30 45>30 55>30 65>30", "filed": "20>40 30>40 45>40 55>40 65>40",
    "submitted": "40>50", "returned": "40>45 50>55 60>65", "passed": "50>60", "judged_legal": "60>70",
    "judged_illegal": "60>71", "docketed": "71>75 95>75", "rectifying": "75>80 95>80 85>80",
    "rectified": "80>85", "image_checked": "10>10 80>80 85>85 90>90", "close_proposed": "70>70 85>85",
    "closed": "70>90 85>90", "objected": "20>93 30>93", "resolved": "93>30 93>40 93>50 93>60",
    "transferred": "20>95 30>95 71>95 75>95", "resumed": "95>30 95>71 95>75 95>80",
    "merged": "10>98 20>98 30>98", "revoked": "20>99 30>99", "recurred": "90>10",
}  # fmt: skip
SAID = (
    "case_number", "event", "from_state", "to_state", "actor", "time", "reason", "source_sha256", "payload",
    "role", "source_row",
)  # fmt: skip
OWN = {"chain.json", "manifest.json", "verify.py"}
"""Files of a package that are written after the run: they prove it, and are proven by themselves."""


def read(path):
    """Entries in order, and rows by number, as plain dicts."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base:
        base.row_factory = sqlite3.Row
        entries = [dict(line) for line in base.execute("SELECT * FROM entries ORDER BY sequence")]
        rows = {line["number"]: dict(line) for line in base.execute("SELECT * FROM cases")}
    return entries, rows


def facts_of(entry):
    """The facts of an entry; None = it holds none."""
    held = json.loads(entry["payload"] or "{}")
    return held if held and "claims" not in held else None


def i1_one_state(entries, rows):
    named = {entry["case_number"] for entry in entries} - {""}
    wrong = [f"I1 {n}: entries without a row" for n in sorted(named - set(rows))]
    wrong += [f"I1 {n}: a row without entries" for n in sorted(set(rows) - named)]
    return wrong + [
        f"I1 {n}: state {row['state']} is in {count} groups"
        for n, row in rows.items()
        if (count := sum(row["state"] in group for group in GROUPS.values())) != 1
    ]


def i2_legal_events(entries):
    wrong, reached = [], {}
    for entry in entries:
        number, move = entry["case_number"], f"{entry['from_state']}>{entry['to_state']}"
        if not number:
            continue
        known = STEPS.get(entry["event"])
        legal = (
            move in known.split() if known is not None else entry["from_state"] == entry["to_state"]
        )
        if not legal or reached.get(number, "") != entry["from_state"]:
            wrong.append(f"I2 {number}: {entry['event']} {move}, it stood in {reached.get(number)}")
        reached[number] = entry["to_state"]
    return wrong


def i3_numbers(entries, rows, issued):
    """No number vanishes or repeats; ``issued`` = those that were given out, kept elsewhere."""
    found = Counter(entry["case_number"] for entry in entries if entry["event"] == "found")
    wrong = [f"I3 {n}: found {count} times" for n, count in found.items() if count != 1]
    wrong += [f"I3 {n}: issued, not in the ledger" for n in sorted(set(issued) - set(rows))]
    wrong += [f"I3 {n}: in the ledger, never issued" for n in sorted(set(rows) - set(issued))]
    counted = sum(sum(row["state"] in group for row in rows.values()) for group in GROUPS.values())
    return wrong + ([] if counted == len(issued) else [f"I3 {len(issued)} issued, {counted} there"])


def i4_projection(entries, rows):
    last, proposer = {}, {}
    for entry in entries:
        number = entry["case_number"]
        if entry["from_state"] != entry["to_state"]:
            proposer[number] = ""
        if entry["event"] == "close_proposed":
            proposer[number] = entry["actor"]
        last[number] = entry["to_state"]
    return [
        f"I4 {n}: the row says {row['state']} ({row['proposer']}), the entries {last.get(n)} ({proposer.get(n)})"
        for n, row in rows.items()
        if (row["state"], row["proposer"]) != (last.get(n), proposer.get(n))
    ]


def i5_chain(entries):
    wrong, previous, since = [], GENESIS, []
    for number, entry in enumerate(entries, 1):
        said = [number, previous, *(entry[name] for name in SAID), entry["form"]]
        text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()
        if (entry["sequence"], entry["previous"], entry["digest"]) != (number, previous, digest):
            wrong.append(f"I5 entry {entry['sequence']}: it does not follow from what it says")
        if entry["event"] == "month_closed":
            told = json.loads(entry["payload"])
            if (told["root"], told["entries"]) != (root([bytes.fromhex(d) for d in since]), len(since)):  # fmt: skip
                wrong.append(f"I5 entry {number}: the root of {told['month']} is another one")
            since = []
        previous = entry["digest"]
        since.append(previous)
    return wrong


def root(leaves):
    """RFC 6962, section 2.1, as it stands there."""
    if not leaves:
        return hashlib.sha256(b"").hexdigest()

    def tree(part):
        if len(part) == 1:
            return hashlib.sha256(b"\x00" + part[0]).digest()
        half = 1 << (len(part) - 1).bit_length() - 1
        return hashlib.sha256(b"\x01" + tree(part[:half]) + tree(part[half:])).digest()

    return tree(leaves).hex()


def i6_areas(entries, rows):
    """Live cases of one month, found on their own ground, do not overlap, within and across counties."""
    ground = {}
    for entry in entries:
        facts = facts_of(entry) if entry["event"] == "found" else None
        if facts and not facts["parent"] and not facts.get("watch"):
            ground[entry["case_number"]] = shapely.from_wkb(facts["geometry"])
    wrong = []
    for month in sorted({row["month"] for row in rows.values()}):
        mine = [n for n, row in rows.items() if (row["month"], row["state"] in LIVE) == (month, True)]  # fmt: skip
        shapes = [ground[n] for n in mine if n in ground]
        if not shapes:
            continue
        whole, parts = shapely.union_all(shapes).area, float(shapely.area(shapes).sum())
        if abs(whole - parts) > 1e-6 * parts:
            wrong.append(f"I6 {month}: live cases overlap by {parts - whole:.3f} m2")
    return wrong


def i6_units(run):
    """The parts of patches in counties, and outside, add up to the patches."""
    units = json.loads((run / "units.json").read_bytes())
    shapes = {}
    for unit in units:
        if not unit["parent"] and not unit["watch"]:
            shapes.setdefault(unit["patch_id"], []).append(shapely.from_wkb(unit["geometry"]))
    patches = gpd.read_file(run / "classified.gpkg")
    wrong = []
    for number, patch in zip(patches["patch_id"], patches.geometry, strict=True):
        parts = sum(shape.area for shape in shapes.get(number, []))
        if abs(parts - patch.area) > 1e-6 * patch.area:
            wrong.append(f"I6 patch {number}: {patch.area:.3f} m2, its parts {parts:.3f} m2")
    return wrong


def i7_record(entries, kept):
    """What was found stays as it was; ``kept`` = case -> digest of what its finding said, kept elsewhere."""
    now = finding_digests(entries)
    return [
        f"I7 {n}: its outline, images or facts of record were changed"
        for n, digest in kept.items()
        if now.get(n) != digest
    ]


def finding_digests(entries):
    return {
        entry["case_number"]: hashlib.sha256(
            (entry["payload"] + entry["source_sha256"]).encode()
        ).hexdigest()
        for entry in entries
        if entry["event"] == "found"
    }


def i8_closing(entries):
    wrong, proposer = [], {}
    for entry in entries:
        number = entry["case_number"]
        if entry["event"] == "closed":
            by = proposer.get(number, "")
            proof = entry["source_sha256"].strip("0")
            if by in {"", entry["actor"]} or not proof or not entry["reason"]:
                wrong.append(f"I8 {number}: closed by {entry['actor']}, proposed by {by or 'nobody'}, proof {proof[:8]!r}")  # fmt: skip
        if entry["from_state"] != entry["to_state"]:
            proposer.pop(number, None)
        if entry["event"] == "close_proposed":
            proposer[number] = entry["actor"]
    return wrong


def i9_files(run, entries):
    """Every published file is listed with its digest, none is missing or beside the list, and what was
    dispatched is one of them."""
    steps = json.loads((run / "run.json").read_bytes())["steps"]
    listed = {name: digest for step in steps for name, digest in step["outputs"].items()}
    wrong = []
    for name, digest in sorted(listed.items()):
        path = run / name
        if not path.is_file():
            wrong.append(f"I9 {name}: missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            wrong.append(f"I9 {name}: changed")
    there = {
        path.relative_to(run).as_posix()
        for path in (run / "packages").rglob("*")
        if path.is_file() and path.name not in OWN
    }
    wrong += [f"I9 {name}: in no list" for name in sorted(there - set(listed))]
    sent = {e["source_sha256"] for e in entries if e["event"] == "dispatched"}
    return wrong + [f"I9 {digest[:12]}: dispatched, not published" for digest in sorted(sent - set(listed.values()))]  # fmt: skip


def i10_whole(run, area_m2):
    """Examined and not observed ground make the area of the counties, in the raster as in the list."""
    with rasterio.open(run / "change.tif", driver="GTiff") as dataset:
        values, pixel = dataset.read(1), abs(dataset.transform.a * dataset.transform.e)
    wrong = []
    if not set(np.unique(values).tolist()) <= {0, 1, 255}:
        wrong.append(f"I10: values {np.unique(values).tolist()}, 0, 1 or 255 were expected")
    examined, unseen = float((values != 255).sum() * pixel), float((values == 255).sum() * pixel)
    told = sum(area["area_m2"] for area in json.loads((run / "unobserved.json").read_bytes()))
    if abs(examined + unseen - area_m2) > 1e-6 * area_m2:
        wrong.append(f"I10: {examined:.0f} + {unseen:.0f} m2 are not {area_m2:.0f} m2")
    if abs(told - unseen) > 0.02 * max(unseen, 1000.0):
        wrong.append(f"I10: {told:.0f} m2 told as not observed, {unseen:.0f} m2 in the raster")
    return wrong
