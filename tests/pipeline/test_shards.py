"""Parts of a month's tiles in processes of their own, then the whole: the bytes of one run."""

import pytest

from changedetect.errors import ConfigError, LockedError
from changedetect.io.publish import RunLock
from changedetect.pipeline.month import RunOptions, run_shard
from changedetect.pipeline.runs.job import open_job
from changedetect.pipeline.runs.progress import Silent
from changedetect.pipeline.runs.shards import SHARDS, Shard
from tests.pipeline import tiny_job

TILE_PX = 64


def part(config, text, **chosen):
    options = RunOptions(out=config.parent / "out", tile_px=TILE_PX, workers=1, **chosen)
    return run_shard(
        open_job(config), tiny_job.MONTH, options, Shard.of(text),
        progress=Silent(), clock=lambda: tiny_job.NOW,
    )  # fmt: skip


def month_of(config):
    return config.parent / "out" / tiny_job.MONTH


@pytest.mark.parametrize("count", [1, 2, 3])
def test_shards__then_the_whole_give_the_bytes_of_one_run(tiny, whole, monkeypatch, count):
    done = [part(tiny, f"{k}/{count}") for k in range(count, 0, -1)]
    assert sum(one.tiles for one in done) == 12
    assert max(one.tiles for one in done) - min(one.tiles for one in done) <= 1
    assert not any(one.problems for one in done)

    def never(_work, tile):
        raise AssertionError(tile.name)

    # The whole run measures no tile again.
    monkeypatch.setattr("changedetect.pipeline.sources.fusedwork.FusedWork.measure", never)
    tiny_job.run(tiny, tile_px=TILE_PX)
    assert tiny_job.digests(month_of(tiny)) == tiny_job.digests(month_of(whole))
    assert not (month_of(tiny) / SHARDS).exists()


def test_shards__one_that_never_ran_is_done_by_the_whole_run(tiny, whole):
    part(tiny, "2/3")
    tiny_job.run(tiny, tile_px=TILE_PX)
    assert tiny_job.digests(month_of(tiny)) == tiny_job.digests(month_of(whole))


def test_shards__do_not_lock_one_another_but_the_whole_waits_for_them(tiny):
    part(tiny, "1/2")
    held = month_of(tiny) / SHARDS / "1-of-2" / ".lock"
    with RunLock(held):
        assert part(tiny, "2/2").tiles == 6
        with pytest.raises(LockedError, match="1-of-2"):
            part(tiny, "1/2")
        with pytest.raises(LockedError, match="1-of-2"):
            tiny_job.run(tiny, tile_px=TILE_PX)


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "a/b", "1/0", "-1/2", ""])
def test_shard__is_i_of_n(text):
    with pytest.raises(ConfigError, match="such as 2/8"):
        Shard.of(text)
