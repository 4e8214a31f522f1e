"""What a colour picture shows of built ground: light, blue against green, and right angles.

Each date has its own black and white, band by band, so that exposure, haze and gain do not matter
(dark-object subtraction and white patch). Soil and plants take up blue; concrete, metal, asphalt,
glass and paint mostly do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from changedetect.config.structure import StructureSection
from changedetect.errors import SceneError
from changedetect.kernels.likeness import box_sums, edge_field, right_angles

LIGHT_TOP = 4095
"""Light of a pixel as white as the brightest, stored."""

LOWEST, HIGHEST = -0.1, 1.5
"""Scaled bands are cut here. [share of white]"""

HAZE = 0.3
"""Added to bands before their ratio is taken, so that the dark does not decide. [share of white]"""

QUANTUM = 10_000.0
"""Colour and light are rounded to this fraction before they are averaged."""

GUIDE_QUANTUM = 512.0
"""White, in a guide."""

UNIT = 32.0 * LIGHT_TOP
"""Right angles are divided by this: a root of light per pixel."""

FLAT = 0.001
"""Right angles below this are noise. [root of light per pixel]"""

COLOURS = ("red", "green", "blue")


@dataclass(frozen=True, slots=True)
class Palette:
    """Black and white of each date and band, ``(date, band)``; order of the bands red, green, blue.

    Attributes
    ----------
    places
        Positions of red, green and blue in the stack.
    black, white
        Stored as tuples so that the model stays small and frozen.
    """

    places: tuple[int, ...]
    black: tuple[tuple[float, ...], ...]
    white: tuple[tuple[float, ...], ...]

    def scaled(self, stack: xr.DataArray) -> np.ndarray:
        """Return ``(date, colour, y, x)`` float32, 0 black and 1 white; NaN is not observed."""
        black = np.array(self.black, np.float32)[:, :, None, None]
        white = np.array(self.white, np.float32)[:, :, None, None]
        values = stack.values[:, list(self.places)] - black
        values /= white - black
        return np.clip(values, LOWEST, HIGHEST, out=values)


def fit_palette(stacks: Sequence[xr.DataArray], cfg: StructureSection) -> Palette:
    """Find black and white of every band and date.

    Parameters
    ----------
    stacks
        schema.STACK with two times and the bands red, green and blue.
    cfg
        Quantiles.

    Raises
    ------
    SceneError
        A band is constant.
    """
    names = [str(name) for name in stacks[0].band.values]
    places = tuple(names.index(colour) for colour in COLOURS)
    pixels = np.concatenate([_observed(stack) for stack in stacks], axis=2)[:, list(places)]
    black = np.quantile(pixels, cfg.dark_quantile, axis=2)
    white = np.quantile(pixels, cfg.bright_quantile, axis=2)
    if not (white > black).all():
        date, band = np.argwhere(white <= black)[0]
        msg = (
            f"band {COLOURS[band]} of the image {('before', 'after')[date]} is constant over the "
            "sample pixels; varying bands were expected; check the image's nodata value"
        )
        raise SceneError(msg)
    return Palette(places, tuple(map(tuple, black.tolist())), tuple(map(tuple, white.tolist())))


def _observed(stack: xr.DataArray) -> np.ndarray:
    """Pixels observed in both dates, ``(date, band, pixel)``."""
    values = stack.values.astype(np.float64)
    return np.asarray(values[:, :, np.isfinite(values).all(axis=(0, 1))])


def edges_of(scaled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the edge fields of both dates, ``(2, y, x)`` int32 each.

    Parameters
    ----------
    scaled
        ``(date, colour, y, x)`` float32 from `Palette.scaled`.
    """
    before, after = (_light(date) for date in scaled)
    return _edges(before), _edges(after)


def _edges(light: np.ndarray) -> np.ndarray:
    stored = np.rint(np.where(np.isnan(light), -1.0, light * LIGHT_TOP))
    return edge_field(stored.astype(np.int32))


def surface_cues(
    scaled: np.ndarray, fields: tuple[np.ndarray, np.ndarray], cfg: StructureSection
) -> np.ndarray:
    """Measure colour, light and right angles of both dates, each in its usual scale.

    Parameters
    ----------
    scaled
        ``(date, colour, y, x)`` float32 from `Palette.scaled`.
    fields
        From `edges_of`.
    cfg
        Windows and scales.

    Returns
    -------
    ndarray
        ``(date, cue, y, x)`` float32; NaN where no window is observed.
    """
    cues = []
    for date, field in zip(scaled, fields, strict=True):
        blue, green = np.maximum(date[2], 0.0) + HAZE, np.maximum(date[1], 0.0) + HAZE
        colour = _mean(np.log(blue / green), cfg.colour_radius_px) / cfg.colour_scale
        light = _mean(_light(date), cfg.colour_radius_px) / cfg.light_scale
        angles = right_angles(field, cfg.angle_radius_px) / UNIT
        cues.append([colour, light, np.log(angles + FLAT) / cfg.angle_scale])
    return np.array(cues, np.float32)


def guide_of(scaled: np.ndarray) -> np.ndarray:
    """Return the colours of both dates as a guide for smoothing, ``(y, x, 6)`` int16."""
    channels = np.rint(np.nan_to_num(scaled) * GUIDE_QUANTUM).astype(np.int16)
    return np.ascontiguousarray(np.moveaxis(channels.reshape(-1, *scaled.shape[2:]), 0, 2))


def _light(colours: np.ndarray) -> np.ndarray:
    """Root of the mean of the colours of a date, ``(y, x)``; NaN is not observed."""
    return np.asarray(np.sqrt(np.clip((colours[0] + colours[1] + colours[2]) / 3, 0.0, 1.0)))


def _mean(values: np.ndarray, radius: int) -> np.ndarray:
    """Mean of the observed pixels of each window; NaN where none is."""
    seen = np.isfinite(values)
    stored = np.where(seen, np.rint(values * QUANTUM), 0.0).astype(np.int64)
    counts = box_sums(seen.astype(np.int64), radius)
    means = box_sums(stored, radius) / np.maximum(counts, 1) / QUANTUM
    return np.asarray(np.where(counts > 0, means, np.nan))
