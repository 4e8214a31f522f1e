"""A whole month, or one stage of it: the order of the flow stands here and nowhere else."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from changedetect.errors import ConfigError, InputError
from changedetect.io.memory import give_back
from changedetect.pipeline.runs.context import MonthContext, RunOptions, RunReport
from changedetect.pipeline.runs.job import Job, month_span
from changedetect.pipeline.runs.progress import Progress
from changedetect.pipeline.runs.runstore import RunStore, StepRecord, key_of
from changedetect.pipeline.runs.shards import SHARDS, Shard, ShardReport
from changedetect.pipeline.runs.territory import read_territory
from changedetect.pipeline.sources import scenes
from changedetect.pipeline.steps import casework, checking, classification, delivery, detection

__all__ = ["STEPS", "RunOptions", "run_month", "run_shard"]

STEPS: dict[str, Callable[[MonthContext], tuple[StepRecord, bool]]] = {
    "scenes": scenes.do,
    "detect": detection.do,
    "classify": classification.do,
    "check": checking.do,
    "cases": casework.do,
    "deliver": delivery.do,
}
"""Steps in the order of the flow (``detect`` is pixels, evidence and patches; ``cases`` writes the
ledger)."""


def run_month(
    job: Job,
    month: str,
    options: RunOptions,
    *,
    only: str | None = None,
    progress: Progress,
    clock: Callable[[], datetime],
) -> RunReport:
    """Do every step of a month, or one of them from what is recorded of the steps before.

    Parameters
    ----------
    job
        From `changedetect.pipeline.runs.job.open_job`.
    month
        ``YYYY-MM``.
    options
        Where, and how the work is spread.
    only
        Name of one step; None = all.
    progress
        Who listens.
    clock
        Gives the time of ledger entries, aware.

    Raises
    ------
    ConfigError
        The month or the step is none.
    InputError
        Results of other inputs are there and may not be replaced; a step before is missing.
    """
    month_span(month)
    if only is not None and only not in STEPS:
        msg = f"step {only!r}: one of {', '.join(STEPS)} was expected"
        raise ConfigError(msg)
    root = options.out or Path("runs") / job.config.name
    done = []
    with RunStore(root / month, overwrite=options.overwrite, order=tuple(STEPS)) as store:
        context = MonthContext(job, month, store, options, progress, clock)
        for name in [only] if only else list(STEPS):
            try:
                done.append(STEPS[name](context))
            except InputError as error:
                error.add_note(f"in step {name} of {month}")
                raise
            give_back()
        return RunReport(root / month, month, tuple(done), store.records)


def run_shard(
    job: Job,
    month: str,
    options: RunOptions,
    shard: Shard,
    *,
    progress: Progress,
    clock: Callable[[], datetime],
) -> ShardReport:
    """Do one part of a month's tiles; `run_month` with the same options then takes them over.

    Parameters
    ----------
    job, month, options, progress, clock
        As in `run_month`.
    shard
        Which part of how many.

    Raises
    ------
    LockedError
        The same part is being done by another process.
    InputError
        As in `run_month`.
    """
    month_span(month)
    folder = (options.out or Path("runs") / job.config.name) / month / SHARDS / shard.name
    with RunStore(folder, overwrite=True, order=tuple(STEPS)) as store:
        context = MonthContext(job, month, store, options, progress, clock)
        before, _ = scenes.do(context)
        territory = read_territory(job)
        key = key_of("detect", detection.inputs(context, territory))
        made = detection.prepare(context, territory, before.facts["candidates"], key)
        share = (shard.number, shard.count)
        tiles, lost = detection.run_tiles(context, territory, made.work, share)
        return ShardReport(folder, share, len(tiles.done), (*made.refused, *lost))
