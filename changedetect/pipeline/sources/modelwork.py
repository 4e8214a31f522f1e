"""A change model of the user's own over a month's pair, block by block of the product grid."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from changedetect.config.learned import ModelSection
from changedetect.errors import SceneError
from changedetect.grid import CoarseGrid, Tile, Window
from changedetect.io.onnx_model import OnnxModel, open_model
from changedetect.io.tile_files import read_tile, write_tile
from changedetect.pipeline.runs.context import MonthContext
from changedetect.pipeline.runs.territory import Territory
from changedetect.pipeline.sources.fittedpair import FittedPair
from changedetect.pipeline.sources.pairwork import TileWork, shared_reader
from changedetect.pipeline.sources.serieswork import SourceResult
from changedetect.pipeline.sources.sourcework import CoarseLayer, blocks, run_blocks
from changedetect.stages import pixels
from changedetect.stages.evidence import learned

SAMPLE_BLOCKS = 12
"""Blocks on which the calibration is fitted."""


@cache
def shared_model(path: Path, sha256: str) -> OnnxModel:
    """One session a process."""
    return open_model(path, sha256)


@dataclass(frozen=True, slots=True)
class ModelWork:
    """The work of one block; it can be sent to another process.

    Attributes
    ----------
    pairs
        The comparison whose first pair the model sees.
    path
        Of the model.
    calibration
        From logits to evidence; None while it is fitted.
    folder
        Where blocks leave their evidence; one that is there and whole is not done again.
    """

    pairs: TileWork
    path: Path
    cfg: ModelSection
    calibration: learned.Calibration | None
    folder: Path

    @property
    def halo_px(self) -> int:
        """What a block reads beyond its core: what the model sees, and the pair's own halo."""
        settings = self.pairs.settings
        return self.cfg.overlap_px + pixels.halo_px(settings.pixels, settings.evidence)

    def __call__(self, tile: Tile) -> tuple[str, ...]:
        """Do a block and leave its file."""
        path = self.folder / f"{tile.name}.npz"
        if read_tile(path) is None:
            assert self.calibration is not None
            llr = learned.evidence(self.logit(tile), self.calibration)
            pair = self.pairs.pairs[0].pair
            days = [
                np.full(llr.shape, scene.day.toordinal(), np.int32)
                for scene in (pair.before, pair.after)
            ]
            write_tile(path, {"llr": llr, "before": days[0], "after": days[1]})
        return ()

    def logit(self, tile: Tile) -> np.ndarray:
        """Return the model's logits of a block's core; NaN where the pair did not observe."""
        stack = self.pairs.stack(shared_reader(self.pairs.images), 0, tile)
        seen = tile.core.grown(self.cfg.overlap_px, tile.outer)
        part = stack.values[(..., *seen.relative_to(tile.outer).slices)]
        roles = [str(role) for role in stack["band"].values]
        images = [learned.model_input(values, roles, self.cfg) for values in part]
        model = shared_model(self.path, self.cfg.sha256)
        logits = learned.to_logit(model.run(images[0], images[1], self.cfg.channel), self.cfg)
        observed = np.isfinite(part).all(axis=(0, 1))
        core = tile.core.relative_to(seen).slices
        return np.where(observed, logits, np.nan)[core]


def model_layer(
    context: MonthContext,
    territory: Territory,
    fitted: tuple[FittedPair, ...],
    folder: Path,
) -> SourceResult:
    """Run the job's model over the first pair of the month.

    Parameters
    ----------
    context, territory
        The month and its ground.
    fitted
        Pairs that can be used.
    folder
        Where blocks leave their evidence.

    Raises
    ------
    IntegrityError, ModelError, ResourceError
        The model can not be opened.
    """
    cfg = context.job.config.model
    if cfg is None:
        return SourceResult(None)
    path = (context.job.root / cfg.file).resolve()
    shared_model(path, cfg.sha256)
    if not fitted:
        return SourceResult(None, notes=("model: no pair to run it on: not observed",))
    grid = territory.grid
    pairs = TileWork(context.job.scenes_folder, grid, fitted, context.settings, folder)
    fitting = ModelWork(pairs, path, cfg, None, folder)
    samples, unread = _samples(fitting, grid.window)
    calibration = learned.fit_calibration(samples, cfg)
    folder.mkdir(parents=True, exist_ok=True)
    coarse = CoarseGrid(grid, 1, 0, 0)
    work = ModelWork(pairs, path, cfg, calibration, folder)
    due = blocks(territory, coarse, work.halo_px)
    done, lines = run_blocks(context, "model", due, work)
    layer = CoarseLayer("model", coarse, folder, done, fitted[0].pair, 1, 1)
    return SourceResult(layer, (*unread, *lines))


def _samples(work: ModelWork, whole: Window) -> tuple[list[np.ndarray], tuple[str, ...]]:
    few = work.pairs.settings.pixels.model_copy(update={"sample_blocks": SAMPLE_BLOCKS})
    samples, unread = [], []
    for window in pixels.sample_windows(work.pairs.grid, few):
        tile = Tile("sample", window, window.grown(work.halo_px, whole))
        try:
            samples.append(work.logit(tile))
        except SceneError as error:
            unread.append(f"model: sample block left out: {error}")
    return samples, tuple(dict.fromkeys(unread))
