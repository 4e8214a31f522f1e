"""Pictures of a quick look: images thinned and stretched, evidence in colours, side by side."""

from collections.abc import Iterator, Sequence

import numpy as np

from changedetect import schema
from changedetect.grid import Grid, Window
from changedetect.io.rasters import RasterReader
from changedetect.records import Scene

PREVIEW_PX = 1200
"""Longer side of each picture of a preview. [px]"""

STRIP_PX = 256
"""Pictures are read in strips of this height: a file is opened once a strip, not once a row. [px]"""

COLOURS: tuple[str, ...] = ("red", "green", "blue")


def picture_step(grid: Grid) -> int:
    """Every how many pixels a preview takes one."""
    return max(1, -(-max(grid.height, grid.width) // PREVIEW_PX))


def picture(reader: RasterReader, scene: Scene, grid: Grid) -> np.ndarray:
    """Read a thinned, stretched picture of a scene, strip by strip.

    Returns
    -------
    ndarray
        ``(y, x, 3)`` uint8; black is not observed.
    """
    step = picture_step(grid)
    seen_roles = [role for role in COLOURS if role in scene.roles] or [scene.roles[0]]
    bands = [scene.roles.index(role) for role in (seen_roles * 3)[:3]]
    strips = []
    for row in range(0, grid.height, STRIP_PX):
        window = Window(row, 0, min(STRIP_PX, grid.height - row), grid.width)
        strips.append(reader.read(scene, grid, window)[bands, -row % step :: step, ::step])
    image = np.concatenate(strips, axis=1)
    seen = np.isfinite(image)
    low, high = np.percentile(image[seen], [2, 98]) if seen.any() else (0.0, 1.0)
    scaled = (np.where(seen, image, low) - low) / max(high - low, np.finfo(np.float32).tiny)
    return np.moveaxis(np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8), 0, 2)


def thinned(evidence: Iterator[tuple[Window, np.ndarray]], grid: Grid) -> np.ndarray:
    """Thin strips of evidence to the size of a preview."""
    step = picture_step(grid)
    parts = [strip[-window.row % step :: step, ::step] for window, strip in evidence]
    return np.concatenate(parts)


def preview(pictures: Sequence[np.ndarray], evidence: np.ndarray) -> np.ndarray:
    """Put before, after and evidence side by side.

    Parameters
    ----------
    pictures
        ``(y, x, 3)`` uint8 each.
    evidence
        schema.EVIDENCE of the same size: blue speaks against change, red for it, grey is not
        observed.
    """
    llr = np.clip(evidence.astype(np.float32) / (4 * schema.EVIDENCE_SCALE), -1, 1)
    fade = 1 - np.abs(llr)
    colour = np.stack([np.where(llr > 0, 1, fade), fade, np.where(llr > 0, fade, 1)], axis=2)
    colour[evidence == schema.EVIDENCE_NODATA] = 0.5
    return side_by_side(*pictures, np.rint(colour * 255).astype(np.uint8))


def side_by_side(first: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """Put pictures of one height, ``(y, x, 3)`` uint8, into one, a white gap between them."""
    gap = np.full((len(first), 8, 3), 255, np.uint8)
    return np.concatenate([first, *(part for one in others for part in (gap, one))], axis=1)
