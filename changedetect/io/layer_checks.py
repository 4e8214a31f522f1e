"""A record layer is held against what it claims before it is used: a report, not a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import geopandas as gpd
import numpy as np
import shapely

from changedetect import measure
from changedetect.codes import PRIORITIES, land_class_name
from changedetect.config.job import LayerSection
from changedetect.config.record_forms import RecordChecksSection
from changedetect.errors import LayerError
from changedetect.io import layer_geometry as geometry
from changedetect.io.layer_geometry import found
from changedetect.io.layer_report import Check, CountyCoverage, LayerReport, State
from changedetect.io.layer_shapes import carry
from changedetect.io.vectors import Kind, LoadedLayer
from changedetect.records import LayerManifest
from changedetect.schema import APPROVALS

_M2_PER = {"公顷": 10_000.0, "亩": measure.M2_PER_MU}
_UNIT_TOLERANCE = 0.02
_MARKS_DRAWN = 400
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Ground:
    """The land of a job: schema.DISTRICTS in the grid's CRS, and limits of checks."""

    districts: gpd.GeoDataFrame
    crs: str
    checks: RecordChecksSection


@dataclass(frozen=True, slots=True)
class _Usable:
    """Rows of a layer that can be worked with, in the grid's CRS."""

    shapes: np.ndarray
    rows: np.ndarray
    columns: dict[str, list[object]]


def inspect(loaded: LoadedLayer, kind: Kind, section: LayerSection, ground: Ground) -> LayerReport:
    """Look at a layer.

    Parameters
    ----------
    loaded
        From `changedetect.io.vectors.load_layer`, whole.
    kind, section
        What it is read as, and what its supplier declares.
    ground
        Counties and limits.

    Raises
    ------
    LayerError
        Its coordinates can not be carried to the grid (datum without shift).
    """
    sound = geometry.sound(loaded.shapes, loaded.rows, loaded.code, loaded.notes, ground.checks)
    usable = _carried(loaded, sound, section, ground)
    checks = [*sound.checks]
    marks: list[tuple[State, str, shapely.Geometry]] = []
    for one, bad in (
        *_on_ground(usable, kind, ground),
        *_on_words(usable, kind, section, ground),
    ):
        checks.append(one)
        if one.state in {"warn", "fail"}:
            marks += [(one.state, one.title, shape) for shape in bad[:_MARKS_DRAWN]]
    coverage = _coverage(usable, kind, section, ground)
    checks.append(_covered(coverage, kind, ground.checks))
    days = _days(usable.columns.get("approved_on", []))
    manifest = LayerManifest(
        name=kind.name,
        version=section.version,
        as_of=_day(section.as_of),
        rows=loaded.total,
        covers=section.covers,
        sha256=loaded.sha256,
        note="; ".join(loaded.notes),
        source=section.source or "",
        found=tuple((one.county, one.rows) for one in coverage if one.rows),
        first_date=min(days, default=None),
        last_date=max(days, default=None),
    )
    originals = tuple((int(loaded.rows[index]), shape) for index, shape in sound.originals)
    title = kind.form.name if kind.form is not None else kind.name
    return LayerReport(
        manifest,
        title,
        tuple(checks),
        coverage,
        usable.shapes,
        tuple(marks),
        originals,
        loaded.code,
    )


def _carried(
    loaded: LoadedLayer, sound: geometry.Sound, section: LayerSection, ground: Ground
) -> _Usable:
    rows = loaded.rows[sound.keep]
    shapes = carry(sound.shapes, rows, loaded.code, ground.crs, loaded.place, section.datum_shift)
    invalid = ~shapely.is_valid(shapes)  # an edge that moved in the seventh decimal
    shapes = np.where(invalid, shapely.make_valid(shapes), shapes)
    columns = {
        key: [value for value, keep in zip(values, sound.keep, strict=True) if keep]
        for key, values in loaded.columns.items()
    }
    return _Usable(shapes, rows, columns)


Found = tuple[Check, Sequence[shapely.Geometry]]


def _on_ground(usable: _Usable, kind: Kind, ground: Ground) -> list[Found]:
    """Check where the rows lie, beside one another and beside the counties."""
    cfg, shapes, rows = ground.checks, usable.shapes, usable.rows
    same = geometry.duplicates(shapes, rows, usable.columns[kind.spec.names[0]])
    results: list[Found] = [(one, _named(usable, one)) for one in same]
    thin = geometry.slivers(shapes, rows, cfg)
    results.append((thin, _named(usable, thin)))
    first, second, shared = geometry.overlaps(shapes, cfg)
    both = np.isin(np.arange(len(shapes)), np.concatenate([first, second]))
    planar = kind.form is not None and kind.form.planar
    pairs = [f"{rows[a]}×{rows[b]}" for a, b in zip(first, second, strict=True)][:_NAMED]
    total = float(shapely.area(shared).sum())
    text = f"{len(first)} 对重叠, 共 {total:.1f} m²: {'、'.join(pairs)}"
    check = found("overlap", "互不重叠", both, rows, text, "fail" if planar else "warn")
    results.append((check, list(shared)))
    land = shapely.union_all(ground.districts.geometry.to_numpy())
    shapely.prepare(land)
    away = ~shapely.dwithin(shapes, land, cfg.outside_m)
    state: State = "fail" if len(away) and away.all() else "warn"
    text = f"{int(away.sum())} 行离各县 {cfg.outside_m:g} 米以外"
    results.append((found("inside", "位于任务各县内", away, rows, text, state), list(shapes[away])))
    return results


def _named(usable: _Usable, check: Check) -> list[shapely.Geometry]:
    return list(usable.shapes[np.isin(usable.rows, check.rows)])


def _on_words(usable: _Usable, kind: Kind, section: LayerSection, ground: Ground) -> list[Found]:
    """Check what the rows say: areas, dates, numbers, codes."""
    checks = []
    if kind.spec is APPROVALS:
        checks += [
            _stated_areas(usable, ground),
            *_dates(usable, kind, section),
            _documents(usable),
        ]
    if "land_class" in usable.columns:
        known = [land_class_name(str(v)) is not None for v in usable.columns["land_class"]]
        checks.append(_codes("land_class", "地类编码在表内", usable, known))
    if "priority" in usable.columns:
        known = [v in PRIORITIES for v in usable.columns["priority"]]
        checks.append(_codes("priority", "优先级在表内", usable, known))
    return [(one, _named(usable, one)) for one in checks]


def _codes(name: str, title: str, usable: _Usable, known: Sequence[bool]) -> Check:
    bad = ~np.array(known, bool)
    return found(name, title, bad, usable.rows, f"{int(bad.sum())} 行代码不在表内")


def _ellipsoidal(shapes: np.ndarray, crs: str) -> np.ndarray:
    parts, which = shapely.get_parts(shapes, return_index=True)
    parts, inner = shapely.get_parts(parts, return_index=True)
    which = which[inner]
    surfaces = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    whole = shapely.multipolygons(parts[surfaces], indices=which[surfaces])
    return measure.measure_many(np.atleast_1d(whole), crs)[0]


def _stated_areas(usable: _Usable, ground: Ground) -> Check:
    """Compare stated areas with those on the ellipsoid; a wrong unit is told by its factor."""
    cfg = ground.checks
    stated = np.array([np.nan if v is None else v for v in usable.columns["area_m2"]], float)
    title = "登记面积与图形面积一致"
    if np.isnan(stated).all():
        return Check("area", title, "skip", 0, (), "无面积字段或全为空")
    measured = _ellipsoidal(usable.shapes, ground.crs)
    off = np.abs(stated - measured)
    bad = off > np.maximum(cfg.stated_area_share * measured, cfg.stated_area_m2)
    text = f"{int(bad.sum())} 行相差超过 {cfg.stated_area_share:.0%}"
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        text += f", 如第 {usable.rows[first]} 行登记 {stated[first]:.2f} m²、图形 {measured[first]:.2f} m²"
        ratio = float(np.nanmedian(measured[bad] / np.maximum(stated[bad], 1e-9)))
        for unit, factor in _M2_PER.items():
            if abs(ratio / factor - 1) < _UNIT_TOLERANCE:
                text += f"; 登记面积疑以{unit}计, 请写明 area_unit"
    return found("area", title, bad, usable.rows, text, "warn")


def _dates(usable: _Usable, kind: Kind, section: LayerSection) -> list[Check]:
    columns = usable.columns
    rows = usable.rows
    approved, ends = columns["approved_on"], columns["valid_to"]
    starts = columns["valid_from"]
    undated = np.array([day is None for day in approved], bool)
    order = np.array(
        [_after(a, e) or _after(s, e) for a, s, e in zip(approved, starts, ends, strict=True)],
        bool,
    )
    as_of = _day(section.as_of)
    later = np.array([_after(a, as_of) for a in approved], bool)
    checks = [
        found(
            "dated", "有批准日期", undated, rows, f"{int(undated.sum())} 行无批准日期",
            "fail" if len(undated) and undated.all() else "warn",
        ),
        found("date_order", "日期先后", order, rows, f"{int(order.sum())} 行有效期止早于批准或起始"),
        found(
            "as_of", "不晚于数据日期", later, rows,
            f"{int(later.sum())} 行批准日期晚于数据日期 {as_of}", "warn",
        ),
    ]  # fmt: skip
    if kind.form is not None and kind.form.needs_end:
        endless = np.array([day is None for day in ends], bool)
        text = f"{int(endless.sum())} 行无有效期止"
        checks.append(found("has_end", "有有效期止", endless, rows, text, "warn"))
    return checks


def _after(day: object, limit: object) -> bool:
    return isinstance(day, date) and isinstance(limit, date) and day > limit


def _documents(usable: _Usable) -> Check:
    missing = np.array([not number for number in usable.columns["doc_no"]], bool)
    text = f"{int(missing.sum())} 行无文号"
    return found("document", "有批准文号", missing, usable.rows, text, "warn")


def _days(values: Sequence[object]) -> list[date]:
    return [day for day in values if isinstance(day, date)]


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        msg = f"as_of {text!r} is not a date; YYYY-MM-DD was expected"
        raise LayerError(msg) from error


def _coverage(
    usable: _Usable, kind: Kind, section: LayerSection, ground: Ground
) -> tuple[CountyCoverage, ...]:
    counties = ground.districts.geometry.to_numpy()
    tree = shapely.STRtree(usable.shapes)
    where, which = tree.query(counties, predicate="intersects")
    days = usable.columns.get("approved_on", [])
    result = []
    for index, code in enumerate(ground.districts["code"].astype(str)):
        inside = which[where == index]
        dates = _days([days[k] for k in inside]) if days else []
        share = None
        if kind.form is not None and kind.form.covering:
            share = min(
                _area_in(usable.shapes[inside], counties[index]) / counties[index].area, 1.0
            )
        declared = any(code.startswith(known) for known in section.covers)
        result.append(
            CountyCoverage(
                code,
                declared,
                len(inside),
                min(dates, default=None),
                max(dates, default=None),
                share,
            )
        )
    return tuple(sorted(result, key=lambda one: one.county))


def _area_in(shapes: np.ndarray, county: shapely.Geometry) -> float:
    """Return the area of shapes inside a county; those that lie whole in it are not cut. [m²]"""
    shapely.prepare(county)
    whole = shapely.covers(county, shapes)
    cut = shapely.intersection(shapes[~whole], county)
    return float(shapely.area(shapes[whole]).sum() + shapely.area(cut).sum())


def _covered(coverage: tuple[CountyCoverage, ...], kind: Kind, cfg: RecordChecksSection) -> Check:
    """Hold the counties that are declared against those that are found."""
    undeclared = [one.county for one in coverage if one.rows and not one.declared]
    bare = [one.county for one in coverage if one.declared and not one.rows]
    thin = [
        one.county
        for one in coverage
        if one.declared and one.share is not None and one.share < cfg.covered_share
    ]
    words = [
        f"{'、'.join(counties)} {text}"
        for counties, text in (
            (bare, "已声明覆盖但无一行"),
            (thin, f"已声明覆盖但不足县域 {cfg.covered_share:.0%}"),
            (undeclared, "有数据但未声明覆盖, 结论将为证据不足"),
        )
        if counties
    ]
    del kind
    state: State = "fail" if thin else ("warn" if words else "pass")
    return Check("coverage", "覆盖范围", state, 0, (), "; ".join(words))


def compared(report: LayerReport, last_rows: int | None, cfg: RecordChecksSection) -> LayerReport:
    """Add what the last manifest says: rows that fell far are pointed out."""
    title = "行数与上次相比"
    rows = report.manifest.rows
    if last_rows is None:
        check = Check("rows", title, "skip", 0, (), "无上次清单")
    elif rows < cfg.fallen_share * last_rows:
        check = Check("rows", title, "warn", 0, (), f"上次 {last_rows} 行, 这次 {rows} 行")
    else:
        check = Check("rows", title, "pass", 0, (), f"上次 {last_rows} 行, 这次 {rows} 行")
    return replace(report, checks=(*report.checks, check))
