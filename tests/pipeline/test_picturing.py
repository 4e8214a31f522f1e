"""Pictures drawn by several threads, in shares: the same files as by one."""

from types import SimpleNamespace

import shapely

from changedetect.config.deliver import DeliverSection
from changedetect.grid import Grid
from changedetect.pipeline.steps import picturing
from tests.pipeline import tiny_job


def test_shares__packages_are_the_same_whoever_draws(tiny, whole, monkeypatch):
    monkeypatch.setattr(picturing, "_TOGETHER", 1)
    tiny_job.run(tiny, workers=3)
    drawn = tiny_job.digests(tiny.parent / "out" / tiny_job.MONTH)
    expected = tiny_job.digests(whole.parent / "out" / tiny_job.MONTH)
    assert drawn == expected
    assert sum(name.endswith("_T.jpg") for name in drawn) > 3


def test_strips__neighbours_follow_one_another_whatever_their_numbers():
    """Four squares of ground: both of the upper strip come first, from west to east."""
    grid = Grid("EPSG:4547", (2.0, 0.0, 0.0, 0.0, -2.0, 4096.0), 2048, 2048)
    places = {"4": (100, 4000), "2": (3000, 4000), "3": (200, 100), "1": (2900, 200)}
    cases = [
        (
            SimpleNamespace(number=number),
            SimpleNamespace(geometry=shapely.box(x, y, x + 20, y + 20)),
        )
        for number, (x, y) in sorted(places.items())
    ]
    pictures = picturing.Pictures(None, {}, grid, DeliverSection())
    ordered = pictures._in_strips(cases)
    assert [case.number for case, _ in ordered] == ["4", "2", "3", "1"]
