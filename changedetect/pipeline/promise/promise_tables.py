"""What a promise says, costs and is worth, as tables."""

from dataclasses import dataclass

import numpy as np

from changedetect.accuracy.promise import (
    MISSED,
    Aim,
    State,
    allowed_misses,
    needed,
    recall_at,
    spread,
    tail,
)
from changedetect.accuracy.report import Cell, ReportTable
from changedetect.pipeline.promise.promise_scores import MonthRun, Scored
from changedetect.pipeline.steps.promise_file import VALUE, Line, PromiseFile, cell_of


@dataclass(frozen=True, slots=True)
class Months:
    """Months with their scored changes and the share of each patch under verified change."""

    runs: tuple[MonthRun, ...]
    scored: tuple[Scored, ...]
    shares: tuple[np.ndarray, ...]


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


def lines_table(found: PromiseFile) -> ReportTable:
    """Show what is promised of each stratum."""
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


def cost_table(found: PromiseFile, months: Months, standing: float) -> ReportTable:
    """Show what the threshold costs in patches that are on no listed change."""
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


def shift_table(found: PromiseFile, run: MonthRun) -> tuple[ReportTable, bool]:
    """Compare the patches of a month with those of the calibration; tell whether they have shifted."""
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
            one.feature, one.distance, one.usual, one.adjusted, one.n_then, one.n_now,
            "shifted 漂移" if one.feature in shifted else "",
        )
        for one in drifts
    )  # fmt: skip
    level, least = found.settings.shift_level, found.settings.shift_distance
    note = (
        f"shifted: p (Holm) < {level:g} and distance > {least:g} and > what calibration months have "
        "among themselves (usual)"
    )
    columns = ("feature", "distance", "usual", "p (Holm)", "n then", "n now", "")
    return (
        ReportTable(f"shift_{run.month}", f"{run.month}: {verdict}", columns, rows, (note,)),
        bool(shifted) or not has_cell,
    )


def kept_table(found: PromiseFile, months: Months, standing: float) -> tuple[ReportTable, bool]:
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


def _limits(found: PromiseFile, months: Months, standing: float) -> list[float]:
    return [found.threshold(found.lines_of(run.sensor, run.month), standing) for run in months.runs]


def spread_of(found: PromiseFile, months: Months, standing: float) -> float | None:
    """Tell how likely months that share one recall differ as much as these."""
    limits = _limits(found, months, standing)
    misses = [int((s.scores < t).sum()) for s, t in zip(months.scored, limits, strict=True)]
    return spread(np.array(misses), np.array([len(s.scores) for s in months.scored]))


def months_table(found: PromiseFile, months: Months, standing: float) -> ReportTable:
    """Show whether the months are alike: only then is the promise one for each of them."""
    limits = _limits(found, months, standing)
    rows = tuple(
        (
            str(run.folder), len(scored.scores), int((scored.scores < limit).sum()),
            int((scored.scores == MISSED).sum()), int(scored.unseen.sum()),
            recall_at(scored.scores, limit) if len(scored.scores) else None,
        )
        for run, scored, limit in zip(months.runs, months.scored, limits, strict=True)
    )  # fmt: skip
    p = spread_of(found, months, standing)
    unlike = p is not None and p < found.settings.shift_level
    note = (
        "too little to tell whether the months are alike"
        if p is None
        else f"months that share one recall differ so much with p = {p:.3g}"
    )
    if unlike:
        note += ": THEY ARE NOT ALIKE, the promise holds for their mixture, not for each 各期差异大于偶然"
    columns = ("month", "n", "missed 漏", "found at none 无报警", "not observed 未监测", "recall")
    return ReportTable("months", "By month 分期", columns, rows, (note,))
