"""Do a case's finding again from what is recorded, and say whether it is the same to the byte."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from changedetect.errors import InputError, IntegrityError
from changedetect.io.ledger import LedgerStore
from changedetect.pipeline.ledger.books import Report, open_books
from changedetect.pipeline.month import STEPS
from changedetect.pipeline.runs.context import MonthContext, RunOptions
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.month_files import UNITS
from changedetect.pipeline.runs.progress import Progress
from changedetect.pipeline.runs.runstore import MANIFEST, RunStore, StepRecord

DIFFERENT = 5
"""Exit code where the finding came out otherwise."""

_NEEDED = ("scenes", "detect", "classify", "check")
Start = Literal["records", "images"]


def reproduce(
    job: Job,
    number: str,
    options: RunOptions,
    *,
    start: Start,
    progress: Progress,
    clock: Callable[[], datetime],
) -> Report:
    """Do the finding behind a case again, in a folder of its own, and compare.

    Parameters
    ----------
    job
        The job; its ledger is asked which unit stands behind the case.
    number
        Of the case.
    options
        Where the job's runs are, and how the work is spread.
    start
        ``records``: patches as recorded, rules and records anew; ``images``: everything anew.
    progress, clock
        Who listens; the time.

    Raises
    ------
    InputError
        The ledger does not know the case, or its month's run is not there.
    IntegrityError
        Files of the run were changed since they were recorded.
    """
    facts = _facts(open_books(job, options.out), number)
    root = options.out or Path("runs") / job.config.name
    month, unit_id = str(facts["month"]), str(facts["unit_id"])
    told = _unit(root / month, unit_id)
    before = _records(root / month)
    with TemporaryDirectory(dir=root, prefix=".reproduce-") as place:
        folder = Path(place) / month
        if start == "records":
            _copy(root / month, folder)
        steps = _NEEDED if start == "images" else ("check",)
        with RunStore(folder, overwrite=True, order=tuple(STEPS)) as run:
            own = replace(options, out=Path(place), overwrite=True)
            context = MonthContext(job, month, run, own, progress, clock)
            after = {name: STEPS[name](context)[0] for name in steps}
        again = _unit(folder, unit_id)
    return _compared(number, (told, again), (before, after))


def _facts(store: LedgerStore, number: str) -> Mapping[str, Any]:
    with store.reading() as reader:
        found = reader.facts([number])
    if number not in found:
        msg = f"case {number}: not in this ledger; look it up with `case list`"
        raise InputError(msg)
    facts: dict[str, Any] = json.loads(found[number])
    return facts


def _records(folder: Path) -> dict[str, StepRecord]:
    with RunStore(folder, order=tuple(STEPS)) as run:
        return {name: run.record(name) for name in _NEEDED}


def _unit(folder: Path, unit_id: str) -> str | None:
    """Return the record of a unit as canonical text; None = the month has none of that name."""
    path = folder / UNITS
    if not path.is_file():
        msg = f"{path} is not there; the run of that month was moved or never made: restore it, or run the month again"
        raise InputError(msg)
    found = [unit for unit in json.loads(path.read_bytes()) if unit["unit_id"] == unit_id]
    return json.dumps(found[0], ensure_ascii=False, sort_keys=True, indent=1) if found else None


def _copy(run: Path, folder: Path) -> None:
    """Copy what the check rests on: the manifest and the files of the steps before it."""
    folder.mkdir()
    shutil.copyfile(run / MANIFEST, folder / MANIFEST)
    records = json.loads((run / MANIFEST).read_bytes())["steps"]
    for record in records:
        if record["name"] in _NEEDED:
            for file in record["outputs"]:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(run / file, folder / file)


def _compared(
    number: str,
    units: tuple[str | None, str | None],
    steps: tuple[Mapping[str, StepRecord], Mapping[str, StepRecord]],
) -> Report:
    told, again = units
    if told is None:
        msg = f"case {number}: its unit is not in the run any more; the month was computed anew since (see the ledger: case show)"
        raise IntegrityError(msg)
    before, after = steps
    keys = {name: before[name].key == record.key for name, record in after.items()}
    outputs = {name: before[name].outputs == record.outputs for name, record in after.items()}
    same = told == again
    differences = _differences(told, again)
    values = {
        "case": number,
        "same": same,
        "same_program_and_inputs": keys,
        "same_files": outputs,
        "differences": differences,
    }
    text = [
        f"{number}: the finding is the same to the byte / 判定可复现"
        if same
        else f"{number}: the finding came out otherwise / 判定不一致",
        *(
            f"  step {name}: {'same' if keys[name] else 'other'} program, rules and inputs; files {'the same' if outputs[name] else 'differ'}"
            for name in keys
        ),
        *(f"  {line}" for line in differences),
    ]
    return Report(values, tuple(text), 0 if same else DIFFERENT)


def _differences(told: str, again: str | None) -> list[str]:
    if again is None:
        return ["the unit is not found any more"]
    old, new = json.loads(told), json.loads(again)
    return [
        f"{name}: {_short(old.get(name))} → {_short(new.get(name))}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    most = 200
    return text if len(text) <= most else text[:most] + "…"
