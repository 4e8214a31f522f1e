"""Command that sums up a period: month, quarter, year."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from changedetect.cli.console import finish
from changedetect.cli.options import Config, Debug, Json, Out, Overwrite
from changedetect.errors import ConfigError


def add_to(app: typer.Typer) -> None:
    """Register ``report``."""
    app.command("report")(report)


def report(
    config: Config,
    period: Annotated[str, typer.Option(help="2025-06, 2025Q2 or 2025. 月、季、年")],
    to: Annotated[Path, typer.Option(help="Folder for page, workbook and document. 报告目录")],
    day: Annotated[
        str | None, typer.Option(help="As of this day, YYYY-MM-DD (default: today). 截止日")
    ] = None,
    accuracy: Annotated[
        Path | None, typer.Option(help="accuracy.json of `evaluate points`. 精度", exists=True)
    ] = None,
    out: Out = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Sum up a month, a quarter or a year: page, workbook, document. 月发现、季小结、年总结."""
    from changedetect.pipeline.loop import reporting
    from changedetect.pipeline.runs.job import open_job

    try:
        when = datetime.fromisoformat(day).date() if day else datetime.now(UTC).date()  # noqa: TID251 - the clock
    except ValueError as error:
        msg = f"--day {day!r}: YYYY-MM-DD was expected"
        raise ConfigError(msg) from error
    options = reporting.ReportOptions(when, out, accuracy, overwrite)
    done = reporting.write_report(open_job(config), period, to, options)
    finish(done.facts(), done.lines(), as_json=as_json, exit_code=done.exit_code)
