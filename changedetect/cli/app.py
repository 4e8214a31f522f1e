"""The application object and its groups of commands."""

from typing import Annotated

import typer

import changedetect
from changedetect.cli import (
    accuracy,
    bench,
    case,
    check_config,
    doctor,
    explain,
    ledger,
    look,
    loop,
    month,
    package,
    promise,
    recapture,
    records,
    report,
    returns,
    worlds,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(changedetect.__version__)
        raise typer.Exit


app = typer.Typer(
    name="changedetect",
    help="Satellite images in, land-enforcement cases out, every month. 每月：影像进，案件出。",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Satellite images in, land-enforcement cases out, every month. 每月：影像进，案件出。"""


month.add_to(app)
look.add_to(app)
worlds.add_to(app)
accuracy.evaluate.command("recapture")(recapture.recapture)
accuracy.add_to(app)
promise.add_to(app)
explain.add_to(app)
check_config.add_to(app)
records.add_to(app)
loop.add_to(app)
case.add_to(app)
returns.add_to(app)
ledger.add_to(app)
package.add_to(app)
report.add_to(app)
doctor.add_to(app)
bench.add_to(app)
