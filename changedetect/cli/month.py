"""Commands of the monthly job: the whole run, and every stage alone."""

import getpass
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from changedetect.cli.console import finish, listener
from changedetect.cli.options import (
    Actor,
    Config,
    Debug,
    Json,
    Listen,
    Month,
    Out,
    Overwrite,
    Quiet,
    Scheduler,
    Tile,
    Workers,
)

STAGES = {
    "scenes": "Catalogue the images and choose the pairs of the month. 影像编目与配对",
    "classify": "Suggest an after-class for each patch. 图斑分类",
    "check": "Cross-check patches with zones, approvals and themes. 套合核对",
    "cases": "Turn findings into cases and write the ledger. 立案编号入账",
    "deliver": "Write the case package of each county. 案件包输出",
}
"""Command -> help, in the order of the flow."""


def add_to(app: typer.Typer) -> None:
    """Register ``run`` and one command a stage."""
    app.command("run", help="Do a whole month: images in, case packages out. 整月任务")(run)
    for name, text in STAGES.items():
        app.command(name, help=text)(stage(name, text))


def run(
    config: Config,
    month: Month,
    out: Out = None,
    tile: Tile = None,
    workers: Workers = 0,
    scheduler: Scheduler = "threads",
    dry_run: bool = typer.Option(False, "--dry-run", help="Tell tiles, bytes, memory, disk, time."),
    shard: str | None = typer.Option(
        None, "--shard", help="Do part i of n of the tiles only (i/n), beside other processes."
    ),
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    progress: Listen = "auto",
    actor: Actor = None,
    debug: Debug = False,  # noqa: ARG001 - read where errors are shown
) -> None:
    """Do a whole month: images in, case packages out."""
    from changedetect.pipeline import dryrun
    from changedetect.pipeline.runs.job import open_job

    job = open_job(config)
    if dry_run:
        plan = dryrun.plan(job, month, tile_px=tile, workers=workers, out=out)
        finish(plan.facts(), plan.lines(), as_json=as_json)
        return
    options = _options(out, tile, workers, scheduler, actor, overwrite=overwrite)
    if shard is not None:
        _do_shard(job, month, options, shard, as_json, quiet, progress)
        return
    _do(job, month, options, None, as_json, quiet, progress)


def stage(name: str, text: str) -> Any:  # noqa: ANN401 - a command function
    """Make the command that does one stage of a month alone, from what is recorded before it."""

    def command(
        config: Config,
        month: Month,
        out: Out = None,
        tile: Tile = None,
        workers: Workers = 0,
        scheduler: Scheduler = "threads",
        overwrite: Overwrite = False,
        as_json: Json = False,
        quiet: Quiet = False,
        progress: Listen = "auto",
        actor: Actor = None,
        debug: Debug = False,  # noqa: ARG001 - read where errors are shown
    ) -> None:
        from changedetect.pipeline.runs.job import open_job

        options = _options(out, tile, workers, scheduler, actor, overwrite=overwrite)
        _do(open_job(config), month, options, name, as_json, quiet, progress)

    command.__doc__ = text
    return command


def _options(
    out: Path | None,
    tile: int | None,
    workers: int,
    scheduler: str,
    actor: str | None,
    *,
    overwrite: bool,
) -> Any:  # noqa: ANN401 - its type is imported late
    from changedetect.pipeline.month import RunOptions

    return RunOptions(
        out=out,
        tile_px=tile,
        workers=workers,
        scheduler=scheduler,
        actor=actor or getpass.getuser(),
        overwrite=overwrite,
    )


def _do(job: Any, month: str, options: Any, only: str | None, *shown: Any) -> None:  # noqa: ANN401
    from changedetect.pipeline.month import run_month

    as_json, quiet, progress = shown
    report = run_month(
        job,
        month,
        options,
        only=only,
        progress=listener(progress, quiet=quiet),
        clock=lambda: datetime.now(UTC),  # noqa: TID251 - the one clock; everything below is given it
    )
    _tell(report, as_json=as_json)


def _do_shard(job: Any, month: str, options: Any, shard: str, *shown: Any) -> None:  # noqa: ANN401
    from changedetect.pipeline.month import run_shard
    from changedetect.pipeline.runs.shards import Shard

    as_json, quiet, progress = shown
    report = run_shard(
        job,
        month,
        options,
        Shard.of(shard),
        progress=listener(progress, quiet=quiet),
        clock=lambda: datetime.now(UTC),  # noqa: TID251 - see `_do`
    )
    _tell(report, as_json=as_json)


def _tell(report: Any, *, as_json: bool) -> None:  # noqa: ANN401 - of a run or of a part of it
    for problem in report.problems:
        print(f"warning 注意: {problem}", file=sys.stderr)
    finish(report.facts(), report.lines(), as_json=as_json, exit_code=report.exit_code)
