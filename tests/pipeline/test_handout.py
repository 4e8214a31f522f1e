"""Packages are swapped whole, and what a county put into its folder stays there."""

import re
import shutil
from pathlib import Path

import pytest

from changedetect.codes import case_number
from changedetect.errors import InputError, LayerError
from changedetect.pipeline.ledger import handout
from changedetect.pipeline.steps import delivery
from changedetect.stages import deliver
from tests.pipeline import tiny_job
from tests.pipeline.killed import killed_before, signal_that_ended

STEM = "430991_202506"
PICTURE = f"chips/{case_number('430991', '02', '2025-06', 1)}_Q.jpg"


def fill(folder, text, pictures=(PICTURE,)):
    (folder / "chips").mkdir(parents=True)
    for name in (f"{STEM}_AJ.gpkg", f"{STEM}.html", f"{STEM}_台账.xlsx", *pictures):
        (folder / name).write_text(text)


def deliver_all(run, text):
    handout.begin(run)
    fill(handout.make(run, STEM), text)
    handout.swap(run, STEM)
    handout.end(run)


@pytest.fixture
def handed_out(tmp_path):
    """A run whose first package is out, with two files of the county in it."""
    handout.begin(tmp_path)
    fill(handout.make(tmp_path, STEM), "old", (PICTURE, PICTURE.replace("_Q", "_T")))
    handout.swap(tmp_path, STEM)
    handout.end(tmp_path)
    folder = tmp_path / "packages" / STEM
    (folder / "photos").mkdir()
    (folder / "photos" / "IMG_1.jpg").write_text("county")
    (folder / "chips" / "mine.jpg").write_text("county")
    return tmp_path


def contents(run):
    root = run / "packages"
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def is_whole(found):
    county = {name: text for name, text in found.items() if text == "county"}
    ours = {text for text in found.values() if text != "county"}
    return len(county) == 2 and len(ours) == 1


def test_swap__replaces_ours_and_keeps_what_the_county_added(handed_out):
    deliver_all(handed_out, "new")
    found = contents(handed_out)
    assert {name for name, text in found.items() if text == "county"} == {
        f"{STEM}/photos/IMG_1.jpg",
        f"{STEM}/chips/mine.jpg",
    }
    assert f"{STEM}/{PICTURE.replace('_Q', '_T')}" not in found
    assert found[f"{STEM}/{STEM}_AJ.gpkg"] == "new"
    assert {path.name for path in handed_out.iterdir()} == {"packages"}


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_swap__a_package_open_elsewhere_is_left_alone(handed_out, end):
    (handed_out / "packages" / STEM / f"{STEM}_AJ.gpkg{end}").write_text("county")
    before = contents(handed_out)
    with pytest.raises(InputError, match=rf"{STEM}_AJ\.gpkg{end}: .*save and close"):
        deliver_all(handed_out, "new")
    assert contents(handed_out) == before


@pytest.mark.parametrize("number", range(1, 11))
def test_kill__leaves_the_old_or_the_new_and_never_half(handed_out, number):
    signal_that_ended(killed_before, number, deliver_all, handed_out, "new")
    ours = {text for text in contents(handed_out).values() if text != "county"}
    assert len(ours) <= 1
    handout.begin(handed_out)
    assert is_whole(contents(handed_out))
    deliver_all(handed_out, "new")
    assert is_whole(contents(handed_out))


@pytest.fixture
def done(whole, tiny_base, tmp_path, monkeypatch):
    tiny_job.use_model(tiny_base, monkeypatch)
    shutil.copytree(whole.parent, tmp_path / "job")
    return tmp_path / "job" / "config.yaml"


def test_step__photos_stay_and_one_county_with_bad_text_stops_only_itself(done, monkeypatch):
    packages = done.parent / "out" / tiny_job.MONTH / "packages"
    west = next(packages.glob(f"{tiny_job.WEST}_*"))
    (west / "photo.jpg").write_text("county")
    text = done.read_text(encoding="utf-8")
    done.write_text(text.replace("thumbnail_px: 16", "thumbnail_px: 24"), encoding="utf-8")
    layers = deliver.layers

    def strict(package):
        if package.district == tiny_job.WEST:
            msg = "sheet 台账, row 1: text holds a control character"
            raise LayerError(msg)
        return layers(package)

    kept = {path: path.read_bytes() for path in west.rglob("*") if path.is_file()}
    monkeypatch.setattr(delivery.deliver, "layers", strict)
    report = tiny_job.run(done, overwrite=True)
    assert report.exit_code == 3
    assert re.search(
        rf"county {tiny_job.WEST} .*not delivered.*control character", report.problems[0]
    )
    assert {path: path.read_bytes() for path in west.rglob("*") if path.is_file()} == kept
    files = report.facts()["packages"]
    assert len([name for name in files if name.endswith("_AJ.gpkg")]) == 1
    monkeypatch.setattr(delivery.deliver, "layers", layers)
    assert tiny_job.run(done, overwrite=True).exit_code == 0
    assert (west / "photo.jpg").read_text() == "county"


def test_step__a_county_renamed_or_a_rule_reworded_is_delivered_again(done):
    before = tiny_job.run(done).steps[-1][0].key
    theme = done.parent / "themes" / "02.yaml"
    theme.parent.mkdir(exist_ok=True)
    shipped = Path(delivery.__file__).parents[3] / "configs" / "themes" / "02.yaml"
    theme.write_text(
        shipped.read_text(encoding="utf-8").replace("text: ", "text: 修订", 1), "utf-8"
    )
    assert tiny_job.run(done, overwrite=True).steps[-1][0].key != before
