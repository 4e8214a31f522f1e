"""Commands about simulated worlds and models: simulate, train."""

from pathlib import Path
from typing import Annotated

import typer

from changedetect.cli.console import finish, listener
from changedetect.cli.options import Debug, Json, Listen, Overwrite, Quiet


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("simulate")(simulate)
    app.command("train")(train)


def simulate(
    out: Annotated[Path, typer.Argument(help="Folder for the world. 输出目录")],
    seed: Annotated[int, typer.Option(help="What everything is drawn from.", min=0)] = 1,
    months: Annotated[int, typer.Option(help="Monitored months.", min=1, max=36)] = 1,
    start: Annotated[str, typer.Option(help="First monitored month, YYYY-MM.")] = "2025-06",
    size_km: Annotated[float, typer.Option(help="Side of the county. [km]", min=0.5)] = 1.6,
    last_year: Annotated[
        bool,
        typer.Option(
            "--last-year", help="A fine image a year before each month, too. 含上年同期影像"
        ),
    ] = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    progress: Listen = "auto",
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Make a county that does not exist: images, records, truth, and a job file. 模拟县."""
    from changedetect.pipeline.simulation import WorldOptions
    from changedetect.pipeline.simulation import simulate as make

    options = WorldOptions(seed, months, start, size_km, last_year=last_year)
    report = make(out, options, overwrite=overwrite, progress=listener(progress, quiet=quiet))
    finish(report.facts(), report.lines(), as_json=as_json)


def train(
    out: Annotated[Path, typer.Option(help="Folder for the model, e.g. models/patch_classes.")],
    seeds: Annotated[
        str, typer.Option(help="Seeds of the training worlds, e.g. 101-130.")
    ] = "101-130",
    held_out: Annotated[str, typer.Option(help="Seeds of the worlds it is judged on.")] = "201-203",
    size_km: Annotated[float, typer.Option(help="Side of each world. [km]", min=0.5)] = 1.6,
    from_ledger: Annotated[
        Path | None,
        typer.Option(help="Job file: learn from the verdicts in its ledger, too. 从台账学习"),
    ] = None,
    runs: Annotated[
        Path | None, typer.Option(help="Folder of that job: months and ledger (runs/NAME).")
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    progress: Listen = "auto",
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Train the patch classifier and write its card; with a ledger, replace it only by a better one. 训练."""
    if from_ledger is not None:
        from changedetect.pipeline.learning.retraining import retrain
        from changedetect.pipeline.runs.job import open_job

        told = retrain(
            open_job(from_ledger),
            runs,
            out,
            seeds=seeds,
            size_km=size_km,
            progress=listener(progress, quiet=quiet),
        )
        finish(told.facts(), told.lines(), as_json=as_json, exit_code=told.exit_code)
        return
    from changedetect.pipeline.learning.training import train as fit

    report = fit(
        out,
        seeds=seeds,
        held_out=held_out,
        size_km=size_km,
        overwrite=overwrite,
        progress=listener(progress, quiet=quiet),
    )
    finish(report.facts(), report.lines(), as_json=as_json)
