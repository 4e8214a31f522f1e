"""Patches made batch by batch: the same as all at once, for any tiling, batch and number of workers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter

from changedetect import measure
from changedetect.config.detection import PatchesSection
from changedetect.grid import Grid
from changedetect.stages import patches
from changedetect.stages.patches import batches

CFG = PatchesSection(min_pixels=2, gap_px=0)
CRS = "EPSG:4547"


def grid_of(shape, crs=CRS):
    return Grid(crs, (2.0, 0.0, 500_000.0, 0.0, -2.0, 3_200_000.0), shape[1], shape[0])


def tiles_of(evidence, size_px):
    """Results of tiles whose channel is the evidence, and whose pairs change with the column."""
    grid = grid_of(evidence.shape)
    index = np.broadcast_to(np.arange(evidence.shape[1]) % 3, evidence.shape)
    found = []
    for tile in grid.tiles(size_px, 0):
        part = evidence[tile.outer.slices]
        pair_index = np.ascontiguousarray(index[tile.outer.slices])
        channel = part[None].astype(np.int32)
        found.append(patches.tile_runs(part, tile, 100, channel, CFG, pair_index=pair_index))
    return found


def drawn(seed=5, shape=(150, 170)):
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2.0)
    return (noise * 2500).astype(np.int16)


@pytest.mark.parametrize("batch", [1, 7, 10_000])
@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("size_px", [17, 40, 400])
def test_batches__are_the_table_in_pieces_whatever_tiles_and_workers(
    monkeypatch, size_px, workers, batch
):
    evidence = drawn()
    grid = grid_of(evidence.shape)
    whole = patches.outline(tiles_of(evidence, 1000), grid, CFG)
    assert len(whole.patches) > 60
    monkeypatch.setattr(batches, "BATCH", batch)
    monkeypatch.setattr(batches, "_ACROSS", 5)
    parts = tiles_of(evidence, size_px)
    found = patches.find_patches(parts[::-1], grid, CFG, workers=workers)
    assert found.count == len(whole.patches)
    pieces = list(found.batches())
    assert all(len(one.pixels) >= min(batch, 1) for one in pieces)
    if size_px < 400 and batch < 10:
        assert len(pieces) > 3
    begin = 0
    for one in pieces:
        end = begin + len(one.pixels)
        mine = (whole.votes[:, 0] >= begin) & (whole.votes[:, 0] < end)
        expected = whole.patches.iloc[begin:end]
        table = patches.table_of(one, grid)
        assert table["patch_id"].tolist() == expected["patch_id"].tolist()
        columns = [name for name in table.columns if name != "geometry"]
        assert table[columns].to_numpy().tolist() == expected[columns].to_numpy().tolist()
        assert [s.wkb for s in table.geometry] == [s.wkb for s in expected.geometry]
        np.testing.assert_array_equal(one.sums.moments, whole.moments[begin:end])
        np.testing.assert_array_equal(one.sums.votes, whole.votes[mine] - [begin, 0, 0])
        begin = end
    assert begin == len(whole.patches)
    runs = np.concatenate([one.runs for one in pieces])
    order = np.lexsort((runs[:, 1], runs[:, 0]))
    np.testing.assert_array_equal(runs[order], whole.runs)


@given(arrays(np.int16, (9, 11), elements=st.sampled_from([-50, 120, 150])), st.integers(2, 9))
def test_batches__come_in_the_order_of_first_pixels(evidence, size_px):
    grid = grid_of(evidence.shape)
    found = patches.find_patches(tiles_of(evidence, size_px), grid, CFG, workers=1)
    firsts = np.concatenate([one.first for one in found.batches()])
    assert len(firsts) == found.count
    keys = firsts[:, 0] * 1000 + firsts[:, 1]
    assert (np.diff(keys) > 0).all()


def test_batches__one_empty_batch_where_nothing_changed():
    evidence = np.full((8, 9), -50, np.int16)
    found = patches.find_patches(tiles_of(evidence, 4), grid_of(evidence.shape), CFG)
    (only,) = found.batches()
    assert found.count == len(only.pixels) == 0
    assert patches.table_of(only, grid_of(evidence.shape)).empty


def test_batches__hold_a_row_of_tiles_and_no_more(monkeypatch):
    """Of a tall grid, what waits is what a row of tiles can hold, not what lies below."""
    evidence = drawn(7, (900, 60))
    grid = grid_of(evidence.shape)
    monkeypatch.setattr(batches, "BATCH", 1)
    held = []
    joined = batches.put_together

    def spy(some):
        held.append(sum(len(one.pixels) for one in some))
        return joined(some)

    monkeypatch.setattr(batches, "put_together", spy)
    monkeypatch.setattr(batches, "_ACROSS", 8)
    found = patches.find_patches(tiles_of(evidence, 30), grid, CFG)
    assert sum(len(one.pixels) for one in found.batches()) == found.count > 200
    assert max(held) < found.count / 5


def test_measure_ragged__equals_measure_many():
    evidence = drawn(3)
    whole = patches.outline(tiles_of(evidence, 64), grid_of(evidence.shape), CFG).patches
    areas, lengths = measure.measure_many(whole.geometry.to_numpy(), CRS)
    assert whole["area_m2"].tolist() == areas.tolist()
    assert whole["perimeter_m"].tolist() == lengths.tolist()
