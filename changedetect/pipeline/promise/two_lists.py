"""``evaluate recapture``: a second, independent list of changes against what a month found."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from changedetect import measure
from changedetect.accuracy.recapture import Recapture
from changedetect.accuracy.report import AccuracyReport, Cell, ReportTable
from changedetect.accuracy.strata_pool import size_class
from changedetect.codes import FAMILIES
from changedetect.config.promise import PromiseSettings
from changedetect.pipeline.promise.promise_scores import (
    OTHER,
    ChangeList,
    MonthRun,
    read_changes,
    read_run,
    score,
    standing_of,
)
from changedetect.pipeline.steps.promise_file import VALUE
from changedetect.pipeline.steps.promised import LIMIT

NOTES = (
    (
        "recall = changes of their list that we found too / their list: right where the two lists are "
        "independent; what is hard for both (small, hidden, under cloud) makes it too high, and a list "
        "drawn up from our alarms makes it worthless"
    ),
    (
        "all there are: Chapman's estimator; every one of our patches is taken for true, unless --ours "
        "says how many were confirmed: false ones make it too high"
    ),
    (
        "strata are estimated apart and added up, because recall differs between them; a sum far from the "
        "estimate of all together shows how much"
    ),
)


def compare(
    folder: Path,
    given: ChangeList,
    settings: PromiseSettings,
    standing: float | None,
    ours: int | None,
) -> AccuracyReport:
    """Estimate recall, and how many changes there are, from two lists.

    Parameters
    ----------
    folder
        A finished month.
    given
        The second list: patrol, ministry patches, hotline.
    settings
        What found means, classes of size, sources that are our own.
    standing
        Threshold of the month, where no promise put another; None = what the month recorded.
    ours
        How many of our patches were confirmed true; None = all of them are taken for true.

    Raises
    ------
    InputError, LayerError
        No finished month; a list that can not be read or is our own.
    """
    run = read_run(folder)
    standing = standing_of([run], standing)
    table = read_changes(given, run.table.crs.to_string(), settings)
    scored, _ = score(run, table, settings)
    limit = run.table[LIMIT].to_numpy(float) if LIMIT in run.table.columns else standing
    kept = run.table[VALUE].to_numpy(float) >= limit
    found = scored.scores >= (limit if isinstance(limit, float) else limit.max(initial=0.0))
    whole = Recapture(int(kept.sum()) if ours is None else ours, len(found), int(found.sum()))
    groups = _groups(run, kept, scored.keys, settings)
    parts = [
        (name, Recapture(int(mine.sum()), int(theirs.sum()), int((theirs & found).sum())))
        for name, mine, theirs in groups
    ]
    rows = (*(_row(name, part) for name, part in parts), _row("all 全部", whole))
    columns = (
        "stratum 层", "ours 我方", "theirs 对方", "both 共有", "recall 召回率 [95%]", "recall exact 95%",
        "all there are 估计总数", "95%",
    )  # fmt: skip
    added = sum(part.total for _, part in parts)
    notes = (*NOTES, f"sum of the strata: {added:.1f}; all together: {whole.total:.1f}")
    report = ReportTable("recapture", "Two lists 两源捕获再捕获", columns, rows, notes)
    facts: dict[str, object] = {
        "all": whole.facts(),
        "by_stratum": {name: part.facts() for name, part in parts},
        "sum_of_strata": added,
        "threshold": float(np.max(limit)) if np.size(limit) else standing,
    }
    title = f"{run.month}: {given.path.name} as a second list 两源召回"
    return AccuracyReport(title, facts, (report,))


def _groups(
    run: MonthRun, kept: np.ndarray, keys: Sequence[tuple[str, ...]], settings: PromiseSettings
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return class / size of both lists: name, rows of our patches, rows of their changes."""
    edges = settings.size_edges_mu
    mine = [
        f"{family if family in FAMILIES else OTHER} / {size_class(measure.to_mu(m2), edges)} mu"
        for family, m2 in zip(run.table["family"].astype(str), run.table["area_m2"], strict=True)
    ]
    places = [settings.fields.index(name) for name in ("class", "size") if name in settings.fields]
    theirs = [" / ".join(key[place] for place in places) for key in keys]
    ours = np.array(mine, object)
    other = np.array(theirs, object)
    return [(name, (ours == name) & kept, other == name) for name in sorted(set(theirs))]


def _row(name: str, one: Recapture) -> tuple[Cell, ...]:
    exact, interval = one.recall.exact, one.interval
    return (
        name, one.ours, one.theirs, one.both, str(one.recall),
        "-" if exact is None else f"{exact[0]:.3f}-{exact[1]:.3f}", one.total,
        "-" if interval is None else f"{interval[0]:.0f}-{'∞' if interval[1] is None else f'{interval[1]:.0f}'}",
    )  # fmt: skip
