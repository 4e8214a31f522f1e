"""Quick looks: what is found, what is assumed, and that nothing of other images gets in."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from changedetect.errors import InputError, LockedError
from changedetect.io.publish import RunLock
from changedetect.pipeline import quicklook
from changedetect.pipeline.progress import Silent
from changedetect.pipeline.quicklook import LookOptions, look_at_pair
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


def test_look__finds_the_change_and_leaves_only_results(pictures):
    report = look(pictures)
    assert report.figures["patches"] == 1
    assert report.figures["area_m2"] == pytest.approx(40 * 40 * 4, rel=0.1)
    left = {path.name for path in (pictures / "out").iterdir()}
    assert left == {*quicklook.OUTPUTS, ".lock"}


def test_look__a_killed_look_at_other_images_leaves_no_trace(pictures, monkeypatch):
    """Tiles of the unchanged pair once turned the changed pair into a false "no change"."""
    with monkeypatch.context() as broken:
        broken.setattr(quicklook, "_write", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        broken.setattr(quicklook.shutil, "rmtree", lambda *_, **__: None)  # killed, not ended
        with pytest.raises(OSError, match="disk full"):
            look(pictures, after="PMS2M_20250601.tif")
    assert list((pictures / "out").glob("**/*.npz"))
    assert look(pictures).figures["patches"] == 1


def test_look__results_are_replaced_only_when_asked(pictures):
    look(pictures)
    with pytest.raises(InputError, match="add --overwrite"):
        look(pictures)
    assert look(pictures, overwrite=True).figures["patches"] == 1


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
