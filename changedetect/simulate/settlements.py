"""What people built before the first day: roads, villages, works, a quarry, ponds, tunnels."""

import numpy as np
import scipy.ndimage as ndi
import shapely
from shapely.geometry import LineString, Point, Polygon

from changedetect.grid import Window
from changedetect.simulate.canvas import Canvas, House
from changedetect.simulate.rasters import burn, coarse_distance, smooth_noise
from changedetect.simulate.relief import Relief
from changedetect.simulate.world import cover_index

_ROOFS = ("roof_grey", "roof_grey", "roof_red", "roof_red", "roof_blue", "roof_white")
_NO_HOUSE = tuple(cover_index(name) for name in ("river", "pond", "sand", "asphalt", "rock"))
_OPEN_PLAIN = ("0101", "0103", "0201", "0202", "0404", "1206", "1006")


def turned_box(x: float, y: float, length: float, width: float, angle: float) -> Polygon:
    """Return a rectangle around a place, turned by an angle. [m, rad]"""
    along = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    across = np.array([-np.sin(angle), np.cos(angle)]) * width / 2
    middle = np.array([x, y])
    corners = (along + across, along - across, -along - across, -along + across)
    return Polygon([middle + corner for corner in corners])


def bent_line(rng: np.random.Generator, begin: np.ndarray, end: np.ndarray) -> LineString:
    """Draw a smooth line with one bend between two places, ``(2,)`` each. [m]"""
    span = end - begin
    normal = np.array([-span[1], span[0]])
    knee = (begin + end) / 2 + normal * rng.uniform(-0.22, 0.22)
    t = np.linspace(0, 1, 25)[:, None]
    return LineString((1 - t) ** 2 * begin + 2 * t * (1 - t) * knee + t**2 * end)


def draw_ponds(rng: np.random.Generator, canvas: Canvas, relief: Relief) -> None:
    """Dig ponds into the plain, about nine a square kilometre."""
    places = np.argwhere((relief.hillness < -0.1) & (relief.river_m > 45))
    for _ in range(max(3, round(9 * canvas.size**2 / 1e6))):
        y, x = places[rng.integers(len(places))]
        radius = rng.uniform(12, 27)
        turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        waves = sum(
            rng.normal(0, 0.12 / k) * np.cos(k * turn + rng.uniform(0, 6)) for k in (1, 2, 3)
        )
        reach = radius * (1 + waves)
        shape = Polygon(
            np.column_stack([x + 1.25 * reach * np.cos(turn), y + 0.8 * reach * np.sin(turn)])
        )
        window, dyke = burn(shape.buffer(2.5), canvas.size)
        canvas.lay(window, dyke, "grass")
        canvas.survey(window, dyke, "1104")
        window, water = burn(shape, canvas.size)
        canvas.lay(window, water, "pond")


def draw_tunnels(rng: np.random.Generator, canvas: Canvas, relief: Relief) -> list[House]:
    """Put up blocks of plastic tunnels on the plain."""
    places = np.argwhere((relief.hillness < -0.3) & (relief.river_m > 50))
    free = canvas.is_code(*_OPEN_PLAIN)
    wanted = max(1, round(1.2 * canvas.size**2 / 1e6))
    blocks: list[House] = []
    for _ in range(60):
        if len(blocks) == wanted:
            break
        y, x = places[rng.integers(len(places))]
        angle, length = rng.uniform(-0.4, 0.4), rng.uniform(38, 60)
        count = int(rng.integers(3, 6))
        window, yard = burn(turned_box(x, y, length + 4, count * 9.5 + 2, angle), canvas.size)
        if (
            yard.sum() < 0.97 * (length + 4) * (count * 9.5 + 2)
            or not free[window.slices][yard].all()
        ):
            continue
        canvas.lay(window, yard, "bare_soil")
        canvas.survey(window, yard, "1202")
        for step in (np.arange(count) - (count - 1) / 2) * 9.5:
            middle = x - np.sin(angle) * step, y + np.cos(angle) * step
            part, mask = burn(turned_box(*middle, length, 8.0, angle), canvas.size)
            canvas.lay(part, mask, "greenhouse")
            canvas.stand(part, mask)
        blocks.append(House(window, yard, "greenhouse"))
    return blocks


def draw_quarry(rng: np.random.Generator, canvas: Canvas, relief: Relief) -> None:
    """Break one quarry into a hillside."""
    size = canvas.size
    edge = 70 if size > 700 else 40
    inner = np.zeros((size, size), bool)
    inner[edge:-edge, edge:-edge] = True
    places = np.argwhere((relief.hillness > 0.25) & inner)
    if not len(places):
        places = np.argwhere(relief.hill & inner)
    y, x = places[rng.integers(len(places))]
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    reach = (22 + size / 60) * (1 + 0.16 * np.cos(2 * turn + 1) + 0.1 * np.cos(3 * turn))
    for shrink, cover in ((1.0, "bare_soil"), (0.85, "rock"), (0.6, "spoil"), (0.5, "rock")):
        ring = np.column_stack(
            [x + shrink * reach * np.cos(turn), y + shrink * reach * np.sin(turn)]
        )
        window, mask = burn(Polygon(ring), size)
        canvas.lay(window, mask, cover, height_m=0.0)
        if shrink == 1.0:
            canvas.survey(window, mask, "0602")


def draw_works(rng: np.random.Generator, canvas: Canvas, x: float, y: float) -> list[House]:
    """Build a small industrial area: a paved yard with sheds, 0601."""
    angle = rng.uniform(-0.3, 0.3)
    scale = 1.0 if canvas.size > 1000 else 0.6
    window, yard = burn(turned_box(x, y, 170 * scale, 110 * scale, angle), canvas.size)
    canvas.lay(window, yard, "concrete")
    canvas.survey(window, yard, "0601")
    sheds = []
    for along in (-54, 0, 54):
        for across in (-27, 27):
            if rng.random() < 0.18:
                continue
            u, v = along * scale, across * scale
            place = (
                x + u * np.cos(angle) - v * np.sin(angle),
                y + u * np.sin(angle) + v * np.cos(angle),
            )
            length, width = rng.uniform(34, 45) * scale, rng.uniform(20, 34) * scale
            part, mask = burn(turned_box(*place, length, width, angle), canvas.size)
            roof = "roof_blue" if rng.random() < 0.7 else "roof_white"
            canvas.lay(part, mask, roof, height_m=float(rng.uniform(7, 11)))
            canvas.stand(part, mask)
            sheds.append(House(part, mask, "shed"))
    return sheds


def village_places(
    rng: np.random.Generator, canvas: Canvas, relief: Relief, road: LineString
) -> list[np.ndarray]:
    """Choose where villages lie: at the foot of hills, apart from each other; ``(2,)`` x, y."""
    size = canvas.size
    margin = 75 if size > 700 else 50
    fit = (coarse_distance(relief.hill) < 55) & ~relief.hill & (relief.river_m > 75)
    fit[:margin] = fit[-margin:] = False
    fit[:, :margin] = fit[:, -margin:] = False
    places = np.argwhere(fit)[:, ::-1].astype(float)
    chosen: list[np.ndarray] = []
    apart = 260.0 if size > 700 else 170.0
    for place in places[rng.permutation(len(places))[:4000]]:
        if all(np.hypot(*(place - other)) > apart for other in chosen):
            chosen.append(place)
        if len(chosen) >= max(2, round(3.2 * size**2 / 1e6)):
            break
    return chosen or [np.asarray(road.interpolate(0.5, normalized=True).coords[0])]


def _house(rng: np.random.Generator, canvas: Canvas, plot: Polygon, roof: Polygon) -> House | None:
    """Build one house with its yard where the ground is free; None if it is not."""
    window, yard = burn(plot, canvas.size)
    around, ground = burn(plot.buffer(5), canvas.size)
    taken = np.isin(canvas.cover[around.slices], _NO_HOUSE) | (canvas.thing[around.slices] > 0)
    if yard.sum() < 0.97 * plot.area or taken[ground].any():
        return None
    canvas.lay(window, yard, "yard" if rng.random() < 0.7 else "concrete")
    part, mask = burn(roof, canvas.size)
    cover = _ROOFS[rng.integers(len(_ROOFS))]
    canvas.lay(part, mask, cover, height_m=float(rng.choice([4.0, 7.2, 10.4])))
    canvas.stand(part, mask)
    return House(window, yard, "house")


def draw_village(rng: np.random.Generator, canvas: Canvas, place: np.ndarray) -> list[House]:
    """Build a village around a place: houses on a loose lattice, gardens between, 203 around."""
    angle = rng.uniform(-0.6, 0.6)
    reach = rng.uniform(44, 66) if canvas.size > 700 else 34.0
    cos, sin = np.cos(angle), np.sin(angle)
    houses, plots = [], []
    for i in range(-5, 6):
        for j in range(-5, 6):
            u, v = 24.0 * i + rng.normal(0, 2.2), 27.0 * j + rng.normal(0, 2.2)
            if rng.random() > 1.25 * np.exp(-(u**2 + v**2) / (2 * reach**2)):
                continue
            x, y = place[0] + u * cos - v * sin, place[1] + u * sin + v * cos
            length, width = rng.uniform(11, 16), rng.uniform(8, 11.5)
            turn = angle + rng.normal(0, 0.05)
            plot = turned_box(x, y, length + rng.uniform(1, 4), width + rng.uniform(4, 8), turn)
            house = _house(rng, canvas, plot, turned_box(x, y, length, width, turn))
            if house is not None:
                houses.append(house)
                plots.append(plot)
    _village_land(rng, canvas, plots)
    return houses


def _village_land(rng: np.random.Generator, canvas: Canvas, plots: list[Polygon]) -> None:
    """Survey the ground around houses as village; what lies between them becomes gardens."""
    if not plots:
        return
    land = shapely.union_all([plot.buffer(19) for plot in plots]).buffer(-6).buffer(-4).buffer(4)
    window, mask = burn(land, canvas.size)
    mask &= ~np.isin(canvas.cover[window.slices], _NO_HOUSE)
    free = mask & (canvas.thing[window.slices] == 0)
    free &= ~canvas.is_cover("yard", "concrete", "asphalt")[window.slices]
    patch = smooth_noise(rng, max(mask.shape), 17.0)[: mask.shape[0], : mask.shape[1]]
    things = canvas.thing[window.slices].copy()
    canvas.lay(window, free & (patch < -0.3), "vegetables")
    canvas.lay(window, free & (patch >= -0.3), "grass")
    canvas.lay(window, free & (patch > 1.0), "broadleaf", height_m=6.0)
    canvas.survey(window, mask, "0702")
    canvas.thing[window.slices][mask] = things[mask]
    canvas.village[window.slices][mask] = True


def county_road(rng: np.random.Generator, relief: Relief) -> LineString:
    """Draw the line of the county road: along the river, at some distance."""
    size = relief.terrain_m.shape[0]
    side = 1 if rng.random() < 0.5 else -1
    away = rng.uniform(70, 105) if size > 700 else 55.0
    bend = 14 * np.sin(np.arange(size) / 130.0 + rng.uniform(0, 6))
    course = ndi.gaussian_filter1d(relief.course_m + side * away + bend, 45)
    x = np.linspace(-20, size + 20, 80)
    return LineString(np.column_stack([x, np.interp(x, np.arange(size), course)]))


def pave(canvas: Canvas, line: LineString, width_m: float, cover: str, code: str) -> None:
    """Lay a road over everything but buildings; what is village stays village."""
    window, mask = burn(line.buffer(width_m / 2), canvas.size)
    kept = canvas.is_cover("rock", "spoil", "asphalt", "roof_blue", "roof_white")[window.slices]
    mask &= (canvas.thing[window.slices] == 0) & ~kept
    canvas.lay(window, mask, cover)
    canvas.survey(window, mask & ~canvas.village[window.slices], code)


def draw_river(canvas: Canvas, relief: Relief) -> None:
    """Let the river run, with sand on parts of its banks."""
    whole = Window(0, 0, canvas.size, canvas.size)
    bank = relief.river_m < relief.half_width_m + 5
    canvas.lay(whole, bank & (canvas.thing == 0) & ~canvas.is_cover("asphalt"), "grass")
    wave = np.sin(np.arange(canvas.size) / 47.0) + 0.4 * np.sin(np.arange(canvas.size) / 19.0)
    canvas.lay(
        whole, relief.river_m < relief.half_width_m + np.clip(9 * (wave - 0.4), 0, 8), "sand"
    )
    canvas.lay(whole, relief.water, "river")
    canvas.survey(whole, bank, "1101")


def settle(rng: np.random.Generator, canvas: Canvas, relief: Relief) -> tuple[list[House], Polygon]:
    """Build everything in order; return what can be pulled down, and the works' surroundings."""
    draw_ponds(rng, canvas, relief)
    houses = draw_tunnels(rng, canvas, relief)
    draw_quarry(rng, canvas, relief)
    road = county_road(rng, relief)
    draw_river(canvas, relief)
    pave(canvas, road, 8.5, "asphalt", "1003")
    middle = road.interpolate(rng.uniform(0.3, 0.7), normalized=True)
    away = 75.0 if canvas.size > 1000 else 45.0
    river_row = relief.course_m[int(middle.x)]
    y = middle.y + np.sign(middle.y - river_row) * away
    sheds = draw_works(rng, canvas, middle.x, y)
    places = village_places(rng, canvas, relief, road)
    town = (
        turned_box(middle.x, y, 260, 180, 0.0)
        if canvas.size > 1000
        else turned_box(middle.x, y, 130, 90, 0.0)
    )
    for place in places:
        houses += draw_village(rng, canvas, place)
    for place in places:
        foot = np.asarray(road.interpolate(road.project(Point(place))).coords[0])
        pave(canvas, bent_line(rng, foot, place), 4.6, "concrete", "1006")
    alive = [house for house in houses + sheds if _stands(canvas, house)]
    return alive, town


def _stands(canvas: Canvas, house: House) -> bool:
    """Tell whether nothing was drawn over most of a building's plot."""
    part = canvas.thing[house.window.slices][house.mask]
    return bool((part > 0).mean() > 0.4)
