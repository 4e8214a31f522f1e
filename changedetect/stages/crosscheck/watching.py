"""Ground that is watched without a patch -> units with one finding each, in the form of any other."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from itertools import groupby

import geopandas as gpd
import numpy as np
import shapely

from changedetect.codes import CASE_LISTS
from changedetect.config.crosscheck import CrosscheckSection
from changedetect.config.themes import Theme
from changedetect.config.watches import SERIES_LOOKS, Watch, WatchTest
from changedetect.measure import M2_PER_MU, area_sd_m2
from changedetect.records import Finding, TimeCode, Unit, UnitAreas, Verdict

from . import explain
from .approvals import meet
from .ground import Facts, Ground, measured, minimum_m2
from .grounds import Watched
from .land import Indexed, Land, lay, unit_areas
from .overlaps import overlap
from .references import PARCEL_LAYER, References
from .shares import Look, Share, Sight, share_of
from .slivers import EMPTY
from .units import Names, Part, name_all, split

IMAGES_POOR, LAYER_ABSENT, IN_ORDER = "02", "01", "40"
_CODES = {"expired": TimeCode.EXPIRED, "closed": TimeCode.NONE}
_WORDS = {
    "built": "已建比例", "never_green": "整季无植被比例", "not_cropped": "两季未耕种比例",
    "mined": "采挖比例", "rebuilt": "再次建设比例", "outflow": "本期耕地流出比例",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Asked:
    """A part of a watched polygon in one county, with all that is known of it."""

    one: Watched
    theme: Theme
    watch: Watch
    look: Look
    facts: Facts
    day: date


def watch(
    watched: Sequence[Watched],
    refs: References,
    layers: dict[str, Indexed],
    themes: Sequence[Theme],
    sight: Sight,
    cfg: CrosscheckSection,
) -> tuple[Unit, ...]:
    """Judge watched polygons.

    Parameters
    ----------
    watched
        From `grounds`.
    refs, layers
        Land records, and search trees over them.
    themes
        With their watches.
    sight
        What images showed.
    cfg
        Tolerances.

    Returns
    -------
    tuple of Unit
        Sorted by id; ground outside every county is left out.
    """
    if not watched:
        return ()
    crs = str(refs.parcels.crs.to_string())
    by_id = {one.watch_id: one for one in watched}
    rules = {theme.code: theme for theme in themes}
    parts = [p for p in split(_table(watched, sight, crs), refs.districts, crs, cfg) if p.district]
    names = dict(zip((part.unit_id for part in parts), name_all(parts, refs), strict=True))
    changes = shapely.STRtree([change.geometry for change in sight.changes])
    unseen = shapely.STRtree(list(sight.unseen))
    units: list[Unit] = []
    for _, group in groupby(sorted(parts, key=_county), key=lambda part: part.district):
        county = list(group)
        lands = lay(county, layers, refs, crs, cfg)
        met = meet(county, layers["SP"], crs, cfg)
        for part, land, meetings in zip(county, lands, met, strict=True):
            one = by_id[part.patch_id]
            facts = Facts(part, land, unit_areas(part, land, crs), meetings, refs, crs, cfg)
            look = _look(part, land, one, sight, changes, unseen)
            theme = rules[one.theme]
            asked = _Asked(one, theme, theme.watches[one.watch], look, facts, sight.after)
            units.append(_unit(asked, names[part.unit_id]))
    return tuple(sorted(units, key=lambda unit: unit.unit_id))


def _county(part: Part) -> tuple[str, str]:
    return part.district, part.unit_id


def _table(watched: Sequence[Watched], sight: Sight, crs: str) -> gpd.GeoDataFrame:
    shapes = [one.geometry for one in watched]
    columns = {
        "patch_id": [one.watch_id for one in watched],
        "area_sd_m2": [area_sd_m2(shape.length, sight.gsd_m) for shape in shapes],
        "before_scene": sight.before_scene,
        "after_scene": sight.after_scene,
        "before_date": sight.before,
        "after_date": sight.after,
        "before_gsd_m": sight.gsd_m,
        "after_gsd_m": sight.gsd_m,
        "sources": "watch",
        "against": "",
        "family": "",
        "family_probability": 1.0,
        "change_probability": 1.0,
    }
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=crs)


def _look(
    part: Part,
    land: Land,
    one: Watched,
    sight: Sight,
    changes: shapely.STRtree,
    unseen: shapely.STRtree,
) -> Look:
    ground = part.geometry
    near = np.sort(changes.query(ground, predicate="intersects"))
    hidden = [sight.unseen[k] for k in np.sort(unseen.query(ground, predicate="intersects"))]
    dark = shapely.union_all(hidden).intersection(ground).area / ground.area if hidden else 0.0
    green = sight.greenness.get(one.watch_id)
    return Look(ground, land, tuple(sight.changes[k] for k in near), dark, green, sight)


def _unit(asked: _Asked, names: Names) -> Unit:
    facts, part = asked.facts, asked.facts.part
    known = {field.name for field in fields(Unit)}
    shared = {f.name: getattr(part, f.name) for f in fields(Part) if f.name in known}
    code = _CODES.get(asked.watch.since, TimeCode.BEFORE)
    code = TimeCode.NONE if asked.one.kind in CASE_LISTS else code
    open_ground = code is not TimeCode.BEFORE
    areas = _approved(facts.areas, open_ground=open_ground)
    return Unit(
        **shared,
        district_name=names.district,
        town=names.town,
        town_name=names.town_name,
        village=names.village,
        village_name=names.village_name,
        areas=areas,
        pieces=facts.land.pieces,
        approvals=tuple(overlap(m, facts, used=False, code=code) for m in facts.meetings),
        remainder=part.geometry if open_ground else EMPTY,
        time_code=code,
        findings=(finding(asked),),
        watch=asked.one.kind,
    )


def _approved(areas: UnitAreas, *, open_ground: bool) -> UnitAreas:
    """Count the ground of a record that ran out as unapproved, that of any other as approved."""
    if not open_ground:
        return replace(areas, approved_union=areas.total, unapproved_basic_farmland=0.0)
    return replace(
        areas,
        unapproved=areas.total,
        unapproved_cropland=areas.cropland,
        unapproved_basic_farmland=areas.basic_farmland,
    )


def finding(asked: _Asked) -> Finding:
    """Ask the tests in their order; the first that holds is the answer.

    A test that can not be decided makes the finding unknown, unless a later one holds.
    """
    answers = [(test, *_holds(asked, test)) for test in asked.watch.tests if _is_asked(asked, test)]
    held = next(((test, share) for test, holds, share in answers if holds), None)
    if held is not None:
        return _met(asked, *held)
    told = "；".join(_told(test, share) for test, _, share in answers)
    lacking = _lacking(asked, [test for test, holds, _ in answers if holds is None])
    if lacking:
        suggestion = LAYER_ABSENT if lacking[0] in (_parcels(asked), NO_DATE) else IMAGES_POOR
        word = "证据不足" if suggestion == LAYER_ABSENT else "影像不足"
        reason = f"{told}，{word}，不能判定"
        return _answer(asked, Verdict.UNKNOWN, suggestion, (reason,), lacking)
    tail = f"（{told}）" if told else ""
    return _answer(asked, Verdict.NO, IN_ORDER, (f"{asked.watch.in_order}{tail}",), ())


NO_DATE = "批准或到期日期"
"""Evidence that is missing where a record does not tell its day."""


def _lacking(asked: _Asked, undecided: Sequence[WatchTest]) -> tuple[str, ...]:
    """Name what is missing, the layer before the date before the images."""
    found = [_parcels(asked)]
    if asked.one.since is None:
        found.append(NO_DATE)
    found += [_images(asked, test) for test in undecided]
    return tuple(dict.fromkeys(filter(None, found)))


def _parcels(asked: _Asked) -> str:
    refs, district = asked.facts.refs, asked.facts.part.district
    if refs.covers(PARCEL_LAYER, district):
        return ""
    return explain.missing_layer(PARCEL_LAYER, "地类图斑", refs.manifest(PARCEL_LAYER), district)


def _met(asked: _Asked, test: WatchTest, share: Share) -> Finding:
    severity, why = _severity(asked, test)
    reason = explain.ruled(test.rule, f"{test.reason}（{_told(test, share)}）")
    asks = (test.asks,) if test.asks else ()
    found = _answer(asked, Verdict.YES, test.suggestion, (), asks)
    return replace(
        found,
        severity=severity,
        reasons=(found.reasons[0], reason, *why),
        changed_by=(f"若{test.asks}说明另有依据，或实地核实与影像不符，则不再列为疑似",)
        if test.asks
        else (),
        rule_ids=tuple(dict.fromkeys((test.rule, asked.theme.rule))),
    )


def _is_asked(asked: _Asked, test: WatchTest) -> bool:
    if not asked.theme.rule_of(test.rule).in_force(asked.day):
        return False
    since = asked.one.since
    return since is None or (asked.day - since).days >= test.min_days


def _holds(asked: _Asked, test: WatchTest) -> tuple[bool | None, Share]:
    share = share_of(asked.look, test, asked.one.since)
    answers = []
    if test.below_share is not None:
        answers.append(share.below(test.below_share))
    if test.above_share is not None:
        answers.append(share.above(test.above_share))
    if asked.one.since is None and True in answers and test.min_days:
        return None, share
    if False in answers:
        return False, share
    return (None if None in answers else True), share


def _told(test: WatchTest, share: Share) -> str:
    low, high = f"{share.low:.0%}", f"{share.high:.0%}"
    return f"{_WORDS[test.look]}{low if low == high else f'{low}至{high}'}"


def _images(asked: _Asked, test: WatchTest) -> str:
    if test.look in SERIES_LOOKS:
        return "整季时间序列影像"
    return "本期未监测部分的影像" if asked.look.unseen > 0 else "变化类型复核"


def _opening(asked: _Asked) -> str:
    one, part = asked.one, asked.facts.part
    since = "日期不详" if one.since is None else f"自{one.since.isoformat()}起"
    number = one.doc_no or f"记录{one.record_id}（无文号）"
    green = asked.look.green
    series = "" if green is None or not green.images else f"，季节影像{green.images}期"
    return explain.ruled(
        asked.theme.rule,
        f"{asked.theme.name}：{asked.watch.name} {number}，{explain.mu(part.area_m2)}，{since}，"
        f"核对至{asked.day.isoformat()}{series}，未监测{asked.look.unseen:.0%}",
    )


def _severity(asked: _Asked, test: WatchTest) -> tuple[int, tuple[str, ...]]:
    facts = asked.facts
    pieces, shape, size = facts.land.pieces, facts.part.geometry, facts.part.area_m2
    sizes = measured(facts, Ground(pieces, shape, size, size, 0.0, 0.0), shape, size)
    level, why = test.severity, []
    for step in asked.theme.severity.raises:
        found = sizes.get(step.measure) if step.measure else None
        limit = step.above_m2 if step.at_least_mu is None else step.at_least_mu * M2_PER_MU
        if found is not None and found > limit and step.to > level and not step.families:
            level = step.to
            why.append(explain.ruled(step.rule, f"严重等级{level}：涉及{explain.mu(found)}"))
    return level, tuple(why)


def _answer(
    asked: _Asked,
    verdict: Verdict,
    suggestion: str,
    words: tuple[str, ...],
    missing: tuple[str, ...],
) -> Finding:
    levels, part = asked.theme.severity, asked.facts.part
    reasons = [explain.ruled(asked.watch.rule, word) for word in words]
    return Finding(
        unit_id=part.unit_id,
        theme=asked.theme.code,
        verdict=verdict,
        suggestion=suggestion,
        severity=levels.unknown if verdict is Verdict.UNKNOWN else levels.excused,
        below_minimum=part.area_m2 + part.elsewhere_m2 < minimum_m2(asked.facts, asked.theme),
        reasons=(_opening(asked), *reasons),
        rule_ids=tuple(dict.fromkeys((asked.watch.rule, asked.theme.rule))),
        missing=missing,
        changed_by=tuple(f"提供{name}后可以判定" for name in missing)
        if verdict is Verdict.UNKNOWN
        else (),
    )
