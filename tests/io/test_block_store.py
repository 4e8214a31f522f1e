"""Rows on disk by place come back as they went."""

from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from changedetect.io import block_store
from changedetect.io.block_store import BlockStore

CRS = "EPSG:4547"


def table(count, seed=1):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 1000, (2, count))
    data = {
        "name": pd.Series([f"名{k}" if k % 3 else None for k in range(count)], dtype=object),
        "day": pd.Series(
            [date(2025, 1, 1 + k % 28) if k % 2 else None for k in range(count)], dtype=object
        ),
        "size": np.where(np.arange(count) % 4, rng.uniform(0, 1, count), np.nan),
        "count": np.arange(count),
        "sure": np.arange(count) % 2 == 0,
        "nothing": pd.Series([None] * count, dtype=object),
    }
    return gpd.GeoDataFrame(data, geometry=shapely.box(x, y, x + 20, y + 20), crs=CRS)


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_near__rows_whose_box_meets_in_the_order_they_came(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(block_store, "BLOCK_ROWS", rows)
    whole = table(60)
    store = BlockStore(tmp_path / "a", whole)
    for first in (0, 25, 50):
        store.add(whole.iloc[first : first + 25].reset_index(drop=True))
    pd.testing.assert_frame_equal(pd.DataFrame(store.near()), pd.DataFrame(whole))
    assert store.near().crs == CRS
    box = (300.0, 200.0, 600.0, 500.0)
    expected = whole[whole.intersects(shapely.box(*box))]
    found = store.near(box)
    assert 0 < len(expected) < 60
    pd.testing.assert_frame_equal(pd.DataFrame(found), pd.DataFrame(expected))
    assert store.bounds == pytest.approx(tuple(whole.total_bounds), abs=0)


def test_near__nothing_there_keeps_the_columns(tmp_path):
    whole = table(5)
    store = BlockStore(tmp_path / "a", whole)
    assert list(store.near().columns) == list(whole.columns)
    assert store.bounds is None
    store.add(whole)
    assert len(store.near((9000, 9000, 9001, 9001))) == 0
    store.clear()
    assert store.rows == len(store.near()) == 0


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_numbered__only_the_rows_that_are_asked_for(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(block_store, "BLOCK_ROWS", rows)
    whole = table(60)
    store = BlockStore(tmp_path / "a", whole)
    for first in (0, 25, 50):
        store.add(whole.iloc[first : first + 25].reset_index(drop=True))
    wanted = np.array([51, 3, 24, 25, 3])
    found = store.numbered(wanted)
    pd.testing.assert_frame_equal(pd.DataFrame(found), pd.DataFrame(whole.loc[[3, 24, 25, 51]]))
    assert len(store.numbered(np.array([], int))) == 0
    read, unpacked = [], block_store._unpacked

    def spy(data):
        read.append(len(data))
        return unpacked(data)

    monkeypatch.setattr(block_store, "_unpacked", spy)
    assert store.numbered(np.array([55])).index.tolist() == [55]
    assert len(read) == -(-10 // rows)  # of the last ten rows only
