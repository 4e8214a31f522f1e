"""The promise at work in a month: its thresholds, whether it holds today, and how it is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from changedetect.accuracy.promise import Aim, State
from changedetect.io import record_files
from changedetect.pipeline.runs.context import MonthContext
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.month_files import SCENES
from changedetect.pipeline.runs.runstore import digest_of
from changedetect.pipeline.steps.promise_file import (
    Line,
    PromiseFile,
    cell_of,
    read_promise,
    samples_of,
)
from changedetect.records import Scene

LIMIT = "reject_below"
"""Column of the classified patches: below this probability of change a patch is rejected."""

SECTIONS = (
    "grid",
    "scenes",
    "pixels",
    "evidence",
    "series",
    "radar",
    "fusion",
    "model",
    "patches",
    "classify",
)
"""Sections of the job on which the scores of patches rest."""


@dataclass(frozen=True, slots=True)
class Marks:
    """SHA-256 of the classifier, and of the settings that made and scored the patches."""

    model: str
    settings: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What the promise adds to the columns of the patches of a month, and what is told of it."""

    columns: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def scores_digest(job: Job) -> str:
    """Return a digest of the settings on which scores rest; not of places, names and deadlines."""
    sections = job.config.model_dump(mode="json", include=set(SECTIONS))
    sections["grid"] = {"resolution_m": job.config.grid.resolution_m}
    sections["scenes"].pop("folder")
    return digest_of(sections)


def promise_of(context: MonthContext, marks: Marks) -> PromiseFile | None:
    """Read the job's promise, and see that it was fitted on scores like those of this month.

    Raises
    ------
    InputError, IntegrityError
        No such file, or it was changed.
    ModelError
        It was fitted with another classifier or other settings.
    """
    named = context.job.config.promise
    if named is None:
        return None
    path = context.job.root / named
    found = read_promise(path)
    found.check_fits(marks.model, marks.settings, f"promise {path}")
    return found


def promise_kept(
    context: MonthContext,
    promised: PromiseFile | None,
    scores: pd.DataFrame,
    compared: Sequence[Sequence[str]],
) -> Kept:
    """Put the promise's limit on the patches of a month, and say what it is worth today.

    ``scores``: columns of the classified patches by which a shift is seen.
    """
    if promised is None:
        return Kept()
    scenes = {s.scene_id: s for s in record_files.read_records(context.folder / SCENES, Scene)}
    sensor = scenes[compared[0][1]].sensor if compared else context.job.config.scenes.pair_sensor
    lines = promised.lines_of(sensor, context.month)
    standing = context.job.config.crosscheck.pseudo_change_probability
    limit = promised.threshold(lines, standing)
    drifts = promised.drifts(sensor, context.month, samples_of(scores))
    shifted = [one.feature for one in promised.shifted(drifts)]
    problems = _problems(lines, shifted, cell_of(sensor, context.month, promised.settings))
    facts = {
        "promise": _told(promised.aim, lines, problems),
        "promise_detail": {
            "digest": promised.digest,
            "alpha": promised.aim.alpha,
            "delta": promised.aim.delta,
            "threshold": limit,
            "holds": not problems,
            "shifted": shifted,
            "strata": [[line.name, line.promise.n, line.promise.state.value] for line in lines],
        },
    }
    return Kept({LIMIT: limit}, facts, problems)


def _problems(lines: Sequence[Line], shifted: Sequence[str], cell: str) -> tuple[str, ...]:
    found = []
    if not lines:
        found.append(
            f"no recall is promised: the promise has no calibration of {cell} / 本月无同期标定，不承诺查全率"
        )
    if shifted:
        found.append(
            f"promise not valid under shift: {', '.join(shifted)} differ from the calibration / "
            "图斑分布与标定时不同，承诺不成立，请重新标定"
        )
    bare = [line.name for line in lines if line.promise.state is not State.HELD]
    if bare:
        found.append(
            f"no recall is promised of {', '.join(bare)} / 以上分层样本不足或漏检过多，不承诺"
        )
    return tuple(found)


def _told(aim: Aim, lines: Sequence[Line], problems: Sequence[str]) -> str:
    held = [line for line in lines if line.promise.state is State.HELD]
    n = sum(line.promise.n for line in held)
    words = (
        f"recall >= {1 - aim.alpha:g} with confidence {1 - aim.delta:g} on {len(held)} of {len(lines)} "
        f"strata (n = {n}) 查全率不低于{1 - aim.alpha:.0%}，置信度{1 - aim.delta:.0%}"
    )
    if not held:
        return "none 不承诺"
    return f"{words}; NOT VALID: {problems[0]}" if problems else words
