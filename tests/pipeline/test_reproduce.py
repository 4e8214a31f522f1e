"""A finding done again from what is recorded: the same to the byte, or what came out otherwise."""

import json
import shutil

import pytest

from changedetect.errors import InputError, IntegrityError
from changedetect.io.seal import verify
from changedetect.pipeline.ledger import books
from changedetect.pipeline.reproduce import reproduce
from changedetect.pipeline.runs.context import RunOptions
from changedetect.pipeline.runs.job import open_job
from changedetect.pipeline.runs.progress import Silent
from tests.pipeline import tiny_job


@pytest.fixture
def done(whole, tiny_base, tmp_path, monkeypatch):
    tiny_job.use_model(tiny_base, monkeypatch)
    shutil.copytree(whole.parent, tmp_path / "job")
    return tmp_path / "job" / "config.yaml"


def case_of(config):
    with books.open_books(open_job(config), config.parent / "out").reading() as reader:
        return reader.work_list()[0].number


def again(config, number, start="records"):
    options = RunOptions(out=config.parent / "out", workers=1)
    return reproduce(
        open_job(config), number, options, start=start, progress=Silent(), clock=lambda: None
    )


@pytest.mark.parametrize("start", ["records", "images"])
def test_reproduce__the_same_to_the_byte(done, start):
    report = again(done, case_of(done), start)
    assert report.exit_code == 0
    assert report.facts()["same"] is True
    assert all(report.facts()["same_program_and_inputs"].values())
    assert all(report.facts()["same_files"].values())
    assert not list((done.parent / "out").glob(".reproduce*"))


def test_reproduce__other_rules_are_told(done):
    number = case_of(done)
    text = done.read_text(encoding="utf-8")
    done.write_text(text + "crosscheck: {sliver_min_m2: 11.0}\n", encoding="utf-8")
    report = again(done, number)
    assert report.facts()["same_program_and_inputs"] == {"check": False}


def test_reproduce__a_changed_file_is_refused(done):
    units = done.parent / "out" / tiny_job.MONTH / "units.json"
    units.write_text(units.read_text() + " ")
    with pytest.raises(IntegrityError, match=r"units.json"):
        again(done, case_of(done))


def test_reproduce__an_unknown_case_is_told(done):
    with pytest.raises(InputError, match="not in this ledger"):
        again(done, "43099102250699999X")


def test_package__of_a_real_month_is_sealed(done):
    packages = done.parent / "out" / tiny_job.MONTH / "packages"
    folders = [path for path in packages.iterdir() if path.is_dir()]
    assert folders
    for folder in folders:
        problems, _ = verify(folder)
        assert problems == []
        manifest = json.loads((folder / "manifest.json").read_text())
        (layers,) = manifest["layers"].values()
        assert {"AJTB", "DLTH", "SPTH", "DMB"} <= set(layers)
        assert not any(name.startswith(("HC_", "ZG_")) for name in layers)
