"""``evaluate``: a run against the truth of its world.

Every true change of the compared period is accounted for: it is a case, pooled, recorded without
being dispatched, excused by every theme, outside every county, rejected as pseudo-change, not
observed, or missed. The last four are named one by one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely

from changedetect import measure, schema
from changedetect.accuracy.report import AccuracyReport, ReportTable, joined
from changedetect.codes import FAMILIES
from changedetect.config.accuracy import AccuracySection
from changedetect.config.deliver import RankingSection
from changedetect.errors import InputError, LayerError
from changedetect.io import record_files, vector_writer
from changedetect.pipeline.judging.judged import compared_days, open_judged
from changedetect.pipeline.judging.patch_accuracy import PSEUDO, judge_patches
from changedetect.pipeline.judging.pixel_accuracy import judge_pixels
from changedetect.pipeline.judging.reading_order import judge_order
from changedetect.pipeline.judging.truths import TruthOptions, between, of_polygons
from changedetect.pipeline.runs.month_files import CASES, UNITS, UNOBSERVED
from changedetect.pipeline.runs.runstore import MANIFEST, RunStore, finished_facts
from changedetect.records import Case, Unit, UnobservedArea, Verdict

FOUND_SHARE = 0.3
"""A patch is true when true change covers this share of it; a true change is found when true
patches cover this share of it (our choice; stated in every report). A blob that happens to hold a
change finds nothing."""

SMALL_MU, LARGE_MU = 0.5, 2.0
SUSPECTED = "2"
"""First digit of every PDJY that suspects something unlawful."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one true change.

    ``verdict`` is what the county reads of its best patch: ``yes`` where a dispatched theme
    suspects it, ``unknown`` where one asks for evidence, ``no`` where none does.
    """

    truth_id: str
    family: str
    area_mu: float
    legality: str
    situation: str
    fate: str
    covered: float
    verdict: str
    suggested: str

    @property
    def found(self) -> bool:
        """Whether the run shows it to somebody, or counts it."""
        return self.fate in {"case", "pooled", "recorded", "excused"}


@dataclass(frozen=True, slots=True)
class Score:
    """A share with the number that it rests on; None where there is nothing to count."""

    value: float | None
    n: int

    @classmethod
    def of(cls, hits: Iterable[bool]) -> "Score":
        """Count hits."""
        marks = list(hits)
        return cls(sum(marks) / len(marks) if marks else None, len(marks))


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """Scores of a run."""

    month: str
    scores: dict[str, Score]
    by_family: dict[str, dict[str, Score]]
    fates: tuple[Fate, ...]
    area_gap_mu: float
    accuracy: AccuracyReport

    def whole(self) -> AccuracyReport:
        """Return everything as tables, for files and the page."""
        own = ReportTable(
            "month_scores",
            "The month 当月",
            ("score 指标", "value", "n"),
            tuple((name, score.value, score.n) for name, score in self.scores.items()),
            (f"largest gap of a unit's area sum: {self.area_gap_mu:.6f} mu",),
        )
        fates = ReportTable(
            "fates",
            "What became of every true change 每处真实变化的去向",
            (
                "change",
                "family 类型",
                "mu 亩",
                "legality",
                "fate 去向",
                "covered 覆盖",
                "verdict",
                "called",
            ),
            tuple(
                (
                    f.truth_id,
                    f.family,
                    f.area_mu,
                    f.legality,
                    f.fate,
                    f.covered,
                    f.verdict,
                    f.suggested,
                )
                for f in sorted(self.fates, key=lambda fate: (fate.found, -fate.area_mu))
            ),
        )
        first = AccuracyReport(self.month, self.facts(), (own,))
        last = AccuracyReport(self.month, {}, (fates,))
        return joined((first, self.accuracy, last), f"{self.month}: accuracy 精度评价")

    def facts(self) -> dict[str, Any]:
        """Return the report as JSON-able values."""
        return {
            "month": self.month,
            "found_share": FOUND_SHARE,
            **{name: asdict(score) for name, score in self.scores.items()},
            "by_type": {
                family: {name: asdict(score) for name, score in scores.items()}
                for family, scores in self.by_family.items()
            },
            "fates": dict(sorted(Counter(fate.fate for fate in self.fates).items())),
            "missed": [asdict(fate) for fate in self.fates if not fate.found],
            "area_gap_mu": self.area_gap_mu,
            **self.accuracy.facts,
        }

    def lines(self) -> list[str]:
        """Return the report for people."""
        lines = [
            f"{self.month}: found = covered to {FOUND_SHARE:.0%} by patches that are true to {FOUND_SHARE:.0%}"
        ]
        lines += [f"{name:<20} {_shown(score)}" for name, score in self.scores.items()]
        for family, scores in self.by_family.items():
            lines.append(
                f"  {family:<14}" + "  ".join(f"{n} {_shown(s)}" for n, s in scores.items())
            )
        lines.append(f"largest gap of a unit's area sum: {self.area_gap_mu:.6f} mu")
        counts = Counter(fate.fate for fate in self.fates)
        lines.append("true changes: " + ", ".join(f"{k} {v}" for k, v in sorted(counts.items())))
        lines += [
            f"  {fate.fate}: {fate.truth_id} {fate.family} {fate.area_mu:.2f} mu, covered {fate.covered:.0%}"
            for fate in self.fates
            if not fate.found
        ]
        return [*lines, "", *self.accuracy.lines()]


def _shown(score: Score) -> str:
    return f"{'-' if score.value is None else f'{score.value:.3f}'} (n = {score.n})"


def evaluate(run: Path, truth: Path, *, with_pixels: bool = False) -> EvaluationReport:
    """Score a finished run.

    Parameters
    ----------
    run
        Folder of the month's run.
    truth
        ``truth.gpkg``, layer ``changes`` (schema.TRUTH).
    with_pixels
        Judge pixels and draw curves, too.

    Raises
    ------
    InputError
        The run is not finished, or the truth is not one.
    """
    if not (run / MANIFEST).is_file():
        msg = f"{run}: no folder of a run (it has no {MANIFEST}); name runs/JOB/YYYY-MM"
        raise InputError(msg)
    days = compared_days(run)
    with RunStore(run) as store:
        store.record("check")
        dispatching = frozenset(store.record("cases").facts["dispatching"])
    units = record_files.read_records(run / UNITS, Unit)
    cases = record_files.read_records(run / CASES, Case)
    hidden = record_files.read_records(run / UNOBSERVED, UnobservedArea)
    table = _truth_of_period(truth, days)
    readings = _readings(units, cases, dispatching)
    units = tuple(unit for unit in units if not (unit.watch or unit.parent))
    fates = _fates(table, units, readings, hidden)
    return EvaluationReport(
        month=run.name,
        scores=_scores(fates, units, table),
        by_family={
            family: _family_scores([fate for fate in fates if fate.family == family])
            for family in FAMILIES
        },
        fates=fates,
        area_gap_mu=max((_area_gap_mu(unit) for unit in units), default=0.0),
        accuracy=_accuracy(run, table, truth, units, with_pixels=with_pixels),
    )


def _accuracy(
    run: Path, table: gpd.GeoDataFrame, path: Path, units: Sequence[Unit], *, with_pixels: bool
) -> AccuracyReport:
    """Judge patches before and after the classifier, and pixels where that is wanted."""
    judged, settings = open_judged(run, None, None), AccuracySection()
    labels = of_polygons(table, TruthOptions(path), judged.score.grid, settings)
    ranking = finished_facts(run, "deliver").get("ranking") or {}
    order = judge_order(units, table, RankingSection.model_validate(ranking))
    reports = [judge_patches(judged, labels, settings), order]
    if with_pixels:
        reports.append(judge_pixels(judged, labels))
    return joined(reports, f"{run.name}: patches 图斑")


def _truth_of_period(path: Path, days: tuple[date, date] | None) -> gpd.GeoDataFrame:
    """Read the true changes that lie between the dates of a compared pair."""
    table = vector_writer.read_geopackage(path, "changes")
    schema.check_table(table, schema.TRUTH, str(path))
    if days is None:
        msg = f"{path}: the run compared no images, so there is nothing to score"
        raise LayerError(msg)
    return between(table, days).sort_values("truth_id").reset_index(drop=True)


@dataclass(frozen=True, slots=True)
class Reading:
    """What becomes of a unit, and what the county reads of it."""

    fate: str
    verdict: str


def _readings(
    units: Sequence[Unit], cases: Sequence[Case], dispatching: frozenset[str]
) -> dict[str, Reading]:
    by_unit = {case.unit_id: case for case in cases}
    found = {
        unit.unit_id: reading_of(unit, by_unit.get(unit.unit_id), dispatching) for unit in units
    }
    rests = {unit.parent: found[unit.unit_id] for unit in units if unit.parent in found}
    return found | rests


def reading_of(unit: Unit, case: Case | None, dispatching: frozenset[str]) -> Reading:
    """Judge a unit as its county does.

    Parameters
    ----------
    unit, case
        Its case, if it became one.
    dispatching
        Codes of the themes whose findings are handed out.
    """
    if case is None and not unit.district:
        return Reading("outside", "")
    if case is None:
        return Reading("excused", Verdict.NO.value)
    if case.record_only:
        return Reading("recorded", Verdict.NO.value)
    verdicts = {finding.verdict for finding in unit.findings if finding.theme in dispatching}
    suspected = Verdict.YES in verdicts or case.suggestion.startswith(SUSPECTED)
    asked = Verdict.UNKNOWN in verdicts
    verdict = Verdict.YES if suspected else Verdict.UNKNOWN if asked else Verdict.NO
    return Reading("pooled" if case.pooled else "case", verdict.value)


def _fates(
    truth: gpd.GeoDataFrame,
    units: Sequence[Unit],
    readings: Mapping[str, Reading],
    hidden: Sequence[UnobservedArea],
) -> tuple[Fate, ...]:
    tree = shapely.STRtree([unit.geometry for unit in units])
    unseen = shapely.union_all([area.geometry for area in hidden])
    everything = shapely.union_all(list(truth.geometry))
    true_ids = {unit.unit_id for unit in units if is_true(unit, everything)}
    fates = []
    for row in truth.itertuples():
        geometry = row.geometry
        overlaps = sorted(
            (
                (geometry.intersection(units[i].geometry).area, units[i])
                for i in tree.query(geometry, predicate="intersects")
            ),
            key=lambda item: (-item[0], item[1].unit_id),
        )
        kept = [
            (area, unit)
            for area, unit in overlaps
            if not _is_pseudo(unit) and unit.unit_id in true_ids
        ]
        share = sum(area for area, _ in kept) / geometry.area
        best = kept[0][1] if kept else None
        fates.append(
            Fate(
                truth_id=str(row.truth_id),
                family=str(row.family),
                area_mu=measure.to_mu(float(row.area_m2)),
                legality=str(row.legality),
                situation=str(row.situation),
                fate=readings[best.unit_id].fate
                if best and share >= FOUND_SHARE
                else _lost(
                    [unit for area, unit in overlaps if area > 0],
                    geometry.intersection(unseen).area / geometry.area,
                ),
                covered=share,
                verdict=readings[best.unit_id].verdict if best else "",
                suggested=best.family if best else "",
            )
        )
    return tuple(fates)


def is_true(unit: Unit, everything: shapely.Geometry) -> bool:
    """Tell whether true change covers enough of a unit."""
    shared = unit.geometry.intersection(everything).area
    return bool(shared / unit.geometry.area >= FOUND_SHARE)


def _lost(touching: Sequence[Unit], hidden_share: float) -> str:
    """Say why a true change was not found."""
    if hidden_share > 1 - FOUND_SHARE:
        return "not_observed"
    return "rejected" if any(_is_pseudo(unit) for unit in touching) else "missed"


def _is_pseudo(unit: Unit) -> bool:
    return any(finding.suggestion == PSEUDO for finding in unit.findings)


def _scores(
    fates: Sequence[Fate], units: Sequence[Unit], truth: gpd.GeoDataFrame
) -> dict[str, Score]:
    judged = [f for f in fates if f.found and f.legality in {"legal", "illegal"} and f.verdict]
    expected = {"illegal": Verdict.YES.value, "legal": Verdict.NO.value}
    final = [u for u in units if not _is_pseudo(u) and measure.to_mu(u.area_m2) >= SMALL_MU]
    everything = shapely.union_all(list(truth.geometry))
    return {
        "recall_05mu": Score.of(f.found for f in fates if f.area_mu >= SMALL_MU),
        "recall_observed_05mu": Score.of(
            f.found for f in fates if f.area_mu >= SMALL_MU and f.fate != "not_observed"
        ),
        "recall_2mu": Score.of(f.found for f in fates if f.area_mu >= LARGE_MU),
        "recall_all": Score.of(f.found for f in fates),
        "precision": Score.of(is_true(unit, everything) for unit in final),
        "precision_seen": Score.of(is_true(u, everything) for u in final if not u.is_unseen),
        "precision_unseen": Score.of(is_true(u, everything) for u in final if u.is_unseen),
        "legality_agreement": Score.of(expected[f.legality] == f.verdict for f in judged),
        "legality_unknown": Score.of(f.verdict == Verdict.UNKNOWN.value for f in judged),
        "family_agreement": Score.of(f.family == f.suggested for f in fates if f.found),
    }


def _family_scores(fates: Sequence[Fate]) -> dict[str, Score]:
    large = [fate for fate in fates if fate.area_mu >= SMALL_MU]
    return {
        "recall_05mu": Score.of(fate.found for fate in large),
        "family": Score.of(fate.family == fate.suggested for fate in large if fate.found),
    }


def _area_gap_mu(unit: Unit) -> float:
    areas = unit.areas
    parts = (
        areas.cropland
        + areas.other_agricultural
        + areas.construction
        + areas.unused
        + areas.unknown
    )
    return measure.to_mu(abs(parts - areas.total))
