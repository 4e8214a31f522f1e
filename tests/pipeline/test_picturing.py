"""Pictures drawn by several threads, in shares: the same files as by one."""

from changedetect.pipeline.steps import picturing
from tests.pipeline import tiny_job


def test_shares__packages_are_the_same_whoever_draws(tiny, whole, monkeypatch):
    monkeypatch.setattr(picturing, "_TOGETHER", 1)
    tiny_job.run(tiny, workers=3)
    drawn = tiny_job.digests(tiny.parent / "out" / tiny_job.MONTH)
    expected = tiny_job.digests(whole.parent / "out" / tiny_job.MONTH)
    assert drawn == expected
    assert sum(name.endswith("_T.jpg") for name in drawn) > 3
