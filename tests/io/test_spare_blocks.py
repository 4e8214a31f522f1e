"""Decoded blocks laid aside on disk: what is read back is what was decoded."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from changedetect.grid import Window
from changedetect.io import spare_blocks
from changedetect.io.decoded_blocks import DecodedBlocks
from changedetect.io.describe import describe
from changedetect.io.rasters import RasterReader
from changedetect.kernels.cells import cell_means
from changedetect.kernels.stored import whole_pixels
from tests.io.drawn_images import digital_numbers, draw, profile


def block(value, side=40):
    return np.random.default_rng(value).integers(0, 4000, (4, side, side)).astype(np.uint16)


def asked_twice(store, keys):
    decoded = []

    def get(key):
        return store.get(key, lambda: decoded.append(key) or block(key))

    with store.laying_aside():
        for key in keys:
            get(key)
    for key in keys[::-1]:
        np.testing.assert_array_equal(get(key), block(key))
    return decoded


def test_blocks_that_gave_way_are_read_back_and_not_decoded_again(tmp_path):
    store = DecodedBlocks(30_000, spare_blocks.SpareBlocks(tmp_path))
    assert asked_twice(store, list(range(9))) == list(range(9))
    assert not list(tmp_path.iterdir())  # the file has no name
    store.clear()
    assert asked_twice(store, [3, 4, 5, 6]) == [3, 4, 5, 6]


def test_blocks_without_room_on_disk_are_decoded_again(tmp_path):
    store = DecodedBlocks(30_000, spare_blocks.SpareBlocks(tmp_path, limit_bytes=40_000))
    decoded = asked_twice(store, list(range(9)))
    assert len(decoded) > 9
    assert set(decoded[9:]) < set(range(9))


@pytest.mark.parametrize("failing", ["_write", "_read"])
def test_an_error_of_the_disk_costs_time_and_nothing_else(tmp_path, monkeypatch, failing):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spare_blocks, failing, fail)
    store = DecodedBlocks(30_000, spare_blocks.SpareBlocks(tmp_path))
    assert len(asked_twice(store, list(range(9)))) > 9


def test_a_folder_that_is_gone_costs_time_and_nothing_else(tmp_path):
    store = DecodedBlocks(30_000, spare_blocks.SpareBlocks(tmp_path / "gone"))
    assert len(asked_twice(store, list(range(9)))) > 9


def test_threads_share_what_was_laid_aside(tmp_path):
    store = DecodedBlocks(30_000, spare_blocks.SpareBlocks(tmp_path))
    keys = [k % 12 for k in range(240)]

    def get(key):
        return np.array_equal(store.get(key, lambda: block(key)), block(key))

    with store.laying_aside(), ThreadPoolExecutor(4) as pool:
        assert all(pool.map(get, keys))


def test_what_is_laid_aside_while_all_is_let_go_is_not_there(tmp_path, monkeypatch):
    spare = spare_blocks.SpareBlocks(tmp_path)
    assert spare.put("before", block(1))
    write = spare_blocks._write

    def close_amid(*given):
        write(*given)
        spare.close()

    monkeypatch.setattr(spare_blocks, "_write", close_amid)
    assert not spare.put("amid", block(2))
    monkeypatch.setattr(spare_blocks, "_write", write)
    assert spare.put("after", block(3))
    assert spare.get("before") is None
    assert spare.get("amid") is None
    np.testing.assert_array_equal(spare.get("after"), block(3))


@pytest.mark.parametrize("tiled", [True, False])
def test_cells_of_a_file_are_those_of_the_image(tmp_path, tiled):
    values = np.tile(digital_numbers(1), (1, 8, 8))
    values[:, 20:30, 40:55] = 0
    values[2, 100:120, 100:101] = 0
    side = 128 if tiled else 16
    path = draw(
        tmp_path / "PMS2M_20250601.tif",
        values,
        interleave="pixel",
        blockxsize=side,
        blockysize=side,
    )
    scene = describe(path, profile("pms2m"))
    reader, part = RasterReader(tmp_path), Window(3, 7, 301, 388)
    found = reader.read_cells(scene, scene.grid, part, 5, 0.5)
    assert (found is not None) == tiled
    if found is not None:
        image = reader.read(scene, scene.grid, part)
        whole_pixels(image, image)
        np.testing.assert_allclose(found, cell_means(image, 5, 0.5), rtol=1e-6)
