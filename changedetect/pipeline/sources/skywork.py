"""Clouds of a pair whose images come without a mask: one look at all of it before the tiles."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import shapely

from changedetect.config.detection import PixelsSection
from changedetect.errors import SceneError
from changedetect.grid import Grid, Window
from changedetect.io.mapping import covered
from changedetect.io.opening import kept_open
from changedetect.io.rasters import RasterReader
from changedetect.kernels.scratch import scratch
from changedetect.measure import measure_many
from changedetect.records import Scene, ScenePair
from changedetect.stages import pixels
from changedetect.tiling import in_order

WINDOW_PX = 512
"""Images are read in windows of about this side: they stay in the cache. [px]"""

TOGETHER = 3
"""Rows of windows read by one worker with the files kept open: two workers seldom wait for a block that
the other decodes. Our choice."""

SWATH_PX = 4096
"""Width of the swaths down which windows follow one another: blocks of the files that reach into the
next row of windows are still decoded when it is read. [px]"""


def look(
    reader: RasterReader,
    pair: ScenePair,
    grid: Grid,
    model: pixels.PixelModel,
    cfg: PixelsSection,
    workers: int = 1,
) -> pixels.SkyMask | None:
    """Find the clouds and shadows of a pair's images that have no mask.

    Both images are read once more. A part that can not be read has no clouds here: its tile
    fails by name later.

    Parameters
    ----------
    model
        Fitted without masks.
    cfg
        What a cloud is.
    workers
        Threads; the result is the same.

    Returns
    -------
    SkyMask or None
        None where both images have a mask, pixels are too large to tell clouds from ground, or
        it is not wanted.
    """
    scenes = (pair.before, pair.after)
    pixel_m = grid_pixel_m(pair, grid)
    gsd_m = max(pixel_m, pair.before.gsd_m, pair.after.gsd_m)
    if (
        not cfg.cloud_from_image
        or all(scene.cloud_href for scene in scenes)
        or gsd_m > cfg.sky_max_gsd_m
    ):
        return None
    cell_px = max(1, round(cfg.sky_cell_m / pixel_m))
    cells = pixels.SkyCells(
        -(-grid.height // cell_px),
        -(-grid.width // cell_px),
        _step(cell_px) // cell_px,
        reader.room_aside(),
    )

    def compare(windows: Sequence[Window]) -> None:
        with kept_open():
            for window in windows:
                try:
                    means = [_means(reader, one, grid, window, cell_px, cfg) for one in scenes]
                except SceneError:
                    continue
                found = pixels.compare_cells(means[0], means[1], model)
                cells.put(window.row // cell_px, window.col // cell_px, found)

    def masked(scene: Scene) -> np.ndarray | None:
        if scene.cloud_href:
            return None
        return pixels.find_sky(
            cells,
            after=scene is pair.after,
            sun_azimuth_deg=_azimuth(scene.sun_azimuth_deg),
            cell_m=cell_px * pixel_m,
            cfg=cfg,
        )

    # From the end: what was read last is still decoded when the tiles begin at the other end.
    rows = list(_windows(grid, common_part(pair, grid), cell_px))[::-1]
    some = [rows[first : first + TOGETHER] for first in range(0, len(rows), TOGETHER)]
    in_order([[window for row in part for window in row] for part in some], compare, workers)
    masks = in_order(scenes, masked, min(workers, len(scenes)))
    return pixels.SkyMask(cell_px, masks[0], masks[1])


def grid_pixel_m(pair: ScenePair, grid: Grid) -> float:
    """Side of a pixel of the grid; of the images, where nobody knows where the grid lies. [m]"""
    if not grid.crs:
        return max(pair.before.gsd_m, pair.after.gsd_m)
    west, south, east, north = grid.sub(Window(grid.height // 2, grid.width // 2, 1, 1)).bounds
    pixel = shapely.box(west, south, east, north)
    areas, _ = measure_many(shapely.multipolygons([[pixel]]), grid.crs)
    return math.sqrt(float(areas[0]))


def _azimuth(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _means(
    reader: RasterReader,
    scene: Scene,
    grid: Grid,
    window: Window,
    cell_px: int,
    cfg: PixelsSection,
) -> np.ndarray:
    """Average an image without its clouds over cells, ``(band, rows, cols)`` float32."""
    means = reader.read_cells(scene, grid, window, cell_px, pixels.MIN_SEEN)
    if means is not None:
        return means
    space = scratch(scene.scene_id, (len(scene.roles), window.height, window.width), np.float32)
    image, cloud = reader.read_with_cloud(scene, grid, window, space)
    return pixels.cell_means(
        pixels.masked(image, cloud, cfg.cloud_buffer_px, image), cell_px, pixels.MIN_SEEN
    )


def _windows(grid: Grid, part: Window, cell_px: int) -> Iterator[tuple[Window, ...]]:
    """Cut what is asked for along whole cells of the grid: rows of windows, swath after swath."""
    step = _step(cell_px)
    swath = max(1, SWATH_PX // step) * step
    bottom, right = part.row + part.height, part.col + part.width
    for left in range(part.col // step * step, right, swath):
        for row in range(part.row // step * step, bottom, step):
            height = min(step, grid.height - row)
            yield tuple(
                Window(row, col, height, min(step, grid.width - col))
                for col in range(left, min(left + swath, right), step)
            )


def _step(cell_px: int) -> int:
    """Side of a window: whole cells. [px]"""
    return max(1, WINDOW_PX // cell_px) * cell_px


def common_part(pair: ScenePair, grid: Grid) -> Window:
    """Return the part of the grid under both images.

    Raises
    ------
    SceneError
        There is none.
    """
    parts = [covered(scene.grid, grid) for scene in (pair.before, pair.after)]
    top, left = max(part.row for part in parts), max(part.col for part in parts)
    bottom = min(part.row + part.height for part in parts)
    right = min(part.col + part.width for part in parts)
    if bottom <= top or right <= left:
        msg = f"{pair.name}: no part of the product grid lies under both images; nothing to compare"
        raise SceneError(msg)
    return Window(top, left, bottom - top, right - left)
