"""A share with the number it rests on, and its interval."""

import math
from dataclasses import dataclass

from scipy import special

CONFIDENCE = 0.95
"""Of every interval."""

Z = float(special.ndtri(0.5 + CONFIDENCE / 2))
"""Standard normal quantile of a two-sided interval."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Share:
    """Hits among trials.

    Attributes
    ----------
    hits, n
        Counts; with ``n = 0`` nothing is known, and value and intervals are None.

    Examples
    --------
    >>> str(Share(9, 10))
    '0.900 [0.596, 0.982] (n = 10)'
    >>> str(Share(0, 0))
    '- (n = 0)'
    """

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        """The share, or None where there is nothing to count."""
        return self.hits / self.n if self.n else None

    @property
    def wilson(self) -> Interval | None:
        """Score interval.

        References
        ----------
        Wilson 1927, doi:10.1080/01621459.1927.10502953; as in Brown, Cai & DasGupta 2001,
        doi:10.1214/ss/1009213286, eq. 4.
        """
        if not self.n:
            return None
        share, z2 = self.hits / self.n, Z * Z
        middle = (share + z2 / (2 * self.n)) / (1 + z2 / self.n)
        half = (
            math.sqrt(share * (1 - share) / self.n + z2 / (4 * self.n**2)) * Z / (1 + z2 / self.n)
        )
        low = 0.0 if self.hits == 0 else max(0.0, middle - half)
        return low, 1.0 if self.hits == self.n else min(1.0, middle + half)

    @property
    def exact(self) -> Interval | None:
        """Interval that covers at least as often as it says.

        References
        ----------
        Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404; by quantiles of the beta distribution.
        """
        if not self.n:
            return None
        tail, hits, misses = (1 - CONFIDENCE) / 2, self.hits, self.n - self.hits
        low = float(special.betaincinv(hits, misses + 1, tail)) if hits else 0.0
        high = float(special.betaincinv(hits + 1, misses, 1 - tail)) if misses else 1.0
        return low, high

    def facts(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        return {
            "value": self.value,
            "hits": self.hits,
            "n": self.n,
            "wilson95": self.wilson,
            "clopper_pearson95": self.exact,
        }

    def __str__(self) -> str:
        if self.value is None or self.wilson is None:
            return "- (n = 0)"
        low, high = self.wilson
        return f"{self.value:.3f} [{low:.3f}, {high:.3f}] (n = {self.n})"
