"""月发现、季小结、年总结: gather what the ledger and the months say, and write the report."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from changedetect import measure
from changedetect.errors import ConfigError, InputError
from changedetect.io import record_files, report_files
from changedetect.io.ledger import LedgerStore
from changedetect.pipeline.ledger.books import Report, open_books
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.month_files import LAYERS
from changedetect.pipeline.runs.runstore import finished_facts
from changedetect.pipeline.runs.territory import read_territory
from changedetect.records import LayerManifest
from changedetect.stages import cases, deliver

_PERIOD = re.compile(r"(?P<year>20\d\d)(?:-(?P<month>0[1-9]|1[0-2])|Q(?P<quarter>[1-4]))?")
_KINDS = {"month": "月发现", "quarter": "季小结", "year": "年总结"}


def period_of(text: str, day: date) -> deliver.Period:
    """Read ``2025-06``, ``2025Q2`` or ``2025``.

    Raises
    ------
    ConfigError
        It is none of them.
    """
    found = _PERIOD.fullmatch(text)
    if found is None:
        msg = f"period {text!r}: YYYY-MM, YYYYQn or YYYY was expected"
        raise ConfigError(msg)
    year = found["year"]
    if found["month"]:
        numbers, title = [int(found["month"])], f"{year}年{int(found['month'])}月{_KINDS['month']}"
    elif found["quarter"]:
        first = 3 * int(found["quarter"]) - 2
        numbers, title = (
            list(range(first, first + 3)),
            f"{year}年第{found['quarter']}季度{_KINDS['quarter']}",
        )
    else:
        numbers, title = list(range(1, 13)), f"{year}年{_KINDS['year']}"
    months = tuple(f"{year}-{number:02d}" for number in numbers)
    return deliver.Period(text, title, months, day.isoformat())


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """How a report is made.

    Attributes
    ----------
    day
        As of which states and deadlines are read.
    out
        Folder of the job; None = ``runs/NAME``.
    accuracy
        ``accuracy.json`` of ``evaluate points``; None = no sample was interpreted.
    overwrite
        Earlier files may be replaced.
    """

    day: date
    out: Path | None = None
    accuracy: Path | None = None
    overwrite: bool = False


def write_report(job: Job, text: str, target: Path, options: ReportOptions) -> Report:
    """Write the report of a period.

    Parameters
    ----------
    job
        Its ledger and its months.
    text
        The period, see `period_of`.
    target
        Folder for the three files.
    options
        See `ReportOptions`.

    Raises
    ------
    ConfigError, InputError
        The period is none; there is no ledger, no month was run and no case found in it, or files are
        in the way. A month that was run and found nothing has a report of zeros.
    """
    period = period_of(text, options.day)
    store = open_books(job, options.out)
    every = _courses(store, period)
    root = options.out or Path("runs") / job.config.name
    months = tuple(_month_facts(root, month) for month in period.months)
    if not every and all(one.unobserved_m2 is None for one in months):
        msg = (
            f"period {text}: no month of {period.months[0]} to {period.months[-1]} was run, and the ledger "
            "holds no case found in it; run the months first"
        )
        raise InputError(msg)
    territory = read_territory(job)
    names = {
        str(c): str(n)
        for c, n in zip(territory.districts["code"], territory.districts["name"], strict=True)
    }
    given = deliver.PeriodInput(
        period, every, months, names, _accuracy(options.accuracy), _ties(store, period)
    )
    content = deliver.report(given)
    trend = [
        (month, count["found"], count["cleared"], count["overdue"])
        for month in period.months
        if (count := deliver.figures([c for c in every if c.row.month == month], period.day))
    ]
    paths = report_files.write_report(target, content, trend, overwrite=options.overwrite)
    failed = [check.name for check in deliver.period_checks(given) if check.count]
    count = deliver.figures(every, period.day)
    values: dict[str, Any] = {
        "period": text,
        "figures": dict(count),
        "cleared_share": deliver.share(count),
        "checks_failed": failed,
        "files": [str(path) for path in paths],
    }
    lines = (f"{period.title}: {len(every)} cases, {len(failed)} checks failed", *map(str, paths))
    return Report(values, lines, 5 if failed else 0)


def _courses(store: LedgerStore, period: deliver.Period) -> tuple[deliver.CaseCourse, ...]:
    with store.reading() as reader:
        passed = reader.courses(period.months)
        rows = [row for month in period.months for row in reader.work_list(month=month)]
    ordered = sorted(rows, key=lambda row: row.number)
    return tuple(deliver.CaseCourse(row, passed.get(row.number, ())) for row in ordered)


_TIES = dict(zip(cases.KINDS[1:], deliver.TIES, strict=True))
"""Kind of a tie -> its name in reports."""


def _ties(store: LedgerStore, period: deliver.Period) -> tuple[deliver.CaseTie, ...]:
    """Read from the reasons of entries how the period's cases stand to other ones."""
    with store.reading() as reader:
        told = reader.reasons(period.months, cases.TIE_WORDS)
    return tuple(
        deliver.CaseTie(number, number[:6], _TIES[kind], reason)
        for number, reason in told
        if (kind := cases.kind_of(reason))
    )


def _month_facts(root: Path, month: str) -> deliver.MonthFacts:
    folder = root / month
    facts = finished_facts(folder, "deliver") if folder.is_dir() else {}
    if "not_observed_mu" not in facts:
        return deliver.MonthFacts(month, None)
    layers = record_files.read_records(folder / LAYERS, LayerManifest)
    return deliver.MonthFacts(
        month,
        facts["not_observed_mu"] * measure.M2_PER_MU,
        tuple((layer.name, str(layer.as_of or "日期不明")) for layer in layers),
        str(finished_facts(folder, "classify").get("promise", "")),
    )


def _accuracy(path: Path | None) -> tuple[tuple[str, str, str, int], ...]:
    """Read the estimates of an interpreted sample."""
    if path is None:
        return ()
    try:
        facts: Mapping[str, Any] = json.loads(path.read_bytes())
        groups = {
            "总体精度": {"": facts["overall_accuracy"]},
            "用户精度": facts["users_accuracy"],
            "生产者精度": facts["producers_accuracy"],
            "面积(亩)": facts["area_mu"],
        }
        return tuple(
            _estimate(f"{title} {name}".strip(), one)
            for title, group in groups.items()
            for name, one in group.items()
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{path}: accuracy.json of `evaluate points` was expected ({error!r})"
        raise InputError(msg) from error


def _estimate(name: str, one: Mapping[str, Any]) -> tuple[str, str, str, int]:
    value, interval = one["value"], one["interval95"]
    shown = "未知" if value is None else f"{value:.4f}"
    span = "未知" if not interval else f"{interval[0]:.4f} – {interval[1]:.4f}"
    return name, shown, span, int(one["n"])
