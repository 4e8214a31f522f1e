"""How far a job is: what the pipeline tells, whoever listens."""

from dataclasses import dataclass
from typing import Protocol


class Progress(Protocol):
    """Listens to a running job; a bar, a log, or NDJSON."""

    def begin(self, step: str, total: int) -> None:
        """Tell that a step with so many pieces begins."""

    def advance(self, step: str, detail: str = "") -> None:
        """Tell that one piece is done."""

    def end(self, step: str, summary: str) -> None:
        """Tell that a step is finished, with one line that sums it up."""

    def warn(self, message: str) -> None:
        """Tell that something was left out or looks wrong; the job goes on."""


@dataclass(frozen=True, slots=True)
class Silent:
    """Listens and says nothing."""

    def begin(self, step: str, total: int) -> None:
        """Ignore."""

    def advance(self, step: str, detail: str = "") -> None:
        """Ignore."""

    def end(self, step: str, summary: str) -> None:
        """Ignore."""

    def warn(self, message: str) -> None:
        """Ignore."""
