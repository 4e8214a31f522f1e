"""GeoPackages: same tables, same bytes; dates stay dates."""

import datetime as dt
import sqlite3
from contextlib import closing

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import MultiPolygon, Point, box

from changedetect.errors import InputError, LayerError
from changedetect.io.vector_writer import read_geopackage, write_geopackage, write_parts

CRS = "EPSG:4547"


def table():
    return gpd.GeoDataFrame(
        {
            "patch_id": ["P1", "P2"],
            "seen": [dt.date(2025, 1, 2), None],
            "pixels": [3, 4],
            "area_m2": [12.5, np.nan],
            "kind": ["建筑", None],
        },
        geometry=[box(0, 0, 1, 1), MultiPolygon([box(2, 2, 3, 3)])],
        crs=CRS,
    )


def test_write_geopackage__comes_back_as_it_was(tmp_path):
    path = tmp_path / "patches.gpkg"
    write_geopackage(path, {"patches": table(), "变化": table()}, crs=CRS)
    found = read_geopackage(path, "变化")
    assert list(found.columns) == ["patch_id", "seen", "pixels", "area_m2", "kind", "geometry"]
    assert found["seen"].tolist() == [dt.date(2025, 1, 2), None]
    assert found["kind"].tolist() == ["建筑", None]
    assert found["pixels"].tolist() == [3, 4]
    assert np.isnan(found["area_m2"][1])
    assert set(found.geom_type) == {"MultiPolygon"}
    assert found.geometry.area.tolist() == [1.0, 1.0]
    assert found.crs == CRS


def test_write_geopackage__same_bytes_whenever_written(tmp_path):
    for name in ("a", "b"):
        write_geopackage(tmp_path / f"{name}.gpkg", {"patches": table()}, crs=CRS,
                         descriptions={"patches": "图斑"})  # fmt: skip
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()
    with closing(sqlite3.connect(tmp_path / "a.gpkg")) as connection:
        rows = connection.execute("SELECT last_change, description FROM gpkg_contents").fetchall()
        assert rows == [("2000-01-01T00:00:00.000Z", "图斑")]
        assert connection.execute("PRAGMA user_version").fetchone() == (10200,)


def test_write_geopackage__an_empty_table_keeps_its_columns(tmp_path):
    write_geopackage(tmp_path / "a.gpkg", {"patches": table().iloc[:0]}, crs=CRS)
    found = read_geopackage(tmp_path / "a.gpkg", "patches")
    assert len(found) == 0
    assert "area_m2" in found.columns


def test_write_geopackage__refusals(tmp_path):
    path = tmp_path / "a.gpkg"
    with pytest.raises(LayerError, match="layer patches is in EPSG:4547, EPSG:4490 was expected"):
        write_geopackage(path, {"patches": table()}, crs="EPSG:4490")
    with pytest.raises(LayerError, match="no layer was given"):
        write_geopackage(path, {}, crs=CRS)
    assert list(tmp_path.iterdir()) == []
    write_geopackage(path, {"patches": table()}, crs=CRS)
    with pytest.raises(InputError, match="is there already"):
        write_geopackage(path, {"patches": table()}, crs=CRS)
    assert [item.name for item in tmp_path.iterdir()] == ["a.gpkg"]


def test_read_geopackage__refusals(tmp_path):
    with pytest.raises(LayerError, match="no such file"):
        read_geopackage(tmp_path / "a.gpkg", "x")
    (tmp_path / "b.gpkg").write_text("<OGRVRTDataSource/>")
    with pytest.raises(LayerError, match="no GeoPackage"):
        read_geopackage(tmp_path / "b.gpkg", "x")
    write_geopackage(tmp_path / "c.gpkg", {"patches": table()}, crs=CRS)
    with pytest.raises(LayerError, match="layer 'x' can not be read"):
        read_geopackage(tmp_path / "c.gpkg", "x")


def test_write_geopackage__points_too(tmp_path):
    points = gpd.GeoDataFrame({"n": [1]}, geometry=[Point(1, 2)], crs=CRS)
    write_geopackage(tmp_path / "a.gpkg", {"points": points}, crs=CRS)
    assert read_geopackage(tmp_path / "a.gpkg", "points").geometry[0] == Point(1, 2)


def large(rows=700):
    """Polygons, some with empty cells, in an order that is not that of their places."""
    rng = np.random.default_rng(3)
    left, low = rng.uniform(0, 1e4, (2, rows))
    return gpd.GeoDataFrame(
        {
            "patch_id": [f"P{k:06d}" for k in range(rows)],
            "seen": [dt.date(2025, 1, 1 + k % 28) for k in range(rows)],
            "pixels": np.arange(rows),
            "area_m2": np.where(np.arange(rows) % 5 == 0, np.nan, left),
            "kind": ["建筑" if k % 3 else None for k in range(rows)],
            "disputed": np.arange(rows) % 2 == 0,
        },
        geometry=[box(x, y, x + 9, y + 9) for x, y in zip(left, low, strict=True)],
        crs=CRS,
    )


@pytest.mark.parametrize("size", [1, 7, 350, 10_000])
def test_write_parts__same_bytes_however_it_is_parted(tmp_path, size):
    whole = large(90 if size == 1 else 700)
    write_geopackage(
        tmp_path / "a.gpkg", {"patches": whole}, descriptions={"patches": "图斑"}, crs=CRS
    )
    parts = (whole.iloc[first : first + size] for first in range(0, len(whole), size))
    done = write_parts(tmp_path / "b.gpkg", "patches", parts, description="图斑", crs=CRS)
    assert done == len(whole)
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()


def test_write_parts__an_empty_table_is_that_of_one_go(tmp_path):
    write_geopackage(tmp_path / "a.gpkg", {"patches": large().iloc[:0]}, crs=CRS)
    assert write_parts(tmp_path / "b.gpkg", "patches", [large().iloc[:0]], crs=CRS) == 0
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()


def test_write_parts__what_a_part_raises_is_raised_and_nothing_is_left(tmp_path):
    def parts():
        yield large(5)
        msg = "the tile is gone"
        raise InputError(msg)

    with pytest.raises(InputError, match="the tile is gone"):
        write_parts(tmp_path / "a.gpkg", "patches", parts(), crs=CRS)
    assert list(tmp_path.iterdir()) == []


def test_write_parts__a_part_of_another_form_is_refused(tmp_path):
    other = large(5).assign(pixels=[0.5] * 5)
    with pytest.raises(LayerError, match="came after"):
        write_parts(tmp_path / "a.gpkg", "patches", [large(5), other], crs=CRS)
