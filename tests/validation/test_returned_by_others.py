"""Packages and sheets that went through real QGIS and LibreOffice come back whole and without a warning."""

import csv
import json
import os
import shutil
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest

from changedetect.config.returns import ReturnsSection
from changedetect.io.returned.keep import find_returned, keep
from changedetect.io.returned.parent import read_returned
from changedetect.stages.returns import read_rows
from tests.pipeline.returned_county import NAME, County, write_package
from tests.sample_package import make_package

SOFFICE = shutil.which("soffice")
PYTHON = "/usr/bin/python3"
SECTION = ReturnsSection()
CASES = [case.number for case in make_package().cases]

EDITOR = r"""
import sys
from qgis.core import QgsApplication, QgsFeature, QgsGeometry, QgsVectorLayer, QgsPointXY
app = QgsApplication([], False)
app.initQgis()
path, numbers = sys.argv[1], sys.argv[2].split(",")
lists = QgsVectorLayer(path + "|layername=AJTB", "AJTB", "ogr")
outlines = {feature["AJBH"]: QgsGeometry(feature.geometry()) for feature in lists.getFeatures()}
def add(name, rows):
    layer = QgsVectorLayer(path + "|layername=" + name, name, "ogr")
    assert layer.isValid() and layer.startEditing(), name
    for values, geometry in rows:
        feature = QgsFeature(layer.fields())
        for key, value in values.items():
            feature.setAttribute(key, value)
        if geometry is not None:
            feature.setGeometry(geometry)
        assert layer.addFeature(feature), name
    assert layer.commitChanges(), layer.commitErrors()
add("HC_JL", [({"AJBH": n, "HCRQ": "2025-07-10", "HCR": "赵", "HCJG": "2", "HCQK": "已建厂房"},
               outlines[n].pointOnSurface()) for n in numbers])
add("HC_FW", [({"AJBH": n, "HCRQ": "2025-07-10"}, outlines[n]) for n in numbers])
app.exitQgis()
"""


def has_qgis():
    if not Path(PYTHON).exists():
        return False
    found = subprocess.run([PYTHON, "-c", "import qgis.core"], check=False, capture_output=True)
    return found.returncode == 0


def reading(path, store):
    (found,), _ = find_returned([path])
    return read_rows(
        read_returned(keep(store, found, SECTION.file_max_mb), SECTION), date(2030, 1, 1)
    )


def test_qgis__what_was_filled_in_there_is_imported_without_a_warning(tmp_path):
    if not has_qgis():
        pytest.skip("QGIS is not installed (python3 -c 'import qgis.core')")
    folder = tmp_path / "back"
    folder.mkdir()
    write_package(folder)
    script = tmp_path / "edit.py"
    script.write_text(EDITOR, encoding="utf-8")
    numbers = [CASES[0], CASES[4]]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PROJ", "GDAL"))}
    settings = {**clean, "QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(tmp_path)}
    subprocess.run(
        [PYTHON, str(script), str(folder / NAME), ",".join(numbers)],
        check=True, capture_output=True, timeout=180, env=settings,
    )  # fmt: skip
    county = County(tmp_path)
    county.clock.now = datetime.now(UTC)
    report = county.take(folder)
    assert report.exit_code == 0, report.text
    assert (report.values["notes"], report.values["wrong"]) == ([], [])
    for number in numbers:
        claims = json.loads(county.row(number).claims)
        assert (county.row(number).state, claims["HCQK"], claims["HC_FW.CYMJ"]) == (
            "40",
            "已建厂房",
            "0",
        )


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    if SOFFICE is None:
        pytest.skip("LibreOffice is not installed (soffice)")
    folder = tmp_path_factory.mktemp("office")
    book = openpyxl.Workbook()
    page = book.active
    page.title = "核查记录"
    page.append(["案件编号", "核查日期", "核查结果", "实地地类", "核查情况"])
    for number in CASES:
        page.append([number, date(2025, 7, 10), "2", "0101", "已建厂房"])
    for cell in (cell for line in page.iter_rows(min_row=2) for cell in (line[0], line[3])):
        cell.number_format = "@"
    book.save(folder / "in.xlsx")
    return folder / "in.xlsx"


def convert(path, target, name, folder):
    out = folder / name.replace(".", "_")
    subprocess.run(
        [SOFFICE, f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", target, "--outdir", str(out), str(path)],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    (found,) = out.glob(f"*{Path(name).suffix}")
    return found


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("a.xlsx", "xlsx:Calc MS Excel 2007 XML"),
        ("utf8.csv", "csv:Text - txt - csv (StarCalc):44,34,76,1"),
        ("gbk.csv", "csv:Text - txt - csv (StarCalc):44,34,59,1"),
    ],
)
def test_libreoffice__saved_again_says_the_same(sheet, name, target, tmp_path):
    path = convert(sheet, target, name, tmp_path)
    found = reading(path, tmp_path / "store")
    assert found.faults == ()
    assert [row.case for row in found.rows] == CASES
    assert {row.values["HCRQ"] for row in found.rows} == {"2025-07-10"}
    assert {(row.values["HCJG"], row.values["SDDL"]) for row in found.rows} == {("2", "0101")}
    assert not any(row.mended for row in found.rows)
    if path.suffix == ".csv":
        encoding = "gb18030" if name == "gbk.csv" else "utf-8"
        with path.open(encoding=encoding, newline="") as file:
            assert next(csv.reader(file))[0].lstrip("\ufeff") == "案件编号"
