"""Step ``deliver``: cases and findings -> one package a county, with pictures, sheet and page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import shapely

from changedetect import measure
from changedetect.casepackage import FORMS, NOTICE
from changedetect.casepackage.accounts import ACCOUNT_FORMS
from changedetect.casepackage.charges import Charge
from changedetect.errors import InputError
from changedetect.io import geopackage, page, record_files, tables, workbook
from changedetect.io.memory import give_back
from changedetect.io.publish import publish, publish_bytes
from changedetect.io.rasters import RasterReader
from changedetect.io.record_files import RecordIndex
from changedetect.pipeline.ledger import handout
from changedetect.pipeline.ledger.handout import PACKAGES
from changedetect.pipeline.ledger.packages import seal_package
from changedetect.pipeline.runs.context import MonthContext
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.runstore import StepRecord, StepResult, digest_of
from changedetect.pipeline.runs.territory import Territory, read_territory
from changedetect.pipeline.sources.scenes import SCENES
from changedetect.pipeline.steps import accounting
from changedetect.pipeline.steps.casework import CASES
from changedetect.pipeline.steps.checking import LAYERS, UNITS
from changedetect.pipeline.steps.detection import UNOBSERVED
from changedetect.pipeline.steps.picturing import BLOCKS_MB, Pictures
from changedetect.pipeline.steps.watch import CHARGES
from changedetect.records import Case, LayerManifest, Scene, Unit, UnobservedArea
from changedetect.stages import deliver

_NOTES = {"LZRZ": "下发时为空：流转日志保存在省级台账中，按案件编号查询"}
COUNTY_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Month:
    """What all packages of a month share."""

    scenes: dict[str, Scene]
    units: RecordIndex[Unit]
    cases: RecordIndex[Case]
    unobserved: tuple[UnobservedArea, ...]
    manifests: tuple[LayerManifest, ...]
    charges: tuple[Charge, ...]
    rules: tuple[deliver.RuleRow, ...]
    compared: frozenset[str]
    registration_px: tuple[tuple[str, float], ...]
    accounts: Mapping[str, deliver.CountyAccount]
    digest: str


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
        accounts=accounting.accounts(context, units, cases, names, stock),
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
    districts = territory.districts.sort_values("code")
    codes = [str(code) for code in districts["code"]]
    context.progress.begin("deliver", len(codes))
    handout.begin(run)
    reader = RasterReader(context.job.scenes_folder)
    reader.keep_at_most(BLOCKS_MB)
    pictures = Pictures(
        reader,
        month.scenes,
        territory.grid,
        context.job.config.deliver,
        context.options.worker_count,
    )
    done: list[deliver.Delivered] = []
    kept_back: list[tuple[str, str]] = []
    problems = [
        f"{unit.unit_id} lies in no county; it is in units.json only"
        for unit in sorted(
            (
                unit
                for code in month.units.values
                if code not in codes
                for unit in month.units.read(code)
            ),
            key=_as_listed,
        )
    ]
    for code, name, geometry in zip(codes, districts["name"], districts.geometry, strict=True):
        try:
            package = _package(context, month, (code, str(name)), geometry)
            totals = _write_package(context, package, pictures)
            handout.swap(run, package.stem)
            done.append(deliver.delivered(package, totals))
            del package  # before the next one is read: two would be in memory
            give_back()
        except InputError as error:
            kept_back.append((code, str(name)))
            problems.append(f"county {code} {name} was not delivered this time: {error}")
        context.progress.advance("deliver", code)
    handout.end(run)
    written = _write_summary(context, month, done, kept_back)
    return _result(run, done, written, tuple(problems), again=len(done) < len(codes))


def _as_listed(unit: Unit) -> tuple[bool, str]:
    """Order units as their file does: those of patches, then those of watched ground."""
    return bool(unit.watch), unit.unit_id


def _write_summary(
    context: MonthContext,
    month: Month,
    done: Sequence[deliver.Delivered],
    kept_back: Sequence[tuple[str, str]],
) -> list[Path]:
    """Write the province's figures: CSV, a workbook, and a page."""
    root = context.folder / PACKAGES
    totals = deliver.all_totals(done)
    accounts = [month.accounts[one.district] for one in done]
    made = deliver.account_tables(accounts, context.job.config.deliver)
    files = {"statistics.csv": tables.csv_bytes(totals, FORMS["TJ_XJ"], NOTICE)}
    for name, form in ACCOUNT_FORMS.items():
        files[ACCOUNT_FILES[name]] = tables.csv_bytes(made[name], form, NOTICE)
    shown = deliver.summary_context(done, kept_back, made, context.month)
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
    done: Sequence[deliver.Delivered],
    written: Sequence[Path],
    problems: tuple[str, ...],
    *,
    again: bool,
) -> StepResult:
    root = run / PACKAGES
    paths = [path for one in done for path in handout.written(root / one.stem)]
    files = tuple(path.relative_to(run).as_posix() for path in [*written, *paths])
    facts = {
        "counties": len(done),
        "cases": sum(one.cases for one in done),
        "pooled": sum(one.pooled for one in done),
        "not_observed_mu": round(measure.to_mu(sum(one.unobserved_m2 for one in done)), 2),
    }
    return StepResult(files, facts, problems, again=again)


def _package(
    context: MonthContext, month: Month, district: tuple[str, str], county: shapely.Geometry
) -> deliver.PackageInput:
    """Gather what concerns one county; unobserved ground is clipped to it."""
    code, name = district
    crs = context.job.config.grid.crs
    shapely.prepare(county)
    hidden = []
    for area in month.unobserved:
        if not county.intersects(area.geometry):
            continue
        part = _surface(county.intersection(area.geometry))
        if not part.is_empty:
            hidden.append(replace(area, geometry=part, area_m2=measure.area_m2(part, crs)))
    unobserved_m2 = sum(area.area_m2 for area in hidden)
    return deliver.PackageInput(
        themes={theme.code: theme.name for theme in context.job.themes},
        recording=frozenset(theme.code for theme in context.job.themes if not theme.dispatch),
        district=code,
        district_name=name,
        month=context.month,
        crs=crs,
        units=month.units.read(code),
        cases=month.cases.read(code),
        scenes=tuple(month.scenes[name] for name in sorted(month.compared)),
        unobserved=tuple(hidden),
        manifests=month.manifests,
        rules=month.rules,
        district_geometry=county,
        examined_m2=measure.area_m2(county, crs) - unobserved_m2,
        unobserved_m2=unobserved_m2,
        digest=month.digest,
        registration_px=month.registration_px,
        sizes_mu=context.job.config.deliver.size_limits_mu,
        ranking=context.job.config.deliver.ranking,
        charges=month.charges,
        accounts=deliver.account_tables([month.accounts[code]], context.job.config.deliver),
    )


def _surface(geometry: shapely.Geometry) -> shapely.MultiPolygon:
    """Keep the surfaces of an overlay; shared borders and points are dropped."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return shapely.MultiPolygon([part for part in parts if part.geom_type == "Polygon"])


def _write_package(
    context: MonthContext, package: deliver.PackageInput, pictures: Pictures
) -> pd.DataFrame:
    """Write a county's package where it is made; return its totals."""
    folder = handout.make(context.folder, package.stem)
    sent = [(case, unit) for case, unit in package.pairs() if not case.pooled]
    package = replace(package, chips=frozenset(case.number for case, _ in sent))
    stamp = datetime.combine(context.span[1], time(), UTC)
    with pictures.coming(folder, sent) as drawn:
        layers = deliver.layers(package)
        write = partial(
            geopackage.write_case_package, tables=layers, forms=FORMS, stamp=stamp, notes=_NOTES
        )
        check = partial(geopackage.verify_case_package, tables=layers)
        publish(folder / f"{package.stem}_AJ.gpkg", write, check)
        content = deliver.workbook(package, layers)
        shown = deliver.page_context(package, layers)
        publish_bytes(folder / f"{package.stem}.html", page.render_page(shown).encode())
        thumbnails = drawn()
    publish(
        folder / content.file_name,
        partial(workbook.write_workbook, content=content, pictures=thumbnails),
        partial(workbook.verify_workbook, content=content),
    )
    seal_package(folder)
    return layers["TJ_XJ"]
