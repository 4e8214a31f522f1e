"""What a tile leaves unread, and threads that share a fit, change no byte."""

from dataclasses import asdict

import numpy as np
import pytest

from changedetect.bench import generated, jobs
from changedetect.grid import Window
from changedetect.pipeline.sources import pairwork
from changedetect.pipeline.sources.fittedpair import fit
from changedetect.pipeline.sources.pairwork import TileWork, fresh_reader

TILE_PX = 96


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A generated pair and the models of it, fitted by one thread."""
    folder = tmp_path_factory.mktemp("halos")
    generated.make_job(folder / "job", generated.Plan(320, blobs=9))
    task = jobs.Task(folder / "job" / "config.yaml", generated.MONTH, 1)
    job, territory, pair = jobs.opened(task, folder / "run")
    settings = jobs.settings_of(job)
    reader = fresh_reader(job.scenes_folder)
    fitted = fit(reader, pair, territory.grid, settings)
    work = TileWork(job.scenes_folder, territory.grid, (fitted,), settings, folder, territory.land)
    return reader, work


def flat(found):
    evidence, runs, problems = found
    return {"evidence": evidence, "problems": problems, **runs.to_arrays()}


def test_narrowed__tiles_without_clouds_read_less_and_say_the_same(scene, monkeypatch):
    _, work = scene
    tiles = list(work.grid.tiles(TILE_PX, work.settings.halo_px))
    narrow = [flat(work.measure(tile)) for tile in tiles]
    assert all(work.narrowed(tile).outer.width < tile.outer.width for tile in tiles[1:3])
    monkeypatch.setattr(TileWork, "narrowed", lambda _, tile: tile)
    for tile, found in zip(tiles, narrow, strict=True):
        wide = flat(work.measure(tile))
        assert found.keys() == wide.keys()
        for name in wide:
            np.testing.assert_array_equal(found[name], wide[name], err_msg=name)
    assert sum(len(found["runs"]) for found in narrow) > 0


def test_comparable__images_as_stored_give_the_bytes_of_images(scene, monkeypatch):
    reader, work = scene
    window = Window(100, 90, 130, 140)

    def stack():
        fitted, cfg = work.pairs[0], work.settings.pixels
        return pairwork.comparable(reader, fitted, work.grid, window, cfg, "stack").values.copy()

    straight = stack()
    monkeypatch.setattr(pairwork, "_is_clear", lambda *_: False)
    assert straight.tobytes() == stack().tobytes()
    assert np.isfinite(straight[:, :, 8:-8, 8:-8]).all()


def test_fit__is_the_same_with_several_threads(scene):
    reader, work = scene
    alone = work.pairs[0]
    reader.forget()
    shared = fit(reader, alone.pair, work.grid, work.settings, workers=3)
    np.testing.assert_equal(asdict(shared), asdict(alone))
