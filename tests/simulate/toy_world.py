"""A small world made by hand: fields, a village, a road, a pond, a wood, and big changes."""

from datetime import date

import geopandas as gpd
import numpy as np

from changedetect.grid import Grid, Window
from changedetect.simulate.world import UNTOUCHED, PlantedChange, Stage, World, cover_index

FIRST, LAST = date(2024, 3, 1), date(2025, 6, 30)
FIELDS = ("paddy_single",) * 7 + ("paddy_double",) * 4 + ("dryland", "dryland", "vegetables")


def toy_world(
    seed: int = 1,
    *,
    size: int = 600,
    changes: tuple[PlantedChange, ...] = (),
    fields: tuple[str, ...] = FIELDS,
    wild: bool = True,
    town: float = 0.3,
) -> World:
    """A patchwork of fields of 30-70 m; wood in the north-east, village, road, pond."""
    generator = np.random.default_rng([seed, 7])
    cover = np.zeros((size, size), np.uint8)
    height = np.zeros((size, size), np.float32)
    parcel = np.zeros((size, size), np.int32)
    number, row = 0, 0
    while row < size:
        tall, col = int(generator.integers(25, 60)), 0
        while col < size:
            wide = int(generator.integers(35, 90))
            number += 1
            place = np.s_[row : row + tall, col : col + wide]
            parcel[place] = number
            cover[place] = cover_index(fields[int(generator.integers(len(fields)))])
            col += wide
        row += tall
    if wild:
        number = _nature(cover, height, parcel, number)
        _village(generator, cover, height, parcel, number, town)
    y, x = np.indices((size, size), dtype=np.float32)
    terrain = 40 + 12 * np.exp(-((x - size) ** 2 + y**2) / (0.3 * size) ** 2)
    grid = Grid("EPSG:4547", (1.0, 0.0, 380_000.0, 0.0, -1.0, 3_125_000.0), size, size)
    empty = gpd.GeoDataFrame(geometry=[], crs=grid.crs)
    return World(
        seed=seed, grid=grid, cover=cover, height_m=height, terrain_m=terrain.astype(np.float32),
        parcel=parcel, changes=changes, records={}, truth=empty, first_day=FIRST, last_day=LAST,
    )  # fmt: skip


def _nature(cover, height, parcel, number):
    size = cover.shape[0]
    y, x = np.indices(cover.shape)
    shapes = (
        ("broadleaf", 9.0, (x - size) ** 2 + y**2 < (0.33 * size) ** 2),
        ("pond", 0.0, (x - 0.2 * size) ** 2 + (y - 0.75 * size) ** 2 < (0.05 * size) ** 2),
        ("asphalt", 0.0, np.abs(y - 0.55 * size - 0.1 * x) < 4),
        ("orchard", 2.5, (x > 0.7 * size) & (y > 0.8 * size)),
    )
    for name, tall, inside in shapes:
        number += 1
        cover[inside], height[inside], parcel[inside] = cover_index(name), tall, number
    return number


def _village(generator, cover, height, parcel, number, town):
    size = cover.shape[0]
    for row in range(int(0.2 * size), int((0.2 + town) * size), 20):
        for col in range(int(0.2 * size), int((0.2 + town) * size), 18):
            number += 1
            parcel[row : row + 20, col : col + 18] = number
            ground = ("concrete", "concrete", "yard", "asphalt")[generator.integers(4)]
            cover[row : row + 20, col : col + 18] = cover_index(ground)
            number += 1
            roof = ("roof_grey", "roof_red", "roof_grey", "roof_blue")[generator.integers(4)]
            place = np.s_[row + 3 : row + 13, col + 3 : col + 14]
            cover[place], parcel[place] = cover_index(roof), number
            height[place] = generator.uniform(4, 11)


def block_change(
    name: str, day: date, window: Window, cover: str, *, height_m: float = 0.0
) -> PlantedChange:
    """One rectangle that becomes something else on a day."""
    shape = (window.height, window.width)
    filled = np.full(shape, cover_index(cover), np.uint8)
    tall = np.full(shape, height_m, np.float32)
    if cover.startswith("roof"):
        y, x = np.indices(shape)
        street = (y % 24 < 8) | (x % 40 < 8)
        filled[street] = cover_index("concrete")
        tall[street] = 0.0
    assert not (filled == UNTOUCHED).any()
    return PlantedChange(name, "building", (Stage(day, window, filled, tall),))
