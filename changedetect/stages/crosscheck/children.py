"""The unapproved remainder of a unit as a unit of its own, where it is large enough for a case."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from changedetect.config.crosscheck import CrosscheckSection
from changedetect.measure import perimeter_m
from changedetect.records import Finding, TimeCode, Unit, Verdict

from . import explain
from .land import Indexed, lay, unit_areas
from .references import References
from .units import Part

MARK = "-R"
"""Ends the id of a remainder."""


def children(
    units: Sequence[Unit],
    parts: Mapping[str, Part],
    layers: dict[str, Indexed],
    refs: References,
    crs: str,
    cfg: CrosscheckSection,
) -> list[Unit]:
    """Make the remainders of a county's units.

    Parameters
    ----------
    units
        Of one county. A remainder is made where valid approvals cover a part, something is
        suspected of the rest, and the rest is large enough.
    parts
        Unit id -> the part it was made from.
    layers, refs, crs, cfg
        As in `lay`.
    """
    parents = [unit for unit in units if _has_child(unit, cfg)]
    rests = [_rest(unit, parts[unit.unit_id], crs) for unit in parents]
    if not rests:
        return []
    lands = lay(rests, layers, refs, crs, cfg)
    made = []
    for unit, rest, land in zip(parents, rests, lands, strict=True):
        areas = unit_areas(rest, land, crs)
        made.append(
            replace(
                unit,
                unit_id=rest.unit_id,
                siblings=(),
                geometry=rest.geometry,
                area_m2=rest.area_m2,
                perimeter_m=rest.perimeter_m,
                area_sd_m2=rest.area_sd_m2,
                areas=replace(
                    areas,
                    unapproved=areas.total,
                    unapproved_cropland=areas.cropland,
                    unapproved_basic_farmland=areas.basic_farmland,
                ),
                pieces=land.pieces,
                approvals=(),
                remainder=rest.geometry,
                findings=tuple(_of_rest(finding, unit, rest) for finding in unit.findings),
                parent=unit.unit_id,
            )
        )
    return made


def _has_child(unit: Unit, cfg: CrosscheckSection) -> bool:
    left = unit.areas.unapproved
    suspected = any(finding.verdict is Verdict.YES for finding in unit.findings)
    return (
        suspected
        and bool(unit.district)
        and unit.time_code is TimeCode.BEYOND
        and cfg.remainder_min_m2 <= left < unit.area_m2
        and not unit.remainder.is_empty
    )


def _rest(unit: Unit, part: Part, crs: str) -> Part:
    length = perimeter_m(unit.remainder, crs)
    return replace(
        part,
        unit_id=f"{unit.unit_id}{MARK}",
        siblings=(),
        geometry=unit.remainder,
        area_m2=unit.areas.unapproved,
        perimeter_m=length,
        area_sd_m2=part.area_sd_m2 * length / part.perimeter_m,
        elsewhere_m2=0.0,
    )


def _of_rest(finding: Finding, unit: Unit, rest: Part) -> Finding:
    if finding.verdict is not Verdict.YES:
        return replace(finding, unit_id=rest.unit_id)
    rule = finding.rule_ids[-1] if finding.rule_ids else finding.theme
    word = f"本案为图斑{unit.unit_id}（{explain.mu(unit.area_m2)}）的未批部分{explain.mu(rest.area_m2)}"
    return replace(
        finding,
        unit_id=rest.unit_id,
        reasons=(*finding.reasons, explain.ruled(rule, word)),
    )
