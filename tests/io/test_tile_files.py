"""Tile files: whole and of the right key, or as if they were not there."""

import numpy as np
import pytest

from changedetect.io.tile_files import read_tile, write_tile


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "tile.npz"
    values = np.random.default_rng(0).integers(-50, 50, (60, 60)).astype(np.int16)
    write_tile(path, {"evidence": values, "empty": np.zeros((0, 3))}, key="a1")
    return path, values


def test_tile_files__come_back_as_they_went(stored):
    path, values = stored
    back = read_tile(path)
    assert list(back) == ["evidence", "empty"]
    np.testing.assert_array_equal(back["evidence"], values)
    assert back["empty"].shape == (0, 3)


def test_tile_files__of_another_key_are_done_again(stored):
    path, _ = stored
    assert read_tile(path, key="a1") is not None
    assert read_tile(path, key="b2") is None
    write_tile(path, {"evidence": np.zeros(1)})
    assert read_tile(path, key="a1") is None


def test_tile_files__damage_never_raises_and_never_passes_unseen(stored):
    path, values = stored
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(data))
        back = read_tile(path, key="a1")
        refused += back is None
        if back is not None and "evidence" in back:
            np.testing.assert_array_equal(back["evidence"], values)
    assert refused > 200
    path.write_bytes(whole[:-40])
    assert read_tile(path) is None
    path.unlink()
    path.mkdir()
    assert read_tile(path) is None


def test_tile_files__some_arrays_are_read_without_the_others(stored):
    path, values = stored
    back = read_tile(path, key="a1", names=("evidence", "absent"))
    assert list(back) == ["evidence"]
    np.testing.assert_array_equal(back["evidence"], values)
    assert read_tile(path, key="b2", names=("evidence",)) is None
