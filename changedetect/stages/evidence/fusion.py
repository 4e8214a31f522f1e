"""Evidence of several sources on the same ground adds up; who said what is kept.

Log-likelihood ratios of independent sources add. Layers of one source (three optical pairs of a
month, say) are not independent: the strongest counts fully, the rest by `weight_repeated`. The
result does not depend on the order of the layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from changedetect.config.series import FusionSection
from changedetect.errors import LayerError
from changedetect.schema import EVIDENCE, EVIDENCE_NODATA, EVIDENCE_SCALE, check_array

SOURCES: tuple[str, ...] = ("optical", "series", "radar")
"""Kinds of evidence; the place of a name is its bit in the masks of `FusedEvidence`."""


@dataclass(frozen=True, slots=True)
class EvidenceLayer:
    """What one comparison says.

    Attributes
    ----------
    name
        One of `SOURCES`.
    llr
        ``(y, x)`` int16, `schema.EVIDENCE`.
    before_day, after_day
        ``(y, x)`` int32 ordinals, or one number for all pixels as a 0-d array; last date of the
        old state, first date of the new one; 0 = unknown. [day]
    """

    name: str
    llr: np.ndarray
    before_day: np.ndarray
    after_day: np.ndarray


@dataclass(frozen=True, slots=True)
class FusedEvidence:
    """What all sources say together, and what each says alone.

    Attributes
    ----------
    llr
        ``(y, x)`` int16, `schema.EVIDENCE`; not observed only where no source observed.
    supports, contradicts
        ``(y, x)`` uint8; bit i is set where `SOURCES[i]` speaks for, or against, change.
    before_day, after_day
        ``(y, x)`` int32 ordinals; the narrowest bracket that the sources which speak for change
        allow: the earliest first date of the new state, and the latest date before it on which
        one of them still saw the old state; 0 = none. [day]
    """

    llr: np.ndarray
    supports: np.ndarray
    contradicts: np.ndarray
    before_day: np.ndarray
    after_day: np.ndarray

    @property
    def disputed(self) -> np.ndarray:
        """``(y, x)`` bool; some source speaks for change and another against it."""
        return np.asarray((self.supports > 0) & (self.contradicts > 0))


def name_sources(mask: int) -> str:
    """Write a mask as the column `sources` of the patches.

    Examples
    --------
    >>> name_sources(0b101)
    'optical;radar'
    """
    return ";".join(name for bit, name in enumerate(SOURCES) if mask >> bit & 1)


def upsample(layer: EvidenceLayer, factor: int) -> EvidenceLayer:
    """Lay a coarse layer on a grid that is finer by a whole factor; each pixel is repeated.

    Raises
    ------
    LayerError
        The factor is not positive.

    Examples
    --------
    >>> coarse = EvidenceLayer(
    ...     "radar", np.array([[7, 8]], np.int16), np.array(730000), np.array(730012)
    ... )
    >>> upsample(coarse, 2).llr.tolist()
    [[7, 7, 8, 8], [7, 7, 8, 8]]
    """
    if factor < 1:
        msg = (
            f"evidence {layer.name}: factor {factor} found; a whole number of at least 1 is needed"
        )
        raise LayerError(msg)

    def spread(values: np.ndarray) -> np.ndarray:
        if values.ndim == 0:
            return values
        return np.repeat(np.repeat(values, factor, axis=0), factor, axis=1)

    return replace(
        layer,
        llr=spread(layer.llr),
        before_day=spread(layer.before_day),
        after_day=spread(layer.after_day),
    )


def _check(layers: Sequence[EvidenceLayer]) -> tuple[int, int]:
    if not layers:
        msg = "fusion: no evidence layer; at least one source is needed"
        raise LayerError(msg)
    height, width = layers[0].llr.shape
    for layer in layers:
        if layer.name not in SOURCES:
            msg = f"fusion: source {layer.name!r} is unknown; known are {', '.join(SOURCES)}"
            raise LayerError(msg)
        check_array(layer.llr, EVIDENCE)
        days = {layer.before_day.shape, layer.after_day.shape}
        if layer.llr.shape != (height, width) or not days <= {(), (height, width)}:
            msg = (
                f"fusion: {layer.name} has evidence {layer.llr.shape} and days {sorted(days)}; "
                f"{(height, width)} expected; lay all layers on one grid first (see upsample)"
            )
            raise LayerError(msg)
    return height, width


def _weigh(layers: Sequence[EvidenceLayer], weight: float, cfg: FusionSection) -> np.ndarray:
    """Return what one source says in all its layers; 0 where it observed nothing."""
    limit = round(cfg.clip_llr * EVIDENCE_SCALE)
    stack = np.stack([layer.llr for layer in layers]).astype(np.int64)
    stack = np.where(stack == EVIDENCE_NODATA, 0, np.clip(stack, -limit, limit))
    high, low = stack.max(axis=0), stack.min(axis=0)
    strongest = np.where(high >= -low, high, low)
    rest = np.rint(cfg.weight_repeated * (stack.sum(axis=0) - strongest)).astype(np.int64)
    total = np.clip(strongest + rest, -limit, limit)
    return np.asarray(np.rint(weight * total), np.int64)


def _bracket(
    layers: Sequence[EvidenceLayer], least: int, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the latest old date and the earliest new date of the layers that speak."""
    never = np.iinfo(np.int32).max
    after = np.full(shape, never, np.int32)
    for layer in layers:
        says = (layer.llr >= least) & (layer.after_day > 0)
        after = np.where(says, np.minimum(after, layer.after_day), after)
    before = np.zeros(shape, np.int32)
    for layer in layers:
        says = (layer.llr >= least) & (layer.before_day > 0) & (layer.before_day < after)
        before = np.where(says, np.maximum(before, layer.before_day), before)
    dated = after < never
    return np.where(dated, before, 0).astype(np.int32), np.where(dated, after, 0).astype(np.int32)


def fuse(layers: Sequence[EvidenceLayer], cfg: FusionSection) -> FusedEvidence:
    """Add up the evidence of all layers.

    Parameters
    ----------
    layers
        On one grid, in any order; several of one source are allowed.
    cfg
        Section `fusion`.

    Raises
    ------
    LayerError
        No layer, an unknown source, or layers that do not lie on one grid.
    """
    shape = _check(layers)
    weights = (cfg.weight_optical, cfg.weight_series, cfg.weight_radar)
    least = max(1, round(cfg.speak_llr * EVIDENCE_SCALE))
    total = np.zeros(shape, np.int64)
    observed = np.zeros(shape, bool)
    supports, contradicts = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for bit, (name, weight) in enumerate(zip(SOURCES, weights, strict=True)):
        mine = [layer for layer in layers if layer.name == name]
        if not mine:
            continue
        said = _weigh(mine, weight, cfg)
        total += said
        supports |= np.where(said >= least, 1 << bit, 0).astype(np.uint8)
        contradicts |= np.where(said <= -least, 1 << bit, 0).astype(np.uint8)
        for layer in mine:
            observed |= layer.llr != EVIDENCE_NODATA
    before_day, after_day = _bracket(layers, least, shape)
    bound = -(EVIDENCE_NODATA + 1)
    return FusedEvidence(
        llr=np.where(observed, np.clip(total, -bound, bound), EVIDENCE_NODATA).astype(np.int16),
        supports=supports,
        contradicts=contradicts,
        before_day=before_day,
        after_day=after_day,
    )
