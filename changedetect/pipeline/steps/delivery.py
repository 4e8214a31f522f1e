"""Step ``deliver``: cases and findings -> one package a county, with pictures, sheet and page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from changedetect import measure
from changedetect.casepackage import FORMS, NOTICE
from changedetect.casepackage.accounts import ACCOUNT_FORMS
from changedetect.casepackage.charges import Charge
from changedetect.errors import InputError
from changedetect.io import page, record_files, tables, workbook
from changedetect.io.publish import publish, publish_bytes
from changedetect.io.rasters import RasterReader
from changedetect.io.record_files import RecordIndex
from changedetect.pipeline.ledger import handout
from changedetect.pipeline.ledger.handout import PACKAGES
from changedetect.pipeline.runs.context import MonthContext
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.month_files import CASES, CHARGES, LAYERS, SCENES, UNITS, UNOBSERVED
from changedetect.pipeline.runs.runstore import StepRecord, StepResult, digest_of
from changedetect.pipeline.runs.spread import county_processes
from changedetect.pipeline.runs.territory import Territory, read_territory
from changedetect.pipeline.steps import accounting
from changedetect.pipeline.steps.packaging import District, KeptBack, Made, Month, Packaging
from changedetect.pipeline.steps.picturing import BLOCKS_MB, Pictures
from changedetect.records import Case, LayerManifest, Scene, Unit, UnobservedArea
from changedetect.stages import deliver
from changedetect.tiling import in_processes

WORTH_A_PROCESS = 250
"""Cases that take as long as the start of a process (11 ms each, 2.9 s). Our choice."""


def do(context: MonthContext) -> tuple[StepRecord, bool]:
    """Write the package of each county."""
    before = {name: context.store.record(name) for name in ("scenes", "detect", "check", "cases")}
    settings = _settings_digest(context.job)
    territory = read_territory(context.job)
    names = [
        (str(code), str(name))
        for code, name in zip(territory.districts["code"], territory.districts["name"], strict=True)
    ]
    inputs = [
        *(record.result for record in before.values()),
        settings,
        sorted(names),
        accounting.inputs(context),
    ]

    def work(_key: str) -> StepResult:
        digest = digest_of([record.outputs for record in before.values()], settings)
        result = _write_all(context, _month(context, before, digest, dict(names)), territory)
        ranking = context.job.config.deliver.ranking.model_dump(mode="json")
        return replace(result, facts={**result.facts, "ranking": ranking})

    done = context.store.step("deliver", inputs, work)
    context.progress.end("deliver", f"{done[0].facts['counties']} counties")
    return done


def _settings_digest(job: Job) -> str:
    """Return the digest of what was asked for: neither the job's name nor the tiles change a result."""
    config = job.config.model_dump(
        mode="json", exclude={"name": True, "grid": {"tile_px"}, "returns": True}
    )
    rest = [one.model_dump(mode="json") for one in (*job.themes, *job.profiles)]
    return digest_of(config, rest)


def _month(
    context: MonthContext, before: Mapping[str, StepRecord], digest: str, names: dict[str, str]
) -> Month:
    folder = context.folder
    units = RecordIndex(folder / UNITS, Unit, "district")
    cases = RecordIndex(folder / CASES, Case, "district")
    stock = before["check"].facts["cropland_m2"]
    rules = {
        rule.id: deliver.RuleRow(rule.id, str(rule.effective_from), rule.text, rule.source)
        for theme in context.job.themes
        for rule in theme.rules
    }
    return Month(
        scenes={s.scene_id: s for s in record_files.read_records(folder / SCENES, Scene)},
        units=units,
        cases=cases,
        unobserved=record_files.read_records(folder / UNOBSERVED, UnobservedArea),
        manifests=record_files.read_records(folder / LAYERS, LayerManifest),
        charges=record_files.read_records(folder / CHARGES, Charge),
        rules=tuple(rules[name] for name in sorted(rules)),
        compared=frozenset(
            name
            for pair in (
                *before["detect"].facts["compared"],
                *before["detect"].facts["sources"].values(),
            )
            for name in pair
        ),
        registration_px=_registration(before["detect"].facts["models"]),
        accounts=accounting.so_far(context, names, stock),
        digest=digest,
    )


def _registration(models: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, float], ...]:
    """Return the residual of each later image of a pair; the worst where it is in several. [pixel]"""
    worst: dict[str, float] = {}
    for model in models:
        after, residual = model["pair"].split("__")[-1], model["residual_px"]
        if residual is not None:
            worst[after] = max(residual, worst.get(after, 0.0))
    return tuple(sorted(worst.items()))


def _write_all(context: MonthContext, month: Month, territory: Territory) -> StepResult:
    """Write county by county; what is wrong with one county's records keeps only that one back."""
    run = context.folder
    counties = _counties(territory)
    context.progress.begin("deliver", len(counties))
    handout.begin(run)
    codes = {county.code for county in counties}
    # Rows of one county make one package, one after the other.
    apart = len(codes) if len(codes) == len(counties) else 1
    processes = county_processes(context.options, apart, month.cases.count, WORTH_A_PROCESS)
    work = Packaging(
        context.job,
        context.month,
        run,
        month,
        _pictures(context, month, territory, max(context.options.worker_count // processes, 1)),
    )
    done: list[Made] = []
    kept_back: list[KeptBack] = []

    def take(county: District, made: Made | KeptBack) -> None:
        written = made if isinstance(made, KeptBack) else _handed_out(run, county, made)
        if isinstance(written, KeptBack):
            kept_back.append(written)
        else:
            done.append(written)
        context.progress.advance("deliver", county.code)

    in_processes(
        counties, work, take, processes=processes, name=lambda county: f"county {county.named}"
    )
    handout.end(run)
    written = _write_summary(context, done, kept_back)
    problems = (*_in_no_county(month, counties), *(one.problem for one in kept_back))
    return _result(run, done, written, problems, again=bool(kept_back))


def _counties(territory: Territory) -> list[District]:
    """Return the counties in order of their codes."""
    rows = territory.districts.sort_values("code")
    return [
        District(str(code), str(name), geometry)
        for code, name, geometry in zip(rows["code"], rows["name"], rows.geometry, strict=True)
    ]


def _pictures(context: MonthContext, month: Month, territory: Territory, threads: int) -> Pictures:
    reader = RasterReader(context.job.scenes_folder)
    reader.keep_at_most(BLOCKS_MB)
    section = context.job.config.deliver
    return Pictures(reader, month.scenes, territory.grid, section, threads)


def _handed_out(run: Path, county: District, made: Made) -> Made | KeptBack:
    """Put a finished package where the county finds it."""
    try:
        handout.swap(run, made.figures.stem)
    except InputError as error:
        return KeptBack(county, str(error))
    return made


def _in_no_county(month: Month, counties: Sequence[District]) -> list[str]:
    """Name the units that are in no county's package, a line each."""
    codes = {county.code for county in counties}
    elsewhere = (
        unit for code in month.units.values if code not in codes for unit in month.units.read(code)
    )
    return [
        f"{unit.unit_id} lies in no county; it is in units.json only"
        for unit in sorted(elsewhere, key=_as_listed)
    ]


def _as_listed(unit: Unit) -> tuple[bool, str]:
    """Order units as their file does: those of patches, then those of watched ground."""
    return bool(unit.watch), unit.unit_id


def _write_summary(
    context: MonthContext, done: Sequence[Made], kept_back: Sequence[KeptBack]
) -> list[Path]:
    """Write the province's figures: CSV, a workbook, and a page."""
    root = context.folder / PACKAGES
    figures = [one.figures for one in done]
    totals = deliver.all_totals(figures)
    made = deliver.account_tables([one.account for one in done], context.job.config.deliver)
    files = {"statistics.csv": tables.csv_bytes(totals, FORMS["TJ_XJ"], NOTICE)}
    for name, form in ACCOUNT_FORMS.items():
        files[ACCOUNT_FILES[name]] = tables.csv_bytes(made[name], form, NOTICE)
    missing = [(one.district.code, one.district.name) for one in kept_back]
    shown = deliver.summary_context(figures, missing, made, context.month)
    files["summary.html"] = page.render_summary(shown).encode()
    for name, data in files.items():
        publish_bytes(root / name, data, overwrite=True)
    content = deliver.summary_workbook(totals, made, context.month)
    publish(
        root / content.file_name,
        partial(workbook.write_workbook, content=content, pictures={}),
        partial(workbook.verify_workbook, content=content),
        overwrite=True,
    )
    return [root / name for name in (*files, content.file_name)]


ACCOUNT_FILES = {"TJ_GD": "cropland.csv", "TJ_15": "ratio.csv", "TJ_ZW": "quota.csv"}
"""Table of the accounts -> its file in the province's folder."""


def _result(
    run: Path,
    made: Sequence[Made],
    written: Sequence[Path],
    problems: tuple[str, ...],
    *,
    again: bool,
) -> StepResult:
    root = run / PACKAGES
    done = [one.figures for one in made]
    paths = [path for one in done for path in handout.written(root / one.stem)]
    known = {
        f"{PACKAGES}/{one.figures.stem}/{name}": digest
        for one in made
        for name, digest in one.digests.items()
    }
    files = tuple(path.relative_to(run).as_posix() for path in [*written, *paths])
    facts = {
        "counties": len(done),
        "cases": sum(one.cases for one in done),
        "pooled": sum(one.pooled for one in done),
        "not_observed_mu": round(measure.to_mu(sum(one.unobserved_m2 for one in done)), 2),
    }
    return StepResult(files, facts, problems, again=again, digests=known)
