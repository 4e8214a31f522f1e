"""Edges of clouds and shadows that the delivered mask leaves out.

Masks of producers end where the cloud is still half opaque. Beside a cloud or a shadow of the mask
a pixel is hidden too if it is brighter in every visible band, or darker in every band, than in the
other date, by more than unchanged ground usually differs, and if such pixels lead from it to the
mask without a gap: what stands apart is ground. Small specks of the mask have no edge: they are mostly bright roofs. Our choice, measured on simulated counties (docs/accuracy.md).
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from changedetect.config.detection import PixelsSection
from changedetect.kernels.resample import box_count
from changedetect.schema import CLOUD, SHADOW

VISIBLE = ("blue", "green", "red")
MAD_TO_SIGMA = 1.4826
"""Median absolute deviation -> standard deviation of a normal distribution."""


@dataclass(frozen=True, slots=True)
class VeilModel:
    """How the two dates usually differ, band by band.

    Attributes
    ----------
    level, spread
        Median of after less before, and its robust standard deviation. [units of before]
    visible
        Whether the band is a visible one; all are where none is.
    """

    level: tuple[float, ...]
    spread: tuple[float, ...]
    visible: tuple[bool, ...]


def fit_veil(before: np.ndarray, after: np.ndarray, roles: tuple[str, ...]) -> VeilModel:
    """Measure how the two dates usually differ.

    Parameters
    ----------
    before, after
        ``(pixel, band)`` float, aligned and made comparable; no missing values.
    roles
        Band roles, in the order of the bands.
    """
    apart = after.astype(np.float64) - before
    level = np.median(apart, axis=0)
    spread = MAD_TO_SIGMA * np.median(np.abs(apart - level), axis=0)
    return VeilModel(tuple(map(float, level)), tuple(map(float, spread)), visible_bands(roles))


def visible_bands(roles: tuple[str, ...]) -> tuple[bool, ...]:
    """Tell which bands are visible ones; all are where none is."""
    visible = [role in VISIBLE for role in roles]
    return tuple(visible if any(visible) else [True] * len(roles))


def veil_reach_px(cfg: PixelsSection) -> int:
    """Return how far a cloud of the mask can hide pixels beyond its buffer. [px]"""
    return cfg.cloud_edge_px + cfg.cloud_core_px + _start_px(cfg) + cfg.cloud_edge_grow_px


def _start_px(cfg: PixelsSection) -> int:
    """Edges begin so far from the solid parts of a mask: beyond its buffer. [px]"""
    return cfg.cloud_core_px + cfg.cloud_buffer_px + 1


def veiled(
    stack: np.ndarray,
    clouds: tuple[np.ndarray, np.ndarray],
    model: VeilModel,
    cfg: PixelsSection,
) -> np.ndarray:
    """Find what clouds and shadows hide beyond the edge of their masks.

    Parameters
    ----------
    stack
        ``(2, band, y, x)`` float32, before and after made comparable; NaN is not observed.
    clouds
        Masks before and after, ``(y, x)`` uint8; schema.CLEAR, CLOUD, SHADOW; 255 = no mask.
    model
        From `fit_veil`.
    cfg
        Reach and strength.

    Returns
    -------
    ndarray
        ``(y, x)`` bool; affine changes of a band's numbers in both dates change nothing.
    """
    hidden = np.zeros(stack.shape[2:], bool)
    for mask, sign in zip(clouds, (-1.0, 1.0), strict=True):
        for value in (CLOUD, SHADOW):
            solid = _solid(mask == value, cfg)
            if solid.any():
                differs = _differs(stack, model, sign, bright=value == CLOUD, cfg=cfg)
                hidden |= differs & _led_to(solid, differs | np.isnan(stack[0, 0]), cfg)
    if hidden.any():
        hidden = box_count(hidden, cfg.cloud_edge_grow_px) > 0
    return hidden


def _solid(mask: np.ndarray, cfg: PixelsSection) -> np.ndarray:
    """Solid parts of a mask, their rim of half a core left out."""
    if not mask.any():
        return mask
    return np.asarray(box_count(mask, cfg.cloud_core_px) == (2 * cfg.cloud_core_px + 1) ** 2)


def _led_to(solid: np.ndarray, leading: np.ndarray, cfg: PixelsSection) -> np.ndarray:
    """Surroundings of solid parts to which leading pixels, side by side or corner to corner, lead."""
    near = box_count(solid, cfg.cloud_edge_px) > 0
    start = box_count(solid, _start_px(cfg)) > 0
    square = np.ones((3, 3), bool)
    return np.asarray(
        ndimage.binary_dilation(start, square, cfg.cloud_edge_px, mask=near & (leading | start))
    )


def _differs(
    stack: np.ndarray, model: VeilModel, sign: float, *, bright: bool, cfg: PixelsSection
) -> np.ndarray:
    """Whether the date of the mask is brighter in all visible bands, or darker in all bands."""
    out = np.ones(stack.shape[2:], bool)
    for band, (level, spread) in enumerate(zip(model.level, model.spread, strict=True)):
        if bright and not model.visible[band]:
            continue
        apart = sign * (stack[1, band] - stack[0, band] - np.float32(level))
        if bright:
            out &= apart > np.float32(cfg.cloud_edge_sigmas * spread)
        else:
            out &= apart < np.float32(-cfg.shadow_edge_sigmas * spread)
    return out
