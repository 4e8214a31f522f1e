"""Evidence of change from an optical pair, without labels.

Distance of the spectrum after from what ground of its kind usually became (`alteration`), a guided
filter over the principal axes of both dates, then a calibrated null. Two passes: `fit_pair` on sample blocks gives a small frozen
`PairModel`; `measure_pair` applies it to any window, byte for byte the same whatever the cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from changedetect.config.detection import EvidenceSection
from changedetect.errors import SceneError
from changedetect.kernels.conditional import QUANTUM, class_distances
from changedetect.kernels.distance import distance_rows, padded
from changedetect.kernels.fast_guided import fast_guided_mean
from changedetect.kernels.scratch import scratch
from changedetect.schema import STACK, check_array
from changedetect.stages.evidence.alteration import Alteration, fit_alteration, kept_bands
from changedetect.stages.evidence.borders import usual_contrast
from changedetect.stages.evidence.calibration import NullModel, fit_null, noise_median
from changedetect.stages.evidence.cells import cells_of
from changedetect.tiling import in_order, together


@dataclass(frozen=True, slots=True)
class PairModel:
    """Everything that turns a prepared pair into evidence.

    Attributes
    ----------
    bands
        Band names of the stacks.
    kept
        Positions of the bands that are used.
    alteration
        The variates.
    cap
        Distances are cut here before they are smoothed, so that strong change does not leak.
    null
        Calibration of the smoothed distance.
    sample_pixels
        How many pixels the fit saw.
    contrast
        ``(date=2, band)``: usual contrast between near places, of all bands (`borders`).
    notes
        Bands left out, and the like.
    """

    bands: tuple[str, ...]
    kept: tuple[int, ...]
    alteration: Alteration
    cap: float
    null: NullModel
    sample_pixels: int
    contrast: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def threshold(self) -> int:
        """Alarm at or above this evidence (log-likelihood ratio × 100)."""
        return self.null.threshold

    @property
    def false_alarm_rate(self) -> float:
        """Share of unchanged pixels that the threshold is expected to alarm."""
        return self.null.false_alarm_rate


def fit_pair(stacks: Sequence[xr.DataArray], cfg: EvidenceSection, workers: int = 1) -> PairModel:
    """Fit the evidence model of a pair on its prepared sample blocks.

    Parameters
    ----------
    stacks
        schema.STACK with two times each, one per sample block, always in the same order.
    cfg
        Evidence settings.
    workers
        Threads; the result is the same.

    Returns
    -------
    PairModel
        Small and frozen; keep it with the run.

    Raises
    ------
    SceneError
        Too few pixels are observed in both dates, or no band varies.
    """
    for stack in stacks:
        check_array(stack, STACK)
    names = tuple(str(name) for name in stacks[0].band.values)
    samples, places, count = _thinned(stacks, cfg)
    if count < cfg.min_sample_pixels:
        msg = (
            f"only {count} sample pixels are observed in both dates; at least "
            f"{cfg.min_sample_pixels} were expected (min_sample_pixels); choose images with less "
            "cloud / 两期共同有效像元不足"
        )
        raise SceneError(msg)
    kept = kept_bands(samples, names, cfg)
    columns = [i + len(names) * date for date in (0, 1) for i in kept]
    used = np.ascontiguousarray(samples[:, columns])
    alteration = fit_alteration(used, places, _in_its_time(cfg, stacks[0]), workers)
    cap = cfg.score_cap * _typical(used, alteration)

    def distances(stack: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
        return _observed(_distance(stack, tuple(kept), (alteration, cap), cfg))

    found, seen = zip(*in_order(stacks, distances, workers), strict=True)
    cells = cells_of(seen, [stack.shape for stack in stacks], cfg.outcome_cell_px)
    null, contrast = together(
        lambda: fit_null(np.concatenate(found), len(kept), cfg, cells),
        lambda: usual_contrast(stacks, max(1, workers - 1)),
        workers,
    )
    notes = _notes(names, kept)
    return PairModel(names, tuple(kept), alteration, cap, null, count, contrast, notes)


def measure_pair(
    stack: xr.DataArray, model: PairModel, cfg: EvidenceSection, origin: tuple[int, int] = (0, 0)
) -> np.ndarray:
    """Measure evidence of change over a window.

    Parameters
    ----------
    stack
        schema.STACK with two times; NaN is not observed. Its outer ``guide_reach_px`` pixels
        lack context unless they lie at the edge of the image: the caller crops them.
    model
        From `fit_pair`.
    cfg
        The settings of the fit.
    origin
        Row and column of the window's first pixel in the image. [px]

    Returns
    -------
    ndarray
        schema.EVIDENCE ``(y, x)`` int16.
    """
    check_array(stack, STACK)
    fitted = model.alteration, model.cap
    return model.null.llr(_distance(stack, model.kept, fitted, cfg, origin))


def _in_its_time(cfg: EvidenceSection, stack: xr.DataArray) -> EvidenceSection:
    """Return the settings for the time between the dates: what is no season grows with it."""
    days = np.diff(stack.time.values)[0] / np.timedelta64(1, "D")
    share = cfg.rare.usual_share(float(days), cfg.min_outcome_share)
    return cfg.model_copy(update={"rare": cfg.rare.model_copy(update={"outcome_share": share})})


def _distance(
    stack: xr.DataArray,
    kept: tuple[int, ...],
    fitted: tuple[Alteration, float],
    cfg: EvidenceSection,
    origin: tuple[int, int] = (0, 0),
) -> np.ndarray:
    """Smoothed change distance, ``(y, x)`` float32 in memory of `scratch`; NaN is not observed."""
    alteration, cap = fitted
    values = stack.values if len(kept) == stack.shape[1] else stack.values[:, list(kept)]
    height, width = stack.shape[2:]
    guides = min(cfg.guide_components, len(alteration.mean))
    projection = alteration.axes[:guides] / alteration.spread
    score = scratch("score", (height, width), np.int16)
    guide = scratch("guide", (guides, height, width), np.int16)
    slopes, levels = alteration.chooser
    matrix, offset, penalty = alteration.variates
    distance_rows(
        np.ascontiguousarray(values.reshape(-1, height, width)),
        (_wide(slopes), _single(levels)),
        (_wide(matrix), _single(offset), _single(penalty)),
        (_wide(projection), _single(projection @ alteration.mean)),
        int(cap * QUANTUM),
        score,
        guide,
    )
    smooth = scratch("smooth", (height, width), np.float32)
    ridge = cfg.guide_epsilon * QUANTUM * QUANTUM
    fast_guided_mean(score, guide, origin, cfg.guide_cell_px, ridge, smooth)
    smooth /= np.float32(QUANTUM)
    return smooth


def _wide(weights: np.ndarray) -> np.ndarray:
    """Return weights in the form of fast kernels: float32, last axis padded."""
    flat = padded(np.ascontiguousarray(weights.reshape(-1, weights.shape[-1])))
    return flat.reshape(*weights.shape[:-1], -1)


def _single(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32)


def _observed(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Copy what was observed: the next window takes the memory of this one; and where it lies."""
    seen = np.flatnonzero(np.isfinite(values))
    return values.reshape(-1)[seen], seen


def _typical(samples: np.ndarray, alteration: Alteration) -> float:
    """Median distance of the sample pixels, at least that of pure noise."""
    _, squared = class_distances(samples, alteration.chooser, alteration.variates)
    return max(float(np.sqrt(np.median(squared))), noise_median(alteration.matrix.shape[2]))


def _thinned(
    stacks: Sequence[xr.DataArray], cfg: EvidenceSection
) -> tuple[np.ndarray, np.ndarray, int]:
    """Gather pixels observed in both dates and all bands, evenly thinned over all blocks.

    Returns
    -------
    tuple
        Pixels ``(pixel, 2 * band)``, number of the cell in which each lies ``(pixel,)``, and how
        many there were before thinning.
    """
    seen = [np.flatnonzero(np.isfinite(stack.values).all(axis=(0, 1))) for stack in stacks]
    count = sum(map(len, seen))
    step = max(1, count // cfg.fit_sample_pixels)
    pixels, places, passed = [], [], 0
    for stack, found in zip(stacks, seen, strict=True):
        places.append(found[-passed % step :: step])
        passed += len(found)
        pixels.append(stack.values.reshape(-1, stack.shape[2] * stack.shape[3])[:, places[-1]].T)
    cells = cells_of(places, [stack.shape for stack in stacks], cfg.outcome_cell_px)
    return np.ascontiguousarray(np.concatenate(pixels)), cells, count


def _notes(names: tuple[str, ...], kept: list[int]) -> tuple[str, ...]:
    """Say what the user should know of the fit."""
    dropped = [name for i, name in enumerate(names) if i not in kept]
    if not dropped:
        return ()
    return (f"bands left out (constant, or a copy of others): {', '.join(dropped)}",)
