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
from changedetect.schema import EVIDENCE_NODATA, EVIDENCE_SCALE, STACK, check_array
from changedetect.stages.evidence.appearance import (
    Palette,
    edges_of,
    fit_palette,
    surface_cues,
)
from changedetect.stages.evidence.likeness import Strangers, fit_strangers, likeness_of

TOP = 32767
"""Evidence is clipped to ± this."""

RANKS = 512
"""Points at which the null of the likeness is summed up."""

STEPS = 201
"""Thresholds that are tried between the highest and the lowest false-alarm rate."""


@dataclass(frozen=True, slots=True)
class StructureModel:
    """Everything that turns a prepared pair of pictures into evidence.

    Attributes
    ----------
    palette
        Black and white of each band and date.
    strangers
        How alike unrelated ground of this pair is.
    drift
        ``(cue,)`` how cues after differ from cues before on the same ground.
    natural
        Level of the built index that ground without buildings does not exceed.
    spread
        Scale of the index's difference on the same ground.
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
    drift: tuple[float, ...]
    natural: float
    spread: float
    changed_share: float
    false_alarm_rate: float
    threshold: int
    sample_pixels: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sample:
    """What one block tells: cues of both dates and ranks of its likeness."""

    cues: np.ndarray
    rank: np.ndarray


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
    fields = [edges_of(stack, palette) for stack in stacks]
    strangers = fit_strangers(fields, cfg)
    samples = [
        _sample(stack, field, (palette, strangers), cfg)
        for stack, field in zip(stacks, fields, strict=True)
    ]
    cues = np.concatenate([sample.cues for sample in samples], axis=2)
    rank = np.concatenate([sample.rank for sample in samples])
    drift, natural, spread = _scales(cues, rank > cfg.anchor_rank, cfg)
    share = float(np.clip(2.0 * np.mean(rank < 0.5), 0.0, 0.95))  # noqa: PLR2004 - the median
    ratio = _ratio(_gain(cues, drift, natural), rank, spread, cfg)
    rate, threshold = _threshold(np.sort(ratio), share, cfg)
    return StructureModel(
        palette, strangers, drift, natural, spread, share, rate, threshold, count,
        _notes(share, int((rank > cfg.anchor_rank).sum()), cfg),
    )  # fmt: skip


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
    seen = _seen(stack)
    evidence = np.full(seen.shape, EVIDENCE_NODATA, np.int16)
    if not seen.any():
        return evidence
    fields = edges_of(stack, model.palette)
    sample = _sample(stack, fields, (model.palette, model.strangers), cfg)
    gain = _gain(sample.cues, model.drift, model.natural)
    ratio = _ratio(gain, sample.rank, model.spread, cfg)
    evidence[seen] = np.clip(np.rint(ratio * EVIDENCE_SCALE), -TOP, TOP).astype(np.int16)
    return evidence


def _seen(stack: xr.DataArray) -> np.ndarray:
    """Pixels observed in both dates and all bands, ``(y, x)`` bool."""
    return np.asarray(np.isfinite(stack.values).all(axis=(0, 1)))


def _sample(
    stack: xr.DataArray,
    fields: tuple[np.ndarray, np.ndarray],
    fitted: tuple[Palette, Strangers],
    cfg: StructureSection,
) -> _Sample:
    """Gather the cues ``(date, cue, pixel)`` and ranks ``(pixel,)`` of the observed pixels."""
    palette, strangers = fitted
    seen = _seen(stack)
    cues = surface_cues(stack, palette, fields, cfg)
    return _Sample(cues[:, :, seen], strangers.rank(likeness_of(fields, cfg)[seen]))


def _scales(
    cues: np.ndarray, anchors: np.ndarray, cfg: StructureSection
) -> tuple[tuple[float, ...], float, float]:
    """Drift of the cues, level of natural ground, and scale of the index's difference.

    Median and tail of the anchors; where they are few, the frozen values count more.
    """
    trust = float(anchors.sum() / (anchors.sum() + cfg.anchor_prior_px))
    apart = (cues[1] - cues[0])[:, anchors]
    moved = trust * np.median(apart, axis=1) if anchors.any() else np.zeros(len(apart))
    drift = tuple(map(float, moved))
    before, after = _index(cues[0]), _index(cues[1] - moved[:, None])
    natural = float(np.median(np.concatenate([before, after])))
    gain = _gain(cues[:, :, anchors], drift, natural)
    tail = -math.log(1.0 - cfg.tail_quantile)
    own = float(np.quantile(gain, cfg.tail_quantile)) / tail if len(gain) else cfg.gain_scale
    return drift, natural, trust * own + (1.0 - trust) * cfg.gain_scale


def _index(cues: np.ndarray) -> np.ndarray:
    """How built the ground looks: the cues, each in its scale, added up."""
    return np.asarray(cues.sum(axis=0) / math.sqrt(len(cues)))


def _gain(cues: np.ndarray, drift: tuple[float, ...], natural: float) -> np.ndarray:
    """Difference of the built index, natural ground counting as none, ``(pixel,)``."""
    before = np.maximum(_index(cues[0]) - natural, 0.0)
    after = np.maximum(_index(cues[1] - np.array(drift)[:, None]) - natural, 0.0)
    return np.asarray(np.abs(after - before))


def _ratio(gain: np.ndarray, rank: np.ndarray, spread: float, cfg: StructureSection) -> np.ndarray:
    """Log-likelihood ratio: exponential against flat difference, and unlike against alike ground."""
    built = np.minimum(gain / spread, cfg.gain_cap) - math.log(cfg.gain_cap)
    return np.asarray(built + _unlike(rank, cfg))


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


def _threshold(ratio: np.ndarray, share: float, cfg: StructureSection) -> tuple[float, int]:
    """Lowest threshold that keeps the share of false alarms, else that of the configured rate.

    Benjamini and Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x, equation 1, with the
    unchanged share put in.
    """
    top = cfg.gain_cap + 2.0
    tried = np.linspace(-top, top, 20 * STEPS)
    rates = _false_alarms(tried, cfg)
    above = 1.0 - np.searchsorted(ratio, tried, side="left") / len(ratio)
    good = (rates * (1.0 - share) <= cfg.false_discovery_share * above) & (
        rates <= cfg.max_false_alarm_rate
    )
    good |= rates <= cfg.false_alarm_rate
    first = int(np.argmax(good))
    return float(rates[first]), math.ceil(tried[first] * EVIDENCE_SCALE)


def _notes(share: float, anchors: int, cfg: StructureSection) -> tuple[str, ...]:
    """Say how the evidence was made and what weakens it."""
    how = "evidence from edges, right angles and colour of very-high-resolution pictures"
    said = (f"{how}; the structure of {100 * share:.0f}% of the ground is not the same",)
    if anchors < cfg.anchor_prior_px:
        said += (
            f"only {anchors} sample pixels are surely the same ground: frozen scales are used",
        )
    return said
