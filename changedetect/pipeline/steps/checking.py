"""Step ``check``: patches × zones × approvals × themes -> units with findings."""

from collections.abc import Sequence
from pathlib import Path

from changedetect.entries import ImageCheck
from changedetect.io import record_files
from changedetect.pipeline.runs.context import MonthContext
from changedetect.pipeline.runs.month_files import CHARGES, CLASSIFIED, LAYERS, RECHECKS, UNITS
from changedetect.pipeline.runs.runstore import StepRecord, StepResult
from changedetect.pipeline.runs.spread import county_processes
from changedetect.pipeline.runs.territory import Territory, read_territory
from changedetect.pipeline.steps.countycheck import CountyCheck, CountyDone, CountyTask
from changedetect.pipeline.steps.countywise import (
    PatchShelf,
    Spool,
    bounds_of,
    codes_of,
    shelf_folder,
)
from changedetect.pipeline.steps.known import Past
from changedetect.pipeline.steps.references import Shelf
from changedetect.pipeline.steps.watch import Watch
from changedetect.pipeline.steps.watchwork import Looked
from changedetect.records import LayerManifest
from changedetect.tiling import in_processes

WORTH_A_PROCESS = 2000
"""Patches that take as long as the start of a process (1.4 ms each, 2.9 s). Our choice."""


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
    job = context.job
    clusters = patches.clusters(job.themes, job.config.crosscheck)
    compared = context.store.record("detect").facts["compared"]
    month = Looked(job, context.folder, compared)
    work = CountyCheck(month, territory, (shelf, patches, clusters), keepers, known.ledger, folder)
    tasks = [
        CountyTask(code, known.numbers_near(bounds_of(code, territory)))
        for code in codes_of(territory)
    ]
    spool, unread = Spool(), dict[str, None]()
    checks: dict[str, ImageCheck] = {}
    cropland: dict[str, float] = {}

    def done(task: CountyTask, county: CountyDone) -> None:
        spool.add(county.patches)
        spool.add(county.watched)
        checks.update({one.case: one for one in county.rechecks})
        unread.update(dict.fromkeys(county.unread))
        cropland.update(county.cropland_m2)
        context.progress.advance("check", task.code)

    context.progress.begin("check", len(tasks))
    in_processes(
        tasks,
        work,
        done,
        processes=county_processes(context.options, len(tasks), patches.count, WORTH_A_PROCESS),
        name=lambda task: f"county {task.code}",
    )
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
