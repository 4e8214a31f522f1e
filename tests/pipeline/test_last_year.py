"""A month whose archive holds an image of the same season a year ago."""

import json
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from changedetect.config.detection import EvidenceSection, PatchesSection, PixelsSection
from changedetect.errors import SceneError
from changedetect.pipeline.runs.settings import Settings
from changedetect.pipeline.sources import seasonwork
from changedetect.pipeline.sources.fittedpair import FittedPair
from changedetect.records import ScenePair
from changedetect.stages.evidence.lastyear import SeasonModel
from changedetect.stages.evidence.optical import PairModel
from tests.pipeline import tiny_job
from tests.pipeline.test_choice_of_pairs import scene

YEAR_AGO = "PMS2M_20240612.tif"
FLOODED = (slice(90, 112), slice(20, 44))


def put_a_year_ago(config):
    """Flood a field this month, and show that it was flooded a year ago."""
    folder = config.parent / "scenes"
    before, after = (image.copy() for image in tiny_job.ground())
    rng = np.random.default_rng(4)
    past = np.clip(before * 0.97 + rng.normal(0, 20, before.shape), 1, 10000)
    for image in (after, past):
        image[:, *FLOODED] = rng.normal(450, 25, image[:, *FLOODED].shape)
    tiny_job.write_image(folder / tiny_job.AFTER, after.astype(np.uint16))
    tiny_job.write_image(folder / YEAR_AGO, past.astype(np.uint16))


def detected(config, **options):
    for name in ("scenes", "detect"):
        tiny_job.run(config, only=name, **options)
    folder = config.parent / "out" / tiny_job.MONTH
    return tiny_job.digests(folder), json.loads((folder / "run.json").read_text())


def test_month__last_year_is_used_and_told_and_tiles_leave_no_trace(tiny, tmp_path):
    put_a_year_ago(tiny)
    again = tmp_path / "again" / "job" / tiny.name
    shutil.copytree(tiny.parent, again.parent)
    whole, told = detected(tiny)
    text = json.dumps(told)
    assert '"image": "PMS2M_20240612"' in text
    cut, _ = detected(again, tile_px=64, workers=2)
    for name in ("evidence.tif", "patches.gpkg"):
        assert cut[name] == whole[name], name


class Fits:
    """Stands for the fit of a pair; counts."""

    def __init__(self, refused=()):
        self.names, self.refused = [], refused

    def __call__(self, _reader, pair, *_):
        self.names.append(pair.before.scene_id)
        if pair.before.scene_id in self.refused:
            raise SceneError("clouded")
        return fitted(pair)


@dataclass(frozen=True)
class Pixels:
    """What `hold` needs to know of a pair's pixels."""

    notes: tuple[str, ...] = ()


def fitted(pair):
    model = object.__new__(PairModel)
    return FittedPair(pair, Pixels(), model)


def at(year, month, day, **more):
    one = scene(month, day, **more)
    time = datetime(year, month, day, tzinfo=UTC)
    return replace(one, time=time, scene_id=f"{year}{one.scene_id}")


AFTER = at(2025, 6, 18)


@pytest.fixture
def held(monkeypatch):
    """Return which image of an earlier year a pair is held against."""

    def hold(befores, days=30, refused=(), first=0, denied=0.0):
        fits = Fits(refused)
        monkeypatch.setattr(seasonwork, "fit", fits)
        model = SeasonModel(0.0, 1.0, 0.0, None, denied)
        monkeypatch.setattr(seasonwork.lastyear, "fit_season", lambda *_: model)
        monkeypatch.setattr(seasonwork.LastYear, "_blocks", lambda *_: iter(()))
        evidence = EvidenceSection(season_days=days)
        settings = Settings(PixelsSection(), evidence, PatchesSection())
        pairs = [ScenePair(before, AFTER) for before in befores]
        work = seasonwork.LastYear(pairs, None, None, settings)
        found = [work.hold(fitted(pair)) for pair in (pairs[first], pairs[first])][-1]
        name = found.season and found.season.fitted.pair.before.scene_id
        return name, fits.names, found.pixels.notes

    return hold


MAY, JUNE_24, JULY_24, MARCH = (
    at(2025, 5, 20), at(2024, 6, 10), at(2024, 7, 9), at(2025, 3, 2),
)  # fmt: skip


def test_hold__the_nearest_season_of_another_year_fitted_once(held):
    assert held([MAY, MARCH, JULY_24, JUNE_24]) == (JUNE_24.scene_id, [JUNE_24.scene_id], ())


def test_hold__no_such_image_or_not_wanted(held):
    assert held([MAY, MARCH]) == (None, [], ())
    assert held([MAY, JUNE_24], days=0) == (None, [], ())
    assert held([MAY, JUNE_24], days=7) == (None, [], ())


def test_hold__one_that_can_not_be_used_gives_its_place_to_the_next(held):
    name, _, notes = held([MAY, JULY_24, JUNE_24], refused=(JUNE_24.scene_id,))
    assert name == JULY_24.scene_id
    assert notes == (f"last year's image {JUNE_24.scene_id} not used: clouded",)
    assert held([MAY, JUNE_24], refused=(JUNE_24.scene_id,))[::2] == (None, notes)


def test_hold__one_that_denies_nearly_all_is_told(held):
    name, _, notes = held([MAY, JUNE_24], denied=0.97)
    assert name == JUNE_24.scene_id
    assert len(notes) == 1
    assert "97%" in notes[0]
    assert held([MAY, JUNE_24], denied=0.45)[2] == ()


def test_hold__a_sliver_of_a_neighbour_comes_after_one_that_covers(held):
    sliver = at(2024, 6, 17, east_px=950)
    assert held([MAY, sliver, JULY_24])[0] == JULY_24.scene_id


def test_hold__a_pair_over_a_year_is_left_as_it_is(held):
    assert held([JUNE_24, JULY_24])[0] is None
