"""Change between two images of different sensors, such as radar and optical: kinds of ground.

Intensities of two sensors can not be subtracted. But ground that is alike in one image is mostly
alike in the other: pixels are grouped into a few kinds by the sensor with fewer bands, and in each
kind a trimmed regression tells what the other sensor usually sees there (`kinds`). What is far
from it has changed, or is rare ground. Three kinds (water, fields, built) are our choice: with
twelve, a change that fills most of its own kind becomes what is usual there.

Distances are smoothed by the guided filter of the pairs of one sensor (`kernels.speckle.guided`),
under both images: over a window they lose the noise of single pixels, and keep banks and walls.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from changedetect.config.radar import RadarSection
from changedetect.errors import LayerError
from changedetect.kernels import speckle
from changedetect.schema import EVIDENCE_NODATA, EVIDENCE_SCALE
from changedetect.stages.evidence.kinds import Kinds, fit_kinds, squared_length, whitened_residuals
from changedetect.stages.evidence.radar_ratio import box_mean, to_steps
from changedetect.stages.evidence.tail_null import TailNull, TailRules, fit_null

LEAST_SPREAD = 1e-9
"""A band that varies less counts as varying so much."""

LEAST_PIXELS = 500
"""Fewer sample pixels tell no kinds of ground."""


@dataclass(frozen=True, slots=True)
class MixedModel:
    """What one sensor usually sees where the other sees something.

    Attributes
    ----------
    middle, spread
        Of all bands, first image then second.
    bands
        Number of bands of the first and of the second image.
    kinds
        From the image with fewer bands to the other.
    null
        Distribution of the smoothed distance where nothing changed.
    pixels
        How many pixels told.
    """

    middle: np.ndarray
    spread: np.ndarray
    bands: tuple[int, int]
    kinds: Kinds
    null: TailNull
    pixels: int

    @property
    def threshold(self) -> int:
        """Alarm at or above this evidence (log-likelihood ratio × 100)."""
        return self.null.threshold

    @property
    def false_alarm_rate(self) -> float:
        """Share of unchanged pixels that the threshold is expected to alarm."""
        return self.null.false_alarm_rate


def mixed_halo_px(cfg: RadarSection) -> int:
    """Return what a tile must read beyond its core so that its core is exact. [px]"""
    return cfg.mixed_radius_px + 2 * cfg.mixed_smooth_px * cfg.mixed_passes


def fit_mixed(samples: Sequence[tuple[np.ndarray, np.ndarray]], cfg: RadarSection) -> MixedModel:
    """Learn from sample blocks what each kind of ground is in both images.

    Parameters
    ----------
    samples
        Pairs of ``(band, y, x)`` float32, NaN = not observed; radar as amplitude (not decibel),
        optical as reflectance or stored numbers.
    cfg
        Section `radar`.

    Raises
    ------
    LayerError
        No samples, shapes that do not fit, too few pixels seen in both.
    """
    if not samples:
        msg = "mixed pair: no sample blocks; at least one (first, second) pair is needed"
        raise LayerError(msg)
    stacks = [_joined(first, second) for first, second in samples]
    pixels = np.concatenate([s[:, np.isfinite(s).all(axis=0)] for s in stacks], axis=1)
    if pixels.shape[1] < LEAST_PIXELS:
        msg = (
            f"mixed pair: {pixels.shape[1]} sample pixels are seen in both images; at least "
            f"{LEAST_PIXELS} are needed; check overlap and no-data"
        )
        raise LayerError(msg)
    middle = np.median(pixels, axis=1).astype(np.float64)
    spread = np.maximum(pixels.std(axis=1, dtype=np.float64), LEAST_SPREAD)
    bands = (samples[0][0].shape[0], samples[0][1].shape[0])
    own = cfg.model_copy(update={"course_kinds": cfg.mixed_kinds})
    known: list[np.ndarray] = []
    wanted: list[np.ndarray] = []
    for stack in stacks:
        given, target, valid = _features(stack, middle, spread, bands, cfg)
        known.append(given[:, valid])
        wanted.append(target[:, valid])
    kinds = fit_kinds(np.concatenate(known, axis=1).T, np.concatenate(wanted, axis=1).T, own)
    model = MixedModel(middle, spread, bands, kinds, TailNull.empty(), int(pixels.shape[1]))
    distances = [_distance(stack, model, cfg) for stack in stacks]
    rules = TailRules(
        cfg.mixed_null_shape, cfg.null_span, cfg.null_steps, cfg.mixed_false_alarm_rate
    )
    null = fit_null(np.concatenate([d[np.isfinite(d)] for d in distances]), rules)
    return MixedModel(middle, spread, bands, kinds, null, model.pixels)


def measure_mixed(
    first: np.ndarray, second: np.ndarray, model: MixedModel, cfg: RadarSection
) -> np.ndarray:
    """Measure the evidence of change between images of two sensors on one grid.

    Parameters
    ----------
    first, second
        ``(band, y, x)`` float32; NaN = not observed; units of the fit.
    model, cfg
        From `fit_mixed`, and its settings.

    Returns
    -------
    ndarray
        ``(y, x)`` int16, `schema.EVIDENCE`; alarm at or above ``model.threshold``.

    Raises
    ------
    LayerError
        Shapes or bands that do not fit.
    """
    stack = _joined(first, second)
    if (first.shape[0], second.shape[0]) != model.bands:
        msg = (
            f"mixed pair: {first.shape[0]} and {second.shape[0]} bands found, model of "
            f"{model.bands[0]} and {model.bands[1]}; fit a model on images of the same bands"
        )
        raise LayerError(msg)
    llr = model.null.llr(_distance(stack, model, cfg))
    scaled = np.rint(np.clip(llr, -cfg.clip_llr, cfg.clip_llr) * EVIDENCE_SCALE)
    seen = np.isfinite(scaled)
    return np.where(seen, np.where(seen, scaled, 0), EVIDENCE_NODATA).astype(np.int16)


def _joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    if first.ndim != 3 or second.ndim != 3 or first.shape[1:] != second.shape[1:]:  # noqa: PLR2004
        msg = (
            f"mixed pair: images {first.shape} and {second.shape} found; two (band, y, x) images of "
            "the same pixels are needed"
        )
        raise LayerError(msg)
    return np.concatenate([first, second])


def _features(
    stack: np.ndarray,
    middle: np.ndarray,
    spread: np.ndarray,
    bands: tuple[int, int],
    cfg: RadarSection,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Window means of the image that is given and of the one to be told, and where both are seen."""
    valid = np.isfinite(stack).all(axis=0)
    means = np.stack(
        [
            box_mean((values - centre) / scale, valid, cfg.mixed_radius_px)
            for values, centre, scale in zip(stack, middle, spread, strict=True)
        ]
    )
    first, second = means[: bands[0]], means[bands[0] :]
    given, target = (first, second) if bands[0] <= bands[1] else (second, first)
    return given, target, valid


def _distance(stack: np.ndarray, model: MixedModel, cfg: RadarSection) -> np.ndarray:
    """Smoothed distance from what is usual, ``(y, x)`` float64; NaN = not observed."""
    given, target, valid = _features(stack, model.middle, model.spread, model.bands, cfg)
    ones = valid.astype(np.int64)
    first, second = (to_steps(part.mean(axis=0), valid) for part in (given, target))
    smooth = to_steps(
        np.sqrt(squared_length(whitened_residuals(given, target, model.kinds))), valid
    )
    for _ in range(cfg.mixed_passes):
        smooth = speckle.guided(smooth, first, second, ones, cfg.mixed_smooth_px, cfg.mixed_epsilon)
    return np.where(valid, smooth / speckle.UNIT, np.nan)
