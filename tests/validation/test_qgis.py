"""The case package in the real QGIS: every layer loads with its default style, aliases and codes."""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from changedetect.casepackage import FORMS
from changedetect.io.geopackage import write_case_package
from changedetect.stages.deliver import layers
from tests.sample_package import make_package

PYTHON = "/usr/bin/python3"

READER = r"""
import json, os, sys
from qgis.core import (QgsApplication, QgsVectorLayer, QgsMapSettings, QgsMapRendererSequentialJob,
                       QgsCoordinateReferenceSystem, QgsCoordinateTransform, QgsProject)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor
app = QgsApplication([], False)
app.initQgis()
messages = []
QgsApplication.messageLog().messageReceived.connect(lambda text, tag, level: messages.append([tag, text, int(level)]))
path, picture, names = sys.argv[1], sys.argv[2], sys.argv[3].split(",")
layers, report = {}, {}
for name in names:
    layer = QgsVectorLayer(path + "|layername=" + name, name, "ogr")
    layers[name] = layer
    fields = layer.fields()
    report[name] = {
        "valid": layer.isValid(), "count": layer.featureCount(), "crs": layer.crs().authid(),
        "aliases": {field.name(): layer.attributeAlias(i) for i, field in enumerate(fields)},
        "types": {field.name(): field.typeName() for field in fields},
        "widgets": {field.name(): layer.editorWidgetSetup(i).type() for i, field in enumerate(fields)},
        "renderer": layer.renderer().type() if layer.renderer() else "",
        "legend": [item.label() for item in layer.renderer().legendSymbolItems()] if layer.renderer() else [],
        "readonly": layer.readOnly(), "labels": layer.labelsEnabled(),
        "rows": [[str(value) for value in feature.attributes()] for feature in layer.getFeatures()],
        "shapes": all(f.hasGeometry() and f.geometry().isGeosValid() for f in layer.getFeatures()) if layer.isSpatial() else True,
    }
settings = QgsMapSettings()
settings.setLayers([layers[name] for name in ("AJDW", "WPFW", "AJTB", "WJCQ")])
settings.setBackgroundColor(QColor(250, 250, 248))
settings.setOutputSize(QSize(1400, 1000))
settings.setOutputDpi(110)
target = QgsCoordinateReferenceSystem("EPSG:4547")
settings.setDestinationCrs(target)
extent = layers["AJTB"].extent()
extent.combineExtentWith(layers["WJCQ"].extent())
extent = QgsCoordinateTransform(layers["AJTB"].crs(), target, QgsProject.instance()).transformBoundingBox(extent)
extent.grow(300)
settings.setExtent(extent)
job = QgsMapRendererSequentialJob(settings)
job.start()
job.waitForFinished()
job.renderedImage().save(picture)
report["labels"] = len(job.takeLabelingResults().labelsWithinRect(extent))
report["messages"] = [message for message in messages if message[2] >= 1]
print("REPORT" + json.dumps(report))
sys.stdout.flush()
os._exit(0)
"""


def has_qgis():
    if not Path(PYTHON).is_file():
        return False
    return (
        subprocess.run(
            [PYTHON, "-c", "import qgis.core"], capture_output=True, check=False
        ).returncode
        == 0
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    if not has_qgis():
        pytest.skip(f"QGIS is not installed for {PYTHON} (python3-qgis)")
    folder = tmp_path_factory.mktemp("qgis")
    path, picture = folder / "430991_202506_AJ.gpkg", folder / "map.png"
    write_case_package(path, layers(make_package()), FORMS, stamp=datetime(2025, 7, 5, tzinfo=UTC))
    before = path.read_bytes()
    opened = folder / "opened.gpkg"  # QGIS may switch the journal of what it opens
    shutil.copy(path, opened)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PROJ", "GDAL"))}
    done = subprocess.run(
        [PYTHON, "-c", READER, str(opened), str(picture), ",".join(FORMS)],
        env={**clean, "QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(folder)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("REPORT")]
    assert lines, done.stderr[-2000:]
    assert path.read_bytes() == before
    keep = os.environ.get("CHANGEDETECT_KEEP_PICTURES")
    if keep:
        shutil.copy(picture, Path(keep) / "qgis.png")
    return json.loads(lines[0][len("REPORT") :]), picture


def test_qgis__opens_every_layer_with_style_alias_and_codes(report):
    found, _ = report
    tables = layers(make_package())
    for name, form in FORMS.items():
        layer = found[name]
        assert layer["valid"], name
        assert layer["count"] == len(tables[name])
        assert layer["shapes"], name
        aliases = {field.name: field.alias for field in form.fields}
        assert aliases.items() <= layer["aliases"].items()
        assert layer["readonly"] == (not form.editable)
        for field in form.fields:
            assert (layer["widgets"][field.name] == "ValueMap") == bool(field.codes), field
        if form.geometry:
            assert layer["crs"] == "EPSG:4490"
            assert layer["renderer"] == "RuleRenderer"
    assert found["AJTB"]["types"]["HCQX"] == "Date"
    assert found["AJTB"]["legend"] == [
        "入池(不下发)", "留痕(不下发)", "疑似问题", "证据不足", "有审批手续", "其他",
    ]  # fmt: skip


def test_qgis__reads_values_as_written(report):
    found, _ = report
    numbers = {row[1] for row in found["AJTB"]["rows"]}
    assert numbers == set(layers(make_package())["AJTB"]["AJBH"])
    assert any("湘自然资发〔2024〕118号" in row for row in found["SPTH"]["rows"])


def test_qgis__has_nothing_to_complain_about(report):
    found, _ = report
    assert found["messages"] == []


def test_qgis__draws_cases_and_labels(report):
    found, picture = report
    assert found["labels"] >= 5
    with Image.open(picture) as image:
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}
    for wanted in ((214, 40, 40), (240, 160, 20)):
        assert any(
            max(abs(a - b) for a, b in zip(colour, wanted, strict=True)) < 12 for colour in colours
        )
