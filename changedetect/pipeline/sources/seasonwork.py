"""A pair held against the same season of an earlier year, where an image shows it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from changedetect.errors import InputError, SceneError
from changedetect.grid import Grid, Window
from changedetect.io.rasters import RasterReader
from changedetect.pipeline.runs.settings import Settings
from changedetect.pipeline.sources import skywork
from changedetect.pipeline.sources.fittedpair import FittedPair, Season, fit, prepared
from changedetect.pipeline.sources.scenes import SMALL_PART, common_share
from changedetect.records import Scene, ScenePair
from changedetect.stages import pixels
from changedetect.stages.evidence import lastyear
from changedetect.stages.evidence import pair as pair_evidence
from changedetect.stages.evidence.optical import PairModel

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class LastYear:
    """Images of earlier years that the pairs of a month are held against; each is fitted once.

    Attributes
    ----------
    pairs
        All pairs that the month could compare.
    reader, grid, settings, workers
        Of the job.
    """

    pairs: Sequence[ScenePair]
    reader: RasterReader
    grid: Grid
    settings: Settings
    workers: int = 1
    _fitted: dict[str, FittedPair | str] = field(default_factory=dict)

    def hold(self, fitted: FittedPair) -> FittedPair:
        """Add to a fitted pair what the same season of an earlier year says.

        Of the images before that show most, the one whose day of the year is nearest to that of the
        image after is taken, within ``evidence.season_days``. A pair stays as it is where no such image can be
        used, where pictures are compared by their structure, or where its own image before is of an
        earlier year. An image that was wanted and can not be used is told in the notes of the pair, and one
        that denies nearly all alarms of the pair.
        """
        if not isinstance(fitted.evidence, PairModel):
            return fitted
        limit = self.settings.evidence.season_days
        if not limit or gap_days(fitted.pair) <= 2 * limit:
            return fitted
        season, notes = None, fitted.pixels.notes
        for pair in self._near(fitted.pair.after, limit):
            past = self._fit(pair)
            if isinstance(past, str):
                notes = (*notes, f"last year's image {pair.before.scene_id} not used: {past}")
                continue
            season = self._season(fitted, fitted.evidence, past)
            if season is not None:
                notes = (*notes, *self._doubts(season))
                break
        return replace(fitted, season=season, pixels=replace(fitted.pixels, notes=notes))

    def _doubts(self, season: Season) -> tuple[str, ...]:
        """Say so where last year's image denies nearly all: seasons deny less, a year of building may be behind it."""
        denied = season.model.denied_share
        if denied <= self.settings.evidence.season_doubt_share:
            return ()
        name = season.fitted.pair.before.scene_id
        note = (
            f"last year's image {name} takes {denied:.0%} of the pair's alarms for the season; if much was "
            "built within the year, compare without it (evidence.season_days: 0) / 去年同期影像否定了大部分报警，请核实"
        )
        return (note,)

    def _near(self, after: Scene, limit: int) -> list[ScenePair]:
        """List pairs of the same season, the nearest first; slivers of neighbours at the end."""
        mine = [pair for pair in self.pairs if pair.after.scene_id == after.scene_id]
        shares = {pair.name: common_share(pair.before, after) for pair in mine}
        least = SMALL_PART * max(shares.values(), default=0.0)
        near = [pair for pair in mine if gap_days(pair) <= limit]
        return sorted(near, key=lambda pair: (shares[pair.name] < least, gap_days(pair), pair.name))

    def _season(self, fitted: FittedPair, model: PairModel, past: FittedPair) -> Season | None:
        if not isinstance(past.evidence, PairModel):
            return None
        cfg = self.settings.evidence
        least = lastyear.fit_season(list(self._blocks(fitted, past)), model, past.evidence, cfg)
        return None if least is None else Season(past, least)

    def _fit(self, pair: ScenePair) -> FittedPair | str:
        """Fit a pair with last year's image, or say why it can not be used."""
        if pair.name not in self._fitted:
            settings = replace(self.settings, evidence=self.settings.evidence.between_years())
            try:
                self._fitted[pair.name] = fit(self.reader, pair, self.grid, settings, self.workers)
            except InputError as error:
                self._fitted[pair.name] = str(error)
        return self._fitted[pair.name]

    def _blocks(
        self, fitted: FittedPair, past: FittedPair
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Measure both on the sample blocks of the pair; those that can not be read are left out."""
        part = skywork.common_part(fitted.pair, self.grid)
        for window in pixels.sample_windows(self.grid, self.settings.pixels, part):
            try:
                yield self._evidence(fitted, window), self._evidence(past, window)
            except SceneError:
                continue

    def _evidence(self, fitted: FittedPair, window: Window) -> np.ndarray:
        pair = fitted.pair
        before, cloud_before = self.reader.read_with_cloud(pair.before, self.grid, window)
        after, cloud_after = self.reader.read_with_cloud(pair.after, self.grid, window)
        sample = pixels.PairSample(window, before, after, cloud_before, cloud_after)
        if fitted.sky is not None:
            sample = fitted.sky.over(sample)
        stack = prepared(sample, pair, fitted.pixels, self.settings)
        return pair_evidence.measure(stack, fitted.evidence, self.settings.evidence)


def gap_days(pair: ScenePair) -> float:
    """How far a pair's image before is from the season of the one after, in another year. [day]"""
    age = (pair.after.time - pair.before.time).total_seconds() / DAY_S
    return lastyear.season_gap_days(age)
