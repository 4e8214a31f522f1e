"""Verified changes meet the months that were run: the score and the stratum of each change."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from changedetect import measure, schema
from changedetect.accuracy.patches import MatchRule
from changedetect.accuracy.promise import MISSED
from changedetect.accuracy.scores import by_patches
from changedetect.accuracy.shift import Sample
from changedetect.accuracy.strata_pool import Key, size_class
from changedetect.codes import FAMILIES
from changedetect.config.job import LayerSection
from changedetect.config.promise import PromiseSettings
from changedetect.config.record_forms import RecordForm
from changedetect.config.yaml_text import parse
from changedetect.errors import InputError, LayerError
from changedetect.io import record_files, vectors
from changedetect.pipeline.runs.job import SHARED_CONFIG, read_text
from changedetect.pipeline.runs.month_files import CLASSIFIED, SCENES, UNOBSERVED
from changedetect.pipeline.runs.runstore import MANIFEST, RunStore
from changedetect.pipeline.steps.classified import read_classified
from changedetect.pipeline.steps.promise_file import VALUE, samples_of, season_of
from changedetect.records import Scene, UnobservedArea

LAYER = "BHHS"
OTHER = "other"
"""Class of a change whose list says none, or one that is not ours."""


@dataclass(frozen=True, slots=True)
class ChangeList:
    """Where verified changes are, and who vouches for them.

    Attributes
    ----------
    path, layer
        File of any format of record layers, and the layer in it.
    source
        Who found them, where the file has no such column.
    crs, encoding
        Of a file that does not tell.
    """

    path: Path
    layer: str | None = None
    source: str | None = None
    crs: str | None = None
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class MonthRun:
    """What a promise needs of one month.

    Attributes
    ----------
    folder, month
        Of the run.
    sensor
        Whose images were compared.
    span
        A change dated after the first day and not after the last could be seen.
    model, settings
        SHA-256 of the classifier and of the settings that made and scored the patches.
    table
        Classified patches.
    unseen
        Ground that was not observed.
    sha256
        Of the classified patches.
    standing
        Probability of change from which the month kept patches for which nothing was promised;
        None where an older version did not record it.
    """

    folder: Path
    month: str
    sensor: str
    span: tuple[Any, Any]
    model: str
    settings: str
    table: gpd.GeoDataFrame
    unseen: shapely.Geometry
    sha256: str
    standing: float | None = None

    @property
    def samples(self) -> dict[str, Sample]:
        """Distributions of its patches."""
        return samples_of(self.table)


@dataclass(frozen=True, slots=True)
class Scored:
    """Changes of all months together.

    Attributes
    ----------
    keys, scores
        Stratum and score of each.
    unseen
        ``(n,)`` bool: not observed.
    """

    keys: tuple[Key, ...]
    scores: np.ndarray
    unseen: np.ndarray


def read_changes(given: ChangeList, crs: str, settings: PromiseSettings) -> gpd.GeoDataFrame:
    """Read a list of verified changes.

    Raises
    ------
    LayerError
        It can not be read, nobody says who found them, or they are our own alarms.
    """
    text = read_text(SHARED_CONFIG / "records" / f"{LAYER}.yaml", "form of records")
    form = parse(text, RecordForm, LAYER)
    section = LayerSection(
        path=str(given.path), layer=given.layer, crs=given.crs, encoding=given.encoding
    )
    kind = vectors.Kind(LAYER, schema.VERIFIED, form)
    table, _ = vectors.read_kind(given.path, section, kind, crs)
    if given.source is not None:
        table = table.assign(source=given.source)
    unnamed = int(table["source"].isna().sum())
    if unnamed:
        msg = (
            f"{given.path}: {unnamed} of {len(table)} changes do not say who found them; add a column "
            "source (来源), or name it with --source patrol: only changes found independently of our "
            "alarms can prove recall"
        )
        raise LayerError(msg)
    own = sorted(set(table["source"].astype(str)) & set(settings.own_sources))
    if own:
        msg = (
            f"{given.path}: source {', '.join(own)} is our own alarms; a recall measured on them is "
            "always too high: give changes that patrol, hotline or re-interpretation found"
        )
        raise LayerError(msg)
    return table


def standing_of(runs: Sequence[MonthRun], given: float | None) -> float:
    """Return the threshold that stands where nothing is promised: the given one, or that of the months.

    Raises
    ------
    InputError
        None was given, and the months kept patches from different ones on, or do not tell.
    """
    if given is not None:
        return given
    theirs = {run.standing for run in runs}
    only = theirs.pop() if len(theirs) == 1 else None
    if only is None:
        told = ", ".join(f"{run.month}: {run.standing}" for run in runs)
        msg = (
            f"threshold of each month ({told}): one and the same was expected "
            "(crosscheck.pseudo_change_probability); name one with --standing"
        )
        raise InputError(msg)
    return only


def read_run(folder: Path) -> MonthRun:
    """Read what a promise needs of a finished month.

    Raises
    ------
    InputError
        No run, not classified, or classified by a version that did not record its model.
    """
    if not (folder / MANIFEST).is_file():
        msg = f"{folder}: no folder of a run (it has no {MANIFEST}); name runs/JOB/YYYY-MM"
        raise InputError(msg)
    with RunStore(folder) as store:
        compared = store.record("detect").facts["compared"]
        record = store.record("classify")
    if not compared or "model_sha256" not in record.facts:
        why = "compared no images" if not compared else "does not record its classifier"
        msg = f"{folder}: the month {why}; run changedetect classify again, or name another month"
        raise InputError(msg)
    scenes = {s.scene_id: s for s in record_files.read_records(folder / SCENES, Scene)}
    hidden = record_files.read_records(folder / UNOBSERVED, UnobservedArea)
    return MonthRun(
        folder=folder,
        month=folder.name,
        sensor=scenes[compared[0][1]].sensor,
        span=(max(scenes[b].day for b, _ in compared), max(scenes[a].day for _, a in compared)),
        model=str(record.facts["model_sha256"]),
        settings=str(record.facts["settings_sha256"]),
        table=read_classified(folder / CLASSIFIED),
        unseen=shapely.union_all([area.geometry for area in hidden]),
        sha256=record.outputs[CLASSIFIED],
        standing=record.facts.get("standing"),
    )


def score(
    run: MonthRun, changes: gpd.GeoDataFrame, settings: PromiseSettings
) -> tuple[Scored, np.ndarray]:
    """Score the changes that a month could have seen.

    Returns
    -------
    tuple
        Scored changes, and the share of each patch of the month under verified change.
    """
    first, last = run.span
    days = changes["changed_on"]
    mine = changes[days.isna() | ((days > first) & (days <= last))]
    shapes = np.array(list(mine.geometry), dtype=object)
    patches = np.array(list(run.table.geometry), dtype=object)
    rule = MatchRule(settings.patch_true_share, settings.truth_found_share)
    scores, shares = by_patches(shapes, patches, run.table[VALUE].to_numpy(float), rule)
    hidden = shapely.area(shapely.intersection(shapes, run.unseen)) / shapely.area(shapes)
    unseen = (hidden > 1 - settings.truth_found_share) & (scores == MISSED)
    crs = run.table.crs.to_string()
    sizes = [measure.to_mu(measure.area_m2(shape, crs)) for shape in shapes]
    families = mine["family"].tolist()
    keys = tuple(
        _key(settings, run, str(family), size) for family, size in zip(families, sizes, strict=True)
    )
    if settings.observed_only:
        seen = ~unseen
        keys = tuple(key for key, keep in zip(keys, seen, strict=True) if keep)
        scores, unseen = scores[seen], unseen[seen]
    return Scored(keys, scores, unseen), shares


def _key(settings: PromiseSettings, run: MonthRun, family: str, size_mu: float) -> Key:
    known = {
        "sensor": run.sensor,
        "season": season_of(run.month, settings.season_starts),
        "class": family if family in FAMILIES else OTHER,
        "size": f"{size_class(size_mu, settings.size_edges_mu)} mu",
    }
    return tuple(known[name] for name in settings.fields)


def joined(parts: Sequence[Scored]) -> Scored:
    """Put the changes of several months together."""
    return Scored(
        tuple(key for part in parts for key in part.keys),
        np.concatenate([part.scores for part in parts]) if parts else np.zeros(0),
        np.concatenate([part.unseen for part in parts]) if parts else np.zeros(0, bool),
    )
