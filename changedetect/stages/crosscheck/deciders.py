"""The questions that a theme asks of a unit, in their order; the first that decides counts.

Whatever is missing (county, classifier, zone layer, parcels, fine enough images, approval layer)
gives UNKNOWN with its name, never an accusation and never an excuse.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from changedetect.config.themes import Excuse, RuralRoad, Situation, Theme, Zone
from changedetect.records import TimeCode, Verdict

from . import explain
from .approvals import Meeting
from .excuses import Answer, answer, covered_by, fitting
from .ground import HALF, Facts, Ground, minimum_m2, mostly, mostly_of
from .references import COUNTY_LAYER, LAYER_NAMES, PARCEL_LAYER, kind_name
from .slivers import strip_width_m
from .zones import covers, pieces_in, raw_m2

LAYER_ABSENT, IMAGES_POOR, UNSURE, PSEUDO, OTHER_THEME = "01", "02", "03", "34", "38"
"""PDJY codes that no theme file needs to name."""


@dataclass(frozen=True, slots=True)
class Decision:
    """How a theme's question was decided; ``reply`` is set where approvals were asked."""

    verdict: Verdict
    suggestion: str
    reasons: tuple[str, ...]
    rule_ids: tuple[str, ...]
    missing: tuple[str, ...] = ()
    reply: Answer | None = None


Decider = Callable[[Theme, Facts, Ground], Decision | None]


def decide(theme: Theme, facts: Facts, ground: Ground) -> Decision:
    """Ask one question after the other until one decides."""
    for decider in BEFORE_APPROVALS:
        decision = decider(theme, facts, ground)
        if decision is not None:
            return decision
    return _by_approvals(theme, facts, ground)


def _unknown(theme: Theme, suggestion: str, reason: str, *missing: str) -> Decision:
    text = explain.ruled(theme.rule, reason)
    return Decision(Verdict.UNKNOWN, suggestion, (text,), (theme.rule,), missing)


def _no(rule_id: str, suggestion: str, reason: str) -> Decision:
    return Decision(Verdict.NO, suggestion, (explain.ruled(rule_id, reason),), (rule_id,))


def _outside(theme: Theme, facts: Facts, ground: Ground) -> Decision | None:  # noqa: ARG001
    if facts.part.district:
        return None
    name = f"{COUNTY_LAYER} {LAYER_NAMES[COUNTY_LAYER]}图层（图斑不在任何县界内）"
    return _unknown(theme, LAYER_ABSENT, "图斑不在任何县级行政区内，无法套合底数，证据不足", name)


def _pseudo(theme: Theme, facts: Facts, ground: Ground) -> Decision | None:  # noqa: ARG001
    part, cfg = facts.part, facts.cfg
    rejected = part.change_probability < cfg.rejects_below(part.reject_below, part.is_unseen)
    if not rejected and part.family not in cfg.pseudo_families:
        return None
    reason = (
        f"分类器判为伪变化（变化概率{part.change_probability:.2f}），保留备查、计入统计，不下发"
    )
    return _no(theme.rule, PSEUDO, reason)


def _is_known(facts: Facts) -> bool:
    """Tell whether the kind of change is known well enough to speak of it."""
    part, cfg = facts.part, facts.cfg
    return part.family_probability >= cfg.min_family_probability and part.family in FAMILY_NAMES


def _unseen(theme: Theme, facts: Facts, ground: Ground) -> Decision | None:  # noqa: ARG001
    part = facts.part
    if not part.is_unseen:
        return None
    names = "、".join(SOURCE_NAMES[name] for name in part.sources if name in SOURCE_NAMES)
    seen_by = f"仅{names}显示变化" if names else "显示变化的证据不来自光学影像"
    reason = f"本期没有清晰光学影像，{seen_by}（变化概率{part.change_probability:.2f}），影像不足"
    return _unknown(theme, IMAGES_POOR, reason, "该处清晰光学影像")


SOURCE_NAMES: dict[str, str] = {"radar": "雷达", "series": "时间序列", "model": "自带模型"}
"""Sources that see where no optical pair does, in words."""


def _unsure(theme: Theme, facts: Facts, ground: Ground) -> Decision | None:  # noqa: ARG001
    part, cfg = facts.part, facts.cfg
    if not part.change_probability >= cfg.min_change_probability:
        reason = (
            f"变化概率{part.change_probability:.2f}低于{cfg.min_change_probability:.2f}，需人工复核"
        )
        return _unknown(theme, UNSURE, reason, "变化真实性复核")
    if _is_known(facts) or not theme.after:
        return None
    reason = f"变化类型不确定（概率{part.family_probability:.2f}），需人工复核"
    return _unknown(theme, UNSURE, reason, "变化类型复核")


FAMILY_NAMES: dict[str, str] = {
    "building": "建筑", "hard_surface": "硬化", "earthwork": "推填土", "road": "道路",
    "photovoltaic": "光伏", "mining": "采挖", "planting": "种植园林", "pond": "坑塘",
    "greenhouse": "大棚", "demolition": "拆除",
}  # fmt: skip
"""Families of change in words."""


def _other_family(theme: Theme, facts: Facts, ground: Ground) -> Decision | None:  # noqa: ARG001
    family = facts.part.family
    if not theme.after or family in theme.after or not _is_known(facts):
        return None
    return _no(theme.rule, OTHER_THEME, f"变化类型为{FAMILY_NAMES[family]}，不属本专题")


def _zone(theme: Theme, facts: Facts, ground: Ground) -> Decision | None:  # noqa: ARG001
    zone = theme.zone
    if not isinstance(zone, Zone):
        return None
    if not covers(facts.refs, facts.land, zone, facts.part.district):
        return _layer_unknown(theme, facts, zone.layer, zone.name)
    if pieces_in(facts.land, facts.meetings, zone, facts.crs):
        return None
    raw = raw_m2(facts.land, zone)
    note = f"（仅有{explain.mu(raw)}为配准误差造成的碎条，不计）" if raw > 0 else ""
    side = "内" if zone.side == "inside" else "以外"
    return _no(theme.rule, OTHER_THEME, f"图斑不在{zone.name}{side}{note}")


def _layer_unknown(theme: Theme, facts: Facts, layer: str, label: str = "") -> Decision:
    label = label or kind_name(layer)
    name = explain.missing_layer(layer, label, facts.refs.manifest(layer), facts.part.district)
    return _unknown(theme, LAYER_ABSENT, f"{name}不可用，本专题不能判定，证据不足", name)


def _ground(theme: Theme, facts: Facts, ground: Ground) -> Decision | None:
    cfg, whole_m2 = facts.cfg, facts.part.area_m2
    rest_is_small = (
        ground.area_m2 < cfg.remainder_min_m2
        and ground.village_m2 >= cfg.union_cover_share * whole_m2
    )
    if ground.area_m2 > 0 and not rest_is_small:
        return None
    if theme.village and ground.village_m2 >= HALF * whole_m2:
        reason = f"图斑位于村庄范围（{'、'.join(theme.village.settlements)}）内{explain.mu(ground.village_m2)}"
        return _no(theme.village.rule, theme.village.suggestion, reason)
    enough = min(minimum_m2(facts, theme), HALF * whole_m2)
    if ground.unknown_m2 >= enough:
        return _layer_unknown(theme, facts, PARCEL_LAYER)
    if _is_surveyed_later(theme, facts):
        day = facts.part.before_date.isoformat()
        name = f"{PARCEL_LAYER} {day}以前的{LAYER_NAMES[PARCEL_LAYER]}图层"
        reason = "现有地类图斑的调查时点晚于变化，变化前地类不能判定，证据不足"
        return _unknown(theme, LAYER_ABSENT, reason, name)
    raw = f"（仅有{explain.mu(ground.raw_m2)}为碎条，不计）" if ground.raw_m2 > 0 else ""
    return _no(theme.rule, OTHER_THEME, f"变化前地类不属本专题{raw}")


def _is_surveyed_later(theme: Theme, facts: Facts) -> bool:
    found = facts.refs.manifest(PARCEL_LAYER)
    as_of = None if found is None else found.as_of
    return bool(theme.before) and as_of is not None and as_of >= facts.part.after_date


def _coarse(theme: Theme, facts: Facts, ground: Ground) -> Decision | None:  # noqa: ARG001
    limit = theme.imagery.gsd_m
    if facts.part.gsd_m <= max(limit, theme.imagery.cue_gsd_m or 0.0):
        return None
    reason = f"影像分辨率{facts.part.gsd_m:g}米，本专题要求不低于{limit:g}米，影像不足"
    return _unknown(theme, IMAGES_POOR, reason, f"优于{limit:g}米的影像")


def _size(theme: Theme, facts: Facts, ground: Ground) -> Decision | None:  # noqa: ARG001
    size, part = theme.size, facts.part
    if size is None or not theme.rule_of(size.rule).in_force(part.after_date):
        return None
    whole, slack = part.area_m2 + part.elsewhere_m2, part.area_sd_m2
    if size.min_m2 - slack <= whole <= (math.inf if size.max_m2 is None else size.max_m2) + slack:
        return None
    limits = f"{size.min_m2:g}平方米以上" + (f"、{size.max_m2:g}平方米以下" if size.max_m2 else "")
    return _no(size.rule, OTHER_THEME, f"图斑{whole:.0f}平方米，本专题只看{limits}的变化")


def _alone(theme: Theme, facts: Facts, ground: Ground) -> Decision | None:
    cluster = theme.cluster
    if cluster is None or not cluster.required:
        return None
    found = facts.clusters.get(theme.code, 1)
    large = cluster.or_area_m2 is not None and ground.area_m2 >= cluster.or_area_m2
    if found >= cluster.least or large:
        return None
    reason = f"{cluster.within_m:g}米内同类变化仅{found}处，面积不大，不属成片建设，由其他专题判定"
    return _no(cluster.rule, OTHER_THEME, reason)


def _series(theme: Theme, facts: Facts, ground: Ground) -> Decision | None:  # noqa: ARG001
    if facts.part.family not in theme.imagery.series_for or "series" in facts.part.sources:
        return None
    reason = "本专题须以整季时间序列确认，仅有一对影像，影像不足"
    return _unknown(theme, IMAGES_POOR, reason, "整季时间序列影像")


def _rural_road(theme: Theme, facts: Facts, ground: Ground) -> Decision | None:
    road, width_m = theme.rural_road, _width_m(theme, facts)
    slack_m = 0.0 if road is None else _slack_m(road, facts)
    if road is None or not road.width_min_m - slack_m <= width_m <= road.width_max_m:
        return None
    farmland = facts.areas.basic_farmland
    note = f"；占永久基本农田{explain.mu(farmland)}" if farmland is None or farmland > 0 else ""
    limits = f"{road.width_min_m:g}–{road.width_max_m:g}米"
    reason = f"道路宽约{width_m:.1f}米，在农村道路{limits}以内{note}"
    if not road.asks or covered_by(road.kinds, facts, ground):
        return _no(road.rule, road.suggestion, reason)
    if answer(theme, facts, ground).outcome == "excused":
        return None
    text = explain.ruled(road.rule, f"{reason}；尚须{road.asks}方能判断")
    return Decision(Verdict.UNKNOWN, road.suggestion, (text,), (road.rule,), (road.asks,))


def _width_m(theme: Theme, facts: Facts) -> float:
    """Return the width of a road that the theme lets through when it is narrow; else infinity."""
    road, part = theme.rural_road, facts.part
    if road is None or part.family != "road":
        return math.inf
    if not theme.rule_of(road.rule).in_force(part.after_date):
        return math.inf
    return strip_width_m(part.geometry, part.after_gsd_m)


def _slack_m(road: RuralRoad, facts: Facts) -> float:
    return road.width_tolerance_px * facts.part.after_gsd_m


def _near_rural_road(theme: Theme, facts: Facts) -> Decision | None:
    """Decide nothing where the limit of a rural road lies inside the error of its width."""
    road, width_m = theme.rural_road, _width_m(theme, facts)
    if road is None or width_m > road.width_max_m + _slack_m(road, facts):
        return None
    text = explain.ruled(
        road.rule,
        f"道路宽约{width_m:.1f}米，农村道路限值{road.width_max_m:g}米在量测误差"
        f"（±{_slack_m(road, facts):g}米）内，须实地量测",
    )
    return Decision(Verdict.UNKNOWN, IMAGES_POOR, (text,), (road.rule,), ("实测路宽",))


BEFORE_APPROVALS: tuple[Decider, ...] = (
    _outside, _pseudo, _other_family, _zone, _ground, _unseen, _unsure, _size, _alone, _coarse, _series, _rural_road,
)  # fmt: skip


def _by_approvals(theme: Theme, facts: Facts, ground: Ground) -> Decision:
    reply = answer(theme, facts, ground)
    if reply.outcome != "open":
        return _replied(theme, reply)
    near = _near_rural_road(theme, facts)
    if near is not None:
        return near
    absent = absent_layers(theme, facts)
    if absent:
        reason = f"{'、'.join(absent)}不可用，不能排除已有批准，证据不足"
        text = explain.ruled(theme.rule, reason)
        return Decision(Verdict.UNKNOWN, LAYER_ABSENT, (text,), (theme.rule,), absent, reply)
    return _met(theme, facts, ground, reply)


def _replied(theme: Theme, reply: Answer) -> Decision:
    numbers = sorted({f"{m.record.doc_no or m.record.record_id}" for m in reply.used})
    listed = "、".join(numbers)
    texts = {
        "excused": f"变化时有效的批准合并覆盖（{listed}），未批余{explain.mu(reply.left.area_m2)}",
        "question": f"有批准（{listed}），但尚须{'、'.join(reply.asks)}方能判断",
        "undated": f"有批准记录但时效不能判定，尚须{'、'.join(reply.asks)}",
    }
    verdict = Verdict.NO if reply.outcome == "excused" else Verdict.UNKNOWN
    rules = tuple(dict.fromkeys((reply.rule, theme.rule)))
    reason = explain.ruled(reply.rule, texts[reply.outcome])
    return Decision(verdict, reply.suggestion, (reason,), rules, reply.asks, reply)


def absent_layers(theme: Theme, facts: Facts, *, only_counting: bool = False) -> tuple[str, ...]:
    """Name the layers that could hold an excuse and can not be used for the county.

    ``only_counting``: only those that count as approvals of land.
    """
    part, refs, cfg = facts.part, facts.refs, facts.cfg
    return tuple(
        explain.missing_layer(excuse.kind, excuse.name, refs.manifest(excuse.kind), part.district)
        for excuse in fitting(theme, facts).values()
        if excuse.needed
        and (excuse.counts or not only_counting)
        and (
            not refs.covers(excuse.kind, part.district)
            or refs.stale(excuse.kind, part.before_date, cfg.stale_after_days)
        )
    )


def _met(theme: Theme, facts: Facts, ground: Ground, reply: Answer) -> Decision:
    fits = fitting(theme, facts)
    situation = next(s for s in theme.situations if _fits(s, theme, facts, ground))
    left = f"未批面积{explain.mu(reply.left.area_m2)}（原始{explain.mu(reply.left.raw_m2)}）"
    tail = f"，{left}" if theme.excuses and situation.verdict == "yes" else ""
    reason = explain.ruled(situation.rule, f"{situation.reason}{tail}")
    optional = tuple(
        _optional(excuse, facts) for excuse in fits.values() if _is_unseen(excuse, facts)
    )
    asked = (situation.asks,) if situation.asks else ()
    rules = tuple(dict.fromkeys((situation.rule, theme.rule)))
    limit = theme.imagery.gsd_m
    verdict = Verdict(situation.verdict)
    if verdict is Verdict.NO:
        return Decision(verdict, situation.suggestion, (reason,), rules)
    if facts.part.gsd_m > limit:
        cue = explain.ruled(
            theme.rule, f"影像{facts.part.gsd_m:g}米，仅作线索，须优于{limit:g}米的影像确认"
        )
        finer = f"优于{limit:g}米的影像"
        return Decision(
            Verdict.UNKNOWN, IMAGES_POOR, (reason, cue), rules, (finer, *asked, *optional), reply
        )
    return Decision(verdict, situation.suggestion, (reason,), rules, (*asked, *optional), reply)


def _is_unseen(excuse: Excuse, facts: Facts) -> bool:
    return not excuse.needed and not facts.refs.covers(excuse.kind, facts.part.district)


def _optional(excuse: Excuse, facts: Facts) -> str:
    found = facts.refs.manifest(excuse.kind)
    return explain.missing_layer(excuse.kind, excuse.name, found, facts.part.district)


def _fits(situation: Situation, theme: Theme, facts: Facts, ground: Ground) -> bool:
    largest = math.inf if situation.area_max_m2 is None else situation.area_max_m2
    return (
        theme.applies(situation.rule, situation.families, facts.part.family, facts.part.after_date)
        and situation.area_min_m2 <= ground.area_m2 <= largest
        and (situation.mostly is None or mostly(ground, situation.mostly))
        and (not situation.mostly_classes or mostly_of(ground, situation.mostly_classes))
        and (situation.when == "any" or _happened(situation, theme, facts))
    )


def _happened(situation: Situation, theme: Theme, facts: Facts) -> bool:
    fits = fitting(theme, facts)
    named = {excuse.kind for excuse in theme.excuses}
    return any(
        _state(meeting, fits) == situation.when
        for meeting in facts.meetings
        if meeting.share >= facts.cfg.meets_share and meeting.kind in (situation.kinds or named)
    )


def _state(meeting: Meeting, fits: dict[str, Excuse]) -> str:
    if meeting.time_code is TimeCode.EXPIRED:
        return "expired"
    if meeting.time_code is TimeCode.LATER:
        return "later"
    if not meeting.is_valid:
        return "undated"
    return "beyond" if meeting.kind in fits else "other_use"
