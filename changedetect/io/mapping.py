"""Where the pixels of one grid lie in another, the same for every window that is asked for."""

from dataclasses import dataclass

import numpy as np

from changedetect.grid import Grid, Transform, Window
from changedetect.io.crs import transformer

KNOT_PX = 32
"""Between coordinate systems, positions are exact on knots this far apart, on the output grid, and
bilinear between them: the error is under 1e-3 px for map projections at 30 m. [px]"""

_ALIGNED_PX = 1e-3
"""Grids whose pixels differ by less than this are the same grid. [px]"""


def covered(footprint: Grid, grid: Grid) -> Window:
    """Return the part of a grid under the footprint of another, rounded outwards to whole pixels.

    Returns
    -------
    Window
        Of no or negative size where they do not meet. [px]

    Raises
    ------
    GridError
        The coordinate systems can not be related.
    """
    bounds = footprint.bounds
    if footprint.crs != grid.crs:
        bounds = transformer(footprint.crs, grid.crs).transform_bounds(*bounds)
    if not np.isfinite(bounds).all():
        return grid.window  # beyond what the projection can say: looked for everywhere
    west, south, east, north = bounds
    left, size, top = grid.transform[2], grid.resolution, grid.transform[5]
    first_col = max(int(np.floor((west - left) / size + _ALIGNED_PX)), 0)
    first_row = max(int(np.floor((top - north) / size + _ALIGNED_PX)), 0)
    end_col = min(int(np.ceil((east - left) / size - _ALIGNED_PX)), grid.width)
    end_row = min(int(np.ceil((top - south) / size - _ALIGNED_PX)), grid.height)
    return Window(first_row, first_col, end_row - first_row, end_col - first_col)


@dataclass(frozen=True, slots=True)
class Placement:
    """How a product grid lies on a source.

    Attributes
    ----------
    grid
        The product grid.
    crs, transform
        Of the source.
    """

    grid: Grid
    crs: str
    transform: Transform

    def offset(self, height: int, width: int) -> tuple[int, int] | None:
        """Return the row and column of the grid's corner in the source, if pixels coincide.

        Parameters
        ----------
        height, width
            Size of the source, over which pixel sizes may not drift apart. [px]

        Returns
        -------
        tuple of int or None
            None where resampling is needed.
        """
        if self.crs != self.grid.crs:
            return None
        a, _, c, _, e, f = self.transform
        size = self.grid.resolution
        reach = max(height, width, self.grid.height, self.grid.width)
        if max(abs(a - size), abs(-e - size)) * reach > _ALIGNED_PX * size:
            return None
        col, row = (self.grid.transform[2] - c) / a, (self.grid.transform[5] - f) / e
        if max(abs(col - round(col)), abs(row - round(row))) > _ALIGNED_PX:
            return None
        return round(row), round(col)

    def positions(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Return where the centres of a window's pixels lie in the source.

        Returns
        -------
        tuple of ndarray
            Rows and columns, each ``(y, x)`` float64; whole numbers are pixel centres; NaN where
            the position does not exist in the source's system. [px]
        """
        rows = np.arange(window.row, window.row + window.height, dtype=np.float64)
        cols = np.arange(window.col, window.col + window.width, dtype=np.float64)
        if self.crs == self.grid.crs:
            x, y = self._ground(rows, cols)
            r, c = self._source_pixel(x, y)
            shape = (window.height, window.width)
            return (
                np.ascontiguousarray(np.broadcast_to(r[:, None], shape)),
                np.ascontiguousarray(np.broadcast_to(c[None, :], shape)),
            )
        return self._between_knots(window, rows, cols)

    def span(self) -> tuple[float, float]:
        """Return the size of an output pixel in the source, rows and columns, at the middle. [px]"""
        middle = np.array([self.grid.height / 2.0, self.grid.width / 2.0])
        steps = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]) + middle
        x, y = self._ground(steps[:, 0], steps[:, 1])
        r, c = self._to_source(x, y)
        return float(np.hypot(r[1] - r[0], r[2] - r[0])), float(np.hypot(c[1] - c[0], c[2] - c[0]))

    def _ground(self, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        a, _, c, _, e, f = self.grid.transform
        return c + a * (cols + 0.5), f + e * (rows + 0.5)

    def _source_pixel(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        a, _, c, _, e, f = self.transform
        return (y - f) / e - 0.5, (x - c) / a - 0.5

    def _to_source(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.crs != self.grid.crs:
            x, y = transformer(self.grid.crs, self.crs).transform(x, y)
        r, c = self._source_pixel(np.asarray(x), np.asarray(y))
        lost = ~(np.isfinite(r) & np.isfinite(c))
        return np.where(lost, np.nan, r), np.where(lost, np.nan, c)

    def _between_knots(
        self, window: Window, rows: np.ndarray, cols: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        first_r, first_c = window.row // KNOT_PX, window.col // KNOT_PX
        last_r = (window.row + window.height - 1) // KNOT_PX + 1
        last_c = (window.col + window.width - 1) // KNOT_PX + 1
        knot_rows = np.arange(first_r, last_r + 1, dtype=np.float64) * KNOT_PX
        knot_cols = np.arange(first_c, last_c + 1, dtype=np.float64) * KNOT_PX
        grid_rows, grid_cols = np.meshgrid(knot_rows, knot_cols, indexing="ij")
        knots = self._to_source(*self._ground(grid_rows, grid_cols))
        i, u = _cells(rows, first_r)
        j, v = _cells(cols, first_c)
        found = []
        for values in knots:
            near = values[i][:, j] * (1.0 - v)[None, :] + values[i][:, j + 1] * v[None, :]
            far = values[i + 1][:, j] * (1.0 - v)[None, :] + values[i + 1][:, j + 1] * v[None, :]
            found.append(near * (1.0 - u)[:, None] + far * u[:, None])
        return found[0], found[1]


def _cells(positions: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    cell = np.floor_divide(positions, KNOT_PX).astype(np.int64)
    return cell - first, (positions - cell * KNOT_PX) / KNOT_PX
