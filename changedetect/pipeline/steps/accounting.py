"""The year's accounts of each county: this month's units and those of the months before it."""

from collections.abc import Mapping
from pathlib import Path

from changedetect.io.digest import sha256_file
from changedetect.io.record_files import RecordIndex
from changedetect.measure import M2_PER_MU
from changedetect.pipeline.runs.context import MonthContext
from changedetect.pipeline.runs.month_files import CASES, UNITS
from changedetect.pipeline.steps.known import stood_before
from changedetect.records import Case, Unit
from changedetect.stages import deliver

CLOSED = "90"


def earlier_months(context: MonthContext) -> list[Path]:
    """Return the folders of the year's months before this one that have been run, in order."""
    year = context.month[:4]
    return [
        folder
        for folder in sorted(context.folder.parent.glob(f"{year}-[01][0-9]"))
        if folder.name < context.month and (folder / UNITS).is_file() and (folder / CASES).is_file()
    ]


def inputs(context: MonthContext) -> list[object]:
    """Return what the accounts rest on beyond this month, for the key of the step."""
    files = [
        (folder.name, sha256_file(folder / UNITS), sha256_file(folder / CASES))
        for folder in earlier_months(context)
    ]
    return [files, sorted(_cleared(context).items())]


def _cleared(context: MonthContext) -> dict[str, float]:
    """Sum the unapproved ground of the year's cases that are closed, by county. [m²]"""
    found: dict[str, float] = {}
    year = context.month[:4]
    for one in stood_before(context):
        if one.state == CLOSED and one.said["month"][:4] == year and one.said.get("taking"):
            code = one.said["district"]
            found[code] = found.get(code, 0.0) + one.said["taking"]["total_m2"]
    return found


def so_far(
    context: MonthContext, names: Mapping[str, str], stock_m2: Mapping[str, float]
) -> dict[str, deliver.YearSoFar]:
    """Return what is known of each county's account but for the units of the month.

    Parameters
    ----------
    context
        The month.
    names
        County code -> name.
    stock_m2
        County code -> cropland by the survey; a county that is not there is not known.
    """
    section = context.job.config.deliver
    folders = earlier_months(context)
    before = [
        _sums(
            context,
            RecordIndex(folder / UNITS, Unit, "district"),
            RecordIndex(folder / CASES, Case, "district"),
            folder.name,
        )
        for folder in folders
    ]
    months = tuple(sorted([context.month, *(folder.name for folder in folders)]))
    cleared = _cleared(context)
    return {
        code: deliver.YearSoFar(
            deliver.CountyAccount(
                district=code,
                name=name,
                month=context.month,
                months=months,
                this_month=deliver.Sums(),
                year=deliver.Sums(),
                stock_m2=stock_m2.get(code),
                target_m2=_target(section.cropland_targets_mu.get(code)),
                cleared_m2=cleared.get(code, 0.0),
            ),
            tuple(sums[code] for sums in before if code in sums),
        )
        for code, name in names.items()
    }


def _target(mu: float | None) -> float | None:
    return None if mu is None else mu * M2_PER_MU


def _sums(
    context: MonthContext, units: RecordIndex[Unit], cases: RecordIndex[Case], month: str
) -> dict[str, deliver.Sums]:
    """Sum a month county by county, whose units alone are in memory."""
    found: dict[str, deliver.Sums] = {}
    for code in units.values:
        by_unit = {case.unit_id: case for case in cases.read(code)}
        found |= deliver.sums_of(units.read(code), by_unit, month, context.job.config.deliver)
    return found
