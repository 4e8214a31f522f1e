"""A tile of a month: what its pairs, the series and radar say, added up, to runs and sums."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from changedetect import schema
from changedetect.config.series import FusionSection
from changedetect.grid import Tile
from changedetect.io.tile_files import read_tile, write_tile
from changedetect.kernels.runs import find_runs
from changedetect.pipeline.sources.bordered import backed
from changedetect.pipeline.sources.pairwork import PairTile, TileWork, only_on
from changedetect.pipeline.sources.sourcework import CoarseLayer
from changedetect.stages import patches
from changedetect.stages.evidence import fusion
from changedetect.stages.patches import Witnesses

PARTLY = "partly"
"""Name under which a tile's file keeps the runs that no optical pair observed."""


@dataclass(frozen=True, slots=True)
class FusedWork:
    """The work of one tile; it can be sent to another process.

    Attributes
    ----------
    pairs
        Comparison of the optical pairs of the month; there may be none.
    layers
        The coarser sources.
    rules
        Section `fusion`.
    until
        Last day of the month.
    """

    pairs: TileWork
    layers: tuple[CoarseLayer, ...]
    rules: FusionSection
    until: date

    @property
    def witnesses(self) -> Witnesses:
        """Who can stand behind a patch: the pairs, then the coarser sources."""
        optical = [one.pair for one in self.pairs.pairs]
        sizes = [self.pairs.grid.resolution] * len(optical)
        coarse = [layer.coarse.grid.resolution for layer in self.layers]
        known = (*optical, *(layer.pair for layer in self.layers))
        return Witnesses(known, (*sizes, *coarse), self.until)

    def __call__(self, tile: Tile) -> tuple[str, ...]:
        """Do a tile, leave its file, and return what could not be read, one line a pair."""
        path = self.pairs.folder / f"{tile.name}.npz"
        stored = read_tile(path)
        if stored is None or len(stored["problems"]):  # what failed may succeed at another try
            arrays, problems = self.measure(tile)
            write_tile(path, {**arrays, "problems": np.array(problems, dtype=np.str_)})
            return problems
        return ()

    def measure(self, tile: Tile) -> tuple[Mapping[str, np.ndarray], tuple[str, ...]]:
        """Measure one tile.

        Returns
        -------
        tuple
            Evidence of the core (schema.EVIDENCE), who spoke for it and against it (uint8 bits of
            `fusion.SOURCES`), its runs, the runs that no pair observed, by name; and one line for
            each pair that could not be read here.

        Raises
        ------
        SceneError
            No pair could be read, and there is no other source.
        """
        tile = self.pairs.narrowed(tile)
        seen = self.pairs.compare(tile)
        if seen.unread and seen.composite is None and not self.layers:
            raise seen.unread[0][1]
        fused, index = self._fuse(seen, tile) if self.layers else self._alone(seen)
        fused.llr[~seen.wanted] = schema.EVIDENCE_NODATA
        runs = patches.tile_runs(
            fused.llr,
            tile,
            self._threshold(seen, fused),
            self._bordered(seen, fused),
            self.pairs.settings.patches,
            pair_index=index,
        )
        core = tile.core_in_outer.slices
        partly = (seen.evidence == schema.EVIDENCE_NODATA) & (fused.llr != schema.EVIDENCE_NODATA)
        partly_runs = find_runs(partly[core].astype(np.uint8), tile.core.row, tile.core.col)
        arrays = {
            "evidence": fused.llr[core],
            PARTLY: partly_runs,
            **only_on(seen.wanted[core], runs, tile).to_arrays(),
        }
        return arrays, seen.problems(tile)

    def _bordered(self, seen: PairTile, fused: fusion.Told) -> patches.Bordered:
        """Ask of patches what the pairs ask, and what the coarse sources say of them."""
        alone = seen.bordered(_sampler(seen, fused), self.pairs.settings.patches)
        if not self.layers:
            return alone

        def say(rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
            return fusion.backing(fused.said[:, rows, cols], self.rules)

        return backed(alone, seen.index, say)

    def _alone(self, seen: PairTile) -> tuple[fusion.Told, np.ndarray]:
        """Do `_fuse` where pairs are the only source: the same arrays, without adding up."""
        count = len(self.pairs.pairs)
        undated = np.zeros(count, np.int64)
        codes = self.witnesses.encode(np.arange(count), undated, undated)
        no_day = np.array(0)
        optical = fusion.EvidenceLayer("optical", seen.evidence, no_day, no_day)
        told = fusion.alone(optical, self.rules)
        return told, np.append(codes, -1)[seen.index]

    def _fuse(self, seen: PairTile, tile: Tile) -> tuple[fusion.FusedEvidence, np.ndarray]:
        """Add up the sources; and give each pixel the number of its witness and bracket."""
        optical = self._optical(seen)
        coarse = [layer.over(tile.outer) for layer in self.layers]
        fused = fusion.fuse([optical, *coarse], self.rules)
        place = seen.index.astype(np.int64)
        loudest = np.full(place.shape, -1, np.int64)
        best = np.full(place.shape, schema.EVIDENCE_NODATA, np.int64)
        for number, layer in enumerate(coarse, start=len(self.pairs.pairs)):
            louder = layer.llr > best
            loudest[louder], best[louder] = number, layer.llr[louder]
        place = np.where(place >= 0, place, loudest)
        return fused, self.witnesses.encode(place, fused.before_day, fused.after_day)

    def _optical(self, seen: PairTile) -> fusion.EvidenceLayer:
        days = np.array(
            [(one.pair.before.day.toordinal(), one.pair.after.day.toordinal()) for one in self.pairs.pairs]
            + [(0, 0)],
            np.int32,
        )  # fmt: skip
        return fusion.EvidenceLayer(
            "optical", seen.evidence, days[seen.index, 0], days[seen.index, 1]
        )

    def _threshold(self, seen: PairTile, fused: fusion.Told) -> np.ndarray:
        """Return the least evidence of an alarm: of the pair, or of those who observed without it.

        Where several did, what they say is added up, and none asks for as much as it does alone.
        """
        who = [fused.said[fusion.SOURCES.index(layer.name)] for layer in self.layers]
        told = [said != schema.EVIDENCE_NODATA for said in who]
        number = np.sum(told, axis=0)
        alone = np.ones(seen.evidence.shape, np.int32)
        for layer, mine in zip(self.layers, told, strict=True):
            asked = np.where(number > 1, layer.together, layer.threshold)
            alone = np.where(mine, np.maximum(alone, asked), alone)
        observed = seen.evidence != schema.EVIDENCE_NODATA
        least = seen.least(self.pairs.settings.patches)
        return np.where(observed, least, alone).astype(np.int32)


def _sampler(seen: PairTile, fused: fusion.Told) -> patches.Sampler:
    """Sample the channels of the pair, then what each source said."""
    channels = seen.sampler

    def sample(rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        said = fused.said[:, rows, cols].astype(np.int32)
        said[said == schema.EVIDENCE_NODATA] = patches.MISSING
        return np.concatenate([channels(rows, cols), said])

    return sample
