"""Evidence of change from an optical pair, without labels.

Distance of the spectrum after from what ground of its kind usually became (`alteration`), a guided
filter over the principal axes of both dates, then a calibrated null. Two passes: `fit_pair` on sample blocks gives a small frozen
`PairModel`; `measure_pair` applies it to any window, byte for byte the same whatever the cut.

What is usual is learnt twice: ground that the first fit calls changed, and what lies around it, is left
out of the second. The null is fitted on all ground both times, so that its tail is not cut off
(docs/decisions/0033-whole-patches-and-a-second-fit.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.special
import xarray as xr
from scipy import ndimage

from changedetect.config.detection import EvidenceSection
from changedetect.errors import SceneError
from changedetect.kernels.conditional import QUANTUM, class_distances
from changedetect.kernels.distance import distance_rows, padded
from changedetect.kernels.fast_guided import fast_guided_mean
from changedetect.kernels.scratch import scratch
from changedetect.schema import EVIDENCE_SCALE, STACK, check_array
from changedetect.stages.evidence.alteration import (
    Alteration,
    fit_again,
    fit_alteration,
    kept_bands,
)
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
    samples = _thinned(stacks, cfg)
    if samples.count < cfg.min_sample_pixels:
        msg = (
            f"only {samples.count} sample pixels are observed in both dates; at least "
            f"{cfg.min_sample_pixels} were expected (min_sample_pixels); choose images with less "
            "cloud / 两期共同有效像元不足"
        )
        raise SceneError(msg)
    kept = kept_bands(samples.pixels, names, cfg)
    timely = _in_its_time(cfg, stacks[0])
    (learnt, null), contrast = together(
        lambda: _learnt(stacks, samples, kept, timely, workers),
        lambda: usual_contrast(stacks, max(1, workers - 1)),
        workers,
    )
    return PairModel(
        names, tuple(kept), *learnt, null, samples.count, contrast, _notes(names, kept)
    )


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


@dataclass(frozen=True, slots=True)
class _Samples:
    """Pixels ``(pixel, 2 * band)``, the cell and the block of each, its place there; and how many were seen."""

    pixels: np.ndarray
    cells: np.ndarray
    blocks: np.ndarray
    places: np.ndarray
    count: int

    def used(self, kept: list[int]) -> np.ndarray:
        """Return the pixels in the kept bands."""
        bands = self.pixels.shape[1] // 2
        columns = [i + bands * date for date in (0, 1) for i in kept]
        return np.ascontiguousarray(self.pixels[:, columns])


def _learnt(
    stacks: Sequence[xr.DataArray],
    samples: _Samples,
    kept: list[int],
    cfg: EvidenceSection,
    workers: int,
) -> tuple[tuple[Alteration, float], NullModel]:
    """Learn what is usual, then again without ground that looks changed; and the null of all ground."""
    used = samples.used(kept)
    alteration = fit_alteration(used, samples.cells, cfg, workers)
    learnt = alteration, cfg.score_cap * _typical(used, alteration)
    null, told = _null(stacks, learnt, kept, cfg, workers)
    if _days(stacks[0]) > cfg.rare.second_fit_days:
        return learnt, null
    changed = _looks_changed(null, told, stacks, cfg)
    del told  # the second fit has distances of its own
    wanted = _unchanged(used, samples, alteration, changed, cfg)
    if wanted.all() or wanted.mean() < cfg.rare.least_left_share:
        return learnt, null
    alteration = fit_again(used[wanted], samples.cells[wanted], alteration, cfg, workers)
    learnt = alteration, cfg.score_cap * _typical(used, alteration)
    return learnt, _null(stacks, learnt, kept, cfg, workers, null.changed_share)[0]


def _null(
    stacks: Sequence[xr.DataArray],
    learnt: tuple[Alteration, float],
    kept: list[int],
    cfg: EvidenceSection,
    workers: int,
    most_share: float = 1.0,
) -> tuple[NullModel, list[tuple[np.ndarray, np.ndarray]]]:
    """Fit the null on all pixels of the blocks; and return the distances of each, and where they lie."""

    def distances(stack: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
        return _observed(_distance(stack, tuple(kept), learnt, cfg))

    told = list(in_order(stacks, distances, workers))
    found, seen = zip(*told, strict=True)
    cells = cells_of(seen, [stack.shape for stack in stacks], cfg.outcome_cell_px)
    return fit_null(np.concatenate(found), len(kept), cfg, cells, most_share), told


def _looks_changed(
    null: NullModel,
    told: list[tuple[np.ndarray, np.ndarray]],
    stacks: Sequence[xr.DataArray],
    cfg: EvidenceSection,
) -> list[np.ndarray]:
    """Return the pixels of each block that look changed, and those around them, ``(y, x)`` bool."""
    level, around = round(cfg.rare.left_out_llr * EVIDENCE_SCALE), cfg.rare.left_out_around_px
    masks = []
    for stack, (distance, seen) in zip(stacks, told, strict=True):
        mask = np.zeros(stack.shape[2:], bool)
        mask.reshape(-1)[seen] = null.llr(distance) >= level
        if around and mask.any():
            mask = ndimage.binary_dilation(mask, iterations=around)
        masks.append(mask)
    return masks


def _unchanged(
    used: np.ndarray,
    samples: _Samples,
    alteration: Alteration,
    changed: list[np.ndarray],
    cfg: EvidenceSection,
) -> np.ndarray:
    """Tell which samples what is usual is learnt from again, ``(pixel,)`` bool.

    Ground that looks changed is left out, unless an outcome explains it: one that is usual, but rare.
    """
    found = np.zeros(len(samples.pixels), bool)
    for block, mask in enumerate(changed):
        mine = samples.blocks == block
        found[mine] = mask.reshape(-1)[samples.places[mine]]
    labels, squared = class_distances(used, alteration.chooser, alteration.variates)
    own = squared - alteration.penalty.reshape(-1)[labels]
    usual = scipy.special.chdtri(alteration.matrix.shape[2], cfg.rare.explained_rate)
    return np.asarray(~found | (own <= usual))


def _in_its_time(cfg: EvidenceSection, stack: xr.DataArray) -> EvidenceSection:
    """Return the settings for the time between the dates: what is no season grows with it."""
    share = cfg.rare.usual_share(_days(stack), cfg.min_outcome_share)
    return cfg.model_copy(update={"rare": cfg.rare.model_copy(update={"outcome_share": share})})


def _days(stack: xr.DataArray) -> float:
    """Days between the dates."""
    return float(abs(np.diff(stack.time.values)[0]) / np.timedelta64(1, "D"))


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


def _thinned(stacks: Sequence[xr.DataArray], cfg: EvidenceSection) -> _Samples:
    """Gather pixels observed in both dates and all bands, evenly thinned over all blocks."""
    seen = [np.flatnonzero(np.isfinite(stack.values).all(axis=(0, 1))) for stack in stacks]
    count = sum(map(len, seen))
    step = max(1, count // cfg.fit_sample_pixels)
    pixels, places, passed = [], [], 0
    for stack, found in zip(stacks, seen, strict=True):
        places.append(found[-passed % step :: step])
        passed += len(found)
        pixels.append(stack.values.reshape(-1, stack.shape[2] * stack.shape[3])[:, places[-1]].T)
    cells = cells_of(places, [stack.shape for stack in stacks], cfg.outcome_cell_px)
    blocks = np.repeat(np.arange(len(places)), [len(one) for one in places])
    whole = np.ascontiguousarray(np.concatenate(pixels))
    return _Samples(whole, cells, blocks, np.concatenate(places), count)


def _notes(names: tuple[str, ...], kept: list[int]) -> tuple[str, ...]:
    """Say what the user should know of the fit."""
    dropped = [name for i, name in enumerate(names) if i not in kept]
    if not dropped:
        return ()
    return (f"bands left out (constant, or a copy of others): {', '.join(dropped)}",)
