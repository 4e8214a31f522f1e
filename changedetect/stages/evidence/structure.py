"""Evidence of built change from a pair of colour pictures at very high resolution, without labels.

Two independent cues add up. Whether the ground is still the same: edges correlate (`likeness`), and
how much unrelated ground correlates is measured inside the pair itself, between places that lie
apart. And whether what is built there came or went: painted and mineral surfaces are bright, reflect
blue as well as green, and have right angles; natural ground of any kind counts as none.
Ground that is surely the same (more alike than nearly all strangers) sets the scale of both dates.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.special
import xarray as xr

from changedetect.config.structure import StructureSection
from changedetect.errors import SceneError
from changedetect.kernels.guided import guided_mean
from changedetect.kernels.opening import opened
from changedetect.schema import EVIDENCE_NODATA, EVIDENCE_SCALE, STACK, check_array
from changedetect.stages.evidence.appearance import (
    GUIDE_QUANTUM,
    Palette,
    edges_of,
    fit_palette,
    guide_of,
    surface_cues,
)
from changedetect.stages.evidence.likeness import Strangers, fit_strangers, likeness_of

TOP = 32767
"""Evidence is clipped to ± this."""

MIDDLE = 0.5
"""Half of unrelated ground ranks below this."""

FURTHEST = 60.0
"""Differences of the built index are cut here before they are smoothed."""

QUANTUM, OFFSET = 256, 16384
"""Differences are stored as integers: × 256, and 2**14 is none."""

RANKS = 512
"""Points at which the null of the likeness is summed up."""

RANGE = 5.0
"""The likeness moves evidence by less than this beyond that of the index."""


@dataclass(frozen=True, slots=True)
class Level:
    """Zero of the built index.

    Attributes
    ----------
    drift
        ``(cue,)`` how cues after differ from cues before on the same ground.
    natural
        Index that half of the ground does not exceed: built ground begins above it.
    """

    drift: tuple[float, ...]
    natural: float


@dataclass(frozen=True, slots=True)
class StructureModel:
    """Everything that turns a prepared pair of pictures into evidence.

    Attributes
    ----------
    palette
        Black and white of each band and date.
    strangers
        How alike unrelated ground of this pair is.
    level
        Zero of the built index.
    spread
        Mean difference of the built index on the same ground.
    changed_share
        Estimated share of ground whose structure is no longer the same.
    false_alarm_rate
        Share of unchanged pixels that the threshold is expected to alarm.
    threshold
        Alarm at or above this log-likelihood ratio × 100.
    sample_pixels
        How many pixels the fit saw.
    notes
        What the user should know.
    """

    palette: Palette
    strangers: Strangers
    level: Level
    spread: float
    changed_share: float
    false_alarm_rate: float
    threshold: int
    sample_pixels: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Block:
    """What one window tells.

    Attributes
    ----------
    seen
        ``(y, x)`` bool, observed in both dates.
    cues
        ``(date, cue, y, x)`` float32.
    rank
        ``(y, x)`` float64, likeness among strangers. [0-1]
    guide
        ``(y, x, 6)`` int16, colours of both dates.
    """

    seen: np.ndarray
    cues: np.ndarray
    rank: np.ndarray
    guide: np.ndarray

    def pick(self, values: np.ndarray) -> np.ndarray:
        """Values ``(..., y, x)`` of the observed pixels, ``(..., pixel)``."""
        return np.asarray(values[..., self.seen])


def fit_structure(
    stacks: Sequence[xr.DataArray], cfg: StructureSection, min_pixels: int
) -> StructureModel:
    """Fit the evidence model of a pair of pictures on its prepared sample blocks.

    Parameters
    ----------
    stacks
        schema.STACK with two times and the bands red, green, blue in any order, one per sample
        block, always in the same order.
    cfg
        Structure settings.
    min_pixels
        Sample pixels that both dates must show. [px]

    Returns
    -------
    StructureModel
        Small and frozen; keep it with the run.

    Raises
    ------
    SceneError
        Too few pixels are observed in both dates, or a band is constant.
    """
    for stack in stacks:
        check_array(stack, STACK)
    count = sum(int(_seen(stack).sum()) for stack in stacks)
    if count < min_pixels:
        msg = (
            f"only {count} sample pixels are observed in both dates; at least {min_pixels} were "
            "expected (min_sample_pixels); choose images with less cloud / 两期共同有效像元不足"
        )
        raise SceneError(msg)
    palette = fit_palette(stacks, cfg)
    scaled = [palette.scaled(stack) for stack in stacks]
    fields = [edges_of(colours) for colours in scaled]
    strangers = fit_strangers(fields, cfg)
    blocks = [
        _block(colours, field, strangers, cfg)
        for colours, field in zip(scaled, fields, strict=True)
    ]
    rank = np.concatenate([block.pick(block.rank) for block in blocks])
    anchors = rank > cfg.anchor_rank
    level = _fit_level(blocks, anchors, cfg)
    gains = [_gain(block, level, cfg) for block in blocks]
    pooled = np.concatenate([b.pick(gain) for b, gain in zip(blocks, gains, strict=True)])
    spread = _fit_spread(pooled[anchors], cfg)
    share = float(np.clip(2.0 * np.mean(rank < MIDDLE), 0.0, 0.95))
    found = [
        block.pick(_evidence(block, gain, spread, cfg))
        for block, gain in zip(blocks, gains, strict=True)
    ]
    rate, threshold = _threshold(np.sort(np.concatenate(found)), share, cfg)
    notes = _notes(share, int(anchors.sum()), cfg)
    return StructureModel(palette, strangers, level, spread, share, rate, threshold, count, notes)


def measure_structure(
    stack: xr.DataArray, model: StructureModel, cfg: StructureSection
) -> np.ndarray:
    """Measure evidence of built change over a window.

    Parameters
    ----------
    stack
        schema.STACK with two times; NaN is not observed. Its outer ``cfg.reach_px`` pixels lack
        context unless they lie at the edge of the image: the caller crops them.
    model
        From `fit_structure`.
    cfg
        The settings of the fit.

    Returns
    -------
    ndarray
        schema.EVIDENCE ``(y, x)`` int16.
    """
    check_array(stack, STACK)
    if not _seen(stack).any():
        return np.full(stack.shape[2:], EVIDENCE_NODATA, np.int16)
    scaled = model.palette.scaled(stack)
    block = _block(scaled, edges_of(scaled), model.strangers, cfg)
    evidence = _evidence(block, _gain(block, model.level, cfg), model.spread, cfg)
    return np.where(block.seen, evidence, EVIDENCE_NODATA).astype(np.int16)


def _seen(stack: xr.DataArray) -> np.ndarray:
    """Pixels observed in both dates and all bands, ``(y, x)`` bool."""
    return np.asarray(np.isfinite(stack.values).all(axis=(0, 1)))


def _block(
    scaled: np.ndarray,
    fields: tuple[np.ndarray, np.ndarray],
    strangers: Strangers,
    cfg: StructureSection,
) -> _Block:
    """Look at one window, ``(date, colour, y, x)`` from `Palette.scaled`."""
    seen = np.isfinite(scaled).all(axis=(0, 1))
    rank = strangers.rank(likeness_of(fields, cfg))
    return _Block(seen, surface_cues(scaled, fields, cfg), rank, guide_of(scaled))


def _fit_level(blocks: Sequence[_Block], anchors: np.ndarray, cfg: StructureSection) -> Level:
    """Find how the cues drift on the same ground, and what natural ground reaches."""
    cues = np.concatenate([block.pick(block.cues) for block in blocks], axis=2)
    apart = (cues[1] - cues[0])[:, anchors].astype(np.float64)
    moved = np.median(apart, axis=1) if anchors.any() else np.zeros(len(apart))
    drift = tuple((_trust(apart.shape[1], cfg) * moved).tolist())
    return Level(drift, float(np.median(_index(cues, drift))))


def _trust(anchors: int, cfg: StructureSection) -> float:
    """How much the pair's own anchors count against the frozen values. [0-1]"""
    return anchors / (anchors + cfg.anchor_prior_px)


def _fit_spread(gain: np.ndarray, cfg: StructureSection) -> float:
    """Mean difference of the index on the same ground, from the tail of the anchors."""
    if not len(gain):
        return cfg.gain_scale
    trust = _trust(len(gain), cfg)
    own = float(np.quantile(gain, cfg.tail_quantile)) / -math.log(1.0 - cfg.tail_quantile)
    return trust * min(own, cfg.max_gain_scale) + (1.0 - trust) * cfg.gain_scale


def _index(cues: np.ndarray, drift: tuple[float, ...]) -> np.ndarray:
    """How built the ground looks in both dates: the cues, each in its scale, added up."""
    index = cues.astype(np.float64).sum(axis=1)
    index[1] -= sum(drift)
    return np.asarray(index / math.sqrt(cues.shape[1]))


def _gain(block: _Block, level: Level, cfg: StructureSection) -> np.ndarray:
    """Difference of the built index, natural ground counting as none, ``(y, x)`` float64."""
    built = np.maximum(_index(block.cues, level.drift) - level.natural, 0.0)
    stored = np.clip(built[1] - built[0], -FURTHEST, FURTHEST) * QUANTUM
    score = np.where(block.seen, np.rint(stored) + OFFSET, -1).astype(np.int32)
    ridge = (cfg.guide_softness * GUIDE_QUANTUM) ** 2
    smooth = guided_mean(score, block.guide, cfg.guide_radius_px, ridge).astype(np.float64)
    return np.asarray(np.abs(smooth - OFFSET) / QUANTUM)


def _evidence(block: _Block, gain: np.ndarray, spread: float, cfg: StructureSection) -> np.ndarray:
    """Log-likelihood ratio × 100, ``(y, x)`` int32, without what is too narrow for a building.

    Of the index: exponential if unchanged against flat; of the likeness: see `_unlike`.
    """
    built = np.minimum(gain / spread, cfg.gain_cap) - math.log(cfg.gain_cap)
    ratio = np.where(block.seen, built + _unlike(block.rank, cfg), 0.0)
    stored = np.clip(np.rint(ratio * EVIDENCE_SCALE), -TOP, TOP).astype(np.int32)
    return opened(stored, block.seen, cfg.least_radius_px)


def _unlike(rank: np.ndarray, cfg: StructureSection) -> np.ndarray:
    """Weighted log-ratio of a rank among strangers: flat if changed, Beta if the same ground."""
    a, b = cfg.same_alpha, cfg.same_beta
    p = np.clip(rank, 0.02, 0.999)
    same = (a - 1) * np.log(p) + (b - 1) * np.log1p(-p) - float(scipy.special.betaln(a, b))
    return np.asarray(-cfg.likeness_weight * same)


def _false_alarms(thresholds: np.ndarray, cfg: StructureSection) -> np.ndarray:
    """Share of unchanged pixels at or above each threshold, by the null of both cues."""
    ranks = scipy.special.betaincinv(
        cfg.same_alpha, cfg.same_beta, (np.arange(RANKS) + 0.5) / RANKS
    )
    needed = thresholds[:, None] + math.log(cfg.gain_cap) - _unlike(ranks, cfg)
    tail = np.where(needed <= cfg.gain_cap, np.exp(-np.maximum(needed, 0.0)), 0.0)
    return np.asarray(tail.mean(axis=1))


def _threshold(evidence: np.ndarray, share: float, cfg: StructureSection) -> tuple[float, int]:
    """Rate and threshold: the lowest that keeps the share of false alarms, or the stated rate.

    Benjamini and Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x, equation 1, with the
    unchanged share put in. ``evidence`` is sorted.
    """
    highest = math.ceil((cfg.gain_cap + RANGE) * EVIDENCE_SCALE)
    tried = np.arange(-highest, highest + 1)
    rates = _false_alarms(tried / EVIDENCE_SCALE, cfg)
    above = 1.0 - np.searchsorted(evidence, tried, side="left") / len(evidence)
    good = rates * (1.0 - share) <= cfg.false_discovery_share * above
    good &= rates <= cfg.max_false_alarm_rate
    first = int(np.argmax(good | (rates <= cfg.false_alarm_rate)))
    return float(rates[first]), int(tried[first])


def _notes(share: float, anchors: int, cfg: StructureSection) -> tuple[str, ...]:
    """Say how the evidence was made and what weakens it."""
    how = "evidence from edges, right angles and colour of very-high-resolution pictures"
    said = f"{how}; the structure of {100 * share:.0f}% of the ground is not the same"
    if anchors >= cfg.anchor_prior_px:
        return (said,)
    return said, f"only {anchors} sample pixels are surely the same ground: frozen scales are used"
