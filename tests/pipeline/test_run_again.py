"""A month that went wrong once: repaired by the same command, and never told to be whole."""

import pytest
from typer.testing import CliRunner

from changedetect.cli.app import app
from changedetect.errors import InputError
from changedetect.pipeline.steps import detection
from tests.pipeline import tiny_job


@pytest.fixture
def partial(tiny, monkeypatch):
    """Config file of a job whose run left a tile out; afterwards tiles work again."""
    work = detection.FusedWork.__call__

    def failing(self, tile):
        if tile.name == "r000000c000000":
            msg = "PMS2M_20250618.tif: rows 0 to 100 can not be read"
            raise InputError(msg)
        return work(self, tile)

    with monkeypatch.context() as patch:
        patch.setattr(detection.FusedWork, "__call__", failing)
        assert tiny_job.run(tiny, tile_px=100).exit_code == 3
    return tiny


def test_run_again__a_stage_alone_tells_what_earlier_ones_left_out(partial):
    report = tiny_job.run(partial, only="deliver")
    assert report.repeated
    assert report.exit_code == 3
    assert any("tile r000000c000000 not observed" in line for line in report.problems)


def test_run_again__the_same_command_heals_a_partial_month(partial, whole):
    report = tiny_job.run(partial, tile_px=100)
    assert report.exit_code == 0
    assert [record.name for record, reused in report.steps if reused] == ["scenes"]
    mine, theirs = (
        tiny_job.digests(config.parent / "out" / tiny_job.MONTH) for config in (partial, whole)
    )
    assert mine["evidence.tif"] == theirs["evidence.tif"]
    assert mine["patches.gpkg"] == theirs["patches.gpkg"]


def test_run_again__a_stage_alone_may_overwrite(tiny):
    options = [str(tiny), "--month", tiny_job.MONTH, "--out", str(tiny.parent / "out")]
    runner = CliRunner()
    assert runner.invoke(app, ["scenes", *options]).exit_code == 0
    text = tiny.read_text(encoding="utf-8").replace("pms2m}", "pms2m, lookback_days: 300}")
    tiny.write_text(text, encoding="utf-8")
    refused = runner.invoke(app, ["scenes", *options])
    assert isinstance(refused.exception, InputError)
    assert runner.invoke(app, ["scenes", *options, "--overwrite"]).exit_code == 0
