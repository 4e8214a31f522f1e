"""What a month adds up to: figures that reconcile, and who has to act before it is cleared."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from changedetect.entries import SummaryLine

HOLDERS: dict[str, tuple[str, ...]] = {
    "待判读下发": ("10",),
    "县级": ("20", "30", "45", "55", "65"),
    "市级": ("40", "50"),
    "省级": ("60",),
    "立案整改": ("71", "75", "80"),
    "待影像复核": ("85",),
    "待销号": ("70",),
    "异议": ("93",),
    "移交": ("95",),
}
"""Who holds a case that is not cleared yet -> its states."""

CLEARED, MERGED, DROPPED = ("90",), ("98",), ("99",)
_ILLEGAL = ("71", "75", "80", "85")


@dataclass(frozen=True, slots=True)
class MonthTotals:
    """Figures of the cases found in one month (parents and children once each).

    ``found = pooled + recorded + listed`` and ``listed = cleared + open + merged + dropped``.
    Areas in m².
    """

    found: int
    pooled: int
    recorded: int
    listed: int
    cleared: int
    merged: int
    dropped: int
    open: int
    illegal_open: int
    overdue: int
    found_m2: float
    listed_m2: float
    cleared_m2: float

    @property
    def cleared_share(self) -> float | None:
        """月清率: cleared of those that were to be cleared; None = there were none."""
        due = self.listed - self.merged - self.dropped
        return self.cleared / due if due else None

    def figures(self) -> dict[str, float]:
        """Return the figures by name; areas rounded to 0.01 m²."""
        names = (name for name in self.__slots__)
        return {
            name: round(value, 2) if isinstance(value := getattr(self, name), float) else value
            for name in names
        }


def month_totals(lines: Iterable[SummaryLine]) -> dict[str, MonthTotals]:
    """Add up the lines of a summary by month of finding."""
    groups: dict[str, list[SummaryLine]] = {}
    for line in lines:
        groups.setdefault(line.month, []).append(line)
    return {month: _total(groups[month]) for month in sorted(groups)}


def _total(lines: Iterable[SummaryLine]) -> MonthTotals:
    count: Counter[str] = Counter()
    area: dict[str, float] = {"found": 0.0, "listed": 0.0, "cleared": 0.0}
    for line in lines:
        kind = _kind(line)
        count.update({"found": line.cases, kind: line.cases})
        area["found"] += line.area_m2
        if kind not in {"pooled", "recorded"}:
            count["listed"] += line.cases
            area["listed"] += line.area_m2
        if kind == "open":
            count["overdue"] += line.overdue
            count["illegal_open"] += line.cases if line.state in _ILLEGAL else 0
        area["cleared"] += line.area_m2 if kind == "cleared" else 0.0
    names = (
        "found", "pooled", "recorded", "listed", "cleared", "merged", "dropped", "open",
        "illegal_open", "overdue",
    )  # fmt: skip
    counted = {name: count[name] for name in names}
    return MonthTotals(
        **counted,
        found_m2=area["found"],
        listed_m2=area["listed"],
        cleared_m2=area["cleared"],
    )


def _kind(line: SummaryLine) -> str:
    if line.record_only:
        return "recorded"
    if line.pooled:
        return "pooled"
    ended = {CLEARED: "cleared", MERGED: "merged", DROPPED: "dropped"}
    return next((name for states, name in ended.items() if line.state in states), "open")


def holders(lines: Iterable[SummaryLine], month: str) -> dict[str, tuple[int, int]]:
    """Tell who has to act: cases of the month, and cases carried over from earlier months.

    Pooled and recorded cases wait for nobody.
    """
    counts = {name: [0, 0] for name in HOLDERS}
    for line in lines:
        if line.month > month or line.pooled or line.record_only:
            continue
        for name, states in HOLDERS.items():
            if line.state in states:
                counts[name][line.month < month] += line.cases
    return {name: (mine, earlier) for name, (mine, earlier) in counts.items() if mine or earlier}


def restated(
    told: Mapping[str, Mapping[str, float]], now: Mapping[str, MonthTotals]
) -> dict[str, dict[str, tuple[float, float]]]:
    """Return the figures of closed months that differ from what was told: then and now."""
    changes: dict[str, dict[str, tuple[float, float]]] = {}
    for month, figures in sorted(told.items()):
        fresh = now[month].figures() if month in now else {}
        changed = {
            name: (value, fresh.get(name, 0))
            for name, value in sorted(figures.items())
            if name != "overdue" and value != fresh.get(name, 0)
        }
        if changed:
            changes[month] = changed
    return changes
