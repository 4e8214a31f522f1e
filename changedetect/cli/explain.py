"""``explain``: why a case says what it says."""

from pathlib import Path
from typing import Annotated

import typer

from changedetect.cli.console import finish
from changedetect.cli.options import Debug, Json


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(
        "explain", help="Why a case says what it says, and what would change it. 说明案件判定理由"
    )(explain)


def explain(
    case: Annotated[
        str, typer.Argument(help="Case number (AJBH) or unit id (JCBH). 案件编号", metavar="CASE")
    ],
    run: Annotated[
        Path, typer.Option("--run", help="Folder of the month's run. 成果目录/月份", metavar="DIR")
    ],
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Print suggestion, reasons with rule ids, areas, documents, missing evidence, what would change it."""
    from changedetect.pipeline.looks.explaining import explain as read

    found = read(run, case)
    finish(found.facts(), found.lines(), as_json=as_json)
