"""The next image on the ground of rectified cases: is the structure gone, is it green, is it back?

A structure stands until a change that takes it away is found; a change whose kind is unsure, ground
that was not observed, and ground that the evidence does not call unchanged widen the interval
instead of deciding it, this month and in those after. Plants seen after the case was rectified say
that nothing stands there. The image gives a result, never a closing.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.codes import CONSTRUCTION_FAMILIES
from changedetect.config.crosscheck import CrosscheckSection
from changedetect.entries import ImageCheck, Rechecked

from .grounds import ClosedCase, Watched
from .overlay import beyond, shared
from .shares import Change, Share, Sight
from .slivers import EMPTY

TAKEN_AWAY = frozenset({"demolition", "planting", "pond"})
"""Families of change after which no structure stands."""


def recheck(
    cases: Sequence[ClosedCase], watched: Sequence[Watched], sight: Sight, cfg: CrosscheckSection
) -> tuple[ImageCheck, ...]:
    """Look at rectified and closed cases on this month's images.

    Parameters
    ----------
    cases
        With what they were built as, and when they were last seen.
    watched
        From `due`; only cases among them are looked at.
    sight
        What images showed, with the plant cover of watched ground.
    cfg
        Shares from which a structure is gone, kept, or back.

    Returns
    -------
    tuple of ImageCheck
        Sorted by case number.
    """
    known = {case.number: case for case in cases}
    asked = {one.record_id: one for one in watched if one.kind == "case"}
    changes = shapely.STRtree([change.geometry for change in sight.changes])
    unseen = shapely.STRtree(list(sight.unseen))

    def around(ground: BaseGeometry) -> tuple[list[Change], list[BaseGeometry]]:
        near = np.sort(changes.query(ground, predicate="intersects")).tolist()
        dark = np.sort(unseen.query(ground, predicate="intersects")).tolist()
        return [sight.changes[i] for i in near], [sight.unseen[i] for i in dark]

    return tuple(
        _check(known[name], asked[name], around(known[name].geometry), sight, cfg)
        for name in sorted(asked)
    )


def _check(
    case: ClosedCase,
    one: Watched,
    around: tuple[list[Change], list[BaseGeometry]],
    sight: Sight,
    cfg: CrosscheckSection,
) -> ImageCheck:
    ground, (near, dark) = case.geometry, around
    hidden = _hidden(ground, near, [*dark, sight.doubts.get(one.watch_id, EMPTY)], sight.before)
    unseen = _share(shared(ground, _union(dark)), ground)
    found = sight.greenness.get(one.watch_id)
    green = None if found is None else found.green_share
    standing = _standing(case, near, hidden, green)
    rebuilt = _rebuilt(case, near, hidden)
    told = _result(standing, rebuilt, green, cfg)
    return ImageCheck(
        case=case.number,
        unit_id=one.watch_id,
        result=told or ("未观测" if unseen > cfg.recheck_gone_share else "不能判定"),
        standing=(standing.low, standing.high),
        rebuilt=(rebuilt.low, rebuilt.high),
        green=green,
        unseen=unseen,
        before=sight.before,
        after=sight.after,
        since=case.closed_on,
        unbroken=_unbroken(case, sight),
    )


def _unbroken(case: ClosedCase, sight: Sight) -> bool:
    last = case.seen_on if case.checked is None else case.checked[1]
    return last is not None and sight.before <= last


def _hidden(
    ground: BaseGeometry, near: Sequence[Change], unsaid: Sequence[BaseGeometry], before: date
) -> BaseGeometry:
    """Return ground that was not observed, or not called unchanged, and lies in no sure change."""
    sure = [c.geometry for c in near if c.is_sure and c.seen_on > before]
    return beyond(shared(ground, _union(unsaid)), _union(sure))


def _standing(
    case: ClosedCase, near: Sequence[Change], hidden: BaseGeometry, green: float | None
) -> Share:
    """Follow the structure through the changes found since it was last seen, in their order."""
    ground = case.geometry
    low = ground if case.family in CONSTRUCTION_FAMILIES else EMPTY
    high = ground
    later = [c for c in near if case.seen_on is None or c.seen_on > case.seen_on]
    for change in sorted(later, key=_order):
        there = shared(ground, change.geometry)
        if not change.is_sure:
            low, high = beyond(low, there), shapely.union(high, there)
        elif change.family in TAKEN_AWAY:
            low, high = beyond(low, there), beyond(high, there)
        elif change.family in CONSTRUCTION_FAMILIES:
            low, high = shapely.union(low, there), shapely.union(high, there)
    low, high = beyond(low, hidden), shapely.union(high, hidden)
    most = _share(high, ground)
    if green is not None:
        most = min(most, 1.0 - green)
    least = _share(low, ground)
    if case.checked is not None:
        least = min(least, max(case.checked[0], _rebuilt(case, near, hidden).low))
    return Share(min(least, most), most)


def _order(change: Change) -> tuple[object, ...]:
    return change.seen_on, change.family in CONSTRUCTION_FAMILIES, shapely.to_wkb(change.geometry)


def _rebuilt(case: ClosedCase, near: Sequence[Change], hidden: BaseGeometry) -> Share:
    later = [c for c in near if c.seen_on > case.closed_on]
    sure = [c.geometry for c in later if c.is_sure and c.family in CONSTRUCTION_FAMILIES]
    doubtful = [c.geometry for c in later if not c.is_sure]
    ground = case.geometry
    low = _share(shared(ground, _union(sure)), ground)
    high = _share(shared(ground, _union([*sure, *doubtful, hidden])), ground)
    return Share(low, max(low, high))


def _result(
    standing: Share, rebuilt: Share, green: float | None, cfg: CrosscheckSection
) -> Rechecked | None:
    if rebuilt.low > cfg.recheck_rebuilt_share:
        return "重建"
    if standing.high <= cfg.recheck_gone_share:
        return "复耕" if green is not None and green >= cfg.recheck_green_share else "拆除"
    if standing.low >= cfg.recheck_kept_share:
        return "未改"
    told = standing.low > cfg.recheck_gone_share and standing.high < cfg.recheck_kept_share
    return "部分" if told else None


def _union(shapes: Sequence[BaseGeometry]) -> BaseGeometry:
    return shapely.union_all(np.array(shapes, dtype=object)) if shapes else EMPTY


def _share(shape: BaseGeometry, ground: BaseGeometry) -> float:
    return float(min(shape.area / ground.area, 1.0)) if ground.area > 0 else 0.0
