"""Quick looks: what is found, what is assumed, and that nothing of other images gets in."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from changedetect.errors import InputError, LockedError, SceneError
from changedetect.io.describe_plain import describe_plain
from changedetect.io.publish import RunLock
from changedetect.io.vector_writer import read_geopackage
from changedetect.pipeline.looks import look as looks
from changedetect.pipeline.looks.look import LookOptions
from changedetect.pipeline.looks.quicklook import look_at_pair
from changedetect.pipeline.runs.progress import Silent
from tests.pipeline import tiny_job

CHANGED = (slice(60, 100), slice(60, 100))


def ground(seed, *, changed=False):
    """Fields of four bands, ``(4, 160, 160)`` uint16; a bright square if changed."""
    rng = np.random.default_rng(3)
    fields = np.kron(rng.integers(300, 3000, (4, 16, 16)), np.ones((1, 10, 10)))
    if changed:
        fields[:, *CHANGED] = 6000
    return (fields + np.random.default_rng(seed).normal(0, 15, fields.shape)).astype(np.uint16)


def draw(path, values, **options):
    settings = {
        "driver": "GTiff", "crs": tiny_job.CRS, "transform": Affine(*tiny_job.GRID.transform),
        "count": values.shape[0], "height": values.shape[1], "width": values.shape[2],
        "dtype": values.dtype,
    } | options  # fmt: skip
    with rasterio.open(path, "w", **settings) as image:
        image.write(values)
    return path


@pytest.fixture
def pictures(tmp_path):
    """Folder with an older image, an unchanged and a changed newer one."""
    draw(tmp_path / "PMS2M_20250501.tif", ground(1), nodata=0)
    draw(tmp_path / "PMS2M_20250601.tif", ground(2), nodata=0)
    draw(tmp_path / "PMS2M_20250602.tif", ground(3, changed=True), nodata=0)
    return tmp_path


def look(folder, after="PMS2M_20250602.tif", before="PMS2M_20250501.tif", **chosen):
    options = LookOptions(folder / "out", workers=1, **chosen)
    return look_at_pair(folder / before, folder / after, options, progress=Silent())


def assert_found(folder, area):
    """One strong patch of the planted area; beside it weak specks at most.

    Where much has changed the stated rate of false alarms rises (to .018 here), and specks with it.
    """
    table = read_geopackage(folder / "out" / "patches.gpkg", "patches")
    strong = table[table["llr_mean"] > 5.0]
    assert len(strong) == 1
    assert strong.geometry.iloc[0].area == pytest.approx(area, rel=0.1)
    weak = table.drop(strong.index)
    assert (weak["llr_mean"] < 2.0).all()
    assert weak.geometry.area.sum() < 0.25 * area


def test_look__finds_the_change_and_leaves_only_results(pictures):
    look(pictures)
    assert_found(pictures, 40 * 40 * 4)
    left = {path.name for path in (pictures / "out").iterdir()}
    assert left == {*looks.OUTPUTS, ".lock"}


def test_look__a_killed_look_at_other_images_leaves_no_trace(pictures, monkeypatch):
    """Tiles of the unchanged pair once turned the changed pair into a false "no change"."""
    with monkeypatch.context() as broken:
        broken.setattr(
            looks.Looked, "write", lambda *_: (_ for _ in ()).throw(OSError("disk full"))
        )
        broken.setattr(looks.shutil, "rmtree", lambda *_, **__: None)  # killed, not ended
        with pytest.raises(OSError, match="disk full"):
            look(pictures, after="PMS2M_20250601.tif")
    assert list((pictures / "out").glob("**/*.npz"))
    look(pictures)
    assert_found(pictures, 40 * 40 * 4)


def test_look__results_are_replaced_only_when_asked(pictures):
    look(pictures)
    with pytest.raises(InputError, match="add --overwrite"):
        look(pictures)
    look(pictures, overwrite=True)
    assert_found(pictures, 40 * 40 * 4)


def test_look__two_at_once_in_one_folder_are_refused(pictures):
    (pictures / "out").mkdir()
    with RunLock(pictures / "out" / ".lock"), pytest.raises(LockedError, match="is in use by"):
        look(pictures)


def test_look__without_georeference_writes_plane_coordinates(tmp_path):
    bare = {"crs": None, "transform": None}
    for name, values in (("a.tif", ground(1)), ("b.tif", ground(2, changed=True))):
        with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
            draw(tmp_path / name, values, **bare)
    report = look(tmp_path, before="a.tif", after="b.tif")
    assert report.figures["patches"] == 1
    assert report.figures["area_px"] == pytest.approx(40 * 40, rel=0.1)
    with closing(sqlite3.connect(tmp_path / "out" / "patches.gpkg")) as stored:
        assert stored.execute("SELECT srs_id FROM gpkg_geometry_columns").fetchall() == [(-1,)]
    dates = read_geopackage(tmp_path / "out" / "patches.gpkg", "patches")
    assert dates["before_date"].isna().all(), "an unknown day is empty, not 1970"


def write_mask(folder, values, **options):
    return draw(folder / "PMS2M_20250602_cloud.tif", values[None].astype(np.uint8), **options)


def test_look__uses_the_cloud_mask_beside_the_image_and_says_so(pictures):
    mask = np.zeros((160, 160))
    mask[CHANGED] = 1
    write_mask(pictures, mask)
    report = look(pictures, sensor="pms2m")
    assert report.figures["patches"] == 0
    assert report.figures["unobserved_px"] >= 40 * 40
    text = "\n".join(report.notices)
    assert "clouds are taken from PMS2M_20250602_cloud.tif" in text
    assert "PMS2M_20250501.tif: no cloud mask: only thick clouds are recognised" in text


def test_look__a_cloud_that_no_mask_shows_is_not_observed(pictures):
    rows, cols = np.mgrid[:160, :160]
    share = np.clip((36 - np.hypot(rows - 50, cols - 110)) / 18 + 0.5, 0, 1) * 0.97
    image = ground(4) * (1 - share) + 30_000 * share
    draw(pictures / "PMS2M_20250603.tif", image.astype(np.uint16), nodata=0)
    report = look(pictures, after="PMS2M_20250603.tif", sensor="pms2m")
    assert report.figures["patches"] == 0
    assert report.figures["unobserved_px"] >= (share > 0.2).sum()
    assert report.figures["unobserved_px"] < 2 * (share > 0.2).sum()
    assert "clouds found from the images, which have no mask" in "\n".join(report.notices)


def test_look__ground_on_which_the_mask_is_silent_is_not_observed(pictures):
    mask = np.zeros((160, 160))
    mask[:, 80:] = 255
    write_mask(pictures, mask)
    report = look(pictures, sensor="pms2m")
    assert report.figures["unobserved_px"] >= 80 * 160


@pytest.mark.parametrize(
    "wrong", [{"transform": Affine(2, 0, 500100, 0, -2, 3100000)}, {"crs": "EPSG:4548"}]
)
def test_look__a_mask_of_another_place_is_refused(pictures, wrong):
    write_mask(pictures, np.zeros((160, 160)), **wrong)
    with pytest.raises(SceneError, match=r"PMS2M_20250602_cloud\.tif: .*make the mask"):
        look(pictures, sensor="pms2m")


def test_look__a_mask_of_another_size_is_refused(pictures):
    write_mask(pictures, np.zeros((100, 160)))
    with pytest.raises(SceneError, match="the cloud mask covers"):
        look(pictures, sensor="pms2m")


def test_look__black_ground_without_nodata_value_is_not_observed(tmp_path):
    images = [ground(1), ground(2)]
    for name, image in zip(("a_20250501.tif", "b_20250601.tif"), images, strict=True):
        image[:, :, :60] = 0
        image[0, 150, 150] = 0
        draw(tmp_path / name, image)
    report = look(tmp_path, before="a_20250501.tif", after="b_20250601.tif")
    assert report.figures["unobserved_px"] == 60 * 160, "one dark band alone is an observation"
    assert f"a_20250501.tif: no no-data value is declared; {60 * 160} pixels" in "\n".join(
        report.notices
    )


def test_describe_plain__unwritten_blocks_are_named_and_not_observed(tmp_path):
    path = tmp_path / "a_20250501.tif"
    settings = {
        "driver": "GTiff", "crs": tiny_job.CRS, "transform": Affine(*tiny_job.GRID.transform),
        "count": 1, "height": 64, "width": 64, "dtype": "uint16", "tiled": True,
        "blockxsize": 32, "blockysize": 32, "SPARSE_OK": "TRUE",
    }  # fmt: skip
    with rasterio.open(path, "w", **settings) as image:
        image.write(ground(1)[:1, :32, :32], window=((0, 32), (0, 32)))
    scene, notices = describe_plain(path, None)
    assert scene.nodata == 0
    assert any("3 blocks were never written" in notice for notice in notices)
