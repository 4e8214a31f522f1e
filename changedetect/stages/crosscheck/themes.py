"""A unit against a theme: the finding, with severity, pool flag and reasons."""

from changedetect.config.themes import Raise, Theme
from changedetect.measure import M2_PER_MU
from changedetect.records import Finding, Verdict

from . import explain
from .deciders import FAMILY_NAMES, Decision, decide
from .ground import Facts, Ground, measured, minimum_m2
from .references import FARMLAND_LAYER, LAYER_NAMES, RED_LINE_LAYER
from .would import would_change

ZONE_OF_MEASURE = {
    "basic_farmland": FARMLAND_LAYER,
    "unapproved_basic_farmland": FARMLAND_LAYER,
    "red_line": RED_LINE_LAYER,
    "red_line_core": RED_LINE_LAYER,
}
"""Layer without which a measure is unknown."""


def judge(theme: Theme, facts: Facts, ground: Ground) -> Finding:
    """Check one unit against one theme.

    Parameters
    ----------
    theme
        What is asked.
    facts
        What is known of the unit. The minimum area is asked of the whole patch: a border between
        counties makes no change small.
    ground
        What of the unit the theme is about.

    Returns
    -------
    Finding
        YES = met and not excused (疑似, never 违法); NO = excused or not met; UNKNOWN = evidence
        is missing, which is named.
    """
    decision = decide(theme, facts, ground)
    severity, why, rule_ids, absent = _severity(theme, facts, ground, decision)
    smallest = minimum_m2(facts, theme)
    part = facts.part
    size = part.elsewhere_m2 + (ground.area_m2 if ground.area_m2 > 0 else part.area_m2)
    pooled = size < smallest
    reasons = (_opening(theme, facts, ground), *decision.reasons, *why)
    if pooled:
        small = f"面积{explain.mu(size)}小于最小上图面积{explain.mu(smallest)}，入池累计，不下发"
        reasons = (*reasons, explain.ruled(theme.rule, small))
    return Finding(
        unit_id=part.unit_id,
        theme=theme.code,
        verdict=decision.verdict,
        suggestion=decision.suggestion,
        severity=severity,
        below_minimum=pooled,
        reasons=reasons,
        rule_ids=tuple(dict.fromkeys((*decision.rule_ids, *rule_ids))),
        missing=tuple(dict.fromkeys((*decision.missing, *absent))),
        changed_by=would_change(theme, facts, decision),
    )


def _opening(theme: Theme, facts: Facts, ground: Ground) -> str:
    part, areas = facts.part, facts.areas
    family = FAMILY_NAMES.get(part.family, "类型不确定")
    return explain.ruled(
        theme.rule,
        f"{theme.name}：图斑{explain.mu(part.area_m2)}，变化为{family}，"
        f"{explain.bracket(part.before_date, part.after_date)}；涉及本专题{explain.mu(ground.area_m2)}，"
        f"图斑内耕地{explain.mu(areas.cropland)}、永久基本农田{explain.mu(areas.basic_farmland)}、"
        f"生态保护红线{explain.mu(areas.red_line)}",
    )


def _severity(
    theme: Theme, facts: Facts, ground: Ground, decision: Decision
) -> tuple[int, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    levels = theme.severity
    if decision.verdict is not Verdict.YES or decision.reply is None:
        level = levels.unknown if decision.verdict is Verdict.UNKNOWN else levels.excused
        return level, (), (), ()
    left = decision.reply.left
    sizes = measured(facts, ground, left.geometry, left.area_m2)
    level, why, rules, absent = levels.base, [], [], []
    for step in levels.raises:
        if not theme.applies(step.rule, step.families, facts.part.family, facts.part.after_date):
            continue
        if step.in_cluster and not _clustered(theme, facts):
            continue
        found = None if step.measure is None else sizes[step.measure]
        if step.measure is not None and found is None:
            absent.append(_absent(facts, ZONE_OF_MEASURE[step.measure]))
            continue
        text = _step(step, found, facts.part.area_sd_m2)
        if text:
            level = max(level, step.to if _reached(step, found) else level)
            why.append(explain.ruled(step.rule, text))
            rules.append(step.rule)
    return level, tuple(why), tuple(rules), tuple(dict.fromkeys(absent))


def _clustered(theme: Theme, facts: Facts) -> bool:
    cluster = theme.cluster
    return cluster is not None and facts.clusters.get(theme.code, 1) >= cluster.least


def _absent(facts: Facts, layer: str) -> str:
    label = LAYER_NAMES[layer]
    return explain.missing_layer(layer, label, facts.refs.manifest(layer), facts.part.district)


def _limit_m2(step: Raise) -> float:
    return step.above_m2 if step.at_least_mu is None else step.at_least_mu * M2_PER_MU


def _reached(step: Raise, found: float | None) -> bool:
    if found is None:
        return True
    return found > step.above_m2 if step.at_least_mu is None else found >= _limit_m2(step)


MEASURE_NAMES = {
    "area": "涉及面积", "basic_farmland": "占永久基本农田", "red_line": "占生态保护红线",
    "red_line_core": "占红线核心保护区", "cropland": "占耕地", "unapproved": "未批面积",
    "unapproved_cropland": "未批占耕地", "unapproved_basic_farmland": "未批占永久基本农田",
}  # fmt: skip
"""Measures in words."""


def _step(step: Raise, found: float | None, sd_m2: float) -> str:
    """Say why severity rises, or that an area lies so near a limit that it might; else empty."""
    if step.measure is None or found is None:
        return f"严重等级{step.to}：{'成片出现' if step.in_cluster else '变化类型'}"
    limit = _limit_m2(step)
    near = step.at_least_mu is not None and abs(found - limit) <= sd_m2
    band = f"，限值{explain.mu(limit)}在面积误差带（±{explain.mu(sd_m2)}）内" if near else ""
    if _reached(step, found):
        return f"严重等级{step.to}：{MEASURE_NAMES[step.measure]}{explain.mu(found)}{band}"
    return (
        f"可能达严重等级{step.to}：{MEASURE_NAMES[step.measure]}{explain.mu(found)}{band}"
        if near
        else ""
    )
