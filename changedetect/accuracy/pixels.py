"""Pixel accuracy from a histogram of evidence: every threshold at once, in constant memory.

Evidence is quantised (schema.EVIDENCE), so the histogram loses nothing: curves and areas under
them are exact. Pixels that were not observed, and ground that nobody labelled, are counted apart.
"""

from dataclasses import dataclass, field

import numpy as np

from changedetect.accuracy.shares import Share
from changedetect.schema import CHANGED, EVIDENCE_NODATA, UNCHANGED

LEVELS = 65_536
"""Numbers of an int16."""

UNLABELLED = 255
"""In label arrays (uint8): nobody knows; `schema.UNCHANGED` and `schema.CHANGED` are the others."""

CURVE_POINTS = 1000
"""A curve that is written or drawn has about this many points; areas use every level."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """Pixels by label and alarm.

    Attributes
    ----------
    hits, misses, false_alarms, rejections
        Labelled and observed: changed with and without alarm, unchanged with and without.
    changed_unseen, unchanged_unseen
        Labelled, but not observed: in none of the four.
    """

    hits: int
    misses: int
    false_alarms: int
    rejections: int
    changed_unseen: int = 0
    unchanged_unseen: int = 0

    @property
    def n(self) -> int:
        """Labelled and observed pixels."""
        return self.hits + self.misses + self.false_alarms + self.rejections

    @property
    def recall(self) -> Share:
        """Share of the observed changed pixels with an alarm."""
        return Share(self.hits, self.hits + self.misses)

    @property
    def recall_of_all(self) -> Share:
        """The same where a changed pixel that was not observed counts as not found."""
        return Share(self.hits, self.hits + self.misses + self.changed_unseen)

    @property
    def precision(self) -> Share:
        """Share of the labelled alarms that are change."""
        return Share(self.hits, self.hits + self.false_alarms)

    @property
    def false_alarm_rate(self) -> Share:
        """Share of the observed unchanged pixels with an alarm."""
        return Share(self.false_alarms, self.false_alarms + self.rejections)

    @property
    def accuracy(self) -> Share:
        """Share of right pixels."""
        return Share(self.hits + self.rejections, self.n)

    @property
    def unobserved(self) -> Share:
        """Share of the labelled pixels that were not observed."""
        hidden = self.changed_unseen + self.unchanged_unseen
        return Share(hidden, self.n + hidden)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall."""
        total = 2 * self.hits + self.misses + self.false_alarms
        return 2 * self.hits / total if total else None

    @property
    def kappa(self) -> float | None:
        """Agreement beyond chance.

        References
        ----------
        Cohen 1960, doi:10.1177/001316446002000104, eq. 1.
        """
        if not self.n:
            return None
        changed, alarmed = self.hits + self.misses, self.hits + self.false_alarms
        chance = changed * alarmed + (self.n - changed) * (self.n - alarmed)
        agreed = (self.hits + self.rejections) * self.n
        rest = self.n * self.n - chance
        return (agreed - chance) / rest if rest else None

    def facts(self) -> dict[str, object]:
        """Return counts and scores as JSON-able values."""
        return {
            "hits": self.hits,
            "misses": self.misses,
            "false_alarms": self.false_alarms,
            "rejections": self.rejections,
            "changed_unobserved": self.changed_unseen,
            "unchanged_unobserved": self.unchanged_unseen,
            "n": self.n,
            "overall_accuracy": self.accuracy.facts(),
            "kappa": self.kappa,
            "f1": self.f1,
            "recall": self.recall.facts(),
            "recall_unobserved_as_missed": self.recall_of_all.facts(),
            "precision": self.precision.facts(),
            "false_alarm_rate": self.false_alarm_rate.facts(),
            "unobserved_share": self.unobserved.facts(),
        }


@dataclass(frozen=True, slots=True)
class Curve:
    """What every threshold would give, from the highest level down.

    Attributes
    ----------
    score
        ``(n,)`` float64: alarm is a score at or above it. [unit of the raster]
    recall, precision, false_alarm_rate
        ``(n,)`` float64.
    """

    score: np.ndarray
    recall: np.ndarray
    precision: np.ndarray
    false_alarm_rate: np.ndarray


@dataclass(frozen=True, slots=True)
class LabelledHistogram:
    """Labelled pixels by level of evidence; filled block by block, in any order.

    Attributes
    ----------
    changed, unchanged
        ``(65536,)`` int64: observed pixels of each label; index is level + 32768.
    apart
        Pixels of no curve, by name: ``changed_unseen``, ``unchanged_unseen``, ``unlabelled``.
    """

    changed: np.ndarray = field(default_factory=lambda: np.zeros(LEVELS, np.int64))
    unchanged: np.ndarray = field(default_factory=lambda: np.zeros(LEVELS, np.int64))
    apart: dict[str, int] = field(
        default_factory=lambda: {"changed_unseen": 0, "unchanged_unseen": 0, "unlabelled": 0}
    )

    def add(self, evidence: np.ndarray, labels: np.ndarray) -> None:
        """Count a block.

        Parameters
        ----------
        evidence
            int16, any shape; -32768 = not observed.
        labels
            uint8 of the same shape: UNCHANGED, CHANGED, or `UNLABELLED`.
        """
        index = evidence.astype(np.int32) - EVIDENCE_NODATA
        for label, counts, unseen in (
            (CHANGED, self.changed, "changed_unseen"),
            (UNCHANGED, self.unchanged, "unchanged_unseen"),
        ):
            found = np.bincount(index[labels == label], minlength=LEVELS)
            self.apart[unseen] += int(found[0])
            found[0] = 0
            np.add(counts, found, out=counts)
        self.apart["unlabelled"] += int(np.count_nonzero(labels == UNLABELLED))

    def confusion(self, level: int) -> Confusion:
        """Count what an alarm at or above a level gives."""
        cut = level - EVIDENCE_NODATA
        hits, false = int(self.changed[cut:].sum()), int(self.unchanged[cut:].sum())
        return Confusion(
            hits,
            int(self.changed.sum()) - hits,
            false,
            int(self.unchanged.sum()) - false,
            self.apart["changed_unseen"],
            self.apart["unchanged_unseen"],
        )

    @property
    def area_under_roc(self) -> float | None:
        """Chance that a changed pixel has more evidence than an unchanged one, ties as one half.

        References
        ----------
        Hanley & McNeil 1982, doi:10.1148/radiology.143.1.7063747: the Mann-Whitney statistic.
        """
        changed, unchanged = int(self.changed.sum()), int(self.unchanged.sum())
        if not changed or not unchanged:
            return None
        below = np.cumsum(self.unchanged) - self.unchanged
        twice = sum(
            int(c) * int(2 * b + u)
            for c, b, u in zip(self.changed, below, self.unchanged, strict=True)
            if c
        )
        return twice / (2 * changed * unchanged)

    @property
    def average_precision(self) -> float | None:
        """Area under precision over recall by steps, without interpolation.

        References
        ----------
        Davis & Goadrich 2006, doi:10.1145/1143844.1143874, section 4: straight lines between
        points of a precision-recall curve are too hopeful, so steps are used.
        """
        changed = int(self.changed.sum())
        if not changed:
            return None
        hits = np.cumsum(self.changed[::-1])
        alarms = hits + np.cumsum(self.unchanged[::-1])
        steps = self.changed[::-1] > 0
        return float(np.sum((hits / np.maximum(alarms, 1) * self.changed[::-1])[steps]) / changed)

    def curve(self, origin: float, step: float, points: int = CURVE_POINTS) -> Curve:
        """Return the thresholds at which something changes, thinned to about a number of points.

        Points are kept where recall or the false-alarm rate has moved by a step, and both ends.

        Parameters
        ----------
        origin, step
            Score of a level: ``origin + step * level``.
        points
            About how many are kept.
        """
        hits, false = np.cumsum(self.changed[::-1]), np.cumsum(self.unchanged[::-1])
        recall = hits / max(int(hits[-1]), 1)
        rate = false / max(int(false[-1]), 1)
        moved = np.flatnonzero((self.changed + self.unchanged)[::-1] > 0)
        steps = np.floor(recall[moved] * points / 2) + np.floor(rate[moved] * points / 2)
        ends = np.isin(np.arange(len(moved)), (0, len(moved) - 1))
        kept = moved[ends | np.append(np.diff(steps) > 0, [True] * (len(moved) > 0))]
        return Curve(
            score=origin + step * (LEVELS - 1 - kept + EVIDENCE_NODATA),
            recall=recall[kept],
            precision=hits[kept] / np.maximum(hits[kept] + false[kept], 1),
            false_alarm_rate=rate[kept],
        )


def count_mask(mask: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Count a block of a change mask.

    Parameters
    ----------
    mask
        schema.CHANGE; 255 = not observed.
    labels
        uint8 of the same shape.

    Returns
    -------
    ndarray
        ``(6,)`` int64 in the order of `Confusion`; blocks add up.
    """
    changed, unchanged = labels == CHANGED, labels == UNCHANGED
    alarm, quiet = mask == CHANGED, mask == UNCHANGED
    parts = (
        changed & alarm,
        changed & quiet,
        unchanged & alarm,
        unchanged & quiet,
        changed & ~alarm & ~quiet,
        unchanged & ~alarm & ~quiet,
    )
    return np.array([np.count_nonzero(part) for part in parts], np.int64)
