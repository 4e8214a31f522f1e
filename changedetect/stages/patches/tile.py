"""One tile: its core's evidence becomes runs, groups and integer sums."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import numpy as np

from changedetect import schema
from changedetect.config.detection import PatchesSection
from changedetect.errors import LayerError
from changedetect.grid import Tile
from changedetect.kernels.levels import level_of, level_runs, reached
from changedetect.kernels.runs import close_gaps, find_runs, label_runs
from changedetect.stages.patches.inside import at_border, choose_inside
from changedetect.stages.patches.sums import (
    PartSampler,
    Runs,
    evidence_sums,
    moments_of,
    votes_of,
)

Sampler = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""``(rows, cols)`` of the outer window, each ``(pixels,)`` int64 -> ``(channel, pixels)`` int32."""


@dataclass(frozen=True, slots=True)
class Bordered:
    """Channels of a tile, and what tells patches that are sure from those that are not.

    The moments of its groups begin with the evidence that is asked for, then one channel a level:
    1 on border pixels of that level that are new, 0 on others.

    Attributes
    ----------
    sampler
        Channels of the pixels asked for.
    tell
        ``(y, x)`` uint8 levels over the outer window, rows and columns of the pixels asked about,
        and number of levels -> ``(level, pixels)`` int8: 1 on border pixels of that level that
        show only after, 0 on others, `UNKNOWN_BORDER` elsewhere.
    ask
        Rows and columns -> ``(pixels,)`` int32: quantised evidence that a patch needs, its border
        counted in; `MISSING` where it needs none but the alarm.
    steps_llr
        Steps of the levels above the least evidence, rising; the same for all tiles of a grid.
        None = `PatchesSection.border_steps_llr`. [log-likelihood ratio]
    """

    sampler: Sampler
    tell: Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]
    ask: Callable[[np.ndarray, np.ndarray], np.ndarray]
    steps_llr: tuple[float, ...] | None = None

    def judges(self, levels: np.ndarray, cfg: PatchesSection) -> PartSampler:
        """Return a sampler of what is asked and told, given the level of every pixel (0 = unchanged)."""

        def sample(rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, ...]:
            return self.ask(rows, cols)[None], self.tell(levels, rows, cols, cfg.most_levels)

        return sample


@dataclass(frozen=True, slots=True)
class TileRuns:
    """What a tile hands back; small, and all integers, so that tiles add up exactly.

    Ground that no other tile can enlarge is closed: its patches are chosen here, each is a group, and
    the rest of it is noise and only counted. Of other ground groups are the 8-connected groups of
    changed pixels of one level inside the core. A level is 1 plus the number of steps above the alarm
    that the evidence reaches (`PatchesSection`).

    Attributes
    ----------
    runs
        ``(n, 3)`` int32: row, first column, column after the last; grid coordinates, sorted; all
        pixels of a run have one level, or belong to one patch.
    run_level
        ``(n,)`` int64, level of each run, or at which its patch was outlined; from 1.
    run_group
        ``(n,)`` int64, group of each run.
    closed
        ``(group,)`` bool; the group is a patch.
    pixels, llr_sum, llr_max
        ``(group,)`` int64: pixels, sum and largest of quantised evidence.
    moments
        ``(group, channel, 3)`` int64: count of known pixels, sum, sum of squares.
    votes
        ``(v, 3)`` int64: group, scene pair, pixels of the group under that pair.
    unobserved
        ``(m, 3)`` int32, runs of pixels that were not observed.
    counts
        ``(4,)`` int64: observed pixels, unobserved pixels, noise groups, noise pixels.
    """

    runs: np.ndarray
    run_level: np.ndarray
    run_group: np.ndarray
    closed: np.ndarray
    pixels: np.ndarray
    llr_sum: np.ndarray
    llr_max: np.ndarray
    moments: np.ndarray
    votes: np.ndarray
    unobserved: np.ndarray
    counts: np.ndarray

    @property
    def observed_px(self) -> int:
        """Pixels of the core that were observed. [px]"""
        return int(self.counts[0])

    @property
    def unobserved_px(self) -> int:
        """Pixels of the core that were not observed. [px]"""
        return int(self.counts[1])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by name, for storing."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of the arrays."""
        return tuple(field.name for field in fields(cls))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "TileRuns":
        """Build from stored arrays.

        Raises
        ------
        LayerError
            An array is missing.
        """
        names = cls.names()
        missing = [name for name in names if name not in arrays]
        if missing:
            msg = f"stored tile result: arrays {missing} are missing; redo the tile"
            raise LayerError(msg)
        return cls(**{name: np.asarray(arrays[name]) for name in names})


def halo_px(cfg: PatchesSection) -> int:
    """Return what a tile must read beyond its core so that closing gaps is exact. [px]"""
    return cfg.gap_px


def failed_tile(tile: Tile, channels: int) -> TileRuns:
    """Return the result of a tile that could not be done: all of its core is unobserved.

    Parameters
    ----------
    tile
        The tile.
    channels
        How many channels the other tiles have.
    """
    evidence = np.full(
        (tile.outer.height, tile.outer.width), schema.EVIDENCE_NODATA, schema.EVIDENCE.dtype
    )
    return tile_runs(
        evidence,
        tile,
        1,
        lambda rows, _: np.zeros((channels, len(rows)), np.int32),
        PatchesSection(),
    )


def tile_runs(
    evidence: np.ndarray,
    tile: Tile,
    threshold: np.ndarray | int,
    channels: np.ndarray | Sampler | Bordered,
    cfg: PatchesSection,
    *,
    pair_index: np.ndarray | int = 0,
) -> TileRuns:
    """Turn a tile's evidence into runs and sums.

    Changed is what reaches the threshold, with gaps up to ``cfg.gap_px`` closed; a pixel that was
    not observed is never filled in.

    Parameters
    ----------
    evidence
        ``(y, x)`` int16 over the tile's outer window (schema.EVIDENCE).
    tile
        Where it lies; its halo is at least `halo_px`.
    threshold
        Least quantised evidence of a changed pixel: one number, or ``(y, x)`` over the outer
        window where pixels rest on different models. [log-likelihood ratio x 100]
    channels
        ``(channel, y, x)`` int32 over the outer window, or a function that gives the channels of
        the pixels asked for (then nothing is computed where nothing changed), or that and what
        tells new borders. Missing = int32's minimum.
    cfg
        Gap and minimum.
    pair_index
        Which scene pair each pixel's evidence rests on: ``(y, x)`` over the outer window,
        negative = none; or one number for all.

    Raises
    ------
    LayerError
        The evidence does not have its form or the size of the tile's outer window.
    """
    schema.check_array(evidence, schema.EVIDENCE)
    if evidence.shape != (tile.outer.height, tile.outer.width):
        msg = (
            f"tile {tile.name}: evidence of {evidence.shape} px found, its outer window of "
            f"{(tile.outer.height, tile.outer.width)} px expected"
        )
        raise LayerError(msg)
    core = tile.core_in_outer.slices
    least = np.broadcast_to(np.asarray(threshold, np.int32), evidence.shape)
    levels = _levels(evidence, least, _steps(channels, cfg), cfg.gap_px)
    inner = np.ascontiguousarray(levels[core])
    whole, noise = _without_noise(find_runs(inner, tile.core.row, tile.core.col), tile, cfg)
    found = _level_runs(inner, whole, tile)
    judged = None
    if isinstance(channels, Bordered):
        judged = moments_of(found, tile, channels.judges(levels, cfg))
    inside = choose_inside(found, evidence_sums(found, tile, evidence)[1], judged, tile, cfg)
    told = [] if inside.judged is None else [inside.judged]
    told.append(moments_of(inside.runs, tile, _sampler(channels)))
    hidden = (evidence[core] == schema.EVIDENCE_NODATA).view(np.uint8)
    unobserved = find_runs(hidden, tile.core.row, tile.core.col)
    unobserved_px = int(np.count_nonzero(hidden))
    counts = np.array([hidden.size - unobserved_px, unobserved_px, *noise + inside.specks])
    return TileRuns(
        *inside.runs,
        inside.closed,
        *evidence_sums(inside.runs, tile, evidence),
        np.concatenate(told, axis=1),
        votes_of(inside.runs, tile, pair_index),
        unobserved,
        counts,
    )


def _sampler(channels: np.ndarray | Sampler | Bordered) -> PartSampler:
    sampler = channels.sampler if isinstance(channels, Bordered) else channels
    if callable(sampler):
        return lambda rows, cols: (sampler(rows, cols),)
    return lambda rows, cols: (sampler[:, rows, cols].astype(np.int32, copy=False),)


def _without_noise(
    runs: np.ndarray, tile: Tile, cfg: PatchesSection
) -> tuple[np.ndarray, np.ndarray]:
    """Drop small groups that no other tile can enlarge; count what was dropped."""
    group = label_runs(runs, 1)
    groups = int(group.max()) + 1 if len(group) else 0
    pixels = np.bincount(group, runs[:, 2] - runs[:, 1], groups).astype(np.int64)
    open_group = np.zeros(groups, bool)
    open_group[group[at_border(runs, tile)]] = True
    keep = open_group | (pixels >= cfg.min_pixels)
    return runs[keep[group]], np.array([int((~keep).sum()), int(pixels[~keep].sum())], np.int64)


def _steps(channels: np.ndarray | Sampler | Bordered, cfg: PatchesSection) -> tuple[float, ...]:
    if not isinstance(channels, Bordered):
        return cfg.split_steps_llr
    return cfg.border_steps_llr if channels.steps_llr is None else channels.steps_llr


def _levels(
    evidence: np.ndarray, least: np.ndarray, steps_llr: tuple[float, ...], gap_px: int
) -> np.ndarray:
    """Return the level of every changed pixel, 0 elsewhere; closed gaps have level 1 at least."""
    evidence, least = np.ascontiguousarray(evidence), np.ascontiguousarray(least)
    mask = np.empty(evidence.shape, np.uint8)
    reached(evidence, least, schema.EVIDENCE_NODATA, mask)
    closed = close_gaps(mask, gap_px)
    heights = np.array([round(step * schema.EVIDENCE_SCALE) for step in steps_llr], np.int32)
    level_of(evidence, least, closed, heights, schema.EVIDENCE_NODATA, mask)
    return mask


def _level_runs(levels: np.ndarray, whole: np.ndarray, tile: Tile) -> Runs:
    """List the runs of each level that lie in kept runs; their levels, and groups of one level."""
    runs, level = level_runs(levels, tile.core.row, tile.core.col)
    kept = _inside(runs, whole)
    runs, level = runs[kept], level[kept]
    group, groups = np.zeros(len(runs), np.int64), 0
    for value in range(1, int(level.max(initial=0)) + 1):
        mine = level == value
        label = label_runs(runs[mine], 1)
        group[mine] = label + groups
        groups += int(label.max()) + 1 if len(label) else 0
    return Runs(runs, level, group)


def _inside(runs: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Tell which runs lie inside one of the kept runs."""
    if not len(whole):
        return np.zeros(len(runs), bool)
    width = np.int64(max(whole[:, 2].max(), runs[:, 2].max(initial=0))) + 1
    starts = whole[:, 0].astype(np.int64) * width + whole[:, 1]
    places = np.searchsorted(starts, runs[:, 0].astype(np.int64) * width + runs[:, 1], "right") - 1
    host = whole[np.maximum(places, 0)]
    return np.asarray((places >= 0) & (host[:, 0] == runs[:, 0]) & (runs[:, 2] <= host[:, 2]))
