"""Evidence of several sources on the same ground adds up; who said what is kept.

Log-likelihood ratios of independent sources add. Layers of one source (two radar orbits, say) are
not independent: the strongest counts fully, the rest by `weight_repeated`. How loud a source may
speak, for change and against it, is limited: its likelihoods are known only roughly. The result
does not depend on the order of the layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from changedetect.config.series import FusionSection
from changedetect.errors import LayerError
from changedetect.schema import EVIDENCE, EVIDENCE_NODATA, EVIDENCE_SCALE, check_array

SOURCES: tuple[str, ...] = ("optical", "series", "radar", "model")
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
class Told:
    """What sources say together, and what each says alone.

    Attributes
    ----------
    llr
        ``(y, x)`` int16, `schema.EVIDENCE`; not observed only where no source observed.
    said
        ``(source, y, x)`` int16, `schema.EVIDENCE`: what each of `SOURCES` says; beside an
        optical pair less of it is added (section `fusion`, ``beside_…``).
    """

    llr: np.ndarray
    said: np.ndarray


@dataclass(frozen=True, slots=True)
class FusedEvidence(Told):
    """What all sources say, who speaks, and from when to when.

    Attributes
    ----------
    supports, contradicts
        ``(y, x)`` uint8; bit i is set where `SOURCES[i]` speaks for, or against, change.
    before_day, after_day
        ``(y, x)`` int32 ordinals; the narrowest bracket that the sources which speak for change
        allow: the earliest first date of the new state, and the latest date before it on which
        one of them still saw the old state; 0 = none. [day]
    """

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


def spare_edges(llr: np.ndarray) -> np.ndarray:
    """Take back what coarse pixels say against change beside pixels that say more for it.

    A coarse pixel half of which changed speaks for neither side; what it says against change must
    not eat the edge of a patch that finer pixels outline. So the highest evidence of its 3 x 3
    neighbours is heard, up to none.

    Parameters
    ----------
    llr
        ``(y, x)`` int16, `schema.EVIDENCE`; needs one pixel around what is used.

    Examples
    --------
    >>> spare_edges(np.array([[-300, -300, 500]], np.int16)).tolist()
    [[-300, 0, 500]]
    """
    around = ndimage.maximum_filter(llr, size=3, mode="constant", cval=EVIDENCE_NODATA)
    denies = (llr < 0) & (llr != EVIDENCE_NODATA)
    return np.where(denies, np.minimum(around, 0), llr).astype(np.int16)


def thick(llr: np.ndarray, threshold: int) -> np.ndarray:
    """Lower alarms that are not two coarse pixels wide below the alarm.

    A coarse pixel, or a line of them, is not told from noise where nothing else saw the ground.

    Parameters
    ----------
    llr
        ``(y, x)`` int16, `schema.EVIDENCE`; needs one pixel around what is used.
    threshold
        Least quantised evidence of an alarm.

    Examples
    --------
    >>> thick(np.array([[500, 500, 500], [500, 500, 0]], np.int16), 300).tolist()
    [[500, 500, 299], [500, 500, 0]]
    """
    alarm = llr >= threshold
    wide = ndimage.binary_opening(alarm, np.ones((2, 2), bool))
    return np.where(alarm & ~wide, threshold - 1, llr).astype(np.int16)


def lay(
    layer: EvidenceLayer, factor: int, offset: tuple[int, int], shape: tuple[int, int]
) -> EvidenceLayer:
    """Lay a coarse layer on a window of a grid that is finer by a whole factor.

    Parameters
    ----------
    layer
        Coarse; each of its pixels is repeated.
    factor
        Fine pixels along the side of a coarse one.
    offset
        Row and column of the window's first pixel, counted in fine pixels from the layer's corner.
    shape
        Of the window. [fine pixel]

    Raises
    ------
    LayerError
        The factor is not positive, or the layer does not cover the window.

    Examples
    --------
    >>> coarse = EvidenceLayer(
    ...     "radar", np.array([[7, 8]], np.int16), np.array(730000), np.array(730012)
    ... )
    >>> lay(coarse, 2, (0, 1), (2, 3)).llr.tolist()
    [[7, 8, 8], [7, 8, 8]]
    """
    height, width = layer.llr.shape
    ends = offset[0] + shape[0], offset[1] + shape[1]
    if factor < 1 or min(offset) < 0 or ends[0] > height * factor or ends[1] > width * factor:
        msg = (
            f"evidence {layer.name}: {height} x {width} px and factor {factor} found; a whole number "
            f"of at least 1 that reaches from {offset} to {ends} is needed"
        )
        raise LayerError(msg)
    rows = (np.arange(shape[0]) + offset[0]) // factor
    cols = (np.arange(shape[1]) + offset[1]) // factor

    def spread(values: np.ndarray) -> np.ndarray:
        return values if values.ndim == 0 else np.asarray(values[np.ix_(rows, cols)])

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
                f"{(height, width)} expected; lay all layers on one grid first (see lay)"
            )
            raise LayerError(msg)
    return height, width


@dataclass(frozen=True, slots=True)
class _Voice:
    """How loud a source may speak, quantised: against change, for it; and its weight.

    ``beside`` is what counts of it at most where an optical pair observed the ground.
    """

    low: int
    high: int
    weight: float
    beside: tuple[int, int] | None = None


def _voices(cfg: FusionSection) -> dict[str, _Voice]:
    def steps(deny: float, clip: float) -> tuple[int, int]:
        return -round(deny * EVIDENCE_SCALE), round(clip * EVIDENCE_SCALE)

    series = steps(cfg.beside_deny_series_llr, cfg.beside_series_llr)
    radar = steps(cfg.beside_deny_radar_llr, cfg.beside_radar_llr)
    optical = steps(cfg.clip_optical_llr, cfg.clip_optical_llr)
    return {
        "optical": _Voice(*optical, cfg.weight_optical),
        "series": _Voice(
            *steps(cfg.deny_series_llr, cfg.clip_series_llr), cfg.weight_series, series
        ),
        "radar": _Voice(*steps(cfg.deny_radar_llr, cfg.clip_radar_llr), cfg.weight_radar, radar),
        "model": _Voice(*steps(cfg.deny_model_llr, cfg.clip_model_llr), cfg.weight_model),
    }


def _of_this_change(layer: EvidenceLayer, optical: Sequence[EvidenceLayer]) -> EvidenceLayer:
    """Take back what a layer says for a change from before the first image of a pair.

    That is another change, which both images of the pair show.
    """
    llr = layer.llr
    for pair in optical:
        seen = (pair.llr != EVIDENCE_NODATA) & (llr != EVIDENCE_NODATA)
        other = seen & (layer.after_day > 0) & (layer.after_day <= pair.before_day)
        llr = np.where(other, np.minimum(llr, 0), llr).astype(np.int16)
    return replace(layer, llr=llr)


def _weigh(layers: Sequence[EvidenceLayer], voice: _Voice, repeated: float) -> np.ndarray:
    """Return what one source says in all its layers; `EVIDENCE_NODATA` where it observed nothing."""
    stack = np.stack([layer.llr for layer in layers]).astype(np.int32)
    seen = stack != EVIDENCE_NODATA
    stack = np.where(seen, np.clip(stack, voice.low, voice.high), 0)
    high, low = stack.max(axis=0), stack.min(axis=0)
    strongest = np.where(high >= -low, high, low)
    rest = np.rint(repeated * (stack.sum(axis=0) - strongest)).astype(np.int32)
    total = np.rint(voice.weight * np.clip(strongest + rest, voice.low, voice.high))
    return np.where(seen.any(axis=0), total, EVIDENCE_NODATA).astype(np.int16)


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
    voices = _voices(cfg)
    optical = [layer for layer in layers if layer.name == "optical"]
    layers = [one if one.name == "optical" else _of_this_change(one, optical) for one in layers]
    seen_by_pair = np.zeros(shape, bool)
    for pair in optical:
        seen_by_pair |= pair.llr != EVIDENCE_NODATA
    said = np.full((len(SOURCES), *shape), EVIDENCE_NODATA, np.int16)
    total, observed = np.zeros(shape, np.int32), np.zeros(shape, bool)
    for place, name in enumerate(SOURCES):
        mine = [layer for layer in layers if layer.name == name]
        if not mine:
            continue
        said[place] = _weigh(mine, voices[name], cfg.weight_repeated)
        seen = said[place] != EVIDENCE_NODATA
        observed |= seen
        total += np.where(seen, _counted(said[place], voices[name], seen_by_pair), 0)
    least = max(1, round(cfg.speak_llr * EVIDENCE_SCALE))
    bound = -(EVIDENCE_NODATA + 1)
    llr = np.where(observed, np.clip(total, -bound, bound), EVIDENCE_NODATA).astype(np.int16)
    masks = _masks(said, least)
    return FusedEvidence(llr, said, *masks, *_bracket(layers, least, shape))


def alone(layer: EvidenceLayer, cfg: FusionSection) -> Told:
    """Return what `fuse` says of one layer: nothing is to be added up.

    Parameters
    ----------
    layer
        The only one.
    cfg
        Section `fusion`.

    Raises
    ------
    LayerError
        An unknown source.
    """
    shape = _check([layer])
    voice = _voices(cfg)[layer.name]
    bound = -(EVIDENCE_NODATA + 1)
    told = np.clip(layer.llr, max(voice.low, -bound), min(voice.high, bound))
    if voice.weight != 1.0:
        told = np.rint(voice.weight * told).astype(np.int16)
    told[layer.llr == EVIDENCE_NODATA] = EVIDENCE_NODATA
    said = np.full((len(SOURCES), *shape), EVIDENCE_NODATA, np.int16)
    said[SOURCES.index(layer.name)] = told
    return Told(told, said)


def _counted(said: np.ndarray, voice: _Voice, seen_by_pair: np.ndarray) -> np.ndarray:
    """Return what is added of a source: less where a pair saw the ground, finer than it did.

    A coarse pixel knows neither the outline of a change nor whether it changed as a whole.
    """
    if voice.beside is None:
        return said
    return np.where(seen_by_pair, np.clip(said, *voice.beside), said)


def backing(said: np.ndarray, cfg: FusionSection) -> np.ndarray:
    """Return what the coarse sources say of ground that an optical pair outlined.

    A coarse pixel does not know where a change ends, but its mean over a patch tells much of the patch.

    Parameters
    ----------
    said
        ``(source, …)`` int16, `FusedEvidence.said` of the pixels of patches.
    cfg
        What each source counts, and its bounds.

    Returns
    -------
    ndarray
        ``(…)`` int32, to be averaged over a patch; a source that did not observe a pixel says nothing.
        [log-likelihood ratio × 100]
    """
    low, high = (round(llr * EVIDENCE_SCALE) for llr in (-cfg.patch_deny_llr, cfg.patch_clip_llr))
    total = np.zeros(said.shape[1:])
    for name, weight in (("series", cfg.patch_weight_series), ("radar", cfg.patch_weight_radar)):
        own = said[SOURCES.index(name)]
        total += weight * np.where(own == EVIDENCE_NODATA, 0, np.clip(own, low, high))
    return np.rint(total).astype(np.int32)


def _masks(said: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Return who speaks for change and who against it, as bits."""
    supports = np.zeros(said.shape[1:], np.uint8)
    contradicts = np.zeros(said.shape[1:], np.uint8)
    for place, values in enumerate(said):
        supports |= np.where(values >= least, 1 << place, 0).astype(np.uint8)
        denies = (values != EVIDENCE_NODATA) & (values <= -least)
        contradicts |= np.where(denies, 1 << place, 0).astype(np.uint8)
    return supports, contradicts
