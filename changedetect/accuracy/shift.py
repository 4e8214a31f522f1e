"""Whether today's patches look like those of the calibration: two-sample tests, feature by feature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

POINTS = 400
"""Quantiles that stand for a sample that is kept; the sample size is kept beside them."""

LEAST = 8
"""Smaller samples are not tested: nothing would be seen in them."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample of one feature, kept by its quantiles.

    Attributes
    ----------
    n
        Values that were known.
    quantiles
        At most `POINTS`, rising: all values, or evenly spaced order statistics.
    usual
        Largest distance of one month of the sample from its other months: what months differ
        anyway. 0 with a single month.
    """

    n: int
    quantiles: tuple[float, ...]
    usual: float = 0.0

    @classmethod
    def of(cls, values: np.ndarray) -> "Sample":
        """Keep a sample; NaN is left out."""
        known = np.sort(np.asarray(values, np.float64)[~np.isnan(values)])
        if len(known) > POINTS:
            places = np.floor((np.arange(POINTS) + 0.5) * len(known) / POINTS).astype(int)
            return cls(len(known), tuple(known[places].tolist()))
        return cls(len(known), tuple(known.tolist()))

    @classmethod
    def of_months(cls, months: Sequence[np.ndarray]) -> "Sample":
        """Keep the sample of several months, and how far they differ among themselves."""
        whole = cls.of(np.concatenate(months))
        parts = [cls.of(values) for values in months]
        large = [place for place, part in enumerate(parts) if part.n >= LEAST]
        apart = [
            _distance(
                np.array(parts[place].quantiles),
                np.array(cls.of(_without(months, place)).quantiles),
            )
            for place in large
            if len(large) > 1
        ]
        return replace(whole, usual=max(apart, default=0.0))


@dataclass(frozen=True, slots=True)
class Drift:
    """One feature then and now.

    Attributes
    ----------
    feature
        Its name.
    distance
        Largest gap of the two distributions (Kolmogorov-Smirnov), 0-1; None = not tested.
    p, adjusted
        Two-sided p-value, and after Holm over all features that were tested.
    usual
        Distance that months of the calibration have among themselves.
    """

    feature: str
    distance: float | None
    p: float | None
    adjusted: float | None
    n_then: int
    n_now: int
    usual: float = 0.0


def drifts(then: Mapping[str, Sample], now: Mapping[str, Sample]) -> tuple[Drift, ...]:
    """Compare samples by the Kolmogorov-Smirnov test, with Holm's correction over the features.

    Features that only one side has, or of which fewer than `LEAST` values are known, are listed and
    not tested. Samples kept by quantiles have an error of distance of 1 / (2 `POINTS`).

    References
    ----------
    Holm 1979, Scand. J. Statist. 6:65-70; the asymptotic law of the statistic as in
    Smirnov 1948, doi:10.1214/aoms/1177730256.
    """
    found = [_drift(name, then.get(name), now.get(name)) for name in sorted({*then, *now})]
    tested = [one.p for one in found if one.p is not None]
    adjusted = iter(holm(np.array(tested)))
    return tuple(o if o.p is None else replace(o, adjusted=float(next(adjusted))) for o in found)


def _drift(name: str, then: Sample | None, now: Sample | None) -> Drift:
    n, m = (0 if one is None else one.n for one in (then, now))
    if then is None or now is None or min(n, m) < LEAST:
        return Drift(name, None, None, None, n, m)
    distance = _distance(np.array(then.quantiles), np.array(now.quantiles))
    p = float(stats.kstwo.sf(distance, max(1, round(n * m / (n + m)))))
    return Drift(name, distance, p, None, n, m, then.usual)


def _without(months: Sequence[np.ndarray], place: int) -> np.ndarray:
    return np.concatenate([values for k, values in enumerate(months) if k != place])


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the largest gap of two empirical distribution functions."""
    places = np.concatenate([one, other])
    gaps = np.searchsorted(one, places, side="right") / len(one) - np.searchsorted(
        other, places, side="right"
    ) / len(other)
    return float(np.abs(gaps).max())


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p-values so that all may be held against one level.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    steps = (len(p) - np.arange(len(p))) * p[order]
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
