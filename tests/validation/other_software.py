"""Real QGIS and LibreOffice, driven without a screen: scripts for their own Python, and what they are given."""

import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import shapely

from changedetect.casepackage import FORMS
from changedetect.casepackage.lists import CODE_LISTS
from changedetect.measure import reproject
from tests.sample_package import CRS

SOFFICE = shutil.which("soffice")
PYTHON = "/usr/bin/python3"
"""Python of the system, for which Debian's QGIS and UNO are made."""

AWKWARD = (
    "=1+1",
    "000321",
    "1E10",
    "2025-06",
    "王五\u3000二队",
    "a\"b;c,d'e",
    "一" * 180,
    "+86 731",
    "@",
    "-",
)
"""Texts that sheets and databases like to change."""

EDITOR = r"""
import json, os, sys
from qgis.core import QgsApplication, QgsFeature, QgsGeometry, QgsVectorLayer
app = QgsApplication([], False)
app.initQgis()
path, wanted = sys.argv[1], json.load(open(sys.argv[2], encoding="utf-8"))
for name, rows in wanted.items():
    layer = QgsVectorLayer(path + "|layername=" + name, name, "ogr")
    assert layer.isValid() and layer.startEditing(), name
    there = {feature["AJBH"]: feature.id() for feature in layer.getFeatures()}
    for row in rows:
        shape = row.pop("wkt", None)
        if row["AJBH"] in there:
            for key, value in row.items():
                assert layer.changeAttributeValue(there[row["AJBH"]], layer.fields().indexOf(key), value), key
            if shape:
                assert layer.changeGeometry(there[row["AJBH"]], QgsGeometry.fromWkt(shape)), name
            continue
        feature = QgsFeature(layer.fields())
        for key, value in row.items():
            assert feature.setAttribute(key, value) is not False, key
        if shape:
            feature.setGeometry(QgsGeometry.fromWkt(shape))
        assert layer.addFeature(feature), name
    assert layer.commitChanges(), layer.commitErrors()
    del layer
print("edited", flush=True)
os._exit(0)  # QGIS 3.22 may crash when its Python ends
"""

CALC = r"""
import json, sys, uno
from com.sun.star.beans import PropertyValue
def option(name, value):
    one = PropertyValue(); one.Name, one.Value = name, value
    return one
local = uno.getComponentContext()
resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
context = resolver.resolve("uno:pipe,name=%s;urp;StarOffice.ComponentContext" % sys.argv[1])
desktop = context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
book = desktop.loadComponentFromURL(sys.argv[2], "_blank", 0, (option("Hidden", True),))
for name, rows in json.load(open(sys.argv[4], encoding="utf-8")).items():
    sheet = book.Sheets.getByName(name)
    column = {sheet.getCellByPosition(i, 0).String: i for i in range(80) if sheet.getCellByPosition(i, 0).String}
    line = {sheet.getCellByPosition(0, i).String: i for i in range(1, 200) if sheet.getCellByPosition(0, i).String}
    for row in rows:
        for title, value in row.items():
            cell = sheet.getCellByPosition(column[title], line[row["案件编号"]])
            if isinstance(value, str):
                cell.String = value
            else:
                cell.Value = value
book.storeToURL(sys.argv[3], (option("FilterName", "Calc MS Excel 2007 XML"),))
book.close(True)
desktop.terminate()
"""


def has_module(name):
    """Tell whether the system's Python has a module of other software."""
    if not Path(PYTHON).exists():
        return False
    found = subprocess.run([PYTHON, "-c", f"import {name}"], check=False, capture_output=True)
    return found.returncode == 0


def edit_in_qgis(path, wanted, folder):
    """Add and change rows of layers in QGIS; a row of a known case is changed. ``wkt`` is its shape."""
    script, told = folder / "edit.py", folder / "edit.json"
    script.write_text(EDITOR, encoding="utf-8")
    told.write_text(json.dumps(wanted, ensure_ascii=False), encoding="utf-8")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PROJ", "GDAL"))}
    settings = {**clean, "QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(folder)}
    done = subprocess.run(
        [PYTHON, str(script), str(path), str(told)], check=False, capture_output=True, text=True, timeout=300, env=settings
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip().endswith("edited")) == (0, True), done.stderr


def edit_in_calc(path, target, wanted, folder):
    """Write cells of sheets in LibreOffice Calc: sheet -> rows by 案件编号, column title -> value."""
    script, told = folder / "calc.py", folder / "calc.json"
    script.write_text(CALC, encoding="utf-8")
    told.write_text(json.dumps(wanted, ensure_ascii=False), encoding="utf-8")
    with _office(folder) as pipe:
        for _ in range(120):
            done = subprocess.run(
                [PYTHON, str(script), pipe, path.as_uri(), target.as_uri(), str(told)],
                check=False, capture_output=True, text=True, timeout=300,
            )  # fmt: skip
            if "NoConnectException" not in done.stderr:
                break
            time.sleep(0.5)
    assert done.returncode == 0, done.stderr


@contextmanager
def _office(folder):
    pipe = f"soak{os.getpid()}"
    process = subprocess.Popen(
        [SOFFICE, f"-env:UserInstallation=file://{folder}/profile", "--headless", "--invisible", "--norestore",
         f"--accept=pipe,name={pipe};urp;"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield pipe
    finally:
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def every_field(form, number, skip=()):
    """Return a row of a county's layer with something in every column."""
    texts = iter(AWKWARD * 4)
    row = {"AJBH": number}
    for field in FORMS[form].fields:
        if field.name in {"AJBH", *skip}:
            continue
        if field.codes:
            row[field.name] = list(CODE_LISTS[field.codes].items)[-1]
        else:
            row[field.name] = {"date": "2025-07-10", "int": 7, "float": 0.0125}.get(
                field.kind
            ) or next(texts)
    return row


def degrees(shape):
    """Bring a shape of the job's CRS to the one of the package, as text and shape."""
    return reproject(shape, CRS, "EPSG:4490")


def wkt(shape):
    """Return a shape of the job's CRS as WKT in degrees."""
    return shapely.to_wkt(degrees(shape), rounding_precision=-1)
