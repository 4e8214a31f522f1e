"""Sample blocks: fixed places of the product grid from which the models of a pair are fitted."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from changedetect.config.detection import PixelsSection
from changedetect.grid import Grid, Window

UNMASKED = 255
"""Value of a cloud mask where the image has none."""


@dataclass(frozen=True, slots=True)
class PairSample:
    """One sample block of a pair, as read.

    Attributes
    ----------
    window
        Its place on the product grid.
    before, after
        ``(band, y, x)`` float32; NaN is no data. [reflectance 0-1, or DN]
    cloud_before, cloud_after
        ``(y, x)`` uint8; schema.CLEAR, CLOUD, SHADOW; 255 = no mask.
    """

    window: Window
    before: np.ndarray
    after: np.ndarray
    cloud_before: np.ndarray
    cloud_after: np.ndarray


def sample_windows(
    grid: Grid, cfg: PixelsSection, part: Window | None = None
) -> tuple[Window, ...]:
    """Choose the sample blocks of a grid, or of the part of it that a pair shows.

    The part is first rounded outwards to whole multiples of ``sample_block_px``. It is cut into
    nearly equal cells of at most ``sample_block_px``; where these are more than ``sample_blocks``,
    an evenly spread lattice of whole blocks at multiples of their side is taken, so that a block
    lies in few blocks of its file. The places depend on the grid and the part alone, never on
    tiles.

    Parameters
    ----------
    grid
        The product grid.
    cfg
        Size and number of blocks.
    part
        What both images of the pair cover; None = all.

    Returns
    -------
    tuple of Window
        By rows; at least one.

    Examples
    --------
    >>> grid = Grid("EPSG:4547", (2.0, 0.0, 0.0, 0.0, -2.0, 0.0), 400, 200)
    >>> sample_windows(grid, PixelsSection())
    (Window(row=0, col=0, height=200, width=200), Window(row=0, col=200, height=200, width=200))
    """
    seen = _rounded(part or grid.window, grid.window, cfg.sample_block_px)
    rows = _cells(seen.height, cfg.sample_block_px)
    cols = _cells(seen.width, cfg.sample_block_px)
    aspect = len(rows) / len(cols)
    keep_rows = max(1, int(np.sqrt(cfg.sample_blocks * aspect)))
    if len(rows) * len(cols) > cfg.sample_blocks:
        rows = _spread(_whole(rows, cfg.sample_block_px), keep_rows)
        cols = _spread(_whole(cols, cfg.sample_block_px), max(1, cfg.sample_blocks // len(rows)))
    return tuple(Window(seen.row + r, seen.col + c, h, w) for r, h in rows for c, w in cols)


def _rounded(part: Window, whole: Window, step: int) -> Window:
    """Grow a window to whole multiples of a step, within the grid."""
    top, left = part.row // step * step, part.col // step * step
    bottom = min(-(-(part.row + part.height) // step) * step, whole.height)
    right = min(-(-(part.col + part.width) // step) * step, whole.width)
    return Window(top, left, bottom - top, right - left)


def _cells(length: int, block: int) -> list[tuple[int, int]]:
    """Cut a length into nearly equal cells: start and size of each. [px]"""
    count = -(-length // block)
    edges = [length * i // count for i in range(count + 1)]
    return [(a, b - a) for a, b in pairwise(edges)]


def _whole(cells: list[tuple[int, int]], block: int) -> list[tuple[int, int]]:
    """Whole blocks at multiples of their side, where there is room for one."""
    length = sum(size for _, size in cells)
    return [(i * block, block) for i in range(length // block)] or cells


def _spread(cells: list[tuple[int, int]], keep: int) -> list[tuple[int, int]]:
    """Take cells at the middles of equal parts."""
    keep = min(keep, len(cells))
    return [cells[(2 * i + 1) * len(cells) // (2 * keep)] for i in range(keep)]
