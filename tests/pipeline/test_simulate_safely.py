"""`simulate --overwrite` replaces worlds only, and job names stay inside their folder."""

import pytest

from changedetect.errors import ConfigError, InputError
from changedetect.pipeline import simulation
from changedetect.pipeline.runs.job import open_job
from changedetect.pipeline.runs.progress import Silent
from changedetect.pipeline.simulation import WorldOptions, simulate
from tests.pipeline import tiny_job

SMALL = WorldOptions(3, size_km=0.5, sensors=("pms2m",))


def test_simulate__never_deletes_the_images_of_a_real_job(tiny):
    before = tiny_job.digests(tiny.parent)
    assert (tiny.parent / "truth.gpkg").is_file()
    for overwrite in (False, True):
        with pytest.raises(InputError, match="choose another folder"):
            simulate(tiny.parent, SMALL, overwrite=overwrite, progress=Silent())
    assert tiny_job.digests(tiny.parent) == before


def test_simulate__replaces_a_world_when_asked(tmp_path):
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes" / "old.tif").write_text("old")
    (tmp_path / "truth.gpkg").write_text("old")
    (tmp_path / "config.yaml").write_text("# Simulated county, seed 1; months 2025-06.\n")
    with pytest.raises(InputError, match="not empty"):
        simulate(tmp_path, SMALL, overwrite=False, progress=Silent())
    simulation._clear(tmp_path, overwrite=True)
    assert not (tmp_path / "scenes").exists()


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", "a b", "", ".", "x" * 61])
def test_job__a_name_that_could_leave_its_folder_is_refused(tiny, name):
    text = tiny.read_text(encoding="utf-8").replace("name: tiny", f'name: "{name}"')
    tiny.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="name"):
        open_job(tiny)


def test_job__a_chinese_name_is_a_name(tiny):
    text = tiny.read_text(encoding="utf-8").replace("name: tiny", "name: 衡东县_2025-1")
    tiny.write_text(text, encoding="utf-8")
    assert open_job(tiny).config.name == "衡东县_2025-1"
