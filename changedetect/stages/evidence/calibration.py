"""From a smoothed change distance to a log-likelihood ratio, and the alarm threshold.

The logarithm of the distance of unchanged ground has an exponential tail (a power law in the
distance). Its place and slope are measured where changed ground has little weight, between three
tenths and one tenth of the unchanged pixels, corrected for the changed share, and carried on from
there: Hill's estimator (1975, doi:10.1214/aos/1176343247, equation 2.5) says the same of a pure
power law. What lies beyond the tail counts as changed. So the stated rate hardly moves whether a fifth
or a ten-thousandth of the ground has changed, which no histogram threshold can do.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import scipy.special

from changedetect.config.detection import EvidenceSection
from changedetect.schema import EVIDENCE_NODATA, EVIDENCE_SCALE

TOP = 32767
"""Evidence is clipped to ± this."""

SMALLEST = 1.0 / 256.0
"""Distances below one quantum are one quantum."""

LEVELS = np.geomspace(0.1, 1e-4, 61)
"""Tail probabilities at which the changed share is looked for."""

ANCHORS = np.array([0.3, 0.2, 0.15, 0.1])
"""Tail probabilities between which place and slope of the tail are measured (our choice: the tail
of ten simulated pairs is straight from 0.3 to 0.0005, that of change begins below 0.1)."""


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
    false_alarm_rate
        Rate at the threshold, as stated to the user.
    threshold
        Alarm at or above this log-likelihood ratio × 100.
    """

    log_median: float
    scale: float
    span: float
    changed_share: float
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
        seen = ~np.isnan(distance)
        log = np.log(np.maximum(np.where(seen, distance, 1.0), SMALLEST).astype(np.float64))
        ratio = (log - self.log_median) / self.scale - self.null_height
        scaled = np.clip(np.rint(ratio * EVIDENCE_SCALE), -TOP, TOP)
        return np.where(seen, scaled, EVIDENCE_NODATA).astype(np.int16)

    @property
    def null_height(self) -> float:
        """Log of the null density over the alternative's, at the null median."""
        return math.log(0.5 * self.span / self.scale)


def fit_null(distance: np.ndarray, variates: int, cfg: EvidenceSection) -> NullModel:
    """Fit the null on the smoothed distances of sample pixels.

    Parameters
    ----------
    distance
        ``(pixel,)`` float32, no missing values.
    variates
        Degrees of freedom; the null median is never taken below what pure noise would give.
    cfg
        Form of the tail, false-alarm and false-discovery rates.

    Returns
    -------
    NullModel
        The threshold states ``false_alarm_rate``, or a higher one where so much has changed that
        false alarms stay below ``false_discovery_share`` of all alarms.
    """
    log = np.sort(np.log(np.maximum(distance, SMALLEST).astype(np.float64)))
    noise = math.log(noise_median(variates))
    share = 0.0
    for _ in range(cfg.null_steps):
        median, scale = _tail(log, share, noise, cfg)
        above = _above(log, median + _tail_offset(LEVELS, scale))
        share = float(np.clip((above - LEVELS) / (1.0 - LEVELS), 0.0, 0.5).max())
    median, scale = _tail(log, share, noise, cfg)
    rate = _stated_rate(log, (median, scale), share, cfg)
    null = NullModel(median, scale, math.log(cfg.score_cap), share, rate, 0)
    cut = -math.log(2.0 * rate) - null.null_height
    return replace(null, threshold=min(math.ceil(cut * EVIDENCE_SCALE), TOP))


def _tail(
    log: np.ndarray, share: float, noise: float, cfg: EvidenceSection
) -> tuple[float, float]:
    """Place and slope of the null's tail if a share of the pixels has changed."""
    places = np.quantile(log, 1.0 - (share + (1.0 - share) * ANCHORS))
    depth = -np.log(2.0 * ANCHORS)
    apart = depth - depth.mean()
    slope = max(float(apart @ places / (apart @ apart)), cfg.min_null_scale)
    return max(float(places.mean() - slope * depth.mean()), noise), slope


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
    """Share of sorted values above each cut."""
    return np.asarray(1.0 - np.searchsorted(log, cuts, side="right") / len(log))


def _stated_rate(
    log: np.ndarray, tail: tuple[float, float], share: float, cfg: EvidenceSection
) -> float:
    """Largest false-alarm rate that keeps the share of false alarms, or the configured one.

    Benjamini and Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x, equation 1, with the
    unchanged share put in.
    """
    rates = np.geomspace(cfg.false_alarm_rate, max(cfg.max_false_alarm_rate, cfg.false_alarm_rate))
    above = _above(log, tail[0] + _tail_offset(rates, tail[1]))
    good = rates * (1.0 - share) <= cfg.false_discovery_share * above
    return float(rates[good].max()) if good.any() else cfg.false_alarm_rate
