"""What of a unit a theme is about, and what of that no approval covers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.codes import LandGroup
from changedetect.config.crosscheck import CrosscheckSection
from changedetect.config.themes import Measure, Theme
from changedetect.measure import area_m2, areas_m2
from changedetect.records import LandPiece, UnitAreas, Verdict

from .approvals import Meeting
from .land import Land
from .overlay import shared
from .references import References
from .slivers import EMPTY, without_slivers_many
from .units import Part
from .zones import pieces_in

HALF = 0.5
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of a unit, for every theme alike."""

    part: Part
    land: Land
    areas: UnitAreas
    meetings: tuple[Meeting, ...]
    refs: References
    crs: str
    cfg: CrosscheckSection
    clusters: Mapping[str, int] = field(default_factory=dict)
    """Theme code -> patches in the cluster in which this one lies."""
    memo: dict[tuple[object, ...], Any] = field(default_factory=dict, compare=False)
    """What themes ask for alike is worked out once a unit; it changes no answer."""

    def once(self, key: tuple[object, ...], work: Callable[[], T]) -> T:
        """Return what ``work`` gives, from the first time that it was asked for."""
        if key not in self.memo:
            self.memo[key] = work()
        found: T = self.memo[key]
        return found


@dataclass(frozen=True, slots=True)
class Ground:
    """The part of a unit that a theme asks about.

    Attributes
    ----------
    pieces
        Land pieces in the theme's zone, of its groups before, outside villages where it says so.
    geometry, area_m2
        Their union without slivers; empty and 0 where nothing is left.
    raw_m2
        Area of the pieces.
    village_m2, unknown_m2
        Ground in the zone that was left out for its settlement code; that no parcel names.
    """

    pieces: tuple[LandPiece, ...]
    geometry: BaseGeometry
    area_m2: float
    raw_m2: float
    village_m2: float
    unknown_m2: float


def grounds_of(units: Sequence[Facts], themes: Sequence[Theme]) -> list[dict[str, Ground]]:
    """Pick the pieces that themes are about, for many units at once.

    Themes about the same pieces of a unit share them.

    Returns
    -------
    list of dict
        One a unit: theme code -> its ground.
    """
    picked = [[_pick(facts, theme) for theme in themes] for facts in units]
    asked = {
        (unit, *map(id, pick.pieces)): (units[unit], pick.pieces)
        for unit, picks in enumerate(picked)
        for pick in picks
    }
    shaped = dict(zip(asked, _shapes(list(asked.values())), strict=True))
    return [
        {
            theme.code: Ground(
                pick.pieces,
                *shaped[(unit, *map(id, pick.pieces))],
                pick.village_m2,
                pick.unknown_m2,
            )
            for theme, pick in zip(themes, picks, strict=True)
        }
        for unit, picks in enumerate(picked)
    ]


@dataclass(frozen=True, slots=True)
class _Pick:
    """What a theme is about, before it has a shape; as in `Ground`."""

    pieces: tuple[LandPiece, ...]
    village_m2: float
    unknown_m2: float


def _pick(facts: Facts, theme: Theme) -> _Pick:
    here = pieces_in(facts.land, facts.meetings, theme.zone, facts.crs) or ()
    villages = _settlements(facts, theme)
    return _Pick(
        pieces=tuple(p for p in here if _is_meant(p, theme) and p.settlement not in villages),
        village_m2=sum((p.area_m2 for p in here if p.settlement in villages), 0.0),
        unknown_m2=sum((p.area_m2 for p in here if p.group is LandGroup.UNKNOWN), 0.0),
    )


def _shapes(
    asked: Sequence[tuple[Facts, tuple[LandPiece, ...]]],
) -> list[tuple[BaseGeometry, float, float]]:
    """Join pieces and take rims off: the shape, its area, and that of the pieces. [m²]"""
    if not asked:
        return []
    cfg, crs = asked[0][0].cfg, asked[0][0].crs
    joined = _joined(asked)
    wholes = np.array([facts.part.geometry for facts, _ in asked], dtype=object)
    width_m = np.array([facts.land.width_m for facts, _ in asked])
    kept = without_slivers_many(joined, shapely.area(wholes), width_m, cfg)
    is_cut = np.array([one is not other for one, other in zip(kept, joined, strict=True)])
    kept_m2 = iter(areas_m2(kept[is_cut], crs))
    found = []
    for (_, pieces), shape, cut in zip(asked, kept, is_cut.tolist(), strict=True):
        raw_m2 = sum((piece.area_m2 for piece in pieces), 0.0)
        found.append((shape, min(next(kept_m2), raw_m2) if cut else raw_m2, raw_m2))
    return found


def _joined(asked: Sequence[tuple[Facts, tuple[LandPiece, ...]]]) -> np.ndarray:
    """Join pieces, those of equally many at once; all of a unit's pieces are the unit itself."""
    joined = np.full(len(asked), EMPTY, dtype=object)
    several: dict[int, list[int]] = {}
    for number, (facts, pieces) in enumerate(asked):
        if _is_all(pieces, facts):
            joined[number] = facts.part.geometry
        elif pieces:
            several.setdefault(len(pieces), []).append(number)
    for numbers in several.values():
        shapes = [[piece.geometry for piece in asked[number][1]] for number in numbers]
        joined[numbers] = shapely.union_all(np.array(shapes, dtype=object), axis=1)
    return joined


def _settlements(facts: Facts, theme: Theme) -> tuple[str, ...]:
    village = theme.village
    if village is None or not theme.rule_of(village.rule).in_force(facts.part.after_date):
        return ()
    return village.settlements


def _is_meant(piece: LandPiece, theme: Theme) -> bool:
    if theme.before and piece.group not in theme.before:
        return False
    return not theme.before_classes or piece.land_class.startswith(theme.before_classes)


def ground_shape(pieces: Sequence[LandPiece], facts: Facts) -> BaseGeometry:
    """Join pieces of a unit; all of them are the unit itself."""
    found: BaseGeometry = _joined([(facts, tuple(pieces))])[0]
    return found


def _is_all(pieces: Sequence[LandPiece], facts: Facts) -> bool:
    whole = facts.land.pieces
    return len(pieces) == len(whole) and all(p is q for p, q in zip(pieces, whole, strict=True))


def minimum_m2(facts: Facts, theme: Theme) -> float:
    """Return the smallest area that is dispatched: the theme's, or so many pixels of the images."""
    family = facts.part.family
    in_core = facts.land.core is not None and not facts.land.core.is_empty
    fitting = [
        entry.area_m2
        for entry in theme.minimum
        if (not entry.families or family in entry.families) and (in_core or not entry.core_reserve)
    ]
    smallest = fitting[0] if fitting else max(entry.area_m2 for entry in theme.minimum)
    return max(smallest, theme.imagery.minimum_px * facts.part.gsd_m**2)


def mostly(ground: Ground, group: LandGroup) -> bool:
    """Tell whether a group makes at least half of the ground."""
    found = sum(piece.area_m2 for piece in ground.pieces if piece.group is group)
    return found >= HALF * ground.raw_m2


def mostly_of(ground: Ground, classes: tuple[str, ...]) -> bool:
    """Tell whether land classes, by their prefixes, make at least half of the ground."""
    found = sum(p.area_m2 for p in ground.pieces if p.land_class.startswith(classes))
    return found >= HALF * ground.raw_m2


def measured(
    facts: Facts, ground: Ground, left: BaseGeometry, left_m2: float
) -> dict[Measure, float | None]:
    """Measure the ground, and what approvals leave of it; None = a zone's layer does not cover.

    Parameters
    ----------
    facts, ground
        The unit, and what the theme asks of it.
    left, left_m2
        The ground that no approval covers, and its area. [m²]
    """
    whole = left is ground.geometry
    core = facts.land.core
    return {
        "area": ground.area_m2,
        "cropland": _sum(ground.pieces, "cropland"),
        "basic_farmland": _sum(ground.pieces, "basic_farmland"),
        "red_line": _sum(ground.pieces, "red_line"),
        "red_line_core": None if core is None else _shared(core, ground.geometry, facts, np.inf),
        "unapproved": left_m2,
        "unapproved_cropland": _of(ground.pieces, "cropland", facts, None if whole else left),
        "unapproved_basic_farmland": _of(
            ground.pieces, "basic_farmland", facts, None if whole else left
        ),
    }


def _is(piece: LandPiece, what: str) -> Verdict:
    if what == "cropland":
        return Verdict.YES if piece.group is LandGroup.CROPLAND else Verdict.NO
    found: Verdict = getattr(piece, what)
    return found


def _sum(pieces: Sequence[LandPiece], what: str) -> float | None:
    if any(_is(piece, what) is Verdict.UNKNOWN for piece in pieces):
        return None
    return sum((piece.area_m2 for piece in pieces if _is(piece, what) is Verdict.YES), 0.0)


def _of(
    pieces: Sequence[LandPiece], what: str, facts: Facts, left: BaseGeometry | None
) -> float | None:
    whole = _sum(pieces, what)
    if whole is None or left is None:
        return whole
    wanted = [piece for piece in pieces if _is(piece, what) is Verdict.YES]
    return sum((_shared(piece.geometry, left, facts, piece.area_m2) for piece in wanted), 0.0)


def _shared(shape: BaseGeometry, other: BaseGeometry, facts: Facts, most_m2: float) -> float:
    return min(area_m2(shared(shape, other), facts.crs), most_m2)


def unapproved_parts(facts: Facts, left: BaseGeometry) -> tuple[float, float | None]:
    """Measure cropland and permanent basic farmland of what is left of a whole unit. [m²]"""
    pieces = facts.land.pieces
    shape = None if left is facts.part.geometry else left
    cropland = _of(pieces, "cropland", facts, shape)
    return cropland or 0.0, _of(pieces, "basic_farmland", facts, shape)
