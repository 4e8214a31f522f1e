"""Which approvals excuse a change under a theme, and which only raise a question."""

from collections.abc import Collection
from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry

from changedetect.config.themes import Excuse, Theme
from changedetect.records import TimeCode, Verdict

from .approvals import START_DATE, Meeting, Remainder, remainder
from .ground import Facts, Ground


@dataclass(frozen=True, slots=True)
class Answer:
    """What approvals say to a theme's question.

    Attributes
    ----------
    outcome
        ``excused``; ``question`` = approved, but a further paper or the day on which work began
        decides; ``undated`` = would be
        covered if records without date were valid; ``open`` = nothing covers it.
    left
        Ground that valid approvals of the right kind leave uncovered.
    used
        Those approvals.
    excuse
        The main one behind the outcome; None where it is ``open``.
    suggestion, rule, asks
        PDJY, rule id, papers still to be shown.
    """

    outcome: str
    left: Remainder
    used: tuple[Meeting, ...]
    suggestion: str = ""
    rule: str = ""
    asks: tuple[str, ...] = ()


def fitting(theme: Theme, facts: Facts) -> dict[str, Excuse]:
    """Return the excuses that are meant for the unit's change and in force, by kind."""
    part = facts.part

    def work() -> dict[str, Excuse]:
        return {
            excuse.kind: excuse
            for excuse in theme.excuses
            if theme.applies(excuse.rule, excuse.families, part.family, part.after_date)
        }

    return facts.once(("fitting", theme.code), work)


def answer(theme: Theme, facts: Facts, ground: Ground) -> Answer:
    """Ask the approvals that meet a unit whether they excuse its change.

    Parameters
    ----------
    theme
        Its excuses, in order of preference.
    facts
        The unit and the approvals that meet it.
    ground
        What the theme asks about; approvals need to cover this, not the whole unit.
    """
    excuses = fitting(theme, facts)
    meant = [meeting for meeting in facts.meetings if meeting.kind in excuses]
    valid = tuple(meeting for meeting in meant if meeting.is_valid)
    plain = tuple(m for m in valid if m.is_decided and not _asks(excuses[m.kind], ground))
    for outcome, chosen in (("excused", plain), ("question", valid)):
        left = _left(facts, ground, chosen)
        if chosen and left.is_covered:
            return _covered(outcome, left, chosen, theme, facts, ground)
    left = _left(facts, ground, valid)
    dated_or_not = [m for m in meant if m.is_valid or m.time_code is TimeCode.LAYER_MISSING]
    if len(dated_or_not) > len(valid) and _left(facts, ground, dated_or_not).is_covered:
        unsure = sorted({m.kind for m in dated_or_not if not m.is_valid})
        asks = tuple(f"{kind} {excuses[kind].name}的批准日期或动工日期" for kind in unsure)
        return Answer("undated", left, valid, "01", excuses[unsure[0]].rule, asks)
    return Answer("open", left, valid)


def covered_by(kinds: Collection[str], facts: Facts, ground: Ground) -> bool:
    """Tell whether approvals of some kinds, valid before the change, cover the ground."""
    chosen = [m for m in facts.meetings if m.kind in kinds and m.is_decided]
    return bool(chosen) and _left(facts, ground, chosen).is_covered


def _asks(excuse: Excuse, ground: Ground) -> bool:
    if excuse.effect == "question":
        return True
    touched = any(piece.basic_farmland is not Verdict.NO for piece in ground.pieces)
    return excuse.question_on_basic_farmland and touched


def _left(facts: Facts, ground: Ground, chosen: Collection[Meeting]) -> Remainder:
    return left_of(facts, ground.geometry, ground.area_m2, chosen)


def left_of(
    facts: Facts, shape: BaseGeometry, area_m2: float, chosen: Collection[Meeting]
) -> Remainder:
    """Take approvals off a piece of a unit's ground; the same question is answered once."""

    def work() -> tuple[BaseGeometry, Remainder]:
        width_m = facts.land.width_m
        return shape, remainder(shape, area_m2, chosen, width_m, crs=facts.crs, cfg=facts.cfg)

    key = ("left", id(shape), *sorted(id(meeting) for meeting in chosen))
    return facts.once(key, work)[1]


def _covered(
    outcome: str,
    left: Remainder,
    chosen: tuple[Meeting, ...],
    theme: Theme,
    facts: Facts,
    ground: Ground,
) -> Answer:
    excuses = fitting(theme, facts)
    alone = {
        kind
        for kind in sorted({m.kind for m in chosen})
        if _left(facts, ground, [m for m in chosen if m.kind == kind]).is_covered
    }
    undecided = (START_DATE,) if any(m.undecided for m in chosen) else ()
    for whole in theme.combinations:
        if outcome == "excused" and alone.issuperset(whole.kinds):
            return Answer(outcome, left, chosen, whole.suggestion, whole.rule, undecided)
    main = _main(excuses, alone, chosen)
    asks = {excuses[m.kind].asks for m in chosen if outcome == "question"} - {""}
    asks |= {excuses[main].asks} - {""}
    return Answer(
        outcome, left, chosen, excuses[main].suggestion, excuses[main].rule,
        (*sorted(asks), *undecided),
    )  # fmt: skip


def _main(excuses: dict[str, Excuse], alone: set[str], chosen: Collection[Meeting]) -> str:
    for kind in excuses:
        if kind in alone:
            return kind
    sizes = {kind: sum(m.overlap_m2 for m in chosen if m.kind == kind) for kind in excuses}
    order = list(excuses)
    return max(order, key=lambda kind: (sizes[kind], -order.index(kind)))
