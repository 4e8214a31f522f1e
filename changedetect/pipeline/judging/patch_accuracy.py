"""``evaluate patches``: outlined patches against true changes, before and after the classifier."""

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np

from changedetect import measure
from changedetect.accuracy.patches import (
    COLUMNS,
    Matches,
    MatchRule,
    Pieces,
    by_size,
    by_type,
    match,
    meetings,
)
from changedetect.accuracy.pixels import UNLABELLED
from changedetect.accuracy.report import AccuracyReport, ReportTable
from changedetect.config.accuracy import AccuracySection
from changedetect.errors import InputError
from changedetect.grid import Grid
from changedetect.io import record_files, vector_writer
from changedetect.io.truth_layer import Burner, outlines
from changedetect.io.truth_raster import cells
from changedetect.pipeline.judging.judged import Judged
from changedetect.pipeline.judging.truths import Truth
from changedetect.pipeline.runs.month_files import UNITS
from changedetect.records import Unit
from changedetect.schema import CHANGED, EVIDENCE_NODATA

PSEUDO = "34"
"""Suggestion that calls a patch no real change."""

BEFORE, AFTER = "before the classifier 分类前", "after the classifier 分类后"
MU, PIXELS = "mu", "px"
PARTIAL = (
    "labels are partial: patches of which too little is labelled are not judged; of the others the "
    "whole counts, so change beside a label makes precision look worse than it is"
)


@dataclass(frozen=True, slots=True)
class _Sizes:
    """How areas are measured: on the ellipsoid, by a given pixel size, or in pixels."""

    grid: Grid
    pixel_m: float | None

    @property
    def unit(self) -> str:
        return MU if self.grid.crs or self.pixel_m else PIXELS

    def of(self, geometry: np.ndarray) -> list[float]:
        if self.grid.crs:
            return [measure.to_mu(measure.area_m2(one, self.grid.crs)) for one in geometry]
        if self.pixel_m:
            return [measure.to_mu(one.area * self.pixel_m**2) for one in geometry]
        return [one.area for one in geometry]


def judge_patches(judged: Judged, truth: Truth, settings: AccuracySection) -> AccuracyReport:
    """Judge the patches of a result.

    Raises
    ------
    InputError
        It has no patches.
    """
    sets = patch_sets(judged)
    sizes = _Sizes(judged.score.grid, settings.pixel_m)
    truths = _truths(judged, truth, sizes, settings)
    rule = MatchRule(settings.patch_true_share, settings.truth_found_share)
    tables: list[ReportTable] = []
    facts: dict[str, object] = {}
    is_partial = False
    for key, (name, table) in sets.items():
        shapes = np.array(list(table.geometry), dtype=object)
        kinds = table["family"].astype(str).tolist() if "family" in table.columns else ()
        patches = Pieces.of(shapes, sizes.of(shapes), kinds)
        if truth.is_partial:
            patches = patches.without(_unlabelled(truth, patches, settings.judged_share))
            is_partial |= not patches.counted.all()
        matches = match(truths, patches, rule)
        tables += _tables(key, name, (truths, patches, matches), settings, sizes.unit)
        facts[key] = _facts((truths, patches, matches), settings, sizes.unit)
    notes = (
        truth.about,
        str(rule),
        "changes of which the larger part was not observed are told apart, neither found nor missed",
        *((PARTIAL,) if is_partial else ()),
    )
    whole = {"match": str(rule), "truth": truth.about, "size_unit": sizes.unit, **facts}
    title = f"{judged.name}: patch accuracy 图斑精度"
    return AccuracyReport(title, {"patches": whole}, tuple(tables), notes)


def patch_sets(judged: Judged) -> dict[str, tuple[str, gpd.GeoDataFrame]]:
    """Return the sets of patches of a result: as outlined, and in a run as handed on."""
    if judged.patches is None:
        msg = f"{judged.name}: no patches.gpkg; name the folder of a run or of a quick look"
        raise InputError(msg)
    outlined = vector_writer.read_geopackage(judged.patches, "patches")
    sets = {"before": (BEFORE if judged.run else "patches 图斑", outlined)}
    if judged.run is not None and (judged.run / UNITS).is_file():
        units = record_files.read_records(judged.run / UNITS, Unit)
        kept = [
            unit
            for unit in units
            if not (
                unit.watch or unit.parent
            )  # watched ground, and remainders of a unit: no patches
            if not any(finding.suggestion == PSEUDO for finding in unit.findings)
        ]
        table = gpd.GeoDataFrame(
            {"family": [unit.family for unit in kept]},
            geometry=[unit.geometry for unit in kept],
            crs=outlined.crs,
        )
        sets["after"] = (AFTER, table)
    return sets


def _truths(judged: Judged, truth: Truth, sizes: _Sizes, settings: AccuracySection) -> Pieces:
    kinds: list[str] = []
    if truth.polygons is not None:
        shapes = np.array(list(truth.polygons.geometry), dtype=object)
        if settings.type_column in truth.polygons.columns:
            kinds = truth.polygons[settings.type_column].astype(str).tolist()
    else:
        shapes = np.array(_drawn(judged, truth, settings.min_truth_pixels), dtype=object)
    pieces = Pieces.of(shapes, sizes.of(shapes), kinds)
    hidden = _hidden(judged, pieces)
    return pieces.without(hidden > 1 - settings.truth_found_share)


def _drawn(judged: Judged, truth: Truth, least_px: int) -> list[object]:
    """Outline the changed groups of a truth raster; its labels are held as one byte a pixel."""
    grid = judged.score.grid
    mask = np.zeros((grid.height, grid.width), bool)
    for window in cells(grid):
        mask[window.slices] = truth.labels(window) == CHANGED
    least = least_px * grid.resolution**2 * (1 - np.finfo(np.float32).eps)
    return [shape for shape in outlines(mask, grid) if shape.area >= least]


def _hidden(judged: Judged, truths: Pieces) -> np.ndarray:
    """Return the share of each change that was not observed."""
    burner = Burner.of(judged.score.grid, list(truths.geometry))
    counts = np.zeros((2, len(truths.geometry) + 1), np.int64)
    for window in cells(judged.score.grid):
        numbers = burner.numbers(window)
        unseen = judged.score.levels(window) == EVIDENCE_NODATA
        counts[0] += np.bincount(numbers.ravel(), minlength=counts.shape[1])
        counts[1] += np.bincount(numbers[unseen], minlength=counts.shape[1])
    share: np.ndarray = counts[1, 1:] / np.maximum(counts[0, 1:], 1)
    return share


def _unlabelled(truth: Truth, patches: Pieces, judged_share: float) -> np.ndarray:
    """Tell of which patches less than a share is labelled."""
    burner = Burner.of(truth.grid, list(patches.geometry))
    counts = np.zeros((2, len(patches.geometry) + 1), np.int64)
    for window in cells(truth.grid):
        numbers, labels = burner.numbers(window), truth.labels(window)
        counts[0] += np.bincount(numbers.ravel(), minlength=counts.shape[1])
        counts[1] += np.bincount(numbers[labels != UNLABELLED], minlength=counts.shape[1])
    return np.asarray(counts[1, 1:] < judged_share * counts[0, 1:])


def _edges(settings: AccuracySection, unit: str) -> tuple[float, ...]:
    return settings.size_classes_mu if unit == MU else settings.size_classes_px


def _tables(
    key: str,
    name: str,
    what: tuple[Pieces, Pieces, Matches],
    settings: AccuracySection,
    unit: str,
) -> list[ReportTable]:
    truths, patches, matches = what
    edges = _edges(settings, unit)
    rows = by_size(*what, edges, unit)
    tables = [
        ReportTable(
            f"patches_{key}_size",
            f"By size 按面积: {name}",
            COLUMNS,
            tuple(row.cells() for row in rows),
        ),
        replace(meetings(f"patches_{key}", matches), title=f"One to many 一对多: {name}"),
    ]
    kinds = by_type(truths, patches, matches)
    if kinds:
        tables.append(
            ReportTable(
                f"patches_{key}_type",
                f"By type 按类型: {name}",
                (*COLUMNS, "called right among found 类型正确"),
                tuple((*score.cells(), str(named)) for score, named in kinds),
                ("recall by the true type; precision by the type that a patch is called",),
            )
        )
    return tables


def _facts(
    what: tuple[Pieces, Pieces, Matches], settings: AccuracySection, unit: str
) -> dict[str, object]:
    truths, patches, matches = what
    return {
        "by_size": [row.facts() for row in by_size(*what, _edges(settings, unit), unit)],
        "by_type": [
            {**score.facts(), "called_right": named.facts()}
            for score, named in by_type(truths, patches, matches)
        ],
        "changes_with_several_patches": int((matches.patches_of > 1).sum()),
        "patches_with_several_changes": int((matches.truths_of > 1).sum()),
    }
