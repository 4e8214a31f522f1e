"""The workbook in the real LibreOffice: it opens, text stays text, it can be printed."""

import csv
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from changedetect.io.chips import thumbnail
from changedetect.io.workbook import write_workbook
from changedetect.stages.deliver import layers, workbook
from tests.sample_package import make_package, sample_chips

SOFFICE = shutil.which("soffice")
FILTER = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
"""Every sheet, UTF-8, cells as they are shown."""


def convert(path, target, folder):
    subprocess.run(
        [SOFFICE, f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", target,
         "--outdir", str(folder), str(path)],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if SOFFICE is None:
        pytest.skip("LibreOffice is not installed (soffice)")
    folder = tmp_path_factory.mktemp("office")
    package = make_package()
    content = workbook(package, layers(package))
    pictures = {path: thumbnail(data, 160) for path, data in sample_chips(package, 128).items()}
    path = folder / content.file_name
    write_workbook(path, content, pictures)
    convert(path, FILTER, folder)
    convert(path, "pdf", folder)
    return folder


def sheet(folder, name):
    (path,) = folder.glob(f"*-{name}.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_libreoffice__shows_codes_and_numbers_as_written(folder):
    lines = sheet(folder, "台账")
    header = lines[3]
    rows = [dict(zip(header, line, strict=True)) for line in lines[4:9]]
    table = layers(make_package())["AJTB"].set_index("AJBH")
    for row in rows:
        about = table.loc[row["案件编号"]]
        assert row["主题代码"] == about["ZTDM"]
        assert row["判定建议"] == about["PDJY"]
        assert float(row["监测面积(亩)"]) == about["JCMJM"]
        assert row["核查期限"] == str(about["HCQX"])


def test_libreoffice__finds_no_error_cell(folder):
    for path in folder.glob("*.csv"):
        text = path.read_text(encoding="utf-8")
        for mark in ("#NAME?", "#VALUE!", "#REF!", "Err:"):
            assert mark not in text, path.name


def test_libreoffice__prints_it(folder):
    (path,) = folder.glob("*.pdf")
    assert path.stat().st_size > 10_000
    keep = os.environ.get("CHANGEDETECT_KEEP_PICTURES")
    if keep:
        shutil.copy(path, Path(keep) / "workbook.pdf")
