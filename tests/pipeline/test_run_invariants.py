"""I6, I9 and I10 of a whole run, by name: kept as it was left, and seen where a fault was planted."""

import json
import shutil

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely

from tests import promises
from tests.pipeline import tiny_job

AREA_M2 = tiny_job.GRID.width * tiny_job.GRID.height * 4.0


@pytest.fixture
def run(whole, tmp_path):
    """A copy of a finished run."""
    shutil.copytree(whole.parent / "out", tmp_path / "out")
    return tmp_path / "out" / tiny_job.MONTH


def entries_of(run):
    return promises.read(run.parent / "ledger.sqlite")[0]


def test_promises__are_kept_by_a_run(run):
    entries, rows = promises.read(run.parent / "ledger.sqlite")
    assert rows
    assert promises.i6_units(run) == []
    assert promises.i6_areas(entries, rows) == []
    assert promises.i9_files(run, entries) == []
    assert promises.i10_whole(run, AREA_M2) == []


def rewrite(path, change):
    said = json.loads(path.read_bytes())
    change(said)
    path.write_text(json.dumps(said), encoding="utf-8")


def split_units(said):
    """Units of patches that lie in two counties."""
    patches = [unit["patch_id"] for unit in said if not unit["parent"] and not unit["watch"]]
    return [
        unit for unit in said if not unit["parent"] and not unit["watch"] and patches.count(unit["patch_id"]) == 2
    ]  # fmt: skip


def test_i6__a_part_that_got_lost_on_a_border(run):
    def lose(said):
        said.remove(split_units(said)[0])

    rewrite(run / "units.json", lose)
    assert [line[:9] for line in promises.i6_units(run)] == ["I6 patch "]


def test_i6__a_part_that_two_counties_have(run):
    def double(said):
        first, second = split_units(said)[:2]
        shapes = [shapely.from_wkb(unit["geometry"]) for unit in (first, second)]
        first["geometry"] = shapely.to_wkb(shapely.union_all(shapes), hex=True)

    rewrite(run / "units.json", double)
    assert len(promises.i6_units(run)) == 1


def test_i9__a_file_that_was_changed_is_missing_or_stands_in_no_list(run):
    entries = entries_of(run)
    sheets = sorted((run / "packages").rglob("*.xlsx"))
    sheets[0].write_bytes(sheets[0].read_bytes() + b" ")
    sheets[1].unlink()
    (run / "packages" / "stray.txt").write_text("x", encoding="utf-8")
    said = promises.i9_files(run, entries)
    assert sorted(line.rsplit(": ", 1)[1] for line in said) == ["changed", "in no list", "missing"]
    assert f"I9 {sheets[0].relative_to(run).as_posix()}: changed" in said


def test_i9__a_package_that_was_dispatched_and_is_not_the_published_one(run):
    sent = {"event": "dispatched", "source_sha256": "ab" * 32}
    assert promises.i9_files(run, [*entries_of(run), sent]) == [
        f"I9 {'ab' * 6}: dispatched, not published"
    ]


def test_i10__ground_that_is_called_examined_though_nobody_saw_it(run):
    """The cloud is painted over in the raster; or the list leaves a piece of it out."""
    with rasterio.open(run / "change.tif", "r+", driver="GTiff", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:  # fmt: skip
        values = dataset.read(1)
        dataset.write(np.where(values == 255, 0, values), 1)
    assert any("told as not observed" in line for line in promises.i10_whole(run, AREA_M2))


def test_i10__a_list_that_leaves_unseen_ground_out(run):
    rewrite(run / "unobserved.json", lambda said: said.clear())
    assert any("told as not observed" in line for line in promises.i10_whole(run, AREA_M2))


def test_i10__a_raster_that_lacks_ground(run):
    assert any("are not" in line for line in promises.i10_whole(run, AREA_M2 + 4000))
    assert gpd.read_file(run / "classified.gpkg").shape[0] > 3
