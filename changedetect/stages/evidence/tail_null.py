"""From a distance in a usual course to a log-likelihood ratio and a stated false-alarm rate.

Only the middle and the width of the body are read from the image (the half and nine tenths of its
unchanged part, whose share is estimated); the form of the tail is frozen. Ten per cent of change
therefore hardly move the threshold, and with no change at all it still stands.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from changedetect.schema import EVIDENCE_SCALE

BODY = 0.9
"""Share of the distances that tells the width of the body."""

LEVELS = np.geomspace(0.03, 1e-3, 31)
"""Tail probabilities at which the changed share is looked for."""

MOST_CHANGED = 0.3
"""The changed share is never taken as more."""

SMALLEST = 1e-6
"""Distances below count as this. [sigma]"""


class TailRules(NamedTuple):
    """What is frozen of a null.

    Attributes
    ----------
    shape
        Form of the tail.
    span
        Width in ``ln d`` over which changes lie.
    steps
        Rounds in which the changed share is estimated.
    rate
        Share of unchanged pixels that the threshold alarms.
    """

    shape: float
    span: float
    steps: int
    rate: float


@dataclass(frozen=True, slots=True)
class TailNull:
    """Null of a distance ``d``: ``P(d' > d) = exp(-u ** shape) / 2``, u = (ln d - middle) / scale.

    Attributes
    ----------
    middle
        Logarithm of the median distance.
    scale, shape
        Of the tail above the median.
    span
        Width in ``ln d`` over which changes lie (flat alternative).
    false_alarm_rate
        Share of unchanged pixels at or above the threshold.
    threshold
        Alarm at or above this log-likelihood ratio × 100.
    """

    middle: float
    scale: float
    shape: float
    span: float
    false_alarm_rate: float
    threshold: int

    @classmethod
    def empty(cls) -> "TailNull":
        """Return a null that nothing was fitted to."""
        return cls(0.0, 1.0, 1.0, 1.0, 0.5, 0)

    def llr(self, distance: np.ndarray) -> np.ndarray:
        """Return the log-likelihood ratio of change, float64; NaN = not observed.

        Above the median the null density takes the hazard at ``u = 1`` throughout, which keeps
        the ratio growing with the distance; below it falls in a straight line of ``ln d``.
        """
        u = (np.log(np.maximum(distance, SMALLEST)) - self.middle) / self.scale
        body = np.where(u > 0, np.maximum(u, 0.0) ** self.shape, u)
        return np.asarray(body - self.height)

    def rate_at(self, distance: float) -> float:
        """Return the share of unchanged pixels that lie beyond a distance, at most a half."""
        u = (math.log(max(distance, SMALLEST)) - self.middle) / self.scale
        return 0.5 * math.exp(-(max(u, 0.0) ** self.shape))

    @property
    def height(self) -> float:
        """Logarithm of the null density over the alternative's, at the null median."""
        return math.log(0.5 * self.shape * self.span / self.scale)


def fit_null(distance: np.ndarray, rules: TailRules) -> TailNull:
    """Fit the null on distances of sample pixels.

    Parameters
    ----------
    distance
        ``(pixel,)`` float64, finite.
    rules
        Form of the tail, stated rate.
    """
    log = np.sort(np.log(np.maximum(distance, SMALLEST)))
    share, middle, scale = 0.0, 0.0, 1.0
    for _ in range(rules.steps):
        middle, body = (float(np.quantile(log, q * (1.0 - share))) for q in (0.5, BODY))
        scale = max((body - middle) / float(_tail(1.0 - BODY, rules)), SMALLEST)
        above = 1.0 - np.searchsorted(log, middle + scale * _tail(LEVELS, rules)) / log.size
        share = float(np.clip((above - LEVELS) / (1.0 - LEVELS), 0.0, MOST_CHANGED).max())
    null = TailNull(middle, scale, rules.shape, rules.span, rules.rate, 0)
    cut = -math.log(2.0 * rules.rate) - null.height
    return replace(null, threshold=math.ceil(cut * EVIDENCE_SCALE))


def _tail(rate: float | np.ndarray, rules: TailRules) -> np.ndarray:
    """How many scales above the middle the null has a tail probability."""
    return np.asarray((-np.log(2.0 * np.asarray(rate))) ** (1.0 / rules.shape))
