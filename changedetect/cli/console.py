"""What the user sees while a job runs and when it ends.

Results go to stdout, everything else to stderr. A bar on a terminal, plain lines in a log, NDJSON
on request.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import typer

from changedetect.errors import ConfigError

LINES_PER_STEP = 10
"""A plain log gets about this many lines a step, whatever its number of pieces."""


class Listener(Protocol):
    """What the pipeline reports to (see `changedetect.pipeline.runs.progress.Progress`)."""

    def begin(self, step: str, total: int) -> None: ...  # noqa: D102 - as in Progress
    def advance(self, step: str, detail: str = "") -> None: ...  # noqa: D102
    def end(self, step: str, summary: str) -> None: ...  # noqa: D102
    def warn(self, message: str) -> None: ...  # noqa: D102


@dataclass(slots=True)
class Plain:
    """Plain lines: a step's start, about ten lines on the way, its end."""

    quiet: bool = False
    _done: dict[str, int] = field(default_factory=dict)
    _total: dict[str, int] = field(default_factory=dict)

    def begin(self, step: str, total: int) -> None:
        """Note how many pieces there are."""
        self._done[step], self._total[step] = 0, total
        self._say(f"{step}: begins ({total})" if total > 1 else f"{step}: begins")

    def advance(self, step: str, detail: str = "") -> None:
        """Print a line for about every tenth of the step."""
        self._done[step] = done = self._done.get(step, 0) + 1
        total = self._total.get(step, 0)
        if total > 1 and done * LINES_PER_STEP // total > (done - 1) * LINES_PER_STEP // total:
            self._say(f"{step}: {done}/{total} {detail}".rstrip())

    def end(self, step: str, summary: str) -> None:
        """Print the line that sums the step up."""
        self._say(f"{step}: {summary}")

    def warn(self, message: str) -> None:
        """Print a warning, also when quiet."""
        print(f"warning 注意: {message}", file=sys.stderr, flush=True)

    def _say(self, line: str) -> None:
        if not self.quiet:
            print(line, file=sys.stderr, flush=True)


@dataclass(slots=True)
class Ndjson:
    """One JSON object a line on stderr."""

    def begin(self, step: str, total: int) -> None:
        """Tell the beginning."""
        self._say(event="begin", step=step, total=total)

    def advance(self, step: str, detail: str = "") -> None:
        """Tell one piece."""
        self._say(event="advance", step=step, detail=detail)

    def end(self, step: str, summary: str) -> None:
        """Tell the end."""
        self._say(event="end", step=step, summary=summary)

    def warn(self, message: str) -> None:
        """Tell a warning."""
        self._say(event="warning", message=message)

    @staticmethod
    def _say(**fields: object) -> None:
        print(json.dumps(fields, ensure_ascii=False), file=sys.stderr, flush=True)


class Bar:
    """A bar for each step on a terminal."""

    __slots__ = ("_progress", "_tasks")

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        columns = (
            TextColumn("{task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._tasks: dict[str, Any] = {}

    def begin(self, step: str, total: int) -> None:
        """Show a bar."""
        self._progress.start()
        self._tasks[step] = self._progress.add_task(step, total=total)

    def advance(self, step: str, detail: str = "") -> None:  # noqa: ARG002 - a bar has no room
        """Move the bar."""
        self._progress.advance(self._tasks[step])

    def end(self, step: str, summary: str) -> None:
        """Take the bar away and print the line that sums the step up."""
        task = self._tasks.pop(step, None)
        if task is not None:
            self._progress.remove_task(task)
        if not self._tasks:
            self._progress.stop()
        self._progress.console.print(f"{step}: {summary}", highlight=False, markup=False)

    def warn(self, message: str) -> None:
        """Print a warning above the bar."""
        self._progress.console.print(f"warning 注意: {message}", highlight=False, markup=False)


def listener(kind: str, *, quiet: bool) -> Listener:
    """Choose what the user sees.

    Parameters
    ----------
    kind
        ``auto``, ``plain``, ``ndjson`` or ``none``.
    quiet
        Warnings only.

    Raises
    ------
    ConfigError
        Another word.
    """
    if kind not in {"auto", "plain", "ndjson", "none"}:
        msg = f"--progress {kind!r}: auto, plain, ndjson or none was expected"
        raise ConfigError(msg)
    if quiet or kind == "none":
        return Plain(quiet=True)
    if kind == "ndjson":
        return Ndjson()
    encoding = (sys.stderr.encoding or "").lower().replace("-", "")
    if kind == "auto" and sys.stderr.isatty() and encoding == "utf8":
        return Bar()
    return Plain()


def finish(
    result: Mapping[str, Any], lines: list[str], *, as_json: bool, exit_code: int = 0
) -> None:
    """Print a result and leave with an exit code.

    Parameters
    ----------
    result
        What ``--json`` prints.
    lines
        What is printed otherwise.
    as_json
        Which of the two.
    exit_code
        0 done, 3 partial …
    """
    if as_json:
        print(json.dumps(result, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False))
    else:
        print("\n".join(lines))
    if exit_code:
        raise typer.Exit(exit_code)
