"""What is known of a watched polygon: shares of its ground as intervals, what was not seen wide open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.codes import CONSTRUCTION_FAMILIES, LandGroup
from changedetect.config.watches import SERIES_LOOKS, WatchTest

from .land import Land
from .overlay import beyond, shared
from .slivers import EMPTY


@dataclass(frozen=True, slots=True)
class Greenness:
    """What a season's images say of a watched polygon; None = too few clear images.

    Attributes
    ----------
    green_share
        Ground with plant cover in some clear image of the last season. [0-1]
    cropped_share, cropped_most
        Ground that was green and bare again in each of two seasons, at least and at most: between
        images that lie far apart it may have been. [0-1]
    images, first_day, last_day
        Clear images that it rests on, and their span.
    """

    watch_id: str
    green_share: float | None
    cropped_share: float | None
    images: int
    first_day: date | None = None
    last_day: date | None = None
    cropped_most: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change that was found: what it became, when it was first seen, and whether that is sure."""

    family: str
    seen_on: date
    is_sure: bool
    geometry: BaseGeometry


@dataclass(frozen=True, slots=True)
class Sight:
    """What images showed this month and before.

    Attributes
    ----------
    before, after
        Days of the month's pair.
    before_scene, after_scene, gsd_m
        Its images.
    changes
        Patches of the month, and those of the months before that the ledger holds.
    unseen
        Ground not observed this month.
    greenness
        By watch id.
    surveyed
        Day whose state the land parcels show; None = not told.
    doubts
        By watch id, ground of a case that this month's evidence does not call unchanged.
    """

    before: date
    after: date
    before_scene: str
    after_scene: str
    gsd_m: float
    changes: tuple[Change, ...] = ()
    unseen: tuple[BaseGeometry, ...] = ()
    greenness: Mapping[str, Greenness] = field(default_factory=dict)
    surveyed: date | None = None
    doubts: Mapping[str, BaseGeometry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Share:
    """A share that lies between two bounds. [0-1]"""

    low: float
    high: float

    def above(self, limit: float) -> bool | None:
        """Tell whether it is above a limit; None = the bounds do not agree."""
        if self.low > limit:
            return True
        return None if self.high > limit else False

    def below(self, limit: float) -> bool | None:
        """Tell whether it is below a limit; None = the bounds do not agree."""
        if self.high < limit:
            return True
        return None if self.low < limit else False


@dataclass(frozen=True, slots=True)
class Look:
    """Everything needed to look at one polygon."""

    ground: BaseGeometry
    land: Land
    near: tuple[Change, ...]
    unseen: float
    green: Greenness | None
    sight: Sight


def share_of(look: Look, test: WatchTest, since: date | None) -> Share:
    """Measure the share that a test looks at."""
    if test.look in SERIES_LOOKS:
        return _series_share(look, test)
    if test.look == "built":
        return _built(look)
    if test.look == "outflow":
        return _outflow(look, test)
    families = frozenset({"mining"}) if test.look == "mined" else CONSTRUCTION_FAMILIES
    wanted = frozenset(test.families) or families
    later = [c for c in look.near if since is None or c.seen_on > since]
    return _between(look, look.ground, later, wanted)


def _series_share(look: Look, test: WatchTest) -> Share:
    green = look.green
    if green is None:
        return Share(0.0, 1.0)
    if test.look == "never_green":
        least = most = green.green_share
    else:
        least = green.cropped_share
        most = least if green.cropped_most is None else green.cropped_most
    return Share(0.0, 1.0) if least is None or most is None else Share(1 - most, 1 - least)


def _built(look: Look) -> Share:
    """Add construction of the survey and of later changes; what is green is not built."""
    pieces = look.land.pieces
    standing = [p.geometry for p in pieces if p.group is LandGroup.CONSTRUCTION]
    unknown = [p.geometry for p in pieces if p.group is LandGroup.UNKNOWN]
    surveyed = look.sight.surveyed
    later = [c for c in look.near if surveyed is None or c.seen_on > surveyed]
    gone = _union([c.geometry for c in later if c.family == "demolition"])
    base = beyond(_union(standing), gone)
    sure = [c.geometry for c in later if c.is_sure and c.family in CONSTRUCTION_FAMILIES]
    low = _area_share(look.ground, [base, *sure])
    doubtful = [c.geometry for c in later if not c.is_sure]
    high = _area_share(look.ground, [base, *sure, *unknown, *doubtful, gone]) + look.unseen
    if surveyed is None:
        high = 1.0
    green = None if look.green is None else look.green.green_share
    if green is not None:
        high = min(high, max(1 - green, low))
    return Share(low, min(max(high, low), 1.0))


def _outflow(look: Look, test: WatchTest) -> Share:
    crop = _union([p.geometry for p in look.land.pieces if p.group is LandGroup.CROPLAND])
    if crop.area <= 0:
        return Share(0.0, 0.0)
    month = [c for c in look.near if c.seen_on > look.sight.before]
    return _between(look, crop, month, frozenset(test.families) or CONSTRUCTION_FAMILIES)


def _between(
    look: Look, ground: BaseGeometry, changes: Sequence[Change], families: frozenset[str]
) -> Share:
    sure = [c.geometry for c in changes if c.is_sure and c.family in families]
    maybe = [c.geometry for c in changes if not c.is_sure]
    low = _area_share(ground, sure)
    return Share(low, min(_area_share(ground, [*sure, *maybe]) + look.unseen, 1.0))


def _union(shapes: Sequence[BaseGeometry]) -> BaseGeometry:
    return shapely.union_all(np.array(shapes, dtype=object)) if shapes else EMPTY


def _area_share(ground: BaseGeometry, shapes: Sequence[BaseGeometry]) -> float:
    if not shapes or ground.area <= 0:
        return 0.0
    return float(min(shared(ground, _union(shapes)).area / ground.area, 1.0))
