"""``train``: the patch classifier, from simulated worlds of many seeds, judged on other worlds."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import changedetect
from changedetect.config.detection import TrainingSection
from changedetect.errors import ConfigError, InputError
from changedetect.io import model_store, record_files, tile_files, vector_writer
from changedetect.pipeline.learning.held_out import judge
from changedetect.pipeline.runs.context import MonthContext, RunOptions
from changedetect.pipeline.runs.job import month_span, open_job
from changedetect.pipeline.runs.month_files import MOMENTS, PATCHES, SCENES
from changedetect.pipeline.runs.progress import Progress, Silent
from changedetect.pipeline.runs.runstore import RunStore
from changedetect.pipeline.simulation import WorldOptions, simulate
from changedetect.pipeline.sources import scenes
from changedetect.pipeline.steps import detection
from changedetect.pipeline.steps.classification import seen_by_pair
from changedetect.pipeline.steps.classified import read_table
from changedetect.records import Scene
from changedetect.stages import classify

STARTS = ("2025-03", "2025-05", "2025-06", "2025-08", "2025-10", "2025-12")
"""First months of the training worlds, in turn: every season is seen."""

MONTHS = 2
SENSOR = "pms2m"


@dataclass(frozen=True, slots=True)
class Examples:
    """Patches of simulated worlds with what they truly are."""

    features: pd.DataFrame
    labels: np.ndarray
    worlds: np.ndarray


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What was trained, and how it does on worlds that it has not seen."""

    folder: Path
    card: dict[str, Any]

    def facts(self) -> dict[str, Any]:
        """Return the report as JSON-able values."""
        return {"folder": str(self.folder), **self.card}

    def lines(self) -> list[str]:
        """Return the report for people."""
        held = self.card["held_out"]
        lines = [f"{self.folder}: trained on {self.card['training']['examples']}"]
        lines += [
            f"  {name:<14} precision {row['precision']}  recall {row['recall']}  n {row['n']}"
            for name, row in held["by_class"].items()
        ]
        told = (
            "n", "macro_f1", "macro_f1_of_changes", "changes_kept", "pseudo_rejected", "precision_kept",
            "calibration_error",
        )  # fmt: skip
        return [*lines, "held-out worlds: " + ", ".join(f"{name} {held[name]}" for name in told)]


def train(
    out: Path, *, seeds: str, held_out: str, size_km: float, overwrite: bool, progress: Progress
) -> TrainingReport:
    """Train the classifier and write it with its card.

    Parameters
    ----------
    out
        Folder of the model, e.g. ``models/patch_classes``.
    seeds, held_out
        Seeds of the worlds, ``101-112`` or ``1,2,5``; the two do not meet.
    size_km
        Side of each world. [km]
    overwrite
        Replace an earlier model.

    Raises
    ------
    ConfigError
        Seeds that can not be read, or a world in both lists.
    InputError
        There is a model and it may not be replaced.
    """
    learn, unseen = seed_list(seeds), seed_list(held_out)
    if set(learn) & set(unseen):
        msg = f"seeds {sorted(set(learn) & set(unseen))} stand in both lists; judge on worlds not learnt from"
        raise ConfigError(msg)
    if (out / "card.json").exists() and not overwrite:
        msg = f"{out} holds a model; add --overwrite to replace it"
        raise InputError(msg)
    work = out.parent / f".{out.name}.worlds"
    shutil.rmtree(work, ignore_errors=True)  # ours alone; what a killed run left is of no use
    progress.begin("worlds", len(learn) + len(unseen))
    examples, judged = (gather(group, size_km, work, progress) for group in (learn, unseen))
    progress.end("worlds", f"{len(examples.labels)} and {len(judged.labels)} patches")
    config = TrainingSection()
    estimator, report = classify.fit(
        examples.features,
        list(examples.labels),
        config,
        seed=learn[0],
        groups=list(examples.worlds),
    )
    card: dict[str, Any] = {
        "purpose": "suggests the after-class of a patch, or pseudo-change",
        "program": changedetect.__version__,
        "features": list(classify.FEATURE_NAMES),
        "classes": [str(name) for name in estimator.classes_],
        "data": "simulated worlds only; no real label was used",
        "worlds": {
            "learnt": list(learn),
            "judged": list(unseen),
            "size_km": size_km,
            "months": MONTHS,
        },
        "retrain": f"changedetect train --out {out} --seeds {seeds} --held-out {held_out} --overwrite",
        "settings": config.model_dump(mode="json"),
        "training": _rounded(asdict(report)),
        "held_out": _rounded(judge(estimator, judged.features, judged.labels)),
    }
    model_store.save(out.parent, out.name, estimator, card)
    shutil.rmtree(work, ignore_errors=True)
    return TrainingReport(out, card)


def seed_list(text: str) -> tuple[int, ...]:
    """Read seeds: numbers and ranges, separated by commas.

    Raises
    ------
    ConfigError
        Something else.

    Examples
    --------
    >>> seed_list("1,5-7")
    (1, 5, 6, 7)
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            msg = f"seeds {text!r}: numbers and ranges were expected, e.g. 1,5-7"
            raise ConfigError(msg)
        seeds += range(int(first), int(last or first) + 1)
    return tuple(seeds)


def gather(seeds: Sequence[int], size_km: float, work: Path, progress: Progress) -> Examples:
    """Simulate worlds, detect their months and label the patches by the truth."""
    features, labels, worlds = [], [], []
    for seed in seeds:
        folder = work / str(seed)
        start = STARTS[seed % len(STARTS)]
        options = WorldOptions(seed, MONTHS, start, size_km, sensors=(SENSOR,))
        world = simulate(folder, options, overwrite=True, progress=Silent())
        for month in world.months:
            table, names = examples_of(folder, month)
            features.append(table)
            labels.append(names)
            worlds.append(np.full(len(names), seed))
        shutil.rmtree(folder)
        progress.advance("worlds", str(seed))
    return Examples(
        pd.concat(features, ignore_index=True), np.concatenate(labels), np.concatenate(worlds)
    )


def examples_of(folder: Path, month: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Detect a month of a simulated world and label its patches by the truth.

    Returns
    -------
    tuple
        Features and labels, a row a patch.
    """
    job = open_job(folder / "config.yaml")
    month_span(month)
    with RunStore(folder / "runs" / month) as store:
        context = MonthContext(
            job, month, store, RunOptions(), Silent(), lambda: datetime(2000, 1, 1, tzinfo=UTC)
        )
        scenes.do(context)
        detection.do(context)
        table = read_table(store.folder / PATCHES)
        arrays = tile_files.read_tile(store.folder / MOMENTS) or {}
    truth = vector_writer.read_geopackage(folder / "truth.gpkg", "changes")
    labels = classify.label_patches(table, truth, TrainingSection())
    seen = seen_by_pair(table, record_files.read_records(store.folder / SCENES, Scene))
    return classify.features(seen, arrays["moments"]), labels


def _rounded(value: Any) -> Any:  # noqa: ANN401 - JSON values
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
