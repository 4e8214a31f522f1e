"""Sample blocks of a pair, read from its files."""

from collections.abc import Sequence

from changedetect.errors import SceneError
from changedetect.grid import Grid, Window
from changedetect.io.memory import give_back
from changedetect.io.opening import kept_open
from changedetect.io.rasters import RasterReader
from changedetect.pipeline.runs.settings import Settings
from changedetect.pipeline.sources import skywork
from changedetect.records import ScenePair
from changedetect.stages import pixels
from changedetect.tiling import in_order

TOGETHER = 6
"""Blocks read by one worker with the files kept open. Our choice."""


def read_samples(
    reader: RasterReader, pair: ScenePair, grid: Grid, settings: Settings, workers: int = 1
) -> tuple[list[pixels.PairSample], tuple[str, ...]]:
    """Read the sample blocks of a pair; a damaged one is left out and noted, if others are whole.

    The tiles under it fail by name later, so that nothing is hidden by going on. The reading is shared by
    so many threads.
    """
    windows = pixels.sample_windows(grid, settings.pixels, skywork.common_part(pair, grid))

    def read(some: Sequence[Window]) -> list[pixels.PairSample | SceneError]:
        with kept_open():
            return [_sample(reader, pair, grid, window) for window in some]

    some = [windows[first : first + TOGETHER] for first in range(0, len(windows), TOGETHER)]
    found = [one for part in in_order(some, read, workers) for one in part]
    give_back()  # threads keep what they have freed: 0.4 GB
    samples = [one for one in found if isinstance(one, pixels.PairSample)]
    damaged = [one for one in found if isinstance(one, SceneError)]
    if damaged and not samples:
        raise damaged[0]
    # No path in it: notes are part of a result, which is the same wherever the job lies.
    left_out = f"{len(damaged)} of {len(damaged) + len(samples)} sample blocks can not be read"
    return samples, (left_out,) if damaged else ()


def _sample(
    reader: RasterReader, pair: ScenePair, grid: Grid, window: Window
) -> pixels.PairSample | SceneError:
    """Read a sample block; return what was wrong if it can not be read."""
    try:
        before = reader.read_with_cloud(pair.before, grid, window)
        after = reader.read_with_cloud(pair.after, grid, window)
    except SceneError as error:
        return error
    return pixels.PairSample(window, before[0], after[0], before[1], after[1])
