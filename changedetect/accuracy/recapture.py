"""How many changes there are, from two lists that were drawn up independently of one another."""

import math
from dataclasses import dataclass

from changedetect.accuracy.shares import Share


@dataclass(frozen=True, slots=True)
class Recapture:
    """Two lists of one population.

    Attributes
    ----------
    ours, theirs, both
        Changes on our list that are true, on the other list, and on both.
    """

    ours: int
    theirs: int
    both: int

    @property
    def total(self) -> float:
        """Changes that there are, estimated.

        References
        ----------
        Chapman 1951: (M + 1)(C + 1) / (R + 1) - 1, as in Seber, The Estimation of Animal Abundance,
        2nd edition 1982, section 3.1.

        Examples
        --------
        >>> Recapture(40, 30, 24).total
        49.84
        """
        return (self.ours + 1) * (self.theirs + 1) / (self.both + 1) - 1

    @property
    def error(self) -> float:
        """Standard error of the total.

        References
        ----------
        Seber 1982, section 3.1 (for Chapman's estimator).
        """
        m, c, r = self.ours, self.theirs, self.both
        top = (m + 1) * (c + 1) * (m - r) * (c - r)
        return math.sqrt(top / ((r + 1) ** 2 * (r + 2)))

    @property
    def interval(self) -> tuple[float, float | None] | None:
        """95% interval of the total: our number over the exact limits of the share that we hold.

        The share of their changes that we hold is drawn from all there are, so ``both`` of
        ``theirs`` tells it (Clopper-Pearson; taken for binomial, which is on the safe side). Never
        below what is known; None above = no limit; None = their list is empty.
        """
        if self.recall.exact is None:
            return None
        low, high = self.recall.exact
        known = float(self.ours + self.theirs - self.both)
        return max(known, self.ours / high), max(known, self.ours / low) if low else None

    @property
    def recall(self) -> Share:
        """Our recall, by the other list: exact where it was drawn independently of ours."""
        return Share(self.both, self.theirs)

    @property
    def recall_of_total(self) -> float | None:
        """Our share of the estimated total."""
        return self.ours / self.total if self.total > 0 else None

    def facts(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        return {
            "ours": self.ours,
            "theirs": self.theirs,
            "both": self.both,
            "total": self.total,
            "standard_error": self.error,
            "interval95": self.interval,
            "recall": self.recall.facts(),
            "recall_of_total": self.recall_of_total,
        }
