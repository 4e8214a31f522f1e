"""``promise fit`` and ``promise check``: verified changes and months in, a promise out, or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import changedetect
from changedetect.accuracy.promise import MISSED, Aim, State, allowed_misses, needed, promise, tail
from changedetect.accuracy.report import AccuracyReport, Cell, ReportTable
from changedetect.accuracy.shift import Sample
from changedetect.accuracy.strata_pool import Key, Pool, pooled
from changedetect.config.promise import PromiseSettings
from changedetect.config.yaml_text import parse
from changedetect.errors import InputError
from changedetect.io.digest import sha256_file
from changedetect.pipeline.job import read_text
from changedetect.pipeline.promise_file import (
    VALUE,
    Line,
    PromiseFile,
    cell_of,
    read_promise,
    samples_of,
)
from changedetect.pipeline.promise_scores import (
    ChangeList,
    MonthRun,
    Scored,
    joined,
    read_changes,
    read_run,
    score,
)

if TYPE_CHECKING:
    import geopandas as gpd

CAVEATS = (
    (
        "a promise is about the population that the verified changes were drawn from at random, "
        "independently of what was alarmed; it holds for months like those of the calibration"
    ),
    "changes of one place or one cause are alike: n counts them as independent, which says too much",
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


@dataclass(frozen=True, slots=True)
class _Months:
    """Months with their scored changes and the share of each patch under verified change."""

    runs: tuple[MonthRun, ...]
    scored: tuple[Scored, ...]
    shares: tuple[np.ndarray, ...]


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
    standing: float,
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
        Threshold that stands where nothing is promised.

    Returns
    -------
    tuple
        The promise, and what it says and costs; exit code 3 where a stratum has none.

    Raises
    ------
    InputError
        Months of several classifiers or settings; no change that these months could have seen.
    """
    months = _months(given, folders, settings)
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
    tables = (_lines_table(found), _cost_table(found, months, standing))
    title = f"recall >= {1 - aim.alpha:g} with confidence {1 - aim.delta:g} 查全率承诺"
    facts = {
        "digest": found.digest, "alpha": aim.alpha, "delta": aim.delta, "n": len(whole.scores),
        "not_observed": int(whole.unseen.sum()), "strata": [_facts(line) for line in lines],
        "cost": [dict(zip(tables[1].columns, row, strict=True)) for row in tables[1].rows],
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


def _months(given: ChangeList, folders: Sequence[Path], settings: PromiseSettings) -> _Months:
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
    return _Months(runs, tuple(scored), tuple(shares))


def _samples(
    runs: Sequence[MonthRun], settings: PromiseSettings
) -> dict[str, Mapping[str, Sample]]:
    cells: dict[str, list[MonthRun]] = {}
    for run in runs:
        cells.setdefault(cell_of(run.sensor, run.month, settings), []).append(run)
    return {
        cell: {
            name: Sample.of(np.concatenate([run.table[name].to_numpy(float) for run in own]))
            for name in samples_of(own[0].table)
        }
        for cell, own in sorted(cells.items())
    }


def _rests_on(given: ChangeList, months: _Months) -> dict[str, Any]:
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


def said(line: Line, aim: Aim) -> str:
    """Say what is promised of a stratum, or why nothing is."""
    own = line.promise
    if own.state is State.HELD:
        return f"recall >= {1 - aim.alpha:g}"
    if own.state is State.CEILING:
        return (
            f"NO PROMISE 不承诺: {own.never} of {own.n} are found at no threshold; at most "
            f"{own.ceiling_high:.3f} can be found: better detection is needed, not more changes"
        )
    return f"NO PROMISE 不承诺: {own.more} more changes are needed, none of them missed"


def _lines_table(found: PromiseFile) -> ReportTable:
    rows = tuple(_line_row(line, found) for line in found.lines)
    own = found.own
    n_of = ", ".join(f"{misses}: {needed(misses, own)}" for misses in (0, 1, 2, 5))
    pools = tuple(
        f"{line.name} pools {'; '.join(' / '.join(one) for one in line.members)}"
        for line in found.lines
        if len(line.members) > 1
    )
    return ReportTable(
        "promise",
        "By stratum 分层",
        (
            "stratum 层", "n", "promise 承诺", "threshold 阈值", "missed 漏", "allowed 容许",
            "found at none 无报警", "recall at least 下限", "on average 平均意义阈值",
        ),
        rows,
        (
            f"each stratum at delta {own.delta:.3g}; changes needed by number of misses: {n_of}",
            ("strata with too few changes are pooled by number alone, over "
            f"{', then '.join(reversed(found.settings.fields[1:])) or 'nothing'}"),
            *pools,
        ),
    )  # fmt: skip


def _line_row(line: Line, found: PromiseFile) -> tuple[Cell, ...]:
    own = line.promise
    return (
        line.name, own.n, said(line, found.aim), own.threshold, own.misses, max(own.allowed, 0),
        own.never, own.recall_low, own.on_average,
    )  # fmt: skip


def _cost_table(found: PromiseFile, months: _Months, standing: float) -> ReportTable:
    rows = []
    for run, shares in zip(months.runs, months.shares, strict=True):
        limit = found.threshold(found.lines_of(run.sensor, run.month), standing)
        values = run.table[VALUE].to_numpy(float)
        true = shares >= found.settings.patch_true_share
        rows.append((
            str(run.folder), limit, int((values >= limit).sum()), int(((values >= limit) & ~true).sum()),
            int((values >= standing).sum()), int(((values >= standing) & ~true).sum()),
        ))  # fmt: skip
    return ReportTable(
        "cost",
        "Cost 代价",
        (
            "month", "threshold 阈值", "patches kept 保留", "false 误报",
            f"kept at {standing:g}", f"false at {standing:g}",
        ),
        tuple(rows),
    )  # fmt: skip


def check(path: Path, folders: Sequence[Path], given: ChangeList | None, standing: float) -> Judged:
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
        Threshold that stands where nothing is promised.

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
    tables = [_lines_table(found)]
    is_good = all(line.promise.state is State.HELD for line in found.lines)
    runs = [read_run(folder) for folder in folders]
    for run in runs:
        found.check_fits(run.model, run.settings, str(path))
        table, shifted = _shift_table(found, run)
        tables.append(table)
        is_good &= not shifted
    if given is not None and runs:
        table, is_kept = _kept_table(found, _months(given, folders, found.settings), standing)
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


def _shift_table(found: PromiseFile, run: MonthRun) -> tuple[ReportTable, bool]:
    drifts = found.drifts(run.sensor, run.month, run.samples)
    shifted = {one.feature for one in found.shifted(drifts)}
    has_cell = cell_of(run.sensor, run.month, found.settings) in found.samples
    if shifted:
        verdict = "NOT VALID UNDER SHIFT 存在漂移，承诺不成立"
    elif not has_cell:
        verdict = "NO CALIBRATION of this sensor and season 无同期标定"
    else:
        verdict = "no shift seen 未见漂移"
    rows = tuple(
        (
            one.feature, one.distance, one.adjusted, one.n_then, one.n_now,
            "shifted 漂移" if one.feature in shifted else "",
        )
        for one in drifts
    )  # fmt: skip
    level, least = found.settings.shift_level, found.settings.shift_distance
    note = f"shifted: p (Holm) < {level:g} and distance > {least:g}"
    columns = ("feature", "distance", "p (Holm)", "n then", "n now", "")
    return (
        ReportTable(f"shift_{run.month}", f"{run.month}: {verdict}", columns, rows, (note,)),
        bool(shifted) or not has_cell,
    )


def _kept_table(found: PromiseFile, months: _Months, standing: float) -> tuple[ReportTable, bool]:
    """Count what was found of changes verified since; broken = misses that the promise hardly allows."""
    rows, is_kept = [], True
    for run, scored in zip(months.runs, months.scored, strict=True):
        limit = found.threshold(found.lines_of(run.sensor, run.month), standing)
        n, misses = len(scored.scores), int((scored.scores < limit).sum())
        doubt = 1 - tail(misses - 1, n, found.aim.alpha)
        is_broken = doubt < found.aim.delta
        is_kept &= not is_broken
        never = int((scored.scores == MISSED).sum())
        rows.append((run.month, limit, n, misses, never, doubt, _verdict(n, is_broken, found.aim)))
    columns = ("month", "threshold", "n", "missed 漏", "found at none", "p of so many", "")
    return ReportTable("kept", "Changes verified since 事后核实", columns, tuple(rows)), is_kept


def _verdict(n: int, is_broken: bool, aim: Aim) -> str:
    if is_broken:
        return "BROKEN 未兑现"
    return "kept 兑现" if allowed_misses(n, aim) >= 0 else "too few to tell 样本不足"
