"""What the images of two seasons say of watched ground: green, bare, tilled.

Plant cover is told by NDVI = (NIR - red) / (NIR + red) of the reflectances (Rouse et al. 1974, NASA
SP-351). Every scene is read block by block, and only where polygons lie.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import shapely

from changedetect.config.crosscheck import CrosscheckSection
from changedetect.errors import SceneError
from changedetect.grid import Grid, Window
from changedetect.io.rasters import RasterReader
from changedetect.records import Scene
from changedetect.schema import CLEAR
from changedetect.stages.crosscheck import Greenness, Watched

BLOCK_PX = 256
"""Polygons whose middle lies in a block of this side are read together. [px]"""

NO_MASK = 255
"""Value of a cloud mask where there is none: taken for clear, the image itself says what is no data."""

HALF = 0.5
YEAR_DAYS = 365
"""Seasons are compared with the same months of the year before. [day]"""

ROLES = ("red", "nir")


@dataclass(frozen=True, slots=True)
class _Plot:
    """A polygon in pixels: the window that holds it, and the pixels whose centre it covers."""

    one: Watched
    window: Window
    inside: np.ndarray


def series_scenes(scenes: Sequence[Scene], pair_sensor: str, day: date, days: int) -> list[Scene]:
    """Choose the images of a series: optical, with red and infrared, of other sensors than the pair's."""
    return sorted(
        (
            scene
            for scene in scenes
            if scene.kind == "optical"
            and scene.sensor != pair_sensor
            and set(ROLES) <= set(scene.roles)
            and day - timedelta(days=days) < scene.day <= day
        ),
        key=lambda scene: (scene.time, scene.scene_id),
    )


def measure(
    reader: RasterReader,
    scenes: Sequence[Scene],
    watched: Sequence[Watched],
    grid: Grid,
    day: date,
    cfg: CrosscheckSection,
) -> tuple[dict[str, Greenness], tuple[str, ...]]:
    """Measure plant cover over two seasons.

    Parameters
    ----------
    reader
        Of the catalogue.
    scenes
        From `series_scenes`.
    watched
        Polygons in the grid's CRS.
    grid
        Product grid; its corner is kept, its pixels become those of the series.
    day
        Last day.
    cfg
        Limits of NDVI and length of a season.

    Returns
    -------
    tuple
        Watch id -> what was seen, and a line for each image that could not be read.
    """
    asking = [one for one in watched if one.needs_series]
    if not asking or not scenes:
        return {}, ()
    coarse = _coarser(grid, max(scene.gsd_m for scene in scenes))
    plots = [_plot(one, coarse) for one in asking]
    blocks: dict[tuple[int, int], list[_Plot]] = {}
    for plot in plots:
        if plot is not None:
            middle = (
                (plot.window.row + plot.window.height // 2) // BLOCK_PX,
                (plot.window.col + plot.window.width // 2) // BLOCK_PX,
            )
            blocks.setdefault(middle, []).append(plot)
    found: dict[str, Greenness] = {}
    problems: dict[str, str] = {}
    for _, members in sorted(blocks.items()):
        found |= _block(reader, scenes, members, coarse, (day, cfg), problems)
    return found, tuple(f"{name}: {text}" for name, text in sorted(problems.items()))


def _coarser(grid: Grid, gsd_m: float) -> Grid:
    a, _, left, _, _, top = grid.transform
    width = -(-int(grid.width * a) // int(gsd_m))
    height = -(-int(grid.height * a) // int(gsd_m))
    left, top = np.floor(left / gsd_m) * gsd_m, np.ceil(top / gsd_m) * gsd_m
    return Grid(grid.crs, (gsd_m, 0.0, left, 0.0, -gsd_m, top), width + 1, height + 1)


def _plot(one: Watched, grid: Grid) -> _Plot | None:
    size, _, left, _, _, top = grid.transform
    west, south, east, north = one.geometry.bounds
    row, col = max(int((top - north) // size), 0), max(int((west - left) // size), 0)
    bottom = min(int(-((south - top) // size)), grid.height)
    right = min(int(-((left - east) // size)), grid.width)
    if bottom <= row or right <= col:
        return None
    x, y = np.meshgrid(
        left + size * (np.arange(col, right) + HALF), top - size * (np.arange(row, bottom) + HALF)
    )
    shapely.prepare(one.geometry)
    inside = shapely.contains_xy(one.geometry, x, y)
    return _Plot(one, Window(row, col, bottom - row, right - col), inside) if inside.any() else None


def _block(
    reader: RasterReader,
    scenes: Sequence[Scene],
    plots: Sequence[_Plot],
    grid: Grid,
    span: tuple[date, CrosscheckSection],
    problems: dict[str, str],
) -> dict[str, Greenness]:
    day, cfg = span
    top = min(p.window.row for p in plots)
    left = min(p.window.col for p in plots)
    bottom = max(p.window.row + p.window.height for p in plots)
    right = max(p.window.col + p.window.width for p in plots)
    window = Window(top, left, bottom - top, right - left)
    days: list[date] = []
    rows: list[list[np.ndarray]] = [[] for _ in plots]
    for scene in scenes:
        try:
            ndvi = _ndvi(reader, scene, grid, window)
        except SceneError as error:
            problems[scene.scene_id] = str(error)
            continue
        days.append(scene.day)
        for plot, kept in zip(plots, rows, strict=True):
            kept.append(ndvi[plot.window.relative_to(window).slices][plot.inside])
    if not days:
        return {}
    age = np.array([(day - one).days for one in days])
    return {
        plot.one.watch_id: judge(plot.one, np.array(kept), age, day, cfg)
        for plot, kept in zip(plots, rows, strict=True)
    }


def _ndvi(reader: RasterReader, scene: Scene, grid: Grid, window: Window) -> np.ndarray:
    red, nir = reader.read_chip(scene, grid, window, ROLES)
    cloud = reader.read_cloud(scene, grid, window)
    with np.errstate(invalid="ignore", divide="ignore"):
        ndvi = (nir - red) / (nir + red)
    clear = (cloud == CLEAR) | (cloud == NO_MASK)
    return np.where(clear & np.isfinite(ndvi), ndvi, np.nan)


def judge(
    one: Watched, ndvi: np.ndarray, age_days: np.ndarray, day: date, cfg: CrosscheckSection
) -> Greenness:
    """Turn the series of a polygon into shares.

    Parameters
    ----------
    one
        The polygon; plants before its duty began say nothing of it.
    ndvi
        ``(time, pixel)``; NaN = not seen.
    age_days
        ``(time,)``; days before the last day.
    day
        The last day.
    cfg
        Limits.
    """
    since = cfg.season_days if one.since is None else (day - one.since).days
    last = age_days < min(cfg.season_days, max(since, 0))
    earlier = (age_days >= YEAR_DAYS) & (age_days < YEAR_DAYS + cfg.season_days)
    recent = age_days < cfg.season_days
    green, images = _green_share(ndvi[last], cfg)
    seasons = [
        _tilled(ndvi[recent], age_days[recent], cfg),
        _tilled(ndvi[earlier], age_days[earlier] - YEAR_DAYS, cfg),
    ]
    least = most = None
    if all(season is not None for season in seasons):
        least = float(np.mean(np.all([season[0] for season in seasons if season], axis=0)))
        most = float(np.mean(np.all([season[1] for season in seasons if season], axis=0)))
    seen = age_days[last]
    return Greenness(
        watch_id=one.watch_id,
        green_share=green,
        cropped_share=least,
        images=images,
        first_day=day - timedelta(days=int(seen.max())) if seen.size else None,
        last_day=day - timedelta(days=int(seen.min())) if seen.size else None,
        cropped_most=most,
    )


def _clear_images(ndvi: np.ndarray) -> int:
    return int((np.isfinite(ndvi).mean(axis=1) >= HALF).sum()) if ndvi.size else 0


def _green_share(ndvi: np.ndarray, cfg: CrosscheckSection) -> tuple[float | None, int]:
    """Return the share of green pixels and the number of clear images; None = too few."""
    images = _clear_images(ndvi)
    if images < cfg.season_min_images:
        return None, images
    known = np.isfinite(ndvi).any(axis=0)
    if known.mean() < HALF:
        return None, images
    return float(_green(ndvi, cfg)[known].mean()), images


def _green(ndvi: np.ndarray, cfg: CrosscheckSection) -> np.ndarray:
    return np.asarray((np.nan_to_num(ndvi, nan=-1.0) >= cfg.season_green_ndvi).any(axis=0))


def _tilled(
    ndvi: np.ndarray, age_days: np.ndarray, cfg: CrosscheckSection
) -> tuple[np.ndarray, np.ndarray] | None:
    """Tell which pixels were green and bare in a season for sure, and which may have been.

    A pixel that is seen often and never bare was not tilled; one that is seen seldom may have been
    bare in between. None = too few images.
    """
    if _clear_images(ndvi) < cfg.season_min_images:
        return None
    green = _green(ndvi, cfg)
    bare = np.asarray((np.nan_to_num(ndvi, nan=1.0) < cfg.season_bare_ndvi).any(axis=0))
    often = _longest_gap(np.isfinite(ndvi), age_days, cfg.season_days) <= cfg.season_gap_days
    return green & bare, green & (bare | ~often)


def _longest_gap(seen: np.ndarray, age_days: np.ndarray, season_days: int) -> np.ndarray:
    """Return the longest time without a clear image, pixel by pixel. [day]"""
    order = np.argsort(age_days)
    longest = np.zeros(seen.shape[1])
    before = np.zeros(seen.shape[1])
    for row in order.tolist():
        age = float(age_days[row])
        gap = np.where(seen[row], age - before, 0.0)
        longest = np.maximum(longest, gap)
        before = np.where(seen[row], age, before)
    return np.asarray(np.maximum(longest, season_days - before))
