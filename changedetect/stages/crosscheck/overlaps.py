"""Approvals of a whole unit, whatever the theme: listed one by one, united, and what remains."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from changedetect.codes import LandGroup
from changedetect.config.themes import Theme
from changedetect.records import ApprovalOverlap, TimeCode, UnitAreas

from . import explain
from .approvals import Meeting, Remainder
from .deciders import absent_layers
from .excuses import fitting, left_of
from .ground import Facts, Ground, ground_shape, unapproved_parts


def used_meetings(facts: Facts, themes: Sequence[Theme]) -> tuple[Meeting, ...]:
    """Return the approvals that count for a unit: valid at the change, and of a kind that fits it.

    Where no theme asks approvals about this family of change, every kind counts.
    """
    asking = _asking(facts, themes)
    kinds = {
        kind for theme in asking for kind, excuse in fitting(theme, facts).items() if excuse.counts
    }
    return tuple(m for m in facts.meetings if m.is_valid and (not asking or m.kind in kinds))


def _asking(facts: Facts, themes: Sequence[Theme]) -> list[Theme]:
    return [theme for theme in themes if theme.excuses and facts.part.family in theme.after]


def unit_remainder(facts: Facts, used: Sequence[Meeting]) -> Remainder:
    """Take the union of the used approvals off the whole unit."""
    part = facts.part
    return left_of(facts, part.geometry, part.area_m2, used)


def unit_code(
    facts: Facts,
    used: Sequence[Meeting],
    themes: Sequence[Theme],
    grounds: Mapping[str, Ground],
) -> TimeCode:
    """Name the state of a unit's approvals (SPSX); construction land before needs none.

    A layer is missing only where a theme that asks for it has ground in the unit (``grounds``, by
    theme code).

    Never `TimeCode.BEFORE` on approvals dated inside the bracket: whether those came before the
    change is not known, which the code list can only say as 9.
    """
    if used and _needing_is_covered(facts, used):
        decided = [meeting for meeting in used if meeting.is_decided]
        is_sure = bool(decided) and _needing_is_covered(facts, decided)
        return TimeCode.BEFORE if is_sure else TimeCode.LAYER_MISSING
    asking = _asking(facts, [theme for theme in themes if grounds[theme.code].raw_m2 > 0])
    if any(absent_layers(theme, facts, only_counting=True) for theme in asking):
        return TimeCode.LAYER_MISSING
    if any(meeting.share >= facts.cfg.meets_share for meeting in used):
        return TimeCode.BEYOND
    found = {meeting.time_code for meeting in facts.meetings}
    order = (TimeCode.EXPIRED, TimeCode.LATER, TimeCode.LAYER_MISSING)
    return next((code for code in order if code in found), TimeCode.NONE)


def _needing_is_covered(facts: Facts, used: Sequence[Meeting]) -> bool:
    needing = [p for p in facts.land.pieces if p.group is not LandGroup.CONSTRUCTION]
    shape = ground_shape(needing, facts)
    area = sum((piece.area_m2 for piece in needing), 0.0)
    left = left_of(facts, shape, area, used)
    return left.is_covered


def with_approvals(facts: Facts, left: Remainder) -> UnitAreas:
    """Add approved and unapproved areas to the areas of a unit.

    The area of each kind is that of all its records valid at the change, whether or not the kind
    fits the change; the union, and what remains, are those of the used ones.
    """
    areas = facts.areas
    cropland, farmland = unapproved_parts(facts, left.geometry)
    valid = [meeting for meeting in facts.meetings if meeting.is_valid]
    approved = {
        kind: _united_m2(facts, [m for m in valid if m.kind == kind])
        for kind in sorted({meeting.kind for meeting in valid})
    }
    return replace(
        areas,
        approved=approved,
        approved_union=max(areas.total - left.raw_m2, 0.0),
        unapproved=left.area_m2,
        unapproved_cropland=cropland,
        unapproved_basic_farmland=farmland,
        raw={**areas.raw, "unapproved": left.raw_m2},
    )


def _united_m2(facts: Facts, meetings: Sequence[Meeting]) -> float:
    if len(meetings) == 1:
        return meetings[0].overlap_m2
    return max(facts.part.area_m2 - unit_remainder(facts, meetings).raw_m2, 0.0)


def overlap(meeting: Meeting, facts: Facts, *, used: bool, code: TimeCode) -> ApprovalOverlap:
    """Write one approval as a row of layer SPTH."""
    record = meeting.record
    is_beyond = used and code is TimeCode.BEYOND
    manifest = facts.refs.manifest(record.kind)
    return ApprovalOverlap(
        unit_id=facts.part.unit_id,
        kind=record.kind,
        record_id=record.record_id,
        doc_no=record.doc_no,
        agency=record.agency,
        approved_on=record.approved_on,
        valid_to=record.valid_to,
        project=record.project,
        land_user=record.land_user,
        record_area_m2=record.area_m2,
        overlap_m2=meeting.overlap_m2,
        share=meeting.share,
        time_code=_row_code(meeting, is_beyond=is_beyond),
        layer_version="" if manifest is None else manifest.version or "",
        used=used,
        reason=explain.meeting_reason(meeting, used=used, is_beyond=is_beyond),
    )


def _row_code(meeting: Meeting, *, is_beyond: bool) -> TimeCode:
    """Name the state of one approval; a date inside the bracket says before of none."""
    if meeting.undecided and meeting.is_valid:
        return TimeCode.LAYER_MISSING
    return TimeCode.BEYOND if is_beyond else meeting.time_code
