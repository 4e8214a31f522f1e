"""Which known case lies under which unit: one to one, the largest common ground first."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import shapely

from changedetect.codes import CONSTRUCTION_FAMILIES
from changedetect.records import Case, Unit


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Cases under units.

    Attributes
    ----------
    same
        Unit id -> the case that it continues.
    touched
        Unit id -> numbers of all cases that share any ground with it, sorted.
    """

    same: dict[str, Case]
    touched: dict[str, tuple[str, ...]]


def overlaps(units: Sequence[Unit], cases: Sequence[Case], least_share: float) -> Overlaps:
    """Assign cases to units of the same county.

    A patch continues a patch, watched ground the same kind of watched ground.

    Parameters
    ----------
    units, cases
        Any order; the result does not depend on it.
    least_share
        Common ground as a share of the smaller of the two, below which they are different ground.
    """
    ordered = sorted(cases, key=lambda case: case.number)
    tree = shapely.STRtree([case.geometry for case in ordered])
    pairs, touched = [], defaultdict(set)
    for unit in units:
        for i in tree.query(unit.geometry, predicate="intersects"):
            case = ordered[i]
            shared = unit.geometry.intersection(case.geometry).area
            if case.district != unit.district or not shared > 0:
                continue
            touched[unit.unit_id].add(case.number)
            if _alike(case, unit) and shared >= least_share * min(
                unit.geometry.area, case.geometry.area
            ):
                pairs.append((-shared, case.number, unit.unit_id))
    return Overlaps(
        _assigned(pairs, {case.number: case for case in ordered}),
        {unit: tuple(sorted(numbers)) for unit, numbers in touched.items()},
    )


def _alike(case: Case, unit: Unit) -> bool:
    """Tell whether both are of one kind.

    What takes a building away does not continue its case, nor does what is built where another was
    pulled down continue the case of that: if it is built again, the case of the first building is.
    """
    undone = unit.family == "demolition" and case.family in CONSTRUCTION_FAMILIES
    undone |= case.family == "demolition" and unit.family in CONSTRUCTION_FAMILIES
    return case.watch == unit.watch and bool(case.parent) == bool(unit.parent) and not undone


def _assigned(pairs: Sequence[tuple[float, str, str]], cases: dict[str, Case]) -> dict[str, Case]:
    """Give every case to one unit and every unit one case, greedily."""
    same: dict[str, Case] = {}
    taken: set[str] = set()
    for _, number, unit_id in sorted(pairs):
        if number not in taken and unit_id not in same:
            taken.add(number)
            same[unit_id] = cases[number]
    return same
