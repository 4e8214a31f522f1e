"""Bright roofs, yards and film that a delivered mask calls cloud.

Producers' masks at a few metres take what is bright for cloud: new halls and greenhouses above all,
which are what is looked for. A cloud ends softly, over ten metres and more; a roof ends within a
pixel or two. So along the rim of the mask the steepest step of the image is held against its
whole range a little farther around, band by band. Where most of the rim around a masked pixel is a hard edge, bright
on the masked side, the pixel is not cloud. Gains and offsets of a band change nothing. Clouds have soft edges only in pixels much smaller than
the edges, so that coarse images keep their masks (``sky_max_gsd_m``). Our method; figures in
docs/accuracy.md.
"""

import numpy as np
from scipy import ndimage

from changedetect.config.detection import PixelsSection
from changedetect.kernels.resample import box_count
from changedetect.schema import CLEAR, CLOUD

LEAST_RANGE = np.float32(1e-9)
"""A range of nothing is no edge. [units of the image]"""

BRIGHT_SIDE = 0.5
"""The masked side of a roof's edge is the bright one: it lies so high in the step. [1]"""


def roof_reach_px(cfg: PixelsSection) -> int:
    """Return how far from a pixel of the mask the image decides about it. [px]"""
    return cfg.roof_window_px + max(cfg.roof_far_px, 1)


def without_roofs(
    image: np.ndarray, mask: np.ndarray, visible: tuple[bool, ...], cfg: PixelsSection
) -> np.ndarray:
    """Take hard-edged bright ground out of a delivered mask.

    Parameters
    ----------
    image
        ``(band, y, x)`` float32 under the mask; NaN is no data.
    mask
        ``(y, x)`` uint8; schema.CLEAR, CLOUD, SHADOW; 255 = no mask.
    visible
        Which bands are looked at.
    cfg
        Distances, and what a hard edge is.

    Returns
    -------
    ndarray
        Mask of the same form, schema.CLEAR in place of cloud there; the mask itself where nothing
        is. Pixels nearer to the edge of the window than `roof_reach_px` lack context.
    """
    cloud = mask == CLOUD
    rows, cols = np.flatnonzero(cloud.any(axis=1)), np.flatnonzero(cloud.any(axis=0))
    if not len(rows):
        return mask
    reach = roof_reach_px(cfg)
    part = (
        slice(max(0, int(rows[0]) - reach), int(rows[-1]) + reach + 1),
        slice(max(0, int(cols[0]) - reach), int(cols[-1]) + reach + 1),
    )
    hard = _hard(image[(slice(None), *part)], cloud[part], visible, cfg)
    if not hard.any():
        return mask
    cleared = mask.copy()
    cleared[part][hard] = CLEAR
    return cleared


def _hard(
    image: np.ndarray, cloud: np.ndarray, visible: tuple[bool, ...], cfg: PixelsSection
) -> np.ndarray:
    """Masked pixels around which most of the rim is a hard edge, ``(y, x)`` bool."""
    inside = ndimage.minimum_filter(cloud.view(np.uint8), 3, mode="constant", cval=1)
    rim = cloud & (inside == 0)
    bands = np.flatnonzero(visible)
    share, bright = np.zeros((2, *cloud.shape), np.float32)
    for band in bands:
        low, near = _range(image[band], cfg.roof_near_px)
        wide = np.maximum(_range(image[band], cfg.roof_far_px)[1], LEAST_RANGE)
        share += near / wide
        bright += np.where(near > 0, (image[band] - low) / np.maximum(near, LEAST_RANGE), 0)
    edge = rim & (share > np.float32(cfg.roof_edge_ratio * len(bands)))
    edge &= bright > np.float32(BRIGHT_SIDE * len(bands))
    edges, rims = box_count(edge, cfg.roof_window_px), box_count(rim, cfg.roof_window_px)
    return np.asarray(cloud & (edges > cfg.roof_rim_share * rims))


def _range(values: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest value around each pixel, and how far the largest is above it; ``(y, x)``.

    Where nothing is known, the second is 0.
    """
    seen = np.isfinite(values)
    side = 2 * radius + 1
    low = np.where(seen, values, np.float32(np.inf))
    high = np.where(seen, values, np.float32(-np.inf))
    low = ndimage.minimum_filter(low, side, mode="constant", cval=np.inf)
    high = ndimage.maximum_filter(high, side, mode="constant", cval=-np.inf)
    known = high >= low
    span = np.subtract(high, low, where=known, out=np.zeros(low.shape, np.float32))
    return np.where(known, low, np.float32(0)), span
