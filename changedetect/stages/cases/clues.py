"""Clues: whether unapproved ground reaches a limit of law, alone or with what lies near it.

Areas are those that no valid approval covers. A limit inside area ± uncertainty gives 2, never 1
or 0. Small takings count, those in the pool too; what is handled does not. A clue says nothing of
who took the ground: the subject comes from the county.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from changedetect.config.clues import CluesSection
from changedetect.measure import M2_PER_MU, to_mu
from changedetect.records import Case, TimeCode, Unit
from changedetect.takings import Clue, Clues, Taking

FOREST = "03"
_NAMED, _LISTED = 5, 50
"""A reason names so many other cases, the facts of a case so many."""

SUBJECT = "用地主体（是否为市场主体，由县核实）"
"""Evidence that a 公益诉讼 clue asks for: never from the image."""

FOREST_KIND = "林地类别（是否防护林、特种用途林）"
"""Evidence that decides art. 342 on forest of a size between its two limits."""


def taking_of(unit: Unit, case: Case, section: CluesSection) -> Taking | None:
    """Return what of a unit nobody approved; None = not known, or nothing is taken there."""
    if (
        unit.watch
        or unit.time_code is TimeCode.LAYER_MISSING
        or unit.family not in section.families
    ):
        return None
    areas = unit.areas
    return Taking(
        total_m2=areas.unapproved,
        cropland_m2=areas.unapproved_cropland,
        basic_farmland_m2=areas.unapproved_basic_farmland,
        forest_m2=_forest_m2(unit),
        uncertainty_m2=unit.area_sd_m2,
        counted=not case.record_only,
    )


def _forest_m2(unit: Unit) -> float:
    """Measure forest in the remainder, as a share of each piece."""
    total = 0.0
    for piece in unit.pieces:
        if piece.land_class.startswith(FOREST) and piece.geometry.area > 0:
            part = piece.geometry.intersection(unit.remainder).area / piece.geometry.area
            total += piece.area_m2 * part
    return total


def takings(
    cases: Sequence[Case], units: Mapping[str, Unit], section: CluesSection
) -> tuple[Case, ...]:
    """Add to cases what of their units nobody approved; a case without its unit stays as it is."""
    return tuple(
        replace(case, taking=taking_of(units[case.unit_id], case, section))
        if case.unit_id in units
        else case
        for case in cases
    )


def with_clues(
    own: Sequence[Case], known: Iterable[Case], section: CluesSection
) -> tuple[Case, ...]:
    """Add sums and clues to the cases of a month.

    Parameters
    ----------
    own
        Cases of the month, numbered, with what was taken (`takings`).
    known
        Every other case that may lie near: those of earlier months.
    section
        Limits.

    Returns
    -------
    tuple of Case
        In the same order.
    """
    numbers = {case.number for case in own}
    others = [case for case in known if case.number not in numbers]
    groups = _groups([*own, *others], section)
    return tuple(_told(case, groups.get(case.number), section) for case in own)


@dataclass(frozen=True, slots=True)
class _Group:
    """Takings of a site and near it: their sum, how many there are, and the first of their numbers."""

    total: "_Sum"
    count: int
    first: tuple[str, ...]

    @classmethod
    def of(cls, cases: Sequence[Case]) -> "_Group":
        first = tuple(case.number for case in cases[: _LISTED + 1])
        return cls(_Sum.of([one.taking for one in cases if one.taking]), len(cases), first)

    def besides(self, number: str) -> tuple[str, ...]:
        return tuple(one for one in self.first if one != number)[:_LISTED]


def _groups(cases: Sequence[Case], section: CluesSection) -> dict[str, _Group]:
    """Gather the counted takings of the last twelve months: a site, and the sites near it.

    Only a site is a chain. Were near sites chained too, a valley with a taking every hundred metres
    would be one act, however long it is.
    """
    last = max((case.last_confirmed for case in cases), default=date.min)
    counted = sorted(
        (
            case
            for case in cases
            if case.taking is not None
            and case.taking.counted
            and case.taking.total_m2 > 0
            and case.state not in section.handled_states
            and case.first_found > last - timedelta(days=section.accumulate_days)
        ),
        key=lambda case: case.number,
    )
    if not counted:
        return {}
    shapes = np.array([case.geometry for case in counted], dtype=object)
    tree = shapely.STRtree(shapes)
    left, right = tree.query(shapes, predicate="dwithin", distance=section.site_gap_m)
    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(len(counted),) * 2)
    _, site = connected_components(graph.tocsr(), directed=False)
    left, right = tree.query(
        shapes, predicate="dwithin", distance=max(section.near_m, section.site_gap_m)
    )
    pairs = np.unique(np.column_stack([site[left], site[right]]), axis=0)
    members = [np.flatnonzero(site == k) for k in range(int(site.max()) + 1)]
    beside = np.split(pairs[:, 1], np.flatnonzero(np.diff(pairs[:, 0])) + 1)
    groups = [
        _Group.of([counted[k] for k in np.sort(np.concatenate([members[n] for n in sites]))])
        for sites in beside
    ]
    return {case.number: groups[of] for case, of in zip(counted, site.tolist(), strict=True)}


def _told(case: Case, group: _Group | None, section: CluesSection) -> Case:
    if case.taking is None:
        return case
    alone = _Sum.of([case.taking])
    total = group.total if group else alone
    public = _any(
        clue(alone.cropland, section.public_interest_cropland_mu, alone.error),
        clue(alone.farmland, section.public_interest_farmland_mu, alone.error),
    )
    criminal = _criminal(total, section)
    large = clue(alone.total, section.large_mu, alone.error)
    members = group.besides(case.number) if group else ()
    others = group.count - 1 if group else 0
    told = Clues(
        accumulated_m2=total.total * M2_PER_MU,
        accumulated_farmland_m2=None if total.farmland is None else total.farmland * M2_PER_MU,
        members=members,
        public_interest=public,
        criminal=criminal,
        large=large,
        reasons=_reasons(total, (members, others), (public, criminal, large), alone, section),
        others=others,
    )
    asks = (SUBJECT,) if public in ("1", "2") else ()
    if criminal is None and total.farmland is not None:
        asks = (*asks, FOREST_KIND)
    missing = tuple(dict.fromkeys((*case.missing, *asks)))
    return replace(case, clues=told, missing=missing)


@dataclass(frozen=True, slots=True)
class _Sum:
    """Areas of one or several takings. [mu]"""

    total: float
    cropland: float
    farmland: float | None
    forest: float
    error: float

    @classmethod
    def of(cls, takings: Sequence[Taking]) -> "_Sum":
        known = [t.basic_farmland_m2 for t in takings if t.basic_farmland_m2 is not None]
        return cls(
            total=to_mu(sum(t.total_m2 for t in takings)),
            cropland=to_mu(sum(t.cropland_m2 for t in takings)),
            farmland=to_mu(sum(known)) if len(known) == len(takings) else None,
            forest=to_mu(sum(t.forest_m2 for t in takings)),
            error=to_mu(sum(min(t.uncertainty_m2, t.total_m2) for t in takings)),
        )


def clue(value_mu: float | None, limit_mu: float, error_mu: float) -> Clue | None:
    """Compare an area with a limit; the error of a part is at most the part.

    Examples
    --------
    >>> clue(12.0, 10.0, 1.0), clue(10.5, 10.0, 1.0), clue(8.0, 10.0, 1.0), clue(None, 10.0, 1.0)
    ('1', '2', '0', None)
    """
    if value_mu is None:
        return None
    error_mu = min(error_mu, value_mu)
    if value_mu > 0 and abs(value_mu - limit_mu) <= error_mu:
        return "2"
    return "1" if value_mu >= limit_mu else "0"


def _any(*clues: Clue | None) -> Clue | None:
    """Join clues of which one is enough; unknown wins over no."""
    if "1" in clues:
        return "1"
    if None in clues:
        return None
    return "2" if "2" in clues else "0"


def _criminal(total: _Sum, section: CluesSection) -> Clue | None:
    """Compare with art. 342: each kind of ground alone, or all of them as parts of their limits."""
    other = total.cropland - (total.farmland or 0.0)
    parts = (
        (total.farmland or 0.0) / section.criminal_farmland_mu,
        max(other, 0.0) / section.criminal_cropland_mu,
        total.forest / section.criminal_forest_mu,
    )
    narrowest = section.criminal_farmland_mu if total.farmland else section.criminal_cropland_mu
    mixed = clue(sum(parts), 1.0, total.error / narrowest)
    if total.farmland is None and mixed != "1" and total.cropland > 0:
        return None
    if mixed == "0" and total.forest > 0:
        special = sum(parts[:2]) + total.forest / section.criminal_special_forest_mu
        return mixed if clue(special, 1.0, total.error / narrowest) == "0" else None
    return mixed


def _reasons(
    total: _Sum,
    near: tuple[Sequence[str], int],
    clues: tuple[Clue | None, ...],
    alone: _Sum,
    section: CluesSection,
) -> tuple[str, ...]:
    words: dict[Clue | None, str] = {"1": "达到", "2": "限值在面积误差带内，可能达到"}
    lines, (members, others) = [], near
    if members:
        shown = "、".join(members[:_NAMED]) + ("等" if others > _NAMED else "")
        lines.append(
            f"十二个月内本处及周边{section.near_m:g}米范围占地累计未批{total.total:.2f}亩（含本案，另有{others}件：{shown}）"
        )
    if clues[0] in words:
        text = f"未批占耕地{alone.cropland:.2f}亩、占永久基本农田{_mu(alone.farmland)}"
        lines.append(f"{text}，{words[clues[0]]}公益诉讼线索面积，主体由县核实")
    if clues[1] in words:
        text = f"累计未批占耕地{total.cropland:.2f}亩、永久基本农田{_mu(total.farmland)}、林地{total.forest:.2f}亩"
        lines.append(f"{text}，{words[clues[1]]}刑法第三百四十二条线索面积")
    if clues[2] in words:
        size = "特大图斑" if alone.total >= section.very_large_mu else "大图斑"
        lines.append(f"未批{alone.total:.2f}亩，{words[clues[2]]}{size}标准")
    return tuple(lines)


def _mu(value: float | None) -> str:
    return "未知" if value is None else f"{value:.2f}亩"
