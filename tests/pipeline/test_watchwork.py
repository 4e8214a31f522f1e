"""Watched ground through one run: idle, built this month, under a cloud; and the same again."""

from datetime import date

from changedetect.io import record_files
from changedetect.pipeline.runs.month_files import CASES, UNITS
from changedetect.pipeline.steps.known import before
from changedetect.records import Case, Unit
from tests.pipeline import tiny_job


def watched_job(config):
    """Supply three plots in 2022: fields, the hall that is built this month, ground under the cloud."""
    by_name = {one.name: one for one in tiny_job.PLANTED}
    idle = tiny_job.Planted("idle", 100, 60, 15, 20, "none")
    plots = [idle, by_name["open"], by_name["hidden"]]
    tiny_job.write_layer(
        config.parent / "records" / "SP_GY.gpkg",
        [tiny_job.approval(one, date(2022, 3, 3), n) for n, one in enumerate(plots, 1)],
        [one.polygon for one in plots],
    )
    text = config.read_text(encoding="utf-8")
    themes = 'themes: ["01", "02", "03", "07"]'
    assert themes in text
    config.write_text(text.replace(themes, 'themes: ["01", "02", "08"]'), encoding="utf-8")


def test_watch__is_part_of_a_run_and_of_its_packages(tiny):
    watched_job(tiny)
    report = tiny_job.run(tiny)
    folder = report.folder
    units = record_files.read_records(folder / UNITS, Unit)
    said = {
        unit.unit_id.removeprefix("W08-GY-"): (f.verdict.value, f.suggestion)
        for unit in units
        if unit.watch
        for f in unit.findings
    }
    assert said == {"S001": ("yes", "42"), "S002": ("no", "40"), "S003": ("unknown", "02")}
    cases = record_files.read_records(folder / CASES, Case)
    idle = next(case for case in cases if case.watch == "GY" and case.suggestion == "42")
    (chip,) = folder.glob(f"packages/*/chips/{idle.number}_T.jpg")
    assert chip.stat().st_size > 0
    assert (folder / "packages" / "summary.html").is_file()
    assert (folder / "packages" / "ratio.csv").is_file()
    assert tiny_job.run(tiny).repeated


def test_known__before_a_month_leaves_out_what_the_month_found():
    assert before((), date(2025, 6, 1)) == ()
