"""``detect pair``: a quick look at two images, without a province's records."""

from dataclasses import replace
from pathlib import Path

from changedetect import schema
from changedetect.config.detection import EvidenceSection, PatchesSection, PixelsSection
from changedetect.config.series import RadarSection
from changedetect.pipeline.looks.look import (
    Looked,
    LookOptions,
    LookReport,
    described,
    look_folder,
    outlined,
    run_tiles,
    stated_tags,
)
from changedetect.pipeline.looks.radarlook import look_at_radar
from changedetect.pipeline.runs.context import RunOptions
from changedetect.pipeline.runs.progress import Progress
from changedetect.pipeline.runs.settings import Settings
from changedetect.pipeline.sources.fittedpair import fit
from changedetect.pipeline.sources.pairwork import TileWork, fresh_reader
from changedetect.records import ScenePair


def look_at_pair(
    before: Path, after: Path, options: LookOptions, *, progress: Progress
) -> LookReport:
    """Compare two images and write evidence, change mask, patches and a preview.

    How is decided by what they are: spectra, structure of fine colour pictures, two radar images, or
    radar against optical. The grid is that of the older image. Images without georeference are
    compared pixel by pixel.

    Raises
    ------
    SceneError
        An image can not be used, the two are the same image, or their dates are reversed.
    RegistrationError
        They can not be laid over one another.
    InputError
        Results are there already and may not be replaced.
    """
    pair, notices = described(before, after, options)
    settings = Settings(PixelsSection(), EvidenceSection(), PatchesSection())
    radar = RadarSection()
    with look_folder(options, [repr(pair), repr(settings), repr(radar)]) as work:
        if "radar" in {pair.before.kind, pair.after.kind}:
            report = look_at_radar(pair, work, (settings, radar), options, progress)
        else:
            report = _look(pair, work, settings, options, progress)
    return replace(report, notices=(*dict.fromkeys(notices), *report.notices))


def _look(
    pair: ScenePair, folder: Path, settings: Settings, options: LookOptions, progress: Progress
) -> LookReport:
    grid = pair.before.grid
    workers = RunOptions(workers=options.workers).worker_count
    fitted = fit(fresh_reader(Path("/"), spare=folder), pair, grid, settings, workers)
    work = TileWork(Path("/"), grid, (fitted,), settings, folder)
    tiles, problems = run_tiles(work, options, progress, "detect")
    outline = outlined(tiles, grid, settings.patches, pair, ("optical",), bordered=True)
    model = fitted.evidence
    tags = stated_tags(model.threshold, model.false_alarm_rate)
    found = Looked(grid, tiles, outline, (pair.before, pair.after), Path("/"), tags)
    found.write(options.out)
    figures = {
        **found.outlined(),
        "shift_px": [round(fitted.pixels.alignment.dy, 3), round(fitted.pixels.alignment.dx, 3)],
        "threshold_llr": model.threshold / schema.EVIDENCE_SCALE,
        "false_alarm_rate": model.false_alarm_rate,
    }
    said = (*fitted.pixels.notes, *model.notes)
    return LookReport(options.out, figures, said, problems)
