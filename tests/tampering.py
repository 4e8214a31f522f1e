# ruff: noqa: S608 - names of columns of our own
"""One change anywhere in a ledger or a package, drawn at random: is it found, and is its row named?

The harness knows nothing of how either is verified. `tamper_ledger` and `tamper_package` make one
change and tell under which names it may be reported; a change of which nothing could be known from
the outside (the last entry of a chain cut off without a head kept elsewhere) is not drawn.
"""

import json
import math
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import numpy as np

from changedetect.codes import case_number
from changedetect.entries import Entry
from changedetect.io.ledger import LedgerStore
from changedetect.pipeline.ledger import packages, sealing
from changedetect.pipeline.ledger.ledgerwork import enter
from changedetect.stages import ledger
from tests.stages.test_ledger_machine import facts

DISTRICT, MONTH, STEM = "430991", "2025-06", "430991_202506"
START = datetime(2025, 7, 1, tzinfo=UTC)
ROAD = (
    ("accepted", "10", "10", "interpreter"), ("dispatched", "10", "20", "province"), ("filed", "20", "40", "county"),
    ("submitted", "40", "50", "city"),
)  # fmt: skip
TEXTS = (
    "previous", "digest", "case_number", "event", "from_state", "to_state", "actor", "time", "reason", "source_sha256",
    "payload", "role", "source_row",
)  # fmt: skip


def make_ledger(path, cases=8):
    """A small ledger: some cases on their way, claims, a closed month, entries behind it."""
    store = LedgerStore(path)
    numbers = [case_number(DISTRICT, "02", MONTH, i + 1) for i in range(cases)]
    entries = [
        Entry(number, "found", "", "10", "cd", START, "监测", "ab" * 32,
              ledger.payload_of(facts(number, "10", MONTH, 20 * i)), "program")
        for i, number in enumerate(numbers)
    ]  # fmt: skip
    entries += [walked(number, step, i) for i, number in enumerate(numbers) for step in ROAD[: i % 5]]  # fmt: skip
    enter(store, lambda _: entries)

    def closing_entry(reader):
        digests = reader.digests()
        said = {
            "month": MONTH,
            "entries": len(digests),
            "root": ledger.merkle_root(digests, reader.algorithm),
        }
        return [Entry("", ledger.MONTH_CLOSED, "", "", "sun", START + timedelta(days=40), "关闭", "",
                      ledger.canonical(said), "province")]  # fmt: skip

    enter(store, closing_entry)
    enter(store, lambda _: [walked(numbers[0], ROAD[0], 50), walked(numbers[0], ROAD[1], 51)])
    return store, numbers


def walked(number, step, hour):
    event, start, end, role = step
    payload = ledger.claims_payload({"RDJG": "1", "BZ": "说明"}) if event == "filed" else ""
    return Entry(
        number, event, start, end, "wang", START + timedelta(hours=hour), "理由", "cd" * 32, payload, role, "行 2"
    )  # fmt: skip


def make_package(folder, store):
    """A sealed package by hand, with the ledger's entries beside it."""
    run = folder / "run"
    package = run / "packages" / STEM
    (package / "chips").mkdir(parents=True)
    with closing(sqlite3.connect(package / f"{STEM}_AJ.gpkg")) as base:
        base.executescript(
            """
            CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT);
            CREATE TABLE AJTB (fid INTEGER PRIMARY KEY, geom BLOB, AJBH TEXT, JCMJM REAL, YZDJ INTEGER, BZ TEXT);
            CREATE TABLE TJ_XJ (fid INTEGER PRIMARY KEY, XZQDM TEXT, ZS INTEGER);
            CREATE TABLE HC_JL (fid INTEGER PRIMARY KEY, AJBH TEXT, HCJG TEXT);
            INSERT INTO gpkg_contents VALUES ('AJTB','features'),('TJ_XJ','attributes'),('HC_JL','attributes');
            INSERT INTO TJ_XJ VALUES (1,'430991',29),(2,'430992',0);
            """
        )
        rows = [
            (i, bytes([i] * 40), f"C{i}", i / 7, i % 5, None if i % 3 else "说明")
            for i in range(1, 12)
        ]
        base.executemany("INSERT INTO AJTB VALUES (?,?,?,?,?,?)", rows)
        base.commit()
    (package / f"{STEM}_台账.xlsx").write_bytes(b"sheet" * 50)
    (package / f"{STEM}.html").write_text("<p>page</p>", encoding="utf-8")
    (package / "chips" / "43099102250600001C_Q.jpg").write_bytes(b"picture" * 30)
    sealing.seal_package(package)
    packages.write_chains(store, run, MONTH)
    return package


def altered(rng, value):
    """Return a value of the same kind that is another one."""
    if isinstance(value, bytes):
        place, bit = int(rng.integers(len(value))), 1 << int(rng.integers(8))
        return value[:place] + bytes([value[place] ^ bit]) + value[place + 1 :]
    if isinstance(value, float):
        ways = [math.nextafter(value, math.inf), value + 1.0, -value or 1.0, value * 1.01 + 0.01]
        return ways[int(rng.integers(len(ways)))]
    if isinstance(value, int):
        return value + int(rng.choice([-1, 1, 2, 10]))
    if value is None:
        return "x"
    return altered_text(rng, value)


def altered_text(rng, text):
    letters = list('0123456789abcXYZ- 　中“\\"\n')
    while True:
        place, sign = (
            int(rng.integers(len(text) + 1)),
            letters[int(rng.integers(len(letters)))],
        )
        ways = [
            text[:place] + sign + text[place:],
            text[:place] + text[place + 1 :],
            text[:place] + sign + text[place + 1 :],
            text.swapcase(),
            text + " ",
            "",
        ]
        found = ways[int(rng.integers(len(ways)))]
        if found != text:
            return found


def tamper_ledger(rng, path):
    """Make one change in a ledger file; return what it was and the names of its row."""
    with closing(sqlite3.connect(path)) as base:
        base.execute("PRAGMA synchronous = OFF")
        for (name,) in base.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
        ).fetchall():
            base.execute(f"DROP TRIGGER {name}")
        what = (
            tamper_rows(rng, base)
            if rng.random() < 0.3
            else ENTRY_WAYS[int(rng.choice(len(ENTRY_WAYS), p=[0.8, 0.08, 0.06, 0.06]))](rng, base)
        )
        base.commit()
    return what


def any_entry(rng, base):
    (count,) = base.execute("SELECT max(sequence) FROM entries").fetchone()
    return int(rng.integers(1, count + 1)), count


def entry_names(*sequences):
    return {f"entry {n} " for n in sequences} | {f"entry {n}:" for n in sequences}


def change_value(rng, base):
    sequence, _ = any_entry(rng, base)
    column = [*TEXTS, "form", "sequence"][int(rng.integers(len(TEXTS) + 2))]
    (old,) = base.execute(f"SELECT {column} FROM entries WHERE sequence = ?", [sequence]).fetchone()
    new = old + 1000 if column == "sequence" else altered(rng, old)
    base.execute(f"UPDATE entries SET {column} = ? WHERE sequence = ?", [new, sequence])
    names = entry_names(sequence, sequence + 1) | (
        {f"entry {new}:"} if column == "sequence" else set()
    )
    return f"entry {sequence}: {column} {old!r:.40} -> {new!r:.40}", names


def remove_entry(rng, base):
    sequence, count = any_entry(rng, base)
    base.execute("DELETE FROM entries WHERE sequence = ?", [sequence])
    names = {f"is number {count}"} if sequence == count else entry_names(sequence, sequence + 1)
    return f"entry {sequence} removed", names


def repeat_entry(rng, base):
    sequence, count = any_entry(rng, base)
    base.execute(
        f"INSERT INTO entries (sequence, {', '.join(TEXTS)}, form) "
        f"SELECT {count + 1}, {', '.join(TEXTS)}, form FROM entries WHERE sequence = {sequence}"
    )
    return f"entry {sequence} repeated", entry_names(count + 1)


def swap_entries(rng, base):
    sequence = min(any_entry(rng, base)[0], any_entry(rng, base)[1] - 1)
    base.execute("UPDATE entries SET sequence = -1 WHERE sequence = ?", [sequence])
    base.execute("UPDATE entries SET sequence = ? WHERE sequence = ?", [sequence, sequence + 1])
    base.execute("UPDATE entries SET sequence = ? WHERE sequence = -1", [sequence + 1])
    return f"entries {sequence} and {sequence + 1} swapped", entry_names(sequence, sequence + 1)


ENTRY_WAYS = (change_value, remove_entry, repeat_entry, swap_entries)


def tamper_rows(rng, base):
    lines = base.execute("SELECT * FROM cases ORDER BY number")
    columns = [column[0] for column in lines.description]
    rows = lines.fetchall()
    row = dict(zip(columns, rows[int(rng.integers(len(rows)))], strict=True))
    number, way = row["number"], rng.random()
    if way < 0.1:
        base.execute("DELETE FROM cases WHERE number = ?", [number])
        return f"row {number} removed", {number}
    if way < 0.2:
        row["number"] = case_number(DISTRICT, "02", MONTH, 900 + int(rng.integers(99)))
        base.execute(f"INSERT INTO cases VALUES ({','.join('?' * len(row))})", list(row.values()))
        return f"row {row['number']} added", {row["number"]}
    column = columns[int(rng.integers(len(columns)))]
    new = altered(rng, row[column])
    base.execute(f"UPDATE cases SET {column} = ? WHERE number = ?", [new, number])
    return f"row {number}: {column} {row[column]!r:.40} -> {new!r:.40}", {number}


def tamper_package(rng, folder):
    """Make one change in a package; return what it was and the names of its row."""
    way = rng.random()
    if way < 0.5:
        return tamper_layer(rng, folder / f"{STEM}_AJ.gpkg")
    if way < 0.75:
        return tamper_chain(rng, folder / "chain.json")
    names = sorted(
        path for path in folder.rglob("*")
        if path.is_file() and path.suffix not in {".gpkg", ".py"} and path.name != "chain.json"
    )  # fmt: skip
    path = names[int(rng.integers(len(names)))]
    data = path.read_bytes()
    path.unlink() if rng.random() < 0.05 else path.write_bytes(altered(rng, data))
    name = path.relative_to(folder).as_posix()
    # A seal that no longer fits names what it seals: nobody can tell which of the two was changed.
    names = {name} if name != "manifest.json" else {name, STEM, "chips/", "can not be read"}
    return f"{name} changed", names


def tamper_layer(rng, path):
    with closing(sqlite3.connect(path)) as base:
        base.execute("PRAGMA synchronous = OFF")
        layer, columns = [("AJTB", ["fid", "geom", "AJBH", "JCMJM", "YZDJ", "BZ"]), ("TJ_XJ", ["XZQDM", "ZS"])][
            int(rng.integers(2))
        ]  # fmt: skip
        fids = [fid for (fid,) in base.execute(f"SELECT fid FROM {layer}")]
        fid = fids[int(rng.integers(len(fids)))]
        if rng.random() < 0.1:
            base.execute(f"DELETE FROM {layer} WHERE fid = ?", [fid])
            what = f"{layer} {fid} removed"
        else:
            column = columns[int(rng.integers(len(columns)))]
            (old,) = base.execute(f"SELECT {column} FROM {layer} WHERE fid = ?", [fid]).fetchone()
            new = old + 1000 if column == "fid" else altered(rng, old)
            base.execute(f"UPDATE {layer} SET {column} = ? WHERE fid = ?", [new, fid])
            what = f"{layer} {fid}: {column} {old!r:.40} -> {new!r:.40}"
        base.commit()
    return what, {f"layer {layer}, row {fid}"}


def tamper_chain(rng, path):
    said = json.loads(path.read_text(encoding="utf-8"))
    entries = said["entries"]
    item = entries[int(rng.integers(len(entries)))]
    fields = item["fields"]
    names = {f"entry {fields[0]} "}
    place = int(rng.integers(-2, len(fields)))
    if place == -2 or (place == -1 and "path" not in item):
        item["digest"] = altered(rng, item["digest"])
    elif place == -1:
        step = item["path"][int(rng.integers(len(item["path"])))]
        part = int(rng.integers(2))
        step[part] = altered(rng, step[part])
    else:
        fields[place] = altered(rng, fields[place])
        names |= {f"entry {fields[0]} "}
    path.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
    return f"chain entry {fields[0]}, part {place}", names


def trial(seed, kind, source, place, find):
    """Copy, change once, ask; return None, or what was done and how it slipped through."""
    rng = np.random.default_rng([seed, len(kind)])
    if kind == "ledger":
        shutil.copyfile(source, place)
        what, names = tamper_ledger(rng, place)
    else:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(source, place)
        what, names = tamper_package(rng, place)
    said = find(place)
    if any(name in said for name in names):
        return None
    return f"seed {seed}: {what}: " + (
        f"another row was named: {said[:200]}" if said else "not found"
    )
