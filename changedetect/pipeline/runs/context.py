"""What every step of a month needs, and what a run reports at its end."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from changedetect.io import cores
from changedetect.pipeline.runs.job import Job, month_span
from changedetect.pipeline.runs.progress import Progress
from changedetect.pipeline.runs.runstore import RunStore, StepRecord
from changedetect.pipeline.runs.settings import Settings

PARTIAL = 3
"""Exit code of a run that left something out."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the user chose for this run; nothing here changes a result.

    Attributes
    ----------
    out
        Folder of the job (months and ledger); None = ``runs/NAME``.
    tile_px, workers, scheduler
        How the work is cut and spread; workers 0 = one per core.
    actor
        Who acts, for the ledger.
    overwrite
        Earlier results of other inputs may be replaced.
    """

    out: Path | None = None
    tile_px: int | None = None
    workers: int = 0
    scheduler: str = "threads"
    actor: str = "unknown"
    overwrite: bool = False

    @property
    def worker_count(self) -> int:
        """Workers, at least one."""
        return self.workers or cores.usable()


def ledger_place(job: Job, root: Path) -> Path | str:
    """Return where the ledger of a job is: a file under its folder, or the address of a server."""
    return job.config.ledger.server or root / "ledger.sqlite"


@dataclass(frozen=True, slots=True)
class MonthContext:
    """A month being worked on."""

    job: Job
    month: str
    store: RunStore
    options: RunOptions
    progress: Progress
    clock: Callable[[], datetime]

    @property
    def folder(self) -> Path:
        """Folder of the month's run."""
        return self.store.folder

    @property
    def ledger_place(self) -> Path | str:
        """The ledger of the job: a file beside its months, or the address of a server."""
        return ledger_place(self.job, self.store.folder.parent)

    @property
    def span(self) -> tuple[date, date]:
        """First and last day of the month."""
        return month_span(self.month)

    @property
    def settings(self) -> Settings:
        """The sections on which detection rests."""
        config = self.job.config
        return Settings(config.pixels, config.evidence, config.patches)


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did.

    Attributes
    ----------
    folder, month
        Where, and which month.
    steps
        Record of each step, and whether it had been done before.
    recorded
        Every step of the month that holds: a stage alone rests on the others.
    """

    folder: Path
    month: str
    steps: tuple[tuple[StepRecord, bool], ...]
    recorded: tuple[StepRecord, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what was left out, by this run and by those before it, one line each."""
        return tuple(problem for record in self.recorded for problem in record.problems)

    @property
    def exit_code(self) -> int:
        """0, or 3 where something was left out."""
        return PARTIAL if self.problems else 0

    @property
    def repeated(self) -> bool:
        """Whether everything had been done before."""
        return all(reused for _, reused in self.steps)

    def facts(self) -> dict[str, Any]:
        """Return the report as JSON-able values."""
        return {
            "folder": str(self.folder),
            "month": self.month,
            "repeated": self.repeated,
            "steps": {
                record.name: {"reused": reused, **record.facts} for record, reused in self.steps
            },
            "packages": [str(self.folder / file) for file in self._packages()],
            "problems": list(self.problems),
            "exit_code": self.exit_code,
        }

    def lines(self) -> list[str]:
        """Return a short summary for people."""
        lines = []
        if self.repeated:
            lines.append(
                "nothing to do: every step was done from the same inputs before / 无需重做"
            )
        lines += [
            f"{record.name}{' (from an earlier run 沿用)' if reused else ''}: {_sentence(record.facts)}"
            for record, reused in self.steps
        ]
        packages = self._packages()
        lines += [f"package 案件包: {self.folder / file}" for file in packages]
        if self.problems:
            lines.append(
                f"{len(self.problems)} problem(s), exit code {PARTIAL}: see the warnings / 部分完成"
            )
        return lines

    def _packages(self) -> list[str]:
        return [
            file
            for record, _ in self.steps
            for file in sorted(record.outputs)
            if file.startswith("packages/")
            and file.count("/") > 1  # not the province's summary
            and file.endswith((".gpkg", ".xlsx", ".html"))
        ]


def _sentence(facts: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value}" for name, value in facts.items() if not isinstance(value, dict | list)
    )
