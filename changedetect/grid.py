"""Where pixels lie: coordinate system, transform, windows, tiles and halos.

North-up grids only: rotated images are refused where they are opened. Rows count southwards.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from changedetect.errors import GridError

Transform = tuple[float, float, float, float, float, float]
"""Affine ``(a, b, c, d, e, f)``: ``x = a*col + b*row + c``, ``y = d*col + e*row + f``. [CRS unit]"""


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A rectangle of pixels; ``row`` and ``col`` of its upper left pixel. [px]"""

    row: int
    col: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices into the array of the whole grid."""
        return slice(self.row, self.row + self.height), slice(self.col, self.col + self.width)

    def grown(self, margin_px: int, within: "Window") -> "Window":
        """Grow by a margin on each side, clipped to another window.

        Examples
        --------
        >>> Window(0, 4, 4, 4).grown(2, Window(0, 0, 8, 8))
        Window(row=0, col=2, height=6, width=6)
        """
        top = max(self.row - margin_px, within.row)
        left = max(self.col - margin_px, within.col)
        bottom = min(self.row + self.height + margin_px, within.row + within.height)
        right = min(self.col + self.width + margin_px, within.col + within.width)
        return Window(top, left, bottom - top, right - left)

    def relative_to(self, outer: "Window") -> "Window":
        """Return the same rectangle counted from the corner of an outer window."""
        return Window(self.row - outer.row, self.col - outer.col, self.height, self.width)


@dataclass(frozen=True, slots=True)
class Tile:
    """A piece of work: the core that it answers for and the outer window that it reads."""

    name: str
    core: Window
    outer: Window

    @property
    def core_in_outer(self) -> Window:
        """The core counted from the corner of the outer window."""
        return self.core.relative_to(self.outer)


@dataclass(frozen=True, slots=True)
class Grid:
    """A north-up grid of square pixels.

    Attributes
    ----------
    crs
        Coordinate system as ``EPSG:n``; empty for images without georeference (quick looks only).
    transform
        See `Transform`.
    width, height
        Size. [px]
    """

    crs: str
    transform: Transform
    width: int
    height: int

    def __post_init__(self) -> None:
        a, b, _, d, e, _ = self.transform
        if b != 0 or d != 0 or a <= 0 or e >= 0:
            msg = (
                f"transform {self.transform} is rotated, mirrored or south-up; a north-up grid "
                "(b = d = 0, a > 0, e < 0) was expected; warp the image first (gdalwarp)"
            )
            raise GridError(msg)
        if abs(a + e) > 1e-6 * a:
            msg = f"pixels are {a} wide and {-e} high; square pixels were expected; resample first"
            raise GridError(msg)
        if self.width <= 0 or self.height <= 0:
            msg = f"grid of {self.width} x {self.height} px is empty"
            raise GridError(msg)

    @property
    def resolution(self) -> float:
        """Size of a pixel. [CRS unit, metres for projected systems]"""
        return self.transform[0]

    @property
    def window(self) -> Window:
        """The window that covers the whole grid."""
        return Window(0, 0, self.height, self.width)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north edge. [CRS unit]"""
        a, _, c, _, e, f = self.transform
        return c, f + e * self.height, c + a * self.width, f

    def window_transform(self, window: Window) -> Transform:
        """Return the transform of a window of this grid."""
        a, b, c, d, e, f = self.transform
        return a, b, c + a * window.col, d, e, f + e * window.row

    def sub(self, window: Window) -> "Grid":
        """Return the grid of one window."""
        return Grid(self.crs, self.window_transform(window), window.width, window.height)

    def tiles(self, size_px: int, halo_px: int) -> Iterator[Tile]:
        """Cut the grid into tiles, row by row.

        Parameters
        ----------
        size_px
            Side of the core. [px]
        halo_px
            What a tile reads beyond its core, clipped at the edge of the grid. [px]

        Yields
        ------
        Tile
            Cores tile the grid without gap or overlap.

        Examples
        --------
        >>> grid = Grid("EPSG:4547", (2.0, 0.0, 0.0, 0.0, -2.0, 0.0), 5, 3)
        >>> [tile.core for tile in grid.tiles(4, 1)]
        [Window(row=0, col=0, height=3, width=4), Window(row=0, col=4, height=3, width=1)]
        """
        for row in range(0, self.height, size_px):
            for col in range(0, self.width, size_px):
                core = Window(
                    row, col, min(size_px, self.height - row), min(size_px, self.width - col)
                )
                yield Tile(f"r{row:06d}c{col:06d}", core, core.grown(halo_px, self.window))


@dataclass(frozen=True, slots=True)
class CoarseGrid:
    """A grid under a finer one; each of its pixels covers a whole number of fine pixels.

    Attributes
    ----------
    grid
        The coarse grid, its lines on whole multiples of its pixel size, whatever lies on it.
    factor
        Fine pixels along the side of a coarse one.
    row, col
        Where the fine grid's first pixel lies in the coarse grid. [fine pixel]
    """

    grid: Grid
    factor: int
    row: int
    col: int

    @classmethod
    def under(cls, fine: Grid, gsd_m: float) -> "CoarseGrid":
        """Lay the grid under a fine one whose pixels come nearest to a size.

        Examples
        --------
        >>> fine = Grid("EPSG:4547", (2.0, 0.0, 4.0, 0.0, -2.0, 28.0), 10, 10)
        >>> coarse = CoarseGrid.under(fine, 10.0)
        >>> coarse.grid.bounds, coarse.factor, coarse.row, coarse.col
        ((0.0, 0.0, 30.0, 30.0), 5, 1, 2)
        """
        factor = max(1, round(gsd_m / fine.resolution))
        size = factor * fine.resolution
        west, south, east, north = fine.bounds
        left, top = math.floor(west / size) * size, math.ceil(north / size) * size
        width, height = math.ceil((east - left) / size), math.ceil((top - south) / size)
        return cls(
            Grid(fine.crs, (size, 0.0, left, 0.0, -size, top), width, height),
            factor,
            round((top - north) / fine.resolution),
            round((west - left) / fine.resolution),
        )

    def covering(self, window: Window, margin_px: int = 0) -> Window:
        """Return the coarse pixels over a window of the fine grid, and a margin around. [coarse px]"""
        top, left = (window.row + self.row) // self.factor, (window.col + self.col) // self.factor
        bottom = -(-(window.row + window.height + self.row) // self.factor)
        right = -(-(window.col + window.width + self.col) // self.factor)
        over = Window(top, left, bottom - top, right - left)
        return over.grown(margin_px, self.grid.window)

    def offset(self, window: Window, coarse: Window) -> tuple[int, int]:
        """Return where a fine window begins in a coarse one. [fine pixel]"""
        return (
            window.row + self.row - coarse.row * self.factor,
            window.col + self.col - coarse.col * self.factor,
        )
