"""How the ground of a month's unit stands to cases that are still open: continued, grown, split, joined, beside.

A tie is told, never acted upon: which cases are one matter is for people to say (merged into one, or
left apart). The largest common ground keeps the number; what else shares ground or touches is named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from changedetect.config.job import CasesSection
from changedetect.records import Case, Unit
from changedetect.stages.cases.ground import Overlaps

CONTINUED, GROWN, SPLIT_OFF, JOINED, BESIDE = "continued", "grown", "split_off", "joined", "beside"
KINDS = (CONTINUED, GROWN, SPLIT_OFF, JOINED, BESIDE)
"""Same ground; more ground; part of a case that another unit continues; over several open cases;
new ground that touches an open case of an earlier month."""

_SAID = {
    GROWN: "较上次扩大",
    SPLIT_OFF: "自在办案件的地块分出",
    JOINED: "与其他在办案件连成一片",
    BESIDE: "与在办案件相邻，疑为其扩展",
}


TIE_WORDS = tuple(_SAID.values())
"""What the reasons of entries hold where they tell of a tie."""


@dataclass(frozen=True, slots=True)
class Tie:
    """How a unit stands to open cases.

    Attributes
    ----------
    kind
        Of `KINDS`; empty = to none.
    numbers
        The other cases that it names, sorted; not the one that the unit continues.
    grown_m2
        Ground that the case did not have before, in the plane of the job's CRS. [m²]
    """

    kind: str = ""
    numbers: tuple[str, ...] = ()
    grown_m2: float = 0.0

    def reason(self) -> str:
        """Say it in Chinese, for the ledger; empty for what needs no word."""
        names = "、".join(self.numbers)
        if self.kind not in _SAID:
            return ""
        about = (
            f"约{self.grown_m2:.0f}平方米" if self.kind == GROWN else f"（{names}），请核实是否并案"
        )
        return _SAID[self.kind] + about


def kind_of(reason: str) -> str:
    """Read the kind of a tie back from the reason of an entry; empty = it tells none."""
    return next((kind for kind, said in _SAID.items() if said in reason), "")


def find_ties(
    units: Sequence[Unit],
    known: Mapping[str, Case],
    ground: Overlaps,
    month: str,
    section: CasesSection,
) -> dict[str, Tie]:
    """Tell how each unit stands to the open cases of its county.

    Parameters
    ----------
    units
        Of the month, of counties.
    known
        Open cases by number.
    ground
        Which case each unit continues, and which it shares ground with.
    month
        Of the images after. Cases of this very month are no earlier ones: nothing is beside them.
    section
        How near is beside, and how much more is grown.

    Returns
    -------
    dict
        Unit id -> tie; the same whatever the order of units and cases.
    """
    held = {case.number for case in ground.same.values()}
    near = _beside(units, [case for case in known.values() if case.month < month], section)
    return {
        unit.unit_id: _tie(unit, ground, known, held, near.get(unit.unit_id, ()), section)
        for unit in units
    }


def _tie(
    unit: Unit,
    ground: Overlaps,
    known: Mapping[str, Case],
    held: set[str],
    near: Sequence[str],
    section: CasesSection,
) -> Tie:
    own = ground.same.get(unit.unit_id)
    others = [
        number
        for number in ground.touched.get(unit.unit_id, ())
        if number in known and (own is None or number != own.number)
    ]
    if own is not None:
        joined = tuple(number for number in others if number not in held)
        if joined:
            return Tie(JOINED, joined)
        more = unit.geometry.difference(own.geometry).area
        grown = own.number in known and more > section.grown_share * own.geometry.area
        return Tie(GROWN, (), more) if grown else Tie(CONTINUED)
    if others:
        return Tie(SPLIT_OFF, tuple(others))
    return Tie(BESIDE, tuple(near)) if near else Tie()


def _beside(
    units: Sequence[Unit], cases: Sequence[Case], section: CasesSection
) -> dict[str, list[str]]:
    """Find open cases, of the same county and of the same kind of ground, that a unit touches."""
    ordered = sorted((case for case in cases if not case.watch), key=lambda case: case.number)
    if not ordered or not units:
        return {}
    tree = shapely.STRtree([case.geometry for case in ordered])
    shapes = np.array([unit.geometry for unit in units], object)
    found: dict[str, list[str]] = {}
    pairs = tree.query(shapes, predicate="dwithin", distance=section.beside_m)
    for i, j in sorted(zip(*pairs.tolist(), strict=True)):
        unit, case = units[i], ordered[j]
        if case.district == unit.district and not unit.watch and not unit.parent:
            found.setdefault(unit.unit_id, []).append(case.number)
    return found
