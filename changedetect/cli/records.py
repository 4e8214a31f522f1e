"""Commands about land records: look at them before they are used."""

from pathlib import Path
from typing import Annotated

import typer

from changedetect.cli.console import finish, listener
from changedetect.cli.options import Config, Debug, Json, Listen, Quiet

records_app = typer.Typer(
    help="Look at land records before they are used. 底数核查", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Register the group."""
    app.add_typer(records_app, name="records")


@records_app.command("check")
def check(
    config: Config,
    layer: Annotated[
        str | None, typer.Option(help="One layer by its short name: DLTB, NZY … 只查一个图层")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Folder for report, pictures and repaired rows. 输出目录", metavar="DIR"
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    progress: Listen = "auto",
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Check every record layer: text, dates, geometry, areas, systems, coverage. 核查底数图层."""
    from changedetect.pipeline.looks.recordcheck import check_records
    from changedetect.pipeline.runs.job import open_job

    report = check_records(
        open_job(config), layer=layer, out=out, progress=listener(progress, quiet=quiet)
    )
    finish(report.facts(), report.lines(), as_json=as_json, exit_code=report.exit_code)
