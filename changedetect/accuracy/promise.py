"""A recall that can be promised: thresholds of scores with confidence in finite samples.

Every verified change has a score: the largest threshold at which it is still found. Changes that
no threshold finds have -inf; they count as missed like all others. Recall at a threshold is the
share of changes whose score reaches it. What is promised is the recall of the population from which
the calibration changes were drawn at random, independently of what was alarmed.
"""

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from scipy import special

from changedetect.errors import ConfigError

MISSED = -math.inf
"""Score of a change that is found at no threshold."""

_MOST = 10_000_000
"""Where a search for a number of changes gives up."""


class State(Enum):
    """What can be said of a stratum."""

    HELD = "held"
    TOO_FEW = "too few"
    CEILING = "ceiling"


@dataclass(frozen=True, slots=True)
class Aim:
    """What is to be promised: recall of at least ``1 - alpha`` with confidence ``1 - delta``.

    ``alike`` is how many changes are worth one that was drawn by itself: changes of one county and
    month are alike, so that counties differ more than chance (design effect, Kish 1965).

    Raises
    ------
    ConfigError
        One of the first two is not between 0 and 1, or ``alike`` is below 1.
    """

    alpha: float
    delta: float
    alike: float = 1.0

    def __post_init__(self) -> None:
        for name, value in (("alpha", self.alpha), ("delta", self.delta)):
            if not 0 < value < 1:
                msg = f"{name} {value}: a number between 0 and 1 was expected, e.g. 0.05"
                raise ConfigError(msg)
        if not 1 <= self.alike < math.inf:
            msg = f"alike {self.alike}: 1 (every change counts by itself) or more was expected"
            raise ConfigError(msg)

    def tail(self, misses: int, n: int) -> float:
        """Return the p-value of "the miss rate is above alpha", of n changes that are alike.

        The binomial tail of ``n / alike`` changes with ``misses / alike`` misses, by the incomplete
        beta function, which takes parts of changes, too.
        """
        if self.alike == 1 or misses < 0 or misses >= n:
            return tail(misses, n, self.alpha)
        missed, changes = misses / self.alike, n / self.alike
        return float(special.betainc(changes - missed, missed + 1, 1 - self.alpha))

    def shared_by(self, strata: int) -> "Aim":
        """Split the risk over strata, so that all promises hold together (Bonferroni)."""
        return Aim(self.alpha, self.delta / max(strata, 1), self.alike)


@dataclass(frozen=True, slots=True)
class Promise:
    """What the changes of one stratum allow.

    Attributes
    ----------
    state
        ``HELD``: the threshold holds. ``TOO_FEW``: no promise yet; more changes may give one.
        ``CEILING``: no promise, since too many changes are found at no threshold at all.
    n
        Verified changes.
    threshold
        Keep what scores at least this; None without a promise.
    misses, allowed
        Changes below the threshold (without a promise: found at no threshold), and how many may be.
    never
        Changes that are found at no threshold.
    more
        Further changes needed, if none of them is missed; None where no number is known to help.
    recall_low
        Exact lower limit of recall at the threshold (without a promise: at the lowest one), with
        confidence ``1 - delta``.
    ceiling_high
        Exact upper limit of the recall of the lowest threshold, with the same confidence.
    on_average
        Threshold by conformal risk control; None = too few changes, or the ceiling. It holds on
        average over calibrations only, not with confidence in the one at hand.
    """

    state: State
    n: int
    threshold: float | None
    misses: int
    allowed: int
    never: int
    more: int | None
    recall_low: float
    ceiling_high: float
    on_average: float | None


def tail(misses: int, n: int, rate: float) -> float:
    """Return P(Binomial(n, rate) <= misses): the p-value of "the miss rate is above `rate`".

    References
    ----------
    Angelopoulos et al., arXiv:2110.01052 (a valid p-value of a 0-1 loss is its binomial tail).

    Examples
    --------
    >>> round(tail(0, 45, 0.05), 4)
    0.0994
    """
    if misses < 0:
        return 0.0
    return 1.0 if misses >= n else float(special.bdtr(misses, n, rate))


def allowed_misses(n: int, aim: Aim) -> int:
    """Return the most misses among n changes with which the promise holds; -1 = too few changes.

    Examples
    --------
    >>> [allowed_misses(n, Aim(0.05, 0.1)) for n in (44, 45, 76, 77)]
    [-1, 0, 0, 1]
    """
    low, high = -1, n  # tail() grows with misses: -1 passes, n does not
    while high - low > 1:
        middle = (low + high) // 2
        if aim.tail(middle, n) <= aim.delta:
            low = middle
        else:
            high = middle
    return low


def needed(misses: int, aim: Aim) -> int:
    """Return the fewest changes with which a promise can hold in spite of some misses.

    Examples
    --------
    >>> [needed(misses, Aim(0.05, 0.05)) for misses in (0, 1, 2, 5)]
    [59, 93, 124, 208]
    """
    low, high = misses, misses + 1
    while aim.tail(misses, high) > aim.delta and high < _MOST:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if aim.tail(misses, middle) <= aim.delta:
            high = middle
        else:
            low = middle
    return high


def recall_limit(misses: float, n: float, delta: float) -> float:
    """Return the exact lower limit of recall with confidence ``1 - delta``, one-sided.

    References
    ----------
    Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404.
    """
    if misses >= n:
        return 0.0
    return 1.0 - float(special.betaincinv(misses + 1, n - misses, 1 - delta))


def recall_ceiling(misses: float, n: float, delta: float) -> float:
    """Return the exact upper limit of recall with confidence ``1 - delta``, one-sided."""
    if not n or not misses:
        return 1.0
    return 1.0 - float(special.betaincinv(misses, n - misses + 1, delta))


def promise(scores: np.ndarray, aim: Aim) -> Promise:
    """Choose the highest threshold with which recall can be promised.

    Thresholds are tried from the lowest up, each by its binomial tail, until the first that fails
    (fixed sequence: the order is known before the scores are, so none of the risk is split). Misses
    grow with the threshold, so this is the order statistic of Wilks 1941, doi:10.1214/aoms/1177731788:
    the first score that is not given away.

    Parameters
    ----------
    scores
        ``(n,)`` float64, `MISSED` where no threshold finds a change. Never NaN.
    aim
        Recall and confidence.

    References
    ----------
    Angelopoulos et al., arXiv:2110.01052 (fixed sequence testing).
    """
    values = np.sort(np.asarray(scores, np.float64))
    n, never = len(values), int((values == MISSED).sum())
    allowed = allowed_misses(n, aim)
    if allowed < never:
        return _without(values, never, allowed, aim)
    threshold = float(values[allowed])
    misses = int((values < threshold).sum())
    return Promise(
        State.HELD, n, threshold, misses, allowed, never, 0,
        recall_limit(misses / aim.alike, n / aim.alike, aim.delta),
        recall_ceiling(never / aim.alike, n / aim.alike, aim.delta),
        on_average(values, aim.alpha),
    )  # fmt: skip


def _without(values: np.ndarray, never: int, allowed: int, aim: Aim) -> Promise:
    n = len(values)
    ceiling = recall_ceiling(never / aim.alike, n / aim.alike, aim.delta)
    # Where even the upper limit of what can be found is below the aim, more changes do not help.
    is_hopeless = never > 0 and ceiling < 1 - aim.alpha
    return Promise(
        State.CEILING if is_hopeless else State.TOO_FEW, n, None, never, allowed, never,
        None if is_hopeless else needed(never, aim) - n,
        recall_limit(never, n, aim.delta) if n else 0.0, ceiling,
        on_average(values, aim.alpha),
    )  # fmt: skip


def on_average(scores: np.ndarray, alpha: float) -> float | None:
    """Choose a threshold by conformal risk control; it holds on average only.

    ``(misses + 1) / (n + 1) <= alpha``: in expectation over calibration sets the next change is
    missed with probability alpha at most. In the one set at hand it may be missed more often.

    References
    ----------
    Angelopoulos et al., arXiv:2208.02814, theorem 1 (loss at most 1).
    """
    values = np.sort(np.asarray(scores, np.float64))
    allowed = math.floor(alpha * (len(values) + 1) + 1e-9) - 1
    if allowed < 0 or values[allowed] == MISSED:
        return None
    return float(values[allowed])


def plug_in(scores: np.ndarray, alpha: float) -> float | None:
    """Choose the threshold whose recall in the sample is just ``1 - alpha``: a control, no promise."""
    values = np.sort(np.asarray(scores, np.float64))
    allowed = math.floor(alpha * len(values) + 1e-9)
    if not len(values) or values[allowed] == MISSED:
        return None
    return float(values[allowed])


def recall_at(scores: np.ndarray, threshold: float) -> float:
    """Return the share of scores that reach a threshold; NaN without scores."""
    values = np.asarray(scores, np.float64)
    return float((values >= threshold).mean()) if len(values) else math.nan


def spread(misses: np.ndarray, n: np.ndarray) -> float | None:
    """Tell how likely months that share one miss rate differ as much as these; None = can not be told.

    Chi-square of homogeneity. Where it is small, the changes are not drawn from one population: a
    promise then holds for the mixture of months, not for each of them.

    Parameters
    ----------
    misses, n
        ``(months,)`` changes missed, and changes.

    Examples
    --------
    >>> round(spread(np.array([1, 9]), np.array([20, 20])), 3)
    0.003
    """
    known = np.asarray(n) > 0
    lost, of = np.asarray(misses, float)[known], np.asarray(n, float)[known]
    rate = lost.sum() / max(of.sum(), 1.0)
    if len(of) <= 1 or not 0 < rate < 1:
        return None
    statistic = float(np.sum((lost - of * rate) ** 2 / (of * rate * (1 - rate))))
    return float(special.chdtrc(len(of) - 1, statistic))
