"""A theme of the province's own, as a file beside the job: no code, and its name on every sheet."""

import pyogrio
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from changedetect.cli.app import app
from changedetect.errors import ConfigError
from changedetect.io import record_files
from changedetect.pipeline.runs.job import open_job
from changedetect.pipeline.runs.month_files import CASES, UNITS
from changedetect.records import Case, Unit
from tests.pipeline import tiny_job

THEME = """\
# 17 水田建房: 本省自定的专题
code: "17"
name: 水田保护
question: 水田上新建房屋
rule: "17-01"
before: [cropland]
after: [building]
minimum: [{area_m2: 200}]
imagery: {gsd_m: 2.0}
rhythm: month
excuses:
  - {kind: NZY, name: 农用地转用, suggestion: "12", rule: "17-01"}
situations: [{suggestion: "21", reason: 水田上新建房屋，未见转用批准, rule: "17-01"}]
severity: {base: 4}
rules:
  - {id: "17-01", text: 水田不得建房, source: 本省通知, effective_from: 2020-01-01}
"""


def with_theme(config, text):
    (config.parent / "themes").mkdir()
    (config.parent / "themes" / "17.yaml").write_text(text, encoding="utf-8")
    job = config.read_text(encoding="utf-8").replace('"03", "07"]', '"03", "07", "17"]')
    config.write_text(job, encoding="utf-8")
    return config


def test_new_theme__is_a_file_and_shows_everywhere(tiny):
    report = tiny_job.run(with_theme(tiny, THEME))
    folder = report.folder
    units = record_files.read_records(folder / UNITS, Unit)
    said = {f.verdict.value for u in units for f in u.findings if f.theme == "17"}
    assert {"yes", "no"} <= said
    cases = record_files.read_records(folder / CASES, Case)
    mine = next(case for case in cases if "17" in case.themes and not case.pooled)
    assert any("17-01" in reason for reason in mine.reasons)
    package = next(folder.glob(f"packages/{mine.district}_*/*_AJ.gpkg"))
    rows = pyogrio.read_dataframe(package, layer="AJTB", read_geometry=False).set_index("AJBH")
    assert "17" in rows.loc[mine.number, "ZTJH"].split(",")
    codes = pyogrio.read_dataframe(package, layer="DMB")
    assert "水田保护" in codes.astype(str).to_numpy()
    styles = pyogrio.read_dataframe(package, layer="layer_styles")
    assert styles.set_index("f_table_name")["styleQML"]["AJTB"].count("17 水田保护") == 1
    page = next(package.parent.glob("*.html")).read_text(encoding="utf-8")
    assert '<span class="tag">水田保护</span>' in page
    sheet = load_workbook(next(package.parent.glob("*.xlsx")), read_only=True)
    cells = {str(c) for s in sheet for row in s.iter_rows(values_only=True) for c in row}
    assert any("水田保护" in cell for cell in cells)
    told = CliRunner().invoke(app, ["explain", mine.number, "--run", str(folder)])
    assert "主题17" in told.stdout
    assert "水田保护：" in told.stdout


@pytest.mark.parametrize(
    ("found", "instead", "line"),
    [
        ("rhythm: month", "rhythm: fortnight", 10),
        ("kind: NZY", "kind: NZX", 12),
        ("base: 4", "base: 9", 14),
        ("question:", "qestion:", 4),
    ],
)
def test_new_theme__with_a_mistake_is_refused_by_file_and_line(tiny, found, instead, line):
    with pytest.raises(ConfigError, match=rf"17\.yaml:{line}: "):
        open_job(with_theme(tiny, THEME.replace(found, instead)))
