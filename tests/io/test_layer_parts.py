"""Large layers read part by part say the same as layers read whole."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from shapely.geometry import box

from changedetect.config.job import LayerSection
from changedetect.io import layer_source
from changedetect.io.layer_load import merged
from changedetect.io.vectors import Kind, LayerWalk, read_kind
from changedetect.schema import APPROVALS

CRS = "EPSG:4547"
ALL = (400000.0, 3000000.0, 700000.0, 3200000.0)
ROWS = 40
BOW = shapely.Polygon([(500000, 3100000), (500050, 3100050), (500050, 3100000), (500000, 3100050)])


def written(path):
    """Rows with empty cells, numbers as codes, a date, one bow tie, and one row without a shape."""
    shapes = [box(500000 + 100 * k, 3100000, 500050 + 100 * k, 3100050) for k in range(ROWS)]
    shapes[3] = shapes[30] = BOW
    shapes[17] = None
    days = [pd.Timestamp("2024-01-01") + pd.Timedelta(days=k) for k in range(ROWS)]
    frame = gpd.GeoDataFrame(
        {
            "BSM": [f"{k:03d}" for k in range(ROWS)],
            "PZWH": [None if k < 9 else f"湘政土〔2024〕{k}号" for k in range(ROWS)],
            "PZRQ": pd.Series(days).astype("datetime64[ms]"),
            "YDDW": ["某公司"] * ROWS,
            "SPMJ": [np.nan if k % 3 else 2500.0 for k in range(ROWS)],
        },
        geometry=shapes,
        crs=CRS,
    )
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".shp":
        frame["PZRQ"] = frame["PZRQ"].dt.date
        pyogrio.write_dataframe(frame, path, encoding="GBK")
    else:
        pyogrio.write_dataframe(
            frame, path, driver="OpenFileGDB" if path.suffix == ".gdb" else None
        )
    return path


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.gdb", "a.geojson", "a.parquet"])
def test_parts__give_the_table_and_the_manifest_of_the_whole(tmp_path, monkeypatch, name):
    path = written(tmp_path / name)
    section = LayerSection(path=name, encoding="GBK" if name.endswith("shp") else None)
    kind = Kind("NZY", APPROVALS)
    whole, manifest = read_kind(path, section, kind, CRS)
    monkeypatch.setattr(layer_source, "WHOLE_ROWS", 2)
    monkeypatch.setattr(layer_source, "PART_ROWS", 7)
    walk = LayerWalk(path, section, kind, CRS, within=ALL)
    parts = [part for part in walk if len(part)]
    table = pd.concat(parts, ignore_index=True).sort_values("record_id", ignore_index=True)
    assert len(parts) > 4 or name.endswith("geojson")
    expected = whole.sort_values("record_id", ignore_index=True)
    pd.testing.assert_frame_equal(pd.DataFrame(table), pd.DataFrame(expected))
    said = set(walk.manifest.note.split("; "))
    assert "2 个图形拓扑无效, 已用 make_valid 修复: 第 4、31 行" in said
    # A box asks for shapes, so a driver may leave out the row that has none.
    rest = {note for note in said if not note.startswith("共 40 行")}
    assert rest | {"1 行无图形, 未参与套合: 第 18 行"} == set(manifest.note.split("; "))
    for what in ("state", "first_date", "last_date", "sha256"):
        assert getattr(walk.manifest, what) == getattr(manifest, what)


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.gdb", "a.parquet"])
def test_parts__of_a_layer_that_is_small_enough_hold_every_row(tmp_path, monkeypatch, name):
    path = written(tmp_path / name)
    section = LayerSection(path=name, encoding="GBK" if name.endswith("shp") else None)
    kind = Kind("NZY", APPROVALS)
    whole, manifest = read_kind(path, section, kind, CRS)
    monkeypatch.setattr(layer_source, "PART_ROWS", 7)
    walk = LayerWalk(path, section, kind, CRS, within=(0.0, 0.0, 1.0, 1.0))  # far from every row
    parts = list(walk)
    assert len(parts) == 6
    pd.testing.assert_frame_equal(
        pd.DataFrame(pd.concat(parts, ignore_index=True)), pd.DataFrame(whole)
    )
    assert set(walk.manifest.note.split("; ")) == set(manifest.note.split("; "))
    assert walk.manifest.rows == manifest.rows


def test_merged__counts_add_up_and_rows_are_named_once():
    many = "、".join(str(k) for k in range(1, 6))
    parts = [
        [
            f"9 个图形拓扑无效, 已用 make_valid 修复: 第 {many} … 行",
            "field BSM 有 2 行含控制字符（换行等）, 已换为空格",
        ],
        ["图形含 Z 值, 已去除", "field BSM 有 3 行含控制字符（换行等）, 已换为空格"],
        ["1 个图形拓扑无效, 已用 make_valid 修复: 第 77 行", "图形含 Z 值, 已去除"],
    ]
    assert merged(parts) == [
        f"10 个图形拓扑无效, 已用 make_valid 修复: 第 {many} … 行",
        "field BSM 有 5 行含控制字符（换行等）, 已换为空格",
        "图形含 Z 值, 已去除",
    ]
