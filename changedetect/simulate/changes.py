"""Which changes happen, how large, when and where."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import scipy.ndimage as ndi

from changedetect.codes import FAMILIES
from changedetect.grid import Window
from changedetect.simulate import shapes
from changedetect.simulate.canvas import HEIGHT_M
from changedetect.simulate.shapes import Shape
from changedetect.simulate.sites import Sites, cropped, place
from changedetect.simulate.world import UNTOUCHED, PlantedChange, Stage, cover_index

LARGEST_M2 = 200_000 / 3
"""100 mu. [m²]"""

SMALLEST_M2 = 60.0

_SHARE = {
    "building": 0.22, "hard_surface": 0.14, "earthwork": 0.17, "road": 0.07, "photovoltaic": 0.03,
    "mining": 0.05, "planting": 0.11, "pond": 0.07, "greenhouse": 0.07, "demolition": 0.07,
}  # fmt: skip
_MEDIAN_M2 = {
    "building": 330.0, "hard_surface": 500.0, "earthwork": 800.0, "road": 900.0,
    "photovoltaic": 2200.0, "mining": 1300.0, "planting": 1000.0, "pond": 750.0,
    "greenhouse": 900.0, "demolition": 300.0,
}  # fmt: skip
_RANGE_M2 = {
    "building": (68, 6000), "hard_surface": (72, 5000), "earthwork": (120, 6000),
    "road": (180, 4500), "photovoltaic": (700, 6000), "mining": (400, 6000),
    "planting": (200, 6000), "pond": (150, 5000), "greenhouse": (200, 6000),
    "demolition": (60, 6000),
}  # fmt: skip
_KINDS: dict[str, dict[str, float]] = {
    "building": {"garden": 0.16, "edge": 0.46, "open": 0.30, "works": 0.08},
    "hard_surface": {"garden": 0.10, "edge": 0.30, "open": 0.48, "works": 0.12},
    "earthwork": {"open": 0.48, "any": 0.37, "edge": 0.15},
    "road": {"any": 1.0},
    "photovoltaic": {"slope": 1.0},
    "mining": {"wood": 1.0},
    "planting": {"crop": 1.0},
    "pond": {"paddy": 1.0},
    "greenhouse": {"crop": 1.0},
    "demolition": {"house": 1.0},
}
_LARGE = {"earthwork": "any", "photovoltaic": "slope", "mining": "wood", "planting": "crop"}
_GARDEN_MAX_M2 = 150.0
_GROWTH_M = 7.0
_LAST_TRIES = 12


@dataclass(frozen=True, slots=True)
class Wish:
    """A change that shall happen: ``month`` counts from 0, -1 = in the history."""

    family: str
    area_m2: float
    month: int
    kind: str


@dataclass(frozen=True, slots=True)
class Planned:
    """A change with its place and days.

    ``chain`` is shared by changes that follow one another on the same site (0 = stands alone);
    ``link`` is 0 for the first of them.
    """

    family: str
    month: int
    kind: str
    window: Window
    shape: Shape
    days: tuple[date, ...]
    chain: int = 0
    link: int = 0


@dataclass(frozen=True, slots=True)
class Calendar:
    """The months of a world: ``start`` is the first day of the first monitored month."""

    start: date
    months: int
    history_months: int

    def month(self, index: int) -> date:
        """Return the first day of a month; 0 = the first monitored one."""
        serial = self.start.year * 12 + self.start.month - 1 + index
        return date(serial // 12, serial % 12 + 1, 1)

    @property
    def first_day(self) -> date:
        """First day of the history."""
        return self.month(-self.history_months)

    @property
    def last_day(self) -> date:
        """Last day of the last monitored month."""
        return self.month(self.months) - timedelta(days=1)


def _area(rng: np.random.Generator, family: str) -> float:
    low, high = _RANGE_M2[family]
    return float(np.clip(_MEDIAN_M2[family] * np.exp(rng.normal(0, 0.95)), low, high))


def _wish(rng: np.random.Generator, family: str, month: int) -> Wish:
    kinds = _KINDS[family]
    kind = str(rng.choice(list(kinds), p=list(kinds.values())))
    area = _area(rng, family)
    if kind == "garden":
        area = float(rng.uniform(SMALLEST_M2 + 9, _GARDEN_MAX_M2))
    return Wish(family, area, month, kind)


def draw_wishes(rng: np.random.Generator, size: int, calendar: Calendar) -> list[Wish]:
    """Draw what shall happen, the largest first.

    Every month has every family; one change of a month is large, one of the world very large
    (up to `LARGEST_M2` where the world has room for it).
    """
    land = size * size
    families, share = list(_SHARE), np.array(list(_SHARE.values()))
    wishes = []
    giant = int(rng.integers(calendar.months))
    for month in range(calendar.months):
        count = max(14, round(rng.uniform(18.5, 24.5) * land / 1e6))
        drawn = [str(name) for name in rng.choice(families, count - len(families), p=share)]
        wishes += [_wish(rng, family, month) for family in [*FAMILIES, *drawn]]
        top = min(LARGEST_M2, 0.028 * land) if month == giant else min(16_000.0, 0.006 * land)
        area = float(rng.uniform(0.75, 0.98) * top) if month == giant else rng.uniform(0.4, 1) * top
        family = str(rng.choice(list(_LARGE)))
        wishes.append(Wish(family, float(area), month, _LARGE[family]))
    past = [str(name) for name in rng.choice(families, max(5, round(7 * land / 1e6)), p=share)]
    wishes += [_wish(rng, family, -1) for family in past]
    return sorted(wishes, key=lambda wish: -wish.area_m2)


def _days(
    rng: np.random.Generator, calendar: Calendar, month: int, stages: int
) -> tuple[date, ...]:
    """Draw the day of each stage: by the 10th of a monitored month, or somewhere in the past."""
    if month >= 0:
        first = calendar.month(month)
        last = int(rng.integers(4, 10))
        early = [int(rng.integers(0, 3))] if stages > 1 else []
        return tuple(first + timedelta(days=day) for day in [*early, last])
    end = calendar.start - timedelta(days=24)
    span = (end - calendar.first_day).days - 30
    begin = calendar.first_day + timedelta(days=30 + int(rng.integers(max(span - 60, 1))))
    return tuple(begin + timedelta(days=45 * stage) for stage in range(stages))


def _pulled_down(rng: np.random.Generator, sites: Sites, wish: Wish) -> tuple[Window, Shape] | None:
    """Choose a free building whose plot is about as large as wished."""
    size = sites.taken.shape[0]
    free = [
        house
        for house in sites.houses
        if house.window.row > 3
        and house.window.col > 3
        and house.window.row + house.window.height < size - 3
        and house.window.col + house.window.width < size - 3
        and not sites.taken[house.window.slices][house.mask].any()
    ]
    if not free:
        return None
    kinds = ("greenhouse", "shed") if wish.area_m2 > 500 else ("house",)
    liked = [house for house in free if house.kind in kinds] or free
    house = liked[int(rng.integers(len(liked)))]
    again = ("dryland", "vegetables") if rng.random() < 0.4 else ("rubble", "rubble")
    shape = cropped(shapes.demolition(house.mask, str(rng.choice(again))))
    rows, columns = np.flatnonzero(house.mask.any(axis=1)), np.flatnonzero(house.mask.any(axis=0))
    row, column = house.window.row + int(rows[0]), house.window.col + int(columns[0])
    return Window(row, column, *shape.mask.shape), shape


def _found(rng: np.random.Generator, sites: Sites, wish: Wish) -> tuple[Window, Shape] | None:
    """Find a place for a wish, smaller and smaller, at last on any open ground."""
    if wish.family == "demolition":
        return _pulled_down(rng, sites, wish)
    low = _RANGE_M2[wish.family][0]
    for kind in (wish.kind, wish.kind, wish.kind, _KINDS_LAST[wish.family]):
        for shrink in (1.0, 0.75, 0.5):
            shape = shapes.BUILDERS[wish.family](rng, max(low, shrink * wish.area_m2))
            window = place(rng, sites, shape, kind)
            if window is not None:
                return window, cropped(shape)
    return _smallest(rng, sites, wish)


def _smallest(rng: np.random.Generator, sites: Sites, wish: Wish) -> tuple[Window, Shape] | None:
    """Try the smallest shape of a family, often: a month shall have every family."""
    for _ in range(_LAST_TRIES):
        shape = shapes.BUILDERS[wish.family](rng, _RANGE_M2[wish.family][0] * 1.1)
        window = place(rng, sites, shape, _KINDS_LAST[wish.family])
        if window is not None:
            return window, cropped(shape)
    return None


_KINDS_LAST = {family: next(reversed(kinds)) for family, kinds in _KINDS.items()} | {
    "building": "open", "hard_surface": "open", "earthwork": "any",
}  # fmt: skip


def plan_changes(
    rng: np.random.Generator, sites: Sites, wishes: list[Wish], calendar: Calendar
) -> list[Planned]:
    """Give wishes places and days; what finds no place is left out.

    Parameters
    ----------
    rng
        Source of chance.
    sites
        Where changes fit; filled in.
    wishes
        The largest first.
    calendar
        Months of the world.
    """
    planned: list[Planned] = []
    crossing = set(range(calendar.months))
    for wish in wishes:
        found = None
        if wish.month in crossing and wish.family in {"earthwork", "hard_surface"}:
            found = _found(rng, sites, replace(wish, kind="border"))
            crossing -= {wish.month} if found else set()
        found = found or _found(rng, sites, wish)
        if found is None:
            continue
        window, shape = found
        sites.claim(window, shape.mask)
        days = _days(rng, calendar, wish.month, len(shape.stages))
        plan = Planned(wish.family, wish.month, wish.kind, window, shape, days)
        planned += _with_sequel(rng, plan, calendar, chain=len(planned) + 1)
    return planned


def _with_sequel(
    rng: np.random.Generator, plan: Planned, calendar: Calendar, *, chain: int
) -> list[Planned]:
    """Let some earthworks become buildings, and some pits grow, in the month after."""
    area = int(plan.shape.mask.sum())
    goes_on = 0 <= plan.month < calendar.months - 1 and 250 < area < 12_000
    if not goes_on or rng.random() > 0.4:
        return [plan]
    later = calendar.month(plan.month + 1) + timedelta(days=int(rng.integers(2, 10)))
    if plan.family == "earthwork":
        built = _built_over(rng, plan.shape.mask)
        return [
            replace(plan, chain=chain),
            Planned("building", plan.month + 1, plan.kind, plan.window, built, (later,), chain, 1),
        ]
    if plan.family == "mining" and area > 1200:
        inner = ndi.distance_transform_edt(np.pad(plan.shape.mask, 1))[1:-1, 1:-1] > _GROWTH_M
        pit = _part(plan.shape, inner)
        ring = _part(plan.shape, plan.shape.mask & ~inner)
        ring = Shape(ring.stages[-1:], ring.height_m)
        return [
            replace(plan, shape=pit, chain=chain),
            Planned("mining", plan.month + 1, plan.kind, plan.window, ring, (later,), chain, 1),
        ]
    return [plan]


def _part(shape: Shape, kept: np.ndarray) -> Shape:
    """Keep some cells of a shape; the empty margin stays."""
    stages = tuple(np.where(kept, stage, UNTOUCHED).astype(np.uint8) for stage in shape.stages)
    return Shape(stages, np.where(kept, shape.height_m, np.nan).astype(np.float32))


def _built_over(rng: np.random.Generator, mask: np.ndarray) -> Shape:
    """Build sheds over levelled ground of any outline."""
    inner = ndi.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] > 4
    row, column = np.indices(mask.shape)
    angle = rng.uniform(0, np.pi)
    u = column * np.cos(angle) + row * np.sin(angle)
    cover = np.where(mask, cover_index("concrete"), UNTOUCHED).astype(np.uint8)
    roof = str(rng.choice(["roof_blue", "roof_white", "roof_grey"]))
    cover[inner & (np.mod(u, 26.0) < 20.0)] = cover_index(roof)
    height = np.where(mask, HEIGHT_M[np.where(mask, cover, 0)], np.nan)
    return Shape((cover,), height.astype(np.float32))


def as_planted(plan: Planned, truth_id: str) -> PlantedChange:
    """Turn a planned change into what the world keeps."""
    stages = []
    for day, cover in zip(plan.days, plan.shape.stages, strict=True):
        touched = cover != UNTOUCHED
        height = np.where(touched, HEIGHT_M[np.where(touched, cover, 0)], np.nan)
        stages.append(Stage(day, plan.window, cover, height.astype(np.float32)))
    last = stages[-1]
    stages[-1] = Stage(last.day, last.window, last.cover, plan.shape.height_m)
    return PlantedChange(truth_id, plan.family, tuple(stages))


def class_after(plan: Planned) -> str:
    """Return the TBLX code of what stands at the end."""
    covers = set(np.unique(plan.shape.stages[-1]).tolist())
    if cover_index("sapling_forest") in covers:
        return "03"
    if covers & {cover_index("dryland"), cover_index("vegetables")}:
        return "01"
    return FAMILIES[plan.family]
