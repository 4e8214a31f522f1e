"""Ours beside the peers on the same arrays: polygons, patch × parcel, whole-array methods, series."""

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.transform import Affine

from changedetect.bench import generated, outside, peers
from changedetect.bench.measure import Cost, timed
from changedetect.config.series import SeriesSection
from changedetect.grid import Grid
from changedetect.kernels.runs import find_runs
from changedetect.stages.crosscheck.areas import pair_areas
from changedetect.stages.evidence import series
from changedetect.stages.evidence.series_rules import BANDS
from changedetect.stages.patches.join import group_polygons, join

TILE_PX = 2048
_SAME = 1e-9
"""Relative difference up to which two areas are the same."""

_ALIKE = 0.999
"""Correlation from which variates of two programs are the same."""

DATES, HISTORY = 49, 37
"""Dates of a series and how many of them are history (as the peers were measured)."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Whether two ways gave the same: in words, and as a verdict."""

    text: str
    holds: bool


def mask_of(plan: generated.Plan) -> np.ndarray:
    """Paint the planted blobs of a scene, ``(y, x)`` uint8."""
    mask = np.zeros((plan.size_px, plan.size_px), np.uint8)
    for row, col, blob in generated.blob_masks(plan):
        mask[row : row + blob.shape[0], col : col + blob.shape[1]] |= blob.astype(np.uint8)
    return mask


def grid_of(size_px: int) -> Grid:
    """Return the grid of a generated scene."""
    west, north = generated.CORNER
    step = generated.RESOLUTION_M
    return Grid(generated.CRS, (step, 0.0, west, 0.0, -step, north), size_px, size_px)


def our_polygons(mask: np.ndarray, grid: Grid) -> np.ndarray:
    """Outline a mask as the job does: runs tile by tile, joined, traced; MultiPolygons."""
    parts = []
    for tile in grid.tiles(TILE_PX, 0):
        part = np.ascontiguousarray(mask[tile.core.slices])
        parts.append(find_runs(part, tile.core.row, tile.core.col))
    polygons = group_polygons(join(parts), grid)
    shapely.area(polygons)
    return polygons


def polygons(mask: np.ndarray) -> dict[str, Callable[[], Cost]]:
    """Return the two ways to outline a mask, to be measured."""
    grid = grid_of(len(mask))
    transform = Affine(*grid.transform)
    return {
        "polygons": lambda: timed(partial(our_polygons, mask, grid)),
        "shapes_shapely": lambda: timed(
            partial(peers.shapes_to_polygons, mask, transform, grid.crs)
        ),
    }


def polygons_agree(mask: np.ndarray) -> Agreement:
    """Compare the two outlines part by part, after normalisation."""
    grid = grid_of(len(mask))
    ours = shapely.get_parts(our_polygons(mask, grid))
    theirs = peers.shapes_to_polygons(mask, Affine(*grid.transform), grid.crs).geometry.to_numpy()
    same = np.array_equal(_sorted_wkb(ours), _sorted_wkb(theirs))
    valid = bool(shapely.is_valid(ours).all())
    word = "identical" if same else "different"
    return Agreement(
        f"{len(ours)} polygons, {word} after normalisation, valid {valid}", same and valid
    )


def _sorted_wkb(shapes: np.ndarray) -> np.ndarray:
    # No points on straight lines on either side, so normal form and bytes decide.
    return np.sort(shapely.to_wkb(shapely.normalize(shapely.simplify(shapes, 0)), hex=True))


def our_areas(
    shapes: np.ndarray, parcels: gpd.GeoDataFrame
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measure parcels under patches as the cross-check does; patch, parcel, planar area. [m²]"""
    records = parcels.geometry.to_numpy()
    return pair_areas(shapely.STRtree(records), shapes, records)


def overlay(shapes: np.ndarray, parcels: gpd.GeoDataFrame) -> dict[str, Callable[[], Cost]]:
    """Return the two ways to lay parcels under patches, to be measured."""
    table = gpd.GeoDataFrame({"patch": np.arange(len(shapes))}, geometry=shapes, crs=parcels.crs)
    our_areas(shapes[:1], parcels[:1])
    return {
        "patch_parcel": lambda: timed(partial(our_areas, shapes, parcels)),
        "geopandas_overlay": lambda: timed(partial(peers.overlay_areas, table, parcels)),
    }


def overlay_agrees(shapes: np.ndarray, parcels: gpd.GeoDataFrame) -> Agreement:
    """Compare the areas of all pieces of the two ways."""
    numbered = parcels.assign(parcel=np.arange(len(parcels)))
    table = gpd.GeoDataFrame({"patch": np.arange(len(shapes))}, geometry=shapes, crs=parcels.crs)
    left, right, area = our_areas(shapes, parcels)
    theirs = peers.overlay_areas(table, numbered)
    wide = np.int64(len(parcels))
    ours_by = dict(zip((left * wide + right).tolist(), area.tolist(), strict=True))
    keys = theirs["patch"].to_numpy(np.int64) * wide + theirs["parcel"].to_numpy(np.int64)
    found = dict(zip(keys.tolist(), theirs["piece_m2"].tolist(), strict=True))
    worst = max(
        (abs(ours_by.get(key, 0.0) - found.get(key, 0.0)) for key in ours_by.keys() | found.keys()),
        default=0.0,
    )
    relative = worst / max(float(area.max(initial=0.0)), 1e-300)
    return Agreement(
        f"{len(area)} pieces, largest difference {relative:.1e} relative", relative <= _SAME
    )


def whole_arrays(
    paths: tuple[Path, Path], workers: int, steps: int
) -> dict[str, Callable[[], Cost]]:
    """Return the methods on whole arrays, files read included, to be measured."""

    def read() -> list[np.ndarray]:
        arrays = []
        for path in paths:
            with rasterio.open(path) as dataset:
                arrays.append(dataset.read())
        return arrays

    works: dict[str, Callable[[], Cost]] = {
        "numpy_cva": lambda: timed(lambda: peers.numpy_cva(*read())),
        "numpy_irmad": lambda: timed(lambda: peers.numpy_irmad(*read(), steps=steps)),
        "dask_cva": lambda: timed(partial(peers.dask_cva, paths, workers)),
        "dask_irmad": lambda: timed(partial(peers.dask_irmad, paths, workers, steps=steps)),
    }
    if not any("OTB" in name for name in peers.absent()):
        works["otb_mad"] = lambda: timed(partial(peers.otb_mad, *paths))
    return works


def mad_agrees(paths: tuple[Path, Path], ours: Path, steps: int) -> Agreement:
    """Correlate our variates, a file of `jobs.mad`, with those of numpy on whole arrays."""
    images = []
    for path in paths:
        with rasterio.open(path) as dataset:
            images.append(dataset.read())
    theirs, _ = peers.numpy_irmad(*images, steps=steps)
    with rasterio.open(ours) as dataset:
        found = dataset.read()
    seen = np.isfinite(found).all(axis=0)
    alike = [
        abs(float(np.corrcoef(one[seen], other[seen])[0, 1]))
        for one, other in zip(found, theirs, strict=True)
    ]
    return Agreement(f"variates correlate by {min(alike):.6f} or more", min(alike) >= _ALIKE)


def outside_costs(python: Path, *words: object) -> dict[str, Cost]:
    """Run a peer of `outside` in the interpreter that has it; what it measured, by name."""
    command = [str(python), outside.__file__, *map(str, words)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    found = json.loads(done.stdout.splitlines()[-1])
    return {name: Cost(cost["wall_s"], cost["cpu_s"]) for name, cost in found.items()}


def nrt_costs(python: Path, side_px: int, folder: Path) -> dict[str, Cost]:
    """Fit and monitor the series of `courses` with each monitor of nrt."""
    days, values = drawn_series(side_px)
    path = folder / "series.npz"
    np.savez(path, values=values, days=days - date(1970, 1, 1).toordinal(), fitted=HISTORY)
    return outside_costs(python, "nrt", path)


def drawn_series(side_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a series of one index: its days ``(date,)`` and values ``(date, y, x)`` float32."""
    rng = np.random.default_rng(3)
    days = 738_000 + np.sort(rng.choice(700, DATES, replace=False))
    shape = (DATES, side_px, side_px)
    season = 0.5 + 0.2 * np.cos(2 * np.pi * days / 365.2425)[:, None, None]
    return days, (season + rng.normal(0, 0.03, shape)).astype(np.float32)


def months_of(days: Sequence[date], first: int) -> list[tuple[int, int]]:
    """Cut dates from ``first`` on into months: where each begins and ends."""
    cuts = [k for k in range(first + 1, len(days)) if days[k].month != days[k - 1].month]
    return list(pairwise([first, *cuts, len(days)]))


def _followed(
    images: np.ndarray, roles: tuple[str, ...], days: list[date], parts: list[tuple[int, int]]
) -> None:
    """Take dates in, part by part, as a job does: each part gives a state that is kept."""
    cfg = SeriesSection()
    state = series.start(images.shape[2:], roles, cfg)
    for low, high in parts:
        state = series.carry_on(state, days[low:high], images[low:high], cfg)


def courses(side_px: int) -> dict[str, Callable[[], Cost]]:
    """Return the ways to fit and monitor a series, to be measured.

    History in one go and then month by month, as a job does it, with one index and with six bands
    (seven indices); history and then date by date; and a plain harmonic.
    """
    ordinals, values = drawn_series(side_px)
    days = [date.fromordinal(int(day)) for day in ordinals]
    one = values[:, None]
    rng = np.random.default_rng(4)
    six = np.stack([0.2 * (1 + sign * values) for sign in (-1, -1, -1, 1, -1, -1)], axis=1)
    six += rng.normal(0, 0.005, six.shape).astype(np.float32)
    monthly = [(0, HISTORY), *months_of(days, HISTORY)]
    daily = [(0, HISTORY), *((k, k + 1) for k in range(HISTORY, DATES))]
    flat = values.reshape(DATES, -1).astype(np.float64)
    works: dict[str, Callable[[], object]] = {
        "series": partial(_followed, one, ("ndvi",), days, monthly),
        "series_by_date": partial(_followed, one, ("ndvi",), days, daily),
        "series_all_bands": partial(_followed, six, BANDS, days, monthly),
        "numpy_harmonic": partial(peers.numpy_harmonic, ordinals, flat, HISTORY),
    }
    for work in works.values():
        work()  # compiles
    return {name: partial(timed, work) for name, work in works.items()}
