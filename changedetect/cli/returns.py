"""Commands about what counties send back: import it, or check it before it is sent."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from changedetect.cli.console import finish
from changedetect.cli.options import Actor, Config, Debug, Json, Month, Out

Files = Annotated[
    list[Path],
    typer.Argument(help=".gpkg .shp .xlsx .csv, or folders. 回传文件或目录", metavar="FILE..."),
]


def add_to(app: typer.Typer) -> None:
    """Register the group ``returns``."""
    group = typer.Typer(no_args_is_help=True, help="What counties send back. 县级回传")
    group.command("import")(import_returns)
    group.command("check")(check)
    app.add_typer(group, name="returns")


def import_returns(
    config: Config,
    files: Files,
    month: Month,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; enter nothing. 试运行")
    ] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Enter good rows although others are wrong. 部分登记")
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Take a file older than one taken before. 允许旧文件")
    ] = False,
    county: Annotated[
        str | None, typer.Option(help="County code, where the names do not tell. 县代码")
    ] = None,
    out: Out = None,
    actor: Actor = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Take what counties sent back; the differences are shown first with --dry-run. 导入县级回传."""
    from changedetect.pipeline.ledger import actions, books
    from changedetect.pipeline.returns.returning import Rules, Wanted, import_returns
    from changedetect.pipeline.runs.job import month_span, open_job

    month_span(month)
    job = open_job(config)
    who = actions.role_of(actor or getpass.getuser(), None, "filed", job.config.ledger)
    store = books.open_books(job, out)
    report = import_returns(
        store,
        (out or Path("runs") / job.config.name) / "returns",
        files,
        Wanted(month, county, partial, anyway, dry_run),
        Rules(job.config.returns, job.config.grid.crs),
        (who, lambda: datetime.now(UTC)),  # noqa: TID251 - the clock
    )
    finish(report.facts(), report.lines(), as_json=as_json, exit_code=report.exit_code)


def check(
    files: Files,
    package: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the package as dispatched. 下发的案件包目录",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    listed: Annotated[
        Path | None,
        typer.Option("--list", help="Write the list: .xlsx, .html or .json. 清单", metavar="FILE"),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Say what reviewers would send back, before it is sent; needs the package only. 报送前自查."""
    from changedetect.config.returns import ReturnsSection
    from changedetect.pipeline.returns import presubmission

    now = datetime.now(UTC)  # noqa: TID251 - the clock
    report = presubmission.check(files, package, ReturnsSection(), now)
    if listed is not None:
        presubmission.write_list(report, listed, now)
    finish(report.facts(), report.lines(), as_json=as_json, exit_code=report.exit_code)
