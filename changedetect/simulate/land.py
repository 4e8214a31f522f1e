"""The land of a county that does not exist: terrain, parcels, records, changes, and their truth.

`build_world` is the entry; it draws nothing itself but calls, in order: relief, fields,
settlements, changes (where and when), survey and zones, labels and approvals. Each topic has its
own stream of chance, so that drawing more of one thing leaves the others as they were. How truth is judged stands in
`changedetect.simulate.legality`.

DLTB shows the land on the 31st of December before the first monitored month: changes of the
history up to then are in it, later ones are not (survey lag), and one field parcel in a hundred
bears a wrong field class (`zones.SURVEY_ERROR_SHARE`).
"""

from dataclasses import replace
from datetime import date

import geopandas as gpd
import numpy as np
from shapely.geometry import Polygon

from changedetect.errors import ConfigError
from changedetect.grid import Grid
from changedetect.simulate import approvals, changes, cleared, further, truth, zones
from changedetect.simulate.canvas import Canvas, House, blank
from changedetect.simulate.changes import Calendar, Planned
from changedetect.simulate.fields import draw_fields
from changedetect.simulate.rasters import pieces
from changedetect.simulate.relief import Relief, draw_relief
from changedetect.simulate.settlements import settle
from changedetect.simulate.sites import open_sites
from changedetect.simulate.watch import draw_watch
from changedetect.simulate.world import World

CRS = "EPSG:4547"
"""CGCS2000 / 3-degree Gauss-Krüger, central meridian 114° E, easting without zone number."""

_WEST, _SOUTH = 420_000.0, 3_080_000.0
_TOPICS = (
    "relief", "fields", "settlements", "districts", "wishes", "places", "survey", "zones",
    "labels", "elsewhere", "documents", "further", "cleared",
)  # fmt: skip
_SMALLEST_KM = 0.5
_SURVEY_CODE = {
    "building": "0702", "hard_surface": "0601", "road": "1006", "photovoltaic": "0601",
    "mining": "0602", "planting": "0201", "pond": "1104", "greenhouse": "1202",
    "demolition": "1206", "earthwork": "1206",
}  # fmt: skip


def streams(seed: int) -> dict[str, np.random.Generator]:
    """Return one independent generator a topic.

    Examples
    --------
    >>> int(streams(7)["relief"].integers(1000)) == int(streams(7)["relief"].integers(1000))
    True
    """
    spawned = np.random.SeedSequence(seed).spawn(len(_TOPICS))
    return {topic: np.random.default_rng(one) for topic, one in zip(_TOPICS, spawned, strict=True)}


def build_world(
    seed: int, *, months: int, start: date, size_km: float = 1.6, history_months: int = 15
) -> World:
    """Build a world: land, records, changes and truth, all from one seed.

    Parameters
    ----------
    seed
        Source of all chance.
    months
        Monitored months.
    start
        First day of the first monitored month.
    size_km
        Side of the square world, a multiple of 0.1 km. From 0.8 km on every month has every
        family of change and the red line a core reserve; smaller ones (from 0.5 km) may lack
        some for want of room. [km]
    history_months
        Months before `start` that images may show.

    Returns
    -------
    World
        On 1 m cells in `CRS`; its corner lies on multiples of 10 m, so that 2 m and 10 m images
        nest.

    Raises
    ------
    ConfigError
        `start` is no first of a month, the world is too small, or there is nothing to monitor.
    """
    _check(months, start, size_km, history_months)
    size = round(size_km * 10) * 100
    grid = Grid(CRS, (1.0, 0.0, _WEST, 0.0, -1.0, _SOUTH + size), size, size)
    chance = streams(seed)
    calendar = Calendar(start, months, history_months)
    canvas, relief, houses, town = _draw_land(chance, size)
    records = zones.draw_districts(chance["districts"], grid)
    sites = open_sites(canvas, relief, houses, border=zones.border_cells(records["XZQ"], grid))
    wishes = changes.draw_wishes(chance["wishes"], size, calendar)
    planned = changes.plan_changes(chance["places"], sites, wishes, calendar)
    planned = sorted(planned, key=lambda plan: (plan.days[0], plan.window))
    records |= _maps(chance, canvas, relief, _survey(chance, canvas, grid, planned, calendar))
    records["CZKFBJ"] = zones.draw_town_boundary(town, grid)
    places = truth.grounds(planned, grid)
    labels, drafts = truth.draw_labels(chance["labels"], planned, places, records)
    drafts += approvals.draw_elsewhere(
        chance["elsewhere"], canvas, grid, changed=_changed(planned, size), before=start
    )
    drafts += further.draw_papers(chance["further"], planned, places, records["DLTB"], start)
    records |= further.draw_zones(records, CRS)
    records |= approvals.write_approvals(chance["documents"], drafts, CRS)
    records[cleared.LAYER] = cleared.draw_cleared(
        chance["cleared"], planned, places, labels, records, start
    )
    records |= draw_watch(records, grid)
    table = truth.truth_table(planned, places, labels, CRS)
    return World(
        seed=seed,
        grid=grid,
        cover=canvas.cover,
        height_m=canvas.height_m,
        terrain_m=relief.terrain_m,
        parcel=_objects(canvas),
        changes=tuple(map(changes.as_planted, planned, table["truth_id"])),
        records=records,
        truth=table,
        first_day=calendar.first_day,
        last_day=calendar.last_day,
    )


def _check(months: int, start: date, size_km: float, history_months: int) -> None:
    if start.day != 1:
        msg = f"start is {start}; the first day of a month was expected"
        raise ConfigError(msg)
    if months < 1 or history_months < 4:
        msg = f"{months} months after {history_months} of history; at least 1 and 4 were expected"
        raise ConfigError(msg)
    if size_km < _SMALLEST_KM:
        msg = f"a world of {size_km} km was asked for; at least {_SMALLEST_KM} km was expected"
        raise ConfigError(msg)


def _draw_land(
    chance: dict[str, np.random.Generator], size: int
) -> tuple[Canvas, Relief, list[House], Polygon]:
    """Draw the land of the first day."""
    canvas = blank(size)
    relief = draw_relief(chance["relief"], size)
    draw_fields(chance["fields"], canvas, relief)
    houses, town = settle(chance["settlements"], canvas, relief)
    return canvas, relief, houses, town


def _maps(
    chance: dict[str, np.random.Generator], canvas: Canvas, relief: Relief, survey: zones.Survey
) -> dict[str, gpd.GeoDataFrame]:
    """Draw the zones that follow from survey and relief."""
    grid = survey.grid
    return {
        "DLTB": survey.dltb,
        "YJJBNTBHTB": zones.draw_basic_farmland(chance["zones"], survey.dltb, grid.crs),
        "STBHHX": zones.draw_red_line(canvas, relief, grid),
    }


def _survey(
    chance: dict[str, np.random.Generator],
    canvas: Canvas,
    grid: Grid,
    planned: list[Planned],
    calendar: Calendar,
) -> zones.Survey:
    """Survey the land as it was on the last 31st of December before the first month."""
    names = ("unit", "code", "thing", "village")
    seen = replace(canvas, **{name: getattr(canvas, name).copy() for name in names})
    day = date(calendar.start.year - 1, 12, 31)
    for plan in planned:
        if plan.days[-1] <= day:
            village = seen.village[plan.window.slices].copy()
            seen.survey(plan.window, plan.shape.mask, _SURVEY_CODE[plan.family])
            seen.village[plan.window.slices] = village
    return zones.draw_survey(chance["survey"], seen, grid, village=seen.village)


def _changed(planned: list[Planned], size: int) -> np.ndarray:
    """Return ``(y, x)`` bool: ground of any change."""
    changed = np.zeros((size, size), bool)
    for plan in planned:
        changed[plan.window.slices] |= plan.shape.mask
    return changed


def _objects(canvas: Canvas) -> np.ndarray:
    """Give every field and every single object a number; buildings stand apart from fields."""
    parcel = pieces(canvas.unit)
    return np.where(canvas.thing > 0, canvas.thing + parcel.max(), parcel).astype(np.int32)
