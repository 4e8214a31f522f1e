"""Pictures drawn by several threads, in shares: the same files as by one."""

from types import SimpleNamespace

import numpy as np
import shapely

from changedetect.config.deliver import DeliverSection
from changedetect.grid import Grid
from changedetect.io.rasters import RasterReader
from changedetect.pipeline.steps import picturing
from tests.pipeline import tiny_job


def test_shares__packages_are_the_same_whoever_draws(tiny, whole, monkeypatch):
    monkeypatch.setattr(picturing, "_TOGETHER", 1)
    tiny_job.run(tiny, workers=3)
    drawn = tiny_job.digests(tiny.parent / "out" / tiny_job.MONTH)
    expected = tiny_job.digests(whole.parent / "out" / tiny_job.MONTH)
    assert drawn == expected
    assert sum(name.endswith("_T.jpg") for name in drawn) > 3


GRID = Grid("EPSG:4547", (2.0, 0.0, 0.0, 0.0, -2.0, 4096.0), 2048, 6144)


def ordered(places):
    """Numbers of cases on squares of ground, in the order in which they are drawn."""
    cases = [
        (
            SimpleNamespace(number=number),
            SimpleNamespace(geometry=shapely.box(x, y, x + 20, y + 20)),
        )
        for number, (x, y) in sorted(places.items())
    ]
    pictures = picturing.Pictures(None, {}, GRID, DeliverSection())
    return [case.number for case, _ in pictures._in_strips(cases)]


def test_strips__neighbours_follow_one_another_whatever_their_numbers():
    """Four squares of ground: both of the upper strip come first, from west to east."""
    places = {"4": (100, 4000), "2": (3000, 4000), "3": (200, 100), "1": (2900, 200)}
    assert ordered(places) == ["4", "2", "3", "1"]


def test_strips__of_wide_ground_go_from_band_to_band():
    """Two bands of 3,072 px: all of the western one comes first, from north to south."""
    places = {"4": (100, 4000), "2": (7000, 4000), "3": (6100, 100), "1": (11_000, 200)}
    assert ordered(places) == ["4", "3", "2", "1"]


def test_write__leaves_no_decoded_block_behind(tmp_path, monkeypatch):
    """Sheet and page are made after the pictures: their memory must not stand beside that of blocks."""
    reader = RasterReader(tmp_path)

    def drawn(pictures, _shares):
        pictures.reader._blocks.get("block", lambda: np.zeros((4, 8, 8), np.uint16))
        assert reader._blocks.held_bytes > 0
        yield {}, {}, {}

    monkeypatch.setattr(picturing.Pictures, "_drawn", drawn)
    picturing.Pictures(reader, {}, GRID, DeliverSection()).write(tmp_path, [])
    assert reader._blocks.held_bytes == 0
