"""Same inputs, same bytes: whatever the tiles, workers, scheduler, locale, time zone, and place."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from changedetect.pipeline.steps import classification, classified
from changedetect.stages.patches import batches
from tests.pipeline import tiny_job

DETECTED = ("evidence.tif", "change.tif", "patches.gpkg", "patches.npz", "unobserved.json")
"""What tiling could touch; everything after it is made from these files and from records."""

CUTS = ((64, 4, "threads"), (100, 2, "threads"), (256, 1, "threads"))


def results(config):
    return tiny_job.digests(config.parent / "out" / tiny_job.MONTH)


@pytest.mark.parametrize(("tile_px", "workers", "scheduler"), CUTS)
def test_bytes__of_detection_do_not_depend_on_tiles_or_workers(
    tiny, whole, tile_px, workers, scheduler
):
    for name in ("scenes", "detect"):
        tiny_job.run(tiny, only=name, tile_px=tile_px, workers=workers, scheduler=scheduler)
    expected = results(whole)
    assert {name: results(tiny)[name] for name in DETECTED} == {
        name: expected[name] for name in DETECTED
    }


def test_bytes__of_everything_do_not_depend_on_tiles_and_workers(tiny, whole):
    tiny_job.run(tiny, tile_px=64, workers=4)
    assert results(tiny) == results(whole)
    assert any(name.endswith(".xlsx") for name in results(tiny))


@pytest.mark.parametrize("rows", [1, 3])
def test_bytes__do_not_depend_on_how_many_patches_are_made_and_read_together(
    tiny, whole, monkeypatch, rows
):
    monkeypatch.setattr(batches, "BATCH", rows)
    monkeypatch.setattr(classified, "PART_ROWS", rows)
    monkeypatch.setattr(classification, "PART_ROWS", rows)
    for name in ("scenes", "detect", "classify", "check"):
        tiny_job.run(tiny, only=name, tile_px=64, workers=2)
    expected, found = results(whole), results(tiny)
    made = [*DETECTED, "classified.gpkg", "units.json", "charges.json"]
    assert {name: found[name] for name in made} == {name: expected[name] for name in made}


SCRIPT = """
import sys
from pathlib import Path
from changedetect.pipeline.steps import classification
from tests.pipeline import tiny_job
if __name__ == "__main__":
    classification.MODELS = Path(sys.argv[2])
    tiny_job.run(Path(sys.argv[1]), tile_px=128, workers=1, scheduler="processes")
"""


def test_bytes__in_another_locale_time_zone_order_and_with_processes(
    tiny_base, whole, tmp_path, repository
):
    """One run in a fresh interpreter with processes, under the C locale, in Shanghai."""
    config = tmp_path / "别处 job" / "config.yaml"
    shutil.copytree(tiny_base / "job", config.parent)
    (tmp_path / "driver.py").write_text(SCRIPT)
    settings = {"LC_ALL": "C", "TZ": "Asia/Shanghai", "PYTHONHASHSEED": "7"}
    subprocess.run(
        [sys.executable, tmp_path / "driver.py", config, tiny_base / "models"],
        check=True,
        cwd=tmp_path,
        env={**os.environ, **settings, "PYTHONPATH": str(repository)},
    )
    assert results(config) == results(whole)


def test_bytes__negative_control_another_image_gives_other_bytes(tiny, whole):
    """The comparison can fail: one brighter pixel is seen in the evidence."""
    image = tiny_job.ground()[1].copy()
    image[:, 90, 110] += 900
    tiny_job.write_image(tiny.parent / "scenes" / tiny_job.AFTER, image)
    for name in ("scenes", "detect"):
        tiny_job.run(tiny, only=name)
    assert results(tiny)["evidence.tif"] != results(whole)["evidence.tif"]


def test_bytes__no_result_tells_of_machine_clock_or_place(whole):
    """Nothing under the month's folder holds a path, a host or the time of the run."""
    folder = whole.parent / "out" / tiny_job.MONTH
    secrets = [str(whole.parent).encode(), os.uname().nodename.encode(), b"2025-07-01"]
    for path in folder.rglob("*"):
        if path.suffix in {".json", ".html", ".csv", ".gpkg"}:
            found = [secret for secret in secrets if secret in path.read_bytes()]
            assert not found, f"{path.name} holds {found}"
    steps = json.loads((folder / "run.json").read_text())["steps"]
    assert len(steps) == 6
