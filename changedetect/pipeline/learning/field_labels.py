"""What came back from the field, joined with the patches that it is about."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from changedetect.entries import CaseRow
from changedetect.errors import InputError
from changedetect.io import record_files, tile_files
from changedetect.pipeline.ledger.books import open_books
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.month_files import MOMENTS, PATCHES, SCENES, UNITS
from changedetect.pipeline.steps.classification import seen_by_pair
from changedetect.pipeline.steps.classified import read_table
from changedetect.records import Scene, Unit
from changedetect.stages import classify, ledger

REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class FieldLabels:
    """Patches with what the field says of them.

    Attributes
    ----------
    features
        A row a patch.
    labels
        A family or pseudo-change.
    counties
        Whose each is.
    lost
        Verdicts whose run folder or patch is not here any more.
    """

    features: pd.DataFrame
    labels: np.ndarray
    counties: np.ndarray
    lost: int


@dataclass(frozen=True, slots=True)
class _Verdict:
    unit: str
    month: str
    county: str
    label: str


def labels_of(job: Job, out: Path | None) -> FieldLabels:
    """Collect the verdicts of a job's ledger as labels of patches.

    Parameters
    ----------
    job, out
        The job, and its folder with months and ledger; None = ``runs/NAME``.

    Raises
    ------
    InputError
        There is no ledger, or no verdict in it that says anything of a patch.
    """
    root = out or Path("runs") / job.config.name
    verdicts = list(_verdicts(job, out))
    tables, labels, counties = [], [], []
    for month in sorted({one.month for one in verdicts}):
        mine = {one.unit: one for one in verdicts if one.month == month}
        for features, verdict in _patches(root / month, mine):
            tables.append(features)
            labels.append(verdict.label)
            counties.append(verdict.county)
    if not labels:
        msg = (
            f"{root}: the ledger holds {len(verdicts)} verdicts, and none of them is of a patch whose run "
            "is here; import returns first (changedetect returns import), or keep the months' folders"
        )
        raise InputError(msg)
    return FieldLabels(
        pd.concat(tables, ignore_index=True),
        np.array(labels, object),
        np.array(counties, object),
        len(verdicts) - len(labels),
    )


def _verdicts(job: Job, out: Path | None) -> Iterator[_Verdict]:
    store = open_books(job, out)
    with store.reading() as reader:
        struck = {item.entry.case for item in reader.of_event(REJECTED)}
        rows = list(reader.all_rows())
        texts = reader.facts([row.number for row in rows])
    for row in rows:
        case = ledger.case_of(texts[row.number])
        label = _label(row, case.family, rejected=row.number in struck)
        if label and not case.watch:
            yield _Verdict(case.unit_id, case.last_confirmed.isoformat()[:7], case.district, label)


def _label(row: CaseRow, family: str, *, rejected: bool) -> str:
    return classify.label_of(json.loads(row.claims or "{}"), family, rejected=rejected)


def _patches(
    folder: Path, verdicts: dict[str, _Verdict]
) -> Iterator[tuple[pd.DataFrame, _Verdict]]:
    """Yield the features of each patch that a verdict is about."""
    if not (folder / UNITS).is_file():
        return
    units = {unit.unit_id: unit for unit in record_files.read_records(folder / UNITS, Unit)}
    table, features = features_of(folder)
    place = {name: index for index, name in enumerate(table["patch_id"].astype(str))}
    for name in sorted(verdicts):
        unit: Any = units.get(name)
        if unit is not None and unit.patch_id in place:
            yield features.iloc[[place[unit.patch_id]]], verdicts[name]


def features_of(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the patches of a finished month and their features, row by row."""
    table = read_table(folder / PATCHES)
    arrays = tile_files.read_tile(folder / MOMENTS)
    if arrays is None:
        msg = f"{folder / MOMENTS}: gone or damaged; run changedetect detect month again"
        raise InputError(msg)
    seen = seen_by_pair(table, record_files.read_records(folder / SCENES, Scene))
    return table, classify.features(seen, arrays["moments"])
