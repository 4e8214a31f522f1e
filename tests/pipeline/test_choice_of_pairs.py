"""Which images a month compares: neighbours crowd nobody out, and there is a next one to take."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from changedetect.grid import Grid
from changedetect.pipeline.runs.job import open_job
from changedetect.pipeline.sources.scenes import choose_pairs, common_share, expected_pairs, is_due
from changedetect.records import Scene, ScenePair
from tests.pipeline import tiny_job

SPAN = date(2025, 6, 1), date(2025, 6, 30)
SIDE_PX = 1000
LIMIT = 3


def scene(month, day, east_px=0, crs="EPSG:4547"):
    time = datetime(2025, month, day, tzinfo=UTC)
    grid = Grid(crs, (2.0, 0.0, 500000.0 + 2 * east_px, 0.0, -2.0, 3100000.0), SIDE_PX, SIDE_PX)
    name = f"A{time:%m%d}_{east_px}"
    return Scene(name, "pms2m", "optical", time, f"{name}.tif", grid, (), "uint16", 0, 2.0, "0")


@pytest.fixture
def chosen(tiny):
    config = open_job(tiny).config
    assert config.scenes.pairs_per_month == LIMIT
    return lambda scenes: choose_pairs(scenes, config, SPAN)


def befores(pairs):
    return [pair.before.scene_id for pair in pairs]


def test_choice__slivers_of_neighbours_do_not_crowd_out_the_image_that_covers(chosen):
    slivers = [scene(5, day, east_px=950) for day in (20, 21, 22, 23)]
    covering = scene(4, 2)
    pairs = expected_pairs(chosen([*slivers, covering, scene(6, 10)]), LIMIT)
    assert befores(pairs) == ["A0402_0", "A0523_950", "A0522_950", "A0521_950"]


def test_choice__two_halves_count_alike(chosen):
    halves = [scene(5, 20, east_px=600), scene(5, 10, east_px=-600)]
    pairs = expected_pairs(chosen([*halves, scene(6, 10)]), LIMIT)
    assert befores(pairs) == ["A0520_600", "A0510_-600"]


def test_choice__newest_first_and_as_many_as_wanted_for_each_image(chosen):
    scenes = [scene(5, day) for day in range(1, 7)] + [scene(6, 3), scene(6, 9)]
    pairs = expected_pairs(chosen(scenes[::-1]), LIMIT)
    assert [pair.name for pair in pairs] == [
        f"A05{day:02d}_0__{after}" for after in ("A0609_0", "A0603_0") for day in (6, 5, 4)
    ]


def test_choice__the_next_one_takes_the_place_of_a_pair_that_is_refused(chosen):
    pairs = chosen([*(scene(5, day) for day in range(1, 7)), scene(6, 9)])
    done = []
    for pair in pairs:
        if is_due(pair, done, pairs, LIMIT) and pair.before.scene_id != "A0505_0":
            done.append(pair)
    assert befores(done) == ["A0506_0", "A0504_0", "A0503_0"]


def test_choice__images_that_do_not_meet_are_no_pair(chosen):
    assert chosen([scene(5, 20, east_px=1000), scene(6, 9)]) == ()
    assert chosen([scene(5, 20)]) == ()
    assert expected_pairs((), LIMIT) == ()


def test_choice__the_common_share_is_of_the_image_after():
    after = scene(6, 9)
    assert common_share(scene(5, 1, east_px=250), after) == pytest.approx(0.75)
    assert common_share(scene(5, 1, crs="EPSG:4548"), after) == 1.0
    wide = replace(after, grid=Grid(after.grid.crs, after.grid.transform, 2 * SIDE_PX, SIDE_PX))
    assert common_share(after, wide) == pytest.approx(0.5)


def test_choice__is_an_output_on_which_detection_rests(tiny):
    tiny_job.run(tiny, only="scenes")
    path = tiny.parent / "out" / tiny_job.MONTH / "pairs.json"
    assert path.read_text() == '[\n [\n  "PMS2M_20250512",\n  "PMS2M_20250618"\n ]\n]\n'


def test_choice__pair_names_are_unique(chosen):
    pairs = chosen([scene(5, 1), scene(5, 2, east_px=900), scene(6, 9), scene(6, 10)])
    assert len({pair.name for pair in pairs}) == len(pairs) == 4
    assert all(isinstance(pair, ScenePair) for pair in pairs)
