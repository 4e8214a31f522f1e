"""``evaluate points``: reference points -> accuracy and areas with their errors."""

from pathlib import Path

from changedetect.accuracy.report import AccuracyReport, Cell, ReportTable
from changedetect.accuracy.strata import (
    AreaEstimates,
    Estimate,
    ReferencePoint,
    Stratum,
    estimate,
)
from changedetect.errors import LayerError
from changedetect.io.points import key_path, read_rows, strata_path
from changedetect.measure import to_mu

M2_PER_HA = 10_000.0
METHOD = (
    "Olofsson et al. 2014, doi:10.1016/j.rse.2014.02.015, eqs. 1-11; classes over several strata by "
    "Stehman 2014, doi:10.1080/01431161.2014.930207; intervals are normal, 95%"
)
UNSEEN = (
    "unseen: what could besides lie in strata none of whose points is of the class (exact 95% limits, "
    "added up); where it is large, the upper end of the interval is too low: draw more points there"
)
FEW = 5
"""Below this number of points of a kind, normal intervals are not to be trusted (our choice)."""


def judge_points(points: Path, strata: Path | None, key: Path | None = None) -> AccuracyReport:
    """Estimate accuracy and areas from interpreted points.

    Parameters
    ----------
    points
        CSV or GeoPackage with ``stratum``, ``reference_class``, and where wanted ``map_class`` (else
        the stratum is the class) and ``weight_m2``.
    strata
        CSV with ``stratum``, ``area_m2`` and where wanted ``map_class``; None = the file that was
        written beside the points, or the column ``stratum_area_m2`` of the points.
    key
        CSV with ``point_id`` and ``stratum`` of a blind sample; None = the file beside the points.

    Raises
    ------
    LayerError
        A column is missing, or a number is none.
    """
    rows = _opened(points, read_rows(points), key)
    known = _strata(points, rows, strata)
    read = [row for row in rows if _cell(row, "reference_class", points)]
    found = estimate([_point(row, points, known) for row in read], list(known.values()))
    facts = _facts(found, len(rows) - len(read))
    notes = (
        METHOD,
        f"{len(rows) - len(read)} of {len(rows)} points are not interpreted and are in no figure",
    )
    tables = (_accuracies(found), _areas(found), _matrix(found))
    return AccuracyReport(f"{points.name}: reference points 参考样点", facts, tables, notes)


def _opened(points: Path, rows: list[dict[str, str]], given: Path | None) -> list[dict[str, str]]:
    """Put back what was kept from the interpreter of a blind sample."""
    if not rows or "stratum" in rows[0]:
        return rows
    path = given or key_path(points)
    if not path.is_file():
        msg = f"{points}: no column 'stratum', and no key {path.name} beside it; name it with --key"
        raise LayerError(msg)
    key = {_cell(row, "point_id", path): row for row in read_rows(path)}
    unknown = [row for row in rows if _cell(row, "point_id", points) not in key]
    if unknown:
        msg = f"{points}: point {unknown[0]['point_id']} is not in {path.name}; is it of another sample?"
        raise LayerError(msg)
    return [{**row, **key[row["point_id"]]} for row in rows]


def _cell(row: dict[str, str], name: str, path: Path) -> str:
    if name not in row:
        msg = f"{path}: no column {name!r}; found {sorted(row)}"
        raise LayerError(msg)
    return row[name]


def _number(row: dict[str, str], name: str, path: Path) -> float:
    text = _cell(row, name, path)
    try:
        return float(text)
    except ValueError as error:
        msg = f"{path}: {name} {text!r} is no number (row of stratum {row.get('stratum', '?')})"
        raise LayerError(msg) from error


def _strata(points: Path, rows: list[dict[str, str]], given: Path | None) -> dict[str, Stratum]:
    beside = strata_path(points)
    path = given if given is not None else beside if beside.is_file() else None
    source, area = (points, "stratum_area_m2") if path is None else (path, "area_m2")
    found: dict[str, Stratum] = {}
    for row in rows if path is None else read_rows(path):
        name = _cell(row, "stratum", source)
        stratum = Stratum(name, row.get("map_class", "") or name, _number(row, area, source))
        if found.setdefault(name, stratum) != stratum:
            msg = f"{source}: stratum {name} has two areas or classes: {found[name]} and {stratum}"
            raise LayerError(msg)
    return found


def _point(row: dict[str, str], path: Path, strata: dict[str, Stratum]) -> ReferencePoint:
    name = _cell(row, "stratum", path)
    home = strata.get(name)
    mapped = row.get("map_class", "") or (home.mapped if home else name)
    weight = _number(row, "weight", path) if row.get("weight") else None
    return ReferencePoint(name, mapped, row["reference_class"], weight)


def _facts(found: AreaEstimates, unread: int) -> dict[str, object]:
    return {
        "overall_accuracy": found.overall.facts(),
        "users_accuracy": {name: one.facts() for name, one in found.users.items()},
        "producers_accuracy": {name: one.facts() for name, one in found.producers.items()},
        "area_ha": {name: one.scaled(1 / M2_PER_HA).facts() for name, one in found.areas.items()},
        "area_mu": {name: one.scaled(to_mu(1.0)).facts() for name, one in found.areas.items()},
        "total_area_m2": found.total_area,
        "counts": [[*key, number] for key, number in sorted(found.counts.items())],
        "not_interpreted": unread,
    }


def _cells(one: Estimate) -> tuple[Cell, ...]:
    low, high = one.interval or (None, None)
    few = f"fewer than {FEW} points" if 0 < one.n < FEW else ""
    return one.value, one.error, low, high, one.n, one.reason or few


def _accuracies(found: AreaEstimates) -> ReportTable:
    rows: list[tuple[Cell, ...]] = [("overall 总体精度", "", *_cells(found.overall))]
    rows += [("user's 用户精度", name, *_cells(one)) for name, one in found.users.items()]
    rows += [("producer's 生产者精度", name, *_cells(one)) for name, one in found.producers.items()]
    return ReportTable(
        name="point_accuracy",
        title="Area-adjusted accuracy 面积校正精度",
        columns=(
            "figure 指标",
            "class 类",
            "value",
            "SE 标准误",
            "low 95%",
            "high 95%",
            "n",
            "remark 备注",
        ),
        rows=tuple(rows),
    )


def _areas(found: AreaEstimates) -> ReportTable:
    rows: list[tuple[Cell, ...]] = []
    for name, one in found.areas.items():
        hectares, mu = one.scaled(1 / M2_PER_HA), one.scaled(to_mu(1.0))
        rows.append((name, "ha", *_cells(hectares), hectares.unseen))
        rows.append((name, "mu 亩", *_cells(mu), mu.unseen))
    return ReportTable(
        name="point_areas",
        title="Areas by reference class 各参考类面积",
        columns=(
            "class 类",
            "unit",
            "area",
            "SE 标准误",
            "low 95%",
            "high 95%",
            "n",
            "remark 备注",
        ),
        rows=tuple(rows),
        notes=("n of an area is the number of all points, since all of them say where it is not",),
    )


def _matrix(found: AreaEstimates) -> ReportTable:
    references = sorted({reference for _, reference in found.counts})
    rows: list[tuple[Cell, ...]] = [
        (mapped, *(found.counts.get((mapped, reference), 0) for reference in references))
        for mapped in sorted({mapped for mapped, _ in found.counts})
    ]
    return ReportTable(
        name="point_matrix",
        title="Points by class on the map (rows) and reference (columns) 样点混淆矩阵",
        columns=("map \\ reference", *references),
        rows=tuple(rows),
    )
