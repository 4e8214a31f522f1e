"""The county's own maps of its land: survey parcels, basic farmland, red line, town, districts."""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import scipy.ndimage as ndi
import shapely
from shapely.geometry import Polygon

from changedetect.codes import LAND_CLASSES
from changedetect.grid import Grid
from changedetect.measure import area_m2
from changedetect.simulate.canvas import LAND_CODES, Canvas
from changedetect.simulate.outlines import outlines, simplified_together
from changedetect.simulate.rasters import burn, lattice_cells, pieces, smooth_noise, without_slivers
from changedetect.simulate.relief import Relief

COUNTIES: dict[str, str] = {"430991": "青禾县", "430992": "白石县"}
"""Two counties that do not exist."""

SURVEY_ERROR_SHARE = 0.01
"""Share of field parcels that DLTB calls by a wrong field class (at least two parcels)."""

_SMALLEST_PARCEL_CELLS = 30
_SURVEY_TOLERANCE_M = 1.2
_COARSE = 10
_TOWNS = {
    "430991101": "云塘镇", "430991202": "竹溪乡", "430992103": "石门桥镇",
}  # fmt: skip
_VILLAGES = ("禾坪村", "枫树湾村", "双江村", "杨柳村", "大塘村", "罗家冲村", "新桥村", "茶园村")
_FIELD_ERRORS = {"0101": "0103", "0103": "0201", "0201": "0103", "0202": "0305", "0305": "0404"}


@dataclass(frozen=True, slots=True)
class Survey:
    """The survey of a world.

    Attributes
    ----------
    grid
        1 m cells.
    parcel
        ``(y, x)`` int32; number of the parcel, from 1.
    dltb
        Table DLTB; row i describes parcel i + 1.
    wrong
        Number of parcels whose DLBM is not what stands there (survey errors).
    """

    grid: Grid
    parcel: np.ndarray
    dltb: gpd.GeoDataFrame
    wrong: int


def coarser(grid: Grid, step: int) -> Grid:
    """Return a grid of cells ``step`` times as large over the same area."""
    a, _, c, _, e, f = grid.transform
    return Grid(
        grid.crs, (a * step, 0.0, c, 0.0, e * step, f), grid.width // step, grid.height // step
    )


def table(columns: dict[str, object], geometry: object, crs: str) -> gpd.GeoDataFrame:
    """Build a table with geometry in the grid's CRS."""
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=crs)


def draw_survey(
    rng: np.random.Generator, canvas: Canvas, grid: Grid, *, village: np.ndarray
) -> Survey:
    """Draw DLTB: parcels that tile the area, simplified together.

    Parameters
    ----------
    rng
        Source of chance (survey errors).
    canvas
        With units and classes as the survey saw them.
    grid
        1 m cells.
    village
        ``(y, x)`` bool; village land, CZCSXM 203.
    """
    joint = canvas.unit.astype(np.int64) * 2 + village
    parcel = pieces(without_slivers(joint, _SMALLEST_PARCEL_CELLS))
    shapes = simplified_together(list(outlines(parcel, grid).values()), _SURVEY_TOLERANCE_M)
    count = len(shapes)
    code = _majority(parcel, canvas.code, count)
    inside = _majority(parcel, village.astype(np.uint8), count) == 1
    names = np.array(LAND_CODES)[code].astype(object)
    wrong = _err(rng, names, inside)
    areas = [round(area_m2(shape, grid.crs), 2) for shape in shapes]
    dltb = table(
        {
            "BSM": [f"430991{number:012d}" for number in range(1, count + 1)],
            "DLBM": names,
            "DLMC": [LAND_CLASSES[name] for name in names],
            "CZCSXM": np.array(["203" if yes else None for yes in inside], dtype=object),
            "TBMJ": areas,
        },
        shapes,
        grid.crs,
    )
    return Survey(grid, parcel, dltb, wrong)


def _majority(parcel: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Return the most frequent value of every parcel, ``(count,)``."""
    wide = int(values.max()) + 1
    votes = np.bincount((parcel.ravel() - 1) * wide + values.ravel(), minlength=count * wide)
    return np.asarray(votes.reshape(count, wide).argmax(axis=1))


def _err(rng: np.random.Generator, names: np.ndarray, inside: np.ndarray) -> int:
    """Give some field parcels another field class, in place; return how many."""
    able = np.flatnonzero(np.isin(names.astype(str), list(_FIELD_ERRORS)) & ~inside)
    wrong = rng.permutation(able)[: max(2, round(SURVEY_ERROR_SHARE * able.size))]
    for index in wrong:
        names[index] = _FIELD_ERRORS[names[index]]
    return int(wrong.size)


def draw_basic_farmland(
    rng: np.random.Generator, dltb: gpd.GeoDataFrame, crs: str
) -> gpd.GeoDataFrame:
    """Choose basic farmland: most cropland, all of it where fields lie together.

    Fields are left out by neighbourhoods of 200 m (planned for something) and singly.
    """
    middle = shapely.get_coordinates(shapely.point_on_surface(dltb.geometry.to_numpy()))
    cell = np.floor(middle / 200.0).astype(np.int64)
    left_out = (cell[:, 0] * 7919 + cell[:, 1] * 104729 + int(rng.integers(97))) % 9 == 0
    crop = np.asarray(dltb["DLBM"].str.startswith("01")) & (rng.random(len(dltb)) < 0.93)
    chosen = dltb.geometry.to_numpy()[crop & ~left_out]
    parts = shapely.get_parts(shapely.coverage_union_all(chosen))
    parts = parts[np.lexsort(np.round(shapely.bounds(parts)[:, :2].T, 3))]
    names = [f"4309910002{number:07d}" for number in range(1, len(parts) + 1)]
    return table({"YJJBNTTBBH": names}, parts, crs)


def _zone(mask: np.ndarray, grid: Grid) -> list[Polygon]:
    """Outline the larger pieces of a coarse mask, smoothed."""
    labels, _ = ndi.label(mask)
    size = np.bincount(labels.ravel())
    labels[size[labels] < 30] = 0
    shapes = outlines(labels, coarser(grid, _COARSE)).values()
    return [
        Polygon(shape.exterior).buffer(-8).buffer(14).buffer(-6).simplify(2.0) for shape in shapes
    ]


def draw_red_line(canvas: Canvas, relief: Relief, grid: Grid) -> gpd.GeoDataFrame:
    """Draw the ecological red line over wooded hilltops, with core reserves, and along the river."""
    coarse = relief.hillness[5::_COARSE, 5::_COARSE]
    built = canvas.is_code("0601", "0602", "0702")[5::_COARSE, 5::_COARSE]
    limit = float(np.quantile(coarse, 0.80))
    hill = (coarse > limit) & ~ndi.binary_dilation(built, iterations=3)
    top = ndi.binary_erosion(hill, iterations=min(6, 1 + canvas.size // 250))
    middle = shapely.LineString(
        [
            (grid.bounds[0] + x, grid.bounds[3] - relief.course_m[min(x, canvas.size - 1)])
            for x in range(0, canvas.size + 1, 20)
        ]
    )
    core = _zone(top, grid)
    inside = shapely.union_all(core)
    outer = [shape.difference(inside) for shape in _zone(hill, grid)]
    river = [middle.buffer(24.0, cap_style="flat").intersection(shapely.box(*grid.bounds))]
    shapes = outer + [shape for shape in core if not shape.is_empty] + river
    names = ["湘中丘陵水土保持生态保护红线"] * len(outer)
    names += ["青石岭自然保护区核心区"] * (len(shapes) - len(outer) - 1)
    names += ["禾水河岸带生态保护红线"]
    shapes = [shape.intersection(shapely.box(*grid.bounds)) for shape in shapes]
    codes = [f"HX4309{number:04d}" for number in range(1, len(shapes) + 1)]
    return table({"HXBM": codes, "HXMC": names}, shapes, grid.crs)


def draw_town_boundary(town: Polygon, grid: Grid) -> gpd.GeoDataFrame:
    """Draw the urban development boundary around the works; ``town`` in cells (x, y)."""
    a, _, c, _, e, f = grid.transform
    shape = shapely.transform(
        town, lambda xy: np.column_stack([c + a * xy[:, 0], f + e * xy[:, 1]])
    )
    shape = shape.buffer(15).intersection(shapely.box(*grid.bounds))
    return table({"BSM": ["430991CZKF0001"], "MC": ["云塘镇城镇开发边界"]}, [shape], grid.crs)


def draw_districts(rng: np.random.Generator, grid: Grid) -> dict[str, gpd.GeoDataFrame]:
    """Draw villages (C), towns (XZ) and counties (XZQ) that share their borders exactly.

    The county border crosses the area from north to south.
    """
    small = coarser(grid, _COARSE)
    side = small.width
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    x = (columns * _COARSE + 45 * smooth_noise(rng, side, 22.0)).astype(np.float32)
    y = (rows * _COARSE + 45 * smooth_noise(rng, side, 22.0)).astype(np.float32)
    village, _ = lattice_cells(rng, x, y, grid.width / 2.6)
    border = grid.width * rng.uniform(0.60, 0.68)
    county = (x > border).astype(np.int64)
    town = np.where(county == 1, 2, (y > grid.height * 0.5).astype(np.int64))
    label = pieces(without_slivers(town * 100_000 + village, max(12, side * side // 120)))
    town_of = _majority(label, town.astype(np.uint8), int(label.max()))
    shapes = simplified_together(list(outlines(label, small).values()), 12.0)
    towns = np.array(list(_TOWNS))[town_of]
    serial = [int((towns[:i] == towns[i]).sum()) + 1 for i in range(len(towns))]
    names = [_VILLAGES[i % len(_VILLAGES)] for i in range(len(towns))]
    return {
        "C": table(
            {
                "CDM": [f"{t}{200 + s:03d}" for t, s in zip(towns, serial, strict=True)],
                "CMC": names,
            },
            shapes,
            grid.crs,
        ),
        "XZ": _joined(shapes, towns, _TOWNS, ("XZDM", "XZMC"), grid.crs),
        "XZQ": _joined(
            shapes, np.array([t[:6] for t in towns]), COUNTIES, ("XZQDM", "XZQMC"), grid.crs
        ),
    }


def _joined(
    shapes: np.ndarray, key: np.ndarray, names: dict[str, str], columns: tuple[str, str], crs: str
) -> gpd.GeoDataFrame:
    """Join polygons of one key."""
    keys = sorted(set(key.tolist()))
    merged = [shapely.coverage_union_all(shapes[key == one]) for one in keys]
    return table({columns[0]: keys, columns[1]: [names[one] for one in keys]}, merged, crs)


def border_cells(counties: gpd.GeoDataFrame, grid: Grid) -> np.ndarray:
    """Return ``(y, x)`` bool: cells within 3 m of the border between the counties."""
    line = shapely.intersection_all(counties.geometry.to_numpy())
    a, _, c, _, e, f = grid.transform
    turned = shapely.transform(
        line, lambda xy: np.column_stack([(xy[:, 0] - c) / a, (xy[:, 1] - f) / e])
    )
    cells = np.zeros((grid.height, grid.width), bool)
    window, mask = burn(turned.buffer(3.0), grid.width)
    cells[window.slices] = mask
    return cells
