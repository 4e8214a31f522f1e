"""How much the two dates of a pair differ, cell by cell: what clouds are looked for in.

Cells come window by window and are kept as they come; beyond some memory they are laid aside, so that
memory does not grow with the images.
"""

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from changedetect.errors import ResourceError
from changedetect.grid import Window
from changedetect.stages.pixels.pair import PixelModel

MIN_SEEN = 0.5
"""A cell of which less is seen says nothing."""

KEPT_MB = 96
"""Cells that stay in memory: those of a pair of 12,000² px, five to a cell's side. [MB]"""

VISIBLE_LOW, VISIBLE_HIGH, LOW, HIGH = range(4)
"""Planes: smallest and largest difference of a visible band, then of any band. [sigma]"""


class Aside(Protocol):
    """Where blocks of cells can be laid aside."""

    def put(self, key: Hashable, block: np.ndarray) -> bool:
        """Lay a block aside; tell whether it is there."""

    def get(self, key: Hashable) -> np.ndarray | None:
        """Return a block; None if it can not be read any more."""


@dataclass(slots=True)
class SkyCells:
    """How much the two dates differ, cell by cell, in units of the usual difference.

    Attributes
    ----------
    rows, cols
        Number of cells.
    side
        Blocks that are put begin at multiples of this and are as large, or end with the cells.
    aside
        Where blocks are laid that do not fit into ``limit_bytes``; None = memory grows.
    limit_bytes
        Memory of the blocks that are kept. [byte]
    """

    rows: int
    cols: int
    side: int
    aside: Aside | None = None
    limit_bytes: int = KEPT_MB * 1_000_000
    _kept: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)
    _laid: set[tuple[int, int]] = field(default_factory=set)
    _bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def window(self) -> Window:
        """All cells."""
        return Window(0, 0, self.rows, self.cols)

    @property
    def held_bytes(self) -> int:
        """Memory of the blocks that are kept. [byte]"""
        return self._bytes

    def put(self, row: int, col: int, part: np.ndarray) -> None:
        """Keep the cells of a window, as `compare_cells` gives them; safe for several threads."""
        key = row // self.side, col // self.side
        with self._lock:
            fits = self._bytes + part.nbytes <= self.limit_bytes
            self._bytes += part.nbytes if fits else 0
        if not fits and self.aside is not None and self.aside.put(key, part):
            self._laid.add(key)
            return
        self._kept[key] = part
        if not fits:
            with self._lock:
                self._bytes += part.nbytes

    def bright(self, part: Window, *, after: bool) -> np.ndarray:
        """Tell how far a date is brighter in every visible band; ``(y, x)`` float32, 0 if unseen. [sigma]"""
        found = self.plane(VISIBLE_LOW, part) if after else -self.plane(VISIBLE_HIGH, part)
        return np.asarray(np.nan_to_num(found, copy=False, nan=0.0))

    def dark(self, part: Window, *, after: bool) -> np.ndarray:
        """Tell how far a date is darker in every band; ``(y, x)`` float32, 0 if unseen. [sigma]"""
        found = -self.plane(HIGH, part) if after else self.plane(LOW, part)
        return np.asarray(np.nan_to_num(found, copy=False, nan=0.0))

    def unseen(self, part: Window) -> np.ndarray:
        """Tell which cells of a window say nothing, ``(y, x)`` bool."""
        return np.asarray(np.isnan(self.plane(LOW, part)))

    def plane(self, plane: int, part: Window) -> np.ndarray:
        """Return a plane of a window of cells, ``(y, x)`` float32; NaN where nothing was put.

        Raises
        ------
        ResourceError
            What was laid aside can not be read any more.
        """
        out = np.full((part.height, part.width), np.nan, np.float32)
        for i in range(part.row // self.side, -(-(part.row + part.height) // self.side)):
            for j in range(part.col // self.side, -(-(part.col + part.width) // self.side)):
                block = self._block((i, j))
                if block is not None:
                    place = Window(i * self.side, j * self.side, *block.shape[1:])
                    shared = place.grown(0, part)
                    own = shared.relative_to(place).slices
                    out[shared.relative_to(part).slices] = block[plane][own]
        return out

    def _block(self, key: tuple[int, int]) -> np.ndarray | None:
        found = self._kept.get(key)
        if found is None and key in self._laid and self.aside is not None:
            found = self.aside.get(key)
            if found is None:
                msg = (
                    "cells of the look for clouds that were laid aside in the run's folder can not be "
                    "read; check its disk and run again"
                )
                raise ResourceError(msg)
        return found


def compare_cells(before: np.ndarray, after: np.ndarray, model: PixelModel) -> np.ndarray:
    """Compare two dates cell by cell.

    Parameters
    ----------
    before, after
        ``(band, rows, cols)`` float32, means of the images as read over the same cells (`cell_means`,
        `MIN_SEEN`); NaN is not seen. A shift of a few pixels between them is small beside a cell.
    model
        Makes the image after look like the one before, and tells how they usually differ.

    Returns
    -------
    ndarray
        ``(4, rows, cols)`` float32: smallest and largest difference of a visible band, then of any
        band; NaN = not seen. [sigma]
    """
    gain, offset, level, spread = (
        np.array(values, np.float32)[:, None, None]
        for values in (model.gain, model.offset, model.veil.level, model.veil.spread)
    )
    apart = after * gain + offset
    apart -= before + level
    apart /= np.where(spread > 0, spread, np.nan)  # dates without any noise: no scale, no clouds
    visible = apart[np.array(model.veil.visible)]
    return np.stack(
        [visible.min(axis=0), visible.max(axis=0), apart.min(axis=0), apart.max(axis=0)]
    )
