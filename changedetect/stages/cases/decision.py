"""What a month does to one case."""

from dataclasses import dataclass, field

from changedetect.records import Case
from changedetect.stages.cases.ties import Tie


@dataclass(frozen=True, slots=True)
class Decision:
    """What the month's findings do to one case.

    Attributes
    ----------
    case
        As this month shows it: what the month hands out.
    event
        ``found`` (new number), ``confirmed`` (found again in another month), ``recurred`` (found
        again after it was cleared: 90 -> 10), ``restated`` (the same month was computed again),
        ``withdrawn`` (the same month shows it no more, and nobody had it yet: -> 99) or
        ``unconfirmed`` (the same, but people are at work on it: no move).
    kept
        As the ledger keeps it; other than ``case`` where a later month has spoken already.
    tie
        How its ground stands to cases that are still open.
    """

    case: Case
    event: str
    kept: Case
    tie: Tie = field(default_factory=Tie)

    @property
    def listed(self) -> bool:
        """Whether a unit of the month stands behind it."""
        return self.event not in {"withdrawn", "unconfirmed"}
