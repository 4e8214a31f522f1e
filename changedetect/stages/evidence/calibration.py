"""From a smoothed change distance to a log-likelihood ratio, and the alarm threshold.

The logarithm of the distance of unchanged ground has an exponential tail (a power law in the
distance), whose slope differs from pair to pair. Above a level that most unchanged ground does not
reach, the sample is taken for a mixture of that tail and of changed ground, whose tail is longer;
slopes and shares are fitted by expectation and maximisation (Dempster, Laird and Rubin, 1977,
doi:10.1111/j.2517-6161.1977.tb01600.x, section 4.3). So the stated rate hardly moves
whether a fifth or a ten-thousandth of the ground has changed, which no histogram threshold can do.

The tail knows pixels, but a field is one draw: a few fields that did what few others did lie above
any tail. Where little has changed, alarms in a few places may therefore all be false
(docs/decisions/0028-few-places-prove-nothing.md).
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import scipy.special

from changedetect.config.detection import EvidenceSection
from changedetect.kernels.logarithm import log_evidence
from changedetect.schema import EVIDENCE_NODATA, EVIDENCE_SCALE
from changedetect.stages.evidence.cells import squares_of_counts

TOP = 32767
"""Evidence is clipped to ± this."""

SMALLEST = 1.0 / 256.0
"""Distances below one quantum are one quantum."""

RATES = 577
"""Rates that are tried for the threshold."""

RARE = 1e-9
"""Neither part of the mixture is ever quite gone."""


@dataclass(frozen=True, slots=True)
class NullModel:
    """Null distribution of the smoothed distance ``s``.

    With ``u = (ln s - log_median) / scale``, ``P(s' > s | no change) = exp(-u) / 2`` in the tail.

    Attributes
    ----------
    log_median
        Where the tail, carried back, reaches one half; near the logarithm of the null median.
    scale
        Slope of the tail: the exponent of the power law is ``1 / scale``.
    span
        Width in ``ln s`` over which changed pixels may lie (flat alternative).
    changed_share
        Estimated share of changed pixels.
    tail_rate, alarm_share
        Between these lies the false-alarm rate at the threshold: what the tail says, and the share
        of all sample pixels that reach it.
    false_alarm_rate
        As stated to the user: the tail's rate where much has changed; else their geometric mean, which
        is off by the root of their ratio at most, or what alarms in few places allow, if that is more.
    threshold
        Alarm at or above this log-likelihood ratio × 100.
    """

    log_median: float
    scale: float
    span: float
    changed_share: float
    tail_rate: float
    alarm_share: float
    false_alarm_rate: float
    threshold: int

    def llr(self, distance: np.ndarray) -> np.ndarray:
        """Return the quantised log-likelihood ratio of change.

        A straight line of ``ln s``, against a flat alternative.

        Parameters
        ----------
        distance
            Any shape, float32; NaN is not observed.

        Returns
        -------
        ndarray
            int16, × 100; EVIDENCE_NODATA where not observed.
        """
        flat = np.ascontiguousarray(distance, np.float32).reshape(-1)
        out = np.empty(flat.shape, np.int16)
        slope = EVIDENCE_SCALE / self.scale
        level = -slope * self.log_median - EVIDENCE_SCALE * self.null_height
        log_evidence(flat, (slope, level), SMALLEST, (TOP, EVIDENCE_NODATA), out)
        return out.reshape(np.shape(distance))

    @property
    def null_height(self) -> float:
        """Log of the null density over the alternative's, at the null median."""
        return math.log(0.5 * self.span / self.scale)


def fit_null(
    distance: np.ndarray,
    variates: int,
    cfg: EvidenceSection,
    places: np.ndarray | None = None,
    most_share: float = 1.0,
) -> NullModel:
    """Fit the null on the smoothed distances of sample pixels.

    Parameters
    ----------
    distance
        ``(pixel,)`` float32, no missing values.
    variates
        Degrees of freedom; the null median is never taken below what pure noise would give.
    cfg
        Form of the tail, false-alarm and false-discovery rates.
    places
        ``(pixel,)`` int, not negative: cell of the image in which each pixel lies; None = pixels are
        drawn one by one.
    most_share
        Changed share by another estimate: where either says that little has changed, little has.

    Returns
    -------
    NullModel
        The threshold keeps the stated rate, or a higher one where so much has changed that false
        alarms stay below ``false_discovery_share`` of all alarms.
    """
    log = np.log(np.maximum(distance, SMALLEST).astype(np.float64))
    noise = math.log(noise_median(variates))
    median, scale, share = _tail(log, noise, cfg)
    rates = np.geomspace(cfg.least_tail_rate, cfg.max_false_alarm_rate, RATES)
    cuts = median + _tail_offset(rates, scale)
    above = _above(log, cuts)
    wide = np.full(RATES, np.inf) if places is None else _places_above(log, places, cuts)
    unproven = above * np.minimum(1.0, cfg.rare.unproven_places / wide)
    chosen = _chosen(rates, above, unproven, min(share, most_share), cfg)
    null = NullModel(median, scale, math.log(cfg.score_cap), share, *chosen, 0)
    cut = -math.log(2.0 * null.tail_rate) - null.null_height
    return replace(null, threshold=min(math.ceil(cut * EVIDENCE_SCALE), TOP))


def _tail(log: np.ndarray, noise: float, cfg: EvidenceSection) -> tuple[float, float, float]:
    """Place and slope of the null's tail, and the changed share, from ln distances."""
    level = float(np.quantile(log, 1.0 - cfg.tail_share))
    depth = np.sort(log[log > level]) - level
    depth = depth[:: max(1, len(depth) // cfg.null_sample_pixels)]
    scale, wide, weight = cfg.min_null_scale, cfg.wide_scale, 0.5
    for _ in range(cfg.null_steps if len(depth) else 0):
        ratio = (1.0 - weight) / weight * scale / wide
        null = 1.0 / (1.0 + ratio * np.exp(depth / scale - depth / wide))
        scale = max(float(null @ depth / null.sum()), cfg.min_null_scale)
        rest = max(float((1.0 - null).sum()), 1.0)
        wide = max(float((1.0 - null) @ depth) / rest, cfg.least_widening * scale)
        weight = min(max(float(null.mean()), RARE), 1.0 - RARE)
    share = cfg.tail_share * (1.0 - weight)
    beyond = (cfg.tail_share - share) / (1.0 - share)
    return max(level - scale * math.log(0.5 / beyond), noise), scale, share


def noise_median(variates: int) -> float:
    """Return the median of the root of a chi-squared: a distance of pure noise.

    Parameters
    ----------
    variates
        Degrees of freedom.

    Returns
    -------
    float
        Square root of the median.

    Examples
    --------
    >>> round(noise_median(2), 4)
    1.1774
    """
    return math.sqrt(float(scipy.special.chdtri(variates, 0.5)))


def _tail_offset(rates: np.ndarray, scale: float) -> np.ndarray:
    """How far above the null median (in ln distance) the null has a tail probability."""
    return np.asarray(-scale * np.log(2.0 * rates))


def _above(log: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Share of values above each cut."""
    high = np.sort(log[log > cuts.min()])  # few of them, so that not all need sorting
    below = len(log) - len(high) + np.searchsorted(high, cuts, side="right")
    return np.asarray(1.0 - below / len(log))


def _places_above(log: np.ndarray, places: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """In how many places the values above each cut lie, by their effective number; at least 1.

    The inverse of Simpson's index (Hill 1973, doi:10.2307/1934352, eq. 5 with a = 2).
    """
    high = np.flatnonzero(log > cuts.min())
    high = high[np.argsort(-log[high], kind="stable")]
    squares = squares_of_counts(places[high])
    count = np.searchsorted(-log[high], -cuts, side="left")
    return np.asarray(
        np.maximum(count.astype(np.float64) ** 2 / np.maximum(squares[count], 1), 1.0)
    )


def _chosen(
    rates: np.ndarray, above: np.ndarray, unproven: np.ndarray, share: float, cfg: EvidenceSection
) -> tuple[float, float, float]:
    """Choose the threshold: the tail's rate there, the share that reaches it, the stated rate.

    The stated rate is at most the configured one; more where so much has changed (``rare_share``, by
    the estimate, or more) that the false share of the alarms stays small. Benjamini and Hochberg (1995),
    doi:10.1111/j.2517-6161.1995.tb02031.x, equation 1, with the unchanged share put in.

    Parameters
    ----------
    rates
        ``(rate,)`` float64, rising: what the tail says.
    above, unproven
        ``(rate,)`` float64: share of sample pixels that alarm, and that may be false by the number of
        places in which they lie.
    share
        Changed share, estimated.
    cfg
        Stated rates.
    """
    many = (rates >= cfg.false_alarm_rate) & (
        rates * (1.0 - share) <= cfg.false_discovery_share * above
    )
    many &= share >= cfg.rare_share
    mean = np.sqrt(rates * np.maximum(rates, above))
    stated = np.where(many, rates, np.maximum(mean, unproven))
    good = np.flatnonzero((stated <= cfg.false_alarm_rate) | many)
    best = int(good.max()) if len(good) else 0
    return float(rates[best]), float(above[best]), float(stated[best])
