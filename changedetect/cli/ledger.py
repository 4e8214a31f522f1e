"""Commands about the ledger: what it says, whether it holds, copies of it."""

from pathlib import Path
from typing import Annotated

import typer

from changedetect.cli.console import finish
from changedetect.cli.options import Config, Debug, Json, Out

Target = Annotated[Path, typer.Argument(help="File to write; it must not exist. 输出文件")]


def add_to(app: typer.Typer) -> None:
    """Register the group ``ledger``."""
    group = typer.Typer(no_args_is_help=True, help="The ledger of cases: verify, copy. 案件台账")
    group.command("verify")(verify)
    group.command("rebuild")(rebuild)
    group.command("head")(head)
    group.command("map")(make_map)
    group.command("backup")(backup)
    group.command("restore")(restore)
    app.add_typer(group, name="ledger")


def verify(
    config: Config,
    out: Out = None,
    against: Annotated[
        str | None, typer.Option("--head", help="NUMBER:DIGEST held by a second office. 留存链头")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Check every entry, move, root and row of the ledger. 台账校验."""
    from changedetect.pipeline.ledger import books
    from changedetect.pipeline.runs.job import open_job

    report = books.check(books.open_books(open_job(config), out), against)
    finish(report.facts(), report.lines(), as_json=as_json)


def rebuild(
    config: Config,
    out: Out = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Make the rows of all cases again from the entries. 重建案件状态."""
    from changedetect.pipeline.ledger import books
    from changedetect.pipeline.runs.job import open_job

    report = books.make_rows(books.open_books(open_job(config), out))
    finish(report.facts(), report.lines(), as_json=as_json)


def head(
    config: Config,
    out: Out = None,
    export: Annotated[
        Path | None, typer.Option(help="Also write it to this file. 导出链头")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Print the head of the chain, for a second office to keep. 链头."""
    from changedetect.pipeline.ledger import books
    from changedetect.pipeline.runs.job import open_job

    report = books.show_head(books.open_books(open_job(config), out), export)
    finish(report.facts(), report.lines(), as_json=as_json)


def make_map(
    config: Config,
    out: Out = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Make a live view of all cases for QGIS (ledger on a server with PostGIS). 案件地图."""
    from changedetect.pipeline.ledger import books
    from changedetect.pipeline.runs.job import open_job

    job = open_job(config)
    report = books.make_map(books.open_books(job, out), job)
    finish(report.facts(), report.lines(), as_json=as_json)


def backup(
    config: Config,
    target: Target,
    out: Out = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Copy the ledger as of one moment, and verify the copy. 备份."""
    from changedetect.pipeline.ledger import books
    from changedetect.pipeline.runs.job import open_job

    report = books.back_up(books.open_books(open_job(config), out), target)
    finish(report.facts(), report.lines(), as_json=as_json)


def restore(
    config: Config,
    source: Annotated[Path, typer.Argument(help="A backup. 备份文件", exists=True)],
    out: Out = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Put a verified backup in the place of the ledger; the former one is kept. 恢复."""
    from changedetect.pipeline.ledger import books
    from changedetect.pipeline.runs.job import open_job

    report = books.restore(source, books.file_of(open_job(config), out))
    finish(report.facts(), report.lines(), as_json=as_json)
