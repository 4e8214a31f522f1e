"""Commands of the month as a whole: open, dispatch, status, recheck, close."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from changedetect.cli.console import finish
from changedetect.cli.options import Actor, Config, Debug, Json, Month, Out

EVENT = "dispatched"
"""Event by whose roles the person is checked who opens, dispatches or closes a month."""


def add_to(app: typer.Typer) -> None:
    """Register the group ``month``."""
    group = typer.Typer(
        no_args_is_help=True, help="A month: open, dispatch, status, recheck, close. 月清"
    )
    group.command("open")(open_month)
    group.command("dispatch")(dispatch)
    group.command("status")(status)
    group.command("recheck")(recheck)
    group.command("close")(close)
    app.add_typer(group, name="month")


def open_month(
    config: Config,
    month: Month,
    out: Out = None,
    actor: Actor = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Begin the work on a month. 开始本月."""
    from changedetect.pipeline.loop import monthloop

    store, who, _ = _books(config, month, out, actor)
    _show(monthloop.open_month(store, month, who, _now), as_json)


def dispatch(
    config: Config,
    month: Month,
    every: Annotated[
        bool, typer.Option("--all", help="Also cases that no interpreter has screened. 含未判读")
    ] = False,
    out: Out = None,
    actor: Actor = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Enter that the packages went to the counties. 下发."""
    from changedetect.pipeline.loop import monthloop

    store, who, run = _books(config, month, out, actor)
    _show(monthloop.dispatch(store, run, month, who, _now, unscreened=every), as_json)


def status(
    config: Config,
    month: Month,
    remind: Annotated[
        bool, typer.Option(help="Also enter a reminder for overdue cases. 催办")
    ] = False,
    out: Out = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Tell what stands between now and 月清零. 本月进度."""
    from changedetect.pipeline.loop import monthloop
    from changedetect.pipeline.runs.job import open_job

    store, _, _ = _books(config, month, out, None, acting=False)
    if remind:
        finish({}, monthloop.remind(store, _now).lines(), as_json=False)
    _show(monthloop.status(store, month, _now, open_job(config)), as_json)


def recheck(
    config: Config,
    month: Month,
    out: Out = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Enter what the month's images say of rectified and closed cases. 影像复核登记."""
    from changedetect.pipeline.ledger import books
    from changedetect.pipeline.loop import rechecking
    from changedetect.pipeline.runs.job import month_span, open_job

    month_span(month)
    job = open_job(config)
    run = (out or Path("runs") / job.config.name) / month
    _show(rechecking.recheck(books.open_books(job, out), job, run, _now), as_json)


def close(
    config: Config,
    month: Month,
    out: Out = None,
    actor: Actor = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Close a month: tell its figures, restate earlier ones, set its root. 本月关闭."""
    from changedetect.pipeline.loop import monthloop

    store, who, run = _books(config, month, out, actor)
    _show(monthloop.close(store, run, month, who, _now), as_json)


def _books(
    config: Path, month: str, out: Path | None, actor: str | None, *, acting: bool = True
) -> Any:  # noqa: ANN401 - types are imported late
    from changedetect.pipeline.ledger import actions, books
    from changedetect.pipeline.runs.job import month_span, open_job

    month_span(month)
    job = open_job(config)
    name = actor or getpass.getuser()
    who = actions.role_of(name, None, EVENT, job.config.ledger) if acting else None
    run = (out or Path("runs") / job.config.name) / month
    return books.open_books(job, out), who, run


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the clock


def _show(report: Any, as_json: bool) -> None:  # noqa: ANN401
    finish(report.facts(), report.lines(), as_json=as_json, exit_code=report.exit_code)
