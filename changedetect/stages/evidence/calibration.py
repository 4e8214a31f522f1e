"""From a smoothed change distance to a log-likelihood ratio, and the alarm threshold.

Of the null only the median is fitted, from the lower half of the distances and corrected for the
estimated changed share; the form of its tail is frozen. So the stated rate hardly moves whether a
fifth or a ten-thousandth of the ground has changed, which no histogram threshold can do.
"""

import math
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class NullModel:
    """Null distribution of the smoothed distance ``s``.

    With ``u = (ln s - log_median) / scale``, ``P(s' > s | no change) = exp(-u ** shape) / 2``
    above the median.

    Attributes
    ----------
    log_median
        Logarithm of the null median.
    scale, shape
        Frozen form of the tail.
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
    shape: float
    span: float
    changed_share: float
    false_alarm_rate: float
    threshold: int

    def llr(self, distance: np.ndarray) -> np.ndarray:
        """Return the quantised log-likelihood ratio of change.

        The null density takes the hazard at ``u = 1`` throughout, which keeps the ratio growing
        with the distance; below the null median it falls in a straight line of ``ln s``.

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
        u = (log - self.log_median) / self.scale
        ratio = np.where(u > 0, np.maximum(u, 0.0) ** self.shape, u) - self.null_height
        scaled = np.clip(np.rint(ratio * EVIDENCE_SCALE), -TOP, TOP)
        return np.where(seen, scaled, EVIDENCE_NODATA).astype(np.int16)

    @property
    def null_height(self) -> float:
        """Log of the null density over the alternative's, at the null median."""
        return math.log(0.5 * self.shape * self.span / self.scale)


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
    share, median = 0.0, noise
    for _ in range(cfg.null_steps):
        median = max(float(np.quantile(log, 0.5 * (1.0 - share))), noise)
        above = _above(log, median + _tail_offset(LEVELS, cfg))
        share = float(np.clip((above - LEVELS) / (1.0 - LEVELS), 0.0, 0.5).max())
    rate = _stated_rate(log, median, share, cfg)
    null = NullModel(
        median, cfg.null_scale, cfg.null_shape, math.log(cfg.score_cap), share, rate, 0
    )
    cut = -math.log(2.0 * rate) - null.null_height
    threshold = min(math.ceil(cut * EVIDENCE_SCALE), TOP)
    return NullModel(median, cfg.null_scale, cfg.null_shape, null.span, share, rate, threshold)


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


def _tail_offset(rates: np.ndarray, cfg: EvidenceSection) -> np.ndarray:
    """How far above the null median (in ln distance) the null has a tail probability."""
    return np.asarray(cfg.null_scale * (-np.log(2.0 * rates)) ** (1.0 / cfg.null_shape))


def _above(log: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Share of sorted values above each cut."""
    return np.asarray(1.0 - np.searchsorted(log, cuts, side="right") / len(log))


def _stated_rate(log: np.ndarray, median: float, share: float, cfg: EvidenceSection) -> float:
    """Largest false-alarm rate that keeps the share of false alarms, or the configured one.

    Benjamini and Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x, equation 1, with the
    unchanged share put in.
    """
    rates = np.geomspace(cfg.false_alarm_rate, max(cfg.max_false_alarm_rate, cfg.false_alarm_rate))
    above = _above(log, median + _tail_offset(rates, cfg))
    good = rates * (1.0 - share) <= cfg.false_discovery_share * above
    return float(rates[good].max()) if good.any() else cfg.false_alarm_rate
