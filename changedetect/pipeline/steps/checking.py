"""Step ``check``: patches × zones × approvals × themes -> units with findings."""

from collections.abc import Sequence
from pathlib import Path

from changedetect.entries import ImageCheck
from changedetect.io import record_files
from changedetect.pipeline.runs.context import MonthContext
from changedetect.pipeline.runs.runstore import StepRecord, StepResult
from changedetect.pipeline.runs.territory import Territory, read_territory
from changedetect.pipeline.steps.classification import CLASSIFIED
from changedetect.pipeline.steps.countywise import (
    PatchShelf,
    Spool,
    check_counties,
    cropland_of,
    shelf_folder,
)
from changedetect.pipeline.steps.known import Past
from changedetect.pipeline.steps.references import Shelf
from changedetect.pipeline.steps.watch import CHARGES, Watch
from changedetect.pipeline.steps.watchwork import watch
from changedetect.records import LayerManifest

UNITS = "units.json"
LAYERS = "layers.json"
RECHECKS = "rechecks.json"


def do(context: MonthContext) -> tuple[StepRecord, bool]:
    """Cross-check the classified patches with the records, county by county."""
    before = context.store.record("classify")
    territory = read_territory(context.job)
    with shelf_folder(context.folder) as folder:
        shelf = Shelf(context.job, territory, folder)
        keepers = Watch(context.job, territory)
        layers = (*shelf.manifests, *keepers.manifests)
        warn_of_fallen(context, layers)
        _warn_of_empty(context, shelf.manifests)
        known = Past(context)

        def work(_key: str) -> StepResult:
            context.progress.begin("check", 1)
            patches = PatchShelf(context.folder / CLASSIFIED, territory, folder)
            spool, looked, unread = _check(
                context, territory, (shelf, patches, keepers), known, folder
            )
            spool.publish(context.folder / UNITS, context.folder / CHARGES)
            record_files.write_records(context.folder / LAYERS, layers, LayerManifest)
            record_files.write_records(context.folder / RECHECKS, looked, ImageCheck)
            facts = {**spool.facts(), "cropland_m2": spool.cropland_m2}
            problems = (*shelf.problems, *keepers.problems, *unread)
            return StepResult((UNITS, LAYERS, CHARGES, RECHECKS), facts, problems)

        inputs = _inputs(context, before.result, layers, known, territory)
        done = context.store.step("check", inputs, work)
    context.progress.end("check", f"{done[0].facts['units']} units checked")
    return done


def _inputs(
    context: MonthContext,
    before: str,
    layers: Sequence[LayerManifest],
    known: Past,
    territory: Territory,
) -> list[object]:
    config = context.job.config
    manifests = [repr(manifest) for manifest in layers]
    themes = [theme.model_dump(mode="json") for theme in context.job.themes]
    sections = [section.model_dump(mode="json") for section in (config.crosscheck, config.records)]
    seen = [before, context.store.record("scenes").result, known.digest]
    forms = [form.model_dump(mode="json") for form in context.job.forms]
    return [seen, manifests, themes, repr(territory.grid), sections, forms]


def _check(
    context: MonthContext,
    territory: Territory,
    shelves: tuple[Shelf, PatchShelf, Watch],
    known: Past,
    folder: Path,
) -> tuple[Spool, tuple[ImageCheck, ...], tuple[str, ...]]:
    """Check every county's patches and watched ground; what could not be looked at, a line each."""
    shelf, patches, keepers = shelves
    spool, unread = Spool(folder), dict[str, None]()
    checks: dict[str, ImageCheck] = {}
    job = context.job
    clusters = patches.clusters(job.themes, job.config.crosscheck)
    cropland: dict[str, float] = {}
    for county in check_counties(job, territory, shelf, patches, clusters):
        spool.add(county.code, "patches", county.units, keepers.charges(county.units))
        near = known.near(county.bounds)
        found, looked, problems = watch(
            context, county.references, territory, county.patches, near, county.code
        )
        checks |= {one.case: one for one in looked}
        own = tuple(unit for unit in found if unit.district == county.code)
        spool.add(county.code, "watched", own, keepers.charges(own))
        unread.update(dict.fromkeys(problems))
        cropland |= cropland_of(county)
        del county, found, own  # before the next one is read: two would be in memory
    codes = territory.districts["code"].astype(str)
    spool.cropland_m2 = {code: cropland[code] for code in codes if code in cropland}
    return spool, tuple(checks[number] for number in sorted(checks)), tuple(unread)


def _warn_of_empty(context: MonthContext, manifests: Sequence[LayerManifest]) -> None:
    for manifest in manifests:
        if (
            manifest.name in context.job.config.records.approvals
            and manifest.state == "ok"
            and not manifest.rows
        ):
            context.progress.warn(
                f"layer {manifest.name} holds no row; as declared, nothing of this kind was approved in "
                f"{', '.join(manifest.covers) or 'any county (none is declared as covered)'} / 审批图层为空，请核实"
            )


def warn_of_fallen(context: MonthContext, layers: Sequence[LayerManifest]) -> None:
    """Point out layers that hold far fewer rows than in the last month that was run."""
    earlier = sorted(
        folder.name
        for folder in context.folder.parent.glob("????-??")
        if folder.name < context.month and (folder / LAYERS).is_file()
    )
    if not earlier:
        return
    path = context.folder.parent / earlier[-1] / LAYERS
    before = {one.name: one.rows for one in record_files.read_records(path, LayerManifest)}
    share = context.job.config.records.checks.fallen_share
    for one in layers:
        last = before.get(one.name, 0)
        if one.state == "ok" and one.rows < share * last:
            context.progress.warn(
                f"layer {one.name} has {one.rows} rows, in {earlier[-1]} it had {last}; is it the whole "
                "layer? / 图层行数比上期大幅减少，请核实是否完整"
            )
