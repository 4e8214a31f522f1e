"""Follow the pixels of a tile through the images of a series, going on from what is stored.

The monthly job and ``detect series`` share this: a scene is absorbed once; the states after the
last months are kept; a late scene is replayed from the newest state before it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path

import numpy as np

from changedetect.config.detection import PixelsSection
from changedetect.config.series import SeriesSection
from changedetect.grid import Grid, Tile
from changedetect.io import series_store
from changedetect.io.rasters import RasterReader
from changedetect.io.series_store import Resumption, SceneKey, StateOwner
from changedetect.pipeline.runs.runstore import digest_of
from changedetect.records import Scene
from changedetect.stages import pixels
from changedetect.stages.evidence import series
from changedetect.stages.evidence.series_state import SeriesState

DayRead = tuple[np.ndarray | None, Sequence[SceneKey], Sequence[str]]
"""Of a day: ``(band, y, x)`` values (None = nothing could be read), what was read, what was not."""


@dataclass(frozen=True, slots=True)
class Following:
    """A state on its way, with the month that it stands after and what was left out."""

    state: SeriesState
    absorbed: tuple[SceneKey, ...] = ()
    month: str = ""
    problems: tuple[str, ...] = ()


def put_together(images: Sequence[np.ndarray]) -> np.ndarray:
    """Put ``(band, y, x)`` images of one day together: the first that observed a value counts."""
    whole = images[0]
    for image in images[1:]:
        whole = np.where(np.isfinite(whole), whole, image)
    return whole


def follow_months(
    found: Resumption,
    empty: Following,
    read: Callable[[Sequence[SceneKey]], DayRead],
    settings: SeriesSection,
) -> Iterator[Following]:
    """Go on from what a store holds: absorb the days of a month, and stop after each month.

    Parameters
    ----------
    found
        What is stored, and the scenes that are due, in order of time.
    empty
        Where to begin if nothing is stored.
    read
        Reads the images of one day.

    Yields
    ------
    Following
        After what was stored (month ""), then after each month with scenes that are due.
    """
    going = empty
    if found.stored is not None:
        state = SeriesState.from_arrays(found.stored.arrays)
        going = replace(empty, state=state, absorbed=found.stored.scenes)
    yield going
    for month, due in groupby(found.pending, key=lambda key: series_store.month_of(key.day)):
        days: list[tuple[date, np.ndarray]] = []
        for day, keys in groupby(due, key=lambda key: key.day):
            values, seen, unread = read(tuple(keys))
            going = replace(going, problems=(*going.problems, *unread))
            if values is not None:
                days.append((day, values))
                going = replace(going, absorbed=(*going.absorbed, *seen))
        if days:
            dates, images = zip(*days, strict=True)
            state = series.carry_on(going.state, dates, np.stack(images), settings)
            going = replace(going, state=state)
        going = replace(going, month=month)
        yield going


@dataclass(frozen=True, slots=True)
class SeriesFollower:
    """What it takes to bring the state of a tile up to a day.

    Attributes
    ----------
    grid
        All images are read onto it.
    scenes
        Images that shall be in the state, by date; of one sensor. Images of one day are put
        together, the first that observed a pixel counts.
    store
        Folder of states; None = nothing is kept.
    cloud_buffer_px
        How far clouds and shadows are grown. [px]
    """

    grid: Grid
    scenes: tuple[Scene, ...]
    settings: SeriesSection
    store: Path | None = None
    cloud_buffer_px: int = PixelsSection().cloud_buffer_px

    def owner(self, tile: Tile) -> StateOwner:
        """Return what the state of a tile belongs to."""
        first = self.scenes[0]
        digest = digest_of(repr(self.settings), self.cloud_buffer_px, self.grid.resolution)
        return StateOwner(tile.name, self.grid, tile.outer, first.sensor, first.roles, digest)

    def follow(self, reader: RasterReader, tile: Tile, until: date) -> SeriesState:
        """Return the state of a tile after the last scene up to a day; store the last months.

        Raises
        ------
        IntegrityError
            What is stored is damaged, or belongs to something else.
        SceneError, GridError
            A new image can not be read.
        """
        wanted = {SceneKey.of(scene): scene for scene in self.scenes}
        owner, store = self.owner(tile), self.store
        found = series_store.Resumption(None, tuple(k for k in sorted(wanted) if k.day <= until))
        if store is not None:
            found = series_store.resume(store, owner, tuple(wanted), until)
        months = sorted({series_store.month_of(key.day) for key in found.pending})

        def read(keys: Sequence[SceneKey]) -> DayRead:
            return self.values(reader, tile, [wanted[key] for key in keys]), tuple(keys), ()

        shape = owner.window.height, owner.window.width
        last = empty = Following(series.start(shape, owner.roles, self.settings))
        for going in follow_months(found, empty, read, self.settings):
            last = going
            if store is not None and going.month in months[-series_store.KEPT_MONTHS :]:
                arrays = going.state.to_arrays()
                series_store.write_state(store, owner, going.month, going.absorbed, arrays)
        return last.state

    def values(self, reader: RasterReader, tile: Tile, scenes: Sequence[Scene]) -> np.ndarray:
        """Read the images of one day and put them together, without clouds.

        Returns
        -------
        ndarray
            ``(band, y, x)`` float32; NaN = not observed. [reflectance 0-1]
        """
        images = [reader.read_with_cloud(scene, self.grid, tile.outer) for scene in scenes]
        return put_together([pixels.masked(*pair, self.cloud_buffer_px) for pair in images])


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a store holds beside the scenes at hand.

    Attributes
    ----------
    known
        Scenes that the newest stored state has absorbed.
    gone
        Stand-ins for those that are not at hand any more.
    fresh
        Scenes at hand that are absorbed now.
    too_late
        Scenes at hand that can not be absorbed any more.
    """

    known: tuple[SceneKey, ...]
    gone: tuple[Scene, ...]
    fresh: tuple[SceneKey, ...]
    too_late: tuple[SceneKey, ...]


def outlook(follower: SeriesFollower, tile: Tile, until: date) -> Outlook:
    """Tell from the state of one tile what will be read and what can not be.

    Raises
    ------
    IntegrityError
        What is stored is damaged, or belongs to something else.
    """
    mine = {SceneKey.of(scene) for scene in follower.scenes}
    if follower.store is None:
        return Outlook((), (), tuple(sorted(mine)), ())
    found = series_store.resume(follower.store, follower.owner(tile), tuple(mine), until)
    known = found.stored.scenes if found.stored is not None else ()
    first = follower.scenes[0]
    gone = tuple(
        replace(
            first,
            scene_id=key.scene_id,
            time=datetime(key.day.year, key.day.month, key.day.day, tzinfo=UTC),
            sha256=key.sha256,
        )
        for key in known
        if key not in mine
    )
    return Outlook(known, gone, found.pending, found.too_late)
