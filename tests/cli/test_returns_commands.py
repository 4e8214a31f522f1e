"""The way back by the command line: screen, dispatch, fill in, check, import, with a real month."""

import json
import shutil
import signal
import sqlite3
import sys
from contextlib import closing

import pytest

from changedetect.cli import main
from tests.pipeline import tiny_job

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def call(monkeypatch, capfd):
    """Run the command line in this process: exit code, result of --json."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["changedetect", *map(str, arguments), "--json"])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capfd.readouterr()
        return stopped.value.code or 0, json.loads(out) if out else err

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def job(whole, tmp_path):
    shutil.copytree(whole.parent, tmp_path / "job")
    return tmp_path / "job" / whole.name


def filled(package, number, folder):
    """A copy of a package in which the county found the case legal."""
    shutil.copytree(package, folder)
    (gpkg,) = folder.glob("*_AJ.gpkg")
    day = "2026-01-02T00:00:00.000Z"
    with closing(sqlite3.connect(gpkg)) as base:
        base.execute("INSERT INTO HC_JL (AJBH, HCR, HCJG) VALUES (?, '赵', '1')", (number,))
        base.execute("UPDATE gpkg_contents SET last_change = ? WHERE table_name = 'HC_JL'", (day,))
        base.commit()
    return gpkg


def test_a_month_comes_back(call, job, tmp_path):
    out, month = job.parent / "out", tiny_job.MONTH
    code, said = call("case", "list", job, "--out", out)
    packages = sorted((out / month / "packages").iterdir())
    held = {package.name[:6] for package in packages}
    numbers = [one["case"] for one in said["cases"] if one["case"][:6] in held]
    assert code == 0
    assert len(numbers) >= 2
    sheet = tmp_path / "判读.csv"
    lines = [f"{numbers[0]},剔除,伪变化", *(f"{number},通过," for number in numbers[1:])]
    sheet.write_text("案件编号,判读结论,理由\n" + "\n".join(lines), encoding="utf-8-sig")
    code, said = call("case", "screen", job, sheet, "--out", out, "--actor", "wang")
    assert (code, said["rejected"]) == (0, [numbers[0]])

    code, said = call("month", "dispatch", job, "--month", month, "--out", out, "--actor", "sun")
    assert said["dispatched"] >= 1
    code, said = call("case", "list", job, "--out", out, "--state", "20")
    sent = said["cases"][0]["case"]
    package = next(package for package in packages if package.name.startswith(sent[:6]))

    gpkg = filled(package, sent, tmp_path / "back")
    listed = tmp_path / "list.html"
    code, said = call("returns", "check", gpkg, "--package", package, "--list", listed)
    assert code == 3
    assert {one["case"] for one in said["sent_back"]} == {sent}
    assert sent in listed.read_text(encoding="utf-8")

    ask = ("returns", "import", job, gpkg, "--month", month, "--out", out, "--actor", "zhao")
    code, said = call(*ask, "--dry-run")
    assert (code, said["entries"]) == (0, 0)
    assert [(one["case"], one["from"], one["to"]) for one in said["changes"]] == [
        (sent, "20", "40")
    ]
    code, said = call(*ask)
    assert (code, said["entries"]) == (0, 2)
    code, said = call(*ask)
    assert (code, said["entries"]) == (0, 0)
    code, said = call("case", "show", job, sent, "--out", out)
    assert said["state"] == "40"
    assert said["entries"][-1]["source_row"] == f"{gpkg.name}#HC_JL:1"
    code, said = call("ledger", "verify", job, "--out", out)
    assert code == 0


def test_import__a_wrong_file_ends_with_4(call, job, tmp_path):
    path = tmp_path / "430991.gpkg"
    path.write_text("no package")
    code, said = call(
        "returns",
        "import",
        job,
        path,
        "--month",
        tiny_job.MONTH,
        "--out",
        job.parent / "out",
        "--actor",
        "zhao",
    )
    assert (code, said["stopped"]) == (4, True)
    assert "no GeoPackage" in said["wrong"][0]["message"]
