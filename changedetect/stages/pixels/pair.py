"""The model of a pair's pixels, and its use on any window."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import numpy as np
import xarray as xr

from changedetect.config.detection import EvidenceSection, PixelsSection
from changedetect.errors import SceneError
from changedetect.kernels.resample import box_count, laid_over, shifted, stored_laid_over
from changedetect.kernels.stored import Stored, whole_pixels
from changedetect.schema import CLOUD, SHADOW
from changedetect.stages.pixels.radiometry import fit_gains
from changedetect.stages.pixels.registration import PairAlignment, fit_alignment
from changedetect.stages.pixels.roofs import roof_reach_px, without_roofs
from changedetect.stages.pixels.samples import PairSample
from changedetect.stages.pixels.veil import (
    VeilModel,
    fit_veil,
    veil_reach_px,
    veiled,
    visible_bands,
)
from changedetect.tiling import in_order

TAPS_PX = 2
"""Cubic convolution reads this far beyond a pixel."""


@dataclass(frozen=True, slots=True)
class PixelModel:
    """What makes the two images of a pair comparable.

    Attributes
    ----------
    roles
        Band roles, in the order of the bands.
    alignment
        Shift of the image after, with its quality; zero where not worth resampling.
    gain, offset
        Per band: ``gain * after + offset`` looks like the image before.
    veil
        How the two dates usually differ, by which edges of clouds are known.
    doubted
        Whether roofs are taken out of the masks before and after.
    notes
        What the user should know (alignment unknown, and the like).
    """

    roles: tuple[str, ...]
    alignment: PairAlignment
    gain: tuple[float, ...]
    offset: tuple[float, ...]
    veil: VeilModel
    doubted: tuple[bool, bool] = (False, False)
    notes: tuple[str, ...] = ()


def halo_px(pixels: PixelsSection, evidence: EvidenceSection) -> int:
    """Return what a tile must read beyond its core so that cuts leave no trace. [px]"""
    reach = clear_halo_px(pixels) + pixels.cloud_buffer_px + veil_reach_px(pixels)
    return reach + roof_reach_px(pixels) + evidence.guide_reach_px


def clear_halo_px(cfg: PixelsSection) -> int:
    """Return how far a comparable pixel reaches where no cloud is near. [px]"""
    return math.ceil(cfg.max_shift_px) + TAPS_PX


def shift_reach_px(model: PixelModel) -> int:
    """Return how far a comparable pixel of a fitted pair reaches where no cloud is near. [px]"""
    return math.ceil(max(abs(model.alignment.dy), abs(model.alignment.dx))) + TAPS_PX


def is_clouded(mask: np.ndarray) -> bool:
    """Whether a mask ``(y, x)`` uint8 names a cloud or a shadow."""
    return bool(((mask == CLOUD) | (mask == SHADOW)).any())


def fit_pixels(
    samples: Sequence[PairSample],
    roles: tuple[str, ...],
    cfg: PixelsSection,
    workers: int = 1,
    *,
    doubted: tuple[bool, bool] = (False, False),
) -> PixelModel:
    """Fit alignment and radiometry of a pair on its sample blocks.

    Parameters
    ----------
    samples
        Blocks read at `sample_windows`.
    roles
        Band roles, in the order of the bands.
    cfg
        Limits.
    workers
        Threads; the result is the same.
    doubted
        Whether roofs are to be taken out of the masks before and after: those that a producer
        delivered with an image of small pixels (`roofs`).

    Returns
    -------
    PixelModel
        Where neither image shows structure, the shift is zero, its quality NaN, and a note says
        so; the caller decides.

    Raises
    ------
    RegistrationError
        The images can not be laid over one another.
    SceneError
        (Nearly) nothing is observed in both images, or the bands do not fit the roles.
    """
    told = partial(_masked_sample, roles=roles, doubted=doubted, cfg=cfg)
    clear = in_order(samples, told, workers)
    alignment = fit_alignment(clear, cfg, workers)
    if max(abs(alignment.dy), abs(alignment.dx)) < cfg.min_shift_px:
        alignment = replace(alignment, dy=0.0, dx=0.0)
    before, after = _common_pixels(clear, alignment, cfg.radiometry_sample_pixels, workers)
    gain, offset = fit_gains(before, after, cfg, workers)
    notes: tuple[str, ...] = ()
    if not alignment.known:
        notes = ("alignment unknown: no sample block shows enough structure; no shift applied",)
    veil = fit_veil(before, after * np.array(gain) + np.array(offset), roles)
    return PixelModel(roles, alignment, gain, offset, veil, doubted, notes)


def prepare_pair(
    before: np.ndarray,
    after: np.ndarray,
    clouds: tuple[np.ndarray, np.ndarray],
    times: tuple[datetime, datetime],
    model: PixelModel,
    cfg: PixelsSection,
) -> xr.DataArray:
    """Align, mask and normalise one window of a pair.

    Parameters
    ----------
    before, after
        ``(band, y, x)`` float32; NaN is no data. [reflectance 0-1, or DN]
    clouds
        Cloud masks before and after, ``(y, x)`` uint8; schema.CLEAR, CLOUD, SHADOW; 255 = no mask.
    times
        Acquisition times before and after.
    model
        From `fit_pixels`.
    cfg
        Cloud buffer and smallest shift worth resampling.

    Returns
    -------
    DataArray
        schema.STACK ``(time, band, y, x)`` float32 in the units of the image before; NaN in both
        dates where either was not observed. Pixels nearer than the shift and its taps to the
        edge of the window are NaN.
    """
    stack = np.empty((2, *before.shape), np.float32)
    prepare_into(stack, before, after, clouds, model, cfg)
    return as_stack(stack, times, model)


def prepare_into(
    out: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    clouds: tuple[np.ndarray, np.ndarray],
    model: PixelModel,
    cfg: PixelsSection,
) -> None:
    """Do as `prepare_pair`, into an array ``(2, band, y, x)`` float32 that is already there."""
    alignment = model.alignment
    clouds = _told(before, after, clouds, (model.doubted, model.veil.visible), cfg)
    laid_over(
        _clear(before, clouds[0], cfg.cloud_buffer_px),
        _clear(after, clouds[1], cfg.cloud_buffer_px),
        (alignment.dy, alignment.dx),
        np.array(model.gain, np.float64),
        np.array(model.offset, np.float64),
        out,
    )
    hidden = veiled(out, clouds, model.veil, cfg)
    if hidden.any():
        out[:, :, hidden] = np.nan


def prepare_stored(out: np.ndarray, before: Stored, after: Stored, model: PixelModel) -> None:
    """Do as `prepare_into` where no cloud is near, with images as they are stored; the same bytes."""
    alignment = model.alignment
    gain, offset = np.array(model.gain, np.float64), np.array(model.offset, np.float64)
    stored_laid_over(before, after, (alignment.dy, alignment.dx), gain, offset, out)


def as_stack(
    values: np.ndarray, times: tuple[datetime, datetime], model: PixelModel
) -> xr.DataArray:
    """Name the axes of a prepared pair: schema.STACK over the same memory."""
    stamps = np.array([time.replace(tzinfo=None) for time in times], "datetime64[ns]")
    return xr.DataArray(
        values,
        dims=("time", "band", "y", "x"),
        coords={"time": stamps, "band": list(model.roles)},
        name="stack",
    )


def _told(
    before: np.ndarray,
    after: np.ndarray,
    clouds: tuple[np.ndarray, np.ndarray],
    about: tuple[tuple[bool, bool], tuple[bool, ...]],
    cfg: PixelsSection,
) -> tuple[np.ndarray, np.ndarray]:
    """Return both masks, roofs taken out of those that are doubted; ``about``: which, visible bands."""
    (first, second), visible = about
    return (
        without_roofs(before, clouds[0], visible, cfg) if first else clouds[0],
        without_roofs(after, clouds[1], visible, cfg) if second else clouds[1],
    )


def _clear(image: np.ndarray, cloud: np.ndarray, buffer_px: int) -> np.ndarray:
    """Return an image without clouds, shadows and their surroundings; itself if there are none."""
    plain = np.ascontiguousarray(image, np.float32)
    if not is_clouded(cloud):
        return plain
    hidden = (cloud == CLOUD) | (cloud == SHADOW)
    return np.where(box_count(hidden, buffer_px) > 0, np.float32(np.nan), plain)


def _align(image: np.ndarray, alignment: PairAlignment) -> np.ndarray:
    """Lay the image after on the image before."""
    if alignment.dy == 0 and alignment.dx == 0:
        return image
    return shifted(image, alignment.dy, alignment.dx)


def masked(
    image: np.ndarray, cloud: np.ndarray, buffer_px: int, out: np.ndarray | None = None
) -> np.ndarray:
    """Return an image with clouds, shadows, their surroundings and half-missing pixels as NaN.

    Parameters
    ----------
    image
        ``(band, y, x)`` float32; NaN is no data.
    cloud
        ``(y, x)`` uint8; schema.CLEAR, CLOUD, SHADOW; 255 = no mask.
    buffer_px
        How far clouds and shadows are grown. [px]
    out
        Memory of the result, which may be that of the image; None = new memory.

    Returns
    -------
    ndarray
        ``(band, y, x)`` float32; a pixel is NaN in all bands or in none.
    """
    if out is None:
        out = np.empty(image.shape, np.float32)
    whole_pixels(image, out)
    if is_clouded(cloud):
        hidden = (cloud == CLOUD) | (cloud == SHADOW)
        out[:, box_count(hidden, buffer_px) > 0] = np.nan
    return out


def _masked_sample(
    sample: PairSample, roles: tuple[str, ...], doubted: tuple[bool, bool], cfg: PixelsSection
) -> PairSample:
    """Mask the clouds of one block and check its bands."""
    for image, which in ((sample.before, "before"), (sample.after, "after")):
        if image.shape[0] != len(roles):
            msg = (
                f"the image {which} has {image.shape[0]} bands; {len(roles)} were expected "
                f"({', '.join(roles)}); compare images of one sensor profile"
            )
            raise SceneError(msg)
    clouds = sample.cloud_before, sample.cloud_after
    about = doubted, visible_bands(roles)
    first, second = _told(sample.before, sample.after, clouds, about, cfg)
    return replace(
        sample,
        before=masked(sample.before, first, cfg.cloud_buffer_px),
        after=masked(sample.after, second, cfg.cloud_buffer_px),
    )


def _common_pixels(
    samples: Sequence[PairSample], alignment: PairAlignment, most: int, workers: int
) -> tuple[np.ndarray, np.ndarray]:
    """Gather aligned pixels observed in both images, evenly thinned; ``(pixel, band)`` each."""

    def aligned_and_seen(sample: PairSample) -> tuple[np.ndarray, np.ndarray]:
        after = _align(sample.after, alignment)
        known = np.isfinite(sample.before).all(axis=0) & np.isfinite(after).all(axis=0)
        return after, np.flatnonzero(known)

    found = in_order(samples, aligned_and_seen, workers)
    aligned, seen = [after for after, _ in found], [places for _, places in found]
    step = max(1, sum(map(len, seen)) // most)
    firsts, seconds = [], []
    for sample, after, places in zip(samples, aligned, seen, strict=True):
        firsts.append(sample.before.reshape(len(after), -1)[:, places[::step]].T)
        seconds.append(after.reshape(len(after), -1)[:, places[::step]].T)
    return np.concatenate(firsts), np.concatenate(seconds)
