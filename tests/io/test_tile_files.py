"""Tile files: whole and of the right key, or as if they were not there."""

import numpy as np
import pytest

from changedetect.errors import IntegrityError, ResourceError
from changedetect.io.tile_files import read_rows, read_tile, write_rows, write_tile


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


@pytest.mark.parametrize("size", [1, 4, 50])
@pytest.mark.parametrize("rows", [0, 1, 13])
def test_rows__are_the_bytes_of_a_whole_array_and_come_back_in_parts(tmp_path, rows, size):
    whole = np.random.default_rng(2).integers(-9, 9, (rows, 3, 2))

    def fill(add):
        for first in range(0, rows, size):
            add(whole[first : first + size])

    write_tile(tmp_path / "a.npz", {"moments": whole})
    write_rows(tmp_path / "b.npz", "moments", whole.shape, fill)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    parts = list(read_rows(tmp_path / "b.npz", "moments", size))
    assert len(parts) == max(1, -(-rows // size))
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("shape", [(4, 3), (5, 2)])
def test_rows__other_than_promised_are_refused(tmp_path, shape):
    with pytest.raises(ResourceError, match="promised"):
        write_rows(tmp_path / "a.npz", "x", shape, lambda add: add(np.zeros((5, 3), np.int64)))
    assert list(tmp_path.iterdir()) == []


def test_rows__damage_is_told(tmp_path):
    path = tmp_path / "a.npz"
    write_tile(path, {"moments": np.arange(3000).reshape(1000, 3)})
    data = bytearray(path.read_bytes())
    data[9000] ^= 4
    path.write_bytes(bytes(data))
    with pytest.raises(IntegrityError, match="damaged"):
        list(read_rows(path, "moments", 100))
    path.unlink()
    with pytest.raises(IntegrityError, match="gone"):
        list(read_rows(path, "moments", 100))
