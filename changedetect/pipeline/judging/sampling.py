"""``evaluate sample``: points for an interpreter, and the areas of the strata they stand for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from changedetect import measure
from changedetect.accuracy import sampling
from changedetect.accuracy.pixels import LEVELS
from changedetect.accuracy.report import AccuracyReport, ReportTable
from changedetect.errors import InputError
from changedetect.grid import Grid, Window
from changedetect.io import record_files, vector_writer
from changedetect.io.points import key_path, strata_path, write_beside
from changedetect.io.truth_layer import Burner
from changedetect.io.truth_raster import CELL_PX, ScoreRaster
from changedetect.pipeline.judging.judged import Judged, open_judged
from changedetect.pipeline.runs.month_files import UNOBSERVED
from changedetect.records import UnobservedArea
from changedetect.schema import EVIDENCE_NODATA, NOT_OBSERVED

POINTS = "points"
SECRET = ("stratum", "map_class", "stratum_area_m2", "weight_m2", "evidence")
"""What would tell an interpreter what the map says."""


@dataclass(frozen=True, slots=True)
class _Ground:
    """Rasters of a result, strip by strip, and what was asked about."""

    score: ScoreRaster
    mask: ScoreRaster
    hidden: Burner | None

    @property
    def grid(self) -> Grid:
        return self.score.grid

    def strips(self) -> Iterator[tuple[Window, np.ndarray, np.ndarray, np.ndarray]]:
        """Yield window, evidence, mask, and whether a pixel was asked about."""
        for row in range(0, self.grid.height, CELL_PX):
            window = Window(row, 0, min(CELL_PX, self.grid.height - row), self.grid.width)
            evidence, levels = self.score.levels(window), self.mask.levels(window)
            mask = np.where(levels == EVIDENCE_NODATA, NOT_OBSERVED, levels).astype(np.uint8)
            asked = np.ones(mask.shape, bool)
            if self.hidden is not None:
                asked = (mask != NOT_OBSERVED) | self.hidden.covers(window)
            yield window, evidence, mask, asked


@dataclass(frozen=True, slots=True)
class SamplePlan:
    """How points are drawn.

    Attributes
    ----------
    per_stratum, seed
        How many points of each stratum, and what the draw depends on.
    below_share
        Share of the unalarmed pixels with the most evidence that is a stratum of its own.
    is_blind
        Keep from the interpreter what the map says: it goes into a key beside the points.
    """

    per_stratum: int
    seed: int
    below_share: float = 0.01
    is_blind: bool = False


def sample(result: Path, out: Path, plan: SamplePlan, *, overwrite: bool = False) -> AccuracyReport:
    """Draw points and write them.

    Parameters
    ----------
    result
        Folder of a run or a quick look.
    out
        GeoPackage of the points; ``NAME.strata.csv`` beside it holds the areas, and of a blind sample
        ``NAME.key.csv`` the stratum of each point.
    plan
        How points are drawn.
    overwrite
        Replace earlier files.

    Raises
    ------
    InputError
        The result has no change mask, or files are there already.
    """
    judged = open_judged(result, None, None)
    if judged.mask is None:
        msg = f"{result}: no change.tif beside the evidence; a run or a quick look was expected"
        raise InputError(msg)
    ground = _Ground(judged.score, judged.mask, _hidden(judged))
    quiet = np.zeros(LEVELS, np.int64)
    for _, evidence, mask, asked in ground.strips():
        quiet += sampling.quiet_levels(evidence[asked], mask[asked])
    rule = sampling.StratumRule.of(quiet, plan.below_share)
    pixels, areas = _sizes(ground, rule)
    drawn = sampling.draw(pixels, plan.per_stratum, plan.seed)
    table = _points(ground, rule, drawn, (pixels, areas), plan.seed)
    strata = pd.DataFrame(
        [
            (name, sampling.MAPPED[name], areas[name], pixels[name], len(drawn[name]))
            for name in sampling.STRATA
            if pixels[name]
        ],
        columns=["stratum", "map_class", "area_m2", "pixels", "points"],
    )
    shown = table.drop(columns=list(SECRET)) if plan.is_blind else table
    vector_writer.write_geopackage(
        out,
        {POINTS: shown},
        descriptions={POINTS: "待判读样点 points to interpret"},
        crs=ground.grid.crs,
        overwrite=overwrite,
    )
    write_beside(strata_path(out), strata, overwrite=overwrite)
    if plan.is_blind:
        key = pd.DataFrame(table[["point_id", *SECRET]])
        write_beside(key_path(out), key, overwrite=overwrite)
    return _report(judged, strata, ground.grid, rule)


def _hidden(judged: Judged) -> Burner | None:
    """Read what a run lists as not observed; elsewhere nothing was asked. None = all was."""
    if judged.run is None or not (judged.run / UNOBSERVED).is_file():
        return None
    areas = record_files.read_records(judged.run / UNOBSERVED, UnobservedArea)
    return Burner.of(judged.score.grid, [area.geometry for area in areas])


def _sizes(ground: _Ground, rule: sampling.StratumRule) -> tuple[dict[str, int], dict[str, float]]:
    """Count pixels and measure areas, on the ellipsoid cell by cell (pixels where no system)."""
    pixels = dict.fromkeys(sampling.STRATA, 0)
    areas = dict.fromkeys(sampling.STRATA, 0.0)
    for window, evidence, mask, asked in ground.strips():
        codes = np.where(asked, rule.codes(evidence, mask), sampling.OUTSIDE)
        for col in range(0, window.width, CELL_PX):
            cell = Window(window.row, col, window.height, min(CELL_PX, window.width - col))
            counts = np.bincount(
                codes[:, col : col + cell.width].ravel(), minlength=sampling.OUTSIDE + 1
            )
            pixel_m2 = _pixel_m2(ground.grid, cell)
            for code, name in enumerate(sampling.STRATA):
                pixels[name] += int(counts[code])
                areas[name] += float(counts[code]) * pixel_m2
    return pixels, areas


def _pixel_m2(grid: Grid, cell: Window) -> float:
    if not grid.crs:
        return 1.0
    box = shapely.box(*grid.sub(cell).bounds)
    return measure.area_m2(box, grid.crs) / (cell.height * cell.width)


def _points(
    ground: _Ground,
    rule: sampling.StratumRule,
    drawn: dict[str, np.ndarray],
    sizes: tuple[dict[str, int], dict[str, float]],
    seed: int,
) -> gpd.GeoDataFrame:
    """Find the drawn pixels and put them in an order that tells nothing about their stratum."""
    rows = []
    before = dict.fromkeys(sampling.STRATA, 0)
    for window, evidence, mask, asked in ground.strips():
        codes = np.where(asked, rule.codes(evidence, mask), sampling.OUTSIDE)
        for code, name in enumerate(sampling.STRATA):
            places = np.flatnonzero(codes == code)
            ranks = drawn[name] - before[name]
            wanted = places[ranks[(ranks >= 0) & (ranks < len(places))]]
            before[name] += len(places)
            for place in wanted.tolist():
                row, col = divmod(place, window.width)
                rows.append((name, window.row + row, col, int(evidence[row, col])))
    order = np.random.default_rng([seed, len(sampling.STRATA)]).permutation(len(rows))
    found = pd.DataFrame([rows[i] for i in order], columns=["stratum", "row", "col", "evidence"])
    return _filled(found, ground, sizes[1], {name: len(ranks) for name, ranks in drawn.items()})


def _filled(
    found: pd.DataFrame, ground: _Ground, areas: dict[str, float], numbers: dict[str, int]
) -> gpd.GeoDataFrame:
    grid = ground.grid
    a, _, c, _, e, f = grid.transform
    x, y = c + a * (found["col"] + 0.5), f + e * (found["row"] + 0.5)
    llr = [
        None if level == EVIDENCE_NODATA else ground.score.score_of(level)
        for level in found["evidence"].tolist()
    ]
    names = found["stratum"].tolist()
    columns: dict[str, object] = {
        "point_id": [f"S{place:05d}" for place in range(1, len(found) + 1)],
        "stratum": names,
        "map_class": [sampling.MAPPED[name] for name in names],
        "stratum_area_m2": [areas[name] for name in names],
        "weight_m2": [areas[name] / numbers[name] for name in names],
        "row": found["row"].to_numpy(),
        "col": found["col"].to_numpy(),
        "evidence": pd.Series(llr, dtype=float),
    }
    points = gpd.GeoSeries(shapely.points(x.to_numpy(float), y.to_numpy(float)))
    if grid.crs:
        placed = [measure.reproject(point, grid.crs, measure.GEOGRAPHIC) for point in points]
        columns |= {"lon": [p.x for p in placed], "lat": [p.y for p in placed]}
    empty = pd.Series(None, index=found.index, dtype=object)
    for name in ("reference_class", "confidence", "interpreter", "interpreted_on", "remark"):
        columns[name] = empty
    return gpd.GeoDataFrame(columns, geometry=points.array, crs=grid.crs or None)


def _report(
    judged: Judged, strata: pd.DataFrame, grid: Grid, rule: sampling.StratumRule
) -> AccuracyReport:
    unit = "m²" if grid.crs else "px"
    threshold = judged.score.score_of(rule.lowest_below)
    table = ReportTable(
        name="strata",
        title=f"Strata and points 分层与样点: {judged.name}",
        columns=(
            "stratum 层",
            "on the map 图上",
            f"area 面积 [{unit}]",
            "pixels 像元",
            "points 样点",
        ),
        rows=tuple(tuple(row) for row in strata.itertuples(index=False)),
        notes=(
            f"just_below: no alarm, evidence of {threshold:.3g} and more",
            "fill reference_class with changed or unchanged; a point left empty is not counted",
        ),
    )
    facts = {"strata": strata.to_dict("records"), "just_below_from": threshold}
    return AccuracyReport(f"{judged.name}: sample to interpret 判读样本", facts, (table,))
