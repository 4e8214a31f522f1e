"""Commands about single cases: list, show, and what people do to them."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from changedetect.cli.console import finish
from changedetect.cli.options import Actor, Config, Debug, Json, Month, Out
from changedetect.errors import ConfigError

Numbers = Annotated[list[str], typer.Argument(help="Case numbers. 案件编号", metavar="CASE...")]


def add_to(app: typer.Typer) -> None:
    """Register the group ``case``."""
    group = typer.Typer(no_args_is_help=True, help="Single cases: list, show, act. 单个案件")
    group.command("list")(list_cases)
    group.command("show")(show)
    group.command("enter")(enter)
    group.command("screen")(screen)
    group.command("next")(next_case)
    app.add_typer(group, name="case")


def list_cases(
    config: Config,
    district: Annotated[list[str] | None, typer.Option(help="County code. 县代码")] = None,
    state: Annotated[list[str] | None, typer.Option(help="State code, e.g. 20. 案件状态")] = None,
    month: Annotated[str | None, typer.Option(help="Only those found in it, YYYY-MM.")] = None,
    out: Out = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """List cases, the most urgent first. 案件清单."""
    from changedetect.pipeline.ledger import actions, books
    from changedetect.pipeline.runs.job import open_job

    store = books.open_books(open_job(config), out)
    report = actions.listing(store, district or (), state or (), month)
    finish(report.facts(), report.lines(), as_json=as_json)


def show(
    config: Config,
    number: Annotated[str, typer.Argument(help="Case number. 案件编号", metavar="CASE")],
    out: Out = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show where a case stands and every entry about it. 案件流转."""
    from changedetect.pipeline.ledger import actions, books
    from changedetect.pipeline.runs.job import open_job

    report = actions.history(books.open_books(open_job(config), out), number)
    finish(report.facts(), report.lines(), as_json=as_json)


def enter(
    config: Config,
    event: Annotated[str, typer.Argument(help="accepted, rejected, filed, passed, closed …")],
    numbers: Numbers,
    reason: Annotated[str, typer.Option(help="Why; the ledger keeps it. 理由")],
    role: Annotated[
        str | None, typer.Option(help="interpreter, county, city, province, reviewer. 角色")
    ] = None,
    to: Annotated[str | None, typer.Option(help="State it leads to, where several fit.")] = None,
    claim: Annotated[
        list[str] | None, typer.Option(help="COLUMN=TEXT, e.g. LABH=… . 填报字段")
    ] = None,
    into: Annotated[
        str | None, typer.Option(help="For merged: the case that takes the others up. 并入案件")
    ] = None,
    source: Annotated[
        Path | None, typer.Option(help="File that proves it. 依据文件", exists=True)
    ] = None,
    out: Out = None,
    actor: Actor = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Enter what a person did to one or more cases; all of it or nothing. 登记操作."""
    from changedetect.pipeline.ledger import actions, books, merging
    from changedetect.pipeline.runs.job import open_job

    job = open_job(config)
    claims = [*(claim or []), *([f"{merging.TARGET}={into}"] if into else [])]
    deed = actions.Deed(event, reason, to, _claims(claims), source)
    who = actions.role_of(actor or getpass.getuser(), role, event, job.config.ledger)
    store = books.open_books(job, out)
    report = actions.act(store, numbers, deed, who, lambda: datetime.now(UTC))  # noqa: TID251 - the clock
    finish(report.facts(), report.lines(), as_json=as_json)


def screen(
    config: Config,
    sheet: Annotated[
        Path,
        typer.Argument(help=".xlsx or .csv: 案件编号, 判读结论 (通过/剔除), 理由", metavar="SHEET"),
    ],
    partial: Annotated[
        bool, typer.Option("--partial", help="Enter good rows although others are wrong. 部分登记")
    ] = False,
    out: Out = None,
    actor: Actor = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Enter an interpreter's decisions on many cases from a sheet. 批量判读."""
    from changedetect.pipeline.ledger import actions, books
    from changedetect.pipeline.ledger.screening import screen as enter_all
    from changedetect.pipeline.runs.job import open_job

    job = open_job(config)
    who = actions.role_of(actor or getpass.getuser(), "interpreter", "accepted", job.config.ledger)
    store = books.open_books(job, out)
    report = enter_all(
        store,
        sheet,
        (out or Path("runs") / job.config.name) / "returns",
        job.config.returns,
        (who, datetime.now(UTC)),  # noqa: TID251 - the clock
        partial=partial,
    )
    finish(report.facts(), report.lines(), as_json=as_json, exit_code=report.exit_code)


def next_case(
    config: Config,
    month: Month,
    for_review: Annotated[
        bool,
        typer.Option(
            "--for-review/--by-urgency",
            help="Whose label would teach the classifier most, or the most urgent first.",
        ),
    ] = False,
    count: Annotated[int, typer.Option(help="How many.", min=1)] = 20,
    out: Out = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Say which cases of a month to look at next. 下一批判读."""
    from changedetect.pipeline.ledger import actions, books
    from changedetect.pipeline.runs.job import open_job

    job = open_job(config)
    if for_review:
        from changedetect.pipeline.learning.reviewing import next_for_review

        report = next_for_review(job, out, month, count)
    else:
        report = actions.listing(books.open_books(job, out), (), ("10", "20", "30"), month)
    finish(report.facts(), report.lines(), as_json=as_json)


def _claims(texts: list[str]) -> dict[str, str]:
    claims = {}
    for text in texts:
        name, found, value = text.partition("=")
        if not found or not name.isidentifier():
            msg = f"--claim {text!r}: COLUMN=TEXT was expected"
            raise ConfigError(msg)
        claims[name] = value
    return claims
