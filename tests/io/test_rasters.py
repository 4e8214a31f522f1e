"""Pixels of a scene on the product grid."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.windows import Window as FileWindow

from changedetect.errors import GridError, IntegrityError, SceneError
from changedetect.grid import Grid, Window
from changedetect.io.describe import describe
from changedetect.io.mapping import Placement
from changedetect.io.opening import kept_open
from changedetect.io.rasters import RasterReader, decode_mask
from tests.io.drawn_images import GRID, digital_numbers, draw, profile


def scene_of(folder, values, name="PMS2M_20250601", sensor="pms2m", **options):
    return describe(draw(folder / f"{name}.tif", values, **options), profile(sensor))


def test_read__hand_answer_in_units_with_nodata_as_nan(tmp_path):
    values = digital_numbers(1)
    values[2, 3, 4] = 0
    scene = scene_of(tmp_path, values)
    found = RasterReader(tmp_path).read(scene, GRID, Window(2, 3, 10, 12))
    assert (found.dtype, found.shape) == (np.float32, (4, 10, 12))
    expected = (values[:, 2:12, 3:15] * 0.0001).astype(np.float32)
    assert np.isnan(found[2, 1, 1])
    expected[2, 1, 1] = np.nan
    np.testing.assert_array_equal(found, expected)


def test_read__outside_the_image_is_not_observed(tmp_path):
    scene = scene_of(tmp_path, digital_numbers(1))
    west, _, _, north = GRID.bounds
    wide = Grid(GRID.crs, (2.0, 0.0, west - 8, 0.0, -2.0, north + 6), 80, 70)
    found = RasterReader(tmp_path).read(scene, wide, wide.window)
    observed = ~np.isnan(found[0])
    assert observed[3:53, 4:64].all()
    assert observed.sum() == 50 * 60
    away = Grid(GRID.crs, (2.0, 0.0, west + 9000, 0.0, -2.0, north), 8, 8)
    assert np.isnan(RasterReader(tmp_path).read(scene, away, away.window)).all()


def test_read__not_a_number_and_infinite_are_not_observed(tmp_path):
    values = np.full((1, 50, 60), 7, "float32")
    values[0, 0, :3] = [np.nan, np.inf, -np.inf]
    radar = profile("gray8_radar").model_copy(update={"dtypes": ("float32",)})
    scene = describe(draw(tmp_path / "X_20250601.tif", values, nodata=None), radar)
    found = RasterReader(tmp_path).read(scene, GRID, Window(0, 0, 1, 5))[0, 0]
    np.testing.assert_array_equal(found, [np.nan, np.nan, np.nan, 7, 7])


def test_read__transparency_hides_all_bands(tmp_path):
    values = np.full((4, 50, 60), 100, "uint8")
    values[3] = 255
    values[3, :2] = 0
    path = draw(tmp_path / "X_20250601.tif", values, nodata=None, photometric="RGB", alpha="yes")
    scene = describe(path, profile("rgb8"))
    found = RasterReader(tmp_path).read(scene, GRID, GRID.window)
    assert np.isnan(found[:, :2]).all()
    np.testing.assert_allclose(found[:, 2:], 100 / 255, rtol=1e-6)


def test_read_chip__bands_by_role(tmp_path):
    scene = scene_of(tmp_path, digital_numbers(1))
    reader = RasterReader(tmp_path)
    whole = reader.read(scene, GRID, GRID.window)
    np.testing.assert_array_equal(
        reader.read_chip(scene, GRID, GRID.window, ["nir", "red"]), whole[[3, 2]]
    )
    with pytest.raises(SceneError, match="no band swir1; it has blue, green, red, nir"):
        reader.read_chip(scene, GRID, GRID.window, ["swir1"])


def test_kept_open__reads_the_same_from_one_opening_and_closes_it(tmp_path, monkeypatch):
    scene = scene_of(tmp_path, digital_numbers(1))
    windows = [Window(2, 3, 10, 12), Window(0, 0, 5, 5), Window(30, 40, 25, 25)]
    alone = [RasterReader(tmp_path).read(scene, GRID, window) for window in windows]
    opened = []
    real = rasterio.open
    monkeypatch.setattr(
        rasterio, "open", lambda *given, **named: opened.append(real(*given, **named)) or opened[-1]
    )
    with kept_open():
        together = [RasterReader(tmp_path).read(scene, GRID, window) for window in windows]
        assert len(opened) == 1
        assert not opened[0].closed
    assert opened[0].closed
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
    RasterReader(tmp_path).read(scene, GRID, windows[0])
    assert len(opened) > 1


def shifted(scale=1.0, east=0.7, south=0.4):
    a, _, c, _, _, f = GRID.transform
    side = a * scale
    return Grid(
        GRID.crs, (side, 0.0, c + east, 0.0, -side, f - south), int(58 / scale), int(48 / scale)
    )


def other_zone():
    west, south, east, north = GRID.bounds
    move = Transformer.from_crs(4547, 32649, always_xy=True)
    x, y = move.transform((west + east) / 2, (south + north) / 2)
    return Grid("EPSG:32649", (2.0, 0.0, round(x) - 50.0, 0.0, -2.0, round(y) + 40.0), 50, 40)


TARGETS = {
    "same": GRID,
    "half a pixel beside": shifted(),
    "coarser": shifted(scale=3.3),
    "finer": shifted(scale=0.5),
    "another zone": other_zone(),
}


@pytest.fixture(scope="module")
def gappy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gappy")
    values = digital_numbers(4)
    values[:, np.random.default_rng(5).random((50, 60)) < 0.05] = 0
    cloud = np.random.default_rng(6).integers(0, 3, (1, 50, 60)).astype("uint8")
    draw(folder / "PMS2M_20250601_cloud.tif", cloud, nodata=255)
    return RasterReader(folder), scene_of(folder, values)


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=8)
@given(st.integers(1, 60), st.integers(0, 5))
def test_read__does_not_depend_on_how_windows_are_cut(gappy, target, size, margin):
    reader, scene = gappy
    grid = TARGETS[target]
    whole = reader.read(scene, grid, grid.window)
    cloud = reader.read_cloud(scene, grid, grid.window)
    assert not np.isnan(whole).all()
    for tile in list(grid.tiles(size, margin))[:5]:
        np.testing.assert_array_equal(
            reader.read(scene, grid, tile.outer), whole[(slice(None), *tile.outer.slices)]
        )
        np.testing.assert_array_equal(
            reader.read_cloud(scene, grid, tile.outer), cloud[tile.outer.slices]
        )


def test_read__chunks_do_not_show(gappy, monkeypatch):
    reader, scene = gappy
    grid = TARGETS["another zone"]
    whole = reader.read(scene, grid, grid.window)
    monkeypatch.setattr("changedetect.io.rasters._CHUNK_PX", 7)
    np.testing.assert_array_equal(reader.read(scene, grid, grid.window), whole)


def test_read__a_smooth_image_is_found_again_in_another_zone(tmp_path):
    y, x = np.mgrid[0:50, 0:60]
    smooth = (4000 + 1500 * np.sin(x / 9) + 1500 * np.cos(y / 7)).astype("uint16")
    scene = scene_of(tmp_path, np.repeat(smooth[None], 4, axis=0))
    grid = other_zone()
    found = RasterReader(tmp_path).read(scene, grid, grid.window)[0]
    rows, cols = np.mgrid[0 : grid.height, 0 : grid.width]
    east = grid.transform[2] + 2 * (cols + 0.5)
    north = grid.transform[5] - 2 * (rows + 0.5)
    back = Transformer.from_crs(32649, 4547, always_xy=True)
    px, py = back.transform(east, north)
    col = (px - GRID.transform[2]) / 2 - 0.5
    row = (GRID.transform[5] - py) / 2 - 0.5
    expected = (4000 + 1500 * np.sin(col / 9) + 1500 * np.cos(row / 7)) / 10_000
    inside = (col > 2) & (col < 57) & (row > 2) & (row < 47)
    assert inside.sum() > 1000
    np.testing.assert_allclose(found[inside], expected[inside], atol=4e-4)


def test_positions__knots_are_as_good_as_the_projection():
    placement = Placement(other_zone(), GRID.crs, (30.0, 0.0, 5e5, 0.0, -30.0, 3.1e6))
    coarse = replace(
        placement, grid=Grid("EPSG:32649", (30.0, 0.0, 2e5, 0.0, -30.0, 3.1e6), 200, 200)
    )
    rows, cols = coarse.positions(Window(3, 5, 190, 190))
    y, x = np.mgrid[3:193, 5:195].astype(float)
    exact = coarse._to_source(*coarse._ground(y, x))
    assert np.abs(rows - exact[0]).max() < 1e-3
    assert np.abs(cols - exact[1]).max() < 1e-3


def test_read__another_datum_is_refused(tmp_path):
    scene = scene_of(tmp_path, digital_numbers(1))
    xian = Grid("EPSG:2383", GRID.transform, 10, 10)
    with pytest.raises(GridError, match="datums differ and no shift is known"):
        RasterReader(tmp_path).read(scene, xian, xian.window)


def test_read__a_file_changed_since_is_refused_before_any_pixel(tmp_path):
    scene = scene_of(tmp_path, digital_numbers(1))
    reader = RasterReader(tmp_path)
    path = tmp_path / "PMS2M_20250601.tif"
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(IntegrityError, match=f"{scene.sha256} expected") as caught:
        reader.read(scene, GRID, GRID.window)
    assert "PMS2M_20250601.tif" in str(caught.value)
    assert RasterReader(tmp_path, verify=False).read(scene, GRID, Window(0, 0, 1, 1)).size == 4


def test_read__a_damaged_block_names_file_and_window(tmp_path):
    path = draw(tmp_path / "PMS2M_20250601.tif", digital_numbers(1), compress="deflate")
    with rasterio.open(path) as dataset:
        offset = int(dataset.get_tag_item("BLOCK_OFFSET_1_1", dm="TIFF", bidx=1))
    data = bytearray(path.read_bytes())
    data[offset : offset + 40] = b"\0" * 40
    path.write_bytes(bytes(data))
    scene = describe(path, profile("pms2m"))
    reader = RasterReader(tmp_path)
    with pytest.raises(SceneError, match=r"PMS2M_20250601\.tif: rows 0 to 50, columns 0 to 60"):
        reader.read(scene, GRID, GRID.window)
    assert reader.read(scene, GRID, Window(0, 0, 16, 16)).shape == (4, 16, 16)


def test_read_cloud__no_mask_is_told_as_255(tmp_path):
    scene = scene_of(tmp_path, digital_numbers(1))
    assert (RasterReader(tmp_path).read_cloud(scene, GRID, Window(0, 0, 3, 4)) == 255).all()


def test_read_cloud__values_and_outside(gappy):
    reader, scene = gappy
    with rasterio.open(reader.folder / scene.cloud_href) as dataset:
        stored = dataset.read(1, window=FileWindow(0, 0, 4, 3))
    found = reader.read_cloud(scene, GRID, Window(0, 0, 3, 4))
    np.testing.assert_array_equal(found, stored)
    a, _, c, _, e, f = GRID.transform
    beside = Grid(GRID.crs, (a, 0.0, c - 2, 0.0, e, f), 4, 3)
    np.testing.assert_array_equal(reader.read_cloud(scene, beside, beside.window)[:, 0], 255)


def test_decode_mask__hand_answers():
    bits = np.array([[1, 0b10000, 0b110000000, 0b010000000, 0b110010000]], np.uint16)
    np.testing.assert_array_equal(decode_mask(bits, "landsat_c1_bqa", "x"), [[255, 1, 2, 0, 1]])
    with pytest.raises(SceneError, match="value 7 found in the cloud mask"):
        decode_mask(np.array([[0, 7]], np.uint8), "", "x")


def test_real__landsat_with_pixels_that_are_not_square(real_data):
    folder = real_data / "landsat8_ny_2018"
    path = next(folder.glob("*/LC08_L1TP_013032_20180131_B2.TIF"))
    href = path.relative_to(folder).as_posix().replace("_B2", "_B{band}")
    scene = describe(path, profile("landsat8_c1"), href=href)
    reader = RasterReader(folder)
    found = reader.read(scene, scene.grid, scene.grid.window)
    observed = ~np.isnan(found[3])
    assert 0.3 < observed.mean() < 0.9
    assert 0.0 < np.nanmedian(found[3]) < 0.4
    assert set(np.unique(reader.read_cloud(scene, scene.grid, scene.grid.window))) <= {0, 1, 2, 255}


def test_real__taizhou_reads_its_own_numbers(real_data):
    folder = real_data / "landsat_taizhou"
    scene = describe(folder / "2000TM", profile("etm30m"))
    found = RasterReader(folder).read(scene, scene.grid, scene.grid.window)
    raw = np.fromfile(folder / "2000TM", np.uint8)
    assert np.sort(np.rint(found * 255).astype(np.uint8), axis=None).tolist() == sorted(
        raw.tolist()
    )


def test_read__many_threads_share_a_reader(gappy):
    reader, scene = gappy
    grid = TARGETS["half a pixel beside"]
    whole = reader.read(scene, grid, grid.window)
    tiles = list(grid.tiles(13, 2)) * 3
    with ThreadPoolExecutor(4) as pool:
        for tile, found in zip(
            tiles, pool.map(lambda t: reader.read(scene, grid, t.outer), tiles), strict=True
        ):
            np.testing.assert_array_equal(found, whole[(slice(None), *tile.outer.slices)])
