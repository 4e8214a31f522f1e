"""``promise fit`` and ``promise check``: verified changes and months in, a promise out, or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import changedetect
from changedetect.accuracy.promise import (
    Aim,
    State,
    needed,
    promise,
)
from changedetect.accuracy.report import AccuracyReport
from changedetect.accuracy.shift import Sample
from changedetect.accuracy.strata_pool import Key, Pool, pooled
from changedetect.config.promise import PromiseSettings
from changedetect.config.yaml_text import parse
from changedetect.errors import InputError
from changedetect.io.digest import sha256_file
from changedetect.pipeline.promise.promise_scores import (
    ChangeList,
    MonthRun,
    joined,
    read_changes,
    read_run,
    score,
    standing_of,
)
from changedetect.pipeline.promise.promise_tables import (
    Months,
    cost_table,
    kept_table,
    lines_table,
    months_table,
    shift_table,
    spread_of,
)
from changedetect.pipeline.runs.job import read_text
from changedetect.pipeline.steps.promise_file import (
    VALUE,
    Line,
    PromiseFile,
    cell_of,
    read_promise,
    samples_of,
)

if TYPE_CHECKING:
    import geopandas as gpd

CAVEATS = (
    (
        "a promise is about the population that the verified changes were drawn from at random, "
        "independently of what was alarmed; it holds for months like those of the calibration"
    ),
    "changes of one place or one cause are alike: they count as fewer (changes_alike), by our choice",
    (
        "conformal risk control (on average) holds only in the mean over calibration sets: the one at "
        "hand may miss more often"
    ),
    "false patches: on none of the listed changes; where the list is not complete, some are true",
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A promise held against months: its tables, and the exit code."""

    report: AccuracyReport
    exit_code: int = 0


def settings_of(setup: Path | None) -> PromiseSettings:
    """Read the settings of a promise.

    Raises
    ------
    ConfigError
        The file is not there, or a key or value in it is wrong.
    """
    if setup is None:
        return PromiseSettings()
    return parse(read_text(setup, "settings of the promise"), PromiseSettings, str(setup))


def fit(
    given: ChangeList,
    folders: Sequence[Path],
    aim: Aim,
    settings: PromiseSettings,
    standing: float | None,
) -> tuple[PromiseFile, Judged]:
    """Fit a promise.

    Parameters
    ----------
    given
        Verified changes, found independently of our alarms.
    folders
        Finished months of one classifier and one configuration.
    aim
        Recall and confidence.
    settings
        How strata are made and matched.
    standing
        Threshold that stands where nothing is promised; None = that of the months.

    Returns
    -------
    tuple
        The promise, and what it says and costs; exit code 3 where a stratum has none.

    Raises
    ------
    InputError
        Months of several classifiers or settings; no change that these months could have seen.
    """
    aim = replace(aim, alike=settings.changes_alike)
    months = _months(given, folders, settings)
    limit = standing_of(months.runs, standing)
    whole = joined(months.scored)
    if not whole.keys:
        msg = f"{given.path}: no change lies in what {', '.join(r.month for r in months.runs)} compared"
        raise InputError(msg)
    pools = _pools(whole.keys, aim, settings)
    own = aim.shared_by(len(pools)) if settings.together else aim
    lines = tuple(
        Line(pool.key, pool.members, promise(whole.scores[pool.rows], own)) for pool in pools
    )
    found = PromiseFile(
        aim, settings, months.runs[0].model, months.runs[0].settings, lines,
        _samples(months.runs, settings), _rests_on(given, months),
    )  # fmt: skip
    tables = (
        lines_table(found),
        cost_table(found, months, limit),
        months_table(found, months, limit),
    )
    title = f"recall >= {1 - aim.alpha:g} with confidence {1 - aim.delta:g} 查全率承诺"
    facts = {
        "digest": found.digest, "alpha": aim.alpha, "delta": aim.delta, "n": len(whole.scores),
        "not_observed": int(whole.unseen.sum()), "strata": [_facts(line) for line in lines],
        "cost": [dict(zip(tables[1].columns, row, strict=True)) for row in tables[1].rows],
        "months_differ_p": spread_of(found, months, limit),
    }  # fmt: skip
    held = all(line.promise.state is State.HELD for line in lines)
    return found, Judged(AccuracyReport(title, facts, tables, CAVEATS), 0 if held else 3)


def _pools(keys: Sequence[Key], aim: Aim, settings: PromiseSettings) -> tuple[Pool, ...]:
    """Pool strata for as many shares of the risk as there are pools, by numbers of changes alone."""
    shares = 1
    pools = pooled(keys, needed(0, aim))
    while settings.together and len(pools) > shares:
        shares += 1
        pools = pooled(keys, needed(0, aim.shared_by(shares)))
    return pools


def _months(given: ChangeList, folders: Sequence[Path], settings: PromiseSettings) -> Months:
    runs = tuple(read_run(folder) for folder in folders)
    marks = {(run.model, run.settings) for run in runs}
    if len(marks) != 1:
        msg = (
            f"{len(runs)} months of {len(marks)} classifiers or settings: a promise rests on one; run "
            "the months again with one configuration"
        )
        raise InputError(msg)
    lists: dict[str, gpd.GeoDataFrame] = {}
    scored, shares = [], []
    for run in runs:
        crs = run.table.crs.to_string()
        if crs not in lists:
            lists[crs] = read_changes(given, crs, settings)
        one, share = score(run, lists[crs], settings)
        scored.append(one)
        shares.append(share)
    return Months(runs, tuple(scored), tuple(shares))


def _samples(
    runs: Sequence[MonthRun], settings: PromiseSettings
) -> dict[str, Mapping[str, Sample]]:
    cells: dict[str, list[MonthRun]] = {}
    for run in runs:
        cells.setdefault(cell_of(run.sensor, run.month, settings), []).append(run)
    return {
        cell: {
            name: Sample.of_months([run.table[name].to_numpy(float) for run in own])
            for name in samples_of(own[0].table)
        }
        for cell, own in sorted(cells.items())
    }


def _rests_on(given: ChangeList, months: Months) -> dict[str, Any]:
    return {
        "program": changedetect.__version__,
        "score": VALUE,
        "changes": {"file": given.path.name, "sha256": sha256_file(given.path)},
        "runs": [
            {
                "month": run.month,
                "sensor": run.sensor,
                "classified_sha256": run.sha256,
                "changes": len(scored.keys),
            }
            for run, scored in zip(months.runs, months.scored, strict=True)
        ],
    }


def _facts(line: Line) -> dict[str, object]:
    return {"stratum": line.name, "state": line.promise.state.value, **{
        name: getattr(line.promise, name)
        for name in ("n", "threshold", "misses", "allowed", "never", "more", "recall_low", "ceiling_high", "on_average")
    }}  # fmt: skip


def check(
    path: Path, folders: Sequence[Path], given: ChangeList | None, standing: float | None
) -> Judged:
    """Hold a promise against months: do they fit it, have they shifted, was it kept.

    Parameters
    ----------
    path
        The promise file.
    folders
        Finished months.
    given
        Changes verified since, independently; None = only fit and shift are looked at.
    standing
        Threshold that stands where nothing is promised; None = that of the months.

    Returns
    -------
    Judged
        Exit code 3 where a month has shifted, a stratum has no promise, or it was broken.

    Raises
    ------
    IntegrityError
        The file was changed.
    ModelError
        A month was scored by another classifier or other settings.
    """
    found = read_promise(path)
    tables = [lines_table(found)]
    is_good = all(line.promise.state is State.HELD for line in found.lines)
    runs = [read_run(folder) for folder in folders]
    for run in runs:
        found.check_fits(run.model, run.settings, str(path))
        table, shifted = shift_table(found, run)
        tables.append(table)
        is_good &= not shifted
    if given is not None and runs:
        limit = standing_of(runs, standing)
        table, is_kept = kept_table(found, _months(given, folders, found.settings), limit)
        tables.append(table)
        is_good &= is_kept
    facts: dict[str, object] = {
        "digest": found.digest,
        "rests_on": dict(found.rests_on),
        "holds": is_good,
        **{
            table.name: [dict(zip(table.columns, row, strict=True)) for row in table.rows]
            for table in tables
        },
    }
    return Judged(AccuracyReport(path.name, facts, tuple(tables), CAVEATS), 0 if is_good else 3)
