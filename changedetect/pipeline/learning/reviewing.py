"""``case next --for-review``: the cases whose label would teach the classifier most."""

from pathlib import Path

import numpy as np

from changedetect.codes import STATES
from changedetect.errors import InputError
from changedetect.io import record_files
from changedetect.pipeline.learning.field_labels import features_of
from changedetect.pipeline.ledger.books import Report, open_books
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.month_files import UNITS
from changedetect.records import Unit
from changedetect.stages import classify, ledger

WAITING = ("10", "20", "30")
"""States of cases of which nobody has said yet what they are."""


def next_for_review(job: Job, out: Path | None, month: str, count: int) -> Report:
    """List the cases of a month whose label would teach most, the most instructive first.

    Doubtful patches that are unlike one another: see `classify.teach_most`.

    Parameters
    ----------
    job, out
        The job with its ledger, and its folder.
    month
        ``YYYY-MM``; its run must be there.
    count
        How many.

    Raises
    ------
    InputError
        There is no ledger, or the month was not run here.
    """
    folder = (out or Path("runs") / job.config.name) / month
    store = open_books(job, out)
    if not (folder / UNITS).is_file():
        msg = f"{folder}: the month was not run here (no {UNITS}); run it, or give its folder with --out"
        raise InputError(msg)
    with store.reading() as reader:
        rows = [row for row in reader.work_list(states=WAITING, month=month) if not row.screened]
        texts = reader.facts([row.number for row in rows])
    units = {unit.unit_id: unit for unit in record_files.read_records(folder / UNITS, Unit)}
    table, features = features_of(folder)
    place = {name: index for index, name in enumerate(table["patch_id"].astype(str))}
    asked = []
    for row in rows:
        unit = units.get(ledger.case_of(texts[row.number]).unit_id)
        if unit is not None and not unit.watch and unit.patch_id in place:
            asked.append((row, unit, place[unit.patch_id]))
    doubt = classify.entropy(
        np.array([unit.change_probability for _, unit, _ in asked], float),
        np.array([unit.family_probability for _, unit, _ in asked], float),
    )
    values = features[list(classify.FEATURE_NAMES)].to_numpy(float)[[at for *_, at in asked]]
    order = classify.teach_most(doubt, values, count)
    chosen = [(*asked[k][:2], float(doubt[k])) for k in order]
    lines = [
        f"{row.number} {STATES[row.state]} {unit.family} {unit.family_probability:.2f}, change "
        f"{unit.change_probability:.2f}, doubt {value:.2f}"
        for row, unit, value in chosen
    ]
    facts = {
        "month": month,
        "waiting": len(asked),
        "cases": [
            {
                "case": row.number,
                "family": unit.family,
                "family_probability": unit.family_probability,
                "change_probability": unit.change_probability,
                "doubt": value,
            }
            for row, unit, value in chosen
        ],
    }
    return Report(facts, (f"{len(chosen)} of {len(asked)} cases, most instructive first", *lines))
