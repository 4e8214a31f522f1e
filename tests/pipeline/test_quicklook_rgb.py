"""Quick looks at colour pictures of very high resolution: structure, whatever the tiles."""

import numpy as np
import rasterio
from rasterio.transform import Affine

from changedetect.pipeline.looks.look import LookOptions
from changedetect.pipeline.looks.quicklook import look_at_pair
from changedetect.pipeline.runs.progress import Silent
from tests.pipeline import tiny_job
from tests.stages.test_structure import NEW, changed_pair


def draw(path, values, resolution):
    west, north = tiny_job.GRID.bounds[0], tiny_job.GRID.bounds[3]
    numbers = np.clip(np.rint(values * 255), 1, 255).astype(np.uint8)
    with rasterio.open(
        path, "w", driver="GTiff", crs=tiny_job.CRS, count=3, dtype="uint8", nodata=0,
        height=values.shape[1], width=values.shape[2],
        transform=Affine(resolution, 0, west, 0, -resolution, north),
    ) as image:  # fmt: skip
        image.write(numbers)
    return path


def look(folder, resolution, name="out", **options):
    before, after = changed_pair()
    first = draw(folder / "a_20250501.tif", before, resolution)
    second = draw(folder / "b_20250601.tif", after, resolution)
    chosen = LookOptions(folder / name, workers=1, **options)
    report = look_at_pair(first, second, chosen, progress=Silent())
    with rasterio.open(folder / name / "evidence.tif") as image:
        return report, image.read(1)


def test_look__sees_the_new_roof_the_same_in_any_tiles(tmp_path):
    report, whole = look(tmp_path, 0.5)
    assert any("right angles" in notice for notice in report.notices)
    assert (whole >= report.figures["threshold_llr"] * 100)[NEW].mean() > 0.8
    _, cut = look(tmp_path, 0.5, "cut", tile_px=64)
    assert cut.tobytes() == whole.tobytes()


def test_look__coarse_pictures_are_compared_by_their_spectra(tmp_path):
    report, _ = look(tmp_path, 10.0)
    assert not any("right angles" in notice for notice in report.notices)
