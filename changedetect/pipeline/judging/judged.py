"""What ``evaluate`` judges: a finished run, a quick look, or any raster of scores."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from changedetect.errors import InputError
from changedetect.io import record_files
from changedetect.io.truth_raster import ScoreRaster, stated
from changedetect.pipeline.runs.month_files import CHANGE, EVIDENCE, PATCHES, SCENES
from changedetect.pipeline.runs.runstore import MANIFEST, RunStore
from changedetect.records import Scene

THRESHOLD_TAG, RATE_TAG = "THRESHOLD_LLR", "STATED_FALSE_ALARM_RATE"
"""Metadata in which a quick look leaves what its pair states."""


@dataclass(frozen=True, slots=True)
class Stated:
    """An operating point as the tool states it.

    Attributes
    ----------
    name
        Pair or option that it comes from.
    threshold
        An alarm is a score at or above it.
    false_alarm_rate
        What the tool says of it; None = nothing.
    """

    name: str
    threshold: float
    false_alarm_rate: float | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A result to be judged.

    Attributes
    ----------
    name
        For titles.
    score
        Evidence.
    mask
        change.tif: the outlined patches; None for a bare raster.
    patches
        patches.gpkg; None for a bare raster.
    stated
        Operating points.
    run
        Folder of a monthly run; None for anything else.
    days
        Between which a change lies that a run can see: after the first, up to the second; None =
        nobody says.
    """

    name: str
    score: ScoreRaster
    mask: ScoreRaster | None
    patches: Path | None
    stated: tuple[Stated, ...]
    run: Path | None
    days: tuple[date, date] | None = None


def open_judged(path: Path, threshold: float | None, rate: float | None) -> Judged:
    """Open a result.

    Parameters
    ----------
    path
        Folder of a run, folder of a quick look, or a raster.
    threshold, rate
        Operating point and stated rate that the user names; they replace what the result states.

    Raises
    ------
    InputError
        Neither folder nor raster of that kind.
    """
    if not path.is_dir():
        points = _given(threshold, rate)
        return Judged(path.stem, ScoreRaster.of(path), None, None, points, None)
    if not (path / EVIDENCE).is_file():
        msg = (
            f"{path}: no {EVIDENCE} in it; the folder of a run (runs/JOB/YYYY-MM), of a quick look "
            "(--out of detect pair), or a raster of scores was expected"
        )
        raise InputError(msg)
    run = path if (path / MANIFEST).is_file() else None
    patches = path / PATCHES
    return Judged(
        name=path.resolve().name,
        score=ScoreRaster.of(path / EVIDENCE),
        mask=ScoreRaster.of(path / CHANGE) if (path / CHANGE).is_file() else None,
        patches=patches if patches.is_file() else None,
        stated=_given(threshold, rate) or (_of_run(run) if run else _of_look(path / EVIDENCE)),
        run=run,
        days=compared_days(run) if run else None,
    )


def compared_days(run: Path) -> tuple[date, date] | None:
    """Return the days between which the images of a month's run were compared; None = none were."""
    with RunStore(run) as store:
        compared = store.record("detect").facts["compared"]
    if not compared:
        return None
    scenes = {s.scene_id: s for s in record_files.read_records(run / SCENES, Scene)}
    befores, afters = zip(*compared, strict=True)
    return max(scenes[one].day for one in befores), max(scenes[one].day for one in afters)


def _given(threshold: float | None, rate: float | None) -> tuple[Stated, ...]:
    return () if threshold is None else (Stated("--threshold", threshold, rate),)


def _of_run(run: Path) -> tuple[Stated, ...]:
    """Read what the pairs of a month state; pairs that state the same are one point."""
    with RunStore(run) as store:
        models = store.record("detect").facts["models"]
    points: dict[tuple[float, float | None], str] = {}
    for model in models:
        if model.get("threshold_llr") is not None:
            rate = model.get("false_alarm_rate")
            key = float(model["threshold_llr"]), None if rate is None else float(rate)
            points.setdefault(key, str(model["pair"]))
    return tuple(Stated(name, *key) for key, name in points.items())


def _of_look(evidence: Path) -> tuple[Stated, ...]:
    tags = stated(evidence)
    if THRESHOLD_TAG not in tags:
        return ()
    rate = float(tags[RATE_TAG]) if RATE_TAG in tags else None
    return (Stated("evidence threshold", float(tags[THRESHOLD_TAG]), rate),)
