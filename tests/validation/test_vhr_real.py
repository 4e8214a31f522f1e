"""Real 0.5 to 2 m colour pairs, quick looks from file to patches; labels are used to score only.

LEVIR labels buildings alone (roads, yards and gardens that came with them count as false), DSIFN
any change, drawn generously. A patch is true when labels cover 30% of it; a labelled object is
found when patches cover 30% of it.
"""

import sys

import numpy as np
import pytest
import rasterio
from rasterio.features import rasterize
from rasterio.transform import Affine

from changedetect.errors import SceneError
from changedetect.io.georeference import PLAIN
from changedetect.io.vector_writer import read_geopackage
from changedetect.kernels.runs import find_runs, label_runs
from changedetect.pipeline.looks.look import LookOptions
from changedetect.pipeline.looks.quicklook import look_at_pair
from changedetect.pipeline.runs.progress import Silent

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

COVER = 0.3
LEAST_PX = 8
UNCHANGED = "train_386_0512_0768"


def components(mask):
    """Number each group of pixels that touch, corners included, from 1; ``(y, x)``."""
    runs = find_runs(mask.astype(np.uint8), 0, 0)
    out = np.zeros(mask.shape, int)
    for (row, begin, end), group in zip(runs, label_runs(runs, True), strict=True):
        out[row, begin:end] = group + 1
    return out


def covered(objects, by):
    """Share of each numbered object that a mask covers; objects of few pixels are left out."""
    sizes = np.bincount(objects.ravel())[1:]
    hit = np.bincount(objects.ravel(), by.ravel().astype(float), len(sizes) + 1)[1:]
    return hit[sizes >= LEAST_PX] / sizes[sizes >= LEAST_PX]


def look(folder, name, out):
    report = look_at_pair(
        folder / "A" / name, folder / "B" / name, LookOptions(out, workers=1), progress=Silent()
    )
    with rasterio.open(out / "change.tif") as change:
        alarm = change.read(1) == 1
    table = read_geopackage(out / "patches.gpkg", "patches")
    shapes = [(shape, number + 1) for number, shape in enumerate(table.geometry)]
    patches = (
        rasterize(shapes, alarm.shape, transform=Affine(*PLAIN)) if shapes else alarm.astype(int)
    )
    return report, alarm, patches.astype(int)


def scored(folder, name, out):
    report, alarm, patches = look(folder, name, out)
    with rasterio.open(folder / "label" / name) as label:
        truth = label.read(1) > 128
    hits = (alarm & truth).sum()
    found, right = covered(components(truth), alarm), covered(patches, truth)
    return {
        "alarmed": alarm.mean(),
        "labelled": truth.mean(),
        "recall": hits / max(truth.sum(), 1),
        "precision": hits / max(alarm.sum(), 1),
        "F1": 2 * hits / max(truth.sum() + alarm.sum(), 1),
        "objects": len(found),
        "found": (found >= COVER).mean() if len(found) else np.nan,
        "patches": len(right),
        "right": (right >= COVER).mean() if len(right) else np.nan,
        "stated": report.figures["false_alarm_rate"],
    }


def table_of(folder, tmp_path):
    """Score every pair of a folder and print the table."""
    rows = {
        path.stem: scored(folder, path.name, tmp_path / path.stem)
        for path in sorted((folder / "label").glob("*.png"))
    }
    for name, row in rows.items():
        shown = " ".join(f"{key} {value:.3g}" for key, value in row.items())
        sys.stdout.write(f"{folder.name} {name}: {shown}\n")
    changed = [row for name, row in rows.items() if name != UNCHANGED]
    means = {
        key: float(np.nanmean([row[key] for row in changed]))
        for key in ("F1", "recall", "precision", "found", "right")
    }
    sys.stdout.write(f"{folder.name} mean of {len(changed)}: {means}\n")
    return rows, means


@pytest.fixture(scope="module")
def levir(real_data, tmp_path_factory):
    return table_of(real_data / "levir_samples", tmp_path_factory.mktemp("levir"))


def test_levir__where_nothing_changed_hardly_anything_alarms(levir):
    rows, _ = levir
    assert rows[UNCHANGED]["labelled"] == 0
    assert rows[UNCHANGED]["alarmed"] <= 0.005


def test_levir__buildings_are_found_without_labels(levir):
    _, means = levir
    assert means["F1"] >= 0.31
    assert means["found"] >= 0.6


def test_dsifn__change_is_found_without_labels(real_data, tmp_path):
    _, means = table_of(real_data / "dsifn_samples", tmp_path)
    assert means["F1"] >= 0.49
    assert means["found"] >= 0.6


def test_levir__pictures_of_different_sizes_are_refused(real_data, tmp_path):
    folder, name = real_data / "levir_samples", "test_113_0256.png"
    with pytest.raises(SceneError, match="equal sizes were expected"):
        look(folder, name, tmp_path / "out")
