"""From a smoothed change distance to a log-likelihood ratio, and the alarm threshold.

The null is the no-change bulk: its upper tail falls as a power of the distance (an exponential in
its logarithm), with a steepness tied to the spread of the bulk's lower half. Only the lower half
is looked at, so the fit hardly moves whether a fifth or none of the ground has changed.
"""

import math
from dataclasses import dataclass

import numpy as np

from changedetect.config.detection import EvidenceSection
from changedetect.schema import EVIDENCE_NODATA, EVIDENCE_SCALE

TOP = 32767


@dataclass(frozen=True, slots=True)
class NullModel:
    """Null distribution of the smoothed distance ``s``.

    ``P(s' > s | no change) = exp(-(ln s - log_median) / tail) / 2`` above the median.

    Attributes
    ----------
    log_median
        Logarithm of the null median.
    tail
        Scale of the tail in ``ln s``.
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
    tail: float
    span: float
    changed_share: float
    false_alarm_rate: float
    threshold: int

    def llr(self, distance: np.ndarray) -> np.ndarray:
        """Return the quantised log-likelihood ratio of change.

        Parameters
        ----------
        distance
            Any shape, float32; NaN is not observed.

        Returns
        -------
        ndarray
            int16, × 100; EVIDENCE_NODATA where not observed. Grows with the distance; below the
            null median it goes on in a straight line of ``ln s``.
        """
        seen = ~np.isnan(distance)
        log = np.log(np.maximum(np.where(seen, distance, 1.0), SMALLEST).astype(np.float64))
        ratio = math.log(2.0 * self.tail / self.span) + (log - self.log_median) / self.tail
        scaled = np.clip(np.rint(ratio * EVIDENCE_SCALE), -TOP, TOP)
        return np.where(seen, scaled, EVIDENCE_NODATA).astype(np.int16)


SMALLEST = 1.0 / 256.0
"""Distances below one quantum are one quantum."""


def fit_null(distance: np.ndarray, variates: int, cfg: EvidenceSection) -> NullModel:
    """Fit the null on the smoothed distances of sample pixels.

    Parameters
    ----------
    distance
        ``(pixel,)`` float32, no missing values.
    variates
        Degrees of freedom; the null median is never taken below what pure noise would give.
    cfg
        Tail factor, false-alarm and false-discovery rates.

    Returns
    -------
    NullModel
        The threshold states ``false_alarm_rate``, or a higher one where so much has changed that
        false alarms stay below ``false_discovery_share`` of all alarms.
    """
    log = np.sort(np.log(np.maximum(distance, SMALLEST).astype(np.float64)))
    noise = 0.5 * math.log(variates - 2.0 / 3.0)
    share = 0.0
    median = tail = 0.0
    for _ in range(cfg.null_steps):
        low, median = np.quantile(log, np.array([0.25, 0.5]) * (1.0 - share))
        tail = max(cfg.null_tail * float(median - low), cfg.null_min_tail)
        median = max(float(median), noise)
        share = _changed_share(log, median, tail)
    rate = _stated_rate(log, (median, tail, share), cfg)
    span = math.log(cfg.change_span)
    ratio = math.log(2.0 * tail / span) - math.log(2.0 * rate)
    threshold = min(math.ceil(ratio * EVIDENCE_SCALE), TOP)
    return NullModel(median, tail, span, share, rate, threshold)


def _changed_share(log: np.ndarray, median: float, tail: float) -> float:
    """Share of pixels beyond what the null explains, at the place where that is largest."""
    levels = np.geomspace(0.1, 1e-4, 25)
    cuts = median - tail * np.log(2.0 * levels)
    above = 1.0 - np.searchsorted(log, cuts, side="right") / len(log)
    return float(np.clip((above - levels) / (1.0 - levels), 0.0, 0.5).max())


def _stated_rate(log: np.ndarray, null: tuple[float, float, float], cfg: EvidenceSection) -> float:
    """Largest false-alarm rate that keeps the share of false alarms, or the stated one.

    Benjamini and Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x, equation 1, with the
    unchanged share put in.
    """
    median, tail, share = null
    rates = np.geomspace(cfg.false_alarm_rate, cfg.max_false_alarm_rate, 100)
    cuts = median - tail * np.log(2.0 * rates)
    above = 1.0 - np.searchsorted(log, cuts, side="right") / len(log)
    good = rates * (1.0 - share) <= cfg.false_discovery_share * above
    return float(rates[good].max()) if good.any() else cfg.false_alarm_rate
