"""What a dry run tells: the disk that is written to, every raster, and time as a range."""

import shutil

from changedetect.pipeline import dryrun
from changedetect.pipeline.runs.job import open_job
from tests.pipeline import tiny_job


def test_dryrun__asks_the_disk_of_out_and_counts_what_is_written(tiny, monkeypatch):
    asked = []
    usage = shutil.disk_usage
    monkeypatch.setattr(dryrun.shutil, "disk_usage", lambda path: asked.append(path) or usage(path))
    out = tiny.parent / "there" / "not_yet"
    plan = dryrun.plan(open_job(tiny), tiny_job.MONTH, tile_px=None, workers=1, out=out)
    assert asked == [tiny.parent.resolve()]
    assert not out.exists()
    pixels = tiny_job.GRID.width * tiny_job.GRID.height
    assert plan.disk_bytes >= pixels * (2 + 2.7 + 2)
    text = "\n".join(plan.lines())
    assert "packages" in text
    assert f"about {plan.seconds:.0f} to {4 * plan.seconds:.0f} s" in text
