"""Accuracy and areas from reference points of a stratified random sample.

Olofsson et al. 2014, doi:10.1016/j.rse.2014.02.015, equations 1 to 11. They take the strata to be
the classes of the map. Here a class may be spread over several strata (a stratum "just below the
threshold" is mapped unchanged), so every figure is a ratio of two stratified totals, Stehman 2014,
doi:10.1080/01431161.2014.930207, equations 26 to 28, without finite population correction; where
strata are the classes, these are the equations of Olofsson et al. exactly.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from changedetect.accuracy.shares import Share, Z
from changedetect.errors import LayerError


@dataclass(frozen=True, slots=True)
class Stratum:
    """A part of the map from which points were drawn.

    Attributes
    ----------
    name, mapped
        Its name, and the class that the map shows in it; empty = several.
    area
        Its whole area. [m², or pixels]
    """

    name: str
    mapped: str
    area: float


@dataclass(frozen=True, slots=True)
class ReferencePoint:
    """A point with what the map says and what the interpreter says.

    Attributes
    ----------
    weight
        Area that it stands for; None = its stratum's area over the points in it.
    """

    stratum: str
    mapped: str
    reference: str
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate with its standard error and 95% interval.

    Attributes
    ----------
    value, error, interval
        None where the sample can not tell.
    n
        Points on which it rests.
    reason
        Why something is None, or how an interval was made.
    unseen
        Of an area: what could besides lie in strata none of whose points is of this class (upper
        Clopper-Pearson limits, added up). A normal interval takes a stratum whose points are all
        alike for certain, so where this is large the upper end of the interval is too low.
    """

    value: float | None
    error: float | None
    interval: tuple[float, float] | None
    n: int
    reason: str = ""
    unseen: float = 0.0

    def scaled(self, factor: float) -> "Estimate":
        """Return it in another unit."""
        return Estimate(
            None if self.value is None else self.value * factor,
            None if self.error is None else self.error * factor,
            None
            if self.interval is None
            else (self.interval[0] * factor, self.interval[1] * factor),
            self.n,
            self.reason,
            self.unseen * factor,
        )

    def facts(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        return {
            "value": self.value,
            "standard_error": self.error,
            "interval95": self.interval,
            "n": self.n,
            "reason": self.reason,
            "unseen_upper95": self.unseen,
        }


@dataclass(frozen=True, slots=True)
class AreaEstimates:
    """Everything that a sample tells.

    Attributes
    ----------
    overall
        Share of the area that is mapped right.
    users, producers, areas
        By class; areas in the unit of the strata.
    counts, proportions
        Points and estimated shares of area by (mapped, reference).
    total_area
        Of all strata.
    """

    overall: Estimate
    users: dict[str, Estimate]
    producers: dict[str, Estimate]
    areas: dict[str, Estimate]
    counts: dict[tuple[str, str], int]
    proportions: dict[tuple[str, str], float] | None
    total_area: float


@dataclass(frozen=True, slots=True)
class _Sample:
    """Points as arrays, ``(n,)`` each."""

    strata: np.ndarray
    mapped: np.ndarray
    reference: np.ndarray
    weight: np.ndarray
    known: tuple[Stratum, ...]
    is_even: bool


def estimate(points: Sequence[ReferencePoint], strata: Sequence[Stratum]) -> AreaEstimates:
    """Estimate accuracy and areas.

    Parameters
    ----------
    points
        All interpreted points, drawn at random inside their strata.
    strata
        All strata, also those without points: what lies in them is then unknown, and figures that
        depend on it have no value.

    Raises
    ------
    LayerError
        No points, a point of an unknown stratum, or an area or weight that is not positive.
    """
    sample = _sample(points, strata)
    total = sum(stratum.area for stratum in strata)
    classes = sorted({*sample.mapped.tolist(), *sample.reference.tolist()})
    everything = np.ones(len(points))
    correct = (sample.mapped == sample.reference).astype(float)
    drawn = set(sample.strata.tolist())
    counts = Counter(zip(sample.mapped.tolist(), sample.reference.tolist(), strict=True))
    return AreaEstimates(
        overall=_ratio(sample, correct, everything, sample.known),
        users={c: _users(sample, c, correct) for c in classes},
        producers={
            c: _ratio(
                sample, correct * (sample.reference == c), sample.reference == c, sample.known
            )
            for c in classes
        },
        areas={
            c: replace(
                _ratio(sample, sample.reference == c, everything, sample.known).scaled(total),
                unseen=_unseen(sample, c),
            )
            for c in classes
        },
        counts=dict(counts),
        proportions=None if len(drawn) < len(strata) else _proportions(sample),
        total_area=total,
    )


def _unseen(sample: _Sample, name: str) -> float:
    """Add up what of a class could lie in strata that have points, none of them of it."""
    area = 0.0
    for stratum in sample.known:
        own = sample.strata == stratum.name
        limit = Share(int((own & (sample.reference == name)).sum()), int(own.sum()))
        if limit.n and not limit.hits and limit.exact is not None:
            area += stratum.area * limit.exact[1]
    return area


def _users(sample: _Sample, name: str, correct: np.ndarray) -> Estimate:
    """User's accuracy of a class; only strata that may show it on the map matter."""
    shown = sample.mapped == name
    homes = set(sample.strata[shown].tolist())
    own = [one for one in sample.known if one.mapped in {name, ""} or one.name in homes]
    return _ratio(sample, correct * shown, shown, own)


def _sample(points: Sequence[ReferencePoint], strata: Sequence[Stratum]) -> _Sample:
    areas = {stratum.name: stratum.area for stratum in strata}
    if len(areas) != len(strata) or any(not area > 0 for area in areas.values()):
        msg = f"strata {dict(areas)}: names that differ and positive areas were expected"
        raise LayerError(msg)
    if not points:
        msg = "no interpreted point was given; fill reference_class of the drawn points first"
        raise LayerError(msg)
    unknown = sorted({point.stratum for point in points} - set(areas))
    if unknown:
        msg = f"points of strata {unknown}, of which no area is known; known: {sorted(areas)}"
        raise LayerError(msg)
    drawn = Counter(point.stratum for point in points)
    weights = np.array(
        [
            areas[point.stratum] / drawn[point.stratum] if point.weight is None else point.weight
            for point in points
        ],
        dtype=float,
    )
    if not (weights > 0).all():
        msg = f"weight {weights.min():g} of a point: a positive area was expected"
        raise LayerError(msg)
    return _Sample(
        strata=np.array([point.stratum for point in points], dtype=object),
        mapped=np.array([point.mapped for point in points], dtype=object),
        reference=np.array([point.reference for point in points], dtype=object),
        weight=weights,
        known=tuple(strata),
        is_even=all(point.weight is None for point in points),
    )


def _proportions(sample: _Sample) -> dict[tuple[str, str], float]:
    """Estimate the share of area in each cell: Olofsson et al. 2014, eq. 4."""
    found: dict[tuple[str, str], float] = {}
    total = float(sample.weight.sum())
    for mapped, reference, weight in zip(
        sample.mapped, sample.reference, sample.weight, strict=True
    ):
        found[mapped, reference] = found.get((mapped, reference), 0.0) + float(weight) / total
    return found


def _ratio(
    sample: _Sample, numerator: np.ndarray, denominator: np.ndarray, relevant: Sequence[Stratum]
) -> Estimate:
    """Estimate a ratio of totals by its linearised residuals (Stehman 2014, eq. 26 to 28).

    Strata that may hold what is counted must have points; with one, the spread is not known.
    """
    y, x = numerator.astype(float), denominator.astype(float)
    n = int(np.count_nonzero(x))
    drawn = set(sample.strata.tolist())
    empty = [stratum.name for stratum in relevant if stratum.name not in drawn]
    if empty:
        names = ", ".join(empty)
        return Estimate(None, None, None, n, f"no point in {names}: nothing is known of it")
    whole = float(np.sum(sample.weight * x))
    if not whole:
        return Estimate(None, None, None, n, "no point of this class")
    value = float(np.sum(sample.weight * y)) / whole
    residual = sample.weight * (y - value * x) / whole
    variance, alone = 0.0, []
    for name in dict.fromkeys(sample.strata.tolist()):
        own = sample.strata == name
        size = int(own.sum())
        if size > 1:
            parts = residual[own] - residual[own].mean()
            variance += size / (size - 1) * float(np.sum(parts * parts))
        elif name in {stratum.name for stratum in relevant}:
            alone.append(name)
    if alone:
        reason = f"one point only in {', '.join(map(str, alone))}: its spread is not known"
        return Estimate(value, None, None, n, reason)
    return _with_interval(sample, value, math.sqrt(variance), (y, x))


def _with_interval(
    sample: _Sample, value: float, error: float, sums: tuple[np.ndarray, np.ndarray]
) -> Estimate:
    y, x = sums
    n = int(np.count_nonzero(x))
    if error > np.finfo(float).eps:
        interval = max(0.0, value - Z * error), min(1.0, value + Z * error)
        return Estimate(value, error, interval, n)
    homes = set(sample.strata[x > 0].tolist())
    if len(homes) == 1 and sample.is_even:
        return Estimate(
            value,
            0.0,
            Share(int(y.sum()), n).wilson,
            n,
            "all alike in one stratum: Wilson interval",
        )
    return Estimate(
        value, None, None, n, "all alike in the sample: no error is known, which does not mean none"
    )


def classic(counts: Mapping[tuple[str, str], int], areas: Mapping[str, float]) -> AreaEstimates:
    """Estimate from an error matrix whose rows are strata and classes alike.

    Parameters
    ----------
    counts
        Points by (mapped, reference).
    areas
        Mapped area by class.
    """
    points = [
        ReferencePoint(mapped, mapped, reference)
        for (mapped, reference), number in counts.items()
        for _ in range(number)
    ]
    return estimate(points, [Stratum(name, name, area) for name, area in areas.items()])
