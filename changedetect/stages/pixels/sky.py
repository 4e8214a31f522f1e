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
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from changedetect.config.detection import PixelsSection
from changedetect.grid import Window
from changedetect.kernels.cells import cell_means, label_boxes, mark_soft
from changedetect.kernels.resample import box_count
from changedetect.schema import CLEAR, CLOUD, SHADOW
from changedetect.stages.pixels.pair import PixelModel, is_clouded
from changedetect.stages.pixels.samples import PairSample

SQUARE = np.ones((3, 3), bool)
MIN_SEEN = 0.5
"""A cell of which less is seen says nothing."""


EDGE_CELLS = 6
"""How far beyond its brightest part an object reaches at most. [cell]"""

__all__ = ["MIN_SEEN", "SkyCells", "SkyMask", "cell_means", "compare_cells", "find_sky"]


@dataclass(frozen=True, slots=True)
class SkyCells:
    """How much the two dates differ, cell by cell, in units of the usual difference.

    Attributes
    ----------
    visible_low, visible_high
        ``(y, x)`` float32; smallest and largest difference of a visible band; NaN = not seen. [sigma]
    low, high
        The same over all bands. [sigma]
    """

    visible_low: np.ndarray
    visible_high: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def empty(cls, rows: int, cols: int) -> "SkyCells":
        """Cells of which nothing is seen."""
        return cls(*(np.full((rows, cols), np.nan, np.float32) for _ in range(4)))

    def put(self, row: int, col: int, part: "SkyCells") -> None:
        """Lay the cells of a window into these."""
        for whole, piece in (
            (self.visible_low, part.visible_low),
            (self.visible_high, part.visible_high),
            (self.low, part.low),
            (self.high, part.high),
        ):
            whole[row : row + piece.shape[0], col : col + piece.shape[1]] = piece

    def signs(self, *, after: bool) -> tuple[np.ndarray, np.ndarray]:
        """Tell how far one date is brighter in every visible band, and darker in every band.

        Returns
        -------
        tuple of ndarray
            ``(y, x)`` float32 each; 0 or less where it is not, or nothing is seen. [sigma]
        """
        bright, dark = (self.visible_low, -self.high) if after else (-self.visible_high, self.low)
        return np.nan_to_num(bright, nan=0.0), np.nan_to_num(dark, nan=0.0)


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


def compare_cells(before: np.ndarray, after: np.ndarray, model: PixelModel) -> SkyCells:
    """Compare two dates cell by cell.

    Parameters
    ----------
    before, after
        ``(band, rows, cols)`` float32, means of the images as read over the same cells (`cell_means`,
        `MIN_SEEN`); NaN is not seen. A shift of a few pixels between them is small beside a cell.
    model
        Makes the image after look like the one before, and tells how they usually differ.
    """
    gain, offset, level, spread = (
        np.array(values, np.float32)[:, None, None]
        for values in (model.gain, model.offset, model.veil.level, model.veil.spread)
    )
    apart = after * gain + offset
    apart -= before + level
    apart /= np.where(spread > 0, spread, np.nan)  # dates without any noise: no scale, no clouds
    visible = apart[np.array(model.veil.visible)]
    return SkyCells(visible.min(axis=0), visible.max(axis=0), apart.min(axis=0), apart.max(axis=0))


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
    bright, dark = cells.signs(after=after)
    unseen = np.isnan(cells.low)
    min_cells = max(4, math.ceil(cfg.sky_min_ha * 1e4 / cell_m**2))
    cores = np.zeros(bright.shape, bool)
    for level in cfg.sky_levels_sigma:
        cores |= _soft_objects(bright, unseen, level, min_cells, cfg)
    out = np.full(bright.shape, CLEAR, np.uint8)
    if not cores.any():
        return out
    reach = max(1, math.ceil(cfg.sky_reach_m / cell_m))
    clouds = ndimage.binary_dilation(
        cores, SQUARE, iterations=reach, mask=cores | (bright > cfg.sky_rest_sigmas)
    )
    if sun_azimuth_deg is not None:
        shade = _shadows(clouds, dark, sun_azimuth_deg, cell_m, cfg)
        out[ndimage.binary_dilation(shade, SQUARE) & ~unseen] = SHADOW
    out[ndimage.binary_dilation(clouds, SQUARE)] = CLOUD
    return out


def _soft_objects(
    bright: np.ndarray, unseen: np.ndarray, level: float, min_cells: int, cfg: PixelsSection
) -> np.ndarray:
    """Objects brighter than a level that are bright enough, large enough, and end softly."""
    eroded = box_count(bright > level, 1) == SQUARE.size
    labels, count = ndimage.label(box_count(eroded, 1) > 0)
    out = np.zeros(bright.shape, bool)
    boxes = label_boxes(labels, count)
    boxes[0, 0] = 0
    large = np.flatnonzero(boxes[:, 0] >= min_cells)
    boxes = np.column_stack([large, boxes[large, 1:]])
    limits = cfg.sky_min_sigmas, cfg.sky_edge_share, EDGE_CELLS
    mark_soft(bright, unseen, labels, boxes, limits, out)
    return out


def _shadows(
    clouds: np.ndarray, dark: np.ndarray, azimuth_deg: float, cell_m: float, cfg: PixelsSection
) -> np.ndarray:
    """Find the shadows of clouds: dark ground under their outline, moved away from the sun."""
    shade = dark > cfg.shadow_edge_sigmas
    cast = np.zeros(clouds.shape, bool)
    labels, count = ndimage.label(clouds, SQUARE)
    for index, box in enumerate(ndimage.find_objects(labels, count), start=1):
        rows, cols = np.nonzero(labels[box] == index)
        rows, cols = rows + box[0].start, cols + box[1].start
        place = _darkest_place((rows, cols), clouds, shade, azimuth_deg, cell_m, cfg)
        if place is not None:
            cast[place] = True
    near = max(1, math.ceil(cfg.sky_reach_m / cell_m))
    cast = ndimage.binary_dilation(cast, SQUARE, iterations=near)
    return np.asarray(cast & (dark > cfg.shadow_edge_sigmas / 2))


def _darkest_place(
    cloud: tuple[np.ndarray, np.ndarray],
    clouds: np.ndarray,
    shade: np.ndarray,
    azimuth_deg: float,
    cell_m: float,
    cfg: PixelsSection,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Move a cloud away from the sun to where most of it falls on darker ground, if much does."""
    south = math.cos(math.radians(azimuth_deg))
    east = -math.sin(math.radians(azimuth_deg))
    usual = float(shade.mean())
    best = usual + cfg.sky_shadow_score * (1 - usual)
    found = None
    for distance in np.arange(cfg.sky_shadow_min_m, cfg.sky_shadow_max_m, cell_m):
        place, inside = _moved(*cloud, south * distance, east * distance, cell_m, shade.shape)
        if inside.mean() < MIN_SEEN:
            break
        open_sky = ~clouds[place]
        if open_sky.mean() < MIN_SEEN:
            continue
        score = float(shade[place][open_sky].mean())
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
