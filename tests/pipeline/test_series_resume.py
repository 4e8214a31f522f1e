"""``detect series`` goes on from what it stored: the same results, new images only, nothing foreign."""

import shutil

import pytest
from PIL import Image

from changedetect.errors import ConfigError, IntegrityError
from changedetect.io.rasters import RasterReader
from changedetect.pipeline.looks.look import OUTPUTS, LookOptions
from changedetect.pipeline.looks.serieslook import STATES, look_at_series
from changedetect.pipeline.runs.job import read_profile
from changedetect.pipeline.runs.progress import Silent
from tests.pipeline import tiny_job
from tests.pipeline.test_looks import write_series

SINCE = "2025-01-06"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    place = tmp_path_factory.mktemp("series")
    write_series(place / "all", read_profile(place, "msi10m"))
    return place / "all"


def look(folder, out, **chosen):
    options = LookOptions(out, "msi10m", workers=1, **chosen)
    return look_at_series(folder, options, since=SINCE, progress=Silent())


def results(out):
    found = tiny_job.digests(out)
    return {name: digest for name, digest in found.items() if name.rsplit("/", 1)[-1] in OUTPUTS}


def part(images, folder, low, high):
    folder.mkdir(exist_ok=True)
    for path in sorted(images.iterdir())[low:high]:
        shutil.copy(path, folder / path.name)
    return folder


@pytest.fixture
def opened(monkeypatch):
    """Names of the images whose pixels were read."""
    names = []
    read = RasterReader.read_with_cloud

    def noting(self, scene, grid, window):
        names.append(scene.scene_id)
        return read(self, scene, grid, window)

    monkeypatch.setattr(RasterReader, "read_with_cloud", noting)
    return names


def test_resume__reads_new_images_only_and_gives_the_same_results(images, tmp_path, opened):
    look(images, tmp_path / "whole")
    assert len(set(opened)) == 37
    folder = part(images, tmp_path / "grown", 0, 33)
    look(folder, tmp_path / "out")
    opened.clear()
    report = look(part(images, folder, 33, 37), tmp_path / "out")
    assert len(set(opened)) == 4
    assert report.figures["absorbed"] == 4
    assert any("33 images, 4 are new" in notice for notice in report.notices)
    assert results(tmp_path / "out") == results(tmp_path / "whole")


def test_resume__needs_the_new_images_alone(images, tmp_path):
    look(images, tmp_path / "whole")
    look(part(images, tmp_path / "old", 0, 33), tmp_path / "out")
    report = look(part(images, tmp_path / "new", 33, 37), tmp_path / "out")
    assert report.figures["images"] == 4
    for name in ("evidence.tif", "change.tif"):
        left, right = (tmp_path / place / name for place in ("out", "whole"))
        assert left.read_bytes() == right.read_bytes()


def test_late_image__is_replayed_as_if_it_had_come_in_time(images, tmp_path, opened):
    look(images, tmp_path / "whole")
    folder = part(images, tmp_path / "grown", 0, 36)
    late = sorted(folder.iterdir())[34]
    late.unlink()
    look(folder, tmp_path / "out")
    opened.clear()
    look(part(images, folder, 34, 37), tmp_path / "out")
    assert 2 < len(set(opened)) < 12
    assert results(tmp_path / "out") == results(tmp_path / "whole")


def test_foreign_and_damaged_states__are_refused(images, tmp_path):
    folder = part(images, tmp_path / "few", 0, 35)
    look(folder, tmp_path / "out")
    with pytest.raises(IntegrityError, match="window"):
        look(folder, tmp_path / "out", tile_px=16)
    newest = max((tmp_path / "out" / STATES).rglob("*.state"))
    newest.write_bytes(newest.read_bytes()[:-5])
    with pytest.raises(IntegrityError, match="cut short"):
        look(folder, tmp_path / "out")
    newest.unlink()
    look(folder, tmp_path / "out")


def test_plot__draws_the_pixel_asked_for(images, tmp_path):
    options = LookOptions(tmp_path / "out", "msi10m", workers=1)
    look_at_series(images, options, since=SINCE, progress=Silent(), plots=["15,20"])
    with Image.open(tmp_path / "out" / "series_r15_c20.png") as picture:
        assert picture.width > 800
        assert len(picture.convert("L").getcolors(256)) > 20
    for text, named in (("a,b", "was expected"), ("15,40", "40 columns")):
        with pytest.raises(ConfigError, match=named):
            look_at_series(images, options, since=SINCE, progress=Silent(), plots=[text])
