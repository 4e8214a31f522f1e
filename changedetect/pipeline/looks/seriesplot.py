"""Draw the series of one pixel: its images are read again, so that every forecast can be shown."""

import math
from datetime import date
from pathlib import Path

import numpy as np

from changedetect.errors import ConfigError
from changedetect.grid import Grid, Tile, Window
from changedetect.io.rasters import RasterReader
from changedetect.io.series_plot import PixelTrace, write_series_plot
from changedetect.kernels import charts
from changedetect.pipeline.sources.seriesstate import SeriesFollower
from changedetect.stages.evidence import series


def pixel_of(text: str, grid: Grid) -> tuple[int, int]:
    """Return row and column of a pixel given as ``ROW,COL``, or as ``X,Y`` with a decimal point.

    Raises
    ------
    ConfigError
        The text is neither, or the pixel lies outside.

    Examples
    --------
    >>> grid = Grid("EPSG:4547", (10.0, 0.0, 500.0, 0.0, -10.0, 900.0), 8, 6)
    >>> pixel_of("2,5", grid), pixel_of("555.0,871.0", grid)
    ((2, 5), (2, 5))
    """
    try:
        first, second = (float(part) for part in text.split(","))
    except ValueError as error:
        msg = f"--plot {text!r}: ROW,COL or X,Y (with a decimal point) was expected, like 120,45"
        raise ConfigError(msg) from error
    row, col = int(first), int(second)
    if "." in text:
        a, _, c, _, e, f = grid.transform
        row, col = math.floor((second - f) / e), math.floor((first - c) / a)
    if not (0 <= row < grid.height and 0 <= col < grid.width):
        msg = (
            f"--plot {text!r} is row {row}, column {col}; the images have {grid.height} rows and "
            f"{grid.width} columns from {grid.bounds[0]}, {grid.bounds[3]} on"
        )
        raise ConfigError(msg)
    return row, col


def draw_pixel(
    out: Path, reader: RasterReader, follower: SeriesFollower, pixel: tuple[int, int]
) -> Path:
    """Follow one pixel from its first image and write ``series_r{row}_c{col}.png``.

    Parameters
    ----------
    out
        Folder of results.
    reader, follower
        Images and settings; stored states are not used.
    pixel
        Row and column.

    Returns
    -------
    Path
        The picture.
    """
    row, col = pixel
    grid, settings = follower.grid, follower.settings
    core = Window(row, col, 1, 1)
    tile = Tile(f"r{row}c{col}", core, core.grown(follower.cloud_buffer_px, grid.window))
    inside = tile.core_in_outer.slices
    state = series.start((1, 1), follower.scenes[0].roles, settings)
    days = sorted({scene.day for scene in follower.scenes})
    rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    breaks: list[tuple[date, date]] = []
    for day in days:
        images = [scene for scene in follower.scenes if scene.day == day]
        values = follower.values(reader, tile, images)[(slice(None), *inside)]
        forecast, sigma = series.expected(state, day, settings)
        observed = series.measure_indices(values, state.roles)
        rows.append((observed[:, 0, 0], forecast[:, 0, 0], sigma[:, 0, 0]))
        new = series.update(state, day, values, settings)
        known, found = state.days[:, 0, 0], new.days[:, 0, 0]
        if found[charts.BREAK_AFTER] != known[charts.BREAK_AFTER]:
            places = (charts.BREAK_BEFORE, charts.BREAK_AFTER)
            before, after = (date.fromordinal(int(found[place])) for place in places)
            breaks.append((before, after))
        state = new
    seen, mean, sigmas = (np.stack(part) for part in zip(*rows, strict=True))
    title = f"row {row}, column {col}"
    path = out / f"series_r{row}_c{col}.png"
    write_series_plot(path, PixelTrace(title, days, state.indices, seen, mean, sigmas, breaks))
    return path
