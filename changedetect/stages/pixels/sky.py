"""Clouds and their shadows in images that come without a mask.

Two dates of the same ground are compared in cells of some ten metres, far larger than a pixel. A
cloud is brighter than the other date in every visible band, by far more than ground usually differs,
and its edge is soft: a roof, a yard or a field under film ends within a cell, a cloud over
several. Its shadow lies away from the sun, at a distance that depends on the height of the
cloud: the distance at which most of the clouds' displaced outlines fall on ground darker in every
band is taken. What is not soft, not bright enough or too small is left alone: a false cloud would hide
ground, and hidden ground is not looked at. Edges of ground are as soft as clouds where pixels are
large, so that images above ``sky_max_gsd_m`` need a producer's mask. Our method; figures in
docs/accuracy.md.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy import ndimage

from changedetect.config.detection import PixelsSection
from changedetect.grid import Window
from changedetect.kernels.cells import paint_runs, run_boxes, soft_objects, standing_out
from changedetect.kernels.runs import find_runs, label_runs, run_pixels
from changedetect.schema import CLEAR, CLOUD, SHADOW
from changedetect.stages.pixels.pair import is_clouded
from changedetect.stages.pixels.samples import PairSample
from changedetect.stages.pixels.skycells import MIN_SEEN, SkyCells

SQUARE = np.ones((3, 3), bool)

EDGE_CELLS = 6
"""How far beyond its brightest part an object reaches at most. [cell]"""

OPENING_CELLS = 2
"""How far `standing_out` looks. [cell]"""

STRIP_CELLS = 256
"""Rows of cells looked at together: memory does not grow with the images. [cell]"""

_CLOUDED, _DARK, _CAST = np.uint8(1), np.uint8(2), np.uint8(4)
"""Marks of a cell: in a cloud; darker than before, in the end in a shadow; where a cloud casts one."""

_CODE_BITS = 4
"""Marks lie below, the codes of the result above."""

__all__ = ["SkyMask", "find_sky"]


@dataclass(frozen=True, slots=True)
class SkyMask:
    """Clouds and shadows of both dates, found from the images.

    Attributes
    ----------
    cell_px
        Side of a cell. [px]
    before, after
        ``(y, x)`` uint8 of cells: schema.CLEAR, CLOUD, SHADOW; None where the image has a mask of
        its own.
    """

    cell_px: int
    before: np.ndarray | None
    after: np.ndarray | None

    @property
    def hides(self) -> bool:
        """Whether anything was found."""
        return any(mask is not None and bool(mask.any()) for mask in (self.before, self.after))

    @property
    def note(self) -> str:
        """Say what was found: shares of the grid under cloud and shadow, by date."""
        parts = []
        for name, mask in (("before", self.before), ("after", self.after)):
            if mask is not None:
                cloud, shadow = float((mask == CLOUD).mean()), float((mask == SHADOW).mean())
                parts.append(f"{name} {cloud:.2%} cloud, {shadow:.2%} shadow")
        return f"clouds found from the images, which have no mask: {'; '.join(parts)}"

    def over(self, sample: PairSample) -> PairSample:
        """Give a sample block the masks that its images lack."""
        before, after = self.laid(sample.window, sample.cloud_before, sample.cloud_after)
        return replace(sample, cloud_before=before, cloud_after=after)

    def laid(
        self, window: Window, before: np.ndarray, after: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give the masks of a window, in place of those that the images lack.

        Parameters
        ----------
        window
            On the product grid, in it.
        before, after
            ``(y, x)`` uint8 as read: 255 = no mask.
        """
        return (
            before if self.before is None else self._cut(self.before, window),
            after if self.after is None else self._cut(self.after, window),
        )

    def hides_in(self, window: Window) -> bool:
        """Whether anything was found in a window of the product grid."""
        rows, cols = self._cells_of(window)
        part = (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1))
        found = [mask[part] for mask in (self.before, self.after) if mask is not None]
        return any(is_clouded(mask) for mask in found)

    def _cells_of(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of the cell of each row and column of pixels."""
        return (
            np.arange(window.row, window.row + window.height) // self.cell_px,
            np.arange(window.col, window.col + window.width) // self.cell_px,
        )

    def _cut(self, cells: np.ndarray, window: Window) -> np.ndarray:
        rows, cols = self._cells_of(window)
        across = cells[rows[0] : rows[-1] + 1][:, cols]  # rows of cells first: they are few
        return np.asarray(across[rows - rows[0]])


def find_sky(
    cells: SkyCells,
    *,
    after: bool,
    sun_azimuth_deg: float | None,
    cell_m: float,
    cfg: PixelsSection,
) -> np.ndarray:
    """Find the clouds and cloud shadows of one date.

    Parameters
    ----------
    cells
        Of the whole pair.
    after
        Which date.
    sun_azimuth_deg
        Clockwise from north; None = not known, and shadows are left alone. [degree]
    cell_m
        Side of a cell. [m]
    cfg
        Limits.

    Returns
    -------
    ndarray
        ``(y, x)`` uint8: schema.CLEAR, CLOUD or SHADOW.
    """
    # One byte a cell for all that is marked on the way; no memory until something is.
    marks = np.zeros((cells.window.height, cells.window.width), np.uint8)
    min_cells = max(4, math.ceil(cfg.sky_min_ha * 1e4 / cell_m**2))
    objects = _soft_objects(cells, after, min_cells, cfg)
    if not len(objects):
        return marks
    reach = max(1, math.ceil(cfg.sky_reach_m / cell_m))
    _mark_clouds(marks, cells, objects, after, reach, cfg)
    if sun_azimuth_deg is not None:
        _mark_shadows(
            marks, cells, after=after, azimuth_deg=sun_azimuth_deg, cell_m=cell_m, cfg=cfg
        )
    for core, outer in _strips(cells, 1):
        inner, around = core.relative_to(outer).slices, marks[outer.slices]
        dark = ndimage.binary_dilation(around & _DARK, SQUARE)[inner] & ~cells.unseen(core)
        cloud = ndimage.binary_dilation(around & _CLOUDED, SQUARE)[inner]
        codes = np.where(cloud, CLOUD, np.where(dark, SHADOW, CLEAR)).astype(np.uint8)
        marks[core.slices] |= codes << _CODE_BITS
    np.right_shift(marks, _CODE_BITS, out=marks)
    return marks


def _strips(cells: SkyCells, margin: int) -> Iterator[tuple[Window, Window]]:
    """Cut all cells into strips, each with and without a margin."""
    whole = cells.window
    for row in range(0, whole.height, STRIP_CELLS):
        core = Window(row, 0, min(STRIP_CELLS, whole.height - row), whole.width)
        yield core, core.grown(margin, whole)


def _soft_objects(cells: SkyCells, after: bool, min_cells: int, cfg: PixelsSection) -> np.ndarray:
    """List the runs ``(n, 3)`` int32 of objects that are bright and large enough and end softly."""
    levels = cfg.sky_levels_sigma
    found: list[list[np.ndarray]] = [[] for _ in levels]
    for core, outer in _strips(cells, OPENING_CELLS):
        bright = cells.bright(outer, after=after)
        mask = np.empty(bright.shape, np.uint8)
        for level, own in zip(levels, found, strict=True):
            standing_out(bright, level, mask)
            own.append(find_runs(mask[core.relative_to(outer).slices], core.row, 0))
    kept = [_soft_runs(cells, after, np.concatenate(own), min_cells, cfg) for own in found]
    return np.concatenate(kept)


def _soft_runs(
    cells: SkyCells, after: bool, runs: np.ndarray, min_cells: int, cfg: PixelsSection
) -> np.ndarray:
    """Keep the runs of one level that belong to large objects that end softly."""
    if not len(runs):
        return runs
    group = label_runs(runs, 0)
    boxes = run_boxes(runs, group, int(group.max()) + 1)
    runs = runs[np.argsort(group, kind="stable")]
    ends = np.cumsum(np.bincount(group))
    parts = np.column_stack([np.concatenate([[0], ends[:-1]]), ends, boxes[:, 1:]])
    parts = parts[boxes[:, 0] >= min_cells]
    soft = np.zeros(len(parts), bool)
    limits = cfg.sky_min_sigmas, cfg.sky_edge_share, EDGE_CELLS
    for some in _neighbours(parts):
        soft[some] = _ends_softly(cells, after, runs, parts[some], limits)
    return np.concatenate([runs[:0], *(runs[a:b] for a, b in parts[soft, :2])])


def _neighbours(parts: np.ndarray) -> Iterator[slice]:
    """Cut objects, in the order of their first rows, into some that lie near; a tall one alone."""
    first = 0
    while first < len(parts):
        limit = parts[first, 2] + 2 * STRIP_CELLS
        beyond = np.flatnonzero(parts[first:, 3] > limit)
        last = max(first + 1, first + int(beyond[0]) if len(beyond) else len(parts))
        yield slice(first, last)
        first = last


def _ends_softly(
    cells: SkyCells,
    after: bool,
    runs: np.ndarray,
    parts: np.ndarray,
    limits: tuple[float, float, int],
) -> np.ndarray:
    """Ask `soft_objects` about objects that lie near one another, in the window around them."""
    (top, left), (bottom, right) = parts[:, (2, 4)].min(axis=0), parts[:, (3, 5)].max(axis=0)
    box = Window(int(top), int(left), int(bottom - top), int(right - left))
    part = box.grown(EDGE_CELLS, cells.window)
    begin, end = parts[0, 0], parts[-1, 1]
    moved = parts - np.array([begin, begin, part.row, part.row, part.col, part.col])
    own = runs[begin:end] - np.array([part.row, part.col, part.col], np.int32)
    told = np.empty(len(parts), bool)
    bright, unseen = cells.bright(part, after=after), cells.unseen(part)
    soft_objects(bright, unseen, own, moved, limits, told)
    return told


def _mark_clouds(
    marks: np.ndarray,
    cells: SkyCells,
    objects: np.ndarray,
    after: bool,
    reach: int,
    cfg: PixelsSection,
) -> None:
    """Grow objects to what is still brighter around them, and mark it."""
    for core, outer in _strips(cells, reach):
        mine = objects[(objects[:, 0] >= outer.row) & (objects[:, 0] < outer.row + outer.height)]
        if len(mine):
            own = np.zeros((outer.height, outer.width), bool)
            paint_runs(mine - np.array([outer.row, 0, 0], np.int32), own)
            rest = own | (cells.bright(outer, after=after) > cfg.sky_rest_sigmas)
            grown = ndimage.binary_dilation(own, SQUARE, iterations=reach, mask=rest)
            marks[core.slices][grown[core.relative_to(outer).slices]] |= _CLOUDED


def _mark_shadows(
    marks: np.ndarray,
    cells: SkyCells,
    *,
    after: bool,
    azimuth_deg: float,
    cell_m: float,
    cfg: PixelsSection,
) -> None:
    """Mark the shadows of clouds: dark ground under their outline, moved away from the sun."""
    darker, clouds = 0, [np.zeros((0, 3), np.int32)]
    for core, _ in _strips(cells, 0):
        shade = cells.dark(core, after=after) > cfg.shadow_edge_sigmas
        darker += int(np.count_nonzero(shade))
        clouds.append(find_runs(marks[core.slices] & _CLOUDED, core.row, 0))
        marks[core.slices][shade] |= _DARK
    runs, usual = np.concatenate(clouds), darker / marks.size
    group = label_runs(runs, 1)
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group))
    for first, last in pairwise([0, *ends]):
        rows, cols, _ = run_pixels(runs[order[first:last]])
        place = _darkest_place((rows, cols), marks, usual, azimuth_deg, cell_m, cfg)
        if place is not None:
            marks[place] |= _CAST
    near = max(1, math.ceil(cfg.sky_reach_m / cell_m))
    for core, outer in _strips(cells, near):
        grown = ndimage.binary_dilation(marks[outer.slices] & _CAST, SQUARE, iterations=near)
        dark = cells.dark(core, after=after) > cfg.shadow_edge_sigmas / 2
        marks[core.slices] &= ~_DARK
        marks[core.slices][grown[core.relative_to(outer).slices] & dark] |= _DARK


def _darkest_place(
    cloud: tuple[np.ndarray, np.ndarray],
    marks: np.ndarray,
    usual: float,
    azimuth_deg: float,
    cell_m: float,
    cfg: PixelsSection,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Move a cloud away from the sun to where most of it falls on darker ground, if much does.

    ``usual``: share of all ground that is darker.
    """
    south = math.cos(math.radians(azimuth_deg))
    east = -math.sin(math.radians(azimuth_deg))
    best = usual + cfg.sky_shadow_score * (1 - usual)
    found = None
    for distance in np.arange(cfg.sky_shadow_min_m, cfg.sky_shadow_max_m, cell_m):
        place, inside = _moved(*cloud, south * distance, east * distance, cell_m, marks.shape)
        if inside.mean() < MIN_SEEN:
            break
        under = marks[place]
        open_sky = (under & _CLOUDED) == 0
        if open_sky.mean() < MIN_SEEN:
            continue
        score = float(((under & _DARK) != 0)[open_sky].mean())
        if score > best:
            best, found = score, place
    return found


def _moved(
    rows: np.ndarray,
    cols: np.ndarray,
    south_m: float,
    east_m: float,
    cell_m: float,
    shape: tuple[int, ...],
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Cells moved by a distance: those still inside, and which they were."""
    down, right = rows + round(south_m / cell_m), cols + round(east_m / cell_m)
    inside = (down >= 0) & (down < shape[0]) & (right >= 0) & (right < shape[1])
    return (down[inside], right[inside]), inside
