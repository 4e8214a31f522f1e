"""Step ``check``: patches × zones × approvals × themes -> units with findings."""

from collections.abc import Sequence

from changedetect.casepackage.charges import Charge
from changedetect.entries import ImageCheck
from changedetect.io import record_files
from changedetect.pipeline.classification import CLASSIFIED, read_classified
from changedetect.pipeline.context import MonthContext
from changedetect.pipeline.known import known_before
from changedetect.pipeline.references import read_references
from changedetect.pipeline.runstore import StepRecord, StepResult
from changedetect.pipeline.territory import read_territory
from changedetect.pipeline.watch import CHARGES, Watch
from changedetect.pipeline.watchwork import digest_rows, watch
from changedetect.records import LayerManifest, Unit, Verdict
from changedetect.stages import crosscheck

UNITS = "units.json"
LAYERS = "layers.json"
RECHECKS = "rechecks.json"


def do(context: MonthContext) -> tuple[StepRecord, bool]:
    """Cross-check the classified patches with the records."""
    before = context.store.record("classify")
    territory = read_territory(context.job)
    references, problems = read_references(context.job, territory)
    keepers = Watch(context.job, territory)
    problems += keepers.problems
    layers = (*references.manifests, *keepers.manifests)
    warn_of_fallen(context, layers)
    for manifest in references.manifests:
        if (
            manifest.name in context.job.config.records.approvals
            and manifest.state == "ok"
            and not manifest.rows
        ):
            context.progress.warn(
                f"layer {manifest.name} holds no row; as declared, nothing of this kind was approved in "
                f"{', '.join(manifest.covers) or 'any county (none is declared as covered)'} / 审批图层为空，请核实"
            )
    manifests = [repr(manifest) for manifest in layers]
    themes = [theme.model_dump(mode="json") for theme in context.job.themes]
    config = context.job.config
    known = known_before(context)

    def work(_key: str) -> StepResult:
        patches = read_classified(context.folder / CLASSIFIED)
        context.progress.begin("check", 1)
        units = crosscheck.check(
            patches, references, context.job.themes, config.grid.crs, config.crosscheck
        )
        watched, looked, unread = watch(context, references, territory, patches, known)
        units = (*units, *watched)
        record_files.write_records(context.folder / UNITS, units, Unit)
        record_files.write_records(context.folder / LAYERS, layers, LayerManifest)
        record_files.write_records(context.folder / RECHECKS, looked, ImageCheck)
        record_files.write_records(context.folder / CHARGES, keepers.charges(units), Charge)
        facts = {**_facts(units), "cropland_m2": crosscheck.cropland_m2(references)}
        return StepResult((UNITS, LAYERS, CHARGES, RECHECKS), facts, (*problems, *unread))

    sections = [section.model_dump(mode="json") for section in (config.crosscheck, config.records)]
    seen = [before.result, context.store.record("scenes").result, digest_rows(known)]
    forms = [form.model_dump(mode="json") for form in context.job.forms]
    inputs = [seen, manifests, themes, repr(territory.grid), sections, forms]
    done = context.store.step("check", inputs, work)
    context.progress.end("check", f"{done[0].facts['units']} units checked")
    return done


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


def _facts(units: Sequence[Unit]) -> dict[str, object]:
    verdicts = [finding.verdict for unit in units for finding in unit.findings]
    return {
        "units": len(units),
        "watched": sum(bool(unit.watch) for unit in units),
        "findings": len(verdicts),
        **{verdict.value: verdicts.count(verdict) for verdict in Verdict},
    }
