"""A pair of images with its models: fitted once, on blocks at fixed places."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import xarray as xr

from changedetect.grid import Grid
from changedetect.io.memory import give_back
from changedetect.io.rasters import RasterReader
from changedetect.pipeline.runs.settings import Settings
from changedetect.pipeline.sources import skywork
from changedetect.pipeline.sources.pairsamples import read_samples
from changedetect.records import ScenePair
from changedetect.stages import pixels
from changedetect.stages.evidence import lastyear
from changedetect.stages.evidence import pair as pair_evidence
from changedetect.stages.pixels import SkyMask
from changedetect.tiling import in_order


@dataclass(frozen=True, slots=True)
class FittedPair:
    """A pair with its models, and the clouds found where its images have no mask.

    ``contrast`` is what new borders are measured by, ``(date=2, band)``; None where the images tell
    nothing of borders (`pair_evidence.usual_contrast`). ``season`` is what was there in the same
    season of an earlier year, where an image shows it.
    """

    pair: ScenePair
    pixels: pixels.PixelModel
    evidence: pair_evidence.Model
    sky: SkyMask | None = None
    contrast: np.ndarray | None = None
    season: "Season | None" = None


@dataclass(frozen=True, slots=True)
class LaidPair:
    """A pair whose images can be laid over one another; nothing is known of its evidence."""

    pair: ScenePair
    pixels: pixels.PixelModel
    sky: SkyMask | None = None


@dataclass(frozen=True, slots=True)
class Season:
    """The image after against one of the same season of an earlier year, fitted."""

    fitted: FittedPair
    model: lastyear.SeasonModel


def fit(
    reader: RasterReader, pair: ScenePair, grid: Grid, settings: Settings, workers: int = 1
) -> FittedPair:
    """Fit the models of a pair on sample blocks of the grid.

    The work is shared by so many threads; the models are the same.

    Raises
    ------
    RegistrationError
        The images can not be laid over one another.
    SceneError
        An image can not be read, or nothing is observed in both.
    """
    samples, notes = read_samples(reader, pair, grid, settings, workers)
    pixel_m, roles, cfg = _pixel_m(pair, grid), pair.before.roles, settings.pixels
    fine = pixel_m <= cfg.sky_max_gsd_m
    doubted = fine and bool(pair.before.cloud_href), fine and bool(pair.after.cloud_href)
    model = pixels.fit_pixels(samples, roles, cfg, workers, doubted=doubted)
    give_back()  # the look holds blocks and cells beside the samples
    with reader.laying_aside():  # the tiles read all of it again
        sky = skywork.look(reader, pair, grid, model, cfg, workers)
    if sky is not None and sky.hides:
        samples = [sky.over(sample) for sample in samples]
        model = pixels.fit_pixels(samples, roles, cfg, workers, doubted=doubted)
        notes = (*notes, sky.note)
    give_back()
    model = replace(model, notes=(*model.notes, *notes))
    waiting: list[pixels.PairSample | None] = list(samples)
    samples.clear()
    stacks = in_order(
        range(len(waiting)), partial(_prepared, waiting, (pair, model), settings), workers
    )
    evidence = pair_evidence.fit(stacks, settings.evidence, pixel_m, workers)
    stacks.clear()
    give_back()  # tiles come next
    fine = pixel_m <= settings.patches.new_border_max_m
    contrast = pair_evidence.usual_contrast(evidence) if fine else None
    return FittedPair(pair, model, evidence, sky, contrast)


def _prepared(
    waiting: list[pixels.PairSample | None],
    fitted: tuple[ScenePair, pixels.PixelModel],
    settings: Settings,
    place: int,
) -> xr.DataArray:
    """Prepare one of the samples that wait, and let it go."""
    sample, waiting[place] = waiting[place], None
    assert sample is not None
    return prepared(sample, fitted[0], fitted[1], settings)


def prepared(
    sample: pixels.PairSample, pair: ScenePair, model: pixels.PixelModel, settings: Settings
) -> xr.DataArray:
    """Make the images of a sample block comparable; schema.STACK."""
    clouds = sample.cloud_before, sample.cloud_after
    times = pair.before.time, pair.after.time
    return pixels.prepare_pair(sample.before, sample.after, clouds, times, model, settings.pixels)


def _pixel_m(pair: ScenePair, grid: Grid) -> float:
    """Size on the ground of what the images can tell apart on the grid. [m]"""
    return max(pair.before.gsd_m, pair.after.gsd_m, skywork.grid_pixel_m(pair, grid))
