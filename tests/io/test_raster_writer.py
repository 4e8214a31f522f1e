"""Rasters written: same bytes however cut, exact pixels back, nothing half done."""

from dataclasses import replace

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from changedetect.errors import InputError, ResourceError
from changedetect.grid import Grid, Window
from changedetect.io import raster_writer
from changedetect.io.opening import open_raster
from changedetect.io.raster_writer import RasterForm, write_cog_array, write_preview, write_raster

GRID = Grid("EPSG:4547", (2.0, 0.0, 500000.0, 0.0, -2.0, 3100000.0), 700, 600)
FORM = RasterForm("int16", -32768, ("llr",), (("method", "方法"),))
VALUES = np.random.default_rng(1).integers(-3000, 3000, (600, 700)).astype("int16")


def pieces(size):
    for tile in GRID.tiles(size, 0):
        yield tile.core, VALUES[tile.core.slices]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "evidence.tif"
    write_cog_array(path, GRID, VALUES, FORM)
    return path.read_bytes()


@settings(max_examples=4)
@given(st.integers(90, 700), st.booleans())
def test_write_raster__same_bytes_for_any_tiles_in_any_order(
    tmp_path_factory, whole, size, backwards
):
    path = tmp_path_factory.mktemp("cut") / "evidence.tif"
    parts = list(pieces(size))
    write_raster(path, GRID, FORM, parts[::-1] if backwards else parts)
    assert path.read_bytes() == whole


def test_write_raster__same_bytes_for_any_workers(tmp_path):
    rng = np.random.default_rng(4)
    grid = Grid("EPSG:4547", (2.0, 0.0, 500000.0, 0.0, -2.0, 3100000.0), 1700, 1300)
    for form in (FORM, RasterForm("uint8", 255, ("change",), level=4)):
        noise = rng.integers(0, 250, (1300, 1700)).astype(form.dtype)
        for workers in (1, 3):
            path = tmp_path / f"{workers}.tif"
            write_raster(path, grid, form, [(grid.window, noise)], overwrite=True, workers=workers)
        assert (tmp_path / "1.tif").read_bytes() == (tmp_path / "3.tif").read_bytes()


@pytest.mark.parametrize("resampling", ["nearest", "average"])
def test_write_raster__overviews_are_those_of_gdal_left_alone(tmp_path, monkeypatch, resampling):
    grid = Grid("EPSG:4547", (2.0, 0.0, 500000.0, 0.0, -2.0, 3100000.0), 2200, 2100)
    codes = np.random.default_rng(5).choice([0, 1, 255], (2100, 2200)).astype("uint8")
    form = RasterForm("uint8", 255, ("change",), resampling=resampling)
    write_cog_array(tmp_path / "quick.tif", grid, codes, form)
    monkeypatch.setattr(raster_writer, "_OVERVIEWS_UNTIL_COPIED", {})
    write_cog_array(tmp_path / "alone.tif", grid, codes, form)
    assert (tmp_path / "quick.tif").read_bytes() == (tmp_path / "alone.tif").read_bytes()


def test_write_raster__a_level_changes_no_pixel(tmp_path):
    grid = Grid("EPSG:4547", (2.0, 0.0, 500000.0, 0.0, -2.0, 3100000.0), 1700, 1300)
    steps = (np.arange(1700) // 7 % 9 + np.arange(1300)[:, None] // 5).astype("int16")
    found, sizes = [], []
    for level in (1, 6):
        path = tmp_path / f"{level}.tif"
        write_cog_array(path, grid, steps, replace(FORM, level=level))
        sizes.append(path.stat().st_size)
        with rasterio.open(path) as dataset:
            found.append([dataset.read(1)])
            assert dataset.overviews(1) == [2, 4]
        for number in range(2):
            with rasterio.open(path, overview_level=number) as dataset:
                found[-1].append(dataset.read(1))
    assert sizes[0] != sizes[1]
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(found[0][0], steps)


def test_write_raster__what_is_read_back(tmp_path):
    path = tmp_path / "evidence.tif"
    write_raster(path, GRID, FORM, pieces(256))
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(1), VALUES)
        assert (dataset.nodata, dataset.crs.to_epsg()) == (-32768, 4547)
        assert tuple(dataset.transform)[:6] == GRID.transform
        assert dataset.descriptions == ("llr",)
        assert dataset.tags()["method"] == "方法"
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.overviews(1) == [2]
        assert dataset.block_shapes == [(512, 512)]
    assert [item.name for item in tmp_path.iterdir()] == ["evidence.tif"]


def test_write_raster__what_no_piece_covers_is_no_data(tmp_path):
    path = tmp_path / "part.tif"
    form = RasterForm("uint8", 255, ("change", "reason"))
    part = np.zeros((2, 20, 30), "uint8")
    write_raster(path, GRID, form, [(Window(5, 7, 20, 30), part)])
    with rasterio.open(path) as dataset:
        found = dataset.read()
    assert (found == 0).sum() == 2 * 20 * 30
    assert (found[:, 5:25, 7:37] == 0).all()
    assert set(np.unique(found)) == {0, 255}


def test_write_raster__not_twice_the_same_pixel(tmp_path):
    part = (Window(0, 0, 4, 4), VALUES[:4, :4])
    with pytest.raises(ValueError, match="written before"):
        write_raster(tmp_path / "x.tif", GRID, FORM, [part, part])
    with pytest.raises(TypeError, match="pixels of float64 given, int16 declared"):
        write_raster(tmp_path / "x.tif", GRID, FORM, [(part[0], part[1] * 1.0)])
    assert list(tmp_path.iterdir()) == []


def test_write_raster__a_lost_block_is_noticed(tmp_path, monkeypatch):
    true_copy = raster_writer._to_cog

    def losing(plain, final, form, workers):
        with rasterio.open(plain, "r+") as dataset:
            dataset.write(np.zeros((1, 8, 8), "int16"), window=((0, 8), (0, 8)))
        true_copy(plain, final, form, workers)

    monkeypatch.setattr(raster_writer, "_to_cog", losing)
    with pytest.raises(ResourceError, match="what was read back is not what was written"):
        write_cog_array(tmp_path / "x.tif", GRID, VALUES, FORM)
    assert list(tmp_path.iterdir()) == []


def test_write_raster__without_georeference_and_in_float(tmp_path):
    grid = Grid("", (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), 30, 20)
    values = np.random.default_rng(2).normal(size=(20, 30)).astype("float32")
    values[0, 0] = np.nan
    write_cog_array(tmp_path / "x.tif", grid, values, RasterForm("float32", np.nan, ("x",)))
    with open_raster(tmp_path / "x.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), values)
        assert dataset.crs is None


def test_write_preview__same_pixels_same_bytes(tmp_path):
    rgb = np.random.default_rng(3).integers(0, 255, (20, 30, 3)).astype("uint8")
    write_preview(tmp_path / "a.png", rgb)
    write_preview(tmp_path / "b.png", rgb)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), rgb)
    with pytest.raises(InputError, match="is there already"):
        write_preview(tmp_path / "a.png", rgb)
