"""Whether a change is legal, and the approvals that make it so.

Truth follows theme 02 (illegal use of land), and theme 06 for mining. Let *A* be the ground of a
change, and its *bracket* the time between the image before and the image after.

1. Families outside `codes.CONSTRUCTION_FAMILIES` (planting, pond, greenhouse, demolition) are
   ``not_construction``, whatever approvals lie there.
2. A road no wider than 8 m is a rural road: ``legal``, situation ``rural_road``, no record needed.
3. Otherwise *E* is the union of

   - village land (DLTB with CZCSXM 203); not for mining;
   - every approval that is **valid at the change**, of a kind that is **usable for the family**
     (`USABLE`).

   ``legal`` if E covers at least 95% of A's area, else ``illegal``.

*Valid at the change*: approved on or before the day of the image before, and YXQZ empty or not
before the day of the image after. No approval of a change has a date within or near its bracket:
approvals are older than the change by 60 days or more, or later by 45 days or more; an expired one ran out 60 days
or more before, a valid one has 60 days or more to run. So no choice of dates inside the
month alters a label.

*Usable*: conversion (NZY), supply (GY), linked projects (ZJG) and registration (DJ) for all
construction but mining; homestead (ZJD) for buildings; facility land (SS) for buildings and hard
surface; temporary land (LS) for earthwork only, since nothing permanent may stand on it; a
mining right (CK) for mining only.

The excuse is the SPLX of the usable valid approval that covers most; empty for village land and
rural roads. Inside the red line only illegal situations are drawn for changes that need approval (theme 07 would judge them anyway). Basic
farmland has no part in this label; facility land is never drawn on it.

Situations: ``valid``, ``union`` (two approvals that cover it only together), ``facility``,
``in_village``, ``rural_road`` (legal); ``none``, ``expired``, ``later``, ``too_small`` (one valid
approval over 40-75%), ``sliver`` (a valid approval of the neighbour's land
covers less than 5%: as good as none), ``temporary`` (something permanent on valid temporary land) (illegal). A
change that is not construction has ``none``, or ``facility`` where facility land is on file.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.codes import CONSTRUCTION_FAMILIES
from changedetect.simulate.changes import Planned

LEGAL_SHARE = 0.95
"""Part of the changed ground that approvals and village land must cover."""

RURAL_ROAD_MAX_M = 8.0
"""Greatest width of a rural road. [m]"""

_GENERAL = frozenset({"NZY", "GY", "ZJG", "DJ"})
USABLE: dict[str, frozenset[str]] = {
    "building": _GENERAL | {"ZJD", "SS"},
    "hard_surface": _GENERAL | {"SS"},
    "earthwork": _GENERAL | {"LS"},
    "road": _GENERAL,
    "photovoltaic": _GENERAL,
    "mining": frozenset({"CK"}),
}
"""Family -> kinds of approval (SPLX) that excuse it."""

_HOMESTEAD_MAX_M2 = 400.0
_KIND_CHANCE: dict[str, dict[str, float]] = {
    "building": {"NZY": 0.45, "GY": 0.30, "DJ": 0.15, "ZJG": 0.10},
    "hard_surface": {"NZY": 0.50, "GY": 0.30, "DJ": 0.20},
    "earthwork": {"NZY": 0.40, "GY": 0.20, "LS": 0.30, "ZJG": 0.10},
    "road": {"NZY": 0.70, "GY": 0.30},
    "photovoltaic": {"NZY": 0.60, "GY": 0.40},
    "mining": {"CK": 1.0},
}
_ILLEGAL = {"none": 0.40, "sliver": 0.06, "expired": 0.16, "later": 0.18, "too_small": 0.20}
_LEGAL_CHANCE = 0.46


@dataclass(frozen=True, slots=True)
class Context:
    """What the maps say about the ground of a change.

    ``village``, ``red_line`` and ``basic_farmland`` are shares of its area, 0-1.
    """

    village: float
    red_line: float
    basic_farmland: float
    area_m2: float


@dataclass(frozen=True, slots=True)
class Draft:
    """An approval before it has a number: kind (SPLX), days, ground."""

    kind: str
    approved_on: date
    valid_to: date | None
    geometry: BaseGeometry


@dataclass(frozen=True, slots=True)
class Label:
    """What truth says about the legality of a change."""

    legality: str
    excuse: str | None
    situation: str


def draw_label(rng: np.random.Generator, plan: Planned, context: Context) -> Label:
    """Choose the situation of a change.

    Parameters
    ----------
    rng
        Source of chance.
    plan
        The change.
    context
        Where it lies.
    """
    if plan.family not in CONSTRUCTION_FAMILIES:
        filed = plan.family == "greenhouse" and rng.random() < 0.5
        return Label("not_construction", None, "facility" if filed else "none")
    if 0 < plan.shape.width_m <= RURAL_ROAD_MAX_M:
        return Label("legal", None, "rural_road")
    if context.village >= LEGAL_SHARE and plan.family != "mining":
        return Label("legal", None, "in_village")
    if context.red_line > 0 or rng.random() > _LEGAL_CHANCE:
        return _illegal(rng, plan)
    return _legal(rng, plan, context)


def _illegal(rng: np.random.Generator, plan: Planned) -> Label:
    if plan.chain:
        return Label("illegal", None, "none")
    if plan.family in {"building", "hard_surface"} and rng.random() < 0.09:
        return Label("illegal", None, "temporary")
    return Label("illegal", None, str(rng.choice(list(_ILLEGAL), p=list(_ILLEGAL.values()))))


def _legal(rng: np.random.Generator, plan: Planned, context: Context) -> Label:
    if plan.chain:
        return Label("legal", "CK" if plan.family == "mining" else "NZY", "valid")
    small = plan.family == "building" and context.area_m2 <= _HOMESTEAD_MAX_M2
    if small and rng.random() < 0.6:
        return Label("legal", "ZJD", "valid")
    facility = plan.family in {"building", "hard_surface"} and context.basic_farmland == 0
    if facility and rng.random() < 0.6:
        return Label("legal", "SS", "facility")
    if plan.family != "mining" and rng.random() < 0.16:
        return Label("legal", "NZY", "union")
    chance = _KIND_CHANCE[plan.family]
    return Label("legal", str(rng.choice(list(chance), p=list(chance.values()))), "valid")


def _before(rng: np.random.Generator, day: date) -> date:
    return day - timedelta(days=int(rng.integers(90, 900)))


def _runs_to(rng: np.random.Generator, kind: str, day: date) -> date | None:
    """Return the last day of a valid approval; None for kinds without one."""
    if kind not in {"LS", "CK", "SS"}:
        return None
    return day + timedelta(days=int(rng.integers(150, 500 if kind == "LS" else 1800)))


def _part(
    ground: BaseGeometry, share: float, *, upper: bool, angle: float, margin_m: float = 0.0
) -> BaseGeometry:
    """Cut the part off a ground that lies beyond a line and holds about a share of its area.

    With a margin the part reaches that far beyond the ground, but not across the line.
    """
    west, south, east, north = ground.bounds
    x, y = np.meshgrid(np.arange(west + 0.5, east), np.arange(south + 0.5, north))
    shapely.prepare(ground)
    inside = shapely.contains_xy(ground, x, y)
    cos, sin = np.cos(angle), np.sin(angle)
    along = (x - west) * cos + (y - south) * sin
    cut = float(np.quantile(along[inside], 1 - share if upper else share))
    far = 2.0 * (east - west + north - south) + 50.0
    ends = (cut, far) if upper else (-far, cut)
    ring = [(ends[0], -far), (ends[1], -far), (ends[1], far), (ends[0], far)]
    corners = [(west + u * cos - v * sin, south + u * sin + v * cos) for u, v in ring]
    return ground.buffer(margin_m).intersection(shapely.Polygon(corners))


def _around(rng: np.random.Generator, ground: BaseGeometry) -> BaseGeometry:
    """Draw the approved parcel around a ground: a few metres wider, straight-sided."""
    wide = ground.buffer(float(rng.uniform(2.5, 5.5)), join_style="mitre", mitre_limit=2.0)
    return wide.simplify(1.2)


def draw_approvals(
    rng: np.random.Generator, plan: Planned, label: Label, ground: BaseGeometry
) -> list[Draft]:
    """Draw the approvals that make a label true; empty where none is needed.

    Parameters
    ----------
    rng
        Source of chance.
    plan, label
        The change and what was chosen for it.
    ground
        Its ground, in the grid's CRS.
    """
    first, last = plan.days[0], plan.days[-1]
    mining = plan.family == "mining"
    match label.situation:
        case "valid" | "facility":
            made = [_valid(rng, label.excuse or "SS", plan, _around(rng, ground))]
        case "temporary":
            made = [_valid(rng, "LS", plan, _around(rng, ground))]
        case "union":
            made = _two_halves(rng, plan, ground)
        case "too_small":
            kind = "CK" if mining else str(rng.choice(["NZY", "GY"]))
            angle, share = rng.uniform(0, np.pi), rng.uniform(0.4, 0.75)
            made = [_valid(rng, kind, plan, _part(ground, share, upper=True, angle=angle))]
        case "sliver":
            angle, share = rng.uniform(0, np.pi), rng.uniform(0.01, 0.03)
            kind = str(rng.choice(sorted(USABLE[plan.family])))
            beside = _part(ground, share, upper=True, angle=angle, margin_m=7.0)
            made = [_valid(rng, kind, plan, beside)]
        case "later":
            kind = "CK" if mining else str(rng.choice(["NZY", "GY", "DJ"]))
            late = last + timedelta(days=int(rng.integers(45, 110)))
            made = [Draft(kind, late, _runs_to(rng, kind, late), _around(rng, ground))]
        case "expired":
            kind = "CK" if mining else str(rng.choice(["LS", "NZY"]))
            end = first - timedelta(days=int(rng.integers(60, 400)))
            begin = end - timedelta(days=int(rng.integers(360, 730)))
            made = [Draft(kind, begin, end, _around(rng, ground))]
        case _:
            made = []
    return made


def _valid(rng: np.random.Generator, kind: str, plan: Planned, geometry: BaseGeometry) -> Draft:
    """Draw an approval that is valid at the change."""
    return Draft(kind, _before(rng, plan.days[0]), _runs_to(rng, kind, plan.days[-1]), geometry)


def _two_halves(rng: np.random.Generator, plan: Planned, ground: BaseGeometry) -> list[Draft]:
    """Draw two valid approvals that cover a ground only together; conversion has the larger."""
    angle, share = rng.uniform(0, np.pi), rng.uniform(0.36, 0.47)
    other = str(rng.choice(["GY", "ZJG", "NZY"]))
    low = _part(ground, 1 - share + 0.04, upper=False, angle=angle).buffer(2.0)
    high = _part(ground, share, upper=True, angle=angle).buffer(2.0)
    return [_valid(rng, "NZY", plan, low), _valid(rng, other, plan, high)]
