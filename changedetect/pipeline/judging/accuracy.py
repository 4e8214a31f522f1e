"""The commands of ``evaluate`` in one place: settings in, a report out, files where they are wanted."""

from pathlib import Path

from changedetect.accuracy.report import AccuracyReport
from changedetect.config.accuracy import AccuracySection
from changedetect.config.yaml_text import parse
from changedetect.io import accuracy_files
from changedetect.pipeline.judging.judged import open_judged
from changedetect.pipeline.judging.patch_accuracy import judge_patches
from changedetect.pipeline.judging.pixel_accuracy import judge_pixels
from changedetect.pipeline.judging.point_accuracy import judge_points
from changedetect.pipeline.judging.truths import TruthOptions, open_truth
from changedetect.pipeline.runs.job import read_text


def settings_of(
    setup: Path | None,
    *,
    changed: str | None = None,
    unchanged: str | None = None,
    margin_px: int | None = None,
    pixel_m: float | None = None,
) -> AccuracySection:
    """Read the settings of an evaluation; what the command line names comes before the file.

    Raises
    ------
    ConfigError
        The file is not there, or a key or value in it is wrong.
    """
    base = AccuracySection() if setup is None else _read(setup)
    named: dict[str, object] = {}
    if changed is not None:
        named["changed"] = tuple(part.strip() for part in changed.split(","))
    if unchanged is not None:
        named["unchanged"] = tuple(part.strip() for part in unchanged.split(","))
    named |= {
        name: value
        for name, value in (("margin_px", margin_px), ("pixel_m", pixel_m))
        if value is not None
    }
    return base.model_copy(update=named)


def _read(path: Path) -> AccuracySection:
    return parse(read_text(path, "settings of the evaluation"), AccuracySection, str(path))


def pixels(
    result: Path,
    truth: TruthOptions,
    settings: AccuracySection,
    *,
    threshold: float | None = None,
    stated_rate: float | None = None,
) -> AccuracyReport:
    """Judge the pixels of a result.

    Parameters
    ----------
    result
        Folder of a run or a quick look, or a raster of scores.
    truth
        Labels.
    settings
        What labels mean.
    threshold, stated_rate
        Operating point to use in place of what the result states.
    """
    judged = open_judged(result, threshold, stated_rate)
    return judge_pixels(judged, open_truth(truth, judged.score.grid, settings, judged.days))


def patches(result: Path, truth: TruthOptions, settings: AccuracySection) -> AccuracyReport:
    """Judge the patches of a result; see `judge_patches`."""
    judged = open_judged(result, None, None)
    labels = open_truth(truth, judged.score.grid, settings, judged.days)
    return judge_patches(judged, labels, settings)


def points(file: Path, strata: Path | None, key: Path | None = None) -> AccuracyReport:
    """Estimate accuracy and areas from interpreted points; see `judge_points`."""
    return judge_points(file, strata, key)


def write(report: AccuracyReport, out: Path | None, *, overwrite: bool = False) -> None:
    """Write a report where a folder is named."""
    if out is not None:
        accuracy_files.write_report(out, report, overwrite=overwrite)
