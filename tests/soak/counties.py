"""What counties do with their packages before they send them back: rightly, late, twice, damaged."""

import shutil
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HABITS = {
    "right": 0.50, "twice": 0.08, "damaged": 0.08, "disordered": 0.10, "late": 0.10, "half": 0.08, "foreign": 0.06,
}  # fmt: skip
"""How a county sends a month back, and how often."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A package as a county fills it: result by case, day of the check, when it was saved, what was put right."""

    results: Mapping[str, str]
    day: str
    saved: str
    put_right: tuple[str, ...] = ()


def habit(rng: np.random.Generator) -> str:
    """Draw how a county behaves this month."""
    return str(rng.choice(list(HABITS), p=list(HABITS.values())))


def fill(package: Path, target: Path, filled: Filled, note: str = "") -> Path:
    """Copy a package and fill it in as software in the field does."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(package, target)
    day = filled.day
    with closing(sqlite3.connect(target)) as base:
        base.executemany(
            "INSERT INTO HC_JL (AJBH, HCRQ, HCR, HCJG, HCQK, BZ) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (n, day, "赵", result, f"实地核查{note}", f"备注{n[-6:]}")
                for n, result in filled.results.items()
            ],
        )
        if filled.put_right:
            areas = dict(base.execute("SELECT AJBH, JCMJM FROM AJTB"))
            base.executemany(
                "INSERT INTO ZG_JL (AJBH, ZGFS, CCMJ, RQ) VALUES (?, ?, ?, ?)",
                [(n, "1", areas[n], day) for n in filled.put_right],
            )
        base.execute(
            "UPDATE gpkg_contents SET last_change = ? WHERE table_name IN ('HC_JL', 'ZG_JL')",
            (filled.saved,),
        )
        base.commit()
    return target


def damage(path: Path, target: Path, rng: np.random.Generator) -> Path:
    """Write a copy that lost its end, or whose head was overwritten, on the way."""
    target.parent.mkdir(parents=True, exist_ok=True)
    data = bytearray(path.read_bytes())
    if rng.random() < 0.5:
        del data[len(data) * 2 // 3 :]
    else:
        data[:100] = bytes(100)
    target.write_bytes(data)
    return target


def packages(run: Path) -> dict[str, Path]:
    """County -> the GeoPackage that a month handed out."""
    return {path.name[:6]: path for path in sorted((run / "packages").glob("*/*_AJ.gpkg"))}


def listed(package: Path) -> set[str]:
    """Return the case numbers a package names."""
    with closing(sqlite3.connect(f"file:{package}?mode=ro", uri=True)) as base:
        return {number for (number,) in base.execute("SELECT AJBH FROM AJTB")}


def screening_sheet(path: Path, decisions: Iterable[tuple[str, str, str]]) -> Path:
    """Write an interpreter's sheet: number, 通过 or 剔除, why."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["案件编号,判读结论,理由", *(",".join(one) for one in decisions)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
